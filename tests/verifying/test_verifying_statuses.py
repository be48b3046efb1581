"""Seal states at the sealing time through the command line: from files, from a platform that is asked, and replayed."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from litestar import Litestar, Response, get
from litestar.params import FromPath, FromQuery
from sealing_world import DAY, NOON, World
from verifying_world import Files, make_files, serve

from bidding.cli.verify import verify
from bidding.demo.parties import free_port
from sealing.seal import SealState
from sealing.seal_status import SealStatus
from signing import canonical
from signing.statement import SignedStatement, complete_statement, prepare_statement

MADE: Final = NOON - 10 * DAY
AT: Final = ("--at", (NOON + 5 * DAY).isoformat())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("files"))


def say(world: World, number: str, at: datetime, state: SealState = SealState.ACTIVE) -> SignedStatement:
    since = MADE if state is SealState.ACTIVE else at - DAY / 2
    status = SealStatus(1, "seal-status", number, "测试", "", at, at, state, since, "", MADE, NOON + 50 * DAY)
    statement = prepare_statement(status)
    return complete_statement(statement, world.maker.sign(statement), world.maker.certificate.der)


def run(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    result = CliRunner().invoke(verify, ["--json", *map(str, arguments)], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, [json.loads(line) for line in result.output.splitlines()]


def numbers(files: Files) -> list[str]:
    _, answers = run("--trust", files.trust, *AT, files.sealed)
    return [one["seal"]["number"] for one in answers[0]["signatures"]]


def findings(answers: list[dict[str, Any]]) -> list[str]:
    return [one["seal_state"]["finding"] for one in answers[0]["signatures"]]


@pytest.mark.parametrize(
    ("state", "code"), [(SealState.ACTIVE, 0), (SealState.CANCELLED, 1), (SealState.SUSPENDED, 1)], ids=str
)
def test_answers_in_a_folder(files: Files, tmp_path: Path, state: SealState, code: int) -> None:
    folder = tmp_path / "statuses"
    folder.mkdir()
    for number in numbers(files):
        (folder / f"{number}.json").write_bytes(canonical.encode(say(files.world, number, NOON, state)))
    told, answers = run("--trust", files.trust, *AT, "--statuses", folder, files.sealed)
    assert (told, findings(answers)) == (code, [state.value] * 2)
    command = ("--trust", files.trust, *AT, "--statuses", folder, "--save-evidence", tmp_path / "e", files.sealed)
    assert run(*command)[0] == code
    told, again = run("--replay", tmp_path / "e", files.sealed)
    assert (told, again[0]["replay"]["same"], findings(again)) == (code, True, [state.value] * 2)


@pytest.fixture(scope="module")
def asked() -> list[tuple[str, datetime]]:
    return []


@pytest.fixture(scope="module")
def platform(files: Files, asked: list[tuple[str, datetime]]) -> Iterator[str]:
    @get("/maker/seals/{number:str}/status", sync_to_thread=False)
    def status(number: FromPath[str], at: FromQuery[datetime]) -> Response[bytes]:
        asked.append((number, at))
        return Response(canonical.encode(say(files.world, number, at)), media_type="application/json")

    with serve(Litestar([status], openapi_config=None), free_port()) as url:
        yield url


def test_the_platform_is_asked_when_it_is_named(
    files: Files, platform: str, asked: list[tuple[str, datetime]], tmp_path: Path
) -> None:
    assert findings(run("--trust", files.trust, *AT, files.sealed)[1]) == ["not-asked"] * 2
    assert asked == []
    command = ("--trust", files.trust, *AT, "--maker", platform, "--save-evidence", tmp_path / "e", files.sealed)
    code, answers = run(*command)
    assert (code, findings(answers)) == (0, ["active"] * 2)
    assert {number for number, _ in asked} == set(numbers(files))
    assert {at for _, at in asked} == {datetime.fromisoformat(s["signed_at"]) for s in answers[0]["signatures"]}
    heard = len(asked)
    _, again = run("--replay", tmp_path / "e", files.sealed)
    assert (again[0]["replay"]["same"], findings(again), len(asked)) == (True, ["active"] * 2, heard)


def test_a_platform_that_is_silent_leaves_it_open(files: Files) -> None:
    code, answers = run("--trust", files.trust, *AT, "--maker", f"http://127.0.0.1:{free_port()}", files.sealed)
    assert (code, findings(answers)) == (2, ["unavailable"] * 2)


def test_what_is_no_answer_is_a_mistake_of_usage(files: Files, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b"{}")
    command = ["--trust", str(files.trust), "--statuses", str(tmp_path), str(files.sealed)]
    assert CliRunner().invoke(verify, command, standalone_mode=False).exception is not None


def test_the_filed_impression_is_compared(files: Files, tmp_path: Path) -> None:
    _, answers = run("--trust", files.trust, *AT, "--compare-stamps", files.sealed)
    found = [c for one in answers[0]["signatures"] for c in one["checks"] if c["name"] == "stamp-picture"]
    assert [one["result"] for one in found] == ["ok", "ok"]
    (tmp_path / "noise.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    _, answers = run("--trust", files.trust, *AT, "--impression", tmp_path / "noise.png", files.sealed)
    found = [c for one in answers[0]["signatures"] for c in one["checks"] if c["name"] == "impression"]
    assert {one["result"] for one in found} == {"unknown"}
