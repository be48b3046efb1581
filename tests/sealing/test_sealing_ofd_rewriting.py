"""The ZIP is written again byte for byte but for what changes, from any form that is read."""

import struct
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ofd_paper import LEGAL, Paper, apply, contents, contract, judge, outcomes, page, prepare, raw, text
from ofd_world import pack
from sealing_world import World

from sealing.errors import SealingError
from sealing.ofd_rewriting import Rewriting, append, read_directory
from sealing.ofd_sealing import survey_ofd
from sealing.ofd_zip import open_package
from sealing.planning import Pages, plan_stamps
from sealing.seal import SealKind
from signing.errors import SigningError

PASSED = ("SES-v4", "TOTAL-PASSED", "whole-document")
FULL = 0xFFFFFFFF


def folders(data: bytes) -> bytes:
    """Put entries for folders before the files."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive, zipfile.ZipFile(BytesIO(data)) as old:
        for name in ("Doc_0/", "Doc_0/Pages/", "Doc_0/Pages/Page_0/"):
            archive.writestr(zipfile.ZipInfo(name), b"")
        for one in old.infolist():
            archive.writestr(one, old.read(one))
    return out.getvalue()


def stamped(data: bytes) -> bytes:
    """Give entries times, comments in the directory and extra fields of an old Unix packer."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, zipfile.ZipFile(BytesIO(data)) as old:
        for one in old.infolist():
            info = zipfile.ZipInfo(one.filename, (2020, 7, 16, 16, 5, 2))
            info.comment, info.extra = b"a part", struct.pack("<2H4s", 0x7855, 4, b"\1\2\3\4")
            info.external_attr = 0o100644 << 16
            archive.writestr(info, old.read(one), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def descriptors(data: bytes) -> bytes:
    """Write sizes after the contents, as a packer does that cannot seek."""

    class Pipe(BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise OSError

    out = Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, zipfile.ZipFile(BytesIO(data)) as old:
        for one in old.infolist():
            archive.writestr(zipfile.ZipInfo(one.filename), old.read(one), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def wide(data: bytes) -> bytes:
    """Say places and the end in ZIP64 fields."""
    end = data.rindex(b"PK\5\6")
    count, _, start = struct.unpack_from("<H2L", data, end + 10)
    directory, at = b"", start
    for _ in range(count):
        names, extras, comments = struct.unpack_from("<3H", data, at + 28)
        assert (extras, comments) == (0, 0)
        head, name = data[at : at + 46], data[at + 46 : at + 46 + names]
        place = struct.unpack_from("<L", head, 42)[0]
        head = head[:6] + struct.pack("<H", 45) + head[8:30] + struct.pack("<H", 12) + head[32:42]
        directory += head + struct.pack("<L", FULL) + name + struct.pack("<2HQ", 1, 8, place)
        at += 46 + names
    stop = start + len(directory)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, stop, 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, FULL, FULL, 0)
    last = last[:8] + struct.pack("<2H", count, count) + last[12:]
    return data[:start] + directory + end64 + locator + last


def commented(data: bytes) -> bytes:
    return data[:-2] + struct.pack("<H", 5) + b"hello"


@pytest.mark.parametrize("form", [pack, folders, stamped, descriptors, wide, commented], ids=lambda form: form.__name__)
def test_every_form_of_zip_is_sealed_twice(world: World, tmp_path: Path, form: object) -> None:
    data = pack(contract().parts())
    data = data if form is pack else form(data)  # type: ignore[operator]
    source = tmp_path / "source.ofd"
    source.write_bytes(data)
    apply(world, source, source)
    apply(world, source, source, [LEGAL], SealKind.LEGAL_REPRESENTATIVE)
    assert outcomes(judge(world, source)) == [PASSED] * 2
    before, after = raw(data), raw(source.read_bytes())
    assert {name for name in before if before[name] != after[name]} == {"OFD.xml"}
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(source) as new:
        for one in old.infolist():
            kept = new.getinfo(one.filename)
            if one.filename != "OFD.xml":
                assert (kept.date_time, kept.comment, kept.external_attr) == (
                    one.date_time,
                    one.comment,
                    one.external_attr,
                )
        assert new.testzip() is None
        assert new.comment == b""


names = st.lists(
    st.from_regex(r"[a-z]{1,8}(/[a-z0-9]{1,8})?\.xml", fullmatch=True), min_size=1, max_size=6, unique=True
)


@given(
    names=names, data=st.binary(max_size=200), new=st.binary(max_size=200), at=st.integers(0, 5), stored=st.booleans()
)
def test_what_is_written_is_what_is_read(names: list[str], data: bytes, new: bytes, at: int, stored: bool) -> None:
    old = {name: data + name.encode() for name in names}
    packed = pack(old, stored=stored)
    source, target = BytesIO(packed), BytesIO()
    name = names[at % len(names)]
    place = open_package(source, len(packed)).parts[name].header_offset
    Rewriting(source, read_directory(source, len(packed)), {place: (name, new)}, {"new-1/a.xml": data}).write(target)
    size = len(target.getvalue())
    append(target, read_directory(target, size), "new-1/b.dat", new)
    with zipfile.ZipFile(target) as archive:
        found = {one: archive.read(one) for one in archive.namelist()}
    assert found == {**old, name: new, "new-1/a.xml": data, "new-1/b.dat": new}
    package = open_package(target, len(target.getvalue()))
    assert (package.mode, list(package.parts)) == ("strict", [*names, "new-1/a.xml", "new-1/b.dat"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(at=st.floats(0, 1), value=st.integers(0, 255), length=st.integers(0, 40))
def test_damaged_packages_are_refused_or_sealed_soundly(
    world: World, tmp_path: Path, at: float, value: int, length: int
) -> None:
    """Overwrite some bytes anywhere: there is a typed error, or a package whose new seal holds."""
    source, target = tmp_path / "source.ofd", tmp_path / "target.ofd"
    data = bytearray(pack(Paper([page(text("盖章", 20, 20))]).parts(), stored=True))
    start = int(at * len(data))
    data[start : start + length] = bytes([value]) * min(length, len(data) - start)
    source.write_bytes(bytes(data))
    target.unlink(missing_ok=True)
    try:
        prepared = prepare(world, source, target)
    except (SealingError, SigningError):
        assert not target.exists()
        return
    assert prepared.signature in contents(target)


def test_a_long_document_is_sealed_on_every_page(world: World, tmp_path: Path) -> None:
    source, target = contract(120).write(tmp_path / "source.ofd"), tmp_path / "target.ofd"
    plan = plan_stamps([Pages(60, 60)], survey_ofd(source).views, (40, 40))
    apply(world, source, target, plan.stamps)
    assert outcomes(judge(world, target)) == [PASSED]
    assert {box.page for box in survey_ofd(target).taken} == set(range(1, 121))
