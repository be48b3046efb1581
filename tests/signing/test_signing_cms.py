"""CMS signatures: ours in one form, the field's in many."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing_pki import CA, CRLS, DAY, EVIDENCE, NOON, ROOT, TRUST, UNIT, VECTORS, make_root, read_pem, token, trust

from signing import der, sm2
from signing.algorithms import compute_digest
from signing.certificates import Certificate
from signing.checks import Indication, SubIndication, Verdict
from signing.cms import (
    complete_detached,
    parse_cms,
    prepare_detached,
    read_message_digest,
    verify_attached,
    verify_detached,
)
from signing.digests import sm3
from signing.errors import BadSignatureError, MalformedError, NotCanonicalError, SigningError
from signing.issuing import Revocation
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.signed_data import encode_attributes, encode_signed_data

CONTENT = "投标文件".encode()
CHAIN = (CA.certificate, ROOT.certificate)
ATTRIBUTES = prepare_detached(sm3(CONTENT), UNIT.certificate, NOON)
SIGNATURE = UNIT.sign(ATTRIBUTES)
MESSAGE = complete_detached(ATTRIBUTES, UNIT.certificate, CHAIN, SIGNATURE, token(sm3(SIGNATURE)))
BARE = complete_detached(ATTRIBUTES, UNIT.certificate, (), SIGNATURE, None)


def _verify(
    data: bytes = MESSAGE,
    *,
    content: bytes = CONTENT,
    anchors: TrustAnchors = TRUST,
    evidence: RevocationEvidence = EVIDENCE,
    at: datetime | None = None,
    strict: bool = True,
) -> Verdict:
    return verify_detached(
        data,
        content_digest=lambda name: compute_digest(name, content),
        anchors=anchors,
        evidence=evidence,
        purpose=Purpose.LICENCE,
        at=at,
        strict=strict,
    )


def test_a_good_message() -> None:
    verdict = _verify()
    assert (verdict.indication, verdict.warnings) == (Indication.TOTAL_PASSED, ())
    parsed = parse_cms(MESSAGE)
    assert (parsed.certificate, parsed.signing_time, parsed.signature) == (UNIT.certificate, NOON, SIGNATURE)
    assert parsed.token
    assert parsed.token in MESSAGE
    assert parsed.content is None
    der.require_der(MESSAGE, limit=1 << 16)


def test_what_is_signed_are_the_attributes() -> None:
    der.require_der(ATTRIBUTES, limit=1 << 16)
    assert read_message_digest(ATTRIBUTES) == sm3(CONTENT)
    sm2.verify(UNIT.key.public, ATTRIBUTES, SIGNATURE)
    assert ATTRIBUTES[1:] in MESSAGE


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encode_attributes({"1.2.3": b"\x05\0"}), id="no digest"),
        pytest.param(ATTRIBUTES + b"\0", id="trailing byte"),
        pytest.param(b"\xa0" + ATTRIBUTES[1:], id="another tag"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_attributes_without_one_digest_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read_message_digest(data)


def test_a_mistaken_signature_is_noticed() -> None:
    with pytest.raises(BadSignatureError):
        complete_detached(ATTRIBUTES, UNIT.certificate, CHAIN, UNIT.sign(b"x"), None)
    body = der.read(ATTRIBUTES, limit=1 << 16).body
    with pytest.raises(NotCanonicalError):
        encode_signed_data(b"\x31\x84" + len(body).to_bytes(4) + body, UNIT.certificate, SIGNATURE)


@pytest.mark.parametrize(
    ("first", "step"),
    [
        pytest.param(5, 16, id="one byte in sixteen"),
        *(pytest.param(n, 4, id=f"every byte, part {n}", marks=pytest.mark.slow) for n in range(4)),
    ],
)
def test_no_changed_byte_ever_passes(first: int, step: int) -> None:
    """Flip one bit in every byte: structure, certificates, chain, signature and token."""
    for at in range(first, len(MESSAGE), step):
        changed = bytearray(MESSAGE)
        changed[at] ^= 1 << at % 8
        try:
            assert _verify(bytes(changed)).indication is not Indication.TOTAL_PASSED, f"byte {at}"
        except SigningError:
            continue


@pytest.mark.parametrize(
    ("data", "changes", "failed"),
    [
        pytest.param(MESSAGE, {"content": b"another"}, ["digest"], id="content changed"),
        pytest.param(
            complete_detached(ATTRIBUTES, UNIT.certificate, CHAIN, SIGNATURE, token(sm3(b"another"))),
            {},
            ["timestamp-imprint"],
            id="token of another signature",
        ),
        pytest.param(
            complete_detached(ATTRIBUTES, UNIT.certificate, CHAIN, SIGNATURE, b"\x30\0"),
            {},
            ["timestamp-format"],
            id="no token",
        ),
        pytest.param(
            complete_detached(
                ATTRIBUTES, UNIT.certificate, CHAIN, SIGNATURE, token(sm3(SIGNATURE), at=NOON - 40 * DAY)
            ),
            {},
            ["validity"],
            id="stamped before the certificate was valid",
        ),
        pytest.param(
            MESSAGE,
            {"evidence": RevocationEvidence.of(CRLS[0], CA.crl(Revocation(100, NOON - DAY)))},
            ["revocation"],
            id="revoked",
        ),
        pytest.param(
            encode_signed_data(ATTRIBUTES, UNIT.certificate, SIGNATURE, content=CONTENT),
            {},
            ["format"],
            id="content inside as well",
        ),
        pytest.param(
            encode_signed_data(ATTRIBUTES, UNIT.certificate, SIGNATURE, unsigned={"1.2.3": b"\x05\0"}),
            {},
            ["format"],
            id="an unsigned attribute",
        ),
        pytest.param(
            encode_signed_data(ATTRIBUTES, CA.issue(serial=100).certificate, SIGNATURE),
            {},
            ["signature", "certificate-binding"],
            id="another certificate of that serial",
        ),
    ],
)
def test_what_fails(data: bytes, changes: dict[str, object], failed: list[str]) -> None:
    assert _verify(data, **changes).failed == failed  # type: ignore[arg-type]


def test_a_token_proves_the_time_against_a_later_question() -> None:
    """The certificate is expired and revoked when asked, but was good at the token's time."""
    evidence = RevocationEvidence.of(CRLS[0], CA.crl(Revocation(100, NOON + DAY)))
    assert _verify(evidence=evidence, at=NOON + 300 * DAY).indication is Indication.TOTAL_PASSED
    assert _verify(BARE, evidence=evidence, at=NOON + 300 * DAY).failed == ["validity", "revocation"]


