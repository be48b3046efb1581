"""Detached content that streams by: the same answers, in constant memory."""

import io
import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path

import pytest
from cms_pki import ECDSA, ED25519, INTL_ROOT, RSA, Foreigner
from hypothesis import given, settings
from hypothesis import strategies as st
from signing_pki import CA, EVIDENCE, NOON, ROOT, UNIT, Holder, trust

from signing import der, sm2
from signing.checks import Indication, Result, Verdict
from signing.cms import SignerVerdict, verify_signers
from signing.cms_signing import CmsForm, complete_cms, prepare_cms, prepare_cosignature
from signing.cms_streaming import DetachedVerifier, verify_stream
from signing.digests import Sm3, sm3
from signing.errors import LimitError, MalformedError
from signing.path import Purpose
from signing.sm2_diagnosis import wrong_seeds

CONTENT = bytes(range(256)) * 64
BOTH = trust(ROOT.certificate, INTL_ROOT.certificate)
BARE = CmsForm(attributes=False)
Signer = Holder | Foreigner


def _sign(signer: Signer = UNIT, form: CmsForm = CmsForm(), content: bytes = CONTENT) -> bytes:  # noqa: B008
    prepared = prepare_cms(content, signer.certificate, NOON, form=form)
    return complete_cms(prepared, signer.sign(prepared.to_be_signed))


def _stream(data: bytes, content: bytes = CONTENT, *, strict: bool = False) -> tuple[SignerVerdict, ...]:
    return verify_stream(
        data,
        io.BytesIO(content),
        anchors=BOTH,
        evidence=EVIDENCE,
        purpose=Purpose.LICENCE,
        at=NOON,
        strict=strict,
    )


def _results(verdict: Verdict) -> dict[str, Result]:
    asked = ("format", "digest", "signature")
    return {one.name: one.result for one in verdict.checks if one.name in asked}


@pytest.mark.parametrize("signer", [UNIT, RSA, ECDSA], ids=["SM2", "RSA", "ECDSA"])
@pytest.mark.parametrize("form", [CmsForm(), BARE], ids=["attributes", "none"])
def test_the_same_answers_as_over_the_whole(signer: Signer, form: CmsForm) -> None:
    data = _sign(signer, form)
    for content, ok in ((CONTENT, True), (CONTENT + b"\0", False), (b"", False)):
        (streamed,) = _stream(data, content)
        (whole,) = verify_signers(
            data,
            anchors=BOTH,
            evidence=EVIDENCE,
            purpose=Purpose.LICENCE,
            content=content,
            at=NOON,
            strict=False,
        )
        assert _results(streamed.verdict) == _results(whole.verdict)
        assert not set(streamed.verdict.failed) & {"digest", "signature"} if ok else streamed.verdict.failed


def test_strictly_messages_without_attributes_are_refused() -> None:
    assert _stream(_sign(form=BARE), strict=True)[0].verdict.failed == ["format"]
    assert _stream(_sign(), strict=True)[0].verdict.indication is Indication.TOTAL_PASSED


def test_ed25519_without_attributes_stays_open() -> None:
    (one,) = _stream(_sign(ED25519, BARE))
    assert _results(one.verdict)["signature"] is Result.UNKNOWN
    (one,) = _stream(_sign(ED25519))
    assert _results(one.verdict)["signature"] is Result.OK


def test_several_signers_with_and_without_attributes() -> None:
    data = _sign(form=BARE)
    for signer, form in ((RSA, BARE), (ECDSA, CmsForm()), (CA.issue("二", serial=7), BARE)):
        prepared = prepare_cosignature(data, signer.certificate, NOON, content=CONTENT, form=form)
        data = complete_cms(prepared, signer.sign(prepared.to_be_signed))
    found = _stream(data)
    assert len(found) == 4
    assert all(not {"digest", "signature"} & set(one.verdict.failed) for one in found)
    assert all({"digest", "signature"} & set(one.verdict.failed) for one in _stream(data, CONTENT[1:]))
    verifier = DetachedVerifier(data)
    assert len(verifier.signers) == 4
    with pytest.raises(MalformedError):
        verifier.finish(anchors=BOTH, evidence=EVIDENCE, purpose=Purpose.LICENCE, at=NOON)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=5000), max_size=8), st.sampled_from([CmsForm(), BARE]))
def test_pieces_of_any_size(pieces: list[bytes], form: CmsForm) -> None:
    content = b"1" + b"".join(pieces)
    verifier = DetachedVerifier(_sign(form=form, content=content))
    for piece in (b"", b"1", *pieces):
        verifier.update(memoryview(piece))
    verdict = verifier.finish(anchors=BOTH, evidence=EVIDENCE, purpose=Purpose.LICENCE, at=NOON, strict=False)
    assert verdict.indication is Indication.TOTAL_PASSED


