"""Prepared signatures: kept as JSON, completed later, elsewhere, after a crash, or refused."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing_pades import ECDSA, GM, LATER, RSA, Suite, write_pdf
from signing_pki import NOON

from signing.errors import BadSignatureError, MalformedError, PreparedFileError
from signing.pades import (
    FileState,
    PreparedSignature,
    PreparedTimestamp,
    SignatureRequest,
    imprint_of,
    read_prepared,
    write_prepared,
)
from signing.pades_completing import complete_signature
from signing.pades_longterm import Level, read_levels
from signing.pades_preparing import prepare_signature
from signing.pades_validation import ask_library

SUITES = [pytest.param(one, id=one.name) for one in (GM, RSA, ECDSA)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_pdf(tmp_path / "source.pdf")


def prepare(source: Path, target: Path, suite: Suite = GM) -> PreparedSignature:
    return prepare_signature(
        source,
        target,
        SignatureRequest("Signature1"),
        certificate=suite.certificate,
        chain=suite.chain,
        at=NOON,
        random=os.urandom,
    )


@pytest.mark.parametrize("suite", SUITES)
def test_prepared_state_is_completed_later_from_its_json(source: Path, suite: Suite) -> None:
    prepared = prepare(source, target := source.with_name("signed.pdf"), suite)
    kept = write_prepared(prepared)
    assert str(source.parent) not in kept.decode()
    again = read_prepared(kept, PreparedSignature)
    assert again == prepared
    signature = suite.key.sign(again.to_be_signed)
    token = suite.stamp(imprint_of(signature, suite.digest))
    complete_signature(target, again, signature, token, anchors=suite.anchors, evidence=suite.evidence)
    assert [one.level for one in read_levels(target)] == [Level.T]
    assert ask_library(target, roots=[suite.root.der], data=suite.data, at=LATER)[0].accepted


def test_completing_twice_is_harmless_and_another_signature_is_not_taken(source: Path) -> None:
    prepared = prepare(source, target := source.with_name("signed.pdf"))
    signature = GM.key.sign(prepared.to_be_signed)
    complete_signature(target, prepared, signature)
    first = target.read_bytes()
    complete_signature(target, prepared, signature)
    assert target.read_bytes() == first
    with pytest.raises(PreparedFileError):
        complete_signature(target, prepared, GM.key.sign(prepared.to_be_signed))  # SM2 values differ each time
    assert target.read_bytes() == first


def test_a_room_filled_in_part_by_a_crash_is_filled_again(source: Path) -> None:
    prepared = prepare(source, target := source.with_name("signed.pdf"))
    signature = GM.key.sign(prepared.to_be_signed)
    whole = shutil.copyfile(target, target.with_name("whole.pdf"))
    complete_signature(whole, prepared, signature)
    start = prepared.range[1]
    with target.open("r+b") as stream:
        stream.seek(start)
        stream.write(whole.read_bytes()[start : start + 500])
    complete_signature(target, prepared, signature)
    assert target.read_bytes() == whole.read_bytes()


def test_a_moved_file_is_hashed_again_and_completed(source: Path) -> None:
    prepared = prepare(source, target := source.with_name("prepared.pdf"))
    moved = shutil.copyfile(target, target.with_name("moved.pdf"))
    complete_signature(moved, prepared, GM.key.sign(prepared.to_be_signed))
    assert ask_library(moved, roots=[GM.root.der], data=GM.data, at=LATER)[0].accepted


_COMPLETE = """
import sys
from pathlib import Path
from signing.pades import PreparedSignature, read_prepared
from signing.pades_completing import complete_signature
state, target, signature = sys.argv[1:]
prepared = read_prepared(Path(state).read_bytes(), PreparedSignature)
complete_signature(Path(target), prepared, bytes.fromhex(signature))
"""


def test_another_process_completes(source: Path) -> None:
    prepared = prepare(source, target := source.with_name("signed.pdf"))
    kept = source.with_name("state.json")
    kept.write_bytes(write_prepared(prepared))
    signature = GM.key.sign(prepared.to_be_signed).hex()
    subprocess.run([sys.executable, "-c", _COMPLETE, str(kept), str(target), signature], check=True)
    assert ask_library(target, roots=[GM.root.der], data=GM.data, at=LATER)[0].accepted


def test_state_is_read_strictly(source: Path) -> None:
    kept = json.loads(write_prepared(prepare(source, source.with_name("signed.pdf"))))
    for change in (
        {"v": 2},
        {"byte_range": [0, 5, 6, 7]},
        {"byte_range": [1, 500, 600, 700]},
        {"document_digest": "zz"},
        {"digest": "md5"},
        {"more": 1},
    ):
        with pytest.raises(MalformedError):
            read_prepared(json.dumps({**kept, **change}).encode(), PreparedSignature)


def test_attributes_about_another_document_are_refused(source: Path) -> None:
    first = prepare(source, source.with_name("one.pdf"))
    other = prepare(write_pdf(source, pages=2), target := source.with_name("two.pdf"))
    mixed = PreparedSignature(
        **{name: getattr(other, name) for name in other.__struct_fields__} | {"to_be_signed": first.to_be_signed}
    )
    with pytest.raises(MalformedError):
        complete_signature(target, mixed, GM.key.sign(first.to_be_signed))
    with pytest.raises(BadSignatureError):
        complete_signature(target, other, GM.key.sign(first.to_be_signed))


EXAMPLE = PreparedSignature(1, "S", (0, 100, 200, 100), "sm3", "00" * 32, b"1", b"2", (b"3",), FileState(300, 1, 2))


@given(st.data())
def test_a_damaged_state_is_malformed_or_a_state(data: st.DataObject) -> None:
    text = bytearray(write_prepared(EXAMPLE))
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    for kind in (PreparedSignature, PreparedTimestamp):
        try:
            read = read_prepared(bytes(text[: data.draw(st.integers(0, len(text)))]), kind)
        except MalformedError:
            continue
        assert read.byte_range[2] + read.byte_range[3] == read.state.size


@given(st.binary(max_size=300))
def test_any_bytes_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read_prepared(data, PreparedSignature)
