"""Make docs/vectors: SM2 values that must be refused, and some that must be taken. Run this file to write them.

Nothing here is random: keys and nonces come from SM3 over names, so the files can be made again and compared.
"""

import functools
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from signing import der, sm2
from signing.digests import sm3
from signing.sm2_encoding import A, B, G, N, P, encode_signature
from signing.sm3 import kdf

FOLDER = Path(__file__).parents[2] / "docs" / "vectors"
ID = b"1234567812345678"
_STANDARD = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
MESSAGES = (b"message digest", b"", "一照通投：投标报价 1000000.00 元".encode())
PLAINTEXTS = (b"encryption standard", bytes(16), bytes(range(32)))


def number(name: str) -> int:
    """Answer a number from 1 to n - 2 that belongs to this name."""
    return 1 + int.from_bytes(sm3(b"yizhao sm2 vectors 1: " + name.encode()) + bytes(8)) % (N - 2)


class Pair(NamedTuple):
    d: int
    point: bytes


def pair(d: int) -> Pair:
    return Pair(d, sm2.multiply(d))


KEYS = (pair(_STANDARD), pair(number("key 1")), pair(number("key 2")))


def compute_z(point: bytes, identity: bytes = ID, entl: int | None = None) -> bytes:
    bits = 8 * len(identity) if entl is None else entl
    return sm3(bits.to_bytes(2), identity, A.to_bytes(32), B.to_bytes(32), G[1:], point[1:])


def sign(d: int, e: bytes, k: int) -> tuple[int, int]:
    """GB/T 32918.2 6.1 with a given nonce."""
    r = (int.from_bytes(e) + int.from_bytes(sm2.multiply(k)[1:33])) % N
    return r, pow(1 + d, -1, N) * (k - r * d) % N


Case = tuple[str, str, dict[str, Any]]
"""Class, reason, and what differs from the valid value."""