def test_attributes_of_another_message_are_no_content() -> None:
    """The signed attributes of one message, streamed as the content of another that has none."""
    prepared = prepare_cms(CONTENT, UNIT.certificate, NOON)
    attributes = prepared.attributes
    forged = prepare_cms(attributes, UNIT.certificate, NOON, form=BARE)
    data = complete_cms(forged, UNIT.sign(attributes))
    for size in (1, 7, 1 << 20):
        verifier = DetachedVerifier(data)
        for at in range(0, len(attributes), size):
            verifier.update(attributes[at : at + size])
        verdict = verifier.finish(anchors=BOTH, evidence=EVIDENCE, purpose=Purpose.LICENCE, at=NOON, strict=False)
        assert verdict.failed == ["signature"]
    ordinary = b"1" + CONTENT
    assert _stream(_sign(form=BARE, content=ordinary), ordinary)[0].verdict.indication is Indication.TOTAL_PASSED


def test_wrong_rules_are_named_when_asked() -> None:
    for why, seed in wrong_seeds(UNIT.key.public):
        data = _with_signature(sm2.sign_digest(UNIT.key, sm3(seed, CONTENT)))
        verifier = DetachedVerifier(data, diagnosing=True)
        verifier.update(CONTENT)
        verdict = verifier.finish(anchors=BOTH, evidence=EVIDENCE, purpose=Purpose.LICENCE, at=NOON, strict=False)
        assert (verdict.failed, verdict.worst.why) == (["signature"], why)


def test_bytes_that_are_no_message() -> None:
    for data, error in ((b"", MalformedError), (b"\x30\0", MalformedError), (bytes((16 << 20) + 1), LimitError)):
        with pytest.raises(error):
            DetachedVerifier(data)


@pytest.mark.parametrize(
    "form", [CmsForm(), BARE, CmsForm(gm_types=True, algorithm="301.1", attributes=False)], ids=str
)
def test_memory_does_not_grow(form: CmsForm) -> None:
    content = bytes(1 << 20)
    data = _sign(form=form, content=content * 48)
    tracemalloc.start()
    verifier = DetachedVerifier(data)
    for _ in range(48):
        verifier.update(content)
    verdict = verifier.finish(anchors=BOTH, evidence=EVIDENCE, purpose=Purpose.LICENCE, at=NOON, strict=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert verdict.indication is Indication.TOTAL_PASSED
    assert peak < 8 << 20


@pytest.mark.slow
def test_a_gigabyte(tmp_path: Path) -> None:
    """One GiB on disk, a message without attributes: the process grows by less than 16 MiB."""
    content = tmp_path / "content"
    with content.open("wb") as file:
        file.truncate(1 << 30)
    seed = sm2.compute_z(UNIT.key.public)
    signature = sm2.sign_digest(UNIT.key, _sm3_of_zeros(seed, 1 << 30))
    message = tmp_path / "message"
    message.write_bytes(_with_signature(signature))
    certificates = tmp_path / "root"
    certificates.write_bytes(ROOT.certificate.der)
    script = textwrap.dedent("""
        import resource, sys
        from datetime import datetime, UTC
        from signing.cms_streaming import verify_stream
        from signing.path import Purpose, RevocationEvidence, TrustAnchors
        message = open(sys.argv[1], "rb").read()
        anchors = TrustAnchors("t", "1", True, ())
        def judge(path):
            with open(path, "rb") as stream:
                (one,) = verify_stream(message, stream, anchors=anchors, evidence=RevocationEvidence(),
                    purpose=Purpose.LICENCE, at=datetime(2026, 11, 20, 12, tzinfo=UTC), strict=False)
            return one.verdict.failed
        assert judge(sys.argv[3]) == ["signature"]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert judge(sys.argv[2]) == [], "1 GiB"
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """)
    done = subprocess.run(
        [sys.executable, "-c", script, message, content, certificates], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 16 << 10


def _sm3_of_zeros(seed: bytes, size: int) -> bytes:
    running, chunk = Sm3(seed), bytes(1 << 20)
    for _ in range(size >> 20):
        running.update(chunk)
    return running.digest()


def _with_signature(signature: bytes) -> bytes:
    """Make a detached message of one signer without attributes around any value."""
    prepared = prepare_cms(b"x", UNIT.certificate, NOON, form=BARE)
    made = complete_cms(prepared, UNIT.sign(b"x"))
    outer = list(der.read(made, limit=1 << 20).children())
    body = list(outer[1].inner(der.context(0)).children())
    info = [one.raw for one in body[-1].children()[0].children()]
    info[-1] = der.octet_string(signature)
    parts = [*(one.raw for one in body[:-1]), der.set_of(der.sequence(*info))]
    return der.sequence(outer[0].raw, der.explicit(0, der.sequence(*parts)))
