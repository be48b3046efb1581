"""Messages that we write: every form, both suites, two steps, several signers."""

import io
from dataclasses import replace

import pytest
from cms_pki import ECDSA, ED25519, INTL_ROOT, P384, RSA, SM2_BOX, Foreigner
from signing_pki import CA, DAY, EVIDENCE, NOON, ROOT, TRUST, UNIT, Holder, token, trust

from signing import der
from signing.algorithms import compute_digest
from signing.checks import Indication, Result, Verdict
from signing.cms import complete_detached, parse_cms, parse_signers, prepare_detached, verify_signers
from signing.cms_names import GM_DATA, GM_SIGNED_DATA
from signing.cms_signing import (
    GB_35275,
    OURS,
    CmsForm,
    PreparedCms,
    complete_cms,
    encode_prepared,
    parse_prepared,
    prepare_cms,
    prepare_cosignature,
    prepare_stream,
    stamp_cms,
)
from signing.cms_writing import encode_certificates
from signing.digests import sm3
from signing.errors import (
    BadSignatureError,
    InvalidKeyError,
    LimitError,
    MalformedError,
    NotCanonicalError,
    TimestampError,
    UnsupportedAlgorithmError,
)
from signing.path import Purpose
from signing.signed_data import parse_certificates, parse_signed_data
from signing.timestamps import parse_token

CONTENT = "投标文件".encode()
BOTH = replace(trust(ROOT.certificate, INTL_ROOT.certificate))
Signer = Holder | Foreigner


def _sign(
    signer: Signer = UNIT, form: CmsForm = OURS, content: bytes = CONTENT, *, chain: bool = True, stamped: bool = False
) -> bytes:
    issuers = (CA.certificate,) if chain and isinstance(signer, Holder) else ()
    prepared = prepare_cms(content, signer.certificate, NOON, chain=issuers, form=form)
    signature = signer.sign(prepared.to_be_signed)
    return complete_cms(prepared, signature, token(sm3(signature)) if stamped else None)


def _verdicts(data: bytes, content: bytes | None = CONTENT, *, strict: bool = True) -> tuple[Verdict, ...]:
    outside = content if parse_signed_data(data).content is None else None
    found = verify_signers(
        data,
        anchors=BOTH,
        evidence=EVIDENCE,
        purpose=Purpose.LICENCE,
        content=outside,
        at=NOON,
        strict=strict,
    )
    return tuple(one.verdict for one in found)


def _crypto(verdict: Verdict) -> set[Result]:
    asked = ("format", "digest", "signature", "certificate-binding")
    return {one.result for one in verdict.checks if one.name in asked}


