"""PAdES at every level and in both suites, at once and in two steps, judged by the library and by our own judge."""

import os
import threading
from datetime import datetime
from pathlib import Path

import pytest
from signing_pades import ECDSA, GM, LATER, RSA, Suite, edit_pdf, png, write_pdf
from signing_pki import NOON

from sealing.verify import verify_pdf
from signing.checks import Indication
from signing.cms import parse_cms
from signing.der import read_prefix
from signing.errors import InvalidKeyError
from signing.pades import (
    Appearance,
    PreparedSignature,
    SignatureRequest,
)
from signing.pades_completing import complete_signature
from signing.pades_longterm import Level, read_levels
from signing.pades_preparing import prepare_signature
from signing.pades_signing import Lasting, sign_pdf
from signing.pades_validation import ask_library, ask_library_for_lasting
from signing.pades_writing import hash_document
from signing.pdf import find_signatures, hash_ranges
from signing.pdf_reading import open_pdf
from signing.signed_data import SIGNING_CERTIFICATE_V2, SIGNING_TIME

SUITES = [pytest.param(one, id=one.name) for one in (GM, RSA, ECDSA)]
REQUEST = SignatureRequest("Signature1", reason="投标文件签署", location="福州", name="某某建设有限公司")


def sign(source: Path, target: Path, suite: Suite = GM, level: Level = Level.B, **changes: object) -> Path:
    request = SignatureRequest(**{"field": "Signature1", **changes})  # type: ignore[arg-type]
    lasting = Lasting(level, suite, suite.data, anchors=suite.anchors, evidence=suite.evidence)
    sign_pdf(
        source,
        target,
        request,
        key=suite.key,
        certificate=suite.certificate,
        chain=suite.chain,
        at=NOON,
        random=os.urandom,
        lasting=lasting,
    )
    return target


