"""OCSP: asked and answered in both suites, by the CA or whom it authorised, judged, and refused for every reason."""

import re
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as pyca
from hypothesis import given, settings
from hypothesis import strategies as st
from signing_pki import DAY, NOON, VECTORS, read_pem
from signing_suites import Party, make_root, write_pem

from signing import der
from signing.certificates import OCSP_SIGNING
from signing.checks import Indication
from signing.errors import LimitError, MalformedError, SigningError, UnsupportedAlgorithmError
from signing.issuing import ENCRYPTION, Revocation
from signing.issuing_extensions import Extras, encode_extension
from signing.ocsp import (
    MAX_OCSP,
    CertId,
    SingleStatus,
    build_ocsp_failure,
    build_ocsp_request,
    build_ocsp_response,
    parse_ocsp,
    parse_ocsp_request,
)
from signing.path import Anchor, Purpose, RevocationEvidence, TrustAnchors, verify_path
from signing.revocation import parse_crl
from signing.revocation_status import check_revocation

KINDS = ("sm2", "p256", "rsa")
HOUR = DAY / 24
CA = make_root("CA")
LEAF = CA.issue("叶")
RESPONDER = CA.issue_responder()
WATCHED = CA.issue_responder(extras=Extras())
"""A responder whose own status has to be known."""


def _status(word: str = "good", issuer: Party = CA, *, digest: str = "sm3", **fields: Any) -> SingleStatus:
    usual: dict[str, Any] = {"this_update": NOON - HOUR, "next_update": NOON + HOUR} | fields
    return SingleStatus(CertId.of(100, issuer.certificate, digest), word, **usual)  # type: ignore[arg-type]


def _revoked(at: datetime, reason: str = "keyCompromise", **fields: Any) -> SingleStatus:
    return _status("revoked", revoked_at=at, reason=reason, **fields)


def _ask(
    *responses: bytes, crls: tuple[bytes, ...] = (), at: datetime = NOON, issuer: Party = CA, leaf: Party = LEAF
) -> tuple[str, str]:
    found = check_revocation(
        leaf.certificate,
        issuer.certificate,
        crls=[parse_crl(one) for one in crls],
        ocsps=[parse_ocsp(one) for one in responses],
        at=at,
    )
    return found.code, found.why


@pytest.mark.parametrize("by_key", [False, True], ids=["by name", "by key"])
@pytest.mark.parametrize("digest", ["sm3", "sha256", "sha1"])
@pytest.mark.parametrize("kind", KINDS)
def test_answers_of_every_suite(kind: str, digest: str, by_key: bool) -> None:
    ca = make_root("CA", kind)
    leaf, responder = ca.issue("叶"), ca.issue_responder(kind)
    for by in (ca, responder):
        answer = by.answer(ca.certificate, _status(issuer=ca, digest=digest), by_key=by_key)
        assert _ask(answer, issuer=ca, leaf=leaf)[0] == "REVOCATION"
        gone = by.answer(ca.certificate, _revoked(NOON, issuer=ca, digest=digest), by_key=by_key)
        assert _ask(gone, issuer=ca, leaf=leaf)[0] == "REVOKED_BEFORE"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        pytest.param(_status(), "REVOCATION", id="good"),
        pytest.param(_revoked(NOON - DAY), "REVOKED_BEFORE", id="revoked before"),
        pytest.param(_revoked(NOON), "REVOKED_BEFORE", id="in that second"),
        pytest.param(_revoked(NOON + HOUR), "REVOKED_AFTER", id="revoked after"),
        pytest.param(_status("unknown"), "REV_UNKNOWN", id="unknown"),
        pytest.param(_status(next_update=NOON), "REV_UNKNOWN", id="outdated"),
        pytest.param(_status(next_update=None), "REV_UNKNOWN", id="an hour old, without next update"),
        pytest.param(_status(this_update=NOON - HOUR / 12, next_update=None), "REVOCATION", id="five minutes old"),
        pytest.param(_status(this_update=NOON, next_update=NOON), "REVOCATION", id="of that second"),
        pytest.param(_status(next_update=NOON - 2 * HOUR), "REV_UNKNOWN", id="next update before this one"),
        pytest.param(_revoked(NOON - DAY, next_update=NOON - HOUR / 2), "REVOKED_BEFORE", id="revoked, outdated"),
    ],
)
def test_one_answer(status: SingleStatus, code: str) -> None:
    assert _ask(RESPONDER.answer(CA.certificate, status, at=NOON))[0] == code