FORMS = [
    CmsForm(gm_types=gm, algorithm=algorithm, attributes=attributes, attached=attached)
    for gm in (False, True)
    for algorithm in ("501", "301.1")
    for attributes in (True, False)
    for attached in (True, False)
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_every_form_is_read_again(form: CmsForm) -> None:
    data = _sign(form=form, stamped=True)
    (verdict,) = _verdicts(data, strict=False)
    assert verdict.indication is Indication.TOTAL_PASSED, verdict
    (strictly,) = _verdicts(data)
    assert ("format" in strictly.failed) == (form.gm_types or not form.attributes)
    if data.count(CONTENT) != 1:
        assert not form.attached
    (changed,) = _verdicts(data.replace(CONTENT, b"\0" * len(CONTENT)), b"\0" * len(CONTENT), strict=False)
    assert {"digest", "signature"} & set(changed.failed)
    der.require_der(data, limit=1 << 16)


def test_the_layout_of_gb_35275() -> None:
    data = _sign(form=GB_35275)
    outer = der.read(data, limit=1 << 16).fields()
    assert outer.take().oid() == GM_SIGNED_DATA
    body = outer.take().inner(der.context(0)).fields()
    assert body.take().integer() == 1
    body.take()
    assert body.take().fields().take().oid() == GM_DATA
    info = list(body.rest[-1].children()[0].children())
    assert info[0].integer() == 1
    assert info[3].children()[0].oid() == "1.2.156.10197.1.301.1"


@pytest.mark.parametrize("signer", [RSA, ECDSA, P384, ED25519], ids=["RSA", "P-256", "P-384", "Ed25519"])
@pytest.mark.parametrize("form", [OURS, CmsForm(attached=True), CmsForm(attributes=False)], ids=str)
def test_international_suite(signer: Foreigner, form: CmsForm) -> None:
    data = _sign(signer, form)
    (verdict,) = _verdicts(data, strict=form.attributes)
    assert _crypto(verdict) == {Result.OK}, verdict
    (changed,) = _verdicts(data.replace(CONTENT, b"x" * len(CONTENT)), b"x" * len(CONTENT), strict=False)
    assert {"digest", "signature"} & set(changed.failed)


def test_gm_types_are_for_sm2() -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        prepare_cms(CONTENT, RSA.certificate, NOON, form=GB_35275)


@pytest.mark.parametrize("signer", [UNIT, RSA], ids=["SM2", "RSA"])
def test_the_simple_way_takes_both_suites(signer: Signer) -> None:
    digest = "sm3" if signer is UNIT else "sha256"
    attributes = prepare_detached(compute_digest(digest, CONTENT), signer.certificate, NOON)
    data = complete_detached(attributes, signer.certificate, (), signer.sign(attributes), None)
    (verdict,) = _verdicts(data)
    assert _crypto(verdict) == {Result.OK}


# Two steps


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_prepared_signature_survives_a_restart(form: CmsForm) -> None:
    prepared = prepare_cms(CONTENT, UNIT.certificate, NOON, chain=(CA.certificate,), form=form)
    written = encode_prepared(prepared)
    read = parse_prepared(written)
    assert read == prepared
    data = complete_cms(read, UNIT.sign(read.to_be_signed))
    assert _verdicts(data, strict=False)[0].indication is Indication.TOTAL_PASSED


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"", MalformedError, id="nothing"),
        pytest.param(b"{}", MalformedError, id="no fields"),
        pytest.param(b" " * (33 << 20), LimitError, id="too long"),
        pytest.param(
            encode_prepared(prepare_cms(CONTENT, UNIT.certificate, NOON)) + b"\n", NotCanonicalError, id="trailing"
        ),
    ],
)
def test_what_is_no_prepared_signature(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_prepared(data)


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(UNIT.sign(b"another"), id="of another message"),
        pytest.param(CA.sign(prepare_cms(CONTENT, UNIT.certificate, NOON).to_be_signed), id="of another key"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0" * 64, id="noise"),
    ],
)
def test_a_mistaken_key_is_noticed(signature: bytes) -> None:
    with pytest.raises(BadSignatureError):
        complete_cms(prepare_cms(CONTENT, UNIT.certificate, NOON), signature)


def test_encryption_certificates_do_not_sign() -> None:
    for form in (OURS, GB_35275):
        with pytest.raises(InvalidKeyError):
            prepare_cms(CONTENT, SM2_BOX.certificate, NOON, form=form)
    with pytest.raises(InvalidKeyError):
        prepare_detached(sm3(CONTENT), SM2_BOX.certificate, NOON)
    with pytest.raises(InvalidKeyError):
        prepare_cosignature(_sign(), SM2_BOX.certificate, NOON, content=CONTENT)
    prepared = prepare_cms(CONTENT, UNIT.certificate, NOON)
    forged = PreparedCms(
        1, prepared.form, SM2_BOX.certificate.der, (), prepared.attributes, prepared.content, prepared.base
    )
    with pytest.raises(InvalidKeyError):
        complete_cms(forged, SM2_BOX.sign(prepared.attributes))


@pytest.mark.parametrize("form", [CmsForm(attached=True), CmsForm(attributes=False)], ids=["attached", "no attributes"])
def test_some_forms_need_the_content(form: CmsForm) -> None:
    with pytest.raises(ValueError, match="content itself"):
        prepare_cms(None, UNIT.certificate, NOON, content_digest=sm3(CONTENT), form=form)


def test_a_digest_of_another_length() -> None:
    with pytest.raises(ValueError, match="no sm3 digest"):
        prepare_cms(None, UNIT.certificate, NOON, content_digest=b"x")
    with pytest.raises(ValueError, match="no sm3 digest"):
        prepare_detached(b"x", UNIT.certificate, NOON)


def test_a_stream_is_signed_by_its_digest() -> None:
    large = CONTENT * (1 << 18)
    prepared = prepare_stream(io.BytesIO(large), UNIT.certificate, NOON, chain=(CA.certificate,))
    assert prepared == prepare_cms(large, UNIT.certificate, NOON, chain=(CA.certificate,))
    data = complete_cms(prepared, UNIT.sign(prepared.to_be_signed))
    assert _verdicts(data, large)[0].indication is Indication.TOTAL_PASSED


# Timestamps


def test_a_timestamp_comes_later() -> None:
    data = _sign()
    signature = parse_cms(data).signature
    stamp = token(sm3(signature))
    stamped = stamp_cms(data, signature, stamp)
    prepared = prepare_cms(CONTENT, UNIT.certificate, NOON, chain=(CA.certificate,))
    assert stamped == complete_cms(prepared, signature, stamp)
    assert _verdicts(stamped)[0].indication is Indication.TOTAL_PASSED
    with pytest.raises(MalformedError):
        stamp_cms(stamped, signature, token(sm3(signature)))
    with pytest.raises(MalformedError):
        stamp_cms(data, b"another", token(sm3(b"another")))


