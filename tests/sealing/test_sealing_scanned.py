"""Scanned pictures of seals: found, freed of their paper, kept in size and colour; bombs are refused unread."""

import random
import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw

from sealing import artwork, drawing
from sealing.artwork import Artwork
from sealing.errors import NoImpressionError, SealFormatError, SealingError, SealLimitError, UnknownScanSizeError
from sealing.scanned import ScannedSeal, ScanProblem, import_scan
from sealing.scanned_header import MAX_BYTES, read_header

ROUND = drawing.unit_seal("测试建设工程有限公司", "3501000000001")
SQUARE = drawing.representative_seal("欧阳修远")


def paper(side: int, tint: tuple[int, int, int] = (255, 252, 238), *, shadow: bool = True) -> Image.Image:
    page = Image.new("RGB", (side, side), tint)
    if not shadow:
        return page
    grey = Image.linear_gradient("L").resize((side, side)).point([int(170 + v * 0.33) for v in range(256)])
    return ImageChops.multiply(page, Image.merge("RGB", (grey, grey, grey)))


def stamp(page: Image.Image, drawn: Artwork, at: tuple[int, int], *, dpi: int = 300, depth: float = 0.9) -> Image.Image:
    seal = Image.open(BytesIO(artwork.png(drawn, dpi))).convert("RGBA")
    seal.putalpha(seal.getchannel("A").point([int(v * depth) for v in range(256)]))
    page.paste(seal, at, seal)
    return page


