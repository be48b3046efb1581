"""Private keys as the standards write them: ECPrivateKey (SEC 1, RFC 5915) and PrivateKeyInfo (PKCS#8, RFC 5958).

SM2 keys are read here; RSA, ECDSA and Ed25519 keys (suite INTL) go to `cryptography`, which checks that their parts
belong together. A key out of range is InvalidKeyError.
"""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from signing import der
from signing.errors import InvalidKeyError, LimitError, MalformedError, UnsupportedAlgorithmError
from signing.schemes import InternationalKey, Sm2Key
from signing.sm2_keys import PrivateKey, PublicKey

AnyKey = Sm2Key | InternationalKey

EC, SM2 = "1.2.840.10045.2.1", "1.2.156.10197.1.301"
MAX_KEY: Final = 2560
"""Bytes of one private key: RSA-4096 fits, and checking it takes a third of a second."""
_VERSIONS: Final = (0, 1)


def private_key_info(algorithm: bytes, content: bytes) -> bytes:
    """Write PrivateKeyInfo around a key; `algorithm` is an AlgorithmIdentifier in DER."""
    return der.sequence(der.integer(0), algorithm, der.octet_string(content))


def encode_pkcs8(key: AnyKey) -> bytes:
    """Write PrivateKeyInfo (PKCS#8) DER, an SM2 key with its public key inside; nothing protects it."""
    if isinstance(key, Sm2Key):
        return private_key_info(der.sequence(der.oid(EC), der.oid(SM2)), _ec_private_key(key.private))
    return key.private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def encode_sec1(key: PrivateKey) -> bytes:
    """Write ECPrivateKey (RFC 5915) DER with the curve and the public key; nothing protects it."""
    return _ec_private_key(key, der.explicit(0, der.oid(SM2)))


def _ec_private_key(key: PrivateKey, parameters: bytes = b"") -> bytes:
    public = der.explicit(1, der.bit_string(key.public.point))
    return der.sequence(der.integer(1), der.octet_string(key.scalar()), parameters, public)


def read_private_key_info(info: bytes) -> tuple[tuple[str, ...], bytes]:
    """Answer the object identifiers of PrivateKeyInfo's algorithm, and the key within as it stands."""
    fields = der.read(info, limit=MAX_KEY).fields()
    if fields.take(der.INTEGER).integer() not in _VERSIONS:
        raise MalformedError("an unknown version of PKCS#8")
    names = fields.take(der.SEQUENCE).fields()
    oids = [names.take(der.OID).oid()]
    oids += [field.oid() for field in names.rest if field.tag == der.OID]  # RSA has NULL here
    return tuple(oids), fields.take(der.OCTET_STRING).body


def parse_pkcs8(info: bytes) -> AnyKey:
    """Read PrivateKeyInfo of a key of either suite.

    MalformedError (LimitError over MAX_KEY), InvalidKeyError for a key out of range or of another public key,
    UnsupportedAlgorithmError for a kind of key that is not used here.
    """
    oids, content = read_private_key_info(info)
    return parse_sm2_content(oids, content) if SM2 in oids else parse_international(info)


def parse_sm2_content(oids: tuple[str, ...], content: bytes, *, require_public: bool = False) -> Sm2Key:
    """Read the ECPrivateKey inside a PrivateKeyInfo whose algorithm has these object identifiers."""
    if oids not in ((EC, SM2), (SM2, SM2), (SM2,)):  # Tongsuo calls the algorithm itself SM2
        raise UnsupportedAlgorithmError("this is not an SM2 key")
    return _parse_sm2(content, require_public=require_public, require_curve=False)


def parse_sec1(data: bytes) -> AnyKey:
    """Read ECPrivateKey that names its curve; errors as for parse_pkcs8."""
    fields = der.read(data, limit=MAX_KEY).fields()
    fields.take(der.INTEGER)
    fields.take(der.OCTET_STRING)
    curve = fields.optional(der.context(0))
    if curve is None:
        raise UnsupportedAlgorithmError("an EC key that does not name its curve")
    named = curve.inner(der.context(0))
    if named.tag != der.OID:
        raise UnsupportedAlgorithmError("a curve described by its parameters")
    if named.oid() == SM2:
        return _parse_sm2(data, require_public=False, require_curve=True)
    return parse_international(data)


def parse_international(data: bytes) -> InternationalKey:
    """Read an RSA, ECDSA or Ed25519 key in PKCS#8, SEC 1 or PKCS#1 DER; errors as for parse_pkcs8."""
    _require_bounded(data)
    try:
        private = serialization.load_der_private_key(data, None)
    except UnsupportedAlgorithm as error:
        raise UnsupportedAlgorithmError("a kind of key that is not used here") from error
    except (ValueError, TypeError) as error:  # also for parts that do not belong together
        raise InvalidKeyError("this is not a private key, or its parts do not belong together") from error
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise UnsupportedAlgorithmError("a kind of key that is not used here")
    key = InternationalKey(private)
    _ = key.scheme  # refuses short RSA keys and other curves
    return key


def _require_bounded(data: bytes) -> None:
    """Refuse RSA numbers wider than those of RSA-4096: `cryptography` looks for primes among them, which takes long."""
    fields = der.read(data, limit=MAX_KEY).expect(der.SEQUENCE).children()
    tags = [field.tag for field in fields[:3]]
    if tags == [der.INTEGER, der.SEQUENCE, der.OCTET_STRING] and der.oid(_RSA) in fields[1].raw:
        fields = der.read(fields[2].body, limit=MAX_KEY).expect(der.SEQUENCE).children()
        tags = [der.INTEGER, der.INTEGER]
    if tags[:2] == [der.INTEGER, der.INTEGER] and any(
        len(field.body) > size + 1 for field, size in zip(fields, _RSA_OCTETS, strict=False)
    ):
        raise LimitError("an RSA key above 4096 bits")


_RSA: Final = "1.2.840.113549.1.1.1"
_RSA_OCTETS: Final = (1, 512, 8, 512, 256, 256, 256, 256, 256)
"""Octets of version, n, e, d, p, q, d mod p - 1, d mod q - 1 and the inverse of q (RFC 8017 A.1.2)."""


def _parse_sm2(content: bytes, *, require_public: bool, require_curve: bool) -> Sm2Key:
    fields = der.read(content, limit=MAX_KEY).fields()
    if fields.take(der.INTEGER).integer() != 1:
        raise MalformedError("an unknown version of ECPrivateKey")
    scalar = fields.take(der.OCTET_STRING).body
    curve, public = fields.optional(der.context(0)), fields.optional(der.context(1))
    fields.end()
    if (curve and curve.inner(der.context(0)).oid() != SM2) or (require_curve and not curve):
        raise InvalidKeyError("a key of another curve")
    if require_public and not public:
        raise InvalidKeyError("this is not an SM2 key with its public key")
    point = public.inner(der.context(1)).bits() if public else None
    return Sm2Key(PrivateKey.from_scalar(scalar, PublicKey(point) if point is not None else None))
