"""Making certificates and lists in both suites, and across them, as OpenSSL and `cryptography` judge them."""

import asyncio
import subprocess
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import InsufficientRevinfoError, RevokedError
from signing_pki import DAY, NOON, USCC
from signing_suites import MAKERS, Party, key_of, make_root, write_pem

from signing import der
from signing.algorithms import verify_signature
from signing.certificate_extensions import DNS_NAME, Addresses, GeneralName, NameConstraints, PolicyRules
from signing.certificates import MAX_CERTIFICATE
from signing.errors import BadSignatureError, InvalidKeyError, UnsupportedAlgorithmError
from signing.issuing import AUTHORITY, ENCRYPTION, CertificateRequest, Revocation, Subject, build_certificate
from signing.issuing_extensions import CrlExtensions, Extras, directory_name, uri
from signing.revocation import is_issued_by, parse_crl
from signing.schemes import SigningKey, scheme_for

DISTID = "distid:1234567812345678"
EVERYTHING = Extras(
    Addresses(("http://ca.example/a.crl",), ("http://ca.example/ocsp",), ("http://ca.example/a.cer",)),
    alternative_names=(GeneralName(DNS_NAME, b"a.example"), uri("http://a.example/x"), directory_name(b"0\0")),
    name_constraints=NameConstraints(
        permitted=(directory_name(Subject("x").encode()),), excluded=(GeneralName(DNS_NAME, b"b.example"),)
    ),
    policy_rules=PolicyRules(frozenset({"1.2.3"}), (("1.2.3", "1.2.4"),), 0, 200, 3),
    ocsp_nocheck=True,
)


@pytest.mark.parametrize(("above", "below"), [*product(MAKERS, MAKERS)])
def test_any_suite_certifies_any_suite(above: str, below: str) -> None:
    root = make_root(kind=above)
    leaf = root.issue("叶", below).certificate
    assert leaf.public_key == key_of(below, "叶").public_key
    assert leaf.signature_algorithm == root.key.scheme.algorithm
    verify_signature(root.certificate.public_key, leaf.signature_algorithm, leaf.tbs, leaf.signature)
    assert leaf.authority_key_id == root.certificate.subject_key_id != leaf.subject_key_id
    der.require_der(leaf.der, limit=MAX_CERTIFICATE)
    other = make_root("别", above)
    with pytest.raises(BadSignatureError):
        verify_signature(other.certificate.public_key, leaf.signature_algorithm, leaf.tbs, leaf.signature)


def test_every_extension_comes_back() -> None:
    made = make_root().issue_authority("全", extras=EVERYTHING, path_length=3, uscc=USCC).certificate
    assert made.addresses == EVERYTHING.addresses
    assert made.alternative_names == EVERYTHING.alternative_names
    assert made.name_constraints == EVERYTHING.name_constraints
    assert made.policy_rules == EVERYTHING.policy_rules
    assert (made.ocsp_nocheck, made.path_length, made.unknown_critical) == (True, 3, ())
    der.require_der(made.der, limit=MAX_CERTIFICATE)


def test_a_given_issuers_key_identifier_is_taken_over() -> None:
    root = make_root()
    below = root.issue_authority("CA", "p256")
    assert below.issue("叶", "rsa").certificate.authority_key_id == below.certificate.subject_key_id


def test_a_name_may_be_der() -> None:
    name = Subject("原样").encode()
    key = key_of("sm2", "x")
    request = CertificateRequest(name, key.public_key, 1, NOON, NOON + DAY)
    assert name in build_certificate(request, None, key.sign)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"key_usage": ("digitalSignature", *ENCRYPTION)}, id="signing and encryption"),
        pytest.param({"key_usage": ("nonRepudiation", "keyAgreement")}, id="nonRepudiation and agreement"),
        pytest.param({"serial": 0}, id="serial number zero"),
        pytest.param({"serial": -5}, id="negative serial number"),
        pytest.param({"key_usage": ("sign",)}, id="unknown usage"),
    ],
)
def test_certificates_that_are_not_made(fields: dict[str, object]) -> None:
    root = make_root()
    with pytest.raises(ValueError, match=r"双证书|positive|tuple.index"):
        root.issue("坏", **fields)


