"""Evidence of a verification: saved, replayed later and elsewhere to the same verdict, refused when it was changed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bidding_world import BIDDERS
from hypothesis import given, settings
from hypothesis import strategies as st
from verify_world import LATER, Desk, make_desk, run

from bidding.cli.verify import verify
from bidding.errors import EvidenceError
from bidding.evidence import MAX_EVIDENCE, decode_evidence, differences, encode_evidence, load_evidence


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return make_desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def saved(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Judge a receipt and a bundle, and keep the evidence beside them."""
    folder = tmp_path_factory.mktemp("saved")
    (folder / "r.json").write_bytes(desk.receipt())
    (folder / "b.ytb").write_bytes(desk.packed.data)
    arguments = ("--trust", desk.folder, "--at", LATER.isoformat(), "--expect-uscc", BIDDERS[0])
    files = (folder / "r.json", folder / "b.ytb")
    assert run(verify, *arguments, "--save-evidence", folder / "evidence", *files)[0] == 0
    return folder


def ask(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    code, output = run(verify, "--json", *arguments)
    return code, [json.loads(line) for line in output.splitlines()]


def test_a_replay_gives_the_same_verdict(desk: Desk, saved: Path, tmp_path: Path) -> None:
    moved = tmp_path / "another name"
    moved.write_bytes((saved / "r.json").read_bytes())
    code, answers = ask("--replay", saved / "evidence", moved, saved / "b.ytb")
    assert (code, [one["replay"]["same"] for one in answers]) == (0, [True, True])
    assert [one["trust"]["fingerprint"] for one in answers] == [desk.trust.fingerprint] * 2
    assert {one["at"] for one in answers} == {LATER.isoformat()}
    assert [c["name"] for c in answers[0]["signatures"][0]["checks"]].count("identity") == 1


def test_a_replay_under_another_policy(saved: Path) -> None:
    code, answers = ask("--replay", saved / "evidence", "--policy", "production", saved / "r.json")
    assert (code, answers[0]["replay"]["same"], answers[0]["replay"]["other_policy"]) == (2, False, True)
    assert "所用策略不同" in answers[0]["warnings"][-1]


def test_another_document_is_refused(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes((saved / "r.json").read_bytes() + b" ")
    code, answers = ask("--replay", saved / "evidence", tmp_path / "x.json")
    assert (code, answers[0]["indication"], answers[0]["code"]) == (4, "REFUSED", "evidence_other_document")


def _flip(data: bytes) -> bytes:
    return data.replace(b"TOTAL-PASSED", b"TOTAL-FAILED", 1)


def _space(data: bytes) -> bytes:
    return data.replace(b",", b", ", 1)


def _other_instant(data: bytes) -> bytes:
    return data.replace(b'"at":"2026', b'"at":"2027', 1)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_flip, id="another verdict"),
        pytest.param(_space, id="another spelling"),
        pytest.param(_other_instant, id="another instant"),
        pytest.param(lambda data: data[:-1], id="cut off"),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda _: b"[" * 100_000, id="deep"),
        pytest.param(lambda data: data.replace(b'"v":1', b'"v":2'), id="another version"),
        pytest.param(lambda data: data.replace(b'{"at"', b'{"aa":1,"at"'), id="more than there is"),
    ],
)
def test_what_was_changed_is_refused(saved: Path, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    data = (saved / "evidence").read_bytes()
    (tmp_path / "e").write_bytes(change(data))
    assert change(data) != data
    code, answers = ask("--replay", tmp_path / "e", saved / "r.json", saved / "b.ytb")
    assert (code, [one["code"] for one in answers]) == (4, ["evidence"] * 2)


@given(st.integers(0, 1 << 20), st.integers(1, 255))
@settings(max_examples=40, deadline=None)
def test_no_changed_byte_is_taken(saved: Path, at: int, mask: int) -> None:
    data = bytearray((saved / "evidence").read_bytes())
    data[at % len(data)] ^= mask
    with pytest.raises(EvidenceError):
        decode_evidence(bytes(data))


def test_the_form_is_unique(saved: Path) -> None:
    data = (saved / "evidence").read_bytes()
    found = load_evidence(saved / "evidence")
    assert encode_evidence(found) == data
    assert differences(found.documents[0], found.documents[0]) == ()
    assert differences(found.documents[0], found.documents[1])
    with pytest.raises(EvidenceError, match="上限"):
        decode_evidence(bytes(MAX_EVIDENCE + 1))


def test_nothing_else_is_asked_of_a_replay(desk: Desk, saved: Path) -> None:
    for more in (("--trust", desk.folder), ("--expect-uscc", BIDDERS[0]), ("--at", LATER.isoformat())):
        assert run(verify, "--replay", saved / "evidence", *more, saved / "r.json")[0] == 64


def test_a_password_is_no_evidence(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "word").write_text("hunter-2-二", "utf-8")
    (tmp_path / "r.json").write_bytes(desk.receipt())
    arguments = ("--trust", desk.folder, "--password-file", tmp_path / "word", "--save-evidence", tmp_path / "e")
    run(verify, *arguments, "--at", LATER.isoformat(), tmp_path / "r.json")
    data = (tmp_path / "e").read_bytes()
    assert b"hunter-2" not in data