def octets(value: int, size: int = 0) -> bytes:
    return value.to_bytes(size or (value.bit_length() + 7) // 8 or 1)


# Forms of DER


def forms(parts: tuple[bytes, ...]) -> Iterator[tuple[str, bytes]]:
    """Write a SEQUENCE of two or more INTEGERs (and whatever else) in other forms than its DER."""
    body, first, rest = b"".join(parts), parts[0], b"".join(parts[1:])
    good = der.sequence(body)
    size = len(body)
    yield "length in two octets", b"\x30\x82" + size.to_bytes(2) + body
    yield "length in three octets", b"\x30\x83" + size.to_bytes(3) + body
    yield "length in four octets", b"\x30\x84" + size.to_bytes(4) + body
    yield "indefinite length", b"\x30\x80" + body + b"\0\0"
    yield "indefinite length without its end", b"\x30\x80" + body
    yield "length one too short", _length(body, -1)
    yield "length one too long", _length(body, 1)
    yield "zero byte after the end", good + b"\0"
    yield "NULL after the end", good + b"\x05\0"
    yield "the same again after the end", good + good
    yield "NULL inside at the end", der.sequence(body, b"\x05\0")
    yield "INTEGER 0 inside at the end", der.sequence(body, der.integer(0))
    yield "SET", b"\x31" + good[1:]
    yield "primitive SEQUENCE", b"\x10" + good[1:]
    yield "application tag", b"\x70" + good[1:]
    yield "SEQUENCE in a SEQUENCE", der.sequence(good)
    yield "OCTET STRING around it", der.octet_string(good)
    yield "empty SEQUENCE", der.sequence()
    yield "first element missing", der.sequence(rest)
    yield "last element missing", der.sequence(*parts[:-1])
    yield "first element twice", der.sequence(first, body)
    yield "first INTEGER with three zero octets in front", der.sequence(_padded(first, 3), rest)
    yield "first INTEGER with one more zero octet in front", der.sequence(_padded(first, 1), rest)
    yield "first INTEGER with a long length", der.sequence(b"\x02\x81" + first[1:], rest)
    yield "first INTEGER with an indefinite length", der.sequence(b"\x22\x80" + first + b"\0\0", rest)
    yield "first INTEGER as OCTET STRING", der.sequence(b"\x04" + first[1:], rest)
    yield "first INTEGER as BIT STRING", der.sequence(b"\x03" + first[1:], rest)
    yield "first INTEGER as ENUMERATED", der.sequence(b"\x0a" + first[1:], rest)
    yield "first INTEGER without octets", der.sequence(b"\x02\0", rest)
    yield "second INTEGER with one more zero octet in front", der.sequence(first, _padded(parts[1], 1), *parts[2:])
    yield "second INTEGER with a long length", der.sequence(first, b"\x02\x81" + parts[1][1:], *parts[2:])
    yield "NULL for the first element", der.sequence(b"\x05\0", rest)
    for cut in (0, 1, 2, len(good) // 2, len(good) - 1):
        yield f"cut to {cut} of its bytes", good[:cut]


def _length(body: bytes, by: int) -> bytes:
    size = len(body) + by
    head = (
        bytes((0x30, size))
        if size < 0x80
        else bytes((0x30, 0x81, size))
        if size < 0x100
        else b"\x30\x82" + octets(size, 2)
    )
    return head + body


def _padded(element: bytes, zeros: int) -> bytes:
    body = der.read(element, limit=600).body
    return der.tlv(der.INTEGER, bytes(zeros), body)


# Signatures


def signature_cases(key: Pair, other: Pair, message: bytes, name: str) -> Iterator[Case]:
    r, s = sign(key.d, sm3(compute_z(key.point), message), number(f"nonce {name}"))
    for reason, pair_ in _ranges(r, s):
        yield "range", reason, {"signature": encode_signature(*pair_)}
    for reason, pair_ in _arithmetic(r, s):
        yield "arithmetic", reason, {"signature": encode_signature(*pair_)}
    for reason, data in forms((der.integer(r), der.integer(s))):
        yield "encoding", reason, {"signature": data}
    yield "encoding", "raw r and s", {"signature": octets(r, 32) + octets(s, 32)}
    yield "encoding", "both INTEGERs without their sign octet", {"signature": _unsigned(r, s)}
    for reason, e in _digests(key, other, message):
        yield (
            "identity" if "id" in reason else "digest",
            reason,
            {"signature": encode_signature(*sign(key.d, e, number(f"{name} {reason}")))},
        )
    good = encode_signature(r, s)
    yield "message", "another byte at the end of the message", {"signature": good, "message": message + b"\0"}
    yield (
        "message",
        "first bit of the message changed",
        {"signature": good, "message": bytes([(message or b"\0")[0] ^ 0x80]) + message[1:]},
    )
    yield "key", "another key", {"signature": good, "public": other.point}
    yield "key", "the negated public key", {"signature": good, "public": _negate(key.point)}
    yield "algorithm", "ECDSA over the same digest", {"signature": encode_signature(*_ecdsa(key, message, name))}


def _ranges(r: int, s: int) -> Iterator[tuple[str, tuple[int, int]]]:
    top = 1 << 256
    for text, value in {
        "0": 0, "n": N, "n + 1": N + 1, "2^256": top, "2^256 - 1": top - 1, "p": P, "-1": -1, "2^512": 1 << 512,
    }.items():  # fmt: skip
        yield f"r = {text}", (value, s)
        yield f"s = {text}", (r, value)
        yield f"r = s = {text}", (value, value)
    yield "r + n", (r + N, s)
    yield "s + n", (r, s + N)
    yield "r + n and s + n", (r + N, s + N)
    yield "r + 2n", (r + 2 * N, s)
    yield "s + n * 2^256", (r, s + N * top)
    yield "r + n * 2^256", (r + N * top, s)
    yield "r - n", (r - N, s)
    yield "s - n", (r, s - N)
    yield "r - 2^256 (the sign octet left out)", (r - top, s)
    yield "s - 2^256 (the sign octet left out)", (r, s - top)
    yield "-r", (-r, s)
    yield "-s", (r, -s)
    yield "r + s = n, by s", (r, N - r)
    yield "r + s = n, by r", (N - s, s)


def _arithmetic(r: int, s: int) -> Iterator[tuple[str, tuple[int, int]]]:
    yield "r and s exchanged", (s, r)
    yield "n - s (the malleable form of ECDSA)", (r, N - s)
    yield "n - r", (N - r, s)
    yield "n - r and n - s", (N - r, N - s)
    yield "1 / s", (r, pow(s, -1, N))
    yield "r = 1", (1, s)
    yield "s = 1", (r, 1)
    yield "r = s = 1", (1, 1)
    yield "r = n - 1", (N - 1, s)
    yield "s = n - 1", (r, N - 1)
    yield "r = s", (r, r)
    yield "r + 1", ((r + 1) % N, s)
    yield "s - 1", (r, (s - 1) % N)
    for bit in (0, 7, 128, 250):
        yield f"bit {bit} of r changed", (r ^ 1 << bit, s)
        yield f"bit {bit} of s changed", (r, s ^ 1 << bit)


def _unsigned(r: int, s: int) -> bytes:
    """INTEGERs of 32 octets even if their first bit is set; one zero octet in front if neither is."""
    parts = [der.tlv(der.INTEGER, octets(value, 32)) for value in (r, s)]
    good = encode_signature(r, s)
    wrong = der.sequence(*parts)
    return wrong if wrong != good else der.sequence(*(der.tlv(der.INTEGER, b"\0" + octets(v, 32)) for v in (r, s)))


def _digests(key: Pair, other: Pair, message: bytes) -> Iterator[tuple[str, bytes]]:
    """Name wrong ways to e, each of which somebody has made."""
    for identity in ("", "12345678", "1234567812345679", "ALICE123@YAHOO.COM", "TLSv1.3+GM+Cipher+Suite", "\0" * 16):
        yield f"id {identity!r}", sm3(compute_z(key.point, identity.encode()), message)
    z = compute_z(key.point)
    yield "length of the id in octets, not bits", sm3(compute_z(key.point, entl=16), message)
    yield "no Z", sm3(message)
    yield "Z of another key", sm3(compute_z(other.point), message)
    yield "Z of the negated key", sm3(compute_z(_negate(key.point)), message)
    if message:
        yield "Z behind the message", sm3(message, z)
    yield "Z twice", sm3(z, z, message)
    yield "Z of zeros", sm3(bytes(32), message)
    yield "SM3 of the message signed as a message", sm3(z, sm3(message))
    yield "hex of SM3 of the message signed as a message", sm3(z, sm3(message).hex().encode())
    yield "SHA-256 for SM3", hashlib.sha256(z + message).digest()
    yield "a digest of zeros", bytes(32)


def _ecdsa(key: Pair, message: bytes, name: str) -> tuple[int, int]:
    k = number(f"ecdsa {name}")
    r = int.from_bytes(sm2.multiply(k)[1:33]) % N
    return r, pow(k, -1, N) * (int.from_bytes(sm3(compute_z(key.point), message)) + r * key.d) % N


def _negate(point: bytes) -> bytes:
    return point[:33] + octets(P - int.from_bytes(point[33:]), 32)


# Ciphertexts


class Parts(NamedTuple):
    x: int
    y: int
    c3: bytes
    c2: bytes

    def fields(self) -> tuple[bytes, ...]:
        return der.integer(self.x), der.integer(self.y), der.octet_string(self.c3), der.octet_string(self.c2)

    def encode(self) -> bytes:
        return der.sequence(*self.fields())

    def raw(self) -> tuple[bytes, bytes, bytes]:
        return octets(self.x, 32) + octets(self.y, 32), self.c3, self.c2


def seal(c1: bytes, shared: bytes, plaintext: bytes) -> Parts:
    """Encrypt under a shared point that the caller computed, rightly or not."""
    stream = kdf(shared[1:], len(plaintext))
    c2 = bytes(a ^ b for a, b in zip(plaintext, stream, strict=True))
    return Parts(int.from_bytes(c1[1:33]), int.from_bytes(c1[33:]), sm3(shared[1:33], plaintext, shared[33:]), c2)


def ciphertext_cases(key: Pair, other: Pair, plaintext: bytes, name: str) -> Iterator[Case]:
    k = number(f"encryption nonce {name}")
    c1, shared = sm2.multiply(k), sm2.multiply(k, key.point)
    good = seal(c1, shared, plaintext)
    for group, made in (
        ("c1", _points(good)),
        ("c3", _tags(good, shared, plaintext)),
        ("c2", _contents(good, shared)),
    ):
        for reason, parts in made:
            yield group, reason, {"ciphertext": parts.encode()}
    for reason, data in forms(good.fields()):
        yield "encoding", reason, {"ciphertext": data}
    for reason, data in _other_forms(good):
        yield "encoding", reason, {"ciphertext": data}
    for reason, data in _orders(good):
        yield "order", reason, {"ciphertext": data}
    for reason, parts in _invalid_curves(key, plaintext):
        yield "invalid curve", reason, {"ciphertext": parts.encode()}
    yield "key", "for another key", {"ciphertext": seal(c1, sm2.multiply(k, other.point), plaintext).encode()}
    for reason, parts in _derivations(c1, shared, plaintext):
        yield "derivation", reason, {"ciphertext": parts.encode()}
    yield "key stream", "a key stream of zeros", {"ciphertext": _zero_stream(key).encode()}


def _points(good: Parts) -> Iterator[tuple[str, Parts]]:
    x, y = good.x, good.y
    for reason, values in {
        "x + p": (x + P, y), "y + p": (x, y + P), "x - 2^256": (x - (1 << 256), y), "y - p": (x, y - P),
        "-x": (-x, y), "x = 2^256": (1 << 256, y), "x = p": (P, y), "y = p": (x, P), "infinity as 0, 0": (0, 0),
        "x = 0": (0, y), "y = 0": (x, 0), "last bit of y changed": (x, y ^ 1), "last bit of x changed": (x ^ 1, y),
        "x and y exchanged": (y, x), "-C1": (x, P - y), "1, 1": (1, 1), "p - 1, p - 1": (P - 1, P - 1),
        "the base point": (int.from_bytes(G[1:33]), int.from_bytes(G[33:])), "y = x": (x, x),
    }.items():  # fmt: skip
        yield reason, good._replace(x=values[0], y=values[1])


def _tags(good: Parts, shared: bytes, plaintext: bytes) -> Iterator[tuple[str, Parts]]:
    c3, x2, y2 = good.c3, shared[1:33], shared[33:]
    for at in (0, 1, 15, 16, 31):
        yield f"bit of octet {at} changed", good._replace(c3=c3[:at] + bytes([c3[at] ^ 1 << at % 8]) + c3[at + 1 :])
    for reason, value in {
        "zeros": bytes(32), "ones": b"\xff" * 32, "halves exchanged": c3[16:] + c3[:16], "reversed": c3[::-1],
        "31 octets": c3[:31], "33 octets": c3 + b"\0", "a zero octet in front": b"\0" + c3, "empty": b"",
        "20 octets": c3[:20], "SM3 of the plaintext": sm3(plaintext), "SM3(x2, C2, y2)": sm3(x2, good.c2, y2),
        "SM3(x2, y2, M)": sm3(x2, y2, plaintext), "SM3(y2, M, x2)": sm3(y2, plaintext, x2),
        "SHA-256(x2, M, y2)": hashlib.sha256(x2 + plaintext + y2).digest(),
        "C3 of another plaintext": sm3(x2, b"x", y2),
    }.items():  # fmt: skip
        yield f"C3: {reason}", good._replace(c3=value)


def _contents(good: Parts, shared: bytes) -> Iterator[tuple[str, Parts]]:
    c2 = good.c2
    for at in (0, len(c2) // 2, len(c2) - 1):
        yield f"bit of octet {at} changed", good._replace(c2=c2[:at] + bytes([c2[at] ^ 1]) + c2[at + 1 :])
    yield "one octet less", good._replace(c2=c2[:-1])
    yield "one octet more", good._replace(c2=c2 + b"\0")
    yield "first octet left out", good._replace(c2=c2[1:])
    yield "reversed", good._replace(c2=c2[::-1])
    yield "empty", good._replace(c2=b"")
    yield "empty, C3 made for it", good._replace(c2=b"", c3=sm3(shared[1:33], shared[33:]))


def _other_forms(good: Parts) -> Iterator[tuple[str, bytes]]:
    x, y, c3, c2 = good.fields()
    yield "C3 in pieces", der.sequence(x, y, der.tlv(0x24, c3), c2)
    yield "C2 in pieces", der.sequence(x, y, c3, der.tlv(0x24, c2))
    yield "C3 as BIT STRING", der.sequence(x, y, b"\x03" + c3[1:], c2)
    yield "C2 as UTF8String", der.sequence(x, y, c3, b"\x0c" + c2[1:])
    yield "C3 with a long length", der.sequence(x, y, b"\x04\x81" + c3[1:], c2)
    yield "C1 as one OCTET STRING", der.sequence(der.octet_string(b"\x04" + good.raw()[0]), c3, c2)
    yield "C1 as a nested SEQUENCE", der.sequence(der.sequence(x, y), c3, c2)


def _orders(good: Parts) -> Iterator[tuple[str, bytes]]:
    x, y, c3, c2 = good.fields()
    c1, tag, content = good.raw()
    yield "C2 before C3 in the SEQUENCE", der.sequence(x, y, c2, c3)
    yield "C3 and C2 before x and y", der.sequence(c3, c2, x, y)
    yield "y before x", der.sequence(y, x, c3, c2)
    yield "raw 04 C1 C3 C2", b"\x04" + c1 + tag + content
    yield "raw C1 C3 C2", c1 + tag + content
    yield "raw 04 C1 C2 C3", b"\x04" + c1 + content + tag
    yield "raw C1 C2 C3", c1 + content + tag
    yield "raw with a compressed C1", bytes([2 + good.y % 2]) + c1[:32] + tag + content


def _invalid_curves(key: Pair, plaintext: bytes) -> Iterator[tuple[str, Parts]]:
    """Points of other curves y² = x³ + ax + b': whoever does not look answers with the private key's remainder."""
    for x, y in ((1, 2), (5, 7), (P - 3, 1), (12345, 67890)):
        shared = affine_multiply(key.d, (x, y))
        if shared is not None:
            c1 = b"\x04" + octets(x, 32) + octets(y, 32)
            point = b"\x04" + octets(shared[0], 32) + octets(shared[1], 32)
            yield f"the point {x}, {y} of another curve, C2 and C3 made for it", seal(c1, point, plaintext)
    for x in (2, 3):  # y = 0: order 2
        c1 = b"\x04" + octets(x, 32) + bytes(32)
        yield f"the point {x}, 0 of order 2 of another curve, C2 and C3 made for an odd key", seal(c1, c1, plaintext)
    yield "infinity as 0, 0, C2 and C3 made for it", seal(b"\x04" + bytes(64), b"\x04" + bytes(64), plaintext)


@functools.cache
def affine_multiply(k: int, point: tuple[int, int]) -> tuple[int, int] | None:
    """Multiply on whatever curve with our a the point lies; None for infinity."""
    result: tuple[int, int] | None = None
    for bit in f"{k:b}":
        result = _add(result, result)
        if bit == "1":
            result = _add(result, point)
    return result


def _add(p: tuple[int, int] | None, q: tuple[int, int] | None) -> tuple[int, int] | None:
    if p is None or q is None:
        return p or q
    (x1, y1), (x2, y2) = p, q
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) if p == q else (y2 - y1) * pow(x2 - x1, -1, P)
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def _derivations(c1: bytes, shared: bytes, plaintext: bytes) -> Iterator[tuple[str, Parts]]:
    good = seal(c1, shared, plaintext)
    x2y2 = shared[1:]
    streams = {
        "counter from 0": b"".join(sm3(x2y2, i.to_bytes(4)) for i in range(8)),
        "counter little-endian": b"".join(sm3(x2y2, i.to_bytes(4, "little")) for i in range(1, 9)),
        "SHA-256": b"".join(hashlib.sha256(x2y2 + i.to_bytes(4)).digest() for i in range(1, 9)),
        "x2 only": kdf(x2y2[:32], 256),
        "with the 04": kdf(shared, 256),
    }
    for reason, stream in streams.items():
        c2 = bytes(a ^ b for a, b in zip(plaintext, stream[: len(plaintext)], strict=True))
        yield reason, good._replace(c2=c2)


@functools.cache
def _zero_stream(key: Pair) -> Parts:
    """One octet under a key stream that is 0: GB/T 32918.4 7.1 B4 refuses what it would open to."""
    for n in range(1 << 12):
        k = number(f"zero {key.d} {n}")
        shared = sm2.multiply(k, key.point)
        if not any(kdf(shared[1:], 1)):
            return seal(sm2.multiply(k), shared, b"M")
    raise AssertionError("no such nonce")


# Keys


def key_cases() -> Iterator[tuple[str, str, dict[str, Any]]]:
    key, other = KEYS[0], KEYS[1]
    for reason, d in {
        "0": 0, "n - 1 (1 + d has no inverse)": N - 1, "n": N, "n + 1": N + 1, "2^256 - 1": (1 << 256) - 1, "p": P,
    }.items():  # fmt: skip
        yield "private key", f"d = {reason}", {"pkcs8": pkcs8(octets(d, 32))}
    scalar = octets(key.d, 32)
    for reason, value in {
        "31 octets": scalar[1:], "33 octets": b"\0" + scalar, "no octets": b"", "64 octets": bytes(32) + scalar,
    }.items():  # fmt: skip
        yield "private key", f"d of {reason}", {"pkcs8": pkcs8(value)}
    yield "pair", "public key of another private key", {"pkcs8": pkcs8(scalar, other.point)}
    yield "pair", "the negated public key", {"pkcs8": pkcs8(scalar, _negate(key.point))}
    for reason, point in _bad_points(key.point):
        yield "pair", f"public key: {reason}", {"pkcs8": pkcs8(scalar, point)}
        yield "public key", reason, {"point": point}
    for x, y in ((1, 2), (5, 7), (2, 0), (3, 0)):
        yield "public key", f"the point {x}, {y} of another curve", {"point": b"\x04" + octets(x, 32) + octets(y, 32)}


def _bad_points(point: bytes) -> Iterator[tuple[str, bytes]]:
    x, y = int.from_bytes(point[1:33]), int.from_bytes(point[33:])
    yield "infinity as one zero octet", b"\0"
    yield "infinity as zeros", b"\x04" + bytes(64)
    yield "no octets", b""
    yield "without the 04", point[1:]
    yield "one octet less", point[:-1]
    yield "one octet more", point + b"\0"
    yield "compressed", bytes([2 + y % 2]) + point[1:33]
    yield "hybrid", bytes([6 + y % 2]) + point[1:]
    yield "last bit of y changed", point[:-1] + bytes([point[-1] ^ 1])
    yield "last bit of x changed", point[:32] + bytes([point[32] ^ 1]) + point[33:]
    yield "x and y exchanged", b"\x04" + point[33:] + point[1:33]
    yield "p - x", b"\x04" + octets(P - x, 32) + point[33:]
    yield "x = y = p", b"\x04" + octets(P, 32) * 2
    yield "all ones", b"\x04" + b"\xff" * 64


def pkcs8(scalar: bytes, point: bytes | None = None) -> bytes:
    public = der.explicit(1, der.bit_string(point)) if point is not None else b""
    inside = der.sequence(der.integer(1), der.octet_string(scalar), public)
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.156.10197.1.301"))
    return der.sequence(der.integer(0), algorithm, der.octet_string(inside))


# Files

OPENSSL = {
    "public": bytes.fromhex(
        "044ccd39a5f1d2628a107012d381f108f7dcea4c8843f4d2ba848c9fd78fbbc4328acc67d076f65f50c25705a2ea5c8278d6"
        "fb7b9ef0c8b3c97c116553fdfc58dc"
    ),
    "message": bytes.fromhex("68656c6c6f206269642062756e646c650a"),
    "signature": bytes.fromhex(
        "3046022100ca5e050ac33e6c392d301008a9a7756f7461b189b97ad5bf411092476407bfee0221008ad9bdcf5be6140471ad"
        "35c2fc56a53459fa34a7638cb0a2b16dd230c9a86037"
    ),
    "private": "ee77908987ff7b7438fd7ad4eaec67f0e2b8673ee1afd5e0f39063251de60740",
    "ciphertext": bytes.fromhex(
        "307a022014bd7befd3cdfc854c74706ddda46b750c7fded39bb6e61713a3285b13b4d562022100e2776b714d69573de596ae"
        "59b346b8b9c4db29d965d4bd7b56acca18f1b86bf3042062f789948fdb82f8dc3ade8c953b6f59f006495a765161d8f1c59b"
        "1f7901f4980411dd01ebc646076cc0ff476051a25385fea8"
    ),
}
"""Made by OpenSSL 3.0.19 with throw-away keys, distid 1234567812345678."""


def _row(group: str, reason: str, expected: str, **values: Any) -> dict[str, Any]:
    shown = {name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()}
    return {"class": group, "reason": reason, "expected": expected, **shown}


def _file(kind: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Make the file's contents; of several reasons for the same bytes the first stays."""
    shown = ("class", "reason")
    unique = {tuple((k, v) for k, v in row.items() if k not in shown): row for row in reversed(rows)}
    rows = list(reversed(unique.values()))
    invalid = sum(row["expected"] == "invalid" for row in rows)
    head = {"format": "yizhao-sm2-vectors-1", "kind": kind, "id": ID.decode(), "invalid": invalid}
    return {**head, "valid": len(rows) - invalid, "tests": [{"number": n, **row} for n, row in enumerate(rows, 1)]}


def signatures() -> dict[str, Any]:
    rows = [_row("valid", "OpenSSL 3.0.19", "valid", **{n: OPENSSL[n] for n in ("public", "message", "signature")})]
    for i, key in enumerate(KEYS):
        for j, message in enumerate(MESSAGES):
            name = f"{i} {j}"
            good = sign(key.d, sm3(compute_z(key.point), message), number(f"nonce {name}"))
            base = {"public": key.point, "message": message, "signature": encode_signature(*good)}
            rows.append(_row("valid", "GB/T 32918.2 6.1", "valid", **base))
            for group, reason, changed in signature_cases(key, KEYS[i - 1], message, name):
                rows.append(_row(group, reason, "invalid", **{**base, **changed}))
    return _file("signature", rows)


def ciphertexts() -> dict[str, Any]:
    plain = {"private": OPENSSL["private"], "plaintext": OPENSSL["message"], "ciphertext": OPENSSL["ciphertext"]}
    rows = [_row("valid", "OpenSSL 3.0.19", "valid", **plain)]
    for i, key in enumerate(KEYS):
        for j, plaintext in enumerate(PLAINTEXTS):
            name = f"{i} {j}"
            k = number(f"encryption nonce {name}")
            good = seal(sm2.multiply(k), sm2.multiply(k, key.point), plaintext).encode()
            private = octets(key.d, 32)
            values = {"private": private, "plaintext": plaintext, "ciphertext": good}
            rows.append(_row("valid", "GB/T 32918.4 6.1", "valid", **values))
            for group, reason, changed in ciphertext_cases(key, KEYS[i - 1], plaintext, name):
                rows.append(_row(group, reason, "invalid", private=private, **changed))
    return _file("ciphertext", rows)


def keys() -> dict[str, Any]:
    rows = [_row("private key", "with its public key", "valid", pkcs8=pkcs8(octets(k.d, 32), k.point)) for k in KEYS]
    rows += [_row("public key", "on the curve", "valid", point=k.point) for k in KEYS]
    for d in (1, 2, N - 2):
        rows.append(_row("private key", f"d = {'n - 2' if d == N - 2 else d}", "valid", pkcs8=pkcs8(octets(d, 32))))
    rows += [_row(group, reason, "invalid", **values) for group, reason, values in key_cases()]
    return _file("key", rows)


FILES = {
    "sm2-signature-negative.json": signatures,
    "sm2-ciphertext-negative.json": ciphertexts,
    "sm2-key-negative.json": keys,
}


def render(name: str) -> str:
    """Answer the text of one file, one test a line."""
    content = FILES[name]()
    tests = ",\n".join(json.dumps(test, ensure_ascii=False) for test in content.pop("tests"))
    head = json.dumps(content, ensure_ascii=False, indent=1)
    return f'{head[:-2]},\n "tests": [\n{tests}\n]}}\n'


if __name__ == "__main__":
    for file in FILES:
        (FOLDER / file).write_text(render(file), encoding="utf-8")
