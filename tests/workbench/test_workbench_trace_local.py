"""The trace of seal uses on one's own machine: lines that are chained, appended whole or not at all, never repaired."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trace_world import USCC, bare_use

from bidding.errors import MalformedTraceError, TraceTooLargeError
from bidding.workbench import trace_local
from bidding.workbench.trace_format import genesis, link
from bidding.workbench.trace_local import LocalTrace, parse_lines
from signing import canonical

PLAN = "0f" * 16
LINES = 4


@pytest.fixture
def trace(tmp_path: Path) -> LocalTrace:
    return LocalTrace(tmp_path / "uses.jsonl", USCC)


@pytest.fixture
def filled(trace: LocalTrace) -> LocalTrace:
    trace.append([bare_use(PLAN, 0, consent=b"{}"), bare_use(PLAN, 1, consent=b"{}", token=b"t")])
    trace.append([bare_use(PLAN, 2, file="两\n行\u202e.pdf"), bare_use(PLAN, 3)])
    return trace


def test_lines_are_chained_as_in_a_workbench(filled: LocalTrace) -> None:
    lines = parse_lines(filled.path.read_bytes())
    assert [line.entry.number for line in lines] == [1, 2, 3, 4]
    chain = genesis(USCC)
    for line in lines:
        chain = link(chain, line.entry)
        assert line.chain == chain
    assert [len(line.evidence) for line in lines] == [2, 1, 0, 0]  # each piece once, where it is first named
    assert filled.path.stat().st_mode & 0o777 == 0o600


def test_a_file_may_be_there_and_empty(trace: LocalTrace) -> None:
    trace.require_sound()
    assert trace.path.read_bytes() == b""
    trace.append([bare_use(PLAN)])
    assert len(parse_lines(trace.path.read_bytes())) == 1


def swap(data: bytes) -> bytes:
    first, second, *rest = data.splitlines(keepends=True)
    return b"".join([second, first, *rest])


def other_owner(data: bytes) -> bytes:
    """Chain the same entry for another owner, as somebody who glues two files together would."""
    first, *rest = data.splitlines(keepends=True)
    line = parse_lines(data)[1]
    return b"".join([first, canonical.encode(msgspec.structs.replace(line, owner="P1")), b"\n", *rest[1:]])


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda d: d[:-1], id="no end of line"),
        pytest.param(lambda d: d[:-40], id="half a line"),
        pytest.param(lambda d: d + b"{}\n", id="something else"),
        pytest.param(lambda d: d + b"\n", id="an empty line"),
        pytest.param(lambda d: d + b"\0" * 64, id="noughts of a power cut"),
        pytest.param(lambda d: d.split(b"\n", 1)[1], id="the first taken out"),
        pytest.param(lambda d: b"\n".join(d.split(b"\n")[::2]) + b"\n", id="every other one"),
        pytest.param(swap, id="two swapped"),
        pytest.param(lambda d: d + d, id="twice"),
        pytest.param(lambda d: d.replace(b"192.0.2.9", b"192.0.2.8", 1), id="edited"),
        pytest.param(lambda d: d.replace(b"\n", b"\r\n"), id="line ends of another system"),
        pytest.param(lambda d: b"\xef\xbb\xbf" + d, id="a byte order mark"),
        pytest.param(lambda d: d.replace(b'"v":1', b'"v": 1', 1), id="another spelling"),
        pytest.param(lambda d: d.replace(b'["e30=",', b'["e30=","e30=",', 1), id="evidence twice"),
        pytest.param(lambda d: d.replace(b'"e30="', b'"e3A="', 1), id="evidence edited"),
        pytest.param(lambda d: d.replace(b'"evidence":[]', b'"evidence":["e30="]', 1), id="evidence of nothing"),
        pytest.param(other_owner, id="another owner within"),
    ],
)
def test_a_damaged_file_is_never_gone_on_with(filled: LocalTrace, damage: Callable[[bytes], bytes]) -> None:
    bad = damage(filled.path.read_bytes())
    filled.path.write_bytes(bad)
    with pytest.raises(MalformedTraceError):
        filled.require_sound()
    with pytest.raises(MalformedTraceError):
        filled.append([bare_use(PLAN)])
    assert filled.path.read_bytes() == bad


def test_a_file_of_somebody_else(filled: LocalTrace) -> None:
    with pytest.raises(MalformedTraceError, match=USCC):
        replace(filled, owner="P0123456789ab").append([bare_use(PLAN)])


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MalformedTraceError):
        LocalTrace(tmp_path / "pipe", USCC).require_sound()
    for path in (tmp_path, tmp_path / "none" / "uses.jsonl"):
        with pytest.raises(OSError, match=path.name):
            LocalTrace(path, USCC).require_sound()


def test_a_full_disk_leaves_no_half_line(filled: LocalTrace, monkeypatch: pytest.MonkeyPatch) -> None:
    before, write = filled.path.read_bytes(), os.write

    def half(number: int, data: bytes) -> None:
        write(number, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trace_local, "_write", half)
    with pytest.raises(OSError, match="No space"):
        filled.append([bare_use(PLAN)] * 3)
    assert filled.path.read_bytes() == before


def test_too_long_a_file_is_not_read(trace: LocalTrace) -> None:
    with trace.path.open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    with pytest.raises(TraceTooLargeError):
        trace.require_sound()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("\ud800\udcff.pdf", id="a name that is no text"),
        pytest.param("a\u0000b\x1b[2J.pdf", id="control characters"),
        pytest.param("\u202eabc\u200b.pdf", id="invisible"),
        pytest.param("字" * 255, id="long"),
    ],
)
def test_odd_names_are_kept(trace: LocalTrace, name: str) -> None:
    trace.append([bare_use(PLAN, file=name)])
    (line,) = parse_lines(trace.path.read_bytes())
    assert line.entry.file == name.encode("utf-8", "replace").decode()


def test_what_could_not_be_read_again_is_not_written(trace: LocalTrace) -> None:
    for wrong in (bare_use("no plan"), bare_use(PLAN, person="p" * 65), bare_use(PLAN, consent=b"x" * (5 << 20))):
        with pytest.raises(MalformedTraceError):
            trace.append([bare_use(PLAN), wrong])
    assert trace.path.read_bytes() == b""


def test_programs_take_turns(trace: LocalTrace) -> None:
    def enter(position: int) -> None:
        trace.append([bare_use(PLAN, position)] * 2)

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line.entry.number for line in parse_lines(trace.path.read_bytes())] == list(range(1, 13))


@given(at=st.integers(0, 1 << 16), bit=st.integers(0, 7))
@settings(max_examples=200)
def test_no_bit_can_be_flipped(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int) -> None:
    trace = LocalTrace(tmp_path_factory.mktemp("flip") / "uses.jsonl", USCC)
    trace.append([bare_use(PLAN, 0, consent=b"{}"), bare_use(PLAN, 1)])
    data = bytearray(trace.path.read_bytes())
    data[at % len(data)] ^= 1 << bit
    with pytest.raises(MalformedTraceError):
        parse_lines(bytes(data))


@given(st.binary(min_size=1, max_size=300))
@settings(max_examples=100)
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(MalformedTraceError):
        parse_lines(noise)
