"""Drawing pages of a PDF as they were signed and as they are now, with the changed boxes; only in the drawing child."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from bidding.reporting.picture_types import (
    MAX_PAIRS,
    MAX_SCANNED,
    PAGE_WIDTH,
    DrawnPair,
    PictureRequest,
    Scan,
    WantedPage,
)
from bidding.reporting.regions import Region, merge_regions, regions_of

_MAX_PIXELS: Final = 2_600_000
_FAINT: Final = 24
"""Of 255; less is no difference that people see."""
_CELL: Final = 8
_RED: Final = (176, 20, 20)
_BLUE: Final = (20, 70, 150)
Told = tuple[float, float, float, float, bool]


class Beginning(io.RawIOBase):
    """The first `length` bytes of a file, as a file of its own: an earlier version is inside the later one."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        """Show so much of `stream`, which must be open and seekable."""
        self._stream, self._length, self._at = stream, length, 0

    def readable(self) -> bool:
        """Answer yes."""
        return True

    def seekable(self) -> bool:
        """Answer yes."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move; never beyond the end."""
        base = (0, self._at, self._length)[whence]
        self._at = min(max(base + offset, 0), self._length)
        return self._at

    def tell(self) -> int:
        """Answer where reading goes on."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there are bytes."""
        self._stream.seek(self._at)
        data = self._stream.read(min(len(buffer), self._length - self._at))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def draw_pairs(request: PictureRequest) -> tuple[tuple[DrawnPair, ...], int, str]:
    """Answer pages side by side, how many pages the file has now, and what could not be drawn."""
    path = Path(request.document)
    wanted, pairs = list(request.pages[:MAX_PAIRS]), list[DrawnPair]()
    ends = _find_ends(path, [*wanted, *request.scans])
    with path.open("rb") as stream, open_version(stream, path.stat().st_size) as now:
        pages = len(now)
        for page in wanted:
            with _earlier(stream, page.signed_bytes or ends.get(page.signature, 0)) as before:
                pairs.append(_draw_pair(before, now, page))
        for scan in request.scans if not wanted else ():
            with _earlier(stream, scan.signed_bytes or ends.get(scan.signature, 0)) as before:
                pairs += _scan(before, now, scan, MAX_PAIRS - len(pairs))
    return tuple(pairs), pages, ""


@contextmanager
def open_version(stream: BinaryIO, length: int) -> Iterator[Any]:
    """Open the first `length` bytes as a PDF, with its form fields, or seals are not drawn."""
    import pypdfium2  # noqa: PLC0415 - only in the child

    document = pypdfium2.PdfDocument(Beginning(stream, length))
    try:
        document.init_forms()
        yield document
    finally:
        document.close()


@contextmanager
def _earlier(stream: BinaryIO, length: int) -> Iterator[Any]:
    """Yield the earlier version, or None where it is not known or cannot be opened."""
    import pypdfium2  # noqa: PLC0415 - only in the child

    if length <= 0:
        yield None
        return
    try:
        document = pypdfium2.PdfDocument(Beginning(stream, length))
        document.init_forms()
    except pypdfium2.PdfiumError:
        yield None
        return
    try:
        yield document
    finally:
        document.close()


def _find_ends(path: Path, wanted: Sequence[WantedPage | Scan]) -> dict[str, int]:
    """Find where the signed version of each signature ends, when the answer did not tell."""
    if all(one.signed_bytes for one in wanted):
        return {}
    from signing.errors import SigningError  # noqa: PLC0415 - the library behind it costs a second
    from signing.pdf import find_signatures  # noqa: PLC0415
    from signing.pdf_reading import open_pdf  # noqa: PLC0415

    try:
        with open_pdf(path) as pdf:
            return {one.name: one.end for one in find_signatures(pdf)}
    except (SigningError, OSError):
        return {}


def render_page(document: Any, number: int, *, width: int = PAGE_WIDTH, drawn: bool = True) -> tuple[Any, float] | None:
    """Draw a page (from 1) to so many pixels across; answers picture and pixels per mm, None if there is no such page.

    Without `drawn`, annotations and form fields are left out.
    """
    if document is None or not 1 <= number <= len(document):
        return None
    page = document[number - 1]
    try:
        across, down = page.get_size()
        scale = min(width / max(across, 1), (_MAX_PIXELS / max(across * down, 1)) ** 0.5)
        picture = page.render(scale=scale, may_draw_forms=drawn, draw_annots=drawn).to_pil().convert("RGB")
        return picture, scale * 72 / 25.4
    finally:
        page.close()


