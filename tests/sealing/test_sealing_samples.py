"""Published samples and vectors: one word for each file, as their manifests demand."""

import base64
import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sealing import ses
from sealing.errors import SealingError
from sealing.report import DocumentVerdict
from sealing.verify import verify_esl, verify_pdf
from signing.certificates import parse_certificate
from signing.checks import Indication, SubIndication
from signing.errors import SigningError
from signing.path import Anchor, Purpose, TrustAnchors

pytestmark = pytest.mark.conformance

SHARED = Path(__file__).parents[2].parent / "shared"
SAMPLES, VECTORS = SHARED / "samples" / "verify", SHARED / "vectors"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
NOBODY = TrustAnchors("nobody", "1", sandbox=True, anchors=())
ENDLESS: set[str] = set()  # files bounded only by the limits of the caller's child process


def cases() -> list[object]:
    manifest = SAMPLES / "MANIFEST.tsv"
    if not manifest.exists():
        return [pytest.param("MANIFEST.tsv", "there", id="the samples are missing")]
    with manifest.open(encoding="utf-8") as rows:
        wanted = [(row["file"], row["expected"]) for row in csv.DictReader(rows, delimiter="\t")]
    judged = [(f, e) for f, e in wanted if not f.endswith(".ofd") and f not in ENDLESS]
    return [pytest.param(f, e, id=f) for f, e in judged]


def word(verdict: DocumentVerdict) -> str:
    """Reduce an answer to the word of validation.md 5; an unknown authority is scored apart."""
    changes = [c for s in verdict.signatures for c in s.changes_after]
    unknown = verdict.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND
    match verdict.indication:
        case Indication.NO_SIGNATURE:
            return "NOSIG"
        case Indication.TOTAL_FAILED:
            return "MODIFIED" if any(not c.allowed for c in changes) else "FAIL"
        case Indication.INDETERMINATE if unknown:
            return "PASS_WARN" if changes else "PASS"
        case Indication.TOTAL_PASSED:
            return "PASS_WARN" if changes or verdict.warnings else "PASS"
    return "INDETERMINATE"


@pytest.mark.parametrize(("name", "expected"), cases())
def test_samples(name: str, expected: str) -> None:
    path = SAMPLES / name
    try:
        if path.suffix == ".esl":
            verdict = verify_esl(path.read_bytes(), anchors=NOBODY, evidence=NOBODY.evidence, at=NOW)
        else:
            verdict = verify_pdf(path, anchors=NOBODY, evidence=NOBODY.evidence, at=NOW)
        answer = word(verdict)
    except (SealingError, SigningError):
        answer = "REFUSE"
    assert answer == expected or answer in expected.split("_OR_")


def pem(name: str) -> bytes:
    text = (VECTORS / name).read_text("ascii").split("-----")[2]
    return base64.b64decode("".join(text.split()))


def lab() -> TrustAnchors:
    anchor = Anchor(parse_certificate(pem("interop/openssl/ca.crt")), frozenset(Purpose))
    return TrustAnchors("lab", "1", sandbox=True, anchors=(anchor,), crls=(pem("interop/openssl/crl.pem"),))


@pytest.mark.parametrize(
    ("name", "profile", "failed"),
    [
        ("GM_sm2seal_sesv4", "SES-v4", ["digest"]),
        ("DJ_GMPkiLite_GM_sm2cms", "GM-CMS", ["content"]),
        ("adbe_pkcs7_detached_sm2_501", "PKCS7", ["digest"]),
    ],
)
def test_the_layouts_of_the_field(name: str, profile: str, failed: list[str]) -> None:
    trust = lab()
    good, bad = (
        verify_pdf(VECTORS / "pdf_synth" / f"{name}{suffix}.pdf", anchors=trust, evidence=trust.evidence, at=NOW)
        for suffix in ("", "_tampered")
    )
    assert (good.indication, good.signatures[0].profile) == (Indication.TOTAL_PASSED, profile)
    assert (bad.indication, bad.signatures[0].verdict.failed) == (Indication.TOTAL_FAILED, failed)


def pinned(seal: bytes) -> TrustAnchors:
    """Trust the very maker of a seal."""
    maker = parse_certificate(ses.parse_seal(seal).certificate)
    return replace(NOBODY, anchors=(Anchor(maker, frozenset({Purpose.SEAL_MAKER})),))


@pytest.mark.parametrize(
    ("name", "at", "failed"),
    [
        pytest.param("UserV1.esl", datetime(2021, 1, 1, tzinfo=UTC), [], id="v1 in its time"),
        pytest.param("UserV4.esl", datetime(2021, 1, 1, tzinfo=UTC), [], id="v4 in its time"),
        pytest.param("UserV4.esl", NOW, ["maker-validity", "seal-period"], id="v4 expired"),
        pytest.param("UserV5.esl", NOW, ["maker-validity"], id="v5 is judged as of createDate"),
        pytest.param(
            "SESealData_gif_ext_badsig.der", datetime(2021, 1, 1, tzinfo=UTC), ["seal-signature"], id="badly signed"
        ),
    ],
)
def test_published_seals(name: str, at: datetime, failed: list[str]) -> None:
    data = (VECTORS / "esl" / name).read_bytes()
    trust = pinned(data)
    verdict = verify_esl(data, anchors=trust, evidence=trust.evidence, at=at)
    assert [
        n for n in verdict.signatures[0].verdict.failed if n != "maker-validity" or "maker-validity" in failed
    ] == failed
