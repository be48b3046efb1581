"""What the preview shows is what the sealed file shows: by pdfium here, and by Poppler."""

import subprocess
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sealing_world import CONSENT, DAY, NOON, World, plain_pdf

from sealing.pdf import complete_seal, prepare_acts, prepare_seal, statement_of
from sealing.pdf_preview import find_strays, mean_difference, preview_page, render_page
from sealing.placement import Stamp
from sealing.seal import SealKind, read_artwork

WHOLE = Stamp(1, 100, 40, 40, 40)
SLICES = [Stamp(page, 150, 120, 40 / 3, 40, ((page - 1) / 3, page / 3)) for page in (1, 2, 3)]
LYING = [Stamp(page, 40, 150, 40, 40 / 3, ((page - 1) / 3, page / 3), "height") for page in (1, 2, 3)]
STAMPS = [WHOLE, *SLICES, *LYING]


def sealed(world: World, folder: Path, stamps: list[Stamp], rotate: int) -> tuple[Path, Path]:
    """Answer the unsealed file and the sealed one."""
    plain, draft, target = folder / "plain.pdf", folder / "draft.pdf", folder / "sealed.pdf"
    plain.write_bytes(plain_pdf(3, rotate=rotate))
    draft.write_bytes(plain.read_bytes())
    prepare_acts(draft, {"unit": stamps})
    seal, holder = world.seals[SealKind.UNIT], world.unit
    prepared = prepare_seal(draft, target, field="unit", seal=seal, signer=holder.certificate, at=NOON)
    tbs = statement_of(prepared, CONSENT, NOON)
    signature = holder.sign(tbs)
    complete_seal(prepared, tbs, signature, world.stamp(signature), not_before=NOON - DAY, not_after=NOON + DAY)
    return plain, target


def on(page: int, stamps: list[Stamp]) -> list[Stamp]:
    return [stamp for stamp in stamps if stamp.page == page]


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_preview_and_sealed_page_agree(world: World, tmp_path: Path, rotate: int) -> None:
    plain, target = sealed(world, tmp_path, STAMPS, rotate)
    drawn = read_artwork(world.seals[SealKind.UNIT])
    for page in (1, 2, 3):
        before, after = render_page(plain, page), render_page(target, page)
        shown = preview_page(plain, page, [(stamp, drawn) for stamp in STAMPS])
        assert find_strays(before, after, on(page, STAMPS)) == 0
        assert find_strays(before, shown, on(page, STAMPS)) == 0
        assert find_strays(before, after, []) > 100
        assert mean_difference(after, shown) < 0.1 * mean_difference(before, after)


def test_a_picture_elsewhere_is_a_stray(world: World, tmp_path: Path) -> None:
    plain, target = sealed(world, tmp_path, [WHOLE], 0)
    beside = replace(WHOLE, x_mm=110)
    assert find_strays(render_page(plain, 1), render_page(target, 1), [beside]) > 10
    assert find_strays(render_page(plain, 1), render_page(target, 1, scale=1), [WHOLE]) == -1


def test_a_page_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "in.pdf"
    path.write_bytes(plain_pdf(1))
    for page in (0, 2):
        with pytest.raises(IndexError):
            render_page(path, page)


def test_slices_unfold_to_the_whole_picture(world: World, tmp_path: Path) -> None:
    _, target = sealed(world, tmp_path, [WHOLE, *SLICES], 0)
    scale = 3.0
    mm = scale * 72 / 25.4
    unfolded = Image.new("RGB", (round(40 * mm), round(40 * mm)), "white")
    for stamp in SLICES:
        image = Image.open(BytesIO(render_page(target, stamp.page, scale=scale)))
        box = (stamp.x_mm, stamp.y_mm, stamp.x_mm + stamp.w_mm, stamp.y_mm + stamp.h_mm)
        piece = image.crop(tuple(round(edge * mm) for edge in box))
        unfolded.paste(piece, (round(stamp.share[0] * 40 * mm), 0))
    image = Image.open(BytesIO(render_page(target, 1, scale=scale)))
    box = (WHOLE.x_mm, WHOLE.y_mm, WHOLE.x_mm + 40, WHOLE.y_mm + 40)
    whole = image.crop(tuple(round(edge * mm) for edge in box)).resize(unfolded.size)
    assert mean_difference(png(unfolded), png(whole)) < 12


def png(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.mark.interop
@pytest.mark.parametrize("rotate", [0, 90])
def test_poppler_shows_the_same(world: World, tmp_path: Path, rotate: int) -> None:
    plain, target = sealed(world, tmp_path, STAMPS, rotate)
    pictures = {}
    for path in (plain, target):
        command = ["pdftoppm", "-png", "-r", "108", "-f", "2", "-l", "2", "-singlefile", path, path.with_suffix("")]
        subprocess.run(command, check=True)
        pictures[path] = path.with_suffix(".png").read_bytes()
    assert find_strays(pictures[plain], pictures[target], on(2, STAMPS)) == 0
    by_pdfium = render_page(target, 2)
    assert mean_difference(pictures[target], by_pdfium) < 0.5 * mean_difference(pictures[plain], pictures[target])
