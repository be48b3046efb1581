"""Where seals stand on real pages: every sheet is made by planning, sealing and drawing a PDF, then laid out."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw
from sealing_pages_world import A3, A4, CROPPED, Leaf, write_pages
from sealing_words_world import SPELLINGS, WORDS, write_words
from sealing_world import CONSENT, DAY, NOON, World, build_world

from sealing.pdf import complete_seal, prepare_acts, prepare_seal, statement_of
from sealing.pdf_preview import render_page
from sealing.placement import POINTS_PER_MM, Stamp
from sealing.planning import Keyword, Pages, Point, SealPlan, Straddle
from sealing.planning_pdf import plan_for_pdf
from sealing.seal import SealKind

FOLDER = Path(__file__).parents[2] / "docs" / "gallery" / "placements"
SIZE = (40.0, 40.0)
SMALL, LARGE = 0.55, 2.0
"""Pixels to a point: on sheets with many pages, and where slices are shown."""
GAP = 12
COLOURS = 48
BACKGROUND = (226, 229, 233)
EDGE = (170, 175, 182)


@dataclass(frozen=True)
class Sheet:
    """One picture of the gallery; `draw` makes it in a folder."""

    file: str
    title: str
    draw: Callable[[World, Path], Image.Image]


@dataclass(frozen=True)
class Sealed:
    """A sealed PDF, and the impressions that were planned."""

    path: Path
    stamps: tuple[Stamp, ...]

    def pictures(self, scale: float) -> list[Image.Image]:
        """Draw its pages as a reader shows them."""
        pages = max(stamp.page for stamp in self.stamps)
        return [_open(render_page(self.path, page, scale=scale)) for page in range(1, pages + 1)]

    def framed(self, leaves: Sequence[Leaf]) -> list[Image.Image]:
        """Draw its pages with an edge, all to one scale: the renderer leaves a page's own unit out."""
        pictures = [self._scaled(one, leaf.unit) for one, leaf in zip(self.pictures(SMALL), leaves, strict=True)]
        for picture in pictures:
            ImageDraw.Draw(picture).rectangle((0, 0, picture.width - 1, picture.height - 1), outline=EDGE)
        return pictures

    @staticmethod
    def _scaled(picture: Image.Image, unit: float) -> Image.Image:
        return picture.resize((round(picture.width * unit), round(picture.height * unit)))


def seal_pages(world: World, plain: Path, plans: Sequence[SealPlan]) -> Sealed:
    """Plan, put the unit's seal on, with one signature, and complete it."""
    stamps = plan_for_pdf(plain, plans, SIZE).stamps
    target = plain.with_suffix(".sealed.pdf")
    prepare_acts(plain, {"unit": stamps})
    seal, holder = world.seals[SealKind.UNIT], world.unit
    prepared = prepare_seal(plain, target, field="unit", seal=seal, signer=holder.certificate, at=NOON)
    tbs = statement_of(prepared, CONSENT, NOON)
    signature = holder.sign(tbs)
    window = {"not_before": NOON - timedelta(hours=1), "not_after": NOON + DAY}
    complete_seal(prepared, tbs, signature, world.stamp(signature), **window)
    return Sealed(target, stamps)


def _pages(leaves: Sequence[Leaf], plans: Sequence[SealPlan]) -> Callable[..., Image.Image]:
    def draw(world: World, folder: Path) -> Image.Image:
        contents = {number: _lines(leaf) for number, leaf in enumerate(leaves, 1)}
        plain = write_pages(folder / "pages.pdf", leaves, contents)
        return row(seal_pages(world, plain, plans).framed(leaves))

    return draw


