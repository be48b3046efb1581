"""The pages of an OFD document (GB/T 33190-2016 7.5 to 7.7): their IDs, parts, sizes and templates.

Lengths are millimetres from the upper left corner of the physical area, which is the origin of everything on a page;
nothing is turned.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from sealing.errors import NoOfdPagesError, UnreadableOfdError, UnsealableOfdError
from sealing.ofd_xml import MAX_XML, Handler, Node, parse_part, read_with
from sealing.ofd_zip import OfdPackage
from sealing.placement import POINTS_PER_MM, PageView
from signing.errors import MalformedError

_MAX_SIDE: Final = 15_000.0
"""Millimetres; the same bound that plans have."""
_BOX: Final = 4
_RESOURCES: Final = ("PublicRes", "DocumentRes")
_DENIED: Final = frozenset({"false", "0"})

Area = tuple[float, float]
"""Width and height in mm."""


@dataclass(frozen=True)
class OfdPage:
    """One page: its ID, its part, the parts of its templates, and how it is displayed."""

    id: str
    part: str
    templates: tuple[str, ...]
    view: PageView


@dataclass(frozen=True)
class OfdDocument:
    """One document of a package; `may_sign` is what its permissions say (7.5 Permissions/Signature)."""

    part: str
    pages: tuple[OfdPage, ...]
    may_sign: bool
    resources: tuple[str, ...] = ()
    """The parts of its resources."""


def read_document(package: OfdPackage, part: str) -> OfdDocument:
    """Read a document and all its pages.

    Raises UnreadableOfdError, NoOfdPagesError, UnsealableOfdError for a page that is missing, damaged or without size,
    LimitError.
    """
    try:
        root = parse_part(package.read(part, limit=MAX_XML), "Document")
        listed = _below(root, "Pages", "Page")
        reader = _Pages(package, part, _common_area(root), _templates(package, part, root))
    except MalformedError as error:
        raise UnreadableOfdError(f"{part}：{error}") from error
    if not listed:
        raise NoOfdPagesError(part)
    denied = any(one.text.casefold() in _DENIED for one in _below(root, "Permissions", "Signature"))
    named = [package.find(part, one.text) for kind in _RESOURCES for one in _below(root, "CommonData", kind)]
    pages = tuple(reader.read(one, at) for at, one in enumerate(listed, 1))
    return OfdDocument(part, pages, not denied, tuple(dict.fromkeys(one for one in named if one)))


def page_view(width: float, height: float) -> PageView:
    """Answer the view of a page of this size in mm."""
    return PageView((0.0, 0.0, width * POINTS_PER_MM, height * POINTS_PER_MM))


def read_numbers(text: str) -> tuple[float, ...]:
    """Read an ST_Array of numbers; empty when one of them is none, or is not finite."""
    try:
        numbers = tuple(float(one) for one in text.split())
    except ValueError:
        return ()
    return numbers if all(map(math.isfinite, numbers)) else ()


@dataclass(frozen=True)
class _Pages:
    """Reads pages, each part once, however many pages share it."""

    package: OfdPackage
    document: str
    common: Area | None
    templates: Mapping[str, str]
    known: dict[str, "_Face"] = field(default_factory=dict)

    def read(self, node: Node, number: int) -> OfdPage:
        location = node.attributes.get("BaseLoc", "")
        part = self.package.find(self.document, location)
        if not part:
            raise UnsealableOfdError(f"第 {number} 页的部件 {location} 不在包内")
        try:
            face = self._face(part)
            templates = tuple(self.templates[one] for one in face.templates if self.templates.get(one))
            area = face.area or next(self._template_areas(templates), self.common)
        except MalformedError as error:
            raise UnsealableOfdError(f"第 {number} 页：{error}") from error
        if area is None:
            raise UnsealableOfdError(f"第 {number} 页没有页面尺寸")
        return OfdPage(node.attributes.get("ID", ""), part, templates, page_view(*area))

    def _template_areas(self, templates: tuple[str, ...]) -> Iterator[Area]:
        for part in templates:
            area = self._face(part).area
            if area is not None:
                yield area

    def _face(self, part: str) -> "_Face":
        if part not in self.known:
            face = _Face()
            read_with(self.package.read(part, limit=MAX_XML), face)
            self.known[part] = face
        return self.known[part]


class _Face(Handler):
    """What a page says of itself before its content: area and templates."""

    most = 2_000_000

    def __init__(self) -> None:
        super().__init__()
        self.area: Area | None = None
        self.templates = list[str]()
        self._path = list[str]()
        self._text = ""

    def opened(self, name: str, attributes: dict[str, str], *, is_ours: bool) -> None:
        self._path.append(name if is_ours else "")
        self._text = ""
        if self._path == ["Page", "Template"]:
            self.templates.append(attributes.get("TemplateID", ""))

    def closed(self) -> None:
        if self._path == ["Page", "Area", "PhysicalBox"]:
            self.area = _area(self._text)
        self._path.pop()

    def characters(self, text: str) -> None:
        if self._path[-1] == "PhysicalBox":
            self._text += text


def _templates(package: OfdPackage, part: str, root: Node) -> dict[str, str]:
    listed = _below(root, "CommonData", "TemplatePage")
    return {one.attributes.get("ID", ""): package.find(part, one.attributes.get("BaseLoc", "")) for one in listed}


def _common_area(root: Node) -> Area | None:
    boxes = [box for area in _below(root, "CommonData", "PageArea") for box in area.all("PhysicalBox")]
    return _area(boxes[0].text) if boxes else None


def _below(root: Node, first: str, second: str) -> list[Node]:
    return [one for holder in root.all(first) for one in holder.all(second)]


def _area(text: str) -> Area | None:
    numbers = read_numbers(text)
    if len(numbers) != _BOX or not all(0 < side <= _MAX_SIDE for side in numbers[2:]):
        raise MalformedError(f"页面尺寸 {text[:60]!r} 无效")
    return numbers[2], numbers[3]