def test_without_token_the_time_is_a_claim() -> None:
    verdict = _verify(BARE)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert [warning.partition("：")[0] for warning in verdict.warnings] == ["TIME_UNTRUSTED"]
    assert _verify(BARE, at=NOON).warnings == ()


def test_the_signer_must_be_inside() -> None:
    body = der.read(BARE, limit=1 << 16).children()[1].inner(der.context(0))
    parts = [child.raw for child in body.children() if child.tag != der.context(0)]
    data = der.sequence(der.read(BARE, limit=1 << 16).children()[0].raw, der.explicit(0, der.sequence(*parts)))
    verdict = _verify(data)
    assert (verdict.worst.code, verdict.sub_indication) == ("NO_CERT", SubIndication.NO_SIGNING_CERTIFICATE_FOUND)


def test_a_message_cannot_pass_as_content_without_attributes() -> None:
    """The signed attributes of one message, presented as the content of another one that has none."""
    body = der.read(BARE, limit=1 << 16).children()[1].inner(der.context(0))
    parts = list(body.children())
    info = list(der.read(parts[-1].body, limit=1 << 16).children())
    without = der.sequence(*(child.raw for child in info if child.tag != der.context(0)))
    made = [*(child.raw for child in parts[:-1]), der.set_of(without)]
    data = der.sequence(der.read(BARE, limit=1 << 16).children()[0].raw, der.explicit(0, der.sequence(*made)))
    for strict in (True, False):
        verdict = verify_attached(
            data,
            anchors=TRUST,
            evidence=EVIDENCE,
            purpose=Purpose.LICENCE,
            content=ATTRIBUTES,
            at=NOON,
            strict=strict,
        )
        assert "signature" in verdict.failed


