"""SM2 keys, the engines that work with them, and what is computed for a key before signing (GB/T 32918.2)."""

import contextlib
from collections.abc import Iterator
from typing import Final, Protocol

from signing.digests import sm3
from signing.errors import BadSignatureError, InvalidKeyError, MalformedError, UnsupportedAlgorithmError
from signing.sm2_encoding import DIGEST, SCALAR, A, B, G, N, parse_signature, require_point
from signing.sm2_gmssl import GmsslPyxEngine
from signing.sm2_libcrypto import LibcryptoEngine

USER_ID: Final = b"1234567812345678"
"""The default user id (用户身份标识) of GB/T 35276; no other is used."""
_Z_PREFIX: Final = (8 * len(USER_ID)).to_bytes(2) + USER_ID + A.to_bytes(32) + B.to_bytes(32) + G[1:]
"""What comes before the public key in the bytes that give Z."""
_INTEGER: Final = 0x02
_SIGN_BIT: Final = 0x80


class Engine(Protocol):
    """An implementation of SM2. It works on raw bytes that have passed the gate: scalar 32, point 65, e 32."""

    @property
    def name(self) -> str:
        """What to call it in a report."""

    def sign(self, scalar: bytes, e: bytes) -> bytes:
        """Sign the digest e, answering DER."""

    def verify(self, point: bytes, e: bytes, signature: bytes) -> bool:
        """Say whether the signature over the digest e holds."""

    def encrypt(self, point: bytes, plaintext: bytes) -> bytes:
        """Encrypt 1 to 255 bytes, answering SM2Cipher DER."""

    def decrypt(self, scalar: bytes, ciphertext: bytes) -> bytes:
        """Decrypt SM2Cipher DER; DecryptionError if it does not open."""


class PublicKey:
    """A public key: a point on the curve, checked where it is made."""

    __slots__ = ("point", "z")
    point: bytes
    """04 | x | y, 65 bytes."""
    z: bytes
    """Z = SM3(ENTL | id | a | b | G | P) for the default user id, 32 bytes (GB/T 32918.2 §5.5)."""

    def __init__(self, point: bytes) -> None:
        """Take 04 | x | y; InvalidKeyError for anything that is not on the curve."""
        object.__setattr__(self, "point", require_point(bytes(point)))
        object.__setattr__(self, "z", sm3(_Z_PREFIX, self.point[1:]))

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: a key does not change."""
        raise AttributeError(name)

    def __reduce__(self) -> tuple[type["PublicKey"], tuple[bytes]]:
        """Copy and pickle by the point, which is checked again."""
        return PublicKey, (self.point,)

    def __eq__(self, other: object) -> bool:
        """Compare points."""
        return isinstance(other, PublicKey) and self.point == other.point

    def __hash__(self) -> int:
        """Hash the point."""
        return hash(self.point)

    def __repr__(self) -> str:
        """Name the key by the start of its x coordinate."""
        return f"PublicKey({self.point[1:9].hex()}…)"


class PrivateKey:
    """A private key with its public key. It hides its scalar from repr, and is neither pickled nor copied."""

    __slots__ = ("_scalar", "public")
    _scalar: bytes
    public: PublicKey

    def __init__(self, scalar: bytes, public: PublicKey) -> None:
        """Take a pair that is known to belong together; from_scalar is the checked way in."""
        object.__setattr__(self, "_scalar", bytes(scalar))
        object.__setattr__(self, "public", public)

    @classmethod
    def from_scalar(cls, scalar: bytes, public: PublicKey | None = None) -> "PrivateKey":
        """Take the 32-byte scalar d, 1 ≤ d ≤ n - 2; the public key is computed, or checked if given.

        Raises InvalidKeyError for a scalar out of range or another pair's public key.
        """
        if len(scalar) != SCALAR or not 1 <= int.from_bytes(scalar) <= N - 2:
            raise InvalidKeyError("a private key is 32 bytes, from 1 to n - 2")
        key = cls(scalar, _derive_public(scalar, public))
        if public is not None and key.public != public:
            raise InvalidKeyError("this public key belongs to another private key")
        return key

    def scalar(self) -> bytes:
        """Answer the 32 secret bytes; for the keystore and the engines only."""
        return self._scalar

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: a key does not change."""
        raise AttributeError(name)

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse: secrets leave only through the keystore."""
        raise TypeError("a private key is not pickled")

    def __eq__(self, other: object) -> bool:
        """Compare by the public key, which decides the private one."""
        return isinstance(other, PrivateKey) and self.public == other.public

    def __hash__(self) -> int:
        """Hash the public key."""
        return hash(self.public)

    def __repr__(self) -> str:
        """Show the public key only."""
        return f"PrivateKey(of {self.public!r})"


def digest(public: PublicKey, message: bytes) -> bytes:
    """Answer e = SM3(Z | message), 32 bytes, with Z for the default user id (GB/T 32918.2 §5.5, §6.1)."""
    return sm3(public.z, message)


def compute_z(public: PublicKey) -> bytes:
    """Answer Z, 32 bytes (GB/T 32918.2 §5.5); the key has computed it once."""
    return public.z


def is_strict_signature(data: bytes) -> bool:
    """Say whether `parse_signature` would take these bytes, in a tenth of its time.

    SEQUENCE of two INTEGERs and nothing else, shortest forms, 1 ≤ r, s < n, r + s not a multiple of n.
    """
    # Both integers are at most 33 bytes, so that every length has its one-byte form; the last byte settles the sum.
    size = len(data)
    if size < 8 or data[0] != 0x30 or data[1] != size - 2 or data[2] != _INTEGER:  # noqa: PLR2004 - SEQUENCE, and room
        return False
    middle = 4 + data[3]
    if middle + 2 > size or data[middle] != _INTEGER or middle + 2 + data[middle + 1] != size:
        return False
    r, s = _read_positive(data[4:middle]), _read_positive(data[middle + 2 :])
    return 1 <= r < N and 1 <= s < N and (r + s) % N != 0


def _read_positive(body: bytes) -> int:
    """Answer a DER INTEGER's value; 0, which no signature has, for a negative one or one that is not the shortest."""
    if not body or body[0] & _SIGN_BIT or (body[0] == 0 and len(body) > 1 and not body[1] & _SIGN_BIT):
        return 0
    return int.from_bytes(body)