def _words(turn: int) -> Callable[..., Image.Image]:
    def draw(world: World, folder: Path) -> Image.Image:
        plain = folder / "words.pdf"
        plain.write_bytes(write_words(list(SPELLINGS.values()), rotate=turn))
        sealed = seal_pages(world, plain, [Keyword(WORDS, occurrence="all")])
        pictures = sealed.framed([Leaf()] * len(SPELLINGS))
        half = -(-len(pictures) // 2)
        return column([row(pictures[:half]), row(pictures[half:])])

    return draw


def _unfolded(straddle: Straddle, pages: int) -> Callable[..., Image.Image]:
    """Lay the slices of a 骑缝章 beside one another, in page order, and the whole picture after them."""

    def draw(world: World, folder: Path) -> Image.Image:
        leaves = [Leaf(rotate=turn) for turn in (0, 90, 180, 270)]
        leaves = [leaves[number % 4] for number in range(pages)]
        plain = write_pages(folder / "sheaf.pdf", leaves)
        sealed = seal_pages(world, plain, [straddle, Point(1, 60, 60)])
        pictures = sealed.pictures(LARGE)
        slices = [stamp for stamp in sealed.stamps if stamp.share != (0.0, 1.0)]
        whole = next(stamp for stamp in sealed.stamps if stamp.share == (0.0, 1.0))
        pieces = [_cut(pictures[stamp.page - 1], stamp) for stamp in slices]
        joined = _join(pieces, along=slices[0].along)
        return row([row(pieces) if slices[0].along == "width" else column(pieces), joined, _cut(pictures[0], whole)])

    return draw


TURNS = [Leaf(rotate=turn) for turn in (0, 90, 180, 270)]
SHEETS = (
    Sheet(
        "turned",
        "The same three points (30 mm from the top left, the bottom right and at the centre) on pages turned by "
        "0, 90, 180 and 270 degrees",
        _pages(TURNS, [Pages(30, 30), Pages(30, 30, "bottom-right"), Pages(0, 0, "centre")]),
    ),
    Sheet(
        "cropped",
        "The same on pages that show only part of the sheet",
        _pages(
            [Leaf(rotate=turn, crop=CROPPED) for turn in (0, 90, 180, 270)],
            [Pages(30, 30), Pages(30, 30, "bottom-right")],
        ),
    ),
    Sheet(
        "mixed",
        "A4, A3 across, a page in units of 2/72 inch and a sheet whose box begins below zero: the seal keeps its 40 mm",
        _pages(
            [
                Leaf(),
                Leaf((0, 0, A3[3], A3[2])),
                Leaf((0, 0, A4[2] / 2, A4[3] / 2), unit=2.0),
                Leaf((-200, -300, 395.276, 541.89), 90),
            ],
            [Pages(40, 40, "bottom-right")],
        ),
    ),
    Sheet("keywords", "One keyword in eleven spellings, each found and sealed", _words(0)),
    Sheet("keywords-turned", "The same on pages turned by 90 degrees", _words(90)),
    Sheet(
        "straddle",
        "A 骑缝章 over five pages, one of them turned and one of another size",
        _pages([Leaf(), Leaf(rotate=90), Leaf(), Leaf((0, 0, 500, 700)), Leaf()], [Straddle()]),
    ),
    Sheet(
        "straddle-double-sided",
        "For sheets printed on both sides: odd pages at the right edge, even pages at the left",
        _pages([Leaf()] * 6, [Straddle(double_sided=True)]),
    ),
    Sheet(
        "unfolded-right",
        "A 骑缝章 unfolded: the slices of five pages, turned by 0 to 270 degrees, put together, and the whole seal",
        _unfolded(Straddle(), 5),
    ),
    Sheet("unfolded-top", "The same at the upper edge of three pages", _unfolded(Straddle("top"), 3)),
)


def row(pictures: Sequence[Image.Image]) -> Image.Image:
    """Lay pictures beside one another."""
    width = sum(picture.width + GAP for picture in pictures) + GAP
    sheet = Image.new("RGB", (width, max(picture.height for picture in pictures) + 2 * GAP), BACKGROUND)
    left = GAP
    for picture in pictures:
        sheet.paste(picture, (left, GAP))
        left += picture.width + GAP
    return sheet


def column(pictures: Sequence[Image.Image]) -> Image.Image:
    """Lay pictures below one another."""
    turned = row([picture.transpose(Image.Transpose.TRANSPOSE) for picture in pictures])
    return turned.transpose(Image.Transpose.TRANSPOSE)


def as_png(picture: Image.Image) -> bytes:
    """Write a small palette PNG."""
    out = BytesIO()
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def index() -> str:
    """Write the page."""
    head = (
        "# Placements\n\nPages as a reader shows them (pdfium), after a seal was planned, put on and signed. "
        "Made by `python tests/sealing/placement_gallery.py`; a test makes each sheet again and compares.\n"
    )
    return head + "".join(f"\n## {sheet.title}\n\n![{sheet.title}]({sheet.file}.png)\n" for sheet in SHEETS)


def _join(pieces: Sequence[Image.Image], *, along: str) -> Image.Image:
    across = along == "width"
    size = (
        sum(p.width for p in pieces) if across else max(p.width for p in pieces),
        max(p.height for p in pieces) if across else sum(p.height for p in pieces),
    )
    joined, at = Image.new("RGB", size, "white"), 0
    for piece in pieces:
        joined.paste(piece, (at, 0) if across else (0, at))
        at += piece.width if across else piece.height
    return joined


def _cut(picture: Image.Image, stamp: Stamp) -> Image.Image:
    per_mm = LARGE * POINTS_PER_MM
    edges = (stamp.x_mm, stamp.y_mm, stamp.x_mm + stamp.w_mm, stamp.y_mm + stamp.h_mm)
    left, top, right, bottom = (round(edge * per_mm) for edge in edges)
    return picture.crop((left, top, right, bottom))


def _lines(leaf: Leaf) -> str:
    """Draw grey lines that run as the page's text does, so that its turn is seen."""
    left, bottom, right, top = leaf.crop or leaf.media
    turned = leaf.rotate in {90, 270}
    long, short = (bottom, top) if turned else (left, right), (left, right) if turned else (bottom, top)
    step = 24 / leaf.unit
    marks = list[str]()
    place, number = short[0] + 3 * step, 0
    while place < short[1] - 2 * step:
        number += 1
        start, stop = long[0] + 2 * step, long[1] - 2 * step
        marks.append(f"{place} {start} m {place} {stop} l S" if turned else f"{start} {place} m {stop} {place} l S")
        place += step
    return f"0.75 G {1.5 / leaf.unit} w " + " ".join(marks)


def _open(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data)).convert("RGB")


def main() -> None:
    """Write the folder anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    world = build_world()
    for sheet in SHEETS:
        with tempfile.TemporaryDirectory() as folder:
            (FOLDER / f"{sheet.file}.png").write_bytes(as_png(sheet.draw(world, Path(folder))))
    (FOLDER / "index.md").write_text(index(), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