def test_attached() -> None:
    data = encode_signed_data(ATTRIBUTES, UNIT.certificate, SIGNATURE, content=CONTENT)
    asked = {"anchors": TRUST, "evidence": EVIDENCE, "purpose": Purpose.LICENCE, "at": NOON}
    assert verify_attached(data, **asked).indication is Indication.TOTAL_PASSED  # type: ignore[arg-type]
    assert verify_attached(BARE, content=CONTENT, **asked).indication is Indication.TOTAL_PASSED  # type: ignore[arg-type]
    for message, content in ((BARE, None), (data, b"another")):
        with pytest.raises(MalformedError):
            verify_attached(message, content=content, **asked)  # type: ignore[arg-type]


@given(st.binary(max_size=300))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_cms(data)


OPENSSL, MIXED = "interop/openssl/ca.crt", "parts/gomain_cms_attrs_mixed_oid"


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("message", "content", "root", "strict", "failed"),
    [
        pytest.param("interop/bouncycastle/cms_attached.der", None, OPENSSL, True, [], id="BouncyCastle attached"),
        pytest.param(
            "interop/bouncycastle/cms_detached.der",
            "interop/openssl/msg.txt",
            OPENSSL,
            True,
            [],
            id="BouncyCastle detached",
        ),
        pytest.param(
            "interop/bouncycastle/cms_detached.der",
            "cms/sadk_content.txt",
            OPENSSL,
            True,
            ["digest"],
            id="of another content",
        ),
        pytest.param(
            "interop/bouncycastle/cms_direct.der", None, OPENSSL, True, ["format"], id="no attributes, strictly"
        ),
        pytest.param("interop/bouncycastle/cms_direct.der", None, OPENSSL, False, [], id="no attributes"),
        pytest.param("interop/bouncycastle/cms_gmoid.der", None, OPENSSL, False, [], id="GM content type"),
        pytest.param("interop/bouncycastle/cms_emptyid.der", None, OPENSSL, False, ["signature"], id="empty user id"),
        pytest.param("interop/gmssl/signed.der", None, OPENSSL, False, ["signature"], id="GmSSL's own rule"),
        pytest.param("cms/sadk_signed_attached.der", None, OPENSSL, False, [], id="SADK attached"),
        pytest.param("cms/sadk_signed_detached.der", "cms/sadk_content.txt", OPENSSL, False, [], id="SADK detached"),
        pytest.param(
            "cms/sadk_signed_detached.der",
            "interop/openssl/msg.txt",
            OPENSSL,
            False,
            ["signature"],
            id="SADK, another content",
        ),
        pytest.param("parts/tongzhi_cms_rawRS/SignedValue.dat", None, OPENSSL, False, [], id="raw r||s"),
        pytest.param(
            f"{MIXED}/SignedValue.dat",
            f"{MIXED}/Signature.xml",
            OPENSSL,
            True,
            ["format", "digest"],
            id="mixed families, strictly",
        ),
        pytest.param(f"{MIXED}/SignedValue.dat", f"{MIXED}/Signature.xml", OPENSSL, False, [], id="mixed families"),
    ],
)
def test_messages_of_others(message: str, content: str | None, root: str, strict: bool, failed: list[str]) -> None:
    (anchor,) = read_pem(VECTORS / root)
    verdict = verify_attached(
        (VECTORS / message).read_bytes(),
        anchors=_only(anchor),
        evidence=RevocationEvidence(),
        purpose=Purpose.LICENCE,
        content=(VECTORS / content).read_bytes() if content else None,
        strict=strict,
    )
    assert verdict.failed == failed, verdict


def _only(anchor: Certificate) -> TrustAnchors:
    return replace(trust(anchor), issuers=())


def test_an_unknown_authority_leaves_it_open() -> None:
    verdict = _verify(anchors=_only(make_root("别的根").certificate))
    assert verdict.indication is Indication.INDETERMINATE
    assert verdict.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND
