"""Certificate requests: made around a key held elsewhere, read, judged, and exchanged with OpenSSL."""

import base64
import re
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st
from signing_pki import DAY, NOON, VECTORS
from signing_suites import MAKERS, key_of, make_root, write_pem

from signing import canonical, der, sm2
from signing.certificate_extensions import DNS_NAME, GeneralName
from signing.certificates import parse_certificate
from signing.checks import Indication
from signing.csr import MAX_CSR, PreparedCsr, complete_csr, parse_csr, prepare_csr, verify_csr
from signing.digests import sm3
from signing.errors import BadSignatureError, InvalidKeyError, LimitError, MalformedError, SigningError
from signing.issuing import ENCRYPTION, CertificateRequest, Subject, build_certificate
from signing.schemes import SigningKey, Sm2Key

DISTID = "distid:1234567812345678"
SUBJECT = Subject("某某建设有限公司", organisation="某某建设有限公司")
NAMES = (GeneralName(DNS_NAME, b"a.example"),)


def _make(kind: str) -> bytes:
    key = key_of(kind, "csr")
    prepared = prepare_csr(SUBJECT, key.public_key, alternative_names=NAMES)
    return complete_csr(prepared, key.sign(prepared.to_be_signed))


@pytest.mark.parametrize("kind", MAKERS)
def test_requests_of_every_suite(kind: str) -> None:
    data = _make(kind)
    csr = parse_csr(data)
    assert verify_csr(csr).indication is Indication.TOTAL_PASSED
    assert csr.public_key == key_of(kind, "csr").public_key
    assert (csr.common_name, csr.subject_der) == ("某某建设有限公司", SUBJECT.encode())
    assert csr.key_usage == {"digitalSignature", "nonRepudiation"}
    assert csr.alternative_names == NAMES
    der.require_der(data, limit=MAX_CSR)


def test_what_is_prepared_can_wait_in_a_file() -> None:
    key = key_of("sm2", "csr")
    kept = canonical.encode(prepare_csr(SUBJECT, key.public_key, key_usage=ENCRYPTION))
    prepared = canonical.decode(kept, PreparedCsr)
    csr = parse_csr(complete_csr(prepared, key.sign(prepared.to_be_signed)))
    assert csr.key_usage == set(ENCRYPTION)


def test_a_request_becomes_a_certificate() -> None:
    root, csr = make_root("CA", "p256"), parse_csr(_make("rsa"))
    request = CertificateRequest(csr.subject_der, csr.public_key, 5, NOON, NOON + DAY)
    made = parse_certificate(build_certificate(request, root.certificate, root.key.sign))
    assert (made.subject_der, made.public_key) == (csr.subject_der, csr.public_key)


def test_the_signature_of_another_key_is_not_taken() -> None:
    prepared = prepare_csr(SUBJECT, key_of("sm2", "csr").public_key)
    for signature in (key_of("sm2", "other").sign(prepared.to_be_signed), b"", b"\x30\0"):
        with pytest.raises(BadSignatureError):
            complete_csr(prepared, signature)


def _forged(sign: SigningKey, *, of: SigningKey, wrong: bytes | None = None) -> bytes:
    prepared = prepare_csr(SUBJECT, of.public_key)
    signature = sign.sign(prepared.to_be_signed) if wrong is None else wrong
    return der.sequence(prepared.to_be_signed, of.scheme.algorithm.encode(), der.bit_string(signature))


def _without_z() -> bytes:
    key = key_of("sm2", "csr")
    assert isinstance(key, Sm2Key)
    tbs = prepare_csr(SUBJECT, key.public_key).to_be_signed
    return _forged(key, of=key, wrong=sm2.sign_digest(key.private, sm3(tbs)))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(_forged(key_of("sm2", "x"), of=key_of("sm2", "csr")), "签名值不正确", id="SM2, another key"),
        pytest.param(_forged(key_of("p256", "x"), of=key_of("p256", "csr")), "签名值不正确", id="ECDSA, another key"),
        pytest.param(_forged(key_of("rsa", "x"), of=key_of("rsa", "csr")), "签名值不正确", id="RSA, another key"),
        pytest.param(_without_z(), "未含 Z", id="SM2 without Z"),
    ],
)
def test_a_key_that_is_not_held_is_found_out(data: bytes, words: str) -> None:
    verdict = verify_csr(parse_csr(data))
    assert (verdict.failed, verdict.worst.code) == (["possession"], "SIG")
    assert words in verdict.worst.why


def test_an_algorithm_of_the_other_suite_is_not_judged() -> None:
    ours, theirs = key_of("sm2", "csr"), key_of("p256", "csr")
    tbs = prepare_csr(SUBJECT, ours.public_key).to_be_signed
    data = der.sequence(tbs, theirs.scheme.algorithm.encode(), der.bit_string(theirs.sign(tbs)))
    assert verify_csr(parse_csr(data)).worst.code == "ALG"


@pytest.mark.parametrize("key", [b"", b"\x30\0"])
def test_no_request_for_what_is_no_key(key: bytes) -> None:
    with pytest.raises(InvalidKeyError):
        prepare_csr(SUBJECT, key)


