"""Timestamp authorities of the INTL suite, made in memory with `cryptography`, and a real HTTP server."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from signing_pki import DAY, NOON

from signing.certificates import Certificate, parse_certificate
from signing.path import Anchor, Purpose, RevocationEvidence, TrustAnchors
from signing.schemes import InternationalKey
from signing.trust import make_trust

KINDS = ("rsa", "ecdsa", "ed25519")
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Authority:
    """A timestamp authority, its root, and the root's empty revocation list."""

    key: InternationalKey
    certificate: Certificate
    root: Certificate
    crl: bytes

    @property
    def trust(self) -> TrustAnchors:
        anchor = Anchor(self.root, frozenset({Purpose.TIMESTAMP}))
        return make_trust("国际", "1", sandbox=True, anchors=(anchor,), crls=(self.crl,))

    @property
    def evidence(self) -> RevocationEvidence:
        return RevocationEvidence.of(self.crl)


def _key(kind: str) -> Any:
    match kind:
        case "rsa":
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case "ecdsa":
            return ec.generate_private_key(ec.SECP256R1())
        case _:
            return ed25519.Ed25519PrivateKey.generate()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.COMMON_NAME, text)])


@cache
def make_authority(kind: str) -> Authority:
    """Make a root (ECDSA) and an authority of this kind, both good today and at NOON."""
    root_key, key = _key("ecdsa"), _key(kind)
    life = (NOON - 900 * DAY, NOON + 900 * DAY)
    base = x509.CertificateBuilder().issuer_name(_name("INTL Root")).not_valid_before(life[0]).not_valid_after(life[1])
    usage = dict.fromkeys(_USAGES, False)
    root = (
        base.subject_name(_name("INTL Root"))
        .serial_number(1)
        .public_key(root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**{**usage, "key_cert_sign": True, "crl_sign": True}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        base.subject_name(_name("INTL TSA"))
        .serial_number(2)
        .public_key(key.public_key())
        .add_extension(x509.KeyUsage(**{**usage, "digital_signature": True}), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("tsa.example")]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(_name("INTL Root"))
        .last_update(NOON - DAY)
        .next_update(NOON + timedelta(days=900))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .add_extension(x509.CRLNumber(1), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    form = serialization.Encoding.DER
    made = [parse_certificate(one.public_bytes(form)) for one in (leaf, root)]
    return Authority(InternationalKey(key), made[0], made[1], crl.public_bytes(form))


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve an application on loopback."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
