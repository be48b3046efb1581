"""Reading the XML parts of an OFD package: no document type, no entities, bounded, by local names of its namespace.

OFD 1.0, 1.1 and 2.0 write elements in namespaces under `http://www.ofdspec.org`; some makers write none. Where the
structure matters, elements of others are refused; where only names are followed, they count like ours.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from signing.errors import LimitError, MalformedError

MAX_XML: Final = 16 << 20
"""Bytes of one XML part that is read."""
MAX_ELEMENTS: Final = 100_000
"""Elements of a part that is read into nodes."""
_MAX_SCANNED: Final = 2_000_000
_MAX_DEPTH: Final = 64
_MAX_TEXT: Final = 2048
_NAMESPACE: Final = "http://www.ofdspec.org"
_UNSAID: Final = frozenset({"TextCode", "AbbreviatedData"})
_DRAWN: Final = frozenset({"TextObject", "PathObject", "ImageObject", "CompositeObject"})
_ASIDE: Final = frozenset(
    {"Attachments", "CustomTags", "Extensions", "Signatures", "FileList", "CustomDatas", "Bookmarks"}
)


@dataclass
class Node:
    """An element: local name, attributes (those of a namespace as "namespace name"), text and children."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Node"] = field(default_factory=list)

    def all(self, name: str) -> list["Node"]:
        """Answer the children of this name."""
        return [child for child in self.children if child.name == name]

    def one(self, name: str) -> "Node":
        """Answer the only child of this name; MalformedError when there is none or another."""
        found = self.all(name)
        if len(found) != 1:
            raise MalformedError(f"{self.name} with {len(found)} {name}")
        return found[0]

    def maybe(self, name: str) -> "Node | None":
        """Answer the only child of this name, or None; MalformedError when there are several."""
        return self.one(name) if self.all(name) else None

    def walk(self) -> Iterator["Node"]:
        """Yield this element and all below it."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack += reversed(node.children)


@dataclass
class Scan:
    """What a part may refer to: texts and values whose last step is a known file name.

    `aside` are those of attachments, tags and the like, which are not part of what pages show.
    """

    root: str = ""
    base: str = ""
    draws: bool = False
    shown: set[str] = field(default_factory=set)
    aside: set[str] = field(default_factory=set)


def parse_part(data: bytes, root: str) -> Node:
    """Read a part whose root element must be `root`. Raises LimitError, MalformedError."""
    builder = _Builder()
    read_with(data, builder)
    if builder.root is None or builder.root.name != root:
        raise MalformedError(f"no {root} element")
    return builder.root


def scan_part(data: bytes, files: frozenset[str]) -> Scan:
    """Find what a part may refer to among parts with these last names, case folded.

    Raises LimitError, MalformedError.
    """
    scanner = _Scanner(files)
    read_with(data, scanner)
    return scanner.found


class Handler(ABC):
    """Takes what a parser finds: counts and bounds; subclasses keep what they need."""

    most = MAX_ELEMENTS

    def __init__(self) -> None:
        """Start with nothing counted."""
        self.count = self.depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Count an element, and hand it on by its local name."""
        self.count += 1
        self.depth += 1
        if self.count > self.most or self.depth > _MAX_DEPTH:
            raise LimitError("too many or too deep XML elements")
        space, _, local = name.rpartition(" ")
        self.opened(local, attributes, is_ours=not space or space.startswith(_NAMESPACE))

    def end(self, _name: str) -> None:
        """Hand the end of an element on."""
        self.depth -= 1
        self.closed()

    @abstractmethod
    def opened(self, name: str, attributes: dict[str, str], *, is_ours: bool) -> None:
        """Take the start of an element."""

    @abstractmethod
    def closed(self) -> None:
        """Take the end of the innermost element."""

    @abstractmethod
    def characters(self, text: str) -> None:
        """Take text."""


class _Builder(Handler):
    def __init__(self) -> None:
        super().__init__()
        self.root: Node | None = None
        self._path = list[Node]()
        self._texts = list[list[str]]()

    def opened(self, name: str, attributes: dict[str, str], *, is_ours: bool) -> None:
        if not is_ours:  # readers that look at prefixes only would take it for one of ours
            raise MalformedError(f"{name} of another namespace")
        node = Node(name, attributes)
        if self._path:
            self._path[-1].children.append(node)
        else:
            self.root = node
        self._path.append(node)
        self._texts.append([])

    def closed(self) -> None:
        self._path.pop().text = "".join(self._texts.pop()).strip()

    def characters(self, text: str) -> None:
        self._texts[-1].append(text)


class _Scanner(Handler):
    most = _MAX_SCANNED

    def __init__(self, files: frozenset[str]) -> None:
        super().__init__()
        self.found = Scan()
        self._files = files
        self._names = list[tuple[str, bool]]()
        self._aside = 0
        self._text = ""

    def opened(self, name: str, attributes: dict[str, str], *, is_ours: bool) -> None:
        if not self._names:
            self.found.root, self.found.base = name, attributes.get("BaseLoc", "")
        # a root such as Attachments is only reached from where it is asked for
        aside = is_ours and name in _ASIDE and self.depth > 1
        self._names.append((name, aside))
        self._aside += aside
        self.found.draws = self.found.draws or name in _DRAWN
        self._text = ""
        for value in attributes.values():
            self._keep(value)

    def closed(self) -> None:
        name, aside = self._names.pop()
        if name not in _UNSAID:
            self._keep(self._text)
        self._text = ""
        self._aside -= aside

    def characters(self, text: str) -> None:
        if len(self._text) < _MAX_TEXT:
            self._text += text

    def _keep(self, value: str) -> None:
        last = value.strip().replace("\\", "/").rpartition("/")[2].casefold()
        if last in self._files:
            (self.found.aside if self._aside else self.found.shown).add(value)


def read_with(data: bytes, handler: Handler) -> None:
    """Hand the elements of a part to a handler. Raises LimitError, MalformedError."""
    if len(data) > MAX_XML:
        raise LimitError(f"{len(data)} bytes of XML; at most {MAX_XML} are read")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("XML that is not UTF-8") from error
    if b"\0" in data:  # expat would find out UTF-16 by itself
        raise MalformedError("XML that is not UTF-8")
    parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
    parser.buffer_text = True
    for refused in ("StartDoctypeDecl", "EntityDecl", "ExternalEntityRef", "SkippedEntity", "ProcessingInstruction"):
        setattr(parser, f"{refused}Handler", _refuse)
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.characters
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise MalformedError(f"not well-formed XML: {error}") from error


def _refuse(*_arguments: object) -> int:
    raise MalformedError("XML with a document type, entities or processing instructions")