def _draw_pair(before: Any, now: Any, wanted: WantedPage) -> DrawnPair:
    old, new = render_page(before, wanted.page), render_page(now, wanted.page)
    found = _differences(old[0], new[0]) if old and new else ()
    told = wanted.boxes
    unseen = [region for region in found if not any(_inside(region, box, new[1]) for box in told)] if new else []
    first, second = _with_boxes(old, told, unseen), _with_boxes(new, told, unseen)
    same = bool(old and new and not found)
    return DrawnPair(wanted.page, wanted.signature, wanted.title, first, second, len(unseen), same)


def _scan(before: Any, now: Any, scan: Scan, room: int) -> list[DrawnPair]:
    """Show the first pages that look different, although the change named no page."""
    pairs = list[DrawnPair]()
    for number in range(1, min(len(now), MAX_SCANNED) + 1):
        if before is None or len(pairs) >= room:
            break
        pair = _draw_pair(before, now, WantedPage(number, scan.signature, scan.title, scan.signed_bytes))
        if not pair.same:
            pairs.append(pair)
    return pairs


def _differences(old: Any, new: Any) -> tuple[Region, ...]:
    """Answer the boxes (pixels) in which two pictures of a page differ."""
    from PIL import Image, ImageChops  # noqa: PLC0415 - only in the child

    if old.size != new.size:
        return ((0, 0, new.width, new.height),)
    difference = ImageChops.difference(old, new).convert("L").point([0] * _FAINT + [255] * (256 - _FAINT))
    cells = (-(-new.width // _CELL), -(-new.height // _CELL))
    padded = Image.new("L", (cells[0] * _CELL, cells[1] * _CELL))
    padded.paste(difference)
    grid = padded.reduce(_CELL).tobytes()
    marked = {(i % cells[0], i // cells[0]) for i, value in enumerate(grid) if value}
    return merge_regions(regions_of(marked), _CELL, new.size)


def _inside(region: Region, box: Told, per_mm: float) -> bool:
    """Answer whether the box that was told holds most of what was seen."""
    left, top, right, bottom = (edge * per_mm for edge in box[:4])
    wide = max(0, min(region[2], right) - max(region[0], left))
    tall = max(0, min(region[3], bottom) - max(region[1], top))
    return wide * tall >= 0.6 * (region[2] - region[0]) * (region[3] - region[1])


def _with_boxes(drawn: tuple[Any, float] | None, told: Sequence[Told], seen: Sequence[Region]) -> bytes:
    """Draw the boxes over a page: what is not allowed with thick double lines, what is allowed with thin dashes."""
    if drawn is None:
        return b""
    from PIL import ImageDraw  # noqa: PLC0415 - only in the child

    picture, per_mm = drawn[0].copy(), drawn[1]
    pen = ImageDraw.Draw(picture)
    for left, top, right, bottom, allowed in told:
        edges = _bounded((left * per_mm, top * per_mm, right * per_mm, bottom * per_mm), picture.size)
        _dashes(pen, edges) if allowed else _double(pen, edges)
    for region in seen:
        _double(pen, _bounded(region, picture.size))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82, optimize=True)
    return out.getvalue()


def _bounded(box: Sequence[float], size: tuple[int, int], air: int = 5) -> Region:
    left, right = sorted((box[0], box[2]))
    top, bottom = sorted((box[1], box[3]))
    return (
        round(min(max(left - air, 1), size[0] - 4)),
        round(min(max(top - air, 1), size[1] - 4)),
        round(max(min(right + air, size[0] - 2), 3)),
        round(max(min(bottom + air, size[1] - 2), 3)),
    )


def _double(pen: Any, box: Region) -> None:
    pen.rectangle(box, outline=_RED, width=3)
    if box[2] - box[0] > 16 and box[3] - box[1] > 16:  # noqa: PLR2004 - room for a second line
        pen.rectangle((box[0] + 5, box[1] + 5, box[2] - 5, box[3] - 5), outline=_RED, width=1)


def _dashes(pen: Any, box: Region) -> None:
    left, top, right, bottom = box
    for x in range(left, right, 14):
        for y in (top, bottom):
            pen.line((x, y, min(x + 8, right), y), fill=_BLUE, width=2)
    for y in range(top, bottom, 14):
        for x in (left, right):
            pen.line((x, y, x, min(y + 8, bottom)), fill=_BLUE, width=2)
