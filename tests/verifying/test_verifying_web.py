"""The verification service over HTTP: answers, jobs, reports, passwords; nothing of an upload stays."""

import io
import json
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from litestar.testing import TestClient
from verifying_world import PASSWORD, Files, make_app, make_files

from bidding.cli.verify import verify
from bidding.web.verify_jobs import Verifier
from bidding.web.verify_uploads import clean_name
from signing.policy import PRODUCTION_POLICY, encode_policy

API = "/api/v1/verifications"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Watch where uploads lie."""
    folder = tmp_path_factory.mktemp("uploads")
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    yield folder
    tempfile.tempdir = before


@pytest.fixture(scope="module")
def service(files: Files, uploads: Path) -> Iterator[tuple[TestClient[Any], Verifier]]:
    assert uploads.is_dir()
    app, verifier = make_app(files)
    with TestClient(app) as client:
        yield client, verifier


@pytest.fixture
def client(service: tuple[TestClient[Any], Verifier]) -> TestClient[Any]:
    return service[0]


def parts(*paths: Path) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", (path.name, path.read_bytes())) for path in paths]


def wait(client: TestClient[Any], place: str) -> dict[str, Any]:
    for _ in range(300):
        job: dict[str, Any] = client.get(place).json()
        if job["state"] == "done":
            return job
        time.sleep(0.1)
    raise AssertionError(job)


@pytest.fixture(scope="module")
def job(service: tuple[TestClient[Any], Verifier], files: Files) -> dict[str, Any]:
    """Judge a sealed, a changed and a locked file in the background."""
    answer = service[0].post(f"{API}?wait=false", files=parts(files.sealed, files.changed, files.locked))
    assert answer.status_code == 202
    assert answer.json()["total"] == 3
    return wait(service[0], answer.headers["location"])


def test_a_job_answers_for_each_file(job: dict[str, Any]) -> None:
    answers = [one["answer"] for one in job["files"]]
    assert [one["indication"] for one in answers] == ["TOTAL-PASSED", "TOTAL-FAILED", "REFUSED"]
    assert [one["code"] for one in answers] == ["", "", "pdf_password_needed"]
    assert all(one["trust"]["sandbox"] for one in answers)


def test_the_faces_agree(client: TestClient[Any], files: Files) -> None:
    at = client.post(API, files=parts(files.sealed)).json()[0]["at"]
    command = ["--json", "--trust", str(files.trust), "--at", at, str(files.sealed), str(files.changed)]
    told = [json.loads(line) for line in CliRunner().invoke(verify, command, standalone_mode=False).output.splitlines()]
    assert client.post(API, files=parts(files.sealed, files.changed)).json() == told


@pytest.mark.parametrize(
    ("kind", "start"),
    [("reports/pdf", b"%PDF-"), ("reports/html", b"<!doctype html>"), ("reports/json", b"["), ("reports/xml", b"<?xml"),
     ("matrices/csv", b"\xef\xbb\xbf"), ("matrices/xlsx", b"PK"), ("matrices/html", b"<!doctype"),
     ("evidence", b"{")],
)  # fmt: skip
def test_reports_can_be_fetched(client: TestClient[Any], job: dict[str, Any], kind: str, start: bytes) -> None:
    answer = client.get(f"{API}/{job['id']}/{kind}")
    assert (answer.status_code, answer.content[: len(start)].lower()) == (200, start.lower())
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"


def test_one_file_of_several_can_be_reported(client: TestClient[Any], job: dict[str, Any]) -> None:
    answer = client.get(f"{API}/{job['id']}/reports/json?row=1").json()
    assert [one["indication"] for one in answer] == ["TOTAL-FAILED"]
    assert client.get(f"{API}/{job['id']}/reports/pdf?row=9").status_code == 404


def test_the_evidence_replays_offline(
    client: TestClient[Any], job: dict[str, Any], files: Files, tmp_path: Path
) -> None:
    kept = tmp_path / "evidence.json"
    kept.write_bytes(client.get(f"{API}/{job['id']}/evidence").content)
    command = ["--json", "--replay", str(kept), str(files.sealed), str(files.changed)]
    result = CliRunner().invoke(verify, command, standalone_mode=False)
    assert [json.loads(line)["replay"]["same"] for line in result.output.splitlines()] == [True, True]


def test_the_page_shows_the_worst_first(client: TestClient[Any], job: dict[str, Any]) -> None:
    page = client.get(job["links"]["page"]).text
    places = [page.index(f'id="file-{row}"') for row in (2, 1, 0)]
    assert places == sorted(places)
    assert all(text in page for text in ("仿真", "用此密码核验", "页面上的签章", "签章后的变更", "证书链", "没有加盖"))
    assert "合法有效" not in page
    picture = client.get(f"/verify/{job['id']}/page/0/0")
    assert picture.content.startswith(b"\xff\xd8")
    assert client.get(f"/verify/{job['id']}/page/0/99").status_code == 404


def test_a_password_opens_what_waits_for_it(client: TestClient[Any], files: Files, uploads: Path) -> None:
    started = client.post(f"{API}?wait=false", files=parts(files.locked, files.plain)).json()
    done = wait(client, f"{API}/{started['id']}")
    assert [path for path in uploads.rglob("upload-*") if path.is_file()]
    wrong = client.post(f"/verify/{done['id']}/password", data={"row": "0", "password": "no"}).text
    assert "打开密码不正确" in wrong
    right = client.post(f"/verify/{done['id']}/password", data={"row": "0", "password": PASSWORD}).text
    assert 'data-indication="NO-SIGNATURE"' in right
    assert PASSWORD not in right
    assert client.post(f"/verify/{done['id']}/password", data={"row": "0", "password": PASSWORD}).status_code == 404


def test_a_password_in_the_form(client: TestClient[Any], files: Files) -> None:
    answer = client.post(API, files=parts(files.locked), data={"password": PASSWORD})
    assert [one["indication"] for one in answer.json()] == ["NO-SIGNATURE"]
    assert PASSWORD not in answer.text


def test_nothing_of_an_upload_stays(client: TestClient[Any], files: Files, uploads: Path) -> None:
    before = set(uploads.rglob("*"))
    client.post(API, files=parts(files.sealed, files.plain))
    client.post(API, content=b"--x\r\nbroken", headers={"content-type": "multipart/form-data; boundary=x"})
    time.sleep(0.3)
    assert [path for path in set(uploads.rglob("*")) - before if path.is_file()] == []


def test_an_archive_is_a_batch(client: TestClient[Any], files: Files) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.write(files.sealed, "甲/投标函.pdf")
        archive.writestr("乙/说明.txt", "x")
    answers = client.post(API, files=[("files", ("全部.zip", out.getvalue()))]).json()
    assert {one["file"]: one["indication"] for one in answers} == {
        "全部.zip/甲/投标函.pdf": "TOTAL-PASSED",
        "全部.zip/乙/说明.txt": "REFUSED",
    }


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        pytest.param({"uscc": "91350100M000100Y4A"}, 422, "verification_input", id="a code with a wrong check digit"),
        pytest.param({"partners": "x"}, 422, "verification_input", id="no code"),
        pytest.param({"policy": "mine"}, 422, "verification_input", id="no policy"),
        pytest.param({"require_seals": "gold"}, 422, "verification_input", id="no seal"),
        pytest.param({"password": "x" * 70_000}, 413, "verification_too_much", id="a long field"),
    ],
)
def test_what_is_asked_is_checked(
    client: TestClient[Any], files: Files, data: dict[str, str], status: int, code: str
) -> None:
    answer = client.post(API, files=parts(files.plain), data=data)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        pytest.param(b"", "multipart/form-data; boundary=x", 400, id="nothing"),
        pytest.param(b"x", "multipart/form-data", 400, id="no boundary"),
        pytest.param(b"{}", "application/json", 400, id="JSON"),
        pytest.param(b"--x--\r\n", "multipart/form-data; boundary=x", 422, id="no files"),
        pytest.param(
            b"".join(
                b'--x\r\nContent-Disposition: form-data; name="files"; filename="f"\r\n\r\n\r\n' for _ in range(201)
            )
            + b"--x--\r\n",
            "multipart/form-data; boundary=x",
            413,
            id="too many files",
        ),
    ],
)
def test_odd_requests(client: TestClient[Any], content: bytes, kind: str, status: int) -> None:
    assert client.post(API, content=content, headers={"content-type": kind}).status_code == status


def test_expectations_reach_the_engine(client: TestClient[Any], files: Files) -> None:
    answers = client.post(API, files=parts(files.sealed), data={"uscc": "91110000MA01A2B3CN"}).json()
    assert answers[0]["indication"] == "TOTAL-FAILED"
    answers = client.post(API, files=parts(files.sealed), data={"policy": "production"}).json()
    assert (answers[0]["indication"], answers[0]["policy"]) == ("INDETERMINATE", PRODUCTION_POLICY.id)


def test_a_service_in_production_takes_no_test_authorities(files: Files) -> None:
    app, _ = make_app(files, policy=encode_policy(PRODUCTION_POLICY))
    with TestClient(app) as client:
        answers = client.post(API, files=parts(files.sealed)).json()
    assert answers[0]["indication"] == "INDETERMINATE"
    assert "不接受仿真信任名单" in answers[0]["warnings"][0]


def test_unknown_numbers(client: TestClient[Any]) -> None:
    for place in (f"{API}/{'0' * 32}", f"{API}/{'0' * 32}/reports/pdf", f"/verify/{'0' * 32}"):
        answer = client.get(place)
        assert (answer.status_code, answer.json()["code"]) == (404, "verification_unknown")


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../etc/passwd", "etc/passwd"), ("C:\\a\\b.pdf", "C:/a/b.pdf"), ("", "未命名"), ("/", "未命名"),
     ("甲/投标函.pdf", "甲/投标函.pdf")],
)  # fmt: skip
def test_names_lead_nowhere(name: str, kept: str) -> None:
    assert clean_name(name) == kept


def test_without_scripts_the_form_works(client: TestClient[Any], files: Files) -> None:
    page = client.post("/verify", files=parts(files.sealed)).text
    assert 'data-indication="TOTAL-PASSED"' in page


def test_the_schema_tells_the_form(client: TestClient[Any]) -> None:
    schema = client.get("/schema/openapi.json").json()
    body = schema["paths"][API]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert {"files", "password", "uscc", "policy"} <= body["properties"].keys()
