"""`yizhao verify` on whatever is named: folders, patterns, archives, passwords, policies, several trust lists."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bidding_world import BIDDERS, CENTRE, DAY
from verify_world import LATER, Desk, locked_pdf, make_desk, plain_pdf, run, zipped

from bidding.cli.verify import verify
from sealing.keywords import find_keywords
from sealing.pages import survey_pdf
from signing.policy import PRODUCTION_POLICY, encode_policy
from signing.trust import make_trust, save_trust

AT = ("--at", LATER.isoformat())


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return make_desk(tmp_path_factory.mktemp("desk"))


def ask(desk: Desk, *arguments: object, trust: bool = True) -> tuple[int, list[dict[str, Any]]]:
    code, output = run(verify, *(("--trust", desk.folder) if trust else ()), *AT, "--json", *arguments)
    return code, [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def tree(desk: Desk, tmp_path: Path) -> Path:
    folder = tmp_path / "标书"
    (folder / "sub").mkdir(parents=True)
    (folder / "r.json").write_bytes(desk.receipt())
    (folder / "sub" / "b.ytb").write_bytes(desk.packed.data)
    (folder / ".hidden.json").write_bytes(b"{}")
    (folder / "link.json").symlink_to(folder / "r.json")
    return folder


def test_a_folder_is_a_batch(desk: Desk, tree: Path) -> None:
    code, answers = ask(desk, tree)
    assert (code, [one["file"] for one in answers]) == (0, ["标书/r.json", "标书/sub/b.ytb"])
    assert {one["indication"] for one in answers} == {"TOTAL-PASSED"}


def test_a_pattern_is_a_batch(desk: Desk, tree: Path) -> None:
    code, answers = ask(desk, tree / "**" / "*.ytb", tree / "r.*")
    assert (code, [one["file"] for one in answers]) == (0, ["b.ytb", "r.json"])
    assert [one["code"] for one in ask(desk, tree / "*.nothing")[1]] == ["not_found"]


def test_an_archive_is_a_batch(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(
        zipped({"甲/r.json": desk.receipt(), "b.ytb": desk.packed.data, "__MACOSX/x": b"?", "../../up.json": b"{}"})
    )
    code, answers = ask(desk, tmp_path / "a.zip")
    found = {one["file"]: one["indication"] for one in answers}
    assert (code, found) == (
        4,
        {"a.zip/甲/r.json": "TOTAL-PASSED", "a.zip/b.ytb": "TOTAL-PASSED", "a.zip/../../up.json": "REFUSED"},
    )
    assert sorted(path.name for path in tmp_path.parent.iterdir() if path.name == "up.json") == []


def test_names_of_chinese_tools(desk: Desk, tmp_path: Path) -> None:
    data = bytearray(zipped({"AABBCC.json": desk.receipt()}))
    for at in (data.find(b"AABBCC"), data.rfind(b"AABBCC")):
        data[at : at + 6] = "投标书".encode("gb18030")
    (tmp_path / "g.zip").write_bytes(data)
    assert [one["file"] for one in ask(desk, tmp_path / "g.zip")[1]] == ["g.zip/投标书.json"]


def _bomb() -> bytes:
    return zipped({"bomb.pdf": b"%PDF-1.7\n" + bytes(40 << 20)})


def _many() -> bytes:
    return zipped({f"{number}": b"" for number in range(2001)}, zipfile.ZIP_STORED)


def _lying() -> bytes:
    """Say a smaller size than there is, in both headers."""
    data = bytearray(zipped({"a": bytes(5000)}))
    for at, size in ((data.find(b"PK\x03\x04") + 22, 4), (data.find(b"PK\x01\x02") + 24, 4)):
        data[at : at + size] = (10).to_bytes(4, "little")
    return bytes(data)


def _locked_archive() -> bytes:
    data = bytearray(zipped({"a": b"x" * 100}))
    data[data.find(b"PK\x03\x04") + 6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda: zipped({"inner.zip": zipped({"a": b"x"})}), "压缩包里还有压缩包", id="nested"),
        pytest.param(lambda: zipped({"a.rar": b"Rar!\x1a\x07\x01\x00x"}), "压缩包里还有压缩包", id="nested RAR"),
        pytest.param(_bomb, "压缩炸弹", id="a bomb"),
        pytest.param(_many, "2001 个文件", id="too many files"),
        pytest.param(_lying, "压缩包", id="a size that lies"),
        pytest.param(_locked_archive, "压缩包设有密码", id="encrypted"),
        pytest.param(lambda: zipped({"a": b"x"})[:-30], "压缩包", id="cut off"),
        pytest.param(lambda: zipped({}), "没有文件", id="empty"),
        pytest.param(lambda: b"PK\x03\x04" + os.urandom(0) + b"\xff" * 500, "压缩包", id="noise"),
    ],
)
def test_odd_archives_are_refused_whole(desk: Desk, tmp_path: Path, make: Callable[[], bytes], words: str) -> None:
    (tmp_path / "a.zip").write_bytes(make())
    code, answers = ask(desk, tmp_path / "a.zip")
    assert (code, [one["indication"] for one in answers]) == (4, ["REFUSED"])
    assert words in answers[0]["reason"]


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "socketless"])
def test_what_is_no_file_is_refused_at_once(desk: Desk, tmp_path: Path, kind: str) -> None:
    paths = {
        "pipe": tmp_path / "p",
        "device": Path("/dev/zero"),
        "folder": tmp_path / "f",
        "socketless": tmp_path / "n",
    }
    os.mkfifo(paths["pipe"])
    paths["folder"].mkdir()
    code, answers = ask(desk, paths[kind])
    assert (code, [one["indication"] for one in answers]) == (4, ["REFUSED"])
    assert answers[0]["reason"]


def test_a_password_is_asked_for(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(locked_pdf())
    code, answers = ask(desk, tmp_path / "x.pdf")
    assert (code, answers[0]["code"]) == (4, "pdf_password_needed")
    for text, expected in (("wrong", (4, "pdf_password_wrong")), ("secret-七\n", (3, ""))):
        (tmp_path / "word").write_text(text, "utf-8")
        code, answers = ask(desk, "--password-file", tmp_path / "word", tmp_path / "x.pdf")
        assert (code, answers[0]["code"]) == expected
        assert text.strip() not in json.dumps(answers, ensure_ascii=False).replace("pdf_password_wrong", "")


def test_lists_side_by_side(desk: Desk, tmp_path: Path, tree: Path) -> None:
    own = make_trust("本机构名单", "7", sandbox=False, anchors=())
    save_trust(tmp_path / "own", own)
    code, answers = ask(desk, "--trust", tmp_path / "own", tree / "r.json")
    assert (code, answers[0]["trust"]["name"], answers[0]["trust"]["sandbox"]) == (0, "测试 + 本机构名单", True)
    code, answers = ask(desk, "--trust", tmp_path / "own", tree / "r.json", trust=False)
    assert (code, answers[0]["indication"]) == (2, "INDETERMINATE")


def test_the_production_policy_takes_no_test_authorities(desk: Desk, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_bytes(encode_policy(PRODUCTION_POLICY))
    for policy in ("production", tmp_path / "policy.json"):
        code, answers = ask(desk, "--policy", policy, tree)
        assert (code, {one["policy"] for one in answers}) == (2, {PRODUCTION_POLICY.id})
        assert all("不接受仿真信任名单" in one["warnings"][0] for one in answers)
    assert run(verify, "--policy", tree / "r.json", tree / "r.json")[0] == 64


def test_a_list_that_is_out_of_date_is_told(desk: Desk, tmp_path: Path, tree: Path) -> None:
    stale = replace(desk.trust, number=3, issued_at=LATER - 9 * DAY, next_update=LATER - DAY)
    save_trust(tmp_path / "stale", stale)
    _, answers = ask(desk, "--trust", tmp_path / "stale", tree / "r.json", trust=False)
    assert "已过期限" in answers[0]["warnings"][0]
    trust = answers[0]["trust"]
    assert (trust["number"], trust["next_update"]) == (3, (LATER - DAY).isoformat())


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["--expect-uscc", BIDDERS[0]], 0, id="the bidder"),
        pytest.param(["--expect-uscc", BIDDERS[1]], 1, id="another"),
        pytest.param(["--expect-uscc", BIDDERS[1], "--partner", BIDDERS[0]], 0, id="a partner"),
        pytest.param(["--partner", CENTRE[:-1] + "A"], 64, id="no code"),
        pytest.param(["--statuses", "."], 0, id="no answers in the folder"),
        pytest.param(["--jobs", "0"], 64, id="no children"),
        pytest.param(["--maker", "file:///etc/passwd"], 64, id="no address"),
        pytest.param(["--matrix", "x.doc"], 64, id="no table"),
    ],
)
def test_what_is_expected(desk: Desk, tree: Path, arguments: list[str], code: int) -> None:
    before = Path.cwd()
    os.chdir(tree / "sub")
    try:
        assert run(verify, "--trust", desk.folder, *AT, *arguments, tree / "r.json")[0] == code
    finally:
        os.chdir(before)


def test_outputs_are_written(desk: Desk, tree: Path, tmp_path: Path) -> None:
    for option, name in (
        ("--report", "r.pdf"), ("--report", "r.html"), ("--report", "r.xml"), ("--report", "r.json"),
        ("--matrix", "m.csv"), ("--matrix", "m.xlsx"), ("--matrix", "m.html"),
    ):  # fmt: skip
        assert run(verify, "--trust", desk.folder, *AT, option, tmp_path / name, tree)[0] == 0
        assert (tmp_path / name).stat().st_size > 300
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF-")
    assert "仿真" in (tmp_path / "r.html").read_text("utf-8")


def test_progress_is_told_beside_the_answers(desk: Desk, tree: Path) -> None:
    code, output = run(verify, "--trust", desk.folder, *AT, "--progress", tree)
    assert (code, "[2/2]" in output) == (0, True)


def test_the_order_of_the_answers_is_the_order_of_the_files(desk: Desk, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.pdf" for number in range(9)]
    for path in paths:
        path.write_bytes(plain_pdf())
    _, answers = ask(desk, "--jobs", 3, *reversed(paths))
    assert [one["file"] for one in answers] == [path.name for path in reversed(paths)]
    assert io.BytesIO(plain_pdf()).read(5) == b"%PDF-"


DETAILS = {
    "details.toml": 'number = "核验 2026-17 号"\nagency = "某某核验机构"\nexaminer = "王核验"\nreviewer = "李复核"\n',
    "details.json": '{"number":"核验 2026-17 号","agency":"某某核验机构","examiner":"王核验","reviewer":"李复核"}',
}


@pytest.mark.parametrize("name", DETAILS)
def test_an_agency_says_who_it_is_and_gets_a_place_for_its_seal(
    desk: Desk, tree: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text(DETAILS[name], "utf-8")
    target = tmp_path / "report.html"
    words = ("--report", target, "--report-details", tmp_path / name)
    assert run(verify, "--trust", desk.folder, *AT, *words, tree / "r.json")[0] == 0
    report = target.read_text("utf-8")
    for word in ("核验 2026-17 号", "某某核验机构", "王核验", "李复核"):
        assert word in report
    target = target.with_suffix(".pdf")
    assert run(verify, "--trust", desk.folder, *AT, "--report", target, *words[2:], tree / "r.json")[0] == 0
    place = find_keywords(target, ["盖章处"], survey_pdf(target).views)["盖章处"].found
    assert [one.page for one in place] == [1]


BAD_DETAILS = {
    "an unknown field": ("d.toml", b'numbr = "1"\n'),
    "no table": ("d.toml", b"\xff\xfe"),
    "no object": ("d.json", b"[1]"),
    "too long a line": ("d.json", b'{"number": "' + b"x" * 300 + b'"}'),
    "too large": ("d.toml", b"#" * 70_000),
}


@pytest.mark.parametrize("case", BAD_DETAILS)
def test_details_that_make_no_sense_are_a_mistake_of_usage(desk: Desk, tree: Path, tmp_path: Path, case: str) -> None:
    name, data = BAD_DETAILS[case]
    (tmp_path / name).write_bytes(data)
    words = ("--report", tmp_path / "r.pdf", "--report-details", tmp_path / name)
    assert run(verify, "--trust", desk.folder, *AT, *words, tree / "r.json")[0] == 64
    assert not (tmp_path / "r.pdf").exists()
