"""`yizhao seal --trace`: each use, refusal and failed attempt on one's own machine is an entry."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from msgspec import structs
from seal_batch_world import ofd, with_password
from test_workbench_seal_cli import answering
from test_workbench_seal_person import People
from workbench_world import Town, now, pdf

from bidding.cli.seal import AUDIENCE, pair_up, require_trace
from bidding.cli.sealing import LocalSealing
from bidding.cli.trace import trace
from bidding.errors import MalformedTraceError
from bidding.workbench.acting import ActingPorts
from bidding.workbench.seal_standing import SealPorts
from bidding.workbench.trace_local import LocalTrace, TraceLine, parse_lines
from bidding.workbench.trace_rows import SealUse
from identity.actor import owner_of
from identity.consent import parse_consent
from identity.errors import ConsentRefusedError, IdentityError
from sealing.errors import SealingError
from sealing.planning import Point
from sealing.seal import SealKind
from signing.digests import sm3
from signing.errors import SigningError, TimestampError
from signing.trust import save_trust

AT = [Point(1, 100, 100)]


class Broken:
    """A time authority that is out of order."""

    def stamp(self, _imprint: bytes) -> bytes:
        raise TimestampError("out of order")


@pytest.fixture
def sealing(town: Town, tmp_path: Path) -> LocalSealing:
    outside = town.outside
    acting = ActingPorts(outside.wallet, outside.keys, outside.tsa, outside.register)
    ports = SealPorts(acting, outside.seals, outside.trust.anchors, now, os.urandom, AUDIENCE)
    kept = LocalTrace(tmp_path / "uses.jsonl", owner_of(town.actor))
    return LocalSealing(ports, town.actor, SealKind.UNIT, trace=kept)


@pytest.fixture
def yes(town: Town, capsys: pytest.CaptureFixture[str]) -> Any:
    return answering(town, capsys, yes=True)


def lines(sealing: LocalSealing) -> tuple[TraceLine, ...]:
    assert sealing.trace is not None
    return parse_lines(sealing.trace.path.read_bytes())


def test_each_file_is_an_entry(sealing: LocalSealing, tmp_path: Path, yes: Any) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(1, "a"))
    (tmp_path / "b.ofd").write_bytes(ofd("b"))
    pairs = pair_up([tmp_path / "a.pdf", tmp_path / "b.ofd"], tmp_path / "out")
    sealing.apply_all(pairs, AT, sleep=yes)
    first, second = lines(sealing)
    assert [line.entry.outcome for line in (first, second)] == ["sealed", "sealed"]
    for line, (source, target) in zip((first, second), pairs, strict=True):
        entry = line.entry
        assert (entry.file, entry.before_sm3) == (source.name, sm3(source.read_bytes()).hex())
        assert entry.after_sm3 == sm3(target.read_bytes()).hex()
        assert (entry.authorisation, entry.kind, entry.profile) == ("legal-representative", "unit", "ses")
        assert entry.seal
        assert entry.certificate
        assert entry.signature_sm3
    assert first.entry.plan == second.entry.plan
    record, _ = parse_consent(first.evidence[0])
    assert {file.sm3 for file in record.files} == {first.entry.document_sm3, second.entry.document_sm3}


def again(line: TraceLine, known: tuple[TraceLine, ...]) -> SealUse:
    """Answer an entry as it was entered, from the line that holds it and the evidence of all."""
    blobs = {sm3(blob).hex(): blob for one in known for blob in one.evidence} | {"": b""}
    entry = structs.asdict(line.entry)
    found = {name: blobs[entry.pop(f"{name}_sm3")] for name in ("consent", "token", "answers")}
    return SealUse(**entry, **found)


def verify(folder: Path, *options: str) -> dict[str, Any]:
    arguments = ["verify", *options, "--trust", str(folder / "trust"), "--json"]
    answer: dict[str, Any] = json.loads(CliRunner().invoke(trace, arguments, standalone_mode=False).output)
    return answer


def test_a_file_of_lines_can_be_judged(town: Town, sealing: LocalSealing, tmp_path: Path, yes: Any) -> None:
    save_trust(tmp_path / "trust", town.outside.trust.anchors())
    (tmp_path / "a.pdf").write_bytes(pdf(1))
    (tmp_path / "b.pdf").write_bytes(with_password())
    with pytest.raises(SigningError):
        sealing.apply(tmp_path / "b.pdf", tmp_path / "c.pdf", AT, sleep=yes)
    (tmp_path / "old").write_bytes((tmp_path / "uses.jsonl").read_bytes())
    sealing.apply(tmp_path / "a.pdf", tmp_path / "d.pdf", AT, sleep=yes)
    file = str(tmp_path / "uses.jsonl")
    whole = verify(tmp_path, file, "--previous", str(tmp_path / "old"))
    assert {one["name"]: one["result"] for one in whole["checks"] if one["result"] != "ok"} == {
        "trace-signer": "unknown"
    }, whole
    assert (whole["indication"], whole["uscc"], whole["last"], whole["local"]) == (
        "INDETERMINATE", str(town.bidder.uscc), 2, True,
    )  # fmt: skip
    shrunk = verify(tmp_path, str(tmp_path / "old"), "--previous", file)
    assert shrunk["indication"] == "TOTAL-FAILED"
    invented = [replace(again(line, lines(sealing)), person_name="李四") for line in lines(sealing)[1:]]
    forged = LocalTrace(tmp_path / "forged", owner_of(town.actor))
    forged.append(invented)
    told = verify(tmp_path, str(forged.path))
    assert [one["name"] for one in told["checks"] if one["result"] == "failed"] == ["trace-entries"]
    (tmp_path / "forged").write_bytes(b'{"chain":')
    assert verify(tmp_path, str(forged.path))["indication"] == "REFUSED"


def test_a_refusal_is_an_entry(
    town: Town, sealing: LocalSealing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(1))
    no: Any = answering(town, capsys, yes=False)
    with pytest.raises(ConsentRefusedError):
        sealing.apply(tmp_path / "a.pdf", tmp_path / "b.pdf", AT, sleep=no)
    (line,) = lines(sealing)
    assert (line.entry.outcome, line.entry.code, line.entry.after_sm3) == ("refused", "consent_refused", "")
    assert line.entry.document_sm3


def interrupted(_seconds: float) -> None:
    raise KeyboardInterrupt


def test_who_gives_up_waiting_is_an_entry(sealing: LocalSealing, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(1))
    with pytest.raises(KeyboardInterrupt):
        sealing.apply(tmp_path / "a.pdf", tmp_path / "b.pdf", AT, sleep=interrupted)
    assert [(line.entry.outcome, line.entry.code) for line in lines(sealing)] == [("refused", "cancelled")]


def test_what_the_key_signed_is_known_when_time_fails(sealing: LocalSealing, tmp_path: Path, yes: Any) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(1))
    acting: Any = replace(sealing.ports.acting, tsa=Broken())
    broken = replace(sealing, ports=replace(sealing.ports, acting=acting))
    with pytest.raises(TimestampError):
        broken.apply(tmp_path / "a.pdf", tmp_path / "b.pdf", AT, sleep=yes)
    (line,) = lines(sealing)
    assert (line.entry.outcome, line.entry.code) == ("failed", "timestamp")
    assert line.entry.signature_sm3
    assert parse_consent(line.evidence[0])
    assert not (tmp_path / "b.pdf").exists()


@pytest.mark.parametrize(
    ("data", "change"),
    [
        pytest.param(with_password(), lambda one: one, id="a file that is locked"),
        pytest.param(b"PK\x03\x04 torn" * 9, lambda one: one, id="a package that is torn"),
        pytest.param(pdf(1), lambda one: replace(one, kind=SealKind.PERSONAL), id="a seal of persons"),
        pytest.param(ofd("a"), lambda one: replace(one, profile="pades"), id="a form that is not made"),
    ],
)
def test_an_attempt_before_anybody_is_asked(
    sealing: LocalSealing, tmp_path: Path, data: bytes, change: Callable[[LocalSealing], LocalSealing]
) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises((SealingError, SigningError, IdentityError, click.BadParameter)):
        change(sealing).apply(tmp_path / "a", tmp_path / "b", AT, sleep=interrupted)
    (line,) = lines(sealing)
    assert (line.entry.outcome, line.entry.seal, line.entry.before_sm3) == ("failed", "", sm3(data).hex())


def test_of_several_files_the_bad_one_is_an_entry(sealing: LocalSealing, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(1))
    (tmp_path / "b.pdf").write_bytes(with_password())
    with pytest.raises(click.exceptions.Exit):
        sealing.apply_all(pair_up([tmp_path / "a.pdf", tmp_path / "b.pdf"], tmp_path / "out"), AT, sleep=interrupted)
    assert [line.entry.file for line in lines(sealing)] == ["b.pdf"]


def test_a_damaged_trace_is_refused_before_anybody_is_asked(sealing: LocalSealing, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(1))
    (tmp_path / "uses.jsonl").write_bytes(b"half a li")
    with pytest.raises(MalformedTraceError):
        sealing.apply(tmp_path / "a.pdf", tmp_path / "b.pdf", AT, sleep=interrupted)
    assert (tmp_path / "uses.jsonl").read_bytes() == b"half a li"
    assert not (tmp_path / "b.pdf").exists()


def test_no_sealed_file_without_its_entry(
    town: Town, sealing: LocalSealing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who damages the trace while the wallet is waited for gets no sealed file."""
    (tmp_path / "a.pdf").write_bytes(pdf(1))
    agree: Any = answering(town, capsys, yes=True)

    def damage(seconds: float) -> None:
        (tmp_path / "uses.jsonl").write_bytes(b"half a li")
        agree(seconds)

    with pytest.raises(MalformedTraceError):
        sealing.apply(tmp_path / "a.pdf", tmp_path / "b.pdf", AT, sleep=damage)
    assert {path.name for path in tmp_path.iterdir()} == {"a.pdf", "uses.jsonl"}