def noisy(page: Image.Image) -> Image.Image:
    noise = Image.frombytes("L", page.size, random.Random(7).randbytes(page.width * page.height))  # noqa: S311
    dim = noise.point([v * 20 // 255 for v in range(256)])
    return ImageChops.subtract(page, Image.merge("RGB", (dim, dim, dim)))


def saved(page: Image.Image, form: str = "PNG", **options: object) -> bytes:
    out = BytesIO()
    page.save(out, form, **options)
    return out.getvalue()


def problems(seal: ScannedSeal) -> set[ScanProblem]:
    return {warning.problem for warning in seal.warnings}


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "TIFF"])
def test_a_seal_on_shaded_yellowish_printed_paper_is_freed_of_it(form: str) -> None:
    page = paper(760)
    lines = ImageDraw.Draw(page)
    for y in range(40, 720, 60):
        lines.line((30, y, 730, y), fill=(25, 25, 25), width=4)
    data = saved(noisy(stamp(page, ROUND, (150, 130))), form, dpi=(300, 300))
    seal = import_scan(data, shape="round")
    assert problems(seal) == set()
    assert (seal.width_mm, seal.height_mm) == pytest.approx((40, 40), abs=0.35)
    assert seal.kind == "red"
    assert seal.ink == pytest.approx((205, 20, 24), abs=32)
    assert len(seal.png) <= artwork.PNG_LIMIT
    got = Image.open(BytesIO(seal.png)).convert("RGBA").getchannel("A")
    want = Image.open(BytesIO(artwork.png(ROUND))).convert("RGBA").getchannel("A").resize(got.size)
    apart = ImageChops.difference(got, want).histogram()
    assert sum(value * number for value, number in enumerate(apart)) / (255 * got.width * got.height) < 0.05
    assert got.getpixel((got.width // 2, round(got.height * 0.68))) == 0  # between star and number: clean paper


def test_six_hundred_dpi_are_brought_to_three_hundred_in_the_same_size() -> None:
    seal = import_scan(saved(stamp(paper(1200), ROUND, (120, 120), dpi=600), dpi=(600, 600)))
    assert seal.dpi == pytest.approx(600, rel=0.01)
    assert Image.open(BytesIO(seal.png)).size == pytest.approx((473, 473), abs=4)


@pytest.mark.parametrize("colour", ["blue", "black"])
def test_other_inks(colour: str) -> None:
    drawn = artwork.Artwork(1, ROUND.width, ROUND.height, ROUND.strokes, colour)  # type: ignore[arg-type]
    seal = import_scan(saved(stamp(paper(700), drawn, (100, 100)), dpi=(300, 300)), shape="round")
    assert seal.kind == colour
    assert seal.width_mm == pytest.approx(40, abs=0.3)


@pytest.mark.parametrize(
    ("page", "options", "expected"),
    [
        pytest.param(lambda: stamp(paper(700), ROUND, (100, 100)), {"width_mm": 60}, "coarse", id="190 dpi"),
        pytest.param(lambda: stamp(paper(600), ROUND, (240, 60)), {"dpi": 300}, "clipped", id="over the edge"),
        pytest.param(
            lambda: stamp(stamp(paper(1100), ROUND, (60, 60)), SQUARE, (760, 700)), {"dpi": 300}, "several", id="two"
        ),
        pytest.param(
            lambda: stamp(paper(700), ROUND, (100, 100)).resize((700, 640)),
            {"dpi": 300, "shape": "round"},
            "not-round",
            id="squeezed",
        ),
        pytest.param(
            lambda: stamp(stamp(paper(900), ROUND, (100, 100)), SQUARE, (430, 430)),
            {"dpi": 300, "shape": "round"},
            "not-round",
            id="overlapped",
        ),
        pytest.param(
            lambda: stamp(paper(700, (255, 240, 190)), ROUND, (100, 100)), {"dpi": 300}, "colour-cast", id="yellow"
        ),
        pytest.param(lambda: stamp(paper(700), ROUND, (100, 100), depth=0.25), {"dpi": 300}, "faint", id="faint"),
        pytest.param(
            lambda: stamp(paper(700), ROUND, (100, 100)), {"dpi": 300, "width_mm": 42.8}, "size-disagrees", id="mm"
        ),
    ],
)
def test_what_is_wrong_is_said_in_chinese(page, options, expected) -> None:  # noqa: ANN001 - a table
    seal = import_scan(saved(page()), **options)
    assert expected in problems(seal)
    assert all(warning.text.endswith("。") for warning in seal.warnings)


def test_the_larger_of_two_is_taken() -> None:
    page = stamp(stamp(paper(1100), ROUND, (60, 60)), SQUARE, (760, 700))
    assert import_scan(saved(page), dpi=300, shape="round").width_mm == pytest.approx(40, abs=0.3)


def test_a_stated_width_wins_over_the_resolution() -> None:
    seal = import_scan(saved(stamp(paper(700), ROUND, (100, 100)), dpi=(300, 300)), width_mm=40)
    assert seal.width_mm == 40
    assert problems(seal) == set()


@pytest.mark.parametrize("shadow", [True, False])
def test_bare_paper_shows_no_impression(shadow: bool) -> None:
    with pytest.raises(NoImpressionError):
        import_scan(saved(paper(500, shadow=shadow)), dpi=300)


@pytest.mark.parametrize("dpi", [None, 72, 96])
def test_without_a_believable_resolution_the_size_must_be_given(dpi: int | None) -> None:
    options = {"dpi": (dpi, dpi)} if dpi else {}
    data = saved(stamp(paper(700), ROUND, (100, 100)), **options)
    with pytest.raises(UnknownScanSizeError):
        import_scan(data)
    assert import_scan(data, width_mm=40).width_mm == 40


def _png(width: int, height: int, rows: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(_png(60_000, 60_000), SealLimitError, id="a bomb of 3.6 gigapixels"),
        pytest.param(_png(20_001, 20), SealLimitError, id="a very long strip"),
        pytest.param(b"BM" + struct.pack("<IIIIiiHHIIii", 0, 0, 54, 40, 2**30, -(2**30), 1, 24, 0, 0, 0, 0),
                     SealLimitError, id="a BMP bomb"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(MAX_BYTES), SealLimitError, id="too many bytes"),
        pytest.param(_png(0, 10), SealFormatError, id="no width"),
        pytest.param(_png(500, 500), SealFormatError, id="rows missing"),
        pytest.param(b"", SealFormatError, id="nothing"),
        pytest.param(b"GIF89a" + bytes(100), SealFormatError, id="GIF"),
        pytest.param(b"%PDF-1.7", SealFormatError, id="a PDF"),
        pytest.param(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", SealFormatError, id="a JPEG that ends"),
        pytest.param(b"II*\x00\xff\xff\xff\x7f", SealFormatError, id="a TIFF pointing nowhere"),
        pytest.param(saved(stamp(paper(700), ROUND, (100, 100)), "JPEG")[:9000], SealFormatError, id="half a JPEG"),
    ],
)  # fmt: skip
def test_what_is_no_picture_or_too_big_is_refused(data: bytes, error: type[SealingError]) -> None:
    with pytest.raises(error):
        import_scan(data, dpi=300)


_WHOLE = {form: saved(stamp(paper(120), SQUARE, (10, 10), dpi=100), form) for form in ("PNG", "JPEG", "BMP", "TIFF")}


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(sorted(_WHOLE)), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6))
def test_damaged_pictures_end_in_typed_errors(form: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(_WHOLE[form])
    for at, value in changes:
        data[at % len(data)] = value
    try:
        seal = import_scan(bytes(data), width_mm=20)
    except SealingError:
        return
    assert len(seal.png) <= artwork.PNG_LIMIT


@given(
    st.binary(max_size=200), st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b""])
)
def test_headers_of_any_bytes(data: bytes, magic: bytes) -> None:
    try:
        read_header(magic + data)
    except SealFormatError:
        return
