"""The strict gate of SM2: the curve, and the one DER form of signatures and ciphertexts.

Everything from outside passes here before an engine sees it, so that no engine's own leniency matters:
GB/T 32918 (curve and ranges), GM/T 0009 and GB/T 35276 (SM2Signature, SM2Cipher).

`parse_*` take the one DER form, `read_*` also the raw forms of the field; DER is what is written, raw only for peers
that know nothing else.
"""

from dataclasses import dataclass
from typing import Final, Literal

from signing import der
from signing.errors import InvalidKeyError, LimitError, MalformedError, NotCanonicalError

P: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A: Final = P - 3
B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G: Final = bytes.fromhex(
    "0432c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"
)
"""The base point, uncompressed: 04 | x | y."""
SCALAR, POINT, DIGEST = 32, 65, 32
"""Bytes of a private key, an uncompressed point and a digest e."""
MAX_PLAINTEXT: Final = 255
"""Bytes; SM2 wraps keys and key halves, and both engines take this much."""
_MAX_DER: Final = 512
RawOrder = Literal["C1C3C2", "C1C2C3"]
"""Order of a raw ciphertext: that of GB/T 32918.4-2016, or the one of 2010; the bytes themselves do not tell."""


@dataclass(frozen=True)
class Sm2Cipher:
    """SM2Cipher of GM/T 0009, taken apart: C1 as 04 | x | y (65 bytes), C3 (32 bytes), C2 (1 to 255 bytes)."""

    c1: bytes
    c3: bytes
    c2: bytes

    def encode(self) -> bytes:
        """Answer the DER form."""
        x, y = int.from_bytes(self.c1[1:33]), int.from_bytes(self.c1[33:])
        return der.sequence(der.integer(x), der.integer(y), der.octet_string(self.c3), der.octet_string(self.c2))

    def to_raw(self, order: RawOrder = "C1C3C2", *, prefix: bool = True) -> bytes:
        """Answer the raw form, with or without the 04 in front (npm sm-crypto and CFCA want none)."""
        tail = self.c3 + self.c2 if order == "C1C3C2" else self.c2 + self.c3
        return (self.c1 if prefix else self.c1[1:]) + tail


def require_point(point: bytes) -> bytes:
    """Answer `point` if it is 04 | x | y on the curve; InvalidKeyError otherwise (also for infinity)."""
    if len(point) != POINT or point[:1] != b"\x04":
        raise InvalidKeyError("a point is 65 bytes: 04 | x | y")
    x, y = int.from_bytes(point[1:33]), int.from_bytes(point[33:])
    if x >= P or y >= P or (y * y - (x * x * x + A * x + B)) % P:
        raise InvalidKeyError("the point is not on the SM2 curve")
    return point


def parse_signature(data: bytes) -> tuple[int, int]:
    """Read SM2Signature, answering r and s.

    Raises LimitError, MalformedError or NotCanonicalError for other bytes; MalformedError unless 1 ≤ r, s < n and
    t = r + s mod n is not 0 (GB/T 32918.2 §7.1).
    """
    fields = der.read(data, limit=_MAX_DER).fields()
    r, s = fields.take(der.INTEGER).integer(), fields.take(der.INTEGER).integer()
    fields.end()
    if not (1 <= r < N and 1 <= s < N and (r + s) % N):
        raise MalformedError("r or s is out of range")
    if encode_signature(r, s) != data:
        raise NotCanonicalError("the signature is not in its DER form")
    return r, s


def encode_signature(r: int, s: int) -> bytes:
    """Write SM2Signature in DER."""
    return der.sequence(der.integer(r), der.integer(s))


def parse_ciphertext(data: bytes) -> Sm2Cipher:
    """Read SM2Cipher (GM/T 0009), C1 checked to be on the curve.

    Raises LimitError, MalformedError or NotCanonicalError for other bytes, InvalidKeyError for a point off the curve.
    """
    fields = der.read(data, limit=_MAX_DER).fields()
    x, y = fields.take(der.INTEGER).integer(), fields.take(der.INTEGER).integer()
    c3, c2 = fields.take(der.OCTET_STRING).body, fields.take(der.OCTET_STRING).body
    fields.end()
    if not (0 <= x < P and 0 <= y < P and len(c3) == DIGEST and 1 <= len(c2) <= MAX_PLAINTEXT):
        raise MalformedError("a field of the ciphertext is out of range")
    cipher = Sm2Cipher(require_point(b"\x04" + x.to_bytes(32) + y.to_bytes(32)), c3, c2)
    if cipher.encode() != data:
        raise NotCanonicalError("the ciphertext is not in its DER form")
    return cipher


def read_signature(data: bytes) -> tuple[int, int]:
    """Read SM2Signature DER, or r | s in 64 raw bytes; errors as for parse_signature."""
    if len(data) != 2 * SCALAR or _is_der(data):
        return parse_signature(data)
    r, s = int.from_bytes(data[:SCALAR]), int.from_bytes(data[SCALAR:])
    return parse_signature(encode_signature(r, s))


def signature_to_raw(data: bytes) -> bytes:
    """Answer r | s, 64 bytes, of an SM2Signature in DER; errors as for parse_signature."""
    r, s = parse_signature(data)
    return r.to_bytes(SCALAR) + s.to_bytes(SCALAR)


def read_ciphertext(data: bytes, raw: RawOrder = "C1C3C2") -> Sm2Cipher:
    """Read SM2Cipher DER or the raw form, its C1 with or without 04; errors as for parse_ciphertext.

    `raw` names the order of a raw one, and is never guessed: under the wrong name C3 does not match at decryption.
    """
    if len(data) > _MAX_DER:
        raise LimitError(f"{len(data)} bytes; at most {_MAX_DER} are read")
    if _is_der(data):
        return parse_ciphertext(data)
    # A point with 04 that is on the curve, read from its second octet on, is no other point of the curve.
    whole = data if data[:1] == b"\x04" and _is_point(data[:POINT]) else b"\x04" + data
    c1, tail = whole[:POINT], whole[POINT:]
    if not 1 <= len(tail) - DIGEST <= MAX_PLAINTEXT:
        raise MalformedError("this is neither SM2Cipher nor a raw ciphertext")
    if raw == "C1C3C2":
        return Sm2Cipher(require_point(c1), tail[:DIGEST], tail[DIGEST:])
    return Sm2Cipher(require_point(c1), tail[-DIGEST:], tail[:-DIGEST])


def _is_der(data: bytes) -> bool:
    """Say whether the bytes are one SEQUENCE, whole; raw values start so one time in 2^40 at most."""
    try:
        return data[:1] == b"\x30" and bool(der.read(data, limit=_MAX_DER).children())
    except MalformedError:
        return False


def _is_point(data: bytes) -> bool:
    try:
        require_point(data)
    except InvalidKeyError:
        return False
    return True
