"""Every message of the shared vectors, answered as their MANIFEST says."""

import base64
import io
import re
import zipfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from signing_pki import VECTORS, read_pem, trust

from signing import der, sm2
from signing.checks import Indication, Result, Verdict
from signing.cms import verify_signers
from signing.cms_recipients import Sm2DecryptionKey
from signing.cms_streaming import verify_stream
from signing.enveloped_data import open_enveloped, open_signed, parse_enveloped
from signing.errors import DecryptionError
from signing.key_files import read_key_file
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.signed_data import parse_certificates, parse_signed_data
from signing.sm2_diagnosis import EMPTY_ID, PRIVATE_RULE

pytestmark = pytest.mark.conformance
GMCERT = VECTORS / "cms" / "gmcert_signed_and_enveloped"
CORE = ("format", "content", "digest", "signature")
AT = datetime(2026, 11, 21, 20, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """A message, the content outside if any, what fails, and words of a reason."""

    message: str
    content: str | None = None
    failed: tuple[str, ...] = ()
    why: str = ""
    strict: bool = False


BC, SADK = "interop/bouncycastle", "cms/sadk_signed"
GOMAIN, TONGZHI = "parts/gomain_cms_attrs_mixed_oid", "parts/tongzhi_cms_rawRS"
MSG, SADK_TEXT = "interop/openssl/msg.txt", "cms/sadk_content.txt"
CASES = {
    "BouncyCastle attached": Case(f"{BC}/cms_attached.der"),
    "BouncyCastle attached, strictly": Case(f"{BC}/cms_attached.der", strict=True),
    "BouncyCastle attached, content outside as well": Case(f"{BC}/cms_attached.der", MSG),
    "BouncyCastle detached": Case(f"{BC}/cms_detached.der", MSG),
    "BouncyCastle detached, strictly": Case(f"{BC}/cms_detached.der", MSG, strict=True),
    "BouncyCastle detached, another content": Case(f"{BC}/cms_detached.der", SADK_TEXT, ("digest",)),
    "BouncyCastle GM content type": Case(f"{BC}/cms_gmoid.der"),
    "BouncyCastle GM content type, strictly": Case(f"{BC}/cms_gmoid.der", failed=("format",), strict=True),
    "BouncyCastle without attributes": Case(f"{BC}/cms_direct.der"),
    "BouncyCastle without attributes, strictly": Case(f"{BC}/cms_direct.der", failed=("format",), strict=True),
    "BouncyCastle empty user id": Case(f"{BC}/cms_emptyid.der", failed=("signature",), why=EMPTY_ID),
    "GmSSL's own rule": Case("interop/gmssl/signed.der", failed=("signature",), why=PRIVATE_RULE),
    "SADK attached": Case(f"{SADK}_attached.der"),
    "SADK attached, content outside as well": Case(f"{SADK}_attached.der", SADK_TEXT),
    "SADK detached": Case(f"{SADK}_detached.der", SADK_TEXT),
    "SADK detached, another content": Case(f"{SADK}_detached.der", MSG, ("signature",)),
    "gomain, mixed families": Case(f"{GOMAIN}/SignedValue.dat", f"{GOMAIN}/Signature.xml"),
    "gomain, strictly": Case(f"{GOMAIN}/SignedValue.dat", f"{GOMAIN}/Signature.xml", ("format", "digest"), strict=True),
    "gomain, another content": Case(f"{GOMAIN}/SignedValue.dat", f"{TONGZHI}/Signature.xml", ("digest",)),
    "tongzhi, raw r||s over the digest inside": Case(f"{TONGZHI}/SignedValue.dat"),
    "tongzhi, digest of the content outside": Case(
        f"{TONGZHI}/SignedValue.dat", f"{TONGZHI}/Signature.xml", why="内含原文的摘要（原值），原文在外"
    ),
}


def _trust() -> TrustAnchors:
    return replace(trust(*read_pem(VECTORS / "interop/openssl/ca.crt")), issuers=())


def _judge(case: Case) -> Verdict:
    content = (VECTORS / case.content).read_bytes() if case.content else None
    (one,) = verify_signers(
        (VECTORS / case.message).read_bytes(),
        anchors=_trust(),
        evidence=RevocationEvidence(),
        purpose=Purpose.LICENCE,
        content=content,
        at=AT,
        strict=case.strict,
    )
    return one.verdict


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_messages(case: Case) -> None:
    verdict = _judge(case)
    assert set(verdict.failed) - {"validity"} == set(case.failed), verdict
    assert not case.why or case.why in [check.why for check in verdict.checks]
    if not case.failed:
        crypto = [check for check in verdict.checks if check.name in CORE]
        assert {check.result for check in crypto} == {Result.OK}


@pytest.mark.parametrize(
    "case",
    [case for case in CASES.values() if case.content],
    ids=[name for name, case in CASES.items() if case.content],
)
def test_the_same_over_a_stream(case: Case) -> None:
    """Detached judging of a stream says the same, but takes a content inside for a fault of form where it is strict."""
    with (VECTORS / str(case.content)).open("rb") as stream:
        (one,) = verify_stream(
            (VECTORS / case.message).read_bytes(),
            stream,
            anchors=_trust(),
            evidence=RevocationEvidence(),
            purpose=Purpose.LICENCE,
            at=AT,
            strict=case.strict,
        )
    assert set(one.verdict.failed) - {"validity"} == set(case.failed), one.verdict


def test_another_content_than_the_digest_inside() -> None:
    with (VECTORS / GOMAIN / "Signature.xml").open("rb") as stream:
        (one,) = verify_stream(
            (VECTORS / TONGZHI / "SignedValue.dat").read_bytes(),
            stream,
            anchors=_trust(),
            evidence=RevocationEvidence(),
            purpose=Purpose.LICENCE,
            at=AT,
            strict=False,
        )
    assert "content" in one.verdict.failed
    assert one.verdict.indication is Indication.TOTAL_FAILED


def test_a_chain_without_signers() -> None:
    data = _pem(VECTORS / "cms" / "gmssl_certchain_pkcs7.pem")
    assert len(parse_certificates(data)) == 2
    assert parse_signed_data(data).signers == ()


def test_signed_and_enveloped() -> None:
    message = parse_enveloped(_pem(GMCERT / "signed_and_enveloped.pem"))
    assert message.signed
    (issuer,) = message.signed.certificates
    opened, (one,) = open_signed(
        message,
        Sm2DecryptionKey(_key(GMCERT / "sign_key.pem")),
        anchors=replace(trust(issuer), issuers=()),
        evidence=RevocationEvidence(),
        purpose=Purpose.LICENCE,
        at=AT,
    )
    assert opened.content == bytes(32) + _key(GMCERT / "expected_enc_key.pem").scalar()
    by_name = {check.name: check.result for check in one.verdict.checks}
    assert (by_name["signature"], by_name["digest"]) == (Result.OK, Result.OK)


def test_the_empty_issuer_names_by_serial() -> None:
    (recipient,) = parse_enveloped(_pem(GMCERT / "signed_and_enveloped.pem")).recipients
    (named,), (other,) = read_pem(GMCERT / "enc_cert.pem"), read_pem(GMCERT / "sign_cert.pem")
    assert (recipient.is_for(named), recipient.is_for(other)) == (True, False)


def test_gmssl_envelope() -> None:
    message = parse_enveloped((VECTORS / "interop/gmssl/env.der").read_bytes())
    key = read_key_file((VECTORS / "interop/gmssl/enckey.pem").read_bytes(), "P@ssw0rd").require_sm2()
    (certificate,) = read_pem(VECTORS / "interop/gmssl/enc.pem")
    opened = open_enveloped(message, Sm2DecryptionKey(key), certificate)
    assert opened.content == (VECTORS / MSG).read_bytes()
    assert [text.partition("：")[0] for text in opened.warnings] == ["NO_INTEGRITY"]
    (stranger,) = read_pem(VECTORS / "interop/gmssl/sign.pem")
    with pytest.raises(DecryptionError):
        open_enveloped(message, Sm2DecryptionKey(key), stranger)


def _pem(path: Path) -> bytes:
    found = re.search(rb"-----BEGIN [^-]*-----(.*?)-----END", path.read_bytes(), re.DOTALL)
    assert found
    return base64.b64decode(found[1])


def _key(path: Path) -> sm2.PrivateKey:
    return read_key_file(path.read_bytes()).require_sm2()


# Messages inside other files


def _judge_stream(message: bytes, content: bytes) -> Verdict:
    (one,) = verify_stream(
        message,
        io.BytesIO(content),
        anchors=_trust(),
        evidence=RevocationEvidence(),
        purpose=Purpose.LICENCE,
        at=AT,
        strict=False,
    )
    return one.verdict


def test_package_integrity_of_gmt_0099() -> None:
    with zipfile.ZipFile(VECTORS / "ofd" / "hello-integrity_gmt0099.ofd") as package:
        message, entries = package.read("signedvalue.dat"), package.read("OFDEntries.xml")
    verdict = _judge_stream(message, entries)
    assert {check.name: check.result for check in verdict.checks if check.name in CORE} == dict.fromkeys(
        CORE, Result.OK
    )
    assert _judge_stream(message, entries + b" ").failed[:1] == ["content"]


@pytest.mark.parametrize("name", ["DJ_GMPkiLite_GM_sm2cms", "adbe_pkcs7_detached_sm2_501"])
@pytest.mark.parametrize("tampered", [False, True])
def test_messages_in_pdf(name: str, tampered: bool) -> None:
    data = (VECTORS / "pdf_synth" / f"{name}{'_tampered' if tampered else ''}.pdf").read_bytes()
    found = re.search(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]", data)
    assert found
    start, size, again, rest = map(int, found.groups())
    contents = bytes.fromhex(data[start + size + 1 : again - 1].decode())
    message = der.read_prefix(contents, limit=1 << 20).raw
    verdict = _judge_stream(message, data[start : start + size] + data[again : again + rest])
    assert verdict.failed == ([] if not tampered else ["content"] if "GM_sm2cms" in name else ["digest"])
