"""ZIP files of strangers: what everybody reads in the same way is read, all else is refused before it is believed."""

import contextlib
import io
import stat
import struct
import subprocess
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing_asic_files import Member, central, container, deflate, end, local, make

from signing.asic_zip import ZipIndex, ZipLimits, read_content, read_index, stream_content
from signing.errors import LimitError, MalformedError, SigningError, UnsupportedAlgorithmError

TEXT = b"some text that packs well, " * 40
FILES = {"mimetype": b"application/vnd.etsi.asic-e+zip", "a.txt": TEXT, "folder/b.bin": b"\0\1\2"}
UTF8 = 1 << 11


def index(data: bytes, limits: ZipLimits | None = None) -> ZipIndex:
    return read_index(io.BytesIO(data), len(data), limits)


def read_all(data: bytes, limits: ZipLimits | None = None) -> dict[str, bytes]:
    stream = io.BytesIO(data)
    entries = index(data, limits).entries
    return {entry.name: read_content(stream, entry, limit=1 << 24) for entry in entries if not entry.is_folder}


class Unseekable(io.RawIOBase):
    """A pipe: writers must put sizes behind the contents."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


def by_library(method: int, *, pipe: bool = False, zip64: bool = False, comment: bytes = b"") -> bytes:
    target = Unseekable() if pipe else io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in FILES.items():
            with archive.open(name, "w", force_zip64=zip64) as stream:
                stream.write(content)
        archive.comment = comment
    return bytes(target.data) if isinstance(target, Unseekable) else target.getvalue()


def wide(member: Member, size: int) -> Member:
    """Write an entry with ZIP64 fields although it is small."""
    full = 0xFFFFFFFF
    both = struct.pack("<HHQQ", 1, 16, size, size)
    return Member(
        member.name, member.content, extra=both, central_extra=both, local_size=full, central_size=full, needed=45
    )


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(by_library(0), id="stored"),
        pytest.param(by_library(8), id="packed"),
        pytest.param(by_library(8, pipe=True), id="sizes afterwards"),
        pytest.param(by_library(8, pipe=True, zip64=True), id="sizes afterwards in eight bytes"),
        pytest.param(by_library(0, zip64=True), id="zip64"),
        pytest.param(by_library(8, comment=b"mimetype=application/vnd.etsi.asic-e+zip"), id="type in the comment"),
        pytest.param(container(FILES), id="ours"),
        pytest.param(make([wide(Member(n.encode(), c), len(c)) for n, c in FILES.items()]), id="zip64 both"),
        pytest.param(
            make([Member(n.encode(), c, method=8, flags=8, descriptor=None) for n, c in FILES.items()]),
            id="descriptor with signature",
        ),
        pytest.param(
            make(
                [
                    Member(
                        n.encode(),
                        c,
                        method=8,
                        flags=8,
                        descriptor=struct.pack("<3L", zlib.crc32(c), len(deflate(c)), len(c)),
                    )
                    for n, c in FILES.items()
                ]
            ),
            id="descriptor without signature",
        ),
        pytest.param(make([Member(b"folder/"), *(Member(n.encode(), c) for n, c in FILES.items())]), id="a folder"),
        pytest.param(
            make([Member(n.encode(), c, extra=b"UT\5\0\3abcd", central_extra=b"UT\1\0\3") for n, c in FILES.items()]),
            id="times in extra fields",
        ),
    ],
)
def test_what_is_read(data: bytes) -> None:
    assert read_all(data) == FILES


def test_names_in_utf8() -> None:
    assert read_all(container({"投标函.pdf": b"1", "资格/证明.pdf": b"2"})) == {
        "投标函.pdf": b"1",
        "资格/证明.pdf": b"2",
    }


A = Member(b"a", TEXT, method=8)
B = Member(b"b", b"bb")


def overlapping() -> bytes:
    """Let the second record lead into the first content, which holds a whole local header."""
    inner = local(B)
    outer = Member(b"a", inner)
    place = len(local(outer)) - len(inner)
    directory = central(outer, 0) + central(B, place)
    return local(outer) + directory + end(2, len(directory), len(local(outer)))


def shared() -> bytes:
    """Let two records lead to one content."""
    directory = central(B, 0) + central(Member(b"c", b"bb", place=0), 0)
    return local(B) + directory + end(2, len(directory), len(local(B)))


def hidden() -> bytes:
    """Leave one entry out of the directory."""
    body, directory = local(A) + local(B), central(A, 0)
    return body + directory + end(1, len(directory), len(body))


def end64(*, count: int = 1, where: int | None = None, length: int = 44, disks: int = 1) -> bytes:
    body, directory = local(B), central(B, 0)
    place = len(body) + len(directory)
    fields = (length, 45, 45, 0, 0, count, count, len(directory), len(body))
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", *fields)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, place if where is None else where, disks)
    return body + directory + record + locator + end(1, len(directory), len(body))


def link(kind: int) -> Member:
    return Member(b"a", b"/etc/passwd", attributes=(kind | 0o777) << 16)


HOSTILE: list[tuple[str, Callable[[], bytes]]] = [
    ("nothing", lambda: b""),
    ("only an end record", lambda: end(0, 0, 0)),
    ("a byte before", lambda: make([A, B], before=b"#")),
    ("a byte after", lambda: make([A, B], after=b"\n")),
    ("bytes between contents and directory", lambda: make([A, B], gap=b"hidden")),
    ("a second ZIP after it", lambda: make([A]) + make([B])),
    ("a comment that is no type", lambda: make([A], comment=b"hello")),
    ("a comment with an end record inside", lambda: make([A], comment=b"mimetype=" + end(0, 0, 0))),
    ("a comment longer than it says", lambda: make([A], comment=b"mimetype=a/b") + b"x"),
    ("name climbs", lambda: make([Member(b"../../etc/x", b"1")])),
    ("name climbs inside", lambda: make([Member(b"a/../../x", b"1")])),
    ("name is absolute", lambda: make([Member(b"/etc/passwd", b"1")])),
    ("name with a backslash", lambda: make([Member(b"..\\x", b"1")])),
    ("name with a drive", lambda: make([Member(b"C:x", b"1")])),
    ("name with NUL", lambda: make([Member(b"a.pdf\0.exe", b"1")])),
    ("name with a line end", lambda: make([Member(b"a\nb", b"1")])),
    ("name that reads backwards", lambda: make([Member("a\u202efdp.exe".encode(), b"1", flags=UTF8)])),
    ("name ending in a dot", lambda: make([Member(b"a.", b"1")])),
    ("name with an empty part", lambda: make([Member(b"a//b", b"1")])),
    ("no name", lambda: make([Member(b"", b"1")])),
    ("name in GBK without a mark", lambda: make([Member("投标".encode("gbk"), b"1")])),
    ("name that is not UTF-8", lambda: make([Member(b"\xff\xfe", b"1", flags=UTF8)])),
    ("name of 600 bytes", lambda: make([Member(b"x" * 600, b"1")])),
    ("name of 17 parts", lambda: make([Member(b"/".join([b"x"] * 17), b"1")])),
    ("the same name twice", lambda: make([Member(b"a", b"1"), Member(b"a", b"2")])),
    ("names that differ by case", lambda: make([Member(b"META-INF/s.p7s", b"1"), Member(b"meta-inf/S.P7S", b"2")])),
    (
        "names that differ by Unicode form",
        lambda: make([Member("é".encode(), b"1", flags=UTF8), Member("e\u0301".encode(), b"2", flags=UTF8)]),
    ),
    (
        "names that differ by width",
        lambda: make([Member(b"a", b"1"), Member("\uff41".encode(), b"2", flags=UTF8)]),
    ),
    ("a file that is a folder too", lambda: make([Member(b"a", b"1"), Member(b"a/b", b"2")])),
    ("a folder with a content", lambda: make([Member(b"a/", b"1")])),
    ("contents that overlap", overlapping),
    ("one content under two names", shared),
    ("an entry that the directory hides", hidden),
    ("encrypted", lambda: make([Member(b"a", b"1", flags=1)])),
    ("strong encryption", lambda: make([Member(b"a", b"1", flags=1 << 6)])),
    ("hidden headers", lambda: make([Member(b"a", b"1", flags=1 << 13)])),
    ("AES extra field", lambda: make([Member(b"a", b"1", extra=b"\x01\x99\x07\0\2\0AE\3\0\0")])),
    ("two names by an extra field", lambda: make([Member(b"a", b"1", central_extra=b"up\6\0\1\0\0\0\0b")])),
    ("two names in the two headers", lambda: make([Member(b"a", b"1", central_name=b"b")])),
    ("two methods in the two headers", lambda: make([Member(b"a", TEXT, method=8, central_method=0)])),
    ("two flags in the two headers", lambda: make([Member(b"a", b"1", central_flags=UTF8)])),
    ("two sizes in the two headers", lambda: make([Member(b"a", b"1", local_size=2)])),
    ("method BZIP2", lambda: make([Member(b"a", b"1", method=12)])),
    ("unknown flags", lambda: make([Member(b"a", b"1", flags=1 << 4)])),
    ("a version from the future", lambda: make([Member(b"a", b"1", needed=63)])),
    ("stored with sizes afterwards", lambda: make([Member(b"a", b"1", flags=8)])),
    (
        "a descriptor that says otherwise",
        lambda: make([Member(b"a", TEXT, method=8, flags=8, descriptor=b"PK\x07\x08" + bytes(12))]),
    ),
    ("no descriptor", lambda: make([Member(b"a", TEXT, method=8, flags=8, descriptor=b"")])),
    ("wrong CRC", lambda: make([Member(b"a", b"1", crc=7)])),
    ("wrong CRC of packed bytes", lambda: make([Member(b"a", TEXT, method=8, crc=7)])),
    ("packed bytes that are none", lambda: make([Member(b"a", TEXT, method=8, packed=b"\xff" * 30)])),
    ("bytes after the packed ones", lambda: make([Member(b"a", TEXT, method=8, packed=deflate(TEXT) + b"x")])),
    ("packed bytes that end too early", lambda: make([Member(b"a", TEXT, method=8, packed=deflate(TEXT)[:-3])])),
    ("more than it says after inflating", lambda: make([Member(b"a", TEXT, method=8, size=5)])),
    ("less than it says after inflating", lambda: make([Member(b"a", TEXT, method=8, size=5000)])),
    ("a symbolic link", lambda: make([link(stat.S_IFLNK)])),
    ("a device", lambda: make([link(stat.S_IFCHR)])),
    ("a bomb by its own word", lambda: make([Member(b"a", TEXT, method=8, size=1 << 31)])),
    ("a bomb", lambda: make([Member(b"a", bytes(8 << 20), method=8)])),
    ("more bytes than are read", lambda: make([Member(b"a", bytes(2000)), Member(b"b", bytes(2000))])),
    ("too many entries", lambda: make([Member(b"%d" % n) for n in range(51)])),
    ("another disk", lambda: make([Member(b"a", b"1", disk=1)])),
    ("a count that is too small", lambda: hidden()[:-14] + struct.pack("<2H", 1, 2) + hidden()[-10:]),
    ("a place beyond the file", lambda: make([Member(b"a", b"1", place=1 << 20)])),
    ("an extra field that ends too early", lambda: make([Member(b"a", b"1", central_extra=b"UT\x09\0")])),
    ("ZIP64 that is not needed", lambda: make([Member(b"a", b"1", central_extra=struct.pack("<HHQ", 1, 8, 1))])),
    ("ZIP64 that is missing", lambda: make([Member(b"a", b"1", central_size=0xFFFFFFFF)])),
    ("ZIP64 in one header only", lambda: make([Member(b"a", b"1", extra=struct.pack("<HHQQ", 1, 16, 1, 1))])),
    ("ZIP64 end with another count", lambda: end64(count=2)),
    ("ZIP64 end elsewhere", lambda: end64(where=0)),
    ("ZIP64 end of another length", lambda: end64(length=60)),
    ("ZIP64 end of two disks", lambda: end64(disks=2)),
    ("an end record that points into the contents", lambda: make([A])[:-6] + struct.pack("<LH", 4, 0)),
]
TIGHT = ZipLimits(entries=50, total=3000, content=16 << 20)


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in HOSTILE])
def test_what_is_refused(data: Callable[[], bytes]) -> None:
    written = data()
    limits = TIGHT if len(written) < 6000 else ZipLimits(entries=50)
    with pytest.raises((MalformedError, UnsupportedAlgorithmError)):
        read_all(written, limits)


def test_zip64_end_records_that_are_right() -> None:
    assert read_all(end64()) == {"b": b"bb"}


def test_large_contents_cost_no_memory() -> None:
    block = Random(1).randbytes(1 << 20)  # noqa: S311 - nothing secret
    data = make([Member(b"a", block * 24, method=8), Member(b"b", block * 8)])
    stream = io.BytesIO(data)
    entries = index(data).entries
    tracemalloc.start()
    try:
        assert sum(len(piece) for entry in entries for piece in stream_content(stream, entry)) == 32 << 20
        assert tracemalloc.get_traced_memory()[1] < 6 << 20
    finally:
        tracemalloc.stop()


def test_a_limit_before_reading() -> None:
    data = container(FILES)
    with pytest.raises(LimitError):
        read_content(io.BytesIO(data), index(data).entries[1], limit=10)


@pytest.mark.interop
@pytest.mark.parametrize(
    "tool", [["unzip", "-Z1"], ["bsdtar", "-tf"], ["7z", "l", "-ba", "-slt"]], ids=["unzip", "bsdtar", "7z"]
)
@pytest.mark.parametrize(
    "data", [container(FILES), by_library(8), by_library(8, pipe=True), by_library(0, zip64=True)], ids=range(4)
)
def test_other_tools_list_the_same(data: bytes, tool: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    done = subprocess.run([*tool, str(tmp_path / "a.zip")], check=True, capture_output=True, text=True)
    lines = [line.removeprefix("Path = ") for line in done.stdout.splitlines()]
    names = [line for line in lines if line in FILES] if tool[0] == "7z" else lines
    assert names == [entry.name for entry in index(data).entries]


@pytest.mark.interop
def test_what_the_zip_of_others_writes(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    for tool, options in (("bsdtar", ["-a", "-cf"]), ("7z", ["a", "-bd", "-tzip"])):
        target = tmp_path / f"{tool}.zip"
        subprocess.run([tool, *options, str(target), *FILES], check=True, capture_output=True, cwd=tmp_path)
        assert read_all(target.read_bytes()) == FILES


@given(st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=9)), max_size=4), st.integers(0, 40))
def test_random_damage_only_raises_our_errors(edits: list[tuple[int, bytes]], cut: int) -> None:
    data = bytearray(container(FILES, method=8))
    for at, piece in edits:
        data[at : at + len(piece)] = piece
    with contextlib.suppress(SigningError):
        read_all(bytes(data[: len(data) - cut]))


def test_every_changed_byte_of_a_header_is_noticed() -> None:
    """But for times, versions made by and attributes, which say nothing about contents."""
    data = container(FILES, method=8)
    entries = index(data).entries
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 0x55
        with contextlib.suppress(SigningError):
            found = read_all(bytes(changed))
            assert list(found.values()) == list(FILES.values()), at
            assert set(found) == set(FILES), at
    assert len(entries) == len(FILES)