def require_signature(engine: Engine, public: PublicKey, e: bytes, signature: bytes) -> None:
    """Raise BadSignatureError unless the signature passes the gate and the engine."""
    if not is_strict_signature(signature):
        try:
            parse_signature(signature)  # to say why
        except MalformedError as error:
            raise BadSignatureError(f"not an SM2 signature: {error}") from error
        raise BadSignatureError("not an SM2 signature")
    if len(e) != DIGEST or not engine.verify(public.point, e, signature):
        raise BadSignatureError("the signature does not verify")


def multiply(k: int, point: bytes | None = None) -> bytes:
    """Answer k times a point (the base point for None) as 04 | x | y.

    Takes the path for secret scalars. Raises InvalidKeyError for k out of 1 … n - 1 or a point off the curve, and
    UnsupportedAlgorithmError where libcrypto is missing.
    """
    if not 1 <= k < N:
        raise InvalidKeyError("a scalar is from 1 to n - 1")
    if point is not None:
        require_point(point)
    for engine in ENGINES:
        if isinstance(engine, LibcryptoEngine):
            return engine.multiply(k, point)
    raise UnsupportedAlgorithmError("multiplying points needs libcrypto (OpenSSL 1.1.1 or later) on this system")


def _load_engines() -> Iterator[Engine]:
    with contextlib.suppress(UnsupportedAlgorithmError):
        yield LibcryptoEngine()
    yield GmsslPyxEngine()


ENGINES: Final[tuple[Engine, ...]] = tuple(_load_engines())
"""The engines that load here, the preferred one first."""


def _derive_public(scalar: bytes, expected: PublicKey | None) -> PublicKey:
    if expected is None or isinstance(ENGINES[0], LibcryptoEngine):
        return PublicKey(multiply(int.from_bytes(scalar)))
    # GmSSL derives no public keys: let a signature say whether the pair belongs together.
    e = digest(expected, b"pair")
    try:
        require_signature(ENGINES[0], expected, e, ENGINES[0].sign(scalar, e))
    except BadSignatureError as error:
        raise InvalidKeyError("this public key belongs to another private key") from error
    return expected
