"""The container: one byte form, nothing between the entries, and other people's ZIP readers agree."""

import contextlib
import io
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import container
from signing.container import ContainerWriter, Entry
from signing.digests import sm3
from signing.errors import LimitError, MalformedError

CONTENTS = {
    "mimetype": container.MIMETYPE,
    "header.json": b"{}",
    "stage-1/part-1.bin": b"x" * 5000,
    "stage-1/part-2.bin": b"",
    "META-INF/ASiCManifest.xml": b"<m/>",
}
MANIFEST = container.encode_manifest([(name, sm3(content)) for name, content in CONTENTS.items()])


def write(contents: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    writer = ContainerWriter(stream)
    for name, content in contents.items():
        writer.add(name, [content[:7], content[7:]])
    writer.finish()
    return stream.getvalue()


SMALL = write(CONTENTS)


def read(data: bytes) -> tuple[Entry, ...]:
    return container.read_container(io.BytesIO(data), len(data), max_entries=10)


def read_all(data: bytes) -> dict[str, bytes]:
    return {entry.name: container.read_entry(io.BytesIO(data), entry, limit=10_000) for entry in read(data)}


def test_what_was_written_is_read() -> None:
    assert read_all(SMALL) == CONTENTS


def test_mimetype_stands_at_offset_38() -> None:
    assert SMALL[30:38] == b"mimetype"
    assert SMALL[38 : 38 + 30] == b"application/vnd.yizhao.bid+zip"


def test_the_standard_library_reads_it() -> None:
    with zipfile.ZipFile(io.BytesIO(SMALL)) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == CONTENTS
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.interop
@pytest.mark.parametrize("tool", [["unzip", "-tq"], ["bsdtar", "-tf"], ["7z", "t"]], ids=["unzip", "bsdtar", "7z"])
def test_other_tools_read_it(tool: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(SMALL)
    subprocess.run([*tool, str(tmp_path / "a.zip")], check=True, capture_output=True)


def test_digest_and_crc_of_an_entry() -> None:
    entry = read(SMALL)[2]
    assert container.digest_entry(io.BytesIO(SMALL), entry) == (sm3(b"x" * 5000), True)
    changed = SMALL.replace(b"x" * 5000, b"x" * 4999 + b"y")
    assert container.digest_entry(io.BytesIO(changed), entry) == (sm3(b"x" * 4999 + b"y"), False)


def test_every_changed_byte_is_refused_or_inside_a_content() -> None:
    bodies = {at for entry in read(SMALL) for at in range(entry.offset, entry.end)}
    for at in set(range(len(SMALL))) - bodies:
        data = bytearray(SMALL)
        data[at] ^= 1
        try:
            entries = read(bytes(data))
        except MalformedError:
            continue
        # CRC fields changed in one place only cannot come here; a name or size neither.
        pytest.fail(f"byte {at} does not matter: {entries}")


def test_a_crc_changed_in_both_places_is_found_when_the_content_is_read() -> None:
    entry = read(SMALL)[1]
    data = SMALL.replace(entry.crc.to_bytes(4, "little"), (entry.crc ^ 1).to_bytes(4, "little"))
    with pytest.raises(MalformedError):
        read_all(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"PK", id="two bytes"),
        pytest.param(SMALL[:-1], id="truncated"),
        pytest.param(SMALL + b"\0", id="a byte more"),
        pytest.param(b"\0" + SMALL, id="a byte before"),
        pytest.param(b"\0" * 4096, id="zeros"),
        pytest.param(write({"mimetype": b"application/zip"}), id="another mimetype"),
        pytest.param(write({"header.json": b"{}"}), id="no mimetype"),
        pytest.param(write({f"f{i}": b"" for i in range(11)}), id="too many entries"),
    ],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read(data)


def ordinary_zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in CONTENTS.items():
            archive.writestr(name, content)
    return stream.getvalue()


def test_an_ordinary_zip_is_refused() -> None:
    with pytest.raises(MalformedError):
        read(ordinary_zip())


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "a/", "", "名", "a\\b", "x" * 65, "mimetype", "a/../b", ".x"])
def test_names_that_cannot_be_written(name: str) -> None:
    writer = ContainerWriter(io.BytesIO())
    writer.add("mimetype", [container.MIMETYPE])
    with pytest.raises(MalformedError):
        writer.add(name, [b""])


def test_a_limit_before_reading() -> None:
    with pytest.raises(LimitError):
        container.read_entry(io.BytesIO(SMALL), read(SMALL)[2], limit=4999)


def test_going_on_after_entries_that_are_there() -> None:
    stream = io.BytesIO()
    first = ContainerWriter(stream)
    first.add("mimetype", [container.MIMETYPE])
    kept = first.entries
    stream.write(b"garbage of an earlier attempt" * 100)
    second = ContainerWriter(stream, kept)
    second.add("header.json", [b"{}"])
    assert second.finish() == len(stream.getvalue())
    assert read_all(stream.getvalue()) == {"mimetype": container.MIMETYPE, "header.json": b"{}"}


def test_places_beyond_4_gib() -> None:
    big = Entry("stage-1/part-1.bin", 5 << 30, 6 << 30, 7)
    record = container.encode_directory([big])
    assert (6 << 30).to_bytes(8, "little") * 2 in container.encode_local(big)
    assert (6 << 30).to_bytes(8, "little") * 2 + big.header_offset.to_bytes(8, "little") in record


def test_the_manifest_has_one_form() -> None:
    digests = container.parse_manifest(MANIFEST)
    assert digests == tuple((name, sm3(content)) for name, content in CONTENTS.items())


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(MANIFEST[:-1], id="no line end"),
        pytest.param(MANIFEST + b"\n", id="one line more"),
        pytest.param(MANIFEST.replace(b"\n", b"\r\n"), id="other line ends"),
        pytest.param(MANIFEST.replace(b'URI="header', b"URI='header"), id="other quotes"),
        pytest.param(MANIFEST.replace(b"\n<asic:Data", b"\n <asic:Data", 1), id="a blank"),
        pytest.param(b"", id="empty"),
    ],
)
def test_other_forms_of_the_manifest_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        container.parse_manifest(data)


@given(st.integers(0, len(MANIFEST) - 1), st.integers(1, 255))
def test_a_changed_manifest_never_reads_the_same(at: int, flip: int) -> None:
    data = bytearray(MANIFEST)
    data[at] ^= flip
    with contextlib.suppress(MalformedError):
        assert container.parse_manifest(bytes(data)) != container.parse_manifest(MANIFEST)


@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.binary(max_size=9)), max_size=4), st.integers(0, 40))
def test_random_damage_only_raises_malformed(edits: list[tuple[int, bytes]], cut: int) -> None:
    data = bytearray(SMALL)
    for at, piece in edits:
        data[at : at + len(piece)] = piece
    with contextlib.suppress(MalformedError):
        read_all(bytes(data[: len(data) - cut]))