def test_a_timestamp_of_another_signature() -> None:
    data = _sign()
    with pytest.raises(TimestampError):
        stamp_cms(data, parse_cms(data).signature, token(sm3(b"another")))
    prepared = prepare_cms(CONTENT, UNIT.certificate, NOON)
    with pytest.raises(TimestampError):
        complete_cms(prepared, UNIT.sign(prepared.to_be_signed), token(sm3(b"another")))


# Several signers

SECOND = CA.issue("另一单位", serial=200)


def _add(data: bytes, signer: Signer, form: CmsForm = OURS, content: bytes | None = CONTENT) -> bytes:
    written = encode_prepared(prepare_cosignature(data, signer.certificate, NOON, content=content, form=form))
    prepared = parse_prepared(written)
    return complete_cms(prepared, signer.sign(prepared.to_be_signed))


@pytest.mark.parametrize("second", [SECOND, RSA, ED25519], ids=["SM2", "RSA", "Ed25519"])
@pytest.mark.parametrize("form", [OURS, CmsForm(attached=True), GB_35275], ids=str)
def test_a_second_signer_changes_nothing_of_the_first(form: CmsForm, second: Signer) -> None:
    first = _sign(form=form, stamped=True)
    (info,) = parse_signed_data(first).signers
    both = _add(first, second, CmsForm(attributes=form.attributes))
    assert info.octets in both
    assert [one for one in parse_signers(both) if one.signer == info]
    verdicts = verify_signers(
        both,
        anchors=BOTH,
        evidence=EVIDENCE,
        purpose=Purpose.LICENCE,
        content=None if form.attached else CONTENT,
        at=NOON,
        strict=False,
    )
    assert {one.certificate for one in verdicts} == {UNIT.certificate, second.certificate}
    for one in verdicts:
        assert _crypto(one.verdict) == {Result.OK}
    der.require_der(both, limit=1 << 16)


def test_one_of_two_is_bad() -> None:
    """Each signer is judged by itself: a broken second one does not spoil the first, nor the reverse."""
    both = _add(_sign(), SECOND)
    bad = next(one.signature for one in parse_signers(both) if one.certificate == SECOND.certificate)
    changed = both.replace(bad[-8:], bytes(8))
    found = {
        one.certificate: one.verdict.failed
        for one in verify_signers(
            changed, anchors=BOTH, evidence=EVIDENCE, purpose=Purpose.LICENCE, content=CONTENT, at=NOON
        )
    }
    assert found == {UNIT.certificate: [], SECOND.certificate: ["signature"]}


def test_a_second_signer_signs_the_same_content() -> None:
    with pytest.raises(MalformedError, match="another content"):
        prepare_cosignature(_sign(), SECOND.certificate, NOON, content=b"another")
    with pytest.raises(MalformedError, match="another content"):
        prepare_cosignature(_sign(form=CmsForm(attached=True)), SECOND.certificate, NOON, content=b"another")
    with pytest.raises(ValueError, match="content itself"):
        prepare_cosignature(_sign(), SECOND.certificate, NOON)


def test_no_more_than_sixteen_sign() -> None:
    data = _sign(chain=False)
    for _ in range(15):
        data = _add(data, UNIT)
    assert len(_verdicts(data, strict=False)) == 16
    with pytest.raises(LimitError):
        _add(data, UNIT)


def test_parse_cms_wants_one_signer() -> None:
    with pytest.raises(MalformedError):
        parse_cms(_add(_sign(), SECOND))


@pytest.mark.parametrize("gm_types", [False, True])
def test_certificates_only(gm_types: bool) -> None:
    data = encode_certificates([CA.certificate, UNIT.certificate], gm_types=gm_types)
    assert {one.serial for one in parse_certificates(data)} == {CA.certificate.serial, UNIT.certificate.serial}
    for read in (parse_signers, parse_cms):
        with pytest.raises(MalformedError):
            read(data)


def test_the_token_of_a_stamped_message_is_over_the_octets() -> None:
    parsed = parse_cms(_sign(stamped=True))
    assert parsed.token
    assert parse_token(parsed.token).imprint == sm3(parsed.signature)
    assert parsed.signing_time == NOON
    late = verify_signers(
        _sign(stamped=True),
        anchors=TRUST,
        evidence=EVIDENCE,
        purpose=Purpose.LICENCE,
        content=CONTENT,
        at=NOON + 300 * DAY,
    )
    assert late[0].verdict.indication is Indication.TOTAL_PASSED