def test_an_answer_made_later_is_good_for_earlier() -> None:
    later = _status(this_update=NOON + 9 * DAY, next_update=NOON + 10 * DAY)
    assert _ask(RESPONDER.answer(CA.certificate, later, at=NOON + 9 * DAY))[0] == "REVOCATION"


def test_an_answer_after_the_certificate_expired_needs_an_archive() -> None:
    late = NOON + 40 * DAY
    long_lived = CA.issue_responder(not_after=NOON + 90 * DAY)
    status = _status(this_update=late, next_update=late + DAY)
    assert _ask(long_lived.answer(CA.certificate, status, at=late))[0] == "REV_UNKNOWN"
    kept = parse_ocsp(long_lived.answer(CA.certificate, status, at=late))
    kept = replace(kept, statuses=(replace(kept.statuses[0], archive_cutoff=NOON),))
    assert check_revocation(LEAF.certificate, CA.certificate, crls=(), ocsps=[kept], at=NOON).code == "REVOCATION"


def test_reason_and_date_are_told() -> None:
    _, why = _ask(RESPONDER.answer(CA.certificate, _revoked(NOON - DAY, "cessationOfOperation")))
    assert "2026-11-19 12:00:00 UTC，cessationOfOperation" in why


STRANGER = make_root("别")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(STRANGER.answer(CA.certificate, _status()), "不是由该签发机构授权", id="another CA"),
        pytest.param(
            STRANGER.issue_responder().answer(CA.certificate, _status()), "不是由该签发机构授权", id="of another CA"
        ),
        pytest.param(
            make_root("CA", "sm2:false").issue_responder().answer(CA.certificate, _status()),
            "证书的签名值不正确",
            id="of one with the same name",
        ),
        pytest.param(LEAF.answer(CA.certificate, _status()), "没有注明可作 OCSP", id="without the usage"),
        pytest.param(
            CA.issue_responder(key_usage=ENCRYPTION).answer(CA.certificate, _status()),
            "没有注明可作 OCSP",
            id="an encryption certificate",
        ),
        pytest.param(
            CA.issue_responder(not_after=NOON - DAY).answer(CA.certificate, _status()), "不在有效期内", id="expired"
        ),
        pytest.param(
            CA.issue_responder(not_before=NOON).answer(CA.certificate, _status()), "不在有效期内", id="not yet valid"
        ),
        pytest.param(
            RESPONDER.answer(CA.certificate, _status(), certificates=()), "没有应答者证书", id="no certificate"
        ),
        pytest.param(
            Party(RESPONDER.certificate, LEAF.key).answer(CA.certificate, _status()), "签名值不正确", id="another key"
        ),
        pytest.param(
            Party(CA.certificate, LEAF.key).answer(CA.certificate, _status()), "签名值不正确", id="not the CA's key"
        ),
        pytest.param(
            CA.issue_responder(
                extras=Extras(ocsp_nocheck=True, raw=(encode_extension("1.2.9", b"\5\0", critical=True),))
            ).answer(CA.certificate, _status()),
            "关键扩展 1.2.9",
            id="unknown critical extension",
        ),
        pytest.param(
            RESPONDER.answer(CA.certificate, _status(this_update=NOON + HOUR)), "前后矛盾", id="made before it was true"
        ),
        pytest.param(WATCHED.answer(CA.certificate, _status()), "无法确认 OCSP 应答者证书", id="status not known"),
        pytest.param(RESPONDER.answer(CA.certificate, _status("unknown")), "不知道该证书", id="unknown"),
    ],
)
def test_answers_that_count_for_nothing(answer: bytes, words: str) -> None:
    code, why = _ask(answer)
    assert code == "REV_UNKNOWN"
    assert words in why


