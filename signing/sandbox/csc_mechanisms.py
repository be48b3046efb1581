"""Signature mechanisms of the sandbox's CSC face: which OIDs a key takes, and signing a digest with one of them."""

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_der_public_key

from signing import der, sm2
from signing.algorithms import DIGESTS, digest_name, read_algorithm
from signing.csc import SM2_CURVE, SM2_WITH_SM3
from signing.errors import InvalidKeyError, MalformedError, UnsupportedAlgorithmError
from signing.schemes import InternationalKey

_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
LENGTHS: Final = {"sm3": 32, "sha256": 32, "sha384": 48, "sha512": 64}
"""Octets of each digest that is taken."""
_RSA: Final = "1.2.840.113549.1.1.1"
_PSS: Final = "1.2.840.113549.1.1.10"
_ECDSA: Final = "1.2.840.10045.2.1"
_RSA_WITH: Final = {f"1.2.840.113549.1.1.{n}": name for n, name in ((11, "sha256"), (12, "sha384"), (13, "sha512"))}
_ECDSA_WITH: Final = {f"1.2.840.10045.4.3.{n}": name for n, name in ((2, "sha256"), (3, "sha384"), (4, "sha512"))}
_RSA_ALGORITHMS: Final = (_RSA, *_RSA_WITH, _PSS)
_CURVES: Final = {"secp256r1": "1.2.840.10045.3.1.7", "secp384r1": "1.3.132.0.34", "secp521r1": "1.3.132.0.35"}
_PSS_LIMIT: Final = 1024
_MOST_SALT: Final = 512
"""Octets; what the key can hold is found out when it signs."""


@dataclass(frozen=True)
class Mechanism:
    """One way to sign: the `signAlgo` OID, the digest's name, and for RSASSA-PSS the length of the salt."""

    oid: str
    digest: str
    salt: int = -1


@dataclass(frozen=True)
class KeyFacts:
    """What `credentials/info` says of a key: OIDs it signs with, its length in bits, the curve's OID."""

    algorithms: tuple[str, ...]
    length: int
    curve: str = ""


def describe_key(public_key: sm2.PublicKey | bytes) -> KeyFacts:
    """Answer the facts of a key; InvalidKeyError for one that is not used here."""
    if isinstance(public_key, sm2.PublicKey):
        return KeyFacts((SM2_WITH_SM3,), 256, SM2_CURVE)
    match load_der_public_key(public_key):
        case rsa.RSAPublicKey() as key:
            return KeyFacts(_RSA_ALGORITHMS, key.key_size)
        case ec.EllipticCurvePublicKey() as key if key.curve.name in _CURVES:
            return KeyFacts(tuple(_ECDSA_WITH), key.key_size, _CURVES[key.curve.name])
    raise InvalidKeyError("a key that is not used here")


def read_digest(oid: str) -> str:
    """Answer the digest's name; UnsupportedAlgorithmError for one that nothing is signed with."""
    name = DIGESTS.get(oid, "")
    if name not in LENGTHS:
        raise UnsupportedAlgorithmError(f"digest {oid}")
    return name


def read_mechanism(oid: str, parameters: bytes, digest: str) -> Mechanism:
    """Read `signAlgo` and `signAlgoParams`; `digest` is the name the request gives, empty when it gives none.

    Raises UnsupportedAlgorithmError for an unknown OID, or a digest that is missing or contradicts it;
    MalformedError for parameters that cannot be read.
    """
    named = {SM2_WITH_SM3: "sm3", **_RSA_WITH, **_ECDSA_WITH}.get(oid, "")
    if oid == _PSS:
        named, salt = _read_pss(parameters)
    elif oid in (_RSA, _ECDSA):
        named, salt = digest, -1
    else:
        salt = -1
    if not named or digest not in ("", named):
        raise UnsupportedAlgorithmError(f"signature algorithm {oid} with digest {digest or 'unnamed'}")
    return Mechanism(oid, named, salt)


def sign_digest(key: InternationalKey, mechanism: Mechanism, digest: bytes) -> bytes:
    """Sign a digest with an RSA or ECDSA key; ECDSA values are DER. UnsupportedAlgorithmError for another key."""
    chosen = _HASHES.get(mechanism.digest)
    match key.private:
        case rsa.RSAPrivateKey() as private if chosen and mechanism.oid in _RSA_ALGORITHMS:
            return private.sign(digest, _padding(mechanism, chosen), Prehashed(chosen))
        case ec.EllipticCurvePrivateKey() as private if chosen and mechanism.oid in _ECDSA_WITH:
            return private.sign(digest, ec.ECDSA(Prehashed(chosen)))
    raise UnsupportedAlgorithmError(f"signature algorithm {mechanism.oid} with this key")


def _padding(mechanism: Mechanism, digest: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    if mechanism.oid != _PSS:
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(digest), mechanism.salt)


def _read_pss(parameters: bytes) -> tuple[str, int]:
    """Read RSASSA-PSS-params (RFC 8017 A.2.3): one digest named twice, and the salt's length in octets."""
    names, salt = list[str](), 20
    for field in der.read(parameters, limit=_PSS_LIMIT).expect(der.SEQUENCE).children():
        if field.tag == der.context(0):
            names.append(digest_name(read_algorithm(field.inner(field.tag))))
        elif field.tag == der.context(1):
            generator = field.inner(field.tag).fields()
            generator.take(der.OID)
            names.append(digest_name(read_algorithm(generator.take(der.SEQUENCE))))
        elif field.tag == der.context(2):
            salt = field.inner(field.tag).integer()
    if len(names) != 2 or names[0] != names[1] or names[0] not in _HASHES:  # noqa: PLR2004 - the digest, and in MGF1
        raise UnsupportedAlgorithmError("RSASSA-PSS with these digests")
    if not 0 <= salt <= _MOST_SALT:
        raise MalformedError(f"RSASSA-PSS with a salt of {salt}")
    return names[0], salt
