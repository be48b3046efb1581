"""Damaging messages: bytes anywhere, elements of DER, values of JSON. All from one source of randomness."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

MAX_LENGTH = 1 << 16
TOKENS = (
    b"\0",
    b"\xff" * 4,
    b"\x80",
    b"\x30\x80",
    b"\0\0",
    b"\x84\x7f\xff\xff\xff",
    b"\x05\0",
    b"\x02\x01\0",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"<!DOCTYPE a [",
    b"&#0;",
    b"/ByteRange [0 1 2 3]",
    b"9" * 30,
    b"-1",
    b"\\u0000",
    b"null",
    b"[" * 40,
)
Node = tuple[bytes, "bytes | list[Node]"]


def mutate(data: bytes, random: Random, others: Sequence[bytes] = ()) -> bytes:
    """Answer a damaged message of at most 64 KiB (or its own length)."""
    limit = max(len(data), MAX_LENGTH)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        kinds: list[Callable[[bytes, Random], bytes]] = [_bytes, _bytes, _structure]
        changed = random.choice(kinds)(data, random)
        if others and random.random() < 0.05:
            changed = _splice(changed, random.choice(others), random)
        data = changed[:limit]
    return data


def _bytes(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    length = random.choice((1, 1, 2, 4, 8, 64))
    token, piece = random.choice(TOKENS), data[at : at + length]
    ways = (
        data[:at] + bytes(byte ^ (1 << random.randrange(8)) for byte in data[at : at + 1]) + data[at + 1 :],
        data[:at] + random.randbytes(length) + data[at + length :],
        data[:at] + data[at + length :],
        data[:at] + token + data[at:],
        data[:at] + token + data[at + len(token) :],
        data[:at] + piece * random.choice((2, 3, 50)) + data[at + length :],
        data[:at],
    )
    return random.choice(ways)


def _splice(data: bytes, other: bytes, random: Random) -> bytes:
    at, start = random.randrange(len(data) + 1), random.randrange(len(other) + 1)
    return data[:at] + other[start : start + random.choice((8, 64, 1024))] + data[at:]


def _structure(data: bytes, random: Random) -> bytes:
    if data[:1] in (b"{", b"["):
        return _json(data, random)
    if data[:1] == b"\x30":
        return _der(data, random)
    return _bytes(data, random)


# DER: one element changes, the lengths around it are right


def _der(data: bytes, random: Random) -> bytes:
    tree = _parse(data, 0)
    if tree is None:
        return _bytes(data, random)
    places = list(_places(tree))
    siblings, index = random.choice(places)
    tag, body = siblings[index]
    match random.randrange(6):
        case 0:
            del siblings[index]
        case 1:
            siblings.insert(index, siblings[index])
        case 2:
            siblings[index] = (bytes([random.choice((1, 2, 3, 4, 5, 6, 12, 23, 24, 48, 49, 128, 160, 161))]), body)
        case 3:
            other, place = random.choice(places)
            grafted, inside = other[place]
            siblings[index] = (grafted, _body(inside))
        case 4:
            siblings[index] = (tag, random.choice((b"", b"\0", b"\xff" * 9, b"\0" * 33, b"\x7f" * 130)))
        case _:
            siblings[index] = (tag, _bytes(_body(body), random))
    return _encode_all(tree)


def _parse(data: bytes, depth: int) -> list[Node] | None:
    """Read bytes that are DER elements from end to end; None if they are not."""
    found, at = list[Node](), 0
    while at < len(data):
        if depth > 14 or len(data) - at < 2:
            return None
        tag, first, head = data[at : at + 1], data[at + 1], 2
        length = first
        if first > 0x80:
            head += first & 0x7F
            length = int.from_bytes(data[at + 2 : at + head])
        body = data[at + head : at + head + length]
        if first == 0x80 or len(body) != length:
            return None
        inner = _parse(body, depth + 1) if tag[0] & 0x20 or (tag == b"\x04" and body[:1] == b"\x30") else None
        found.append((tag, body if inner is None else inner))
        at += head + length
    return found


def _places(nodes: list[Node]) -> list[tuple[list[Node], int]]:
    here = [(nodes, index) for index in range(len(nodes))]
    return here + [place for _, body in nodes if isinstance(body, list) for place in _places(body)]


def _body(body: bytes | list[Node]) -> bytes:
    return body if isinstance(body, bytes) else _encode_all(body)


def _encode_all(nodes: list[Node]) -> bytes:
    return b"".join(_encode(tag, _body(body)) for tag, body in nodes)


def _encode(tag: bytes, body: bytes) -> bytes:
    if len(body) < 0x80:
        return tag + bytes([len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8)
    return tag + bytes([0x80 | len(length)]) + length + body


# JSON: one value changes, the text stays canonical


def _json(data: bytes, random: Random) -> bytes:
    try:
        tree = [json.loads(data)]
    except (ValueError, RecursionError):
        return _bytes(data, random)
    holder, key = random.choice(list(_values(tree)))
    odd = ("", 0, -1, 1 << 70, None, True, [], {}, "\0", "x" * 5000, 1.5, "9999-12-31T23:59:59Z", "A" * 43 + "=")
    match random.randrange(5):
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 1:
            holder[key] = [holder[key]] * random.choice((1, 2, 600))
        case 2 if isinstance(holder[key], str):
            text = holder[key]
            at = random.randrange(len(text) + 1)
            holder[key] = text[:at] + random.choice("A0=/.\u202e一") + text[at + random.randrange(2) :]
        case _:
            holder[key] = random.choice(odd)
    written = json.dumps(tree[0], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return written.encode("utf-8", "replace")


def _values(tree: Any) -> list[tuple[Any, Any]]:
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree))) if isinstance(tree, list) else []
    return [(tree, key) for key in keys] + [place for key in keys for place in _values(tree[key])]