@pytest.mark.parametrize(
    "cert_id",
    [
        pytest.param(CertId.of(101, CA.certificate), id="another serial"),
        pytest.param(CertId.of(100, STRANGER.certificate), id="another issuer"),
        pytest.param(replace(CertId.of(100, CA.certificate), key_hash=bytes(20)), id="another key of the issuer"),
    ],
)
def test_answers_about_others_say_nothing(cert_id: CertId) -> None:
    status = SingleStatus(cert_id, "revoked", NOON - HOUR, NOON + HOUR, NOON - DAY)
    assert _ask(RESPONDER.answer(CA.certificate, status))[0] == "REV_UNKNOWN"


def test_the_status_of_the_responder_itself() -> None:
    answer = WATCHED.answer(CA.certificate, _status())
    assert _ask(answer, crls=(CA.crl(),))[0] == "REVOCATION"
    for responder in (WATCHED, RESPONDER):
        gone = CA.crl(Revocation(300, NOON + DAY), next_update=NOON - HOUR)
        code, why = _ask(responder.answer(CA.certificate, _status()), crls=(gone,))
        assert (code, "应答者证书 OCSP 已被吊销" in why) == ("REV_UNKNOWN", True)


def test_lists_and_answers_together() -> None:
    good, gone = RESPONDER.answer(CA.certificate, _status()), RESPONDER.answer(CA.certificate, _revoked(NOON - DAY))
    assert _ask(good, crls=(CA.crl(Revocation(100, NOON - DAY)),))[0] == "REVOKED_BEFORE"
    assert _ask(gone, crls=(CA.crl(),))[0] == "REVOKED_BEFORE"
    held = CA.crl(Revocation(100, NOON - 5 * DAY, "certificateHold"), this_update=NOON - DAY)
    assert _ask(good, crls=(held,))[0] == "REVOCATION"  # lifted since
    on_hold = RESPONDER.answer(CA.certificate, _revoked(NOON - DAY, "certificateHold"))
    assert _ask(on_hold, crls=(CA.crl(),))[0] == "REVOKED_BEFORE"
    assert _ask(on_hold, crls=(CA.crl(this_update=NOON),))[0] == "REVOCATION"


def test_a_path_judged_by_answers_alone() -> None:
    root = make_root("顶", "rsa")
    ca = root.issue_authority("中", "p256")
    leaf, below = ca.issue("叶"), ca.issue_responder("p256")
    anchors = TrustAnchors("t", "1", sandbox=True, anchors=(Anchor(root.certificate, frozenset(Purpose)),))
    good = [root.answer(root.certificate, 2), below.answer(ca.certificate, 100)]
    for ocsps, indication, code in (
        (good, Indication.TOTAL_PASSED, ""),
        (good[:1], Indication.INDETERMINATE, "REV_UNKNOWN"),
        (good[1:], Indication.INDETERMINATE, "REV_UNKNOWN"),
    ):
        verdict = verify_path(
            leaf.certificate,
            anchors=anchors,
            evidence=RevocationEvidence.of() + RevocationEvidence.of(ocsps=ocsps),
            at=NOON,
            purpose=Purpose.LICENCE,
            extra=[ca.certificate],
        )
        assert (verdict.indication, verdict.worst.code if code else "") == (indication, code)


# Forms


def test_requests_come_back() -> None:
    ids = tuple(CertId.of(n, CA.certificate, digest) for n, digest in enumerate(("sm3", "sha1", "sha256"), 5))
    for nonce in (b"", bytes(range(32))):
        data = build_ocsp_request(ids, nonce=nonce)
        assert (parse_ocsp_request(data).cert_ids, parse_ocsp_request(data).nonce) == (ids, nonce)
        der.require_der(data, limit=MAX_OCSP)


def test_responses_come_back() -> None:
    statuses = (_status(), _revoked(NOON, "superseded"), _revoked(NOON, "unspecified"), _status("unknown"))
    data = RESPONDER.answer(CA.certificate, *statuses, nonce=b"n" * 16)
    read = parse_ocsp(data)
    assert (read.answer, read.statuses, read.nonce) == ("successful", statuses, b"n" * 16)
    assert read.certificates == (RESPONDER.certificate,)
    assert read.responder_name == RESPONDER.certificate.subject_der
    der.require_der(data, limit=MAX_OCSP)


