"""The openssl command line verifies and decrypts what we write, and we what it writes.

OpenSSL 3.0 verifies SM2 messages only under the empty user id, so those prove the structure, not the rule.
"""

import base64
import io
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from cms_pki import EC_BOX, ECDSA, INTL_ROOT, P384, RSA, RSA_BOX, SM2_BOX, Foreigner
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from signing_pki import CA, EVIDENCE, NOON, UNIT, trust

from signing import sm2
from signing.certificates import Certificate
from signing.checks import Result
from signing.cms import verify_signers
from signing.cms_recipients import InternationalDecryptionKey
from signing.cms_signing import GB_35275, CmsForm, complete_cms, prepare_cms, prepare_cosignature
from signing.cms_writing import encode_certificates, encode_signed_data
from signing.digests import sm3
from signing.enveloped_data import open_enveloped, parse_enveloped
from signing.enveloped_streaming import decrypt_stream, encrypt_stream
from signing.enveloped_writing import (
    GB_35275 as GB_ENVELOPE,
)
from signing.enveloped_writing import (
    INTL_CBC,
    INTL_GCM,
    STANDARD_CBC,
    EncryptionProfile,
    encrypt_enveloped,
)
from signing.path import Purpose
from signing.signed_data import parse_signed_data
from signing.sm2_diagnosis import EMPTY_ID, WITHOUT_Z, wrong_seeds

pytestmark = pytest.mark.interop
CONTENT = "投标文件\n".encode() * 1000
BOTH = trust(INTL_ROOT.certificate)


def _pem(certificate: Certificate) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(certificate.der).decode()}-----END CERTIFICATE-----\n"


@dataclass(frozen=True)
class Lab:
    """A folder with the keys and certificates as openssl reads them."""

    folder: Path

    def write(self, name: str, data: bytes) -> str:
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def run(self, *arguments: str, refused: bool = False) -> bytes:
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, check=False, timeout=60)
        assert (done.returncode != 0) is refused, done.stderr.decode()
        return done.stdout

    def out(self, *arguments: str) -> bytes:
        self.run(*arguments, "-out", "out")
        return (self.folder / "out").read_bytes()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    made = Lab(tmp_path)
    made.write("content", CONTENT)
    made.write("root.pem", _pem(INTL_ROOT.certificate).encode())
    for name, one in (("rsa", RSA), ("ecdsa", ECDSA), ("p384", P384), ("rsabox", RSA_BOX), ("ecbox", EC_BOX)):
        made.write(f"{name}.pem", _pem(one.certificate).encode())
        made.write(f"{name}.key", one.pem_key)
    return made


# Signatures

VERIFY = ("cms", "-verify", "-binary", "-inform", "DER", "-in", "message", "-CAfile", "root.pem", "-purpose", "any")
AT = ("-attime", str(int(NOON.timestamp())))


@pytest.mark.parametrize("signer", [RSA, ECDSA, P384], ids=["RSA", "P-256", "P-384"])
@pytest.mark.parametrize(
    "form",
    [CmsForm(), CmsForm(attached=True), CmsForm(attributes=False), CmsForm(attributes=False, attached=True)],
    ids=str,
)
def test_openssl_verifies_ours(lab: Lab, signer: Foreigner, form: CmsForm) -> None:
    prepared = prepare_cms(CONTENT, signer.certificate, NOON, form=form)
    lab.write("message", complete_cms(prepared, signer.sign(prepared.to_be_signed)))
    content = () if form.attached else ("-content", "content")
    assert lab.out(*VERIFY, *AT, *content) == CONTENT
    lab.write("content", CONTENT + b"x")
    if not form.attached:
        lab.run(*VERIFY, *AT, *content, refused=True)


def test_openssl_verifies_several_signers(lab: Lab) -> None:
    prepared = prepare_cms(CONTENT, RSA.certificate, NOON)
    data = complete_cms(prepared, RSA.sign(prepared.to_be_signed))
    second = prepare_cosignature(data, ECDSA.certificate, NOON, content=CONTENT)
    lab.write("message", complete_cms(second, ECDSA.sign(second.to_be_signed)))
    assert lab.out(*VERIFY, *AT, "-content", "content", "-signer", "signers") == CONTENT
    assert (lab.folder / "signers").read_bytes().count(b"BEGIN CERTIFICATE") == 2