def test_an_rsa_key_may_serve_both() -> None:
    made = make_root().issue("两用", "rsa", key_usage=("digitalSignature", "keyEncipherment")).certificate
    assert (made.may_sign, made.may_encrypt) == (True, True)


@pytest.mark.parametrize("spki", [b"", b"\x30\x00", bytes(80)])
def test_no_certificate_for_what_is_no_key(spki: bytes) -> None:
    with pytest.raises((InvalidKeyError, UnsupportedAlgorithmError)):
        scheme_for(spki)


def test_lists_of_every_suite() -> None:
    for kind in MAKERS:
        root = make_root(kind=kind)
        crl = parse_crl(root.crl(Revocation(7, NOON, "superseded", NOON - DAY)))
        assert is_issued_by(crl, root.certificate)
        assert (crl.revoked, crl.invalid_since) == ({7: (NOON, "superseded")}, {7: NOON - DAY})
        assert not is_issued_by(crl, make_root("别", kind).certificate)


# Outside verifiers


def _run(*arguments: str | Path) -> str:
    ran = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False, text=True)
    assert ran.returncode == 0, f"{ran.stdout}{ran.stderr}"
    return ran.stdout + ran.stderr


AT = ("-attime", str(int(NOON.timestamp())))


def _family(kind: str, leaf: str) -> tuple[Party, Party, Party]:
    root = make_root("Root", kind)
    ca = root.issue_authority("CA", f"{kind}:ca", path_length=0)
    return root, ca, ca.issue("leaf", leaf)


@pytest.mark.interop
@pytest.mark.parametrize(("kind", "leaf"), [("p256", "p256"), ("p384", "rsa"), ("rsa", "ed25519"), ("rsa", "sm2")])
def test_openssl_verifies_international_chains_with_lists(tmp_path: Path, kind: str, leaf: str) -> None:
    root, ca, made = _family(kind, leaf)
    roots = write_pem(tmp_path / "root.pem", root.certificate.der)
    cas = write_pem(tmp_path / "ca.pem", ca.certificate.der)
    end = write_pem(tmp_path / "leaf.pem", made.certificate.der)
    lists = write_pem(tmp_path / "crls.pem", root.crl(), ca.crl(), label="X509 CRL")
    options = ("verify", *AT, "-x509_strict", "-crl_check_all", "-CRLfile", lists, "-CAfile", roots, "-untrusted", cas)
    assert "OK" in _run(*options, end)
    gone = write_pem(tmp_path / "gone.pem", root.crl(), ca.crl(Revocation(100, NOON - DAY)), label="X509 CRL")
    with pytest.raises(AssertionError, match="certificate revoked"):
        _run(*("verify", *AT, "-crl_check_all", "-CRLfile", gone, "-CAfile", roots, "-untrusted", cas, end))


@pytest.mark.interop
@pytest.mark.parametrize("leaf", ["sm2", "p256", "rsa"])
def test_openssl_verifies_gm_chains_level_by_level(tmp_path: Path, leaf: str) -> None:
    root, ca, made = (write_pem(tmp_path / f"{n}.pem", p.certificate.der) for n, p in enumerate(_family("sm2", leaf)))
    assert "OK" in _run("verify", *AT, "-vfyopt", DISTID, "-trusted", root, ca)
    assert "OK" in _run("verify", *AT, "-vfyopt", DISTID, "-partial_chain", "-trusted", ca, made)


