"""What the sandbox CA keeps in its folder (仿真 CA 的存储): keys, certificates, and the register of what it issued.

The three GM authorities have a key file each, as they always had. Everything that came later (the INTL authorities and
the OCSP responders) derives its key from one more secret, so that an older folder opens and is completed.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Struct, structs

from signing import canonical, sm2
from signing.certificates import Certificate, parse_certificate
from signing.digests import sm3
from signing.keystore import load_key, load_secret, save_key, save_secret
from signing.revocation import REASONS
from signing.sandbox.files import replace_file
from signing.schemes import InternationalKey, SigningKey, Sm2Key
from signing.sm2 import PrivateKey

Issuer = Literal["root", "licence", "service", "intl-root", "intl"]
GM_ISSUERS: Final[tuple[Issuer, ...]] = ("root", "licence", "service")
INTL_ISSUERS: Final[tuple[Issuer, ...]] = ("intl-root", "intl")
ISSUERS: Final[tuple[Issuer, ...]] = (*GM_ISSUERS, *INTL_ISSUERS)
PARENTS: Final[dict[Issuer, Issuer]] = {
    "root": "root",
    "licence": "root",
    "service": "root",
    "intl-root": "intl-root",
    "intl": "intl-root",
}
"""Who certifies an authority; a root certifies itself."""
_LATER: Final = "later.key"
_SECRET: Final = 32
_SM2_ORDER: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class IssuedEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """What the register keeps of one certificate."""

    issuer: Issuer
    subject: str
    not_after: datetime
    revoked: datetime | None = None
    reason: str = ""


class CertificateRegister(Struct, frozen=True, forbid_unknown_fields=True):
    """Every certificate issued, by serial (upper-case hex)."""

    v: Literal[1]
    issued: dict[str, IssuedEntry]


class AuthorityFiles:
    """The folder. Thread-safe; written whole or not at all."""

    def __init__(self, folder: Path, passphrase: str, *, random: Callable[[int], bytes]) -> None:
        """Open the folder, or start an empty one; KeystoreError for a wrong passphrase."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._passphrase, self._random = folder, passphrase, random
        self._lock = Lock()
        self._register = self._load_register()
        self._secret = b""

    def open_gm(self, name: str, certify: Callable[[PrivateKey], bytes]) -> tuple[Sm2Key, Certificate]:
        """Open an authority with a key file of its own, or make it: `certify` answers its certificate."""
        key_file, certificate_file = self._folder / f"{name}.key", self._folder / f"{name}.cer"
        if certificate_file.exists():
            key = load_key(key_file, self._passphrase)
            return Sm2Key(key), parse_certificate(certificate_file.read_bytes())
        key_file.unlink(missing_ok=True)  # a first start that was cut off before its certificate
        key = sm2.generate(self._random)
        save_key(key_file, key, self._passphrase, self._random)
        made = certify(key)
        replace_file(certificate_file, made)
        return Sm2Key(key), parse_certificate(made)

    def derive_sm2(self, name: str) -> Sm2Key:
        """Answer the SM2 key of this name, always the same."""
        return Sm2Key(PrivateKey.from_scalar(self._derive(name)))

    def derive_p256(self, name: str) -> InternationalKey:
        """Answer the P-256 key of this name, always the same."""
        return InternationalKey(ec.derive_private_key(int.from_bytes(self._derive(name)), ec.SECP256R1()))

    def open_certificate(self, name: str, key: SigningKey, certify: Callable[[], bytes]) -> Certificate:
        """Answer the kept certificate of a derived key, or have it made."""
        file = self._folder / f"{name}.cer"
        if file.exists():
            kept = parse_certificate(file.read_bytes())
            if kept.public_key == key.public_key:
                return kept
        made = certify()
        replace_file(file, made)
        return parse_certificate(made)

    def renew_certificate(self, name: str, made: bytes) -> Certificate:
        """Put another certificate in a kept one's place."""
        replace_file(self._folder / f"{name}.cer", made)
        return parse_certificate(made)

    def tie(self, name: str, point: bytes) -> bool:
        """Keep a public key under a name unless one is kept; whether it is this one."""
        known = self._folder / f"{name}.point"
        with self._lock:
            if not known.exists():
                replace_file(known, point)
            return known.read_bytes() == point

    # The register

    def enter(self, issuer: Issuer, made: bytes) -> None:
        """Register a certificate that was just issued."""
        certificate = parse_certificate(made)
        entry = IssuedEntry(issuer, certificate.subject_rfc4514, certificate.not_after)
        with self._lock:
            self._keep({**self._register.issued, certificate.serial: entry})

    def revoke(self, serial: str, reason: str, at: datetime) -> None:
        """Mark as revoked; KeyError for a serial that was never issued, ValueError for a reason that is none."""
        if reason not in REASONS or not reason:
            raise ValueError(f"no reason of RFC 5280: {reason!r}")
        with self._lock:
            entry = structs.replace(self._register.issued[serial], revoked=at, reason=reason)
            self._keep({**self._register.issued, serial: entry})

    def issued_by(self, issuer: Issuer) -> dict[str, IssuedEntry]:
        """Answer what this issuer has issued, by serial."""
        return {serial: entry for serial, entry in self._register.issued.items() if entry.issuer == issuer}

    def find(self, issuer: Issuer, serial: int) -> IssuedEntry | None:
        """Answer what the register says of a serial of this issuer."""
        entry = self._register.issued.get(f"{serial:X}")
        return entry if entry is not None and entry.issuer == issuer else None

    def _keep(self, issued: dict[str, IssuedEntry]) -> None:
        self._register = CertificateRegister(1, issued)
        replace_file(self._folder / "register.json", canonical.encode(self._register))

    def _load_register(self) -> CertificateRegister:
        file = self._folder / "register.json"
        return canonical.decode(file.read_bytes(), CertificateRegister) if file.exists() else CertificateRegister(1, {})

    def _derive(self, name: str) -> bytes:
        """Answer a scalar for either curve: SM3 over secret, name and a counter, the first that is in range."""
        if not self._secret:
            self._secret = self._open_secret()
        number = 0
        while True:
            scalar = sm3(self._secret, name.encode(), number.to_bytes(4))
            if 0 < int.from_bytes(scalar) < min(_P256_ORDER, _SM2_ORDER) - 1:
                return scalar
            number += 1

    def _open_secret(self) -> bytes:
        file = self._folder / _LATER
        if not file.exists():
            save_secret(file, self._random(_SECRET), self._passphrase, self._random)
        return load_secret(file, self._passphrase)
