"""The trace of seal uses on pages, in the interface for programs, on paper, in spreadsheets, on the command line."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from click.testing import CliRunner
from litestar import Litestar
from litestar.testing import TestClient
from lxml import html
from trace_world import TraceWorld, bare_use, fill, open_world
from workbench_world import PIN, Company, Town, now

from bidding.cli.trace import trace as command
from bidding.errors import NoTraceKeyError
from bidding.sessions import LoginDesk
from bidding.web.app import create_app
from bidding.web.login_pages import LOGIN_ROUTES, with_session
from bidding.web.site import Site
from bidding.web.workbench_api import WORKBENCH_API
from bidding.web.workbench_pages import WORKBENCH_PAGES
from bidding.workbench.trace_exporting import TraceExporting
from bidding.workbench.trace_format import parse_trace
from bidding.workbench.trace_judging import verify_extension
from bidding.workbench.trace_paper import draw_trace
from bidding.workbench.trace_tables import COLUMNS, write_csv
from bidding.workbench.trace_texts import TEXTS
from signing.digests import sm3
from signing.trust import make_trust, save_trust

HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, town: Town) -> Iterator[TraceWorld]:
    made = fill(open_world(tmp_path_factory.mktemp("faces"), town))
    yield made
    made.workbench.desk.engine.dispose()


@pytest.fixture(scope="module")
def client(world: TraceWorld) -> Iterator[TestClient[Litestar]]:
    outside = world.town.outside
    desk = LoginDesk(
        engine=world.workbench.desk.engine,
        wallet=outside.wallet,
        register=outside.register,
        trust=outside.trust.anchors,
        clock=now,
        random=os.urandom,
        audience="投标人工作台",
        purpose="登录投标人工作台",
    )
    site = Site("投标人工作台", (), sandbox=True, clock=now)
    routes = [*LOGIN_ROUTES, with_session("/api/v1", WORKBENCH_API), *WORKBENCH_PAGES]
    app = create_app(routes, {"workbench": world.workbench, "desk": desk, "site": site}, title="test workbench")
    with TestClient(app) as client:
        yield client


@dataclass(frozen=True)
class Program:
    """Somebody logged in, who asks the interface and looks at the pages."""

    client: TestClient[Litestar]
    token: str

    def ask(self, path: str, **query: Any) -> Any:
        return self.client.get(
            f"/api/v1{path}", params=query or None, headers={"authorization": f"Bearer {self.token}"}
        )

    def page(self, path: str, expect: int = 200) -> Any:
        answer = self.client.get(path, headers={**HTML, "authorization": f"Bearer {self.token}"})
        assert answer.status_code == expect, answer.text
        return answer


def log_in(client: TestClient[Litestar], town: Town, company: Company) -> Program:
    begun = client.post("/api/v1/logins").json()
    reference = begun["url"].rstrip("/").removesuffix("/page").rpartition("/")[2]
    body = {"person": company.person, "uscc": company.uscc, "pin": PIN, "number": begun["number"]}
    town.post(f"/wallet/logins/{reference}/confirm", body, 200)
    answer = client.get(f"/api/v1/logins/{begun['login']}", headers={"x-login-secret": begun["secret"]})
    return Program(client, str(answer.json()["token"]))


@pytest.fixture(scope="module")
def ours(client: TestClient[Litestar], town: Town) -> Program:
    return log_in(client, town, town.bidder)


@pytest.fixture(scope="module")
def theirs(client: TestClient[Litestar], town: Town) -> Program:
    return log_in(client, town, town.other)


# -- programs


def test_the_list_by_cursor(ours: Program) -> None:
    path, found, links = "/seal-uses?limit=3", list[int](), 0
    while path:
        answer = ours.ask(path.removeprefix("/api/v1"))
        found += [use["number"] for use in answer.json()]
        link = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("link", ""))
        path, links = (link[1], links + 1) if link else ("", links)
    assert (found, links) == ([1, 2, 3, 4], 1)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        pytest.param({"outcome": "refused"}, [2, 4], id="outcome"),
        pytest.param({"section": "S-2"}, [3, 4], id="section"),
        pytest.param({"kind": "unit"}, [1, 2, 3, 4], id="kind"),
        pytest.param({"after": 3}, [4], id="after"),
        pytest.param({"seal": "1" * 13}, [], id="seal"),
        pytest.param({"since": "2200-01-01T00:00:00Z"}, [], id="since"),
        pytest.param({"until": "2200-01-01T00:00:00+08:00"}, [1, 2, 3, 4], id="until"),
    ],
)
def test_the_list_filtered(ours: Program, query: dict[str, Any], numbers: list[int]) -> None:
    assert [use["number"] for use in ours.ask("/seal-uses", **query).json()] == numbers


@pytest.mark.parametrize(
    "query",
    [
        {"after": -1}, {"limit": 0}, {"limit": 501}, {"outcome": "x"}, {"kind": "x"}, {"seal": "x"}, {"after": "x"},
        {"since": "2026-01-01T00:00:00"}, {"since": "x"}, {"after": 10**30}, {"section": "a b"}, {"section": "\0"},
    ],
    ids=lambda query: str(query)[:30].replace("\0", "0"),
)  # fmt: skip
def test_a_query_that_makes_no_sense(ours: Program, query: dict[str, Any]) -> None:
    answer = ours.ask("/seal-uses", **query)
    assert answer.is_client_error, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    "query",
    [
        {"since": "0001-01-01T00:00:00+14:00"}, {"until": "9999-12-31T23:59:59-14:00"}, {"since": "1e300"},
        {"since": "-99999999999"}, {"until": "2026-02-30T00:00:00Z"}, {"after": "1" * 5000}, {"limit": "NaN"},
        {"section": "\u202e"}, {"seal": "\uff11" * 13}, {"after": "\u0661"}, {"outcome": ["sealed", "failed"]},
    ],
    ids=lambda query: str(query)[:40].encode("ascii", "backslashreplace").decode(),
)  # fmt: skip
def test_no_query_is_a_fault_of_ours(ours: Program, query: dict[str, Any]) -> None:
    answer = ours.ask("/seal-uses", **query)
    assert answer.status_code in (200, 400, 422), answer.text
    for name in ("first", "last"):
        for value in ("1" * 5000, str(2**63), str(10**12 - 1), "NaN", "1e3", "\u0661"):
            for form in ("json", "csv"):
                assert ours.ask(f"/seal-uses/export.{form}", **{name: value}).status_code in (200, 400, 404, 422)


def test_deep_json_is_the_requests_fault(ours: Program) -> None:
    headers = {"authorization": f"Bearer {ours.token}", "content-type": "application/json"}
    answer = ours.client.post("/api/v1/submissions", content=b"[" * 100_000, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "http_400")


def test_an_entry_has_its_old_and_new_fields(ours: Program) -> None:
    first = ours.ask("/seal-uses").json()[0]
    old = {
        "plan", "at", "section", "file", "kind", "seal", "outcome", "code", "person_name", "certificate", "before_sm3",
        "document_sm3", "after_sm3", "consent_sm3", "consent", "token", "address",
    }  # fmt: skip
    assert old | {"number", "chain", "profile", "authorisation", "person", "signature_sm3"} == set(first)


@pytest.mark.parametrize("form", ["json", "csv", "pdf", "zip"])
def test_another_companys_entries_are_never_told(theirs: Program, world: TraceWorld, form: str) -> None:
    made = theirs.ask(f"/seal-uses/export.{form}").content
    if form == "zip":
        with zipfile.ZipFile(io.BytesIO(made)) as archive:
            made = b"".join(archive.read(name) for name in archive.namelist())
    secrets = [world.town.bidder.uscc, "报价表.pdf", "S-2", "王小明"]
    text = made.decode("utf-8", "replace") + (_words(made) if form == "pdf" else "")
    assert not [secret for secret in secrets if secret in text]


def test_lists_and_pages_of_another_company(theirs: Program, world: TraceWorld) -> None:
    assert [use["section"] for use in theirs.ask("/seal-uses").json()] == ["S-9"]
    assert theirs.ask("/seal-uses", section="S-2").json() == []
    assert "报价表.pdf" not in theirs.page("/seal-uses").text
    assert theirs.page("/seal-uses/3", 404).status_code == 404
    verdict = world.judge(theirs.ask("/seal-uses/export.json").content)
    assert verdict.failed == []


@pytest.mark.parametrize(
    "path", ["/seal-uses", *(f"/seal-uses/export.{form}" for form in ("json", "csv", "pdf", "zip"))]
)
def test_without_a_session_nothing_is_told(client: TestClient[Litestar], path: str) -> None:
    client.cookies.clear()
    assert client.get(f"/api/v1{path}").status_code == 401
    assert client.get(path, headers=HTML, follow_redirects=False).status_code in {303, 401}


def test_an_export_by_program_can_be_checked(ours: Program, world: TraceWorld) -> None:
    whole = ours.ask("/seal-uses/export.json")
    assert world.judge(whole.content).failed == []
    assert (whole.headers["content-type"], whole.headers["cache-control"]) == ("application/json", "no-store")
    part = parse_trace(ours.ask("/seal-uses/export.json", first=2, last=3).content).statement
    assert (part.first, part.last, part.total) == (2, 3, 4)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"first": 0}, 400),
        ({"first": 99}, 404),
        ({"last": "x"}, 400),
        ({"first": 3, "last": 1}, 404),
        ({"last": 0}, 400),
    ],
)
def test_a_stretch_that_is_not_there(ours: Program, query: dict[str, Any], status: int) -> None:
    assert ours.ask("/seal-uses/export.json", **query).status_code == status


def test_the_package_holds_one_export_in_three_forms(ours: Program, world: TraceWorld) -> None:
    with zipfile.ZipFile(io.BytesIO(ours.ask("/seal-uses/export.zip").content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert set(files) == {"用章记录.json", "用章记录.csv", "用章记录.pdf"}
    assert world.judge(files["用章记录.json"]).failed == []
    digest = sm3(files["用章记录.json"]).hex()
    words = _words(files["用章记录.pdf"]).replace(" ", "").replace("\r\n", "")
    assert digest in words


# -- pages


def test_the_page(ours: Program) -> None:
    tree = html.fromstring(ours.page("/seal-uses").text)
    rows = tree.xpath("//table[@id='uses']/tbody/tr")
    assert [row.get("id") for row in rows] == ["use-4", "use-3", "use-2", "use-1"]
    cancelled, sealed, refused = rows[0].text_content(), rows[1].text_content(), rows[2].text_content()
    assert "已盖章" in sealed
    assert "授权 A" in sealed
    assert "时间戳：仿真时间戳服务" in sealed
    assert "工作台时钟" in sealed
    assert "192.0.2.1" in sealed
    assert ("未确认" in refused, "没有时间戳" in refused) == (True, True)
    assert "取消了等待" in cancelled
    links = tree.xpath("//a[contains(@href, 'export.')]/@href")
    assert links == [f"/seal-uses/export.{form}" for form in ("json", "csv", "pdf", "zip")]
    assert len(tree.xpath("//main//*[contains(@class, 'primary')]")) == 1


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("outcome=sealed", ["use-3", "use-1"]),
        ("section=S-2", ["use-4", "use-3"]),
        ("before=3", ["use-2", "use-1"]),
        ("since=2200-01-01", []),
        ("until=2200-01-01&outcome=refused", ["use-4", "use-2"]),
        ("seal=unit/", ["use-4", "use-3", "use-2", "use-1"]),
        ("seal=legal-representative/", []),
    ],
)
def test_the_page_filtered(ours: Program, query: str, rows: list[str]) -> None:
    tree = html.fromstring(ours.page(f"/seal-uses?{query}").text)
    assert tree.xpath("//table[@id='uses']/tbody/tr/@id") == rows
    assert tree.xpath("//a[@id='all']")


@pytest.mark.parametrize(
    "query",
    ["since=x", "since=2026-13-01", "until=0001-01-01", "before=-1", "before=x", "before=" + "9" * 40, "section=%00",
     "section=" + "x" * 65, "since=2026-02-02&until=2026-02-01"],
)  # fmt: skip
def test_a_filter_that_makes_no_sense(ours: Program, query: str) -> None:
    page = ours.page(f"/seal-uses?{query}", 422).text
    assert "trace_query" in page
    assert "use-1" not in page


@pytest.mark.parametrize("query", ["seal=" + "%3Cscript%3E", "section=%22%3E%3Cb%3E"])
def test_what_was_asked_is_shown_harmlessly(ours: Program, query: str) -> None:
    page = ours.page(f"/seal-uses?{query}").text
    assert "<b>" not in page
    assert "<script>" not in page


def test_one_entry(ours: Program) -> None:
    tree = html.fromstring(ours.page("/seal-uses/3").text)
    text = tree.text_content()
    assert "办理事项：加盖电子印章" in text
    entries = ours.ask("/seal-uses").json()
    assert entries[2]["chain"] in text
    assert entries[1]["chain"] in text
    assert entries[2]["after_sm3"] in text
    assert len(tree.xpath("//ol[@id='timeline']/li")) == 2


@pytest.mark.parametrize("number", ["0", "5", "9" * 30, "-1", "9" * 5000, "1e1"])
def test_an_entry_that_is_not_there(ours: Program, number: str) -> None:
    assert (
        ours.client.get(f"/seal-uses/{number}", headers={**HTML, "authorization": f"Bearer {ours.token}"}).status_code
        == 404
    )


@pytest.mark.parametrize("form", ["json", "csv", "pdf", "zip"])
def test_downloads_of_the_page(ours: Program, form: str) -> None:
    answer = ours.page(f"/seal-uses/export.{form}")
    assert "attachment" in answer.headers["content-disposition"]
    start = {"json": b"{", "csv": b"\xef\xbb\xbf", "pdf": b"%PDF", "zip": b"PK"}[form]
    assert answer.content.startswith(start)


def test_without_a_key_only_the_spreadsheet_is_made(world: TraceWorld) -> None:
    exporting = TraceExporting(replace(world.workbench.traces, signer=None), os.urandom)
    for form in ("json", "pdf", "zip"):
        with pytest.raises(NoTraceKeyError):
            exporting.make(world.actor(), form)
    assert exporting.make(world.actor(), "csv").data


# -- spreadsheet and paper


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])  # noqa: RUF001
def test_no_cell_runs_as_a_formula(start: str) -> None:
    use = bare_use("ab" * 16, file=f"{start}cmd|' /C calc'!A0", section=f"{start}1", address=f'{start}"x",1')
    data = write_csv([use])
    assert data.startswith(b"\xef\xbb\xbf")
    header, row = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert tuple(header) == COLUMNS
    assert len(row) == len(COLUMNS)
    assert not [cell for cell in row if cell.startswith(start)]


@pytest.mark.parametrize("name", ["\ud800.pdf", "a\0b", "名" * 1000, "换\n行", '引"号,逗号'])
def test_odd_names_are_written(name: str) -> None:
    rows = list(csv.reader(io.StringIO(write_csv([bare_use("ab" * 16, file=name)]).decode("utf-8-sig"), newline="")))
    assert len(rows) == 2


def _words(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("投标函.pdf", "投标函.pdf", id="plain"),
        pytest.param("a\U0001f600.pdf", "[U+1F600]", id="no glyph"),
        pytest.param("a\u202efdp.exe", "[U+202E]", id="direction"),
        pytest.param("长" * 1000, "全文见JSON", id="longer than a page"),
        pytest.param("两\n行", "两 行", id="two lines"),
    ],
)
def test_names_on_paper(world: TraceWorld, name: str, shown: str) -> None:
    found = parse_trace(world.export())
    uses = [replace(use, file=name) for use in world.workbench.traces.uses(world.actor())]
    drawn = draw_trace(found, uses, company="远山喆建设工程有限公司", random=os.urandom)
    assert shown.replace(" ", "") in _words(drawn).replace(" ", "").replace("\r\n", "")


def test_pages_on_paper(world: TraceWorld) -> None:
    found, uses = parse_trace(world.export()), world.workbench.traces.uses(world.actor())
    drawn = draw_trace(found, uses * 12, company="远山喆建设工程有限公司", random=bytes)
    assert drawn == draw_trace(found, uses * 12, company="远山喆建设工程有限公司", random=bytes)
    document = pypdfium2.PdfDocument(drawn)
    pages = len(document)
    sizes = {tuple(round(side) for side in page.get_size()) for page in document}
    last = document[pages - 1].get_textpage().get_text_range()
    document.close()
    assert (pages > 3, sizes) == (True, {(842, 595)})
    assert f"第 {pages} 页" in last
    assert f"共 {pages} 页" in last
    assert "编号" in last
    assert "仿真环境" in last


def test_the_paper_says_how_to_check(world: TraceWorld) -> None:
    found = parse_trace(world.export())
    words = _words(draw_trace(found, (), company="某单位", random=os.urandom)).replace(" ", "").replace("\r\n", "")
    assert found.statement.chain in words
    assert "yizhaotraceverify" in words
    assert "没有用章记录" in words


@pytest.mark.interop
def test_the_paper_is_sound_for_others(world: TraceWorld, tmp_path: Path) -> None:
    path = tmp_path / "trace.pdf"
    path.write_bytes(draw_trace(parse_trace(world.export()), (), company="某单位", random=os.urandom))
    assert shutil.which("qpdf"), "qpdf is needed"
    subprocess.run(["qpdf", "--check", path], check=True, capture_output=True)
    subprocess.run(["pdftoppm", "-r", "30", "-png", path, tmp_path / "page"], check=True, capture_output=True)
    assert (tmp_path / "page-1.png").exists()


# -- the command line


@pytest.fixture(scope="module")
def files(world: TraceWorld, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    part, data = world.export(first=2, last=3), world.export()
    save_trust(folder / "trust", world.anchors)
    contents = {
        "whole": data,
        "part": part,
        "edited": data.replace(b"192.0.2.1", b"192.0.2.7", 1),
        "noise": b"not a trace",
        "dropped": world.forge(lambda uses: uses[1:]),
        "old": world.forge(lambda uses: [replace(use, signature_sm3="") for use in uses]),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in (*contents, "trust", "missing")}


@pytest.mark.parametrize(
    ("file", "previous", "code"),
    [
        pytest.param("whole", "", 0, id="good"),
        pytest.param("part", "", 0, id="a stretch"),
        pytest.param("whole", "part", 0, id="goes on from a stretch"),
        pytest.param("edited", "", 1, id="edited"),
        pytest.param("dropped", "", 0, id="dropped and chained again, seen alone"),
        pytest.param("dropped", "whole", 1, id="dropped, beside an older export"),
        pytest.param("whole", "edited", 1, id="the older one edited"),
        pytest.param("old", "", 2, id="tokens that cannot be placed"),
        pytest.param("noise", "", 4, id="noise"),
        pytest.param("whole", "noise", 4, id="the older one is noise"),
        pytest.param("missing", "", 4, id="no such file"),
        pytest.param("trust", "", 4, id="a folder"),
    ],
)
def test_exit_codes(files: dict[str, Path], file: str, previous: str, code: int) -> None:
    options = ["--trust", str(files["trust"]), *(["--previous", str(files[previous])] if previous else [])]
    for form in ([], ["--json"]):
        answer = CliRunner().invoke(command, ["verify", str(files[file]), *options, *form], standalone_mode=False)
        assert answer.exception is None
        assert answer.return_value == code, answer.output


def test_the_answer_as_json(files: dict[str, Path]) -> None:
    arguments = ["verify", str(files["part"]), "--trust", str(files["trust"]), "--json"]
    answer = json.loads(CliRunner().invoke(command, arguments, standalone_mode=False).output)
    assert (answer["format"], answer["indication"]) == ("trace", "TOTAL-PASSED")
    assert (answer["first"], answer["last"], answer["total"]) == (2, 3, 4)
    assert answer["trust"]["sandbox"] is True
    assert all(check["text"] == TEXTS[check["name"]] for check in answer["checks"])
    assert answer["warnings"]


def test_without_trust_nothing_is_proven(world: TraceWorld, tmp_path: Path) -> None:
    save_trust(tmp_path / "empty", make_trust("空", "0", sandbox=False, anchors=()))
    (tmp_path / "trace").write_bytes(world.export())
    arguments = ["verify", str(tmp_path / "trace"), "--trust", str(tmp_path / "empty")]
    assert CliRunner().invoke(command, arguments, standalone_mode=False).return_value != 0


@pytest.mark.parametrize("at", ["x", "2026-01-01T00:00:00"])
def test_an_instant_that_is_none(files: dict[str, Path], at: str) -> None:
    arguments = ["verify", str(files["whole"]), "--trust", str(files["trust"]), "--at", at]
    assert CliRunner().invoke(command, arguments).exit_code != 0


def test_every_check_has_words(world: TraceWorld, files: dict[str, Path]) -> None:
    data = files["whole"].read_bytes()
    verdict = world.judge(data) + verify_extension(data, data)
    assert {check.name for check in verdict.checks} <= set(TEXTS)
