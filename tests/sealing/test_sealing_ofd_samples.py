"""Published OFD samples and vectors: what their manifests demand."""

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ofd_world import list_of, pack, plain

from sealing import ses
from sealing.errors import SealingError
from sealing.judging import Policy
from sealing.ofd import verify_ofd
from sealing.ofd_evidence import OfdEvidence, gather_ofd
from sealing.ofd_judging import judge_ofd_signature
from sealing.report import DocumentVerdict
from signing.certificates import Certificate, parse_certificate
from signing.checks import Indication, Result, SubIndication
from signing.errors import SigningError
from signing.key_files import read_key_file
from signing.path import Anchor, Purpose, TrustAnchors

pytestmark = pytest.mark.conformance

SHARED = Path(__file__).parents[2].parent / "shared"
SAMPLES, VECTORS = SHARED / "samples" / "verify", SHARED / "vectors"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
NOBODY = TrustAnchors("nobody", "1", sandbox=True, anchors=())


def judge(path: Path, trust: TrustAnchors = NOBODY, known: tuple[Certificate, ...] = ()) -> DocumentVerdict:
    return verify_ofd(path, anchors=trust, evidence=trust.evidence, at=NOW, known=known)


def cases() -> list[object]:
    manifest = SAMPLES / "MANIFEST.tsv"
    if not manifest.exists():
        return [pytest.param("MANIFEST.tsv", "there", id="the samples are missing")]
    with manifest.open(encoding="utf-8") as rows:
        wanted = [(row["file"], row["expected"]) for row in csv.DictReader(rows, delimiter="\t")]
    return [pytest.param(f, e, id=f) for f, e in wanted if f.endswith(".ofd")]


def word(verdict: DocumentVerdict) -> str:
    """Reduce an answer to the word of validation.md 5; an unknown authority is scored apart."""
    changes = [c for s in verdict.signatures for c in s.changes_after]
    match verdict.indication:
        case Indication.NO_SIGNATURE:
            return "NOSIG"
        case Indication.TOTAL_FAILED:
            return "MODIFIED" if any(not c.allowed for c in changes) else "FAIL"
        case Indication.INDETERMINATE if verdict.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND:
            return "PASS_WARN" if changes else "PASS"
        case Indication.TOTAL_PASSED:
            return "PASS_WARN" if changes or verdict.warnings else "PASS"
    return "INDETERMINATE"


@pytest.mark.parametrize(("name", "expected"), cases())
def test_samples(name: str, expected: str) -> None:
    try:
        answer = word(judge(SAMPLES / name))
    except (SealingError, SigningError):
        answer = "REFUSE"
    assert answer in (expected, *expected.split("_OR_"))


def results(verdict: DocumentVerdict, index: int = 0) -> dict[str, Result]:
    return {c.name: c.result for c in verdict.signatures[index].verdict.checks}


SOUND = ("structure", "references", "coverage", "format", "digest", "signature", "seal-signature", "certificate-list")


def pinned(name: str) -> TrustAnchors:
    """Trust the very maker and the very signer of the first seal in a package."""
    signed = ses.parse_signature(gather_ofd(VECTORS / "ofd" / name).signatures[0].message)
    maker, signer = parse_certificate(signed.statement.seal.certificate), parse_certificate(signed.certificate)
    anchors = (Anchor(maker, frozenset({Purpose.SEAL_MAKER})), Anchor(signer, frozenset({Purpose.LICENCE})))
    return replace(NOBODY, anchors=anchors)


def test_sound_but_out_of_its_time() -> None:
    verdict = judge(VECTORS / "ofd" / "SESV4SignDoc.ofd")
    assert {results(verdict)[name] for name in (*SOUND, "seal-file")} == {Result.OK}
    verdict = judge(VECTORS / "ofd" / "SESV4SignDoc.ofd", pinned("SESV4SignDoc.ofd"))
    assert verdict.indication is Indication.TOTAL_FAILED
    assert {"maker-validity", "seal-period", "validity"} <= set(verdict.signatures[0].verdict.failed)
    assert {results(verdict)[name] for name in (*SOUND, "seal-file")} == {Result.OK}


def test_whole_protected() -> None:
    verdict = judge(VECTORS / "ofd" / "allprotected.ofd")
    assert word(verdict) == "PASS"
    assert {results(verdict)[name] for name in (*SOUND, "closing")} == {Result.OK}


def test_the_second_seal_breaks_the_first() -> None:
    first, second = judge(VECTORS / "ofd" / "two_seals_second_breaks_first.ofd").signatures
    assert first.verdict.failed == ["references"]
    assert "Doc_0/Signs/Signatures.xml" in next(c.why for c in first.verdict.checks if c.name == "references")
    assert (second.indication, second.sub_indication) == (
        Indication.INDETERMINATE,
        SubIndication.NO_CERTIFICATE_CHAIN_FOUND,
    )


def test_a_bare_value() -> None:
    path = VECTORS / "ofd" / "DigitalSign_rawsig.ofd"
    unknown = judge(path)
    assert (unknown.indication, unknown.sub_indication) == (
        Indication.INDETERMINATE,
        SubIndication.NO_SIGNING_CERTIFICATE_FOUND,
    )
    certificates = read_key_file((VECTORS / "keys" / "USER.p12").read_bytes(), "777777").certificates
    known = judge(path, known=certificates)
    assert results(known)["signature"] is Result.OK
    assert word(known) == "PASS"


def test_the_signed_list_of_files() -> None:
    verdict = judge(VECTORS / "ofd" / "hello-integrity_gmt0099.ofd")
    assert verdict.signatures[0].profile == "GM/T 0099"
    sound = ("structure", "file-list", "format", "content", "digest", "signature")
    assert {results(verdict)[name] for name in sound} == {Result.OK}
    assert results(verdict)["coverage"] is Result.UNKNOWN  # names are signed, contents are not


@pytest.mark.parametrize("name", sorted(p.name for p in (VECTORS / "parts").glob("*")) or ["the parts are missing"])
def test_parts_of_production_files(tmp_path: Path, name: str) -> None:
    """Their pages were left out, so every reference is missing; all about the signature value itself is sound."""
    folder = VECTORS / "parts" / name
    document, value = ((folder / part).read_bytes() for part in ("Signature.xml", "SignedValue.dat"))
    where = document.split(b"SignedValue>")[1].split(b"<")[0].decode().strip("/")
    parts = plain()
    parts |= {
        "Doc_0/Signs/Signatures.xml": list_of(("1", "Seal", "/Doc_0/s.xml")),
        "Doc_0/s.xml": document,
        where: value,
    }
    path = tmp_path / "x.ofd"
    path.write_bytes(pack(parts))
    evidence: OfdEvidence = gather_ofd(path)
    report = judge_ofd_signature(evidence.signatures[0], evidence, Policy(NOBODY, NOBODY.evidence, NOW))
    assert [n for n in report.verdict.failed if n != "seal-file"] == ["references"]
    found = {c.name: c.result for c in report.verdict.checks}
    assert found["signature"] is found["digest"] is Result.OK