@pytest.mark.parametrize("answer", ["malformedRequest", "internalError", "tryLater", "sigRequired", "unauthorized"])
def test_refusals(answer: Any) -> None:
    read = parse_ocsp(build_ocsp_failure(answer))
    assert (read.answer, read.statuses) == (answer, ())
    assert _ask(build_ocsp_failure(answer))[0] == "REV_UNKNOWN"


GOOD = RESPONDER.answer(CA.certificate, _status(), nonce=b"n" * 16)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"", MalformedError, id="empty"),
        pytest.param(GOOD + b"\0", MalformedError, id="trailing byte"),
        pytest.param(GOOD[:-1], MalformedError, id="truncated"),
        pytest.param(bytes(MAX_OCSP + 1), LimitError, id="too large"),
        pytest.param(der.sequence(der.tlv(der.ENUMERATED, b"\0")), MalformedError, id="success without a body"),
        pytest.param(der.sequence(der.tlv(der.ENUMERATED, b"\4")), MalformedError, id="status 4"),
        pytest.param(
            der.sequence(
                der.tlv(der.ENUMERATED, b"\0"), der.explicit(0, der.sequence(der.oid("1.2.3"), der.octet_string(b"")))
            ),
            UnsupportedAlgorithmError,
            id="another type",
        ),
        pytest.param(
            RESPONDER.answer(CA.certificate, *[_status()] * 1001), LimitError, id="more statuses than anybody needs"
        ),
    ],
)
def test_what_is_no_response(data: bytes, error: type[SigningError]) -> None:
    with pytest.raises(error):
        parse_ocsp(data)


@pytest.mark.parametrize(
    "data", [b"", b"\x30\0", build_ocsp_request([]), build_ocsp_request([CertId.of(1, CA.certificate)])[:-1]]
)
def test_what_is_no_request(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_ocsp_request(data)


SIGNED = build_ocsp_response([_revoked(NOON - DAY)], CA.certificate, CA.key.sign, produced_at=NOON)


@given(at=st.integers(0, len(SIGNED) - 1), bit=st.integers(0, 7))
@settings(deadline=None)
def test_a_changed_answer_never_says_good(at: int, bit: int) -> None:
    data = bytearray(SIGNED)
    data[at] ^= 1 << bit
    try:
        code, _ = _ask(bytes(data))
    except SigningError:
        return
    assert code == "REV_UNKNOWN"


@given(st.binary(max_size=120))
def test_noise_is_refused(data: bytes) -> None:
    for parse in (parse_ocsp, parse_ocsp_request):
        with pytest.raises((MalformedError, UnsupportedAlgorithmError)):
            parse(der.sequence(data))


# Others


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("at", "code"),
    [
        pytest.param("2026-11-21T20:00:00Z", "REVOCATION", id="signed before the answer"),
        pytest.param("2026-11-25T00:00:00Z", "REVOCATION", id="within its time"),
        pytest.param("2026-12-01T00:00:00Z", "REV_UNKNOWN", id="after its time"),
    ],
)
def test_the_answer_of_openssl(at: str, code: str) -> None:
    folder = VECTORS / "interop/openssl"
    (ca,), (leaf,), (other,) = (read_pem(folder / f"{name}.crt") for name in ("ca", "sign", "enc"))
    request, response = (folder / "ocsp.req").read_bytes(), parse_ocsp((folder / "ocsp.rsp").read_bytes())
    asked = parse_ocsp_request(request)
    assert asked.cert_ids == (CertId.of(0x1001, ca),)
    assert build_ocsp_request(asked.cert_ids) == request
    found = check_revocation(leaf, ca, crls=(), ocsps=[response], at=datetime.fromisoformat(at))
    assert found.code == code
    assert check_revocation(other, ca, crls=(), ocsps=[response], at=NOON).code == "REV_UNKNOWN"


def _run(*arguments: str | Path) -> str:
    ran = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False, text=True)
    return ran.stdout + ran.stderr


