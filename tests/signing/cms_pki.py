"""Holders for messages: encryption certificates, and international keys under a root made by `cryptography`."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from signing_pki import CA, DAY, NOON, Holder

from signing.certificates import Certificate, parse_certificate
from signing.issuing import ENCRYPTION
from signing.schemes import InternationalKey

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Foreigner:
    """A certificate of suite INTL with its key."""

    certificate: Certificate
    key: Key

    def sign(self, message: bytes) -> bytes:
        return InternationalKey(self.key).sign(message)

    @property
    def pem_key(self) -> bytes:
        form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, form, none)


def make_foreigner(
    key: Key, issuer: "Foreigner | None" = None, *, name: str = "INTL", encrypts: bool = False, at: datetime = NOON
) -> Foreigner:
    """Certify a key; its own root when there is no issuer."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    root = issuer is None
    usage = x509.KeyUsage(
        digital_signature=not root and not encrypts,
        content_commitment=not root and not encrypts,
        key_encipherment=encrypts,
        data_encipherment=False,
        key_agreement=encrypts,
        key_cert_sign=root,
        crl_sign=root,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else x509.Name.from_rfc4514_string(issuer.certificate.subject_rfc4514))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - 30 * DAY)
        .not_valid_after(at + 30 * DAY)
        .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    signer = key if issuer is None else issuer.key
    made = builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return Foreigner(parse_certificate(made.public_bytes(serialization.Encoding.DER)), key)


INTL_ROOT = make_foreigner(ec.generate_private_key(ec.SECP256R1()), name="INTL root")
RSA = make_foreigner(rsa.generate_private_key(public_exponent=65537, key_size=2048), INTL_ROOT, name="RSA signer")
ECDSA = make_foreigner(ec.generate_private_key(ec.SECP256R1()), INTL_ROOT, name="ECDSA signer")
P384 = make_foreigner(ec.generate_private_key(ec.SECP384R1()), INTL_ROOT, name="P-384 signer")
ED25519 = make_foreigner(ed25519.Ed25519PrivateKey.generate(), INTL_ROOT, name="Ed25519 signer")
RSA_BOX = make_foreigner(RSA.key, INTL_ROOT, name="RSA reader", encrypts=True)
EC_BOX = make_foreigner(ECDSA.key, INTL_ROOT, name="EC reader", encrypts=True)
SM2_BOX: Holder = CA.issue("加密", serial=300, usage=ENCRYPTION)
SECOND_BOX: Holder = CA.issue("加密二", serial=301, usage=ENCRYPTION)
