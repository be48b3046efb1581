"""What a page will look like when it is sealed: the page as it is, with the impressions laid over it (预览).

Drawn without touching the PDF, from the same picture and the same boxes; `find_strays` tells whether a sealed page
differs from the unsealed one anywhere else.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from math import sqrt
from pathlib import Path
from typing import Any, Final

from sealing import artwork
from sealing.artwork import Artwork
from sealing.pdfium import LOCK
from sealing.placement import POINTS_PER_MM, Area, SealField, Stamp

_SLACK: Final = 2
"""Pixels around a box that belong to it: a line that is drawn smoothly reaches into its neighbours."""
_FAINT: Final = 8
"""Of 255; less is no difference."""
_MAX_PIXELS: Final = 40_000_000

Impression = tuple[Stamp | SealField, Artwork]


def preview_page(pdf: Path, page: int, impressions: Iterable[Impression], *, scale: float = 1.5) -> bytes:
    """Answer a PNG of a page (from 1) with these impressions over it, `scale` pixels to a point.

    Impressions of other pages are left out. IndexError when there is no such page.
    """
    out = BytesIO()
    with _open(pdf) as document:
        image, size = _render(document, page, scale), document.get_page_size(page - 1)
        here = [one for one in impressions if one[0].page in (page, page - 1 - len(document))]
    if here:
        with _open(_overlay(here, size)) as document:
            laid = document[0].render(scale=_fitting(size, scale), fill_color=(255, 255, 255, 0)).to_pil()
            image.paste(laid, (0, 0), laid)
    image.save(out, "PNG")
    return out.getvalue()


def render_page(pdf: Path, page: int, *, scale: float = 1.5) -> bytes:
    """Answer a PNG of a page (from 1) as it is, with annotations and form fields. IndexError."""
    out = BytesIO()
    with _open(pdf) as document:
        _render(document, page, scale).save(out, "PNG", compress_level=1)  # compared at once, and thrown away
    return out.getvalue()


def find_strays(before: bytes, after: bytes, boxes: Sequence[Area], *, scale: float = 1.5) -> int:
    """Count the pixels in which two pictures (PNG) of a page differ outside these boxes; -1 for two sizes."""
    chops: Any = _pillow("ImageChops")
    one, two = _open_image(before), _open_image(after)
    if one.size != two.size:
        return -1
    difference = chops.difference(one, two).convert("L").point([0] * _FAINT + [255] * (256 - _FAINT))
    for box in boxes:
        left, top, right, bottom = _pixels(box, scale * POINTS_PER_MM)
        difference.paste(0, (left - _SLACK, top - _SLACK, right + _SLACK, bottom + _SLACK))
    return int(difference.histogram()[255])


def mean_difference(one: bytes, other: bytes) -> float:
    """Answer how much two pictures (PNG) of one size differ: the mean over pixels and colours, of 255."""
    chops, stat = _pillow("ImageChops"), _pillow("ImageStat")
    means = stat.Stat(chops.difference(_open_image(one), _open_image(other))).mean
    return float(sum(means) / len(means))


def _overlay(impressions: Iterable[Impression], size: tuple[float, float]) -> bytes:
    """Draw impressions on a page of their own, of this size in points, as a PDF."""
    content = b"\n".join(_draw(stamp, drawn, size[1]) for stamp, drawn in impressions)
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %.3f %.3f]/Contents 4 0 R/Resources<<>>>>" % size,
        b"<</Length %d>>stream\n%b\nendstream" % (len(content), content),
    )
    out, rows = b"%PDF-1.7\n", list[bytes]()
    for number, body in enumerate(objects, 1):
        rows.append(b"%010d 00000 n \n" % len(out))
        out += b"%d 0 obj%b endobj\n" % (number, body)
    head = b"xref\n0 5\n0000000000 65535 f \n" + b"".join(rows)
    return out + head + b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(out)


def _draw(stamp: Stamp | SealField, drawn: Artwork, page_height: float) -> bytes:
    width, height = drawn.size_points
    low, high = stamp.share if isinstance(stamp, Stamp) else (0.0, 1.0)
    tall = isinstance(stamp, Stamp) and stamp.along == "height"
    x, top, w, h = (length * POINTS_PER_MM for length in (stamp.x_mm, stamp.y_mm, stamp.w_mm, stamp.h_mm))
    bottom = page_height - top - h
    clip = f"q {x:.4f} {bottom:.4f} {w:.4f} {h:.4f} re W n"
    if tall:
        full = h / (high - low)
        matrix = (w / width, full / height, x, page_height - top + low * full - full)
    else:
        full = w / (high - low)
        matrix = (full / width, h / height, x - low * full, bottom)
    placed = f"{matrix[0]:.6f} 0 0 {matrix[1]:.6f} {matrix[2]:.4f} {matrix[3]:.4f} cm"
    return f"{clip} {placed}\n".encode("ascii") + artwork.pdf_content(drawn) + b"\nQ"


def _pixels(box: Area, per_mm: float) -> tuple[int, int, int, int]:
    edges = (box.x_mm, box.y_mm, box.x_mm + box.w_mm, box.y_mm + box.h_mm)
    left, top, right, bottom = (round(edge * per_mm) for edge in edges)
    return left, top, max(right, left + 1), max(bottom, top + 1)


@contextmanager
def _open(pdf: Path | bytes) -> Iterator[Any]:
    import pypdfium2  # noqa: PLC0415 - importing it costs every start

    with LOCK:
        document = pypdfium2.PdfDocument(pdf)
        try:
            document.init_forms()
            yield document
        finally:
            document.close()


def _render(document: Any, page: int, scale: float) -> Any:
    if not 1 <= page <= len(document):
        raise IndexError(page)
    opened = document[page - 1]
    try:
        return opened.render(scale=_fitting(opened.get_size(), scale)).to_pil().convert("RGB")
    finally:
        opened.close()


def _fitting(size: tuple[float, float], scale: float) -> float:
    """Answer a scale at which a page of this size does not become too many pixels."""
    return min(scale, sqrt(_MAX_PIXELS / max(size[0] * size[1], 1)))


def _open_image(data: bytes, mode: str = "RGB") -> Any:
    return _pillow("Image").open(BytesIO(data)).convert(mode)


def _pillow(module: str) -> Any:
    from importlib import import_module  # noqa: PLC0415 - Pillow is asked for rarely, importing it costs each start

    return import_module(f"PIL.{module}")
