"""Algorithm identifiers, and judging a signature value by them.

SM2 goes to `signing.sm2`; RSA, ECDSA and Ed25519 (suite INTL) to `cryptography`. What is not named here raises
UnsupportedAlgorithmError: nothing is guessed. Signatures over SHA-1 are verified only for judges who ask for it.
"""

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from signing import der, sm2
from signing.digests import sm3
from signing.errors import BadSignatureError, InvalidKeyError, MalformedError, UnsupportedAlgorithmError

SM2_WITH_SM3: Final = "1.2.156.10197.1.501"
SM2_SIGN: Final = "1.2.156.10197.1.301.1"
SM2: Final = "1.2.156.10197.1.301"
SM3: Final = "1.2.156.10197.1.401"
EC_PUBLIC_KEY: Final = "1.2.840.10045.2.1"

DIGESTS: Final = {
    SM3: "sm3",
    "1.2.156.10197.1.401.1": "sm3",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "1.3.14.3.2.26": "sha1",
}
"""Digest OIDs to names."""
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sm3": hashes.SM3(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_RSA: Final = "1.2.840.113549.1.1.1"
_RSA_PSS: Final = "1.2.840.113549.1.1.10"
_ED25519: Final = "1.3.101.112"
_WITH_DIGEST: Final = {
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
_WITH_SHA1: Final = frozenset({"1.2.840.113549.1.1.5", "1.3.14.3.2.29", "1.2.840.10045.4.1"})
"""RSA (twice) and ECDSA with SHA-1."""
_NULL: Final = b"\x05\x00"
_ENCODING_OVERHEAD: Final = 72
_MIN_RSA: Final = 1024
"""Bits of what is verified; 829 have been factored in public, and nothing shorter than 2048 is written here."""
_MAX_SALT: Final = 2048
"""Octets, the modulus of the largest RSA keys."""


@dataclass(frozen=True)
class AlgorithmIdentifier:
    """An OID and its parameters as they stood (DER; empty when absent)."""

    oid: str
    parameters: bytes = b""

    @property
    def is_sm2(self) -> bool:
        """Whether this names SM2 with SM3 in one of the spellings in use (parameters absent or NULL)."""
        return self.oid in (SM2_WITH_SM3, SM2_SIGN, SM2) and self.parameters in (b"", _NULL)

    def encode(self) -> bytes:
        """Encode as DER, the parameters as they are."""
        return der.sequence(der.oid(self.oid), self.parameters)


SM2_SIGNATURE: Final = AlgorithmIdentifier(SM2_WITH_SM3)
"""What we write on signatures: parameters absent."""
SM3_DIGEST: Final = AlgorithmIdentifier(SM3)


def read_algorithm(element: der.Element) -> AlgorithmIdentifier:
    """Read an AlgorithmIdentifier SEQUENCE."""
    fields = element.fields()
    name = fields.take(der.OID).oid()
    parameters = b"".join(field.raw for field in fields.rest)
    return AlgorithmIdentifier(name, parameters)


def compute_digest(algorithm: str, data: bytes) -> bytes:
    """Digest `data` by the name sm3, sha256, sha384, sha512 or (to recognise old certificate ids only) sha1."""
    if algorithm == "sm3":
        return sm3(data)
    chosen = hashes.SHA1() if algorithm == "sha1" else _HASHES.get(algorithm)  # noqa: S303 - an identifier, no signature
    if chosen is None:
        raise UnsupportedAlgorithmError(f"digest {algorithm!r}")
    state = hashes.Hash(chosen)
    state.update(data)
    return state.finalize()


def digest_name(algorithm: AlgorithmIdentifier) -> str:
    """Answer the digest's name; UnsupportedAlgorithmError for one that is not known."""
    name = DIGESTS.get(algorithm.oid)
    if name is None or algorithm.parameters not in (b"", _NULL):
        raise UnsupportedAlgorithmError(f"digest {algorithm.oid}")
    return name


def read_public_key(spki: der.Element) -> sm2.PublicKey | bytes:
    """Read a SubjectPublicKeyInfo: an SM2 key, or the DER itself for any other algorithm."""
    fields = spki.fields()
    algorithm = read_algorithm(fields.take(der.SEQUENCE))
    on_curve = algorithm.oid == EC_PUBLIC_KEY and algorithm.parameters == der.oid(SM2)
    if not on_curve and algorithm.oid != SM2:  # Tongsuo names the algorithm itself "SM2"
        return spki.raw
    try:
        return sm2.PublicKey(fields.take(der.BIT_STRING).bits())
    except InvalidKeyError as error:
        raise MalformedError(f"an SM2 public key that is none: {error}") from error


def encode_public_key(public: sm2.PublicKey) -> bytes:
    """Encode an SM2 key as SubjectPublicKeyInfo {id-ecPublicKey, curve SM2} (GM/T 0015 5.2.3.7)."""
    return der.sequence(der.sequence(der.oid(EC_PUBLIC_KEY), der.oid(SM2)), der.bit_string(public.point))


def verify_signature(
    public_key: sm2.PublicKey | bytes,
    algorithm: AlgorithmIdentifier,
    message: bytes,
    signature: bytes,
    *,
    digest: str = "",
    legacy: bool = False,
) -> None:
    """Raise BadSignatureError unless `signature` over `message` is of this key.

    `digest` names the digest for algorithms that do not say it themselves (CMS writes plain rsaEncryption). `legacy`
    takes SHA-1 as well: whether that is good enough is then the asker's policy to say.
    UnsupportedAlgorithmError for an algorithm, key or combination not known here.
    """
    if isinstance(public_key, sm2.PublicKey):
        if not algorithm.is_sm2:
            raise UnsupportedAlgorithmError(f"signature algorithm {algorithm.oid} with an SM2 key")
        sm2.verify(public_key, message, signature)
        return
    try:
        key = load_international(public_key)
        _verify_international(key, algorithm, message, signature, signature_digest(algorithm, digest), legacy=legacy)
    except InvalidSignature as error:
        raise BadSignatureError("the signature value does not verify") from error
    except (UnsupportedAlgorithm, MalformedError, ValueError, TypeError) as error:
        raise UnsupportedAlgorithmError(f"signature algorithm {algorithm.oid}: {error}") from error


def load_international(spki: bytes) -> object:
    """Load a key of suite INTL; UnsupportedAlgorithmError for an RSA key so short that anybody can find its factors.

    ValueError, TypeError or UnsupportedAlgorithm of `cryptography` for what is no key, or none that it knows.
    """
    key = serialization.load_der_public_key(spki)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA:
        raise UnsupportedAlgorithmError(f"an RSA key of {key.key_size} bits")
    return key


def signature_digest(algorithm: AlgorithmIdentifier, digest: str = "") -> str:
    """Answer the digest that a signature algorithm of suite INTL names, or else `digest`; empty when neither does.

    Ed25519 has its own, and answers empty as well.
    """
    if algorithm.oid in (_RSA, EC_PUBLIC_KEY):
        return digest
    if algorithm.oid == _RSA_PSS:
        try:
            return _pss(algorithm.parameters)[0]
        except (MalformedError, UnsupportedAlgorithmError):
            return digest
    return "sha1" if algorithm.oid in _WITH_SHA1 else _WITH_DIGEST.get(algorithm.oid, "")


def _verify_international(
    key: object, algorithm: AlgorithmIdentifier, message: bytes, signature: bytes, name: str, *, legacy: bool
) -> None:
    match key:
        case rsa.RSAPublicKey() if algorithm.oid == _RSA_PSS:
            name, salt = _pss(algorithm.parameters)
            key.verify(signature, message, padding.PSS(padding.MGF1(_hash(name)), salt), _hash(name))
        case rsa.RSAPublicKey():
            key.verify(signature, message, padding.PKCS1v15(), _hash(name, legacy=legacy))
        case ec.EllipticCurvePublicKey():
            _require_strict(signature, key.key_size)
            key.verify(signature, message, ec.ECDSA(_hash(name, legacy=legacy)))
        case ed25519.Ed25519PublicKey() if algorithm == AlgorithmIdentifier(_ED25519):
            key.verify(signature, message)
        case _:
            raise UnsupportedAlgorithmError(f"signature algorithm {algorithm.oid} with this key")


def _require_strict(signature: bytes, bits: int) -> None:
    """Refuse ECDSA values in another spelling than DER."""
    try:
        der.require_der(signature, limit=2 * (bits // 8 + 1) + _ENCODING_OVERHEAD)
    except MalformedError as error:
        raise BadSignatureError("the signature value is not DER") from error


def _hash(name: str, *, legacy: bool = False) -> hashes.HashAlgorithm:
    chosen = hashes.SHA1() if legacy and name == "sha1" else _HASHES.get(name)  # noqa: S303 - the policy's to weigh
    if chosen is None or name == "sm3":
        raise UnsupportedAlgorithmError(f"digest {name or 'unnamed'} for this signature")
    return chosen


def _pss(parameters: bytes) -> tuple[str, int]:
    """Read RSASSA-PSS-params; both digests must be the same, and named (SHA-1, the default, is not taken)."""
    names, salt = dict[int, str](), 20
    for field in der.read(parameters, limit=1024).expect(der.SEQUENCE).children():
        if field.tag == der.context(0):
            names[0] = digest_name(read_algorithm(field.inner(field.tag)))
        elif field.tag == der.context(1):
            mgf = field.inner(field.tag).fields()
            mgf.take(der.OID)
            names[1] = digest_name(read_algorithm(mgf.take(der.SEQUENCE)))
        elif field.tag == der.context(2):
            salt = field.inner(field.tag).integer()
    if len(names) != 2 or names[0] != names[1]:  # noqa: PLR2004 - one digest and the same again in MGF1
        raise UnsupportedAlgorithmError("RSASSA-PSS with these digests")
    if not 0 <= salt <= _MAX_SALT:
        raise UnsupportedAlgorithmError("RSASSA-PSS with this salt length")
    return names[0], salt
