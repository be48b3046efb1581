"""Impressions: the same seal in any size is the same, another company's is not, and doubt is doubt."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from reporting_world import Judged, details, judge_shared

from bidding.reporting.comparing import ask_comparison, tell_comparisons, with_comparisons
from bidding.reporting.impression import Raster, compare_impressions
from bidding.reporting.impression_drawing import raster_of
from bidding.reporting.picture_types import Compared
from bidding.reporting.reports import make_html
from sealing import artwork
from sealing.artwork import Artwork
from sealing.drawing import finance_seal, representative_seal, unit_seal

OURS = unit_seal("测试滨海建设工程有限公司", "3501000000001")
ROUND = {
    "一字之差": unit_seal("测试滨海建筑工程有限公司", "3501000000001"),
    "另一单位": unit_seal("测试崂山路桥集团有限公司", "3501000000001"),
    "财务章": finance_seal("测试滨海建设工程有限公司", "3501000000002"),
}


def picture(drawn: Artwork, dpi: int = 300) -> Any:
    image = Image.open(io.BytesIO(artwork.png(drawn, dpi))).convert("RGBA")
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def png(image: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def likeness(one: Any, other: Any) -> str:
    return compare_impressions(raster_of(one), raster_of(other)).result


@pytest.mark.parametrize("dpi", [96, 120, 150, 200, 400])
def test_the_same_seal_in_any_size(dpi: int) -> None:
    assert likeness(picture(OURS), picture(OURS, dpi)) == "same"


def test_margins_and_pale_ink_do_not_matter() -> None:
    image = picture(OURS)
    sheet = Image.new("RGB", (image.width + 300, image.height + 90), "white")
    sheet.paste(Image.blend(image, Image.new("RGB", image.size, "white"), 0.5), (211, 34))
    assert likeness(image, sheet) == "same"


def test_saved_as_jpeg_it_is_the_same() -> None:
    out = io.BytesIO()
    picture(OURS, 150).save(out, "JPEG", quality=30)
    assert likeness(picture(OURS), Image.open(io.BytesIO(out.getvalue()))) == "same"


def test_a_thumbnail_is_no_evidence_against_a_seal() -> None:
    assert likeness(picture(OURS), picture(OURS).resize((60, 60))) == "unknown"


@pytest.mark.parametrize("colour", ["white", "black"])
def test_a_sheet_of_one_colour_is_no_impression(sealed: Judged, colour: str) -> None:
    told = ask_comparison(sealed.answer, None, png(Image.new("RGB", (300, 300), colour)))
    found = {(one.result, one.why) for one in told if one.what == "filed"}
    assert found <= ({("unknown", "blank")} if colour == "white" else {("differs", ""), ("unknown", "blank")})


@pytest.mark.parametrize("other", ROUND.values(), ids=ROUND)
@pytest.mark.parametrize("dpi", [96, 300])
def test_another_seal_is_another(other: Artwork, dpi: int) -> None:
    assert likeness(picture(OURS), picture(other, dpi)) == "differs"


def test_names_of_persons_differ_by_one_character() -> None:
    one, other = representative_seal("陈建国"), representative_seal("陈建军")
    assert likeness(picture(one), picture(other)) == "differs"
    assert likeness(picture(one), picture(one, 150)) == "same"


@pytest.mark.parametrize(
    "raster",
    [Raster(0, 0, b""), Raster(40, 40, bytes(1600)), Raster(40, 40, b"x"), Raster(300, 2, bytes([255]) * 600)],
    ids=["nothing", "white", "cut short", "a line"],
)
def test_without_an_impression_nothing_can_be_told(raster: Raster) -> None:
    assert compare_impressions(raster_of(picture(OURS)), raster).result == "unknown"


def test_the_drawn_stamps_are_those_of_the_seals(sealed: Judged) -> None:
    compared = ask_comparison(sealed.answer, sealed.path)
    assert {(one.signature, one.what, one.result) for one in compared} == {
        ("legal", "drawn", "same"), ("unit", "drawn", "same"),
    }  # fmt: skip
    answer = with_comparisons(sealed.answer, compared)
    assert answer["indication"] == "TOTAL-PASSED"
    assert [one["checks"][-1]["result"] for one in answer["signatures"]] == ["ok", "ok"]
    page = make_html([answer], details(), comparisons=tell_comparisons(compared, answer))
    assert page.count("页面上画出的印章与印章数据一致</span> <b>✓ 符合") == 0
    assert page.count("画出的印章与印章数据一致</span> <b>✓ 符合</b>") == 2


@pytest.mark.parametrize(
    ("turn", "result"),
    [(0, "same"), (2, "same"), (-3, "same"), (90, "same"), (180, "same")],
    ids=["straight", "askew", "askew the other way", "sideways", "upside down"],
)
def test_the_filed_impression_may_lie_askew(sealed: Judged, turn: float, result: str) -> None:
    unit = sealed.answer["signatures"][1]
    stored = Image.open(io.BytesIO(base64.b64decode(unit["seal"]["picture"]["data"]))).convert("RGBA")
    ground = Image.new("RGB", stored.size, "white")
    ground.paste(stored, mask=stored.getchannel("A"))
    filed = png(ground.rotate(turn, expand=True, fillcolor="white", resample=3))
    found = {(one.signature, one.what): one for one in ask_comparison(sealed.answer, sealed.path, filed)}
    assert found["unit", "filed"].result == result
    assert found["legal", "filed"].result == "differs"
    assert [name for name, _ in found["unit", "filed"].pictures] == ["filed", "seal", "drawn"]


@pytest.mark.parametrize("filed", [b"no picture", b"\x30\x03\x02\x01\x01"], ids=["rubbish", "no seal"])
def test_a_filed_impression_that_cannot_be_read(sealed: Judged, filed: bytes) -> None:
    told = [one for one in ask_comparison(sealed.answer, None, filed) if one.what == "filed"]
    assert {(one.result, one.why) for one in told} == {("unknown", "unreadable")}
    answer = with_comparisons(sealed.answer, told)
    assert answer["indication"] == "TOTAL-PASSED"


@pytest.mark.parametrize("decisive", [True, False], ids=["decides", "is told"])
def test_a_difference_fails_the_file_if_it_decides(sealed: Judged, decisive: bool) -> None:
    differs = Compared("unit", "drawn", "differs", 0.3, "")
    answer = with_comparisons(sealed.answer, [differs], decisive=decisive)
    assert answer["indication"] == ("TOTAL-FAILED" if decisive else "TOTAL-PASSED")
    assert answer["signatures"][1]["checks"][-1]["code"] == "STAMP_PICTURE"
    assert sealed.answer["indication"] == "TOTAL-PASSED", "the answer that came is left as it was"


def test_a_page_that_is_lost_tells_nothing(sealed: Judged, tmp_path: Path) -> None:
    path = tmp_path / "plain.pdf"
    path.write_bytes(sealed.path.read_bytes()[:2000])
    assert {one.result for one in ask_comparison(sealed.answer, path)} <= {"unknown"}


def test_a_vector_picture_is_not_read(sealed: Judged) -> None:
    data = base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode()
    seal = {**sealed.answer["signatures"][1]["seal"], "picture": {"format": "svg", "data": data}}
    given = {**sealed.answer, "signatures": [{**sealed.answer["signatures"][1], "seal": seal}]}
    assert [(one.result, one.why) for one in ask_comparison(given, sealed.path)] == [("unknown", "vector")]


def test_another_seal_drawn_on_the_page_is_found(sealed: Judged) -> None:
    """The signature of one seal stands where another is drawn: the pictures of the two are exchanged."""
    legal, unit = sealed.answer["signatures"]
    given = {**sealed.answer, "signatures": [{**legal, "seal": unit["seal"]}, {**unit, "seal": legal["seal"]}]}
    assert {one.result for one in ask_comparison(given, sealed.path)} <= {"differs", "unknown"}
    other = io.BytesIO()
    picture(ROUND["一字之差"]).save(other, "PNG")
    seal = {**unit["seal"], "picture": {"format": "PNG", "data": base64.b64encode(other.getvalue()).decode()}}
    swapped = {**sealed.answer, "signatures": [{**unit, "seal": seal}]}
    (found,) = ask_comparison(swapped, sealed.path)
    assert found.result == "differs"
    answer = with_comparisons(swapped, [found])
    assert (answer["indication"], answer["sub_indication"]) == ("TOTAL-FAILED", "SIG_CONSTRAINTS_FAILURE")


@pytest.mark.conformance
def test_in_ofd_the_data_of_the_seal_are_what_is_drawn() -> None:
    path = Path(__file__).parents[3] / "shared" / "samples" / "verify" / "ofd" / "gen_ofd_extra_part.ofd"
    given = judge_shared(path)
    stored = given["signatures"][0]["seal"]["picture"]["data"]
    compared = ask_comparison(given, path, base64.b64decode(stored))
    assert [(one.what, one.result, one.why) for one in compared] == [
        ("drawn", "same", "by_data"),
        ("filed", "same", ""),
    ]
    assert with_comparisons(given, compared)["indication"] == given["indication"]
