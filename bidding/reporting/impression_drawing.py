"""Getting the rasters for a comparison of impressions out of untrusted files; only in the drawing child.

The drawn stamp is what a page shows with its annotations and does not show without them, so that the text under a
seal does not count. A field may have several impressions; slices of a 骑缝章 show a part of the seal and are left out.
"""

from collections.abc import Iterable, Iterator
from ctypes import c_int, create_string_buffer
from pathlib import Path
from typing import Any, Final

from bidding.reporting.impression import Likeness, Raster, compare_impressions
from bidding.reporting.page_drawing import open_version, render_page
from bidding.reporting.picture_types import Compared, PictureRequest, ToCompare
from bidding.reporting.seal_drawing import as_png, open_picture

_WIDTH: Final = 2000
"""Pixels across a page of which stamps are cut out: 240 to an inch on A4."""
_EDGE: Final = 600
_MAX_PAGES: Final = 40
_MAX_WIDGETS: Final = 6
_MAX_SHAPE: Final = 1.25
"""An impression whose shape differs more from the seal's is a slice of it."""
_VECTOR: Final = frozenset({"OFD", "SVG", "EPS", "PDF", "PS"})
_TURNS: Final = (0, -1, 1, -2, 2, -3, 3)
"""Degrees by which a filed impression may lie askew on its sheet."""
_QUARTERS: Final = (90, 180, 270)
"""A sheet may also have been scanned sideways or upside down."""


def compare_all(request: PictureRequest) -> tuple[Compared, ...]:
    """Compare the picture inside each seal with what is drawn on the page, and with the filed impression if given."""
    inside = {one.signature: open_picture(one.data) for one in request.seals}
    kinds = {one.signature: one.format.upper() for one in request.seals}
    filed = _open_filed(request.filed) if request.filed else None
    found = list[Compared]()
    for wanted in request.compare:
        own = inside.get(wanted.signature)
        drawn = list(_stamps(request.document, wanted, own)) if request.document else []
        if own is None:
            why = "vector" if kinds.get(wanted.signature) in _VECTOR else "unreadable"
            found.append(Compared(wanted.signature, "drawn", "unknown", 0.0, why))
        elif request.document:
            found.append(_compare_drawn(wanted.signature, own, drawn))
        if request.filed:
            found.append(_compare_filed(wanted.signature, own, drawn, filed))
    return tuple(found)


def _compare_drawn(signature: str, own: Any, drawn: list[Any]) -> Compared:
    """All impressions of a seal must show its picture: the worst of them is the answer."""
    if not drawn:
        return Compared(signature, "drawn", "unknown", 0.0, "no_drawing", (("seal", as_png(own)),))
    judged = [(compare_impressions(raster_of(own), raster_of(one)), one) for one in drawn]
    likeness, worst = min(judged, key=lambda pair: (_ORDER[pair[0].result], pair[0].overlap))
    pictures = (("seal", as_png(own)), ("drawn", as_png(worst)))
    return Compared(signature, "drawn", likeness.result, likeness.overlap, "", pictures)


_ORDER: Final = {"differs": 0, "unknown": 1, "same": 2}


def _compare_filed(signature: str, own: Any, drawn: list[Any], filed: Any) -> Compared:
    """Compare with the filed impression, allowing for a sheet that lay askew."""
    pictures = [(name, as_png(one)) for name, one in (("filed", filed), ("seal", own)) if one is not None]
    pictures += [("drawn", as_png(one)) for one in drawn[:1]]
    if own is None or filed is None:
        return Compared(signature, "filed", "unknown", 0.0, "unreadable", tuple(pictures))
    best: Likeness | None = None
    misshapen = False
    for turn in (*_TURNS, *_QUARTERS):
        if misshapen and turn not in _QUARTERS:
            continue
        turned = filed if not turn else filed.rotate(turn, expand=True, resample=3, fillcolor=(255, 255, 255))
        likeness = compare_impressions(raster_of(own), raster_of(turned))
        best = likeness if best is None or likeness.overlap > best.overlap else best
        if likeness.result == "same":
            best = likeness
            break
        misshapen = misshapen or likeness.stretch > _MAX_SHAPE
    if best is None or not best.overlap:
        return Compared(signature, "filed", "unknown", 0.0, "blank", tuple(pictures))
    return Compared(signature, "filed", best.result, best.overlap, "", tuple(pictures))


def _open_filed(data: bytes) -> Any:
    """Open a filed impression: a picture, or the picture inside an `.esl`."""
    image = open_picture(data)
    if image is not None:
        return image
    from sealing.errors import SealingError  # noqa: PLC0415 - only in the child
    from sealing.ses import parse_seal  # noqa: PLC0415
    from signing.errors import SigningError  # noqa: PLC0415

    try:
        return open_picture(parse_seal(data).info.picture.data)
    except (SealingError, SigningError, ValueError):
        return None


