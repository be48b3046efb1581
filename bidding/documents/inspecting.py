"""Looking through one PDF that a bidder brings, inside the child process: everything reachable, nothing executed."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct
from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NameObject, PdfObject, StreamObject

from bidding.errors import (
    ActiveContentError,
    DamagedDocumentError,
    DocumentTooLargeError,
    EmptyDocumentError,
    EncryptedDocumentError,
)

MAX_OBJECTS: Final = 2_000_000
_ACTIVE_KEYS: Final = {
    "/JavaScript": "JavaScript",
    "/JS": "JavaScript",
    "/XFA": "XFA 表单",
    "/EmbeddedFiles": "嵌入的附件",
    "/EF": "嵌入的附件",
    "/RichMedia": "富媒体",
}
_ACTIVE_ACTIONS: Final = {
    "/JavaScript": "JavaScript",
    "/Launch": "启动程序的动作",
    "/SubmitForm": "提交表单的动作",
    "/ImportData": "导入数据的动作",
    "/GoToE": "打开附件的动作",
    "/Movie": "影音",
    "/Sound": "影音",
    "/Rendition": "影音",
    "/RichMediaExecute": "富媒体",
}
_ACTIVE_ANNOTATIONS: Final = {
    "/FileAttachment": "嵌入的附件",
    "/RichMedia": "富媒体",
    "/Screen": "影音",
    "/Movie": "影音",
    "/3D": "三维内容",
}
_QUIET_ANNOTATIONS: Final = frozenset({"/Link", "/Popup"})
MM: Final = 25.4 / 72


class Inspect(Struct, frozen=True):
    """What to look at."""

    path: str
    max_pages: int


class PageSize(Struct, frozen=True, array_like=True):
    """A page as it is seen: turned by /Rotate, cut to its crop box; millimetres."""

    w_mm: float
    h_mm: float


class Findings(Struct, frozen=True):
    """What a PDF is, if nothing forbids its use."""

    pages: tuple[PageSize, ...]
    signed: bool
    """It carries a signature or seal already."""
    drawn_annotations: bool
    """Form fields or comments stand on its pages; they must be drawn into the page before pages are joined."""
    fonts_missing: tuple[str, ...]
    """Fonts that are not embedded, at most twenty."""


def inspect(request: bytes) -> Any:
    """Answer Findings for a path; a DocumentError says why the file cannot be used."""
    asked = msgspec.json.decode(request, type=Inspect)
    reader = PdfReader(asked.path, strict=False)
    if reader.is_encrypted:
        raise EncryptedDocumentError("the file is encrypted, with or without a password to open it")
    pages = _pages(reader, asked.max_pages)
    seen = _Seen()
    for value in _reachable(reader):
        seen.look(value)
    return msgspec.to_builtins(Findings(tuple(pages), seen.signed, seen.drawn, tuple(sorted(seen.fonts)[:20])))


def visible_box(page: Any) -> tuple[float, float, float, float]:
    """Crop box cut to the media box, in user space: left, bottom, right, top."""
    media, crop = page.mediabox, page.cropbox
    left, bottom = max(float(media.left), float(crop.left)), max(float(media.bottom), float(crop.bottom))
    right, top = min(float(media.right), float(crop.right)), min(float(media.top), float(crop.top))
    if right <= left or top <= bottom:
        left, bottom, right, top = (float(edge) for edge in (media.left, media.bottom, media.right, media.top))
    return left, bottom, right, top


def rotation(page: Any) -> int:
    """Clockwise turn at which a page is shown: 0, 90, 180 or 270."""
    return int(page.rotation) % 360 // 90 * 90


def _pages(reader: PdfReader, most: int) -> list[PageSize]:
    count = len(reader.pages)
    if not count:
        raise EmptyDocumentError("the file has no pages")
    if count > most:
        raise DocumentTooLargeError(f"{count} pages; at most {most} are taken")
    sizes = []
    for page in reader.pages:
        left, bottom, right, top = visible_box(page)
        unit = float(page.user_unit) * MM
        w, h = round((right - left) * unit, 2), round((top - bottom) * unit, 2)
        if not (1 <= w <= 5080 and 1 <= h <= 5080):  # noqa: PLR2004 - ISO 32000 Annex C: 14,400 units
            raise DamagedDocumentError(f"a page measures {w} × {h} mm")
        sizes.append(PageSize(h, w) if rotation(page) in (90, 270) else PageSize(w, h))
    return sizes


def _reachable(reader: PdfReader) -> Iterator[DictionaryObject]:
    """Every dictionary that the catalogue reaches, once each."""
    todo: list[Any] = [reader.trailer.get("/Root")]
    visited: set[int] = set()
    steps = 0
    while todo:
        value = todo.pop()
        steps += 1
        if steps > MAX_OBJECTS * 10:
            raise DamagedDocumentError("more objects than are looked through")
        if isinstance(value, IndirectObject):
            if value.idnum in visited:
                continue
            visited.add(value.idnum)
            if len(visited) > MAX_OBJECTS:
                raise DamagedDocumentError("more objects than are looked through")
            value = value.get_object()
        if isinstance(value, DictionaryObject):
            yield value
            todo.extend(value.values())
        elif isinstance(value, ArrayObject):
            todo.extend(value)


class _Seen:
    """What was seen so far."""

    def __init__(self) -> None:
        self.signed = False
        self.drawn = False
        self.fonts: set[str] = set()

    def look(self, value: DictionaryObject) -> None:
        """Refuse active content, remember the rest."""
        for key, what in _ACTIVE_KEYS.items():
            if key in value and not _is_empty(value[key]):
                raise ActiveContentError(what)
        action, subtype = value.get("/S"), value.get("/Subtype")
        if (
            isinstance(action, NameObject)
            and action in _ACTIVE_ACTIONS
            and "/K" not in value
            and value.get("/Type") in (None, "/Action")
        ):
            raise ActiveContentError(_ACTIVE_ACTIONS[action])
        if isinstance(subtype, NameObject) and "/Rect" in value:
            if subtype in _ACTIVE_ANNOTATIONS:
                raise ActiveContentError(_ACTIVE_ANNOTATIONS[subtype])
            self.drawn = self.drawn or subtype not in _QUIET_ANNOTATIONS
        if "/ByteRange" in value or (value.get("/FT") == "/Sig" and "/V" in value):
            self.signed = True
        if value.get("/Type") == "/Font" and subtype not in ("/Type0", "/Type3"):
            self._font(value)

    def _font(self, font: DictionaryObject) -> None:
        descriptor = font.get("/FontDescriptor")
        found = descriptor.get_object() if isinstance(descriptor, PdfObject) else None
        if not isinstance(found, DictionaryObject) or not any(
            key in found for key in ("/FontFile", "/FontFile2", "/FontFile3")
        ):
            self.fonts.add(str(font.get("/BaseFont", "?")).lstrip("/")[:80])


def _is_empty(value: Any) -> bool:
    """Tell an empty name tree or array, which starts nothing."""
    found = value.get_object() if isinstance(value, PdfObject) else value
    if isinstance(found, StreamObject):
        return False
    if isinstance(found, DictionaryObject):
        return not found.get("/Kids") and not found.get("/Names")
    return isinstance(found, ArrayObject) and not found