def prepare(source: Path, target: Path, suite: Suite = GM, request: SignatureRequest = REQUEST) -> PreparedSignature:
    return prepare_signature(
        source,
        target,
        request,
        certificate=suite.certificate,
        chain=suite.chain,
        at=NOON,
        random=os.urandom,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_pdf(tmp_path / "source.pdf")


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("suite", SUITES)
def test_every_level_is_accepted_by_the_library_and_by_our_judge(source: Path, suite: Suite, level: Level) -> None:
    signed = sign(source, source.with_name("signed.pdf"), suite, level)
    assert [one.level for one in read_levels(signed)] == [level]
    opinions = ask_library(signed, roots=[suite.root.der], data=suite.data, at=LATER)
    assert [(one.intact, one.valid, one.trusted, one.accepted, one.fault) for one in opinions] == [
        (True, True, True, True, "")
    ] * (2 if level is Level.LTA else 1)
    verdict = verify_pdf(signed, anchors=suite.anchors, evidence=suite.evidence, at=LATER)
    assert verdict.indication is Indication.TOTAL_PASSED


@pytest.mark.parametrize("suite", SUITES)
def test_the_ades_engine_passes_an_archived_signature_with_what_is_in_the_file(source: Path, suite: Suite) -> None:
    signed = sign(source, source.with_name("signed.pdf"), suite, Level.LTA)
    assert ask_library_for_lasting(signed, "Signature1", roots=[suite.root.der], at=LATER) == "PASSED"


@pytest.mark.parametrize("suite", SUITES)
def test_what_is_written_is_pades_baseline(source: Path, suite: Suite) -> None:
    prepared = prepare(source, target := source.with_name("signed.pdf"), suite)
    complete_signature(target, prepared, suite.key.sign(prepared.to_be_signed))
    with open_pdf(target) as pdf:
        [found] = find_signatures(pdf)
    assert (found.sub_filter, found.defects, found.remarks) == ("/ETSI.CAdES.detached", (), ())
    assert found.claimed_time == NOON
    signer = parse_cms(read_prefix(found.contents, limit=1 << 20).raw).signer
    assert signer.digest == suite.digest
    assert SIGNING_CERTIFICATE_V2 in signer.attributes
    assert SIGNING_TIME not in signer.attributes  # EN 319 142-1: the claimed time stands in /M
    assert set(signer.unsigned) == set()


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(b"1 0 0 rg 0 0 60 20 re f", id="operators"),
        pytest.param(png(), id="PNG"),
        pytest.param(None, id="PDF page"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_visible_signatures(source: Path, draw: bytes | None, rotate: int) -> None:
    page = write_pdf(source, rotate=rotate).read_bytes() if draw is None else draw
    shown = Appearance(2, (100, 100, 220, 160), page)
    write_pdf(source, pages=3, rotate=rotate)
    signed = sign(source, source.with_name("signed.pdf"), level=Level.T, appearance=shown)
    with open_pdf(signed) as pdf:
        assert [one.page for one in find_signatures(pdf)] == [2]
    assert ask_library(signed, roots=[GM.root.der], data=GM.data, at=LATER)[0].accepted


def test_a_visible_picture_is_seen_upright(source: Path) -> None:
    """The left half of the picture is red, and the page is turned: it must be red on the left as displayed."""
    import pypdfium2  # noqa: PLC0415

    write_pdf(source, rotate=90)
    draw = b"1 0 0 rg 0 0 30 40 re f 0 1 0 rg 30 0 30 40 re f"
    signed = sign(source, source.with_name("signed.pdf"), appearance=Appearance(1, (100, 100, 140, 160), draw))
    document = pypdfium2.PdfDocument(signed)
    document.init_forms()
    picture = document[0].render(scale=1).to_pil().convert("RGB")
    document.close()
    # turned clockwise by 90: x as displayed is y in user space, y as displayed is x
    assert picture.getpixel((110, 120)) == (255, 0, 0)
    assert picture.getpixel((150, 120)) == (0, 255, 0)


def test_an_existing_field_is_filled_with_its_lock(source: Path) -> None:
    from pyhanko.sign.fields import (  # noqa: PLC0415
        FieldMDPAction,
        FieldMDPSpec,
        SigFieldSpec,
        append_signature_field,
    )

    lock = FieldMDPSpec(FieldMDPAction.INCLUDE, fields=["Other"])
    spec = SigFieldSpec("Prepared", on_page=0, box=(10, 10, 60, 40), field_mdp_spec=lock)
    edit_pdf(source, lambda writer: append_signature_field(writer, spec))
    signed = sign(source, source.with_name("signed.pdf"), field="Prepared")
    assert b"/FieldMDP" in signed.read_bytes()
    assert ask_library(signed, roots=[GM.root.der], data=GM.data, at=LATER)[0].accepted


@pytest.mark.parametrize("xref_streams", [True, False], ids=["cross-reference stream", "cross-reference table"])
def test_both_kinds_of_cross_references(source: Path, xref_streams: bool) -> None:
    write_pdf(source, xref_streams=xref_streams)
    signed = sign(source, source.with_name("signed.pdf"), level=Level.LTA)
    assert all(one.accepted for one in ask_library(signed, roots=[GM.root.der], data=GM.data, at=LATER))


def test_source_and_earlier_bytes_stay(source: Path) -> None:
    before = source.read_bytes()
    signed = sign(source, source.with_name("signed.pdf"), level=Level.LTA)
    assert source.read_bytes() == before
    assert signed.read_bytes().startswith(before)
    assert {path.name for path in source.parent.iterdir()} == {"source.pdf", "signed.pdf"}


def test_a_signed_copy_may_replace_its_source(source: Path) -> None:
    sign(source, source, level=Level.T)
    assert [one.level for one in read_levels(source)] == [Level.T]


def test_same_randomness_and_signature_give_the_same_file(source: Path) -> None:
    """No clock and no randomness of the machine gets into the file."""
    made = []
    for name in ("one.pdf", "two.pdf"):
        prepared = prepare_signature(
            source, source.with_name(name), REQUEST, certificate=RSA.certificate, at=NOON, random=bytes
        )
        complete_signature(source.with_name(name), prepared, RSA.key.sign(prepared.to_be_signed))
        made.append(source.with_name(name).read_bytes())
    assert made[0] == made[1]


def test_reading_is_one_copy_and_one_pass(source: Path) -> None:
    """What the process reads: the copy inside the kernel, and one pass of hashing; B-LTA goes on from there."""
    write_pdf(source, padding=24 << 20)
    size = source.stat().st_size
    sign(source, source.with_name("warm.pdf"), level=Level.LTA)
    for level in (Level.B, Level.T, Level.LTA):
        before = _bytes_read()
        sign(source, source.with_name("signed.pdf"), level=level)
        assert _bytes_read() - before < 2.1 * size


def _bytes_read() -> int:
    return int(Path("/proc/self/io").read_text("ascii").split("rchar:")[1].split()[0])


def test_hashing_lets_other_threads_go_on(source: Path) -> None:
    write_pdf(source, padding=24 << 20)
    size, stop, ticks = source.stat().st_size, threading.Event(), [0]

    def count() -> None:
        while not stop.is_set():
            ticks[0] += 1

    with source.open("rb") as stream:
        thread = threading.Thread(target=count)
        thread.start()
        try:
            before = ticks[0]
            hash_document(stream, (0, size - 10, size, 0), "sm3")
            during = ticks[0] - before
        finally:
            stop.set()
            thread.join()
    assert during > 1000


def test_known_state_answers_as_a_whole_pass(source: Path) -> None:
    with source.open("rb") as stream:
        size = source.stat().st_size
        _, known = hash_document(stream, (0, 100, 120, size - 120), "sm3")
        second = (0, 300, 320, size - 320)
        assert hash_document(stream, second, "sm3", known)[0] == hash_ranges(stream, second, "sm3")
        assert hash_document(stream, second, "sha256", known)[0] == hash_ranges(stream, second, "sha256")


def test_a_key_of_another_certificate_is_refused(source: Path) -> None:
    with pytest.raises(InvalidKeyError):
        sign_pdf(
            source,
            source.with_name("signed.pdf"),
            REQUEST,
            key=RSA.key,
            certificate=GM.certificate,
            at=NOON,
            random=os.urandom,
        )
    assert not source.with_name("signed.pdf").exists()


def test_times_need_a_zone(source: Path) -> None:
    with pytest.raises(Exception, match="zone"):
        prepare_signature(
            source,
            source.with_name("signed.pdf"),
            REQUEST,
            certificate=GM.certificate,
            at=datetime(2026, 11, 20),
            random=os.urandom,
        )