def test_a_natural_persons_trace_is_under_their_id(
    town: Town, sealing: LocalSealing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = People(town).enrol("冯小青", 77)
    kept = LocalTrace(tmp_path / "own.jsonl", owner_of(writer))
    (tmp_path / "a.pdf").write_bytes(pdf(1))

    def agree(_seconds: float) -> None:
        told = capsys.readouterr().out
        if "http" in told:
            town.confirm(told.split("：", 1)[1].strip(), person=writer.person)

    own = replace(sealing, actor=writer, kind=SealKind.PERSONAL, trace=kept)
    own.apply(tmp_path / "a.pdf", tmp_path / "b.pdf", AT, sleep=agree)
    (line,) = lines(own)
    assert (line.owner, line.entry.person, line.entry.authorisation) == (writer.person, writer.person, "self")
    assert (line.entry.outcome, line.entry.kind) == ("sealed", "personal")
    with pytest.raises(MalformedTraceError):  # the unit's uses do not go into the person's file
        replace(sealing, trace=replace(kept, owner=owner_of(town.actor))).apply(
            tmp_path / "a.pdf", tmp_path / "c.pdf", AT, sleep=interrupted
        )


def test_where_a_trace_may_lie(tmp_path: Path) -> None:
    pair = (tmp_path / "a.pdf", tmp_path / "b.pdf")
    require_trace(None, [pair])
    require_trace(tmp_path / "uses.jsonl", [pair])
    for wrong in (tmp_path / "none" / "uses.jsonl", *pair, tmp_path / "x" / ".." / "a.pdf"):
        with pytest.raises(click.UsageError):
            require_trace(wrong, [pair])