def raster_of(image: Any) -> Raster:
    """Answer the ink of a picture: how far its darkest colour is from paper, so that red counts as much as black."""
    from PIL import ImageChops  # noqa: PLC0415 - only in the child

    small = image.convert("RGB")
    small.thumbnail((_EDGE, _EDGE))
    red, green, blue = small.split()
    darkest = ImageChops.darker(ImageChops.darker(red, green), blue)
    return Raster(small.width, small.height, ImageChops.invert(darkest).tobytes())


def _stamps(document: str, wanted: ToCompare, own: Any) -> Iterator[Any]:
    """Cut the impressions of one field out of its pages, at most so many."""
    path = Path(document)
    with path.open("rb") as stream, open_version(stream, path.stat().st_size) as opened:
        numbers: Iterable[int] = [wanted.page] if wanted.page else range(1, min(len(opened), _MAX_PAGES) + 1)
        left = _MAX_WIDGETS
        for number in numbers:
            boxes = list(_boxes(opened, number, wanted.signature)) if 1 <= number <= len(opened) else []
            if not boxes:
                continue
            full = render_page(opened, number, width=_WIDTH)
            bare = render_page(opened, number, width=_WIDTH, drawn=False)
            for box in boxes[:left]:
                cut = _cut(full, bare, box)
                if cut is not None and _whole(cut, own):
                    left -= 1
                    yield cut


def _boxes(document: Any, number: int, name: str) -> Iterator[tuple[float, float, float, float]]:
    """Answer the boxes of a field's widgets on a page, as shares of its width and height from the upper left."""
    import pypdfium2.raw as c  # noqa: PLC0415 - only in the child

    page = document[number - 1]
    try:
        for index in range(min(c.FPDFPage_GetAnnotCount(page), 500)):
            annotation = c.FPDFPage_GetAnnot(page, index)
            try:
                if c.FPDFAnnot_GetSubtype(annotation) == c.FPDF_ANNOT_WIDGET and _named(document, annotation) == name:
                    yield _place(page, annotation)
            finally:
                c.FPDFPage_CloseAnnot(annotation)
    finally:
        page.close()


def _named(document: Any, annotation: Any) -> str:
    import pypdfium2.raw as c  # noqa: PLC0415 - only in the child

    if document.formenv is None:
        return ""
    length = c.FPDFAnnot_GetFormFieldName(document.formenv, annotation, None, 0)
    if not 2 <= length <= 4096:  # noqa: PLR2004 - bytes with their ending zero
        return ""
    buffer = create_string_buffer(length)
    c.FPDFAnnot_GetFormFieldName(document.formenv, annotation, _wide(buffer), length)
    return buffer.raw[: length - 2].decode("utf-16-le", "replace")


def _wide(buffer: Any) -> Any:
    from ctypes import POINTER, c_ushort, cast  # noqa: PLC0415

    return cast(buffer, POINTER(c_ushort))


def _place(page: Any, annotation: Any) -> tuple[float, float, float, float]:
    import pypdfium2.raw as c  # noqa: PLC0415 - only in the child

    rect, grid = c.FS_RECTF(), 100_000
    c.FPDFAnnot_GetRect(annotation, rect)
    corners = []
    for x, y in ((rect.left, rect.top), (rect.right, rect.bottom)):
        across, down = c_int(), c_int()
        c.FPDF_PageToDevice(page, 0, 0, grid, grid, 0, x, y, across, down)
        corners.append((across.value / grid, down.value / grid))
    (x1, y1), (x2, y2) = corners
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _cut(full: tuple[Any, float] | None, bare: tuple[Any, float] | None, box: tuple[float, float, float, float]) -> Any:
    """Answer what stands in the box with annotations and not without, on white."""
    from PIL import Image, ImageChops  # noqa: PLC0415 - only in the child

    if full is None or bare is None:
        return None
    wide, tall = full[0].size
    edges = (int(box[0] * wide), int(box[1] * tall), int(box[2] * wide) + 1, int(box[3] * tall) + 1)
    edges = (max(edges[0], 0), max(edges[1], 0), min(edges[2], wide), min(edges[3], tall))
    if edges[2] - edges[0] < 12 or edges[3] - edges[1] < 12:  # noqa: PLR2004 - an invisible field
        return None
    shown, ground = full[0].crop(edges), bare[0].crop(edges)
    changed = ImageChops.difference(shown, ground).convert("L").point([0] * 12 + [255] * 244)
    if changed.getbbox() is None:
        return None
    paper = Image.new("RGB", shown.size, "white")
    paper.paste(shown, mask=changed)
    return paper


def _whole(cut: Any, own: Any) -> bool:
    if own is None:
        return True
    ratio = (cut.width / cut.height) / (own.width / own.height)
    return bool(max(ratio, 1 / ratio) <= _MAX_SHAPE)
