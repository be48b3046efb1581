"""Attacks on files under work: tampered states, races, full disks, odd names, links and modes."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec import structs
from signing_pades import GM, LATER, write_pdf
from signing_pki import NOON, ROOT

from signing.errors import (
    BadSignatureError,
    InvalidKeyError,
    LimitError,
    PadesError,
    PreparedFileError,
    SigningError,
)
from signing.pades import (
    MAX_ROOM,
    FileState,
    PreparedSignature,
    SignatureRequest,
    read_prepared,
    write_prepared,
)
from signing.pades_completing import complete_signature
from signing.pades_longterm import Level, read_levels
from signing.pades_preparing import prepare_signature
from signing.pades_signing import Lasting, sign_pdf
from signing.pades_validation import ask_library
from signing.schemes import Sm2Key


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_pdf(tmp_path / "source.pdf")


def prepare(source: Path, target: Path, field: str = "Signature1") -> PreparedSignature:
    return prepare_signature(
        source,
        target,
        SignatureRequest(field),
        certificate=GM.certificate,
        chain=GM.chain,
        at=NOON,
        random=os.urandom,
    )


def sign(source: Path, target: Path, lasting: Lasting | None = None) -> None:
    sign_pdf(
        source,
        target,
        SignatureRequest("Signature1"),
        key=GM.key,
        certificate=GM.certificate,
        chain=GM.chain,
        at=NOON,
        random=os.urandom,
        lasting=lasting,
    )


def test_two_values_at_the_same_time_never_mix(source: Path) -> None:
    prepared = prepare(source, target := source.with_name("signed.pdf"))
    values = [GM.key.sign(prepared.to_be_signed) for _ in range(8)]

    def complete(value: bytes) -> bool:
        try:
            complete_signature(target, prepared, value)
        except PreparedFileError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(complete, values)) == 1
    assert ask_library(target, roots=[GM.root.der], data=GM.data, at=LATER)[0].accepted


def test_a_room_of_which_only_later_pages_reached_the_disk_is_filled_again(source: Path) -> None:
    prepared = prepare(source, target := source.with_name("signed.pdf"))
    signature, (_, start, _, _) = GM.key.sign(prepared.to_be_signed), prepared.range
    before = target.read_bytes()
    complete_signature(target, prepared, signature)
    whole = target.read_bytes()
    target.write_bytes(before[: start + 400] + whole[start + 400 : start + 800] + before[start + 800 :])
    complete_signature(target, prepared, signature)
    assert target.read_bytes() == whole


def test_a_state_that_names_another_signatures_room_spoils_nothing(source: Path) -> None:
    first = prepare(source, middle := source.with_name("first.pdf"))
    second = prepare(middle, target := source.with_name("second.pdf"), "Signature2")
    _, start, stop, _ = first.range
    tampered = structs.replace(second, byte_range=(0, start, stop, target.stat().st_size - stop))
    before = target.read_bytes()
    with pytest.raises(PreparedFileError):
        complete_signature(
            target, read_prepared(write_prepared(tampered), PreparedSignature), GM.key.sign(second.to_be_signed)
        )
    assert target.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"document_digest": "00" * 32},
        {"digest": "sha256"},
        {"to_be_signed": b"1\x00"},
        {"certificate": ROOT.certificate.der},
        {"certificate": b"no certificate"},
        {"chain": (b"no certificate",)},
        {"byte_range": (0, 100, 200, 300)},
        {"state": FileState(1, 2, 3)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_tampered_state_is_refused_and_the_file_is_untouched(source: Path, change: dict[str, object]) -> None:
    prepared = prepare(source, target := source.with_name("signed.pdf"))
    before, signature = target.read_bytes(), GM.key.sign(prepared.to_be_signed)
    with pytest.raises(SigningError):
        complete_signature(target, structs.replace(prepared, **change), signature)
    assert target.read_bytes() == before


def test_a_state_with_another_inode_or_time_only_costs_another_look(source: Path) -> None:
    prepared = prepare(source, target := source.with_name("signed.pdf"))
    other = structs.replace(prepared, state=FileState(prepared.state.size, 0, 0))
    complete_signature(target, other, GM.key.sign(prepared.to_be_signed))
    assert ask_library(target, roots=[GM.root.der], data=GM.data, at=LATER)[0].accepted


def test_a_state_with_enormous_room_is_not_read(source: Path) -> None:
    prepared = prepare(source, source.with_name("signed.pdf"))
    size = 4 * MAX_ROOM
    huge = structs.replace(prepared, byte_range=(0, 9, size - 9, 9), state=FileState(size, 1, 2))
    with pytest.raises(LimitError):
        read_prepared(write_prepared(huge), PreparedSignature)


def test_a_file_changed_in_one_byte_is_refused(source: Path) -> None:
    prepared = prepare(source, target := source.with_name("signed.pdf"))
    with target.open("r+b") as stream:
        stream.seek(20)
        byte = stream.read(1)
        stream.seek(20)
        stream.write(bytes((byte[0] ^ 1,)))
    with pytest.raises(PreparedFileError):
        complete_signature(target, prepared, GM.key.sign(prepared.to_be_signed))
    with pytest.raises(BadSignatureError):
        complete_signature(target, prepared, GM.key.sign(b"another message"))


@pytest.mark.parametrize(
    "name",
    ["投标文件" * 20 + "甲.pdf", "有 空格 和 “引号”.pdf", "-rf.pdf", "a\nb.pdf", ".hidden.pdf"],
    ids=["longest", "spaces", "dash", "newline", "hidden"],
)
def test_any_file_name_works(source: Path, name: str) -> None:
    renamed = source.rename(source.with_name(name))
    assert len(os.fsencode(name)) <= 255
    prepared = prepare(renamed, renamed.with_name(f"签{name[1:]}"))
    complete_signature(renamed.with_name(f"签{name[1:]}"), prepared, GM.key.sign(prepared.to_be_signed))
    sign(renamed, renamed)
    assert [one.level for one in read_levels(renamed)] == [Level.B]


def test_what_only_its_owner_may_read_stays_so(source: Path) -> None:
    source.chmod(0o600)
    sign(source, target := source.with_name("signed.pdf"))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    source.chmod(0o444)
    sign(source, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


def test_a_link_at_the_target_is_replaced_and_what_it_names_is_untouched(source: Path) -> None:
    other = source.with_name("other.pdf")
    other.write_bytes(b"precious")
    link = source.with_name("link.pdf")
    link.symlink_to(other)
    sign(source, link)
    assert (other.read_bytes(), link.is_symlink()) == (b"precious", False)
    link.unlink()
    link.symlink_to(source)
    before = source.read_bytes()
    with pytest.raises(PadesError):
        prepare(source, link)
    assert source.read_bytes() == before


def test_a_source_that_changes_meanwhile_does_not_reach_the_signed_file(source: Path) -> None:
    class Authority:
        def stamp(self, imprint: bytes) -> bytes:
            source.write_bytes(b"something else")
            return GM.stamp(imprint)

    sign(source, target := source.with_name("signed.pdf"), Lasting(Level.T, Authority()))
    assert ask_library(target, roots=[GM.root.der], data=GM.data, at=LATER)[0].accepted


_FULL = """
import os, resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_signing_hostile_pades import sign
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 600, resource.RLIM_INFINITY))
try:
    sign(path, path)
except OSError as error:
    print(type(error).__name__)
"""


def test_a_full_disk_leaves_the_original_and_nothing_else(source: Path) -> None:
    before = source.read_bytes()
    command = [sys.executable, "-c", _FULL, str(source), str(Path(__file__).parent)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "OSError"
    assert source.read_bytes() == before
    assert list(source.parent.iterdir()) == [source]


def test_certificates_that_may_not_sign_are_refused(source: Path) -> None:
    with pytest.raises(InvalidKeyError):
        sign_pdf(
            source,
            source,
            SignatureRequest("Signature1"),
            key=Sm2Key(ROOT.key),
            certificate=ROOT.certificate,
            at=NOON,
            random=os.urandom,
        )
