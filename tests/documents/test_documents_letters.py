import io
import re
from datetime import UTC, datetime

import pypdfium2
import pytest
from pypdf import PdfReader

from bidding.documents.fonts import Face, build_font, require_glyphs
from bidding.documents.letters import Agent, LetterWriter, Offer, Tender
from bidding.documents.lines import Run, break_lines
from bidding.documents.paper import Paper
from bidding.errors import MissingGlyphError
from identity.licence import BusinessLicence

AT = datetime(2026, 3, 1, 16, 30, tzinfo=UTC)
"""Already the second of March in Beijing."""
OFFER = Offer(price_fen=1_833_000_056, days=180, manager="李建国")
TENDER = Tender("滨河新区市政道路工程", "YZ2026-0317-01", "第一标段", "滨河新区城市建设投资有限公司")


def writer(licence: BusinessLicence, *, random: bytes = b"\x07") -> LetterWriter:
    return LetterWriter(TENDER, licence, AT, lambda n: random * n)


def text_of(paper: Paper) -> str:
    with pypdfium2.PdfDocument(paper.pdf) as document:
        text = "".join(page.get_textpage().get_text_bounded() for page in document)
    return re.sub(r"\s", "", text)


def letters(licence: BusinessLicence) -> dict[str, Paper]:
    made = writer(licence)
    agent = Agent(name="王小明", authorisation="A1", matters="投标", not_before=AT, not_after=AT)
    return {
        "letter": made.letter(OFFER),
        "readout": made.readout(OFFER, [("投标保证金", "电子保函")]),
        "legal-representative": made.legal_representative(),
        "authorisation": made.authorisation(agent),
        "cover": made.cover("技术文件", [("施工组织设计", 2, 175)], ["legal-representative", "unit"]),
    }


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        pytest.param(
            "letter", ["￥18,330,000.56元", "壹仟捌佰叁拾叁万元零伍角陆分", "180日历天", "欧阳㛃"], id="letter"
        ),
        pytest.param("readout", ["开标一览表", "91350100M000100Y43", "李建国", "投标保证金", "电子保函"], id="readout"),
        pytest.param(
            "legal-representative", ["注册资本", "5000万元人民币", "福州市市场监督管理局"], id="representative"
        ),
        pytest.param("authorisation", ["王小明", "授权编号：A1", "远山喆建设工程股份有限公司"], id="authorisation"),
        pytest.param("cover", ["技术文件", "施工组织设计", "175", "2026年3月2日"], id="cover"),
    ],
)
def test_a_letter_says_what_it_must_in_real_glyphs(kind: str, words: list[str], licence: BusinessLicence) -> None:
    paper = letters(licence)[kind]
    text = text_of(paper)
    # 零 before 角 may be left out (支付结算办法, 附一); we leave it out.
    expected = [word.replace("元零伍角", "元伍角") for word in words]
    assert [word for word in expected if word not in text] == []
    assert paper.pages == 1
    assert {place.party for place in paper.places} == {"unit", "legal-representative"}
    for place in paper.places:
        assert place.page == 1
        assert 0 < place.x_mm < place.x_mm + place.w_mm < 210
        assert 0 < place.y_mm < place.y_mm + place.h_mm < 297


def test_only_the_identifier_is_random(licence: BusinessLicence) -> None:
    one, same, other = (writer(licence, random=byte).letter(OFFER).pdf for byte in (b"\x01", b"\x01", b"\x02"))
    assert one == same
    assert one != other
    assert one.replace(b"01" * 16, b"02" * 16) == other
    identifier = PdfReader(io.BytesIO(one)).trailer["/ID"]
    assert identifier[0].original_bytes == b"\x01" * 16


def test_all_fonts_are_embedded(licence: BusinessLicence) -> None:
    page = PdfReader(io.BytesIO(writer(licence).letter(OFFER).pdf)).pages[0]
    used = re.findall(rb"/(F\d+\+\d+)", page.get_contents().get_data())
    fonts = page["/Resources"]["/Font"]
    assert used
    assert all("/FontFile2" in fonts[f"/{name.decode()}"]["/FontDescriptor"] for name in used)


def test_a_character_without_a_glyph_is_named(licence: BusinessLicence) -> None:
    offer = Offer(price_fen=1, days=1, manager="张\U0001f600")
    with pytest.raises(MissingGlyphError, match=r"U\+1F600"):
        writer(licence).readout(offer)
    assert writer(licence).letter(OFFER).pages == 1, "the fonts of a failed paper are gone"


@pytest.mark.parametrize(
    "text",
    ["喆㛃燚堃", "壹贰叁肆伍陆柒捌玖拾佰仟万亿元角分整零", "￥（）《》“”—…℃m²"],
    ids=["names", "amounts", "marks"],
)
def test_glyphs_that_tenders_need(text: str) -> None:
    for face in Face:
        require_glyphs(text, face)


def test_a_font_is_built_once() -> None:
    assert build_font(Face.SERIF, frozenset("一照")) is build_font(Face.SERIF, frozenset("照一"))


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        pytest.param("一二三四五六", 30, ["一二三", "四五六"], id="full lines"),
        pytest.param("一二三，四", 30, ["一二", "三，四"], id="no comma at the start"),
        pytest.param("一二（三）", 30, ["一二", "（三）"], id="no bracket at the end"),
        pytest.param("一二12,345.67元", 100, ["一二", "12,345.67元"], id="a number stays whole"),
        pytest.param("abcdefghij", 40, ["abcd", "efgh", "ij"], id="a word too long is cut"),
        pytest.param("", 30, [""], id="nothing"),
    ],
)
def test_line_breaks(text: str, width: float, lines: list[str]) -> None:
    broken = break_lines((Run(text),), width, lambda word: 10.0 * len(word))
    assert ["".join(word.text for word in line) for line in broken] == lines