OPTIONS = {
    "RSA": ("rsa",),
    "RSA with PSS": ("rsa", "-keyopt", "rsa_padding_mode:pss"),
    "RSA, no attributes": ("rsa", "-noattr"),
    "RSA, key identifier": ("rsa", "-keyid"),
    "RSA, SHA-512": ("rsa", "-md", "sha512"),
    "RSA, CAdES": ("rsa", "-cades"),
    "RSA, BER": ("rsa", "-stream", "-indef"),
    "ECDSA": ("ecdsa",),
    "ECDSA, no attributes": ("ecdsa", "-noattr"),
    "ECDSA, SHA-384": ("p384", "-md", "sha384"),
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("attached", [False, True])
def test_we_verify_openssl(lab: Lab, options: tuple[str, ...], attached: bool) -> None:
    name, *more = options
    sign = ("cms", "-sign", "-binary", "-in", "content", "-signer", f"{name}.pem", "-inkey", f"{name}.key")
    data = lab.out(*sign, "-outform", "DER", *more, *(("-nodetach",) if attached else ()))
    for content, ok in ((CONTENT, True), (CONTENT + b"x", False)):
        inside = parse_signed_data(data).content is not None  # streams carry their content in any case
        if inside and not ok:
            continue
        (one,) = verify_signers(
            data,
            anchors=BOTH,
            evidence=EVIDENCE,
            purpose=Purpose.LICENCE,
            content=None if inside else content,
            at=NOON,
            strict=False,
        )
        results = {check.name: check.result for check in one.verdict.checks if check.name in ("digest", "signature")}
        assert (set(results.values()) == {Result.OK}) is ok, one.verdict


@pytest.mark.parametrize("form", [CmsForm(), CmsForm(attached=True), CmsForm(attributes=False, attached=True)], ids=str)
def test_openssl_agrees_on_the_structure_of_sm2_messages(lab: Lab, form: CmsForm) -> None:
    """The same message, but for the empty user id, is verified; ours with the standard one is refused.

    Without attributes OpenSSL leaves Z out altogether.
    """
    prepared = prepare_cms(CONTENT, UNIT.certificate, NOON, chain=(CA.certificate,), form=form)
    lab.write("message", complete_cms(prepared, UNIT.sign(prepared.to_be_signed)))
    content = () if form.attached else ("-content", "content")
    check = ("cms", "-verify", "-binary", "-noverify", "-inform", "DER", "-in", "message", *content)
    lab.run(*check, refused=True)
    assert b"SM2-with-SM3" in lab.run("cms", "-cmsout", "-print", "-noout", "-inform", "DER", "-in", "message")
    seeds = dict(wrong_seeds(UNIT.key.public))
    rule = EMPTY_ID if form.attributes else WITHOUT_Z
    value = sm2.sign_digest(UNIT.key, sm3(seeds[rule], prepared.to_be_signed))
    lab.write(
        "message",
        encode_signed_data(prepared.attributes, UNIT.certificate, value, content=prepared.content),
    )
    assert lab.out(*check) == CONTENT


def test_openssl_reads_the_tree_of_gm_messages(lab: Lab) -> None:
    prepared = prepare_cms(CONTENT, UNIT.certificate, NOON, form=GB_35275)
    lab.write("message", complete_cms(prepared, UNIT.sign(prepared.to_be_signed)))
    assert b"1.2.156.10197.6.1.4.2.2" in lab.run("asn1parse", "-inform", "DER", "-in", "message")
    lab.write("message", encrypt_enveloped(CONTENT, [SM2_BOX.certificate], profile=GB_ENVELOPE))
    assert b"1.2.156.10197.1.301.3" in lab.run("asn1parse", "-inform", "DER", "-in", "message")


def test_openssl_reads_our_certificate_messages(lab: Lab) -> None:
    lab.write("message", encode_certificates([CA.certificate, UNIT.certificate]))
    out = lab.run("pkcs7", "-inform", "DER", "-in", "message", "-print_certs")
    assert out.count(b"BEGIN CERTIFICATE") == 2


# Envelopes


@pytest.mark.parametrize("box", ["rsabox", "ecbox"])
@pytest.mark.parametrize("profile", [INTL_CBC, INTL_GCM, STANDARD_CBC], ids=lambda one: one.name)
@pytest.mark.parametrize("streamed", [False, True])
def test_openssl_decrypts_ours(lab: Lab, box: str, profile: EncryptionProfile, streamed: bool) -> None:
    recipients = [RSA_BOX.certificate, EC_BOX.certificate]
    if streamed:
        with (lab.folder / "message").open("wb") as sink:
            encrypt_stream(io.BytesIO(CONTENT), sink, recipients, profile=profile)
    else:
        lab.write("message", encrypt_enveloped(CONTENT, recipients, profile=profile))
    decrypt = ("cms", "-decrypt", "-binary", "-inform", "DER", "-in", "message")
    assert lab.out(*decrypt, "-recip", f"{box}.pem", "-inkey", f"{box}.key") == CONTENT


ENCRYPT = {
    "AES-256-CBC": ("-aes-256-cbc",),
    "AES-128-CBC": ("-aes-128-cbc",),
    "AES-256-GCM": ("-aes-256-gcm",),
    "SM4-CBC": ("-sm4-cbc",),
    "key identifier": ("-aes-256-cbc", "-keyid"),
    "BER": ("-aes-256-cbc", "-stream", "-indef"),
}


@pytest.mark.parametrize("options", ENCRYPT.values(), ids=ENCRYPT.keys())
@pytest.mark.parametrize(
    ("name", "box", "more"),
    [
        pytest.param("rsabox", RSA_BOX, (), id="RSA PKCS#1 v1.5"),
        pytest.param("rsabox", RSA_BOX, ("-keyopt", "rsa_padding_mode:oaep"), id="RSA OAEP"),
        pytest.param("ecbox", EC_BOX, (), id="ECDH"),
        pytest.param("ecbox", EC_BOX, ("-keyopt", "ecdh_kdf_md:sha256"), id="ECDH with SHA-256"),
    ],
)
def test_we_decrypt_openssl(
    lab: Lab, options: tuple[str, ...], name: str, box: Foreigner, more: tuple[str, ...]
) -> None:
    encrypt = ("cms", "-encrypt", "-binary", "-in", "content", "-outform", "DER")
    data = lab.out(*encrypt, *options, "-recip", f"{name}.pem", *more)
    assert isinstance(box.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    key = InternationalDecryptionKey(box.key)
    assert open_enveloped(parse_enveloped(data), key, box.certificate).content == CONTENT
    spool = io.BytesIO()
    decrypt_stream(io.BytesIO(data), spool, key, box.certificate)
    assert spool.getvalue() == CONTENT
