"""Timestamps: what our authority says, what others' authorities say, and that no byte of it can change."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing_pki import (
    CA,
    CRLS,
    DAY,
    EVIDENCE,
    NOON,
    POLICY,
    ROOT,
    TRUST,
    TSA,
    UNIT,
    VECTORS,
    make_root,
    read_pem,
    token,
    trust,
)

from signing import der
from signing.certificates import parse_certificate
from signing.checks import Indication, SubIndication, Verdict
from signing.digests import sm3
from signing.errors import MalformedError, SigningError, TimestampError
from signing.issuing import Revocation
from signing.path import RevocationEvidence, TrustAnchors
from signing.signed_data import (
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    SIGNING_CERTIFICATE_V2,
    TST_INFO,
    encode_attributes,
    encode_signed_data,
    signing_certificate_v2,
)
from signing.timestamps import (
    Stamp,
    build_refusal,
    build_request,
    build_response,
    make_token,
    parse_request,
    parse_response,
    parse_token,
    verify_token,
)

IMPRINT = sm3(b"tender")
TOKEN = token(IMPRINT)


def _verify(
    data: bytes = TOKEN,
    *,
    imprint: bytes = IMPRINT,
    anchors: TrustAnchors = TRUST,
    evidence: RevocationEvidence = EVIDENCE,
) -> Verdict:
    return verify_token(data, imprint=imprint, anchors=anchors, evidence=evidence)


def test_a_good_token() -> None:
    parsed = parse_token(TOKEN)
    assert (parsed.gen_time, parsed.imprint, parsed.digest_algorithm) == (NOON, IMPRINT, "sm3")
    assert (parsed.serial, parsed.policy, parsed.nonce, parsed.certificate) == ("37", POLICY, 7, TSA.certificate)
    assert _verify().indication is Indication.TOTAL_PASSED
    der.require_der(TOKEN, limit=1 << 16)


def test_milliseconds_are_kept() -> None:
    at = NOON.replace(microsecond=123_000)
    assert parse_token(token(IMPRINT, at=at)).gen_time == at


@pytest.mark.parametrize("bit", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 8))])
def test_no_changed_byte_ever_passes(bit: int) -> None:
    """Flip one bit in every byte of a token, outside and inside of what is signed."""
    for at in range(len(TOKEN)):
        changed = bytearray(TOKEN)
        changed[at] ^= 1 << (at + bit) % 8
        assert _verify(bytes(changed)).indication is not Indication.TOTAL_PASSED, f"byte {at}"


@pytest.mark.parametrize("at", range(0, len(TOKEN), 101))
def test_no_inserted_or_missing_byte_ever_passes(at: int) -> None:
    assert _verify(TOKEN[:at] + b"\0" + TOKEN[at:]).failed
    assert _verify(TOKEN[:at] + TOKEN[at + 1 :]).failed
    assert _verify(TOKEN[:at]).failed


def test_a_token_of_something_else() -> None:
    verdict = _verify(imprint=sm3(b"another tender"))
    assert verdict.failed == ["timestamp-imprint"]
    assert verdict.worst.code == "TST_BAD"


def _indefinite(data: bytes) -> bytes:
    body = der.read(data, limit=1 << 16).body
    return b"\x30\x80" + body + b"\0\0"


def _with(
    *,
    certificates: tuple[bytes, ...] = (),
    unsigned: bytes = b"",
    drop: str = "",
    content: bytes | None = None,
    content_type: str = TST_INFO,
) -> bytes:
    """Make a token by hand, with one thing wrong."""
    info = Stamp(IMPRINT, 55, NOON, POLICY).encode() if content is None else content
    attributes = {
        CONTENT_TYPE: der.oid(content_type),
        MESSAGE_DIGEST: der.octet_string(sm3(info)),
        SIGNING_CERTIFICATE_V2: signing_certificate_v2(TSA.certificate),
    }
    attributes.pop(drop, None)
    signed = encode_attributes(attributes)
    loose = {"1.2.3.4": unsigned} if unsigned else None
    extra = [parse_certificate(one) for one in certificates]
    return encode_signed_data(
        signed, TSA.certificate, TSA.sign(signed), content_type=TST_INFO, content=info, chain=extra, unsigned=loose
    )


@pytest.mark.parametrize(
    ("data", "failed"),
    [
        pytest.param(_with(), [], id="nothing wrong"),
        pytest.param(_with(certificates=(CA.certificate.der, ROOT.certificate.der)), [], id="with its issuers"),
        pytest.param(
            _with(certificates=(make_root("陌生").certificate.der,)), [], id="with a stranger that is sound in itself"
        ),
        pytest.param(_with(unsigned=b"\x05\0"), ["timestamp-format"], id="an unsigned attribute"),
        pytest.param(_with(drop=SIGNING_CERTIFICATE_V2), ["timestamp-certificate"], id="no ESSCertID"),
        pytest.param(_with(drop=CONTENT_TYPE), ["timestamp-format"], id="no contentType"),
        pytest.param(_with(drop=MESSAGE_DIGEST), ["timestamp-format"], id="no messageDigest"),
        pytest.param(_with(content_type="1.2.840.113549.1.7.1"), ["timestamp-format"], id="another contentType"),
        pytest.param(_with(content=b"\x30\0"), ["timestamp-format"], id="no TSTInfo inside"),
        pytest.param(_indefinite(TOKEN), ["timestamp-format"], id="BER lengths"),
        pytest.param(TOKEN + b"\0", ["timestamp-format"], id="trailing byte"),
        pytest.param(b"", ["timestamp-format"], id="nothing"),
    ],
)
def test_forms(data: bytes, failed: list[str]) -> None:
    assert _verify(data).failed == failed


def test_two_signers_are_refused() -> None:
    outer = der.read(TOKEN, limit=1 << 16)
    body = outer.children()[1].inner(der.context(0))
    parts = [child.raw for child in body.children()]
    infos = der.read(parts[-1], limit=1 << 16)
    parts[-1] = der.tlv(der.SET, infos.body, infos.body)
    data = der.sequence(outer.children()[0].raw, der.explicit(0, der.sequence(*parts)))
    assert _verify(data).failed == ["timestamp-format"]


@pytest.mark.parametrize(
    ("verdict", "unknown"),
    [
        pytest.param(
            lambda: _verify(anchors=trust(make_root("别的根").certificate)),
            {"CHAIN_NONE", "REV_UNKNOWN"},
            id="no anchor",
        ),
        pytest.param(lambda: _verify(evidence=RevocationEvidence()), {"REV_UNKNOWN"}, id="no list"),
        pytest.param(lambda: _verify(evidence=_revoked()), {"REVOKED_BEFORE"}, id="authority revoked before"),
        pytest.param(lambda: _verify(token(IMPRINT, holder=UNIT)), {"CHAIN_BAD"}, id="not a timestamp certificate"),
        pytest.param(
            lambda: _verify(token(IMPRINT, at=NOON + 60 * DAY)), {"OUTSIDE", "REV_UNKNOWN"}, id="authority expired"
        ),
    ],
)
def test_a_doubtful_authority_leaves_the_time_unproven(verdict: Callable[[], Verdict], unknown: set[str]) -> None:
    found = verdict()
    assert found.indication is Indication.INDETERMINATE
    assert {check.code for check in found.checks if check.name in found.unknown} == unknown


def _revoked() -> RevocationEvidence:
    return RevocationEvidence.of(CRLS[0], CA.crl(Revocation(101, NOON - DAY)))


def test_requests_and_answers() -> None:
    request = parse_request(build_request(IMPRINT, 2**63 + 5))
    assert (request.imprint, request.digest_algorithm, request.nonce) == (IMPRINT, "sm3", 2**63 + 5)
    assert (request.policy, request.wants_certificate) == ("", True)
    assert parse_response(build_response(TOKEN), IMPRINT, 7) == TOKEN


@pytest.mark.parametrize(
    ("answer", "imprint", "nonce", "error"),
    [
        pytest.param(build_refusal(2, "不"), IMPRINT, 7, TimestampError, id="refused"),
        pytest.param(build_response(TOKEN), sm3(b"x"), 7, TimestampError, id="another imprint"),
        pytest.param(build_response(TOKEN), IMPRINT, 8, TimestampError, id="another nonce"),
        pytest.param(build_response(token(IMPRINT, nonce=None)), IMPRINT, 7, TimestampError, id="no nonce"),
        pytest.param(b"<html>", IMPRINT, 7, MalformedError, id="a web page"),
        pytest.param(der.sequence(der.sequence(der.integer(0))), IMPRINT, 7, MalformedError, id="granted, no token"),
        pytest.param(build_response(b"\x30\0"), IMPRINT, 7, MalformedError, id="granted, empty token"),
    ],
)
def test_answers_to_another_question(answer: bytes, imprint: bytes, nonce: int, error: type[SigningError]) -> None:
    with pytest.raises(error):
        parse_response(answer, imprint, nonce)


@given(st.binary(max_size=300))
def test_noise_is_refused(data: bytes) -> None:
    assert _verify(data).failed == ["timestamp-format"]
    with pytest.raises(SigningError):
        parse_request(data)
    with pytest.raises(SigningError):
        parse_response(data, IMPRINT, 1)


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("reply", "folder"),
    [
        pytest.param("tsp/resp_sm3.tsr", "tsp", id="ESSCertIDv2 with SM3"),
        pytest.param("interop/bouncycastle/resp_sm3.tsr", "interop/openssl", id="BouncyCastle, SM3"),
        pytest.param("interop/bouncycastle/resp_sha1.tsr", "interop/openssl", id="BouncyCastle, ESSCertID with SHA-1"),
    ],
)
def test_tokens_of_another_authority(reply: str, folder: str) -> None:
    request = parse_request((VECTORS / folder / "req.tsq").read_bytes())
    imprint = sm3((VECTORS / "interop/openssl/msg.txt").read_bytes())
    assert request.imprint == imprint
    assert request.nonce is not None
    data = parse_response((VECTORS / reply).read_bytes(), imprint, request.nonce)
    (root,) = read_pem(VECTORS / folder / "ca.crt")
    verdict = _verify(data, imprint=imprint, anchors=replace(trust(root), issuers=()), evidence=RevocationEvidence())
    assert (verdict.failed, verdict.unknown) == ([], ["timestamp-revocation"]), verdict
    assert verdict.sub_indication is SubIndication.TRY_LATER


def test_accuracy_is_written_in_seconds_and_milliseconds() -> None:
    made = make_token(Stamp(IMPRINT, 1, NOON, POLICY, accuracy_ms=1500), TSA.certificate, TSA.sign)
    assert _verify(made).indication is Indication.TOTAL_PASSED
    assert der.sequence(der.integer(1), der.tlv(0x80, b"\x01\xf4")) in made


@pytest.mark.interop
def test_openssl_reads_our_token_and_we_read_its_query(tmp_path: Path) -> None:
    (tmp_path / "reply").write_bytes(build_response(TOKEN))
    (tmp_path / "data").write_bytes(b"tender")
    reply = _openssl("ts", "-reply", "-in", tmp_path / "reply", "-text")
    assert "Hash Algorithm: sm3" in reply
    assert "Nov 20 12:00:00 2026 GMT" in reply
    _openssl("ts", "-query", "-data", tmp_path / "data", "-sm3", "-cert", "-out", tmp_path / "query")
    request = parse_request((tmp_path / "query").read_bytes())
    assert (request.imprint, request.wants_certificate) == (IMPRINT, True)


def _openssl(*arguments: str | Path) -> str:
    ran = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
