"""Who of the bidder's side can open its half (解密人), and the proof that they can. docs/format/bundle.md 8.1."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from typing import Literal, Protocol

from msgspec import Struct

from bidding.bundle_header import Point, RecipientKind, StageHeader, Uscc, Wrap
from bidding.faults import RecipientError, RehearsalError
from bidding.recovery import recovery_key
from identity.people import belongs_to
from identity.ports import Device
from signing.canonical import Code
from signing.certificates import Certificate, parse_certificate
from signing.digests import sm3
from signing.envelope import unwrap_half, wrap_half
from signing.errors import InvalidKeyError, SigningError
from signing.key_use import require_encryption_certificate
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.sm2 import PublicKey
from signing.statement import parse_statement, verify_statement


class Rehearser(Protocol):
    """The wallet, as far as the rehearsal (解密演练) needs it."""

    def rehearse(self, device: str, wrap: bytes) -> str:
        """Answer SM3("rehearse" | plaintext) in hex: the device can open this wrap, and says no more."""


@dataclass(frozen=True)
class DeviceKey:
    """A wallet device key that the licence's signing key has certified."""

    id: str
    public_key: PublicKey


class DeviceCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """The wallet protocol's word of the licence that a device key (04||x||y) is the unit's (consent.md)."""

    v: Literal[1]
    uscc: Uscc
    device: Code
    public_key: Point
    created: datetime
    type: Literal["device"] = "device"


def accept_device(
    device: Device, *, uscc: str, anchors: TrustAnchors, evidence: RevocationEvidence, at: datetime
) -> DeviceKey:
    """Take a device key from the wallet if the unit's own licence certifies it as of `at`; RecipientError otherwise."""
    try:
        word, signed = parse_statement(device.certificate, DeviceCertificate)
        certificate = parse_certificate(signed.certificate)
        verify_statement(signed, anchors=anchors, evidence=evidence, at=at, purpose=Purpose.LICENCE).require()
        key = DeviceKey(device.id, PublicKey(device.public_key))
    except SigningError as error:
        raise RecipientError(f"设备密钥 {device.id} 没有有效的执照签名：{error}") from error
    named = (word.uscc, word.device, word.public_key) == (uscc, device.id, device.public_key)
    if not (named and belongs_to(certificate, uscc) and certificate.person_id in ("", uscc)):
        raise RecipientError(f"设备密钥 {device.id} 不是本单位的")
    return key


@dataclass(frozen=True)
class Recipients:
    """All recipients of one bundle: devices, the recovery code with its salt, and perhaps an escrowed certificate."""

    devices: tuple[DeviceKey, ...]
    escrowed: Certificate | None
    code: str = field(repr=False)
    salt: bytes

    def __post_init__(self) -> None:
        """Refuse too few, or a certificate that is not for encryption; RecipientError."""
        if not self.devices:
            raise RecipientError("至少需要一部已登记的手机钱包（设备密钥），与恢复码一起构成两份解密钥")
        if self.escrowed is not None:
            _require_escrowed(self.escrowed)

    def wrap(self, k_b: bytes, random: Callable[[int], bytes]) -> tuple[Wrap, ...]:
        """Wrap K_B for everybody, in the order of the header."""
        wraps = (
            Wrap(kind, name, key.point, salt, wrap_half(key, k_b, random)) for kind, name, key, salt in self._keys()
        )
        return tuple(sorted(wraps, key=lambda wrap: (wrap.kind, wrap.id)))

    def _keys(self) -> Iterator[tuple[RecipientKind, str, PublicKey, bytes]]:
        for device in self.devices:
            yield "device", device.id, device.public_key, b""
        yield "recovery", "recovery", recovery_key(self.code, self.salt).public, self.salt
        if self.escrowed is not None and isinstance(self.escrowed.public_key, PublicKey):
            yield "licence-encryption", self.escrowed.serial, self.escrowed.public_key, b""


def _require_escrowed(certificate: Certificate) -> None:
    try:
        require_encryption_certificate(certificate)
    except InvalidKeyError as error:
        raise RecipientError("所选证书不是 SM2 加密证书") from error
    if not isinstance(certificate.public_key, PublicKey):
        raise RecipientError("所选证书不是 SM2 加密证书")


def rehearse(stage: StageHeader, k_b: bytes, *, code: str, rehearser: Rehearser) -> None:
    """Let every recipient that can be asked open its wrap; RehearsalError names the first that cannot."""
    for wrap in stage.wraps:
        if wrap.kind == "recovery":
            proof = rehearsal_proof(unwrap_by_code(wrap, code))
        elif wrap.kind == "device":
            proof = rehearser.rehearse(wrap.id, wrap.wrap)
        else:
            continue
        if not compare_digest(proof.encode(), rehearsal_proof(k_b).encode()):
            raise RehearsalError(f"解密演练失败：{wrap.id} 打不开自己的那一份")


def rehearsal_proof(half: bytes) -> str:
    """SM3("rehearse" | half) in hex: what a device answers."""
    return sm3(b"rehearse", half).hex()


def unwrap_by_code(wrap: Wrap, code: str) -> bytes:
    """Open the recovery wrap of a stage with the code as typed: K_B (32 bytes).

    RecoveryCodeError for a misspelt code, RehearsalError for the code of another bundle.
    """
    try:
        return unwrap_half(recovery_key(code, wrap.salt), wrap.wrap)
    except SigningError:
        raise RehearsalError("这不是本投标文件包的恢复码") from None
