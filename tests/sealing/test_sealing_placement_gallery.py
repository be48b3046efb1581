"""The gallery of placements shows what planning and sealing make of pages today."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat
from placement_gallery import FOLDER, SHEETS, Sheet, as_png, index
from sealing_world import World


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.file)
def test_the_sheet_shows_what_is_made(sheet: Sheet, world: World, tmp_path: Path) -> None:
    """Palettes may round a colour; a stamp that stands elsewhere changes a thousand times more."""
    kept = Image.open(FOLDER / f"{sheet.file}.png").convert("RGB")
    made = Image.open(BytesIO(as_png(sheet.draw(world, tmp_path)))).convert("RGB")
    assert made.size == kept.size
    apart = ImageChops.difference(kept, made).convert("L")
    assert ImageStat.Stat(apart).mean[0] < 0.2
    assert sum(apart.histogram()[64:]) < 0.0005 * made.width * made.height


def test_the_page_names_every_sheet_and_nothing_else_lies_there() -> None:
    assert (FOLDER / "index.md").read_text(encoding="utf-8") == index()
    assert {path.name for path in FOLDER.iterdir()} == {"index.md", *(f"{sheet.file}.png" for sheet in SHEETS)}