GOOD = _make("sm2")
TBS = der.read(GOOD, limit=MAX_CSR).children()[0]


def _attributes(*attributes: bytes, version: int = 0) -> bytes:
    fields = TBS.children()
    tbs = der.sequence(der.integer(version), fields[1].raw, fields[2].raw, der.explicit(0, *attributes))
    return der.sequence(tbs, key_of("sm2").scheme.algorithm.encode(), der.bit_string(b""))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"", MalformedError, id="empty"),
        pytest.param(GOOD + b"\0", MalformedError, id="trailing byte"),
        pytest.param(GOOD[:-1], MalformedError, id="truncated"),
        pytest.param(bytes(MAX_CSR + 1), LimitError, id="too large"),
        pytest.param(make_root().certificate.der, MalformedError, id="a certificate"),
        pytest.param(_attributes(version=1), MalformedError, id="another version"),
        pytest.param(_attributes(b"\5\0"), MalformedError, id="an attribute that is none"),
        pytest.param(_attributes(*[der.sequence(der.oid("1.2.3"), der.set_of())] * 33), MalformedError, id="many"),
    ],
)
def test_what_is_no_request(data: bytes, error: type[SigningError]) -> None:
    with pytest.raises(error):
        parse_csr(data)


def test_a_request_without_attributes() -> None:
    csr = parse_csr(_attributes())
    assert (csr.key_usage, csr.extensions) == (None, ())


@given(at=st.integers(0, len(GOOD) - 1), bit=st.integers(0, 7))
@settings(deadline=None)
def test_a_changed_request_never_passes(at: int, bit: int) -> None:
    data = bytearray(GOOD)
    data[at] ^= 1 << bit
    try:
        verdict = verify_csr(parse_csr(bytes(data)))
    except SigningError:
        return
    assert verdict.indication is not Indication.TOTAL_PASSED


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa", "ed25519"])
def test_cryptography_accepts_ours(kind: str) -> None:
    csr = x509.load_der_x509_csr(_make(kind))
    assert csr.is_signature_valid
    assert csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
        x509.DNSName
    ) == ["a.example"]


@pytest.mark.conformance
def test_the_request_of_tongsuo() -> None:
    body = re.search(
        rb"-----BEGIN[^-]*-----(.*?)-----END", (VECTORS / "certs/tongsuo/sm2-csr.pem").read_bytes(), re.DOTALL
    )
    assert body
    csr = parse_csr(base64.b64decode(body[1]))
    assert isinstance(csr.public_key, sm2.PublicKey)
    assert verify_csr(csr).indication is Indication.TOTAL_PASSED


def _run(*arguments: str | Path) -> str:
    ran = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr


@pytest.mark.interop
@pytest.mark.parametrize("kind", MAKERS)
def test_openssl_accepts_ours(tmp_path: Path, kind: str) -> None:
    path = write_pem(tmp_path / "x.csr", _make(kind), label="CERTIFICATE REQUEST")
    options = ("-vfyopt", DISTID) if kind == "sm2" else ()
    text = _run("req", "-in", path, "-noout", "-verify", "-text", "-nameopt", "utf8", *options)
    for words in ("verify OK", "某某建设有限公司", "DNS:a.example", "Digital Signature, Non Repudiation"):
        assert words in text


@pytest.mark.interop
@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        pytest.param(("EC", "-pkeyopt", "ec_paramgen_curve:SM2"), ("-sm3", "-sigopt", DISTID), id="SM2"),
        pytest.param(("EC", "-pkeyopt", "ec_paramgen_curve:P-256"), ("-sha256",), id="P-256"),
        pytest.param(("RSA", "-pkeyopt", "rsa_keygen_bits:2048"), ("-sha384",), id="RSA"),
        pytest.param(("ED25519",), (), id="Ed25519"),
    ],
)
def test_we_accept_theirs(tmp_path: Path, algorithm: tuple[str, ...], options: tuple[str, ...]) -> None:
    key, path = tmp_path / "k.pem", tmp_path / "x.csr"
    _run("genpkey", "-algorithm", *algorithm, "-out", key)
    subject = ("-subj", "/C=CN/O=甲公司/CN=签名", "-utf8", "-addext", "subjectAltName=DNS:b.example")
    _run("req", "-new", "-key", key, *options, *subject, "-outform", "DER", "-out", path)
    csr = parse_csr(path.read_bytes())
    assert verify_csr(csr).indication is Indication.TOTAL_PASSED
    assert (csr.common_name, csr.alternative_names) == ("签名", (GeneralName(DNS_NAME, b"b.example"),))


@pytest.mark.interop
def test_a_request_of_openssl_without_an_id_is_named(tmp_path: Path) -> None:
    key, path = tmp_path / "k.pem", tmp_path / "x.csr"
    _run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", key)
    _run("req", "-new", "-key", key, "-sm3", "-subj", "/CN=x", "-outform", "DER", "-out", path)
    assert "空用户标识" in verify_csr(parse_csr(path.read_bytes())).worst.why
