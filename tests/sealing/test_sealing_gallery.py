"""The gallery shows what the code draws; two renderers agree on it."""

import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFilter
from seal_gallery import ENTRIES, FOLDER, Entry, index

from sealing import artwork
from sealing.artwork import Artwork


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.file)
def test_the_gallery_shows_what_is_drawn(entry: Entry) -> None:
    drawn = entry.draw()
    assert (FOLDER / f"{entry.file}.svg").read_text(encoding="utf-8") == artwork.svg(drawn)
    picture = (FOLDER / f"{entry.file}.png").read_bytes()
    assert len(picture) <= artwork.PNG_LIMIT
    size = Image.open(BytesIO(picture)).size
    assert size == pytest.approx([side / 25.4 * 300 for side in drawn.size_mm], abs=1.01)


def test_the_page_names_every_picture_and_nothing_else_lies_there() -> None:
    drawn = {entry.file: entry.draw() for entry in ENTRIES}
    assert (FOLDER / "index.md").read_text(encoding="utf-8") == index(drawn)
    files = {path.name for path in FOLDER.iterdir()}
    assert files == {"index.md", *(f"{e.file}.{kind}" for e in ENTRIES for kind in ("svg", "png"))}


@pytest.mark.interop
@pytest.mark.parametrize("entry", ENTRIES[::3], ids=lambda entry: entry.file)
def test_poppler_and_pdfium_draw_the_same(entry: Entry, tmp_path: Path) -> None:
    """Both are anti-aliased, so that only pixels on an edge may differ.

    There, two renderers that place an edge within a quarter of a pixel of each other differ by up to a quarter of
    full coverage: the mean over the picture stays below a quarter of the share of edge pixels.
    """
    drawn = entry.draw()
    ours = Image.open(BytesIO(artwork.png(drawn))).convert("RGBA").getchannel("A")
    theirs = _poppler(drawn, ours.size, tmp_path)
    apart = ImageChops.difference(ours, theirs)
    edges = ImageChops.subtract(ours.filter(ImageFilter.MaxFilter(3)), ours.filter(ImageFilter.MinFilter(3)))
    on_edge = edges.point(lambda value: 255 * (value > 16))
    share = on_edge.histogram()[255] / (ours.width * ours.height)
    assert _mean(apart) < 0.25 * share
    assert _mean(ImageChops.subtract(apart, on_edge)) < 0.001  # nothing differs away from the edges


def _poppler(drawn: Artwork, size: tuple[int, int], folder: Path) -> Image.Image:
    """Answer the ink as Poppler covers the page with it, 255 where it is full."""
    content = artwork.pdf_content(drawn, (0, 0, 0))
    page, out = folder / "seal.pdf", folder / "seal"
    page.write_bytes(artwork.one_page_pdf(content, drawn.size_points))
    tool = shutil.which("pdftoppm") or "pdftoppm"
    scale = ["-scale-to-x", str(size[0]), "-scale-to-y", str(size[1])]  # both fit the page to whole pixels
    subprocess.run([tool, *scale, "-gray", "-singlefile", str(page), str(out)], check=True)
    return ImageChops.invert(Image.open(folder / "seal.pgm").convert("L"))


def _mean(image: Image.Image) -> float:
    return sum(value * number for value, number in enumerate(image.histogram())) / (255 * image.width * image.height)
