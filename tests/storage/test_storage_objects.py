"""The contract of every content store; each implementation of the port runs it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from storage_bytes import counter

from signing.digests import sm3
from storage.errors import DamagedObjectError, ObjectMissingError
from storage.objects import FileObjects, Objects


@pytest.fixture(params=[FileObjects], ids=["files"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    make: Callable[..., Objects] = request.param
    return make(tmp_path / "objects", counter())


@pytest.mark.parametrize("content", [b"", b"tender", b"x" * (3 << 20)], ids=["empty", "short", "long"])
def test_what_was_put_is_what_is_got(objects: Objects, content: bytes) -> None:
    stored = objects.put([content])
    assert stored.name == sm3(content).hex()
    assert objects.size(stored.name) == stored.size == len(content)
    with objects.open(stored.name) as stream:
        assert stream.read() == content
        stream.seek(0)
        assert stream.read(1) == content[:1]
    objects.check(stored.name)


def test_the_same_content_twice_is_one(objects: Objects) -> None:
    assert objects.put([b"a", b"b"]) == objects.put([b"ab"])


def test_a_deleted_content_is_missing_and_again_is_no_fault(objects: Objects) -> None:
    name = objects.put([b"gone"]).name
    objects.delete(name)
    objects.delete(name)
    with pytest.raises(ObjectMissingError):
        objects.open(name)
    with pytest.raises(ObjectMissingError):
        objects.size(name)


@pytest.mark.parametrize("name", ["", "../x", "0" * 63, "Z" * 64])
def test_other_names_are_missing(objects: Objects, name: str) -> None:
    with pytest.raises(ObjectMissingError):
        objects.open(name)


def test_a_source_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    def chunks() -> object:
        yield b"half"
        raise RuntimeError("the source broke")

    objects = FileObjects(tmp_path, counter())
    with pytest.raises(RuntimeError):
        objects.put(chunks())  # type: ignore[arg-type]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_damage_is_found(tmp_path: Path) -> None:
    objects = FileObjects(tmp_path, counter())
    name = objects.put([b"content"]).name
    (tmp_path / "blobs" / name[:2] / name).write_bytes(b"kontent")
    with pytest.raises(DamagedObjectError):
        objects.check(name)
