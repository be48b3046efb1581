"""What the picture of a text field says, compared with the field's value."""

import re
from typing import Any, Final

from signing.pdf_objects import Objects, raw_entry
from signing.pdf_reading import is_dictionary, text_of

_MAX: Final = 1 << 20
_LITERAL: Final = re.compile(rb"\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\)", re.DOTALL)
_HEX: Final = re.compile(rb"<([0-9A-Fa-f\s]*)>")
_ESCAPE: Final = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_NAMED: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_DRAWS: Final = re.compile(rb"(?<![A-Za-z/])(?:Do|BI|sh)(?![A-Za-z])")


def shows_value(objects: Objects, field: Any, revision: int) -> bool:
    """Whether the normal picture of a text field shows its value and nothing else; white space apart."""
    value = _value_of(objects, field, revision)
    pictures = objects.resolve(raw_entry(field, "/AP"), revision)
    picture = objects.resolve(raw_entry(pictures, "/N"), revision)
    if value is None or picture is None or not is_dictionary(pictures) or set(pictures) - {"/N"}:
        return False
    try:
        drawn = bytes(picture.data)
    except Exception:  # noqa: BLE001 - the library may raise anything at all on hostile bytes: shows nothing
        return False
    if len(drawn) > _MAX or _DRAWS.search(drawn):
        return False
    return any("".join(one.split()) == "".join(value.split()) for one in _texts(drawn))


def _value_of(objects: Objects, field: Any, revision: int) -> str | None:
    for _ in range(8):
        value = objects.resolve(raw_entry(field, "/V"), revision)
        if value is not None or not is_dictionary(field):
            return text_of(value) if isinstance(value, str) else None
        field = objects.resolve(raw_entry(field, "/Parent"), revision)
    return None


def _texts(drawn: bytes) -> list[str]:
    """Answer all that is shown, read as one byte a character and as two."""
    pieces = list[tuple[int, bytes]]()
    for match in _LITERAL.finditer(drawn):
        pieces.append((match.start(), _ESCAPE.sub(_unescape, match[0][1:-1])))
    outside = _LITERAL.sub(lambda match: b" " * len(match[0]), drawn)
    for match in _HEX.finditer(outside):
        digits = b"".join(match[1].split())
        pieces.append((match.start(), bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))))
    shown = b"".join(piece for _, piece in sorted(pieces))
    return [shown.decode("cp1252", "replace"), shown.decode("utf-16-be", "replace")]


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code.isdigit():
        return bytes([int(code, 8) & 0xFF])
    return _NAMED.get(code, code if code not in {b"\n", b"\r"} else b"")
