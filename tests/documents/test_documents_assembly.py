import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pypdfium2
import pytest
from documents_pdfs import changed_pdf, simple_pdf
from PIL import Image, ImageChops
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import FreeText
from pypdf.generic import FloatObject, NameObject

from bidding.documents.assembly import Annex, Assembler, FilePiece, PaperPiece, Part
from bidding.documents.letters import LetterWriter, Offer, Tender
from bidding.documents.pictures import render_page, render_pages
from bidding.errors import EmptyDocumentError
from identity.licence import BusinessLicence

AT = datetime(2026, 3, 1, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "tender"
ASSEMBLER = Assembler(lambda n: b"\x05" * n)
Put = Callable[[bytes], Path]


def assemble(target: Path, *pieces: FilePiece | PaperPiece | Annex) -> Part:
    return ASSEMBLER.assemble(target, pieces, title="技术文件", dated=AT)


def spin(turn: int, crop: bool, unit: float) -> Callable[[PdfWriter], None]:
    def change(writer: PdfWriter) -> None:
        page = writer.pages[0]
        page.rotation = turn
        if crop:
            page.cropbox.lower_left, page.cropbox.upper_right = (60, 90), (460, 590)
        if unit != 1:
            page[NameObject("/UserUnit")] = FloatObject(unit)

    return change


@pytest.mark.parametrize("unit", [1, 2])
@pytest.mark.parametrize("crop", [False, True], ids=["whole", "cropped"])
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_page_numbers_stand_at_the_right_of_the_seen_edge(
    turn: int, crop: bool, unit: float, put: Put, tmp_path: Path
) -> None:
    part = assemble(tmp_path / "out.pdf", FilePiece("turned", put(changed_pdf(spin(turn, crop, unit))), 1))
    with pypdfium2.PdfDocument(part.path) as document:
        page = document[0]
        textpage = page.get_textpage()
        index = textpage.search("共").get_next()[0]
        left, bottom, right, top = textpage.get_charbox(index)
        x, y = (left + right) / 2, (bottom + top) / 2
        # pdfium reports user space; turn it to the page as seen
        x0, y0, x1, y1 = page.get_cropbox() if crop else page.get_mediabox()
        seen = {0: (x - x0, y - y0), 90: (y - y0, x1 - x), 180: (x1 - x, y1 - y), 270: (y1 - y, x - x0)}[turn]
        wide = (y1 - y0) if turn in (90, 270) else (x1 - x0)
    mm = 25.4 / 72 * unit
    assert seen[1] * mm == pytest.approx(8, abs=1)
    assert (wide - seen[0]) * mm == pytest.approx(12 + 8, abs=1)


def test_pieces_bookmarks_and_links(put: Put, tmp_path: Path) -> None:
    """Both files have a destination named p1; each link must lead to its own file's page."""
    pieces = [
        FilePiece("甲", put(simple_pdf(2, text="first")), 2),
        FilePiece("乙", put(simple_pdf(3, text="second")), 3),
    ]
    part = assemble(tmp_path / "out.pdf", *pieces)
    reader = PdfReader(part.path)
    assert (part.pages, part.contents) == (5, (("甲", 1, 2), ("乙", 3, 3)))
    texts = [re.sub(r"\s", "", page.extract_text()) for page in reader.pages]
    assert all(f"第{number}页共5页" in text for number, text in enumerate(texts, 1))
    top = [item for item in reader.outline if not isinstance(item, list)]
    assert [(item.title, reader.get_destination_page_number(item)) for item in top] == [("甲", 0), ("乙", 2)]
    assert [item.title for item in reader.outline[3]] == ["second 1", "second 2", "second 3"]
    targets = [reader.get_page_number(page["/Annots"][0]["/Dest"][0].get_object()) for page in reader.pages]
    assert targets == [0, 0, 2, 2, 2]


def test_the_result_depends_on_its_inputs_only(put: Put, tmp_path: Path) -> None:
    piece = FilePiece("甲", put(simple_pdf()), 1)
    one, two = (assemble(tmp_path / name, piece) for name in ("one.pdf", "two.pdf"))
    assert one.sm3 == two.sm3
    assert PdfReader(one.path).trailer["/ID"][0].original_bytes == b"\x05" * 16


def test_places_for_seals_move_with_their_page(licence: BusinessLicence, put: Put, tmp_path: Path) -> None:
    writer = LetterWriter(Tender("项目", "S-1", "标段", "招标人"), licence, AT, bytes)
    letter = writer.letter(Offer(price_fen=100, days=1))
    pieces = [FilePiece("甲", put(simple_pdf(3)), 3), PaperPiece("投标函", letter)]
    part = ASSEMBLER.assemble(
        tmp_path / "out.pdf",
        pieces,
        title="x",
        dated=AT,
        cover=lambda contents: writer.cover("商务文件", contents, ["unit"]),
    )
    assert [(place.party, place.page) for place in part.places] == [
        ("unit", 1),
        ("unit", 5),
        ("legal-representative", 5),
    ]
    assert part.contents == (("封面与目录", 1, 1), ("甲", 2, 3), ("投标函", 5, 1))
    assert "投标函" in PdfReader(part.path).pages[0].extract_text()


def test_a_signed_file_is_only_referred_to(tmp_path: Path) -> None:
    part = assemble(tmp_path / "out.pdf", Annex("投标保函", "bank.pdf", 12345, 3, "ab" * 32, ("签名有效",)))
    text = re.sub(r"\s", "", PdfReader(part.path).pages[0].extract_text())
    assert all(word in text for word in ("附件引用页", "bank.pdf", "12,345", "ab" * 32, "签名有效"))


def test_comments_are_drawn_into_the_page(put: Put, tmp_path: Path) -> None:
    def comment(writer: PdfWriter) -> None:
        note = FreeText(text="note", rect=(100, 500, 300, 560), background_color="ff0000")
        writer.add_annotation(0, note)

    source = put(changed_pdf(comment))
    part = assemble(tmp_path / "out.pdf", FilePiece("甲", source, 1, flatten=True))
    assert "/Annots" not in PdfReader(part.path).pages[0] or all(
        item["/Subtype"] == "/Link" for item in PdfReader(part.path).pages[0]["/Annots"]
    )
    before, after = (Image.open(io.BytesIO(render_page(path, 1, dpi=36))) for path in (source, part.path))
    box = ImageChops.difference(before, after).getbbox()
    assert box is not None
    assert box[1] > before.height * 0.9, "nothing but the page number differs"


def test_a_page_is_drawn(put: Put) -> None:
    path = put(simple_pdf(2))
    png, jpeg = render_page(path, 1, dpi=72), render_pages(path, [2], dpi=72, form="jpeg")[0]
    assert Image.open(io.BytesIO(png)).size == (595, 842)
    assert jpeg[:3] == b"\xff\xd8\xff"
    with pytest.raises(EmptyDocumentError):
        render_page(path, 3)


@pytest.mark.conformance
def test_real_documents_are_joined_as_they_are(tmp_path: Path) -> None:
    """385 pages of real Chinese documents; the pictures of their pages differ in the page number only."""
    paths = sorted(SAMPLES.glob("*.pdf"))
    assert len(paths) == 4
    counts = [len(PdfReader(path).pages) for path in paths]
    part = assemble(
        tmp_path / "out.pdf", *(FilePiece(path.stem, path, count) for path, count in zip(paths, counts, strict=True))
    )
    assert part.pages == sum(counts)
    first = 1
    for path, count in zip(paths, counts, strict=True):
        [before] = render_pages(path, [count], dpi=40)
        [after] = render_pages(part.path, [first + count - 1], dpi=40)
        one, two = Image.open(io.BytesIO(before)), Image.open(io.BytesIO(after))
        box = ImageChops.difference(one, two).getbbox()
        assert box is not None
        assert box[1] > one.height * 0.94, path
        first += count