AT = ("-attime", str(int(NOON.timestamp())), "-status_age", "999999999")


@pytest.mark.interop
@pytest.mark.parametrize("kind", ["p256", "p384", "rsa", "ed25519"])
def test_openssl_verifies_international_answers(tmp_path: Path, kind: str) -> None:
    ca = make_root("CA", kind)
    leaf, responder = ca.issue("叶", kind), ca.issue_responder(kind)
    roots = write_pem(tmp_path / "ca.pem", ca.certificate.der)
    end = write_pem(tmp_path / "leaf.pem", leaf.certificate.der)
    for name, status in (
        ("good", _status(issuer=ca, digest="sha1")),
        ("revoked", _revoked(NOON, issuer=ca, digest="sha1")),
    ):
        for by in (ca, responder):
            (tmp_path / "x.rsp").write_bytes(by.answer(ca.certificate, status))
            options = ("-issuer", roots, "-cert", end, "-CAfile", roots, "-no_nonce")
            text = _run("ocsp", "-respin", tmp_path / "x.rsp", *options, *AT)
            assert "Response verify OK" in text
            assert re.search(
                rf"[ \n]{name}\n", text
            )  # the words in between depend on today: there is no -attime for them
    (tmp_path / "x.rsp").write_bytes(make_root("别", kind).answer(ca.certificate, _status(issuer=ca, digest="sha1")))
    assert "Response Verify Failure" in _run("ocsp", "-respin", tmp_path / "x.rsp", *options, *AT)


@pytest.mark.interop
def test_openssl_reads_our_sm2_answers(tmp_path: Path) -> None:
    (tmp_path / "x.rsp").write_bytes(RESPONDER.answer(CA.certificate, _revoked(NOON, "keyCompromise")))
    text = _run("ocsp", "-respin", tmp_path / "x.rsp", "-noverify", "-resp_text")
    for words in ("Cert Status: revoked", "keyCompromise", "SM2-with-SM3", "OCSP No Check", "Hash Algorithm: sm3"):
        assert words in text


@pytest.mark.interop
def test_we_read_the_requests_of_openssl(tmp_path: Path) -> None:
    ca, end = write_pem(tmp_path / "ca.pem", CA.certificate.der), write_pem(tmp_path / "e.pem", LEAF.certificate.der)
    for digest in ("sm3", "sha1", "sha256"):
        _run("ocsp", "-issuer", ca, f"-{digest}", "-cert", end, "-reqout", tmp_path / "x.req")
        asked = parse_ocsp_request((tmp_path / "x.req").read_bytes())
        assert asked.cert_ids == (CertId.of(100, CA.certificate, digest),)
        assert len(asked.nonce) == 16


def test_cryptography_reads_ours_and_we_theirs() -> None:
    ca = make_root("CA", "p256")
    leaf, responder = ca.issue("叶", "p256"), ca.issue_responder("p256")
    theirs = pyca.load_der_ocsp_response(responder.answer(ca.certificate, _revoked(NOON, issuer=ca, digest="sha256")))
    (single,) = theirs.responses
    assert (single.serial_number, single.revocation_time_utc) == (100, NOON)
    assert theirs.certificates[0].public_bytes(Encoding.DER) == responder.certificate.der
    load = x509.load_der_x509_certificate
    builder = pyca.OCSPResponseBuilder().add_response(
        cert=load(leaf.certificate.der),
        issuer=load(ca.certificate.der),
        algorithm=hashes.SHA256(),
        cert_status=pyca.OCSPCertStatus.GOOD,
        this_update=NOON.replace(tzinfo=None),
        next_update=(NOON + DAY).replace(tzinfo=None),
        revocation_time=None,
        revocation_reason=None,
    )
    builder = builder.responder_id(pyca.OCSPResponderEncoding.HASH, load(ca.certificate.der))
    made = builder.sign(ca.key.private, hashes.SHA256()).public_bytes(Encoding.DER)  # type: ignore[attr-defined]
    assert _ask(made, issuer=ca, leaf=leaf)[0] == "REVOCATION"
    assert OCSP_SIGNING in responder.certificate.extended_key_usage
