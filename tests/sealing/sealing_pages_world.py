"""Pages of every kind, written by hand, with what is planned drawn on them; and eyes that measure what is seen."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
from PIL import Image, ImageChops

from sealing.placement import Box, PageView, Stamp

MM = 72 / 25.4
A4 = (0.0, 0.0, 595.276, 841.89)
A3 = (0.0, 0.0, 841.89, 1190.551)
CROPPED = (36.0, 50.0, 500.0, 700.0)
DPI = 72


@dataclass(frozen=True)
class Leaf:
    """A page as it stands in the file."""

    media: tuple[float, float, float, float] = A4
    rotate: int = 0
    crop: tuple[float, float, float, float] | None = None
    unit: float = 1.0
    extra: str = ""

    @property
    def seen_mm(self) -> tuple[float, float]:
        """Answer the size as displayed, reckoned by hand."""
        left, bottom, right, top = self.crop or self.media
        width, height = (right - left) * self.unit / MM, (top - bottom) * self.unit / MM
        return (height, width) if self.rotate in {90, 270} else (width, height)


MANY = {
    **{f"A4 turned by {turn}": Leaf(rotate=turn) for turn in (0, 90, 180, 270)},
    **{f"A4 cropped, turned by {turn}": Leaf(rotate=turn, crop=CROPPED) for turn in (0, 90, 180, 270)},
    **{f"UserUnit 2, turned by {turn}": Leaf((0, 0, 297.64, 420.94), turn, unit=2.0) for turn in (0, 90, 180, 270)},
    "A3": Leaf(A3),
    "A3 across, turned left, cropped": Leaf((0, 0, 1190.551, 841.89), 270, (100, 100, 1100, 800)),
    "a box that begins below zero": Leaf((-200, -300, 395.276, 541.89), 90),
    "UserUnit 3, turned and cropped": Leaf((0, 0, 400, 300), 90, (20, 10, 380, 290), 3.0),
}


def write_pages(path: Path, leaves: Sequence[Leaf], contents: Mapping[int, str] | None = None, more: str = "") -> Path:
    """Write a PDF with these pages; `contents` by page number, `more` goes into the catalogue."""
    objects = [f"<< /Type /Catalog /Pages 2 0 R {more} >>"]
    kids = " ".join(f"{3 + 2 * at} 0 R" for at in range(len(leaves)))
    objects.append(f"<< /Type /Pages /Count {len(leaves)} /Kids [{kids}] >>")
    for at, leaf in enumerate(leaves):
        crop = f"/CropBox {_array(leaf.crop)}" if leaf.crop else ""
        unit = f"/UserUnit {leaf.unit:g}" if leaf.unit != 1 else ""
        turn = "" if "/Rotate" in leaf.extra else f"/Rotate {leaf.rotate}"
        boxes = f"/MediaBox {_array(leaf.media)} {crop} {turn} {unit}"
        resources = "/Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
        objects.append(f"<< /Type /Page /Parent 2 0 R {boxes} {resources} /Contents {4 + 2 * at} 0 R {leaf.extra} >>")
        content = (contents or {}).get(at + 1, "")
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    out, places = bytearray(b"%PDF-1.7\n"), list[int]()
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1")
    start = len(out)
    rows = "".join(f"{place:010d} 00000 n \n" for place in places)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{rows}".encode("ascii")
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode("ascii")
    path.write_bytes(out)
    return path


def draw_stamps(path: Path, leaves: Sequence[Leaf], views: Sequence[PageView], stamps: Sequence[Stamp]) -> Path:
    """Write the pages with a red area for every stamp, one a page."""
    contents = dict[int, str]()
    for stamp in stamps:
        left, bottom, right, top = views[stamp.page - 1].rectangle(stamp)
        contents[stamp.page] = f"1 0 0 rg {left} {bottom} {right - left} {top - bottom} re f"
    return write_pages(path, leaves, contents)


def by_pdfium(path: Path) -> list[Image.Image]:
    """Draw all pages, with the looks of their form fields."""
    with pypdfium2.PdfDocument(path) as document:
        document.init_forms()
        return [page.render(scale=DPI / 72, may_draw_forms=True).to_pil().convert("RGB") for page in document]


def by_poppler(path: Path) -> list[Image.Image]:
    """Draw all pages by pdftoppm."""
    subprocess.run(
        ["pdftoppm", "-q", "-r", str(DPI), "-cropbox", path, path.with_suffix("")], check=True, capture_output=True
    )
    pictures = sorted(path.parent.glob(f"{path.stem}-*.ppm"))
    return [Image.open(picture).convert("RGB") for picture in pictures]


def seen_red(picture: Image.Image, leaf: Leaf, page: int) -> Box | None:
    """Measure where anything red is, in mm of the page as displayed."""
    red, green, _ = picture.split()
    return _measured(ImageChops.subtract(red, green), picture, leaf, page)


def seen_ink(picture: Image.Image, leaf: Leaf, page: int) -> Box | None:
    """Measure where anything dark is."""
    return _measured(ImageChops.invert(picture.convert("L")), picture, leaf, page)


def differ_mm(seen: Box | None, planned: Box | Stamp) -> float:
    """Answer by how much the four edges of two boxes differ at most."""
    assert seen is not None, f"nothing is seen on page {planned.page}"
    assert seen.page == planned.page
    return max(
        abs(seen.x_mm - planned.x_mm),
        abs(seen.y_mm - planned.y_mm),
        abs(seen.x_mm + seen.w_mm - planned.x_mm - planned.w_mm),
        abs(seen.y_mm + seen.h_mm - planned.y_mm - planned.h_mm),
    )


def _measured(strength: Image.Image, picture: Image.Image, leaf: Leaf, page: int) -> Box | None:
    found = strength.point(lambda value: 255 if value > 60 else 0).getbbox()
    if found is None:
        return None
    width, height = leaf.seen_mm
    across, down = width / picture.width, height / picture.height
    left, top, right, bottom = found
    return Box(page, left * across, top * down, (right - left) * across, (bottom - top) * down)


def _array(numbers: Sequence[float]) -> str:
    return f"[{' '.join(f'{number:g}' if number == int(number) else str(number) for number in numbers)}]"
