"""Small changes to XML parts of an OFD package: one element added, every other byte as it was."""

import re
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from signing.errors import MalformedError

_TAG: Final = re.compile(rb"<(?:([^\s:<>/]+):)?([^\s:<>/]+)")
_NUMBER: Final = re.compile(r"(?<!\d)(\d{1,15})\Z", re.ASCII)
_TOP, _CHILD, _GRANDCHILD = 1, 2, 3


@dataclass(frozen=True)
class _Span:
    """An element in its bytes: from `start` to `stop`; `inner` is where its end tag begins, or -1 without one."""

    depth: int
    name: str
    start: int
    inner: int
    stop: int


def add_to_list(data: bytes, name: str, location: str, highest: int) -> bytes:
    """Add a seal to a Signatures.xml (签名列表) as its last element; a MaxSignId there becomes `highest`.

    Raises MalformedError.
    """
    top = next((span for span in _spans(data) if span.depth == _TOP), None)
    if top is None:
        raise MalformedError("no Signatures element")
    line = f'Signature ID={quoteattr(name)} Type="Seal" BaseLoc={quoteattr(location)}/>'
    edited = _insert(data, top, line)
    for span in reversed([one for one in _spans(edited) if (one.depth, one.name) == (_CHILD, "MaxSignId")]):
        prefix = _prefix(edited, span)
        said = edited[span.start : span.stop].decode()
        value = name_of(highest) if re.search(r">\s*[A-Za-z]", said) else str(highest)
        new = f"<{prefix}MaxSignId>{value}</{prefix}MaxSignId>"
        edited = edited[: span.start] + new.encode() + edited[span.stop :]
    return edited


def add_list(data: bytes, body: int, location: str) -> bytes:
    """Add the place of a list of signatures to the n-th DocBody (from 0) of an OFD.xml, instead of an empty one.

    Raises MalformedError.
    """
    span = _body(data, body)
    for old in reversed([one for one in _spans(data) if (one.depth, one.name) == (_GRANDCHILD, "Signatures")]):
        if span.start < old.start < span.stop:
            data = data[: old.start] + data[old.stop :]
    span = _body(data, body)
    return _insert(data, span, f"Signatures>{escape(location)}</{_prefix(data, span)}Signatures>")


def name_of(number: int) -> str:
    """Write the name of a signature or impression as the standard recommends: s001, s002, …"""
    return f"s{number:03d}"


def number_of(name: str) -> int:
    """Read the number at the end of such a name; 0 without one."""
    found = _NUMBER.search(name.strip())
    return int(found[1]) if found else 0


def _body(data: bytes, number: int) -> _Span:
    bodies = [one for one in _spans(data) if (one.depth, one.name) == (_CHILD, "DocBody")]
    if not 0 <= number < len(bodies):
        raise MalformedError("no such DocBody")
    return bodies[number]


def _insert(data: bytes, span: _Span, element: str) -> bytes:
    """Put an element (without its `<` and prefix) at the end of another."""
    prefix = _prefix(data, span)
    new = f"<{prefix}{element}".encode()
    if span.inner >= 0:
        return data[: span.inner] + new + data[span.inner :]
    return data[: span.stop - 2] + b">" + new + f"</{prefix}{span.name}>".encode() + data[span.stop :]


def _prefix(data: bytes, span: _Span) -> str:
    found = _TAG.match(data, span.start)
    if found is None or found[2].decode() != span.name:
        raise MalformedError(f"{span.name} is not where it should be")
    return f"{found[1].decode()}:" if found[1] else ""


def _spans(data: bytes) -> list[_Span]:
    """Find the top element, its children and theirs in the bytes; `data` was read as a part before."""
    finder = _Finder(data)
    try:
        finder.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise MalformedError(f"not well-formed XML: {error}") from error
    return finder.found


class _Finder:
    """Keeps where elements begin and end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.found = list[_Span]()
        self._path = list[tuple[str, int]]()
        self._fresh = False
        self.parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
        self.parser.StartElementHandler = self._open
        self.parser.EndElementHandler = self._close
        self.parser.DefaultHandler = self._other
        self.parser.CharacterDataHandler = self._other

    def _open(self, name: str, _attributes: dict[str, str]) -> None:
        self._path.append((name.rpartition(" ")[2], self.parser.CurrentByteIndex))
        self._fresh = True

    def _other(self, _text: str) -> None:
        self._fresh = False

    def _close(self, _name: str) -> None:
        name, start = self._path.pop()
        at = self.parser.CurrentByteIndex
        is_empty = self._fresh and self.data[at - 2 : at] == b"/>"
        self._fresh = False
        depth = len(self._path) + 1
        if depth <= _GRANDCHILD:
            stop = at if is_empty else self.data.index(b">", at) + 1
            self.found.append(_Span(depth, name, start, -1 if is_empty else at, stop))
