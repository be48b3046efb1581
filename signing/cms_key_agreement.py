"""Key agreement recipients (RFC 5753): ephemeral ECDH, the X9.63 key derivation, AES key wrap. Suite INTL only."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF

from signing import der
from signing.algorithms import AlgorithmIdentifier, read_algorithm
from signing.errors import DecryptionError, MalformedError, UnsupportedAlgorithmError

_KDFS: Final[dict[str, hashes.HashAlgorithm]] = {
    "1.3.133.16.840.63.0.2": hashes.SHA1(),  # noqa: S303 - what OpenSSL writes by default; a derivation, no signature
    "1.3.132.1.11.1": hashes.SHA256(),
    "1.3.132.1.11.2": hashes.SHA384(),
    "1.3.132.1.11.3": hashes.SHA512(),
}
"""dhSinglePass-stdDH-…kdf-scheme."""
_WRAPS: Final = {"2.16.840.1.101.3.4.1.5": 16, "2.16.840.1.101.3.4.1.25": 24, "2.16.840.1.101.3.4.1.45": 32}
WRITTEN: Final = AlgorithmIdentifier("1.3.132.1.11.1", AlgorithmIdentifier("2.16.840.1.101.3.4.1.45").encode())
"""SHA-256 derivation, AES-256 key wrap."""
_NULL: Final = b"\x05\x00"


@dataclass(frozen=True)
class Agreement:
    """The sender's ephemeral public key ([1] OriginatorPublicKey, as it stands), and its ukm if there is one."""

    originator: bytes = field(repr=False)
    ukm: bytes = b""


def unwrap_agreed(
    private: ec.EllipticCurvePrivateKey, agreement: Agreement, algorithm: AlgorithmIdentifier, encrypted: bytes
) -> bytes:
    """Answer the content key; DecryptionError, MalformedError or UnsupportedAlgorithmError."""
    fields = der.read(agreement.originator, limit=1024).fields(der.context(1))
    fields.take(der.SEQUENCE)
    point = fields.take(der.BIT_STRING).bits()
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(private.curve, point)
        kek = _derive(private.exchange(ec.ECDH(), public), algorithm, agreement.ukm)
        return keywrap.aes_key_unwrap(kek, encrypted)
    except (keywrap.InvalidUnwrap, ValueError):
        raise DecryptionError("the message does not open") from None


def wrap_agreed(
    spki: bytes, recipient: bytes, key: bytes, make: Callable[[ec.EllipticCurve], ec.EllipticCurvePrivateKey]
) -> bytes:
    """Encode a KeyAgreeRecipientInfo for an EC key (SubjectPublicKeyInfo DER).

    `recipient` is its IssuerAndSerialNumber DER; `make` answers a fresh key of the curve. Raises
    UnsupportedAlgorithmError for a key of another kind.
    """
    public = _load(spki)
    ephemeral = make(public.curve)
    kek = _derive(ephemeral.exchange(ec.ECDH(), public), WRITTEN, b"")
    point = ephemeral.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    own = der.sequence(der.oid("1.2.840.10045.2.1"))
    return der.explicit(
        1,
        der.integer(3),
        der.explicit(0, der.explicit(1, own, der.bit_string(point))),
        WRITTEN.encode(),
        der.sequence(der.sequence(recipient, der.octet_string(keywrap.aes_key_wrap(kek, key)))),
    )


def _load(spki: bytes) -> ec.EllipticCurvePublicKey:
    try:
        public = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnsupportedAlgorithmError("this is no public key") from error
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise UnsupportedAlgorithmError("no key to agree with")
    return public


def _derive(shared: bytes, algorithm: AlgorithmIdentifier, ukm: bytes) -> bytes:
    """Derive the wrapping key over ECC-CMS-SharedInfo (RFC 5753 7.2)."""
    digest = _KDFS.get(algorithm.oid)
    if digest is None or not algorithm.parameters:
        raise UnsupportedAlgorithmError(f"key agreement {algorithm.oid}")
    wrap = read_algorithm(der.read(algorithm.parameters, limit=1024))
    size = _WRAPS.get(wrap.oid)
    if size is None:
        raise UnsupportedAlgorithmError(f"key wrap {wrap.oid}")
    if wrap.parameters not in (b"", _NULL):
        raise MalformedError("a key wrap with parameters")
    info = der.sequence(
        algorithm.parameters,
        der.explicit(0, der.octet_string(ukm)) if ukm else b"",
        der.explicit(2, der.octet_string((8 * size).to_bytes(4))),
    )
    return X963KDF(digest, size, info).derive(shared)
