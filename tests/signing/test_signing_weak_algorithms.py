"""SHA-1 and short RSA keys in real signatures: told, weighed at the proven time, refused where the policy says so."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from msgspec.structs import replace as change
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec
from pyhanko.sign.signers import cms_embedder, pdf_byterange
from signing_pades import write_pdf
from signing_pki import DAY, NOON
from signing_time_world import ruled

from sealing.report import SignatureReport
from sealing.verify import verify_pdf
from signing.algorithm_uses import Use, check_uses, key_use
from signing.certificates import Certificate, parse_certificate
from signing.checks import Indication, Result, SubIndication
from signing.cms_streaming import DetachedVerifier
from signing.path import Anchor, Purpose, RevocationEvidence
from signing.policy import DEFAULT_POLICY, PRODUCTION_POLICY, ValidationPolicy
from signing.trust import make_trust

LAX = change(DEFAULT_POLICY, revocation="if-available")
HASHES: dict[str, Any] = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}  # noqa: S303 - what is tested


@dataclass(frozen=True)
class Signer:
    """A self-signed certificate with its key."""

    key: rsa.RSAPrivateKey
    der: bytes

    @property
    def certificate(self) -> Certificate:
        return parse_certificate(self.der)


@cache
def signer(bits: int) -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old Ltd")])
    ca = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old CA")]))
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(NOON - 30 * DAY)
        .not_valid_after(NOON + 30 * DAY)
        .sign(ca, hashes.SHA256())
    )
    return Signer(key, made.public_bytes(serialization.Encoding.DER))


def message(who: Signer, digest: str, value: bytes, *, wrapped: bool) -> bytes:
    """Make a CMS message over a digest: detached, or around the digest (adbe.pkcs7.sha1)."""
    held = hashlib.new(digest, value).digest() if wrapped else value
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["data"]},
            {"type": "message_digest", "values": [held]},
            {"type": "signing_time", "values": [cms.Time({"utc_time": NOON})]},
        ]
    )
    signature = who.key.sign(attributes.dump(), padding.PKCS1v15(), HASHES[digest])
    certificate = asn1_x509.Certificate.load(who.der)
    sid = cms.IssuerAndSerialNumber({"issuer": certificate.issuer, "serial_number": certificate.serial_number})
    info = {
        "version": "v1",
        "sid": cms.SignerIdentifier({"issuer_and_serial_number": sid}),
        "digest_algorithm": {"algorithm": digest},
        "signed_attrs": attributes,
        "signature_algorithm": {"algorithm": "rsassa_pkcs1v15"},
        "signature": signature,
    }
    content: dict[str, Any] = {"content_type": "data"} | ({"content": value} if wrapped else {})
    signed = {
        "version": "v1",
        "digest_algorithms": [{"algorithm": digest}],
        "encap_content_info": content,
        "certificates": [cms.CertificateChoices({"certificate": certificate})],
        "signer_infos": [info],
    }
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)}).dump())


def sign(folder: Path, who: Signer, digest: str, *, sub_filter: str = "/adbe.pkcs7.detached") -> Path:
    path, wrapped = write_pdf(folder / "1.pdf"), sub_filter == "/adbe.pkcs7.sha1"
    with path.open("r+b") as stream:
        writer = IncrementalPdfFileWriter(stream)
        embedder = cms_embedder.PdfCMSEmbedder(SigFieldSpec("Signature1"))
        steps = embedder.write_cms("Signature1", writer)
        next(steps)
        placed = pdf_byterange.PdfSignedData(
            pdf_name("/Sig"), SimpleNamespace(value=pdf_name(sub_filter)), timestamp=NOON, bytes_reserved=8192
        )
        steps.send(cms_embedder.SigObjSetup(sig_placeholder=placed))
        document, _ = steps.send(cms_embedder.SigIOSetup(md_algorithm="sha1" if wrapped else digest, in_place=True))
        steps.send(message(who, digest, document.document_digest, wrapped=wrapped))
    return path


def judge(path: Path, who: Signer, policy: ValidationPolicy = LAX) -> SignatureReport:
    anchors = make_trust("老", "1", sandbox=False, anchors=(Anchor(who.certificate, frozenset(Purpose)),))
    verdict = verify_pdf(path, anchors=anchors, evidence=RevocationEvidence(), at=NOON + DAY, policy=policy)
    return verdict.signatures[0]


def weak(report: SignatureReport) -> list[str]:
    return [text for text in report.verdict.warnings if text.startswith("ALG")]


@pytest.mark.parametrize(
    ("bits", "digest", "sub_filter", "told"),
    [
        pytest.param(2048, "sha256", "/adbe.pkcs7.detached", [], id="as of today"),
        pytest.param(1024, "sha256", "/adbe.pkcs7.detached", ["RSA 1024"], id="a short key"),
        pytest.param(2048, "sha1", "/adbe.pkcs7.detached", ["sha1"], id="SHA-1"),
        pytest.param(2048, "sha256", "/adbe.pkcs7.sha1", ["sha1"], id="around SHA-1"),
        pytest.param(1024, "sha1", "/adbe.pkcs7.sha1", ["sha1", "RSA 1024"], id="all of it"),
    ],
)
def test_weak_algorithms_are_told(tmp_path: Path, bits: int, digest: str, sub_filter: str, told: list[str]) -> None:
    who = signer(bits)
    path = sign(tmp_path, who, digest, sub_filter=sub_filter)
    report = judge(path, who)
    assert report.indication is Indication.TOTAL_PASSED, report.verdict.checks
    assert len(weak(report)) == len(told)
    assert all(any(word in text for text in weak(report)) for word in told)
    strict = change(PRODUCTION_POLICY, revocation="if-available")
    report = judge(path, who, strict)
    if told:
        assert (report.indication, report.sub_indication) == (
            Indication.INDETERMINATE,
            SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
        )
    else:
        assert report.indication is Indication.TOTAL_PASSED


@pytest.mark.parametrize("sub_filter", ["/adbe.pkcs7.detached", "/adbe.pkcs7.sha1"])
def test_a_changed_file_fails_under_sha1_too(tmp_path: Path, sub_filter: str) -> None:
    who = signer(2048)
    path = sign(tmp_path, who, "sha1", sub_filter=sub_filter)
    data = path.read_bytes()
    place = data.index(b"/MediaBox")
    path.write_bytes(data[: place + 12] + bytes((data[place + 12] ^ 1,)) + data[place + 13 :])
    report = judge(path, who)
    assert (report.indication, report.sub_indication) == (Indication.TOTAL_FAILED, SubIndication.HASH_FAILURE)


def test_where_sha1_is_no_name_it_is_not_looked_at(tmp_path: Path) -> None:
    who = signer(2048)
    rules = tuple(rule for rule in LAX.algorithms if rule.name != "sha1")
    report = judge(sign(tmp_path, who, "sha1"), who, change(LAX, algorithms=rules))
    assert report.sub_indication is SubIndication.CRYPTO_CONSTRAINTS_FAILURE
    assert {c.name for c in report.verdict.checks if c.result is Result.UNKNOWN} >= {"digest", "algorithms"}


def test_what_would_help_is_said() -> None:
    rsa_use = key_use(signer(1024).certificate.public_key, "签名人证书的密钥")
    assert (rsa_use.name, rsa_use.bits, rsa_use.label) == ("rsa", 1024, "RSA 1024 位")
    policy = ruled(DEFAULT_POLICY, "sha256", good_until="2026-11-25", usable_until="2026-11-30")
    uses = [Use("sha256", 0, "签名的摘要"), Use("sha512", 0, "别的摘要")]
    for days, sub, warned in (
        (1, None, 0),
        (8, None, 1),
        (20, SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE, 0),
    ):
        found, warnings = check_uses(uses, policy, at=NOON + days * DAY, claimed=NOON)
        assert (found.sub, len(warnings)) == (sub, warned)
    found, _ = check_uses(uses, policy, at=NOON + 20 * DAY, claimed=NOON + 15 * DAY)
    assert found.sub is SubIndication.CRYPTO_CONSTRAINTS_FAILURE


def test_a_detached_message_over_sha1_is_taken_when_asked() -> None:
    who, content = signer(2048), b"an old letter"
    data = message(who, "sha1", hashlib.sha1(content).digest(), wrapped=False)  # noqa: S324 - what is tested
    anchors = make_trust("老", "1", sandbox=False, anchors=(Anchor(who.certificate, frozenset(Purpose)),))
    for legacy, word in ((False, Result.UNKNOWN), (True, Result.OK)):
        verifier = DetachedVerifier(data, legacy=legacy)
        verifier.update(content)
        (found,) = verifier.finish_all(
            anchors=anchors, evidence=RevocationEvidence(), purpose=Purpose.LICENCE, strict=False
        )
        assert {c.result for c in found.verdict.checks if c.name in ("digest", "signature")} == {word}
