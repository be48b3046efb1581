"""Uploaded bundles are wrapped frame by frame, survive a crash up to the acknowledged offset, and read back."""

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storage_bytes import counter

from storage.errors import DamagedObjectError, ObjectMissingError, OffsetError
from storage.intake import FRAME, Intake

UPLOAD = "0123456789abcdef" * 2


def stored(intake: Intake) -> Path:
    return intake.root / "uploads" / UPLOAD


def filled(intake: Intake, *pieces: bytes) -> bytes:
    intake.create(UPLOAD)
    for piece in pieces:
        intake.append(UPLOAD, intake.durable_size(UPLOAD), piece)
    return b"".join(pieces)


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([0], id="empty"),
        pytest.param([1], id="one byte"),
        pytest.param([FRAME], id="exactly a frame"),
        pytest.param([FRAME + 1], id="a frame and a byte"),
        pytest.param([5, FRAME * 2 + 7, 3], id="uneven pieces"),
    ],
)
def test_what_was_appended_is_read(intake: Intake, sizes: list[int]) -> None:
    source = counter()
    data = filled(intake, *(source(size) for size in sizes))
    assert intake.durable_size(UPLOAD) == len(data)
    assert intake.open(UPLOAD).read() == data


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    pieces=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    reads=st.lists(st.tuples(st.integers(0, 200), st.integers(-1, 90)), max_size=8),
)
def test_reading_anywhere_is_like_reading_the_plain_bytes(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], reads: list[tuple[int, int]]
) -> None:
    intake = Intake(tmp_path_factory.mktemp("intake"), b"s" * 32, counter())
    plain = io.BytesIO(filled(intake, *pieces))
    stream = intake.open(UPLOAD)
    for offset, size in reads:
        assert stream.seek(offset) == plain.seek(offset)
        assert stream.read(size) == plain.read(size)
        assert stream.tell() == plain.tell()


@pytest.mark.parametrize("cut", [1, 16, 30, 46, 47])
def test_a_torn_frame_goes_and_what_was_acknowledged_stays(intake: Intake, cut: int) -> None:
    first = filled(intake, b"first piece")
    acknowledged = stored(intake).read_bytes()
    intake.append(UPLOAD, len(first), b"second piece")
    whole = stored(intake).read_bytes()
    stored(intake).write_bytes(whole[:-cut])
    assert intake.durable_size(UPLOAD) == len(first)
    assert stored(intake).read_bytes() == acknowledged
    intake.append(UPLOAD, len(first), b"another")
    assert intake.open(UPLOAD).read() == b"first pieceanother"


def test_a_frame_whose_bytes_never_came_goes(intake: Intake) -> None:
    first = filled(intake, b"first")
    intake.append(UPLOAD, len(first), b"second")
    data = bytearray(stored(intake).read_bytes())
    data[-20:] = bytes(20)  # the length reached the disk, the content did not
    stored(intake).write_bytes(data)
    assert intake.durable_size(UPLOAD) == len(first)


def test_an_offset_that_is_not_the_end_is_refused(intake: Intake) -> None:
    filled(intake, b"four")
    with pytest.raises(OffsetError) as caught:
        intake.append(UPLOAD, 3, b"x")
    assert caught.value.offset == 4


def test_no_plain_byte_lies_in_the_file_and_equal_bytes_look_different(intake: Intake) -> None:
    filled(intake, b"A" * 64, b"A" * 64)
    data = stored(intake).read_bytes()
    assert b"AAAA" not in data
    assert data[20:84] != data[120:184]


def test_frames_cannot_change_places(intake: Intake) -> None:
    filled(intake, b"A" * 64, b"B" * 64)
    data = stored(intake).read_bytes()
    half = len(data) // 2
    stored(intake).write_bytes(data[half:] + data[:half])
    with pytest.raises(DamagedObjectError):
        intake.open(UPLOAD).read()


def test_acceptance_moves_once_and_again_is_no_fault(intake: Intake) -> None:
    data = filled(intake, b"bundle")
    intake.accept(UPLOAD)
    intake.accept(UPLOAD)
    assert not stored(intake).exists()
    assert intake.open(UPLOAD).read() == data


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "0" * 31, "G" * 32, "f" * 32])
def test_names_that_are_none_are_missing(intake: Intake, name: str) -> None:
    with pytest.raises(ObjectMissingError):
        intake.open(name)
    with pytest.raises(ObjectMissingError):
        intake.accept(name)