@pytest.mark.interop
def test_openssl_prints_every_extension(tmp_path: Path) -> None:
    made = make_root().issue_authority("全", extras=EVERYTHING, path_length=3).certificate
    text = _run("x509", "-in", write_pem(tmp_path / "x.pem", made.der), "-noout", "-text")
    for words in (
        "CA:TRUE, pathlen:3",
        "URI:http://ca.example/a.crl",
        "OCSP - URI:http://ca.example/ocsp",
        "CA Issuers - URI:http://ca.example/a.cer",
        "DNS:a.example",
        "Policy: 1.2.3",
        "Require Explicit Policy:0, Inhibit Policy Mapping:200",
        "Inhibit Any Policy: critical",
        "OCSP No Check",
        "Name Constraints: critical",
        "Excluded:\n                  DNS:b.example",
    ):
        assert words in text


@pytest.mark.interop
def test_openssl_prints_lists(tmp_path: Path) -> None:
    narrow = CrlExtensions(base=1, address="http://ca.example/a.crl", users_only=True, indirect=True, expired_from=NOON)
    made = make_root().crl(Revocation(7, NOON, "certificateHold", NOON - DAY), extras=narrow)
    (tmp_path / "x.crl").write_bytes(made)
    text = _run("crl", "-inform", "DER", "-in", tmp_path / "x.crl", "-noout", "-text")
    for words in ("Certificate Hold", "Invalidity Date", "Delta CRL Indicator: critical", "Only User Certificates"):
        assert words in text


def test_cryptography_builds_the_same_path() -> None:
    """The rules of the web PKI are narrower than ours: a name and serverAuth are put in for them."""
    root = make_root("Root", "p256")
    names = Extras(alternative_names=(GeneralName(DNS_NAME, b"a.example"),))
    ca = root.issue_authority("CA", "p384", key_usage=AUTHORITY)
    made = ca.issue("a", "rsa", purposes=("1.3.6.1.5.5.7.3.1",), extras=names)
    load = x509.load_der_x509_certificate
    store = Store([load(root.certificate.der)])
    verifier = PolicyBuilder().store(store).time(NOON).build_server_verifier(x509.DNSName("a.example"))
    chain = verifier.verify(load(made.certificate.der), [load(ca.certificate.der)])
    assert [one.serial_number for one in chain] == [100, 2, 1]


def test_cryptography_reads_our_lists() -> None:
    crl = x509.load_der_x509_crl(make_root(kind="rsa").crl(Revocation(7, NOON, "keyCompromise")))
    found = crl.get_revoked_certificate_by_serial_number(7)
    assert found is not None
    assert found.revocation_date_utc == NOON
    assert crl.next_update_utc == NOON + timedelta(days=1)
    key: SigningKey = key_of("rsa", "根")
    assert crl.is_signature_valid(key.private.public_key())  # type: ignore[attr-defined]


def test_certvalidator_judges_lists_and_answers_alike() -> None:
    root = make_root("Root", "rsa")
    ca = root.issue_authority("CA", "p256", path_length=0)
    said = Extras(Addresses(ocsps=("http://ca.example/ocsp",)))  # it looks at answers only where a certificate says so
    leaf, responder = ca.issue("leaf", "p256", extras=said), ca.issue_responder("p256")

    def judge(*crls: bytes, ocsps: tuple[bytes, ...] = ()) -> None:
        load = asn1_x509.Certificate.load
        context = ValidationContext(
            trust_roots=[load(root.certificate.der)],
            other_certs=[load(ca.certificate.der)],
            moment=NOON,
            allow_fetching=False,
            revocation_mode="require",
            time_tolerance=timedelta(0),
            crls=crls,
            ocsps=ocsps,
        )
        validator = CertificateValidator(load(leaf.certificate.der), validation_context=context)
        asyncio.run(validator.async_validate_usage({"digital_signature"}))

    judge(root.crl(), ca.crl())
    judge(root.crl(), ocsps=(responder.answer(ca.certificate, 100),))
    with pytest.raises(RevokedError):
        judge(root.crl(), ca.crl(Revocation(100, NOON - DAY)))
    with pytest.raises(InsufficientRevinfoError):
        judge(root.crl())
