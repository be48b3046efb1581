"""The simple picture of an OFD page: what stands where, and nothing of the package but numbers and escaped text."""

import base64
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from ofd_paper import LEGAL, UNIT, Paper, apply, contract, page, text
from sealing_world import World

from sealing import ses
from sealing.errors import NoOfdPagesError, PageRangeError, SealFormatError
from sealing.ofd_preview import draw_ofd_page
from sealing.placement import Stamp
from sealing.seal import SealKind

SVG = "{http://www.w3.org/2000/svg}"
SHARED = Path(__file__).parents[2].parent / "shared"


def tree(data: bytes) -> ET.Element:
    return ET.fromstring(data)  # noqa: S314 - our own bytes


def path(data: str, box: str = "10 20 30 40", more: str = "") -> str:
    return f'<ofd:PathObject Boundary="{box}"{more}><ofd:AbbreviatedData>{data}</ofd:AbbreviatedData></ofd:PathObject>'


def test_text_seals_and_plans_are_shown_where_they_are(world: World, tmp_path: Path) -> None:
    source = contract().write(tmp_path / "a.ofd")
    slices = [Stamp(3, 200, 100, 10, 40, (0.75, 1.0))]
    apply(world, source, source, [replace(UNIT, page=3), *slices])
    planned = [replace(LEGAL, page=3), LEGAL]
    root = tree(draw_ofd_page(source, 3, stamps=planned, esl=world.seals[SealKind.LEGAL_REPRESENTATIVE].esl))
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("210mm", "297mm", "0 0 210 297")
    words = "".join(one.text or "" for one in root.iter(f"{SVG}text"))
    assert words == "投标人（盖章）：测试建设工程有限公司"
    seals = [[one.get(name) for name in ("x", "y", "width", "height", "viewBox")] for one in root.iter(f"{SVG}svg")][1:]
    assert seals == [
        ["100", "200", "40", "40", "0 0 40 40"],
        ["200", "100", "10", "40", "30 0 10 40"],
        ["40", "200", "20", "20", "0 0 20 20"],
    ]
    picture = ses.parse_seal(world.seals[SealKind.UNIT].esl).info.picture.data
    images = [one.get("href") or "" for one in root.iter(f"{SVG}image")]
    assert images[0] == images[1] == f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def test_letters_stand_where_the_package_says(tmp_path: Path) -> None:
    source = Paper([page(text("盖a", 30, 50, size=10))]).write(tmp_path / "a.ofd")
    letters = [dict(one.attrib) for one in tree(draw_ofd_page(source, 1)).iter(f"{SVG}text")]
    assert letters == [
        {"x": "30", "y": "58.8", "font-size": "10", "textLength": "10"},
        {"x": "40", "y": "58.8", "font-size": "10", "textLength": "5"},
    ]


@pytest.mark.parametrize(
    ("data", "drawn"),
    [
        pytest.param("M 0 0 L 30 0 L 30 40 C", "M 0 0 L 30 0 L 30 40 Z", id="lines"),
        pytest.param("S 1 2 B 1 2 3 4 5 6 Q 1 2 3 4", "M 1 2 C 1 2 3 4 5 6 Q 1 2 3 4", id="curves"),
        pytest.param("M 0 0 A 5 5 0 0 1 10 10", "M 0 0 A 5 5 0 0 1 10 10", id="arc"),
        pytest.param("M 0 0 L 1", "M 0 0", id="cut off"),
        pytest.param("M 0 0 X 1 2", "M 0 0", id="unknown step"),
        pytest.param('M 0 0 L nan 1"/&gt;', "M 0 0", id="no numbers"),
    ],
)
def test_paths(tmp_path: Path, data: str, drawn: str) -> None:
    source = Paper([page(path(data))]).write(tmp_path / "a.ofd")
    found = [(one.get("d"), one.get("transform")) for one in tree(draw_ofd_page(source, 1)).iter(f"{SVG}path")]
    assert found == [(drawn, "translate(10 20)")]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(text("<script>alert(1)</script>&amp;", 20, 20), id="markup in text"),
        pytest.param(path("&lt;/svg&gt;&lt;script&gt;"), id="markup in a path"),
        pytest.param(path("M 0 0", box='0 0 1 1" onload="x'.replace('"', "&quot;")), id="markup in a box"),
        pytest.param(path("M 0 0", more=' CTM="1 0 0 1 0 0)&quot; onload=&quot;x"'), id="markup in a matrix"),
        pytest.param('<ofd:ImageObject Boundary="1e308 0 1e999 5"/>', id="no number"),
        pytest.param("<ofd:CompositeObject/>", id="no box"),
    ],
)
def test_nothing_of_the_package_becomes_markup(tmp_path: Path, content: str) -> None:
    source = Paper([page(content)]).write(tmp_path / "a.ofd")
    root = tree(draw_ofd_page(source, 1))
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {"svg", "rect", "text", "path"}
    assert not [one for one in root.iter() if "onload" in one.attrib]


def test_pictures_are_outlines(tmp_path: Path) -> None:
    source = Paper([page('<ofd:ImageObject Boundary="10 20 30 40"/>')]).write(tmp_path / "a.ofd")
    boxes = [one.attrib for one in tree(draw_ofd_page(source, 1)).iter(f"{SVG}rect")]
    assert [(one.get("x"), one["width"], one["height"]) for one in boxes[1:]] == [("10", "30", "40")]


def test_what_cannot_be_drawn_is_told(tmp_path: Path, world: World) -> None:
    source = contract().write(tmp_path / "a.ofd")
    for number in (0, 4, -1):
        with pytest.raises(PageRangeError):
            draw_ofd_page(source, number)
    with pytest.raises(SealFormatError):
        draw_ofd_page(source, 1, stamps=[UNIT], esl=world.seals[SealKind.UNIT].esl[:-1])
    with pytest.raises(NoOfdPagesError):
        draw_ofd_page(Paper([]).write(source), 1)


@pytest.mark.conformance
def test_seals_of_another_maker(tmp_path: Path) -> None:
    source = tmp_path / "a.ofd"
    source.write_bytes((SHARED / "vectors/ofd/two_seals_second_breaks_first.ofd").read_bytes())
    assert [len(list(tree(draw_ofd_page(source, n)).iter(f"{SVG}image"))) for n in range(1, 6)] == [2, 1, 1, 1, 1]
