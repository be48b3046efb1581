"""Working copies: made inside the kernel or in pieces, put in place at once, gone after an error."""

import os
from pathlib import Path

import pytest

from signing.pades_files import _copy_in_kernel, _copy_in_pieces, copy_file, publish, working_copy


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(os.urandom(3 << 20))
    return path


def test_a_copy_is_a_copy(source: Path, tmp_path: Path) -> None:
    copy_file(source, target := tmp_path / "target")
    assert target.read_bytes() == source.read_bytes()
    with pytest.raises(FileExistsError):
        copy_file(source, target)


def test_what_the_kernel_does_not_copy_is_copied_in_pieces(source: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    try:
        with (tmp_path / "target").open("xb") as target:
            assert not _copy_in_kernel(reading, target.fileno())
    finally:
        os.close(reading)
        os.close(writing)
    with source.open("rb") as whole, (tmp_path / "target").open("wb") as target:
        whole.seek(5)
        target.write(b"a beginning")
        _copy_in_pieces(whole, target)
    assert (tmp_path / "target").read_bytes() == source.read_bytes()


def test_a_working_copy_becomes_the_target_or_is_gone(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    with pytest.raises(IsADirectoryError), working_copy(source, target) as draft:
        draft.write_bytes(draft.parent.read_bytes())
    assert target.read_bytes() == b"old"
    with working_copy(source, target) as draft:
        draft.write_bytes(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert {path.name for path in tmp_path.iterdir()} == {"source", "target"}


def test_two_workers_on_one_target_do_not_mix(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    with working_copy(source, target) as draft:
        draft.write_bytes(b"first")
        with pytest.raises(FileExistsError), working_copy(source, target):
            pass
    assert target.read_bytes() == b"first"


def test_a_missing_source_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), working_copy(tmp_path / "source", tmp_path / "target"):
        pass
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "draft", tmp_path / "target")
    assert list(tmp_path.iterdir()) == []
