"""OFD packages as the command line and the bounded child answer about them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ofd_world import PAGE, Order, Parts, pack, plain, sign, xml
from sealing_world import DAY, NOON, World

from bidding.isolation import IsolatedWorker
from bidding.verification import FileReport, Question, judge_file
from signing.checks import Indication


def ask(tmp_path: Path, world: World, data: bytes, **changes: object) -> FileReport:
    path = tmp_path / "licence"
    path.write_bytes(data)
    return judge_file(path, Question(world.trust, NOON + DAY, **changes))  # type: ignore[arg-type]


def test_the_published_form(world: World, tmp_path: Path) -> None:
    order = Order(skip=frozenset({"Doc_0/extra.txt"}))
    report = ask(tmp_path, world, pack(sign(world, {**plain(), "Doc_0/extra.txt": b"x"}, order)))
    answer = report.as_json()
    assert (answer["format"], answer["indication"], answer["read_mode"]) == ("ofd", "TOTAL-PASSED", "strict")
    (seal,) = answer["signatures"]
    assert (seal["profile"], seal["covers"], seal["kind_name"]) == ("SES-v4", "partial", "签章")
    assert [c["allowed"] for c in seal["changes_after"]] == [True]
    assert all(c["text"] for c in seal["checks"])
    assert {c["name"] for c in seal["checks"]} >= {
        "structure",
        "references",
        "coverage",
        "seal-file",
        "stamp",
        "digest",
    }


def drop(name: str) -> Callable[[Parts], Parts]:
    return lambda parts: {key: value for key, value in parts.items() if key != name}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda p: {**p, "Encryptions.xml": xml("Encryptions", "")}, "已按 GM/T 0099 加密", id="encrypted"),
        pytest.param(drop("OFD.xml"), "无法识别", id="no OFD.xml"),
        pytest.param(lambda p: {**p, "OFD.xml": b"<!DOCTYPE x><x/>"}, "OFD 文件无法读取", id="a document type"),
        pytest.param(lambda p: {**p, "ofd.xml": b"x"}, "数据格式不正确", id="two names"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    world: World, tmp_path: Path, change: Callable[[Parts], Parts], words: str
) -> None:
    report = ask(tmp_path, world, pack(change(sign(world, plain()))))
    assert (report.indication, report.signatures) == (Indication.REFUSED, ())
    assert words in report.reason


def test_a_changed_page_is_named(world: World, tmp_path: Path) -> None:
    parts = sign(world, plain())
    report = ask(tmp_path, world, pack({**parts, PAGE: xml("Page", "")}))
    assert report.indication is Indication.TOTAL_FAILED
    assert PAGE in report.reason


def test_a_directory_that_is_long(world: World, tmp_path: Path) -> None:
    parts = sign(world, {f"Doc_0/Res/{number:04}.bin": b"x" for number in range(3000)} | plain())
    report = ask(tmp_path, world, pack(parts, stored=True))
    assert (report.format, report.indication) == ("ofd", Indication.TOTAL_PASSED)


@pytest.mark.slow
def test_the_bounded_child_answers(world: World, tmp_path: Path) -> None:
    path, bomb = tmp_path / "x.ofd", tmp_path / "bomb.ofd"
    path.write_bytes(pack(sign(world, plain())))
    wide = xml("Page", "<a/>" * 3_000_000)
    parts = sign(world, plain())
    bomb.write_bytes(pack({**parts, PAGE: wide, "Doc_0/extra.txt": b"x"}))
    worker = IsolatedWorker()
    try:
        for file, indication in ((path, "INDETERMINATE"), (bomb, "REFUSED")):
            at = datetime(2026, 11, 21, 12, tzinfo=UTC).isoformat()
            answer = worker.ask({"task": "verify", "file": str(file), "trust": "", "at": at})
            assert (answer["format"], answer["indication"]) == ("ofd", indication)
    finally:
        worker.close()
