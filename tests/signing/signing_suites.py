"""Authorities of either suite, made in memory: SM2, P-256, P-384, RSA and Ed25519 above and below each other."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from signing_pki import DAY, NOON

from signing import sm2
from signing.certificates import OCSP_SIGNING, Certificate, parse_certificate
from signing.issuing import AUTHORITY, SIGNING, CertificateRequest, Revocation, Subject, build_certificate, build_crl
from signing.issuing_extensions import CrlExtensions, Extras
from signing.ocsp import CertId, SingleStatus, build_ocsp_response
from signing.schemes import InternationalKey, SigningKey, Sm2Key

MAKERS: dict[str, Callable[[], SigningKey]] = {
    "sm2": lambda: Sm2Key(sm2.generate()),
    "p256": lambda: InternationalKey(ec.generate_private_key(ec.SECP256R1())),
    "p384": lambda: InternationalKey(ec.generate_private_key(ec.SECP384R1())),
    "rsa": lambda: InternationalKey(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    "ed25519": lambda: InternationalKey(ed25519.Ed25519PrivateKey.generate()),
}
_made: dict[str, SigningKey] = {}


def key_of(kind: str, who: str = "") -> SigningKey:
    """Answer a key of the kind, the same for the same name within a run (RSA keys take their time)."""
    name = f"{kind}:{who}"
    if name not in _made:
        _made[name] = MAKERS[kind]()
    return _made[name]


@dataclass(frozen=True)
class Party:
    """A certificate with its key, of either suite."""

    certificate: Certificate
    key: SigningKey

    def issue(self, name: str, kind: str = "sm2", *, serial: int = 100, **fields: Any) -> "Party":
        """Issue a certificate; a kind like `sm2:name` picks a key of its own."""
        kind, _, who = kind.partition(":")
        return _build(name, key_of(kind, who or name), self, serial, fields)

    def issue_authority(self, name: str, kind: str = "sm2", *, serial: int = 2, **fields: Any) -> "Party":
        """Issue a CA's certificate."""
        life = {"not_before": NOON - 800 * DAY, "not_after": NOON + 800 * DAY}
        return self.issue(name, kind, serial=serial, **(life | {"key_usage": AUTHORITY, "is_ca": True} | fields))

    def issue_responder(self, kind: str = "sm2", **fields: Any) -> "Party":
        """Issue an OCSP responder's certificate, with nocheck unless said otherwise."""
        usual = {"purposes": (OCSP_SIGNING,), "extras": Extras(ocsp_nocheck=True), "serial": 300}
        return self.issue("OCSP", kind, **(usual | fields))

    def crl(self, *revocations: Revocation, extras: CrlExtensions | None = None, **times: datetime | None) -> bytes:
        """Make a list."""
        usual = {"this_update": NOON - DAY, "next_update": NOON + DAY}
        every: Any = usual | times
        return build_crl(self.certificate, revocations, number=1, sign=self.key.sign, extras=extras, **every)

    def answer(
        self,
        issuer: Certificate,
        *statuses: SingleStatus | int,
        digest: str = "sha1",
        at: datetime = NOON - DAY / 24,
        **options: Any,
    ) -> bytes:
        """Answer as an OCSP responder: plain serials are good."""
        made = [
            one if isinstance(one, SingleStatus) else SingleStatus(CertId.of(one, issuer, digest), "good", at, at + DAY)
            for one in statuses
        ]
        usual: Any = {"produced_at": at, "certificates": [self.certificate]} | options
        return build_ocsp_response(made, self.certificate, self.key.sign, **usual)


def make_root(name: str = "根", kind: str = "sm2", **fields: Any) -> Party:
    """Make a self-signed root."""
    usual = {"not_before": NOON - 900 * DAY, "not_after": NOON + 900 * DAY, "key_usage": AUTHORITY, "is_ca": True}
    kind, _, who = kind.partition(":")
    return _build(name, key_of(kind, who or name), None, 1, usual | fields)


def _build(name: str, key: SigningKey, issuer: Party | None, serial: int, fields: dict[str, Any]) -> Party:
    usual = {"not_before": NOON - 30 * DAY, "not_after": NOON + 30 * DAY, "key_usage": SIGNING}
    every: Any = {"subject": Subject(name, organisation=name)} | usual | fields
    request = CertificateRequest(public_key=key.public_key, serial=serial, **every)
    signer = issuer.key if issuer else key
    data = build_certificate(request, issuer.certificate if issuer else None, signer.sign)
    return Party(parse_certificate(data), key)


def write_pem(path: Path, *blocks: bytes, label: str = "CERTIFICATE") -> Path:
    """Write DER blocks as PEM."""
    bodies = (base64.encodebytes(block).decode() for block in blocks)
    path.write_text("".join(f"-----BEGIN {label}-----\n{body}-----END {label}-----\n" for body in bodies))
    return path


def ders(parties: Sequence[Party]) -> tuple[Certificate, ...]:
    """Answer the certificates alone."""
    return tuple(one.certificate for one in parties)
