"""Certificates: what we build is what others read, and what others build is what we read."""

import base64
import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing_pki import CA, DAY, NOON, ROOT, UNIT, USCC, VECTORS, Holder, read_pem

from signing import der, sm2
from signing.algorithms import AlgorithmIdentifier, verify_signature
from signing.certificates import MAX_CERTIFICATE, parse_certificate
from signing.credit_codes import is_credit_code
from signing.errors import BadSignatureError, LimitError, MalformedError, SigningError, UnsupportedAlgorithmError
from signing.issuing import ENCRYPTION, CertificateRequest, Revocation, Subject, build_certificate
from signing.revocation import parse_crl

DISTID = "distid:1234567812345678"


def test_what_is_built_is_what_is_read() -> None:
    certificate = UNIT.certificate
    assert certificate.common_name == certificate.organisation == "某某建设有限公司"
    assert certificate.subject_rfc4514 == "CN=某某建设有限公司,O=某某建设有限公司,C=CN"
    assert (certificate.serial, certificate.serial_number) == ("64", 100)
    assert (certificate.not_before, certificate.not_after) == (NOON - 30 * DAY, NOON + 30 * DAY)
    assert certificate.key_usage == {"digitalSignature", "nonRepudiation"}
    assert certificate.uscc_candidates == (USCC,)
    assert certificate.issuer_name == "测试 CA"
    assert certificate.public_key == UNIT.key.public
    assert (certificate.may_sign, certificate.may_encrypt, certificate.is_ca) == (True, False, False)
    assert certificate.signature_algorithm == AlgorithmIdentifier("1.2.156.10197.1.501")


def test_what_is_built_is_der() -> None:
    for one in (ROOT, CA, UNIT):
        der.require_der(one.certificate.der, limit=MAX_CERTIFICATE)


def test_an_encryption_certificate_may_not_sign() -> None:
    certificate = CA.issue(usage=ENCRYPTION).certificate
    assert (certificate.may_sign, certificate.may_encrypt) == (False, True)


def test_a_person_has_title_and_id() -> None:
    subject = Subject(
        "张三", organisation="甲公司", organisation_id=USCC, title="法定代表人", person_id="P0123456789ab"
    )
    request = CertificateRequest(subject, UNIT.key.public, 9, NOON, NOON + DAY, uscc=USCC)
    certificate = parse_certificate(build_certificate(request, CA.certificate, CA.sign))
    assert (certificate.title, certificate.person_id) == ("法定代表人", "P0123456789ab")
    assert certificate.uscc_candidates == (USCC,)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(der.utf8(USCC), (USCC,), id="UTF8String"),
        pytest.param(der.printable(USCC), (USCC,), id="PrintableString"),
        pytest.param(USCC.encode(), (USCC,), id="raw text"),
        pytest.param(der.utf8(f"N{USCC}"), (USCC,), id="with a tag letter"),
        pytest.param(der.utf8(f"统一社会信用代码:{USCC.lower()}"), (USCC,), id="with a label"),
        pytest.param(der.utf8(USCC[:-1]), (), id="too short"),
        pytest.param(der.utf8(f"{USCC}0"), (), id="too long"),
        pytest.param(b"\xff\xfe", (), id="no text at all"),
        pytest.param(der.utf8("91350100M000100Y44"), (), id="wrong check character"),
        pytest.param(der.sequence(der.utf8(USCC)), (USCC,), id="inside a SEQUENCE"),
        pytest.param(der.tlv(0x80, USCC.encode()), (USCC,), id="implicitly tagged"),
        pytest.param(der.explicit(4, der.printable(USCC)), (USCC,), id="explicitly tagged"),
    ],
)
def test_credit_codes_are_found_however_written(value: bytes, expected: tuple[str, ...]) -> None:
    old = der.sequence(der.oid("1.2.156.10260.4.1.4"), der.octet_string(der.utf8(USCC)))
    new = der.sequence(der.oid("1.2.156.10260.4.1.4"), der.octet_string(value))
    assert parse_certificate(_rebuilt(old, new)).uscc_candidates == expected


def test_the_extension_goes_before_the_name() -> None:
    request = CertificateRequest(
        Subject("甲公司", organisation_id="91350100M000100Y44", person_id=USCC),
        UNIT.key.public,
        9,
        NOON,
        NOON + DAY,
        uscc=USCC,
    )
    certificate = parse_certificate(build_certificate(request, CA.certificate, CA.sign))
    assert (certificate.uscc_candidates, certificate.uscc_refused) == ((USCC,), ("91350100M000100Y44",))


OTHER = "91370200MA2KW4QXX5"


def _with_codes(extension: str, **parts: str) -> bytes:
    request = CertificateRequest(Subject("甲公司", **parts), UNIT.key.public, 9, NOON, NOON + DAY, uscc=extension)
    return build_certificate(request, CA.certificate, CA.sign)


@pytest.mark.parametrize(
    ("data", "options", "expected"),
    [
        pytest.param(_with_codes(USCC, organisation_id=OTHER), {}, (USCC, OTHER), id="extension before name"),
        pytest.param(_with_codes("", organisation_id=OTHER, person_id=USCC), {}, (OTHER, USCC), id="order of the name"),
        pytest.param(_with_codes("", organisation_id=f"NTRCN-{USCC}"), {}, (USCC,), id="ETSI prefix"),
        pytest.param(_with_codes(USCC, organisation_id=OTHER), {"uscc_oids": ()}, (OTHER,), id="no extension asked"),
        pytest.param(_with_codes(USCC, person_id=OTHER), {"uscc_attributes": ("2.5.4.97",)}, (USCC,), id="other names"),
        pytest.param(
            _with_codes("", organisation_id=OTHER, person_id=USCC),
            {"uscc_attributes": ("2.5.4.5", "2.5.4.97")},
            (USCC, OTHER),
            id="configured order",
        ),
        pytest.param(_with_codes("91350100M000100Y44", person_id=USCC), {}, (USCC,), id="a wrong code is passed over"),
    ],
)
def test_where_codes_are_looked_for(
    data: bytes, options: dict[str, tuple[str, ...]], expected: tuple[str, ...]
) -> None:
    assert parse_certificate(data, **options).uscc_candidates == expected


@pytest.mark.conformance
def test_the_check_character_is_that_of_the_published_codes() -> None:
    listed = json.loads((VECTORS / "ids/ids.json").read_text())
    assert all(is_credit_code(one) for one in listed["uscc_valid_published"] + listed["uscc_valid_synthetic"])
    assert not any(is_credit_code(one) for one, _ in listed["uscc_invalid"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(
            bytes.fromhex("0603551d0f0101ff04040302 06c0"), bytes.fromhex("0603551d0f0101ff0404030200c0"), id="padding"
        ),
        pytest.param(bytes.fromhex("0603551d0f0101ff"), bytes.fromhex("0603551d0f010101"), id="BER boolean"),
        pytest.param(bytes.fromhex("0603551d0f0101ff"), bytes.fromhex("0603551d0f010100"), id="explicit FALSE"),
    ],
)
def test_certificates_that_are_not_clean_der_are_read(old: bytes, new: bytes) -> None:
    certificate = parse_certificate(_rebuilt(old, new))
    assert certificate.key_usage == {"digitalSignature", "nonRepudiation"}


def test_null_parameters_are_read() -> None:
    old, new = der.sequence(der.oid("1.2.156.10197.1.501")), der.sequence(der.oid("1.2.156.10197.1.501"), b"\x05\0")
    certificate = parse_certificate(_rebuilt(old, new))
    assert certificate.signature_algorithm.is_sm2


def test_names_are_escaped() -> None:
    request = CertificateRequest(Subject('a,b+"c" ', country="#1"), UNIT.key.public, 1, NOON, NOON + DAY)
    with pytest.raises(UnicodeEncodeError):
        Subject("x", country="中").encode()
    certificate = parse_certificate(build_certificate(request, None, UNIT.sign))
    assert certificate.subject_rfc4514 == r"CN=a\,b\+\"c\"\ ,C=\#1"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"", MalformedError, id="empty"),
        pytest.param(b"\x30\x00", MalformedError, id="empty sequence"),
        pytest.param(UNIT.certificate.der + b"\0", MalformedError, id="trailing byte"),
        pytest.param(UNIT.certificate.der[:-1], MalformedError, id="truncated"),
        pytest.param(bytes(MAX_CERTIFICATE + 1), LimitError, id="too large"),
        pytest.param(b"\x30\x80" * 500, MalformedError, id="deep indefinite lengths"),
        pytest.param(b"\x30\x84\xff\xff\xff\xff", MalformedError, id="length beyond the end"),
    ],
)
def test_what_is_no_certificate_is_refused(data: bytes, error: type[SigningError]) -> None:
    with pytest.raises(error):
        parse_certificate(data)


def test_two_extensions_of_one_kind_are_refused() -> None:
    extension = der.sequence(der.oid("1.2.156.10260.4.1.4"), der.octet_string(der.utf8(USCC)))
    with pytest.raises(MalformedError, match="twice"):
        parse_certificate(_rebuilt(extension, extension + extension))


def test_a_key_off_the_curve_is_refused() -> None:
    point = UNIT.key.public.point
    with pytest.raises(MalformedError):
        parse_certificate(UNIT.certificate.der.replace(point, point[:-1] + bytes((point[-1] ^ 1,))))


@given(st.integers(0, len(UNIT.certificate.der) - 1), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_read_never_a_crash(at: int, value: int) -> None:
    data = bytearray(UNIT.certificate.der)
    data[at] = value
    try:
        certificate = parse_certificate(bytes(data))
    except SigningError:
        return
    if bytes(data) != UNIT.certificate.der:
        with pytest.raises((BadSignatureError, UnsupportedAlgorithmError)):
            _verify(certificate.der, CA)


@given(st.binary(max_size=200))
def test_noise_is_refused(data: bytes) -> None:
    for parse in (parse_certificate, parse_crl):
        with pytest.raises(MalformedError):
            parse(data)


def test_a_crl_tells_time_and_reason() -> None:
    crl = parse_crl(CA.crl(Revocation(100, NOON, "keyCompromise"), Revocation(2**70, NOON + DAY)))
    assert crl.revoked == {100: (NOON, "keyCompromise"), 2**70: (NOON + DAY, "unspecified")}
    assert (crl.this_update, crl.next_update, crl.partial) == (NOON - DAY, NOON + DAY, False)
    der.require_der(crl.der, limit=1 << 20)


@pytest.mark.conformance
def test_every_certificate_of_the_vectors_is_read() -> None:
    files = [path for path in VECTORS.rglob("*") if path.suffix in (".pem", ".crt")]
    certificates = [one for path in files for one in read_pem(path)]
    assert len(certificates) >= 30
    assert all(isinstance(one.public_key, sm2.PublicKey) for one in certificates)
    assert all(one.common_name and one.not_before < one.not_after for one in certificates)


_LEAVES = [
    pytest.param("tongsuo/sm2-cert.pem", "tongsuo/sm2-root-cert.pem", True, id="leaf of Tongsuo"),
    pytest.param("tongsuo/sm2-first-crt.pem", "tongsuo/sm2-root-cert.pem", None, id="named otherwise"),
    pytest.param("tongsuo/sm2-noza-cert.pem", "tongsuo/sm2-noza-root-cert.pem", False, id="signed without Z"),
    pytest.param("tongsuo/sm2-leaf.crt", "tongsuo/sm2-chain-ca.crt", True, id="leaf with a chain"),
    pytest.param("tongsuo/tlcp/client_sign.crt", "tongsuo/tlcp/chain-ca.crt", True, id="TLCP signing"),
    pytest.param("tongsuo/tlcp/server_enc.crt", "tongsuo/tlcp/chain-ca.crt", True, id="TLCP encryption"),
    pytest.param("tongsuo/tlcp/server_sign2.crt", "tongsuo/tlcp/chain-ca.crt", False, id="of somebody else"),
]


@pytest.mark.conformance
@pytest.mark.parametrize(("leaf", "issuer", "issued"), _LEAVES)
def test_signatures_on_the_vectors_certificates(leaf: str, issuer: str, issued: bool | None) -> None:
    certificate, *_ = read_pem(VECTORS / "certs" / leaf)
    answers = list[bool]()
    for one in read_pem(VECTORS / "certs" / issuer):
        try:
            verify_signature(one.public_key, certificate.signature_algorithm, certificate.tbs, certificate.signature)
            answers.append(True)
        except BadSignatureError:
            answers.append(False)
    assert issued is None or any(answers) is issued


@pytest.mark.conformance
def test_the_crl_of_openssl_is_read_and_its_signature_holds() -> None:
    text = (VECTORS / "interop/openssl/crl.pem").read_text()
    body = re.search(r"-----BEGIN X509 CRL-----(.*?)-----END", text, re.DOTALL)
    assert body
    crl = parse_crl(base64.b64decode(body[1]))
    (issuer,) = read_pem(VECTORS / "interop/openssl/ca.crt")
    assert crl.issuer_der == issuer.subject_der
    verify_signature(issuer.public_key, crl.signature_algorithm, crl.tbs, crl.signature)


def _openssl(*arguments: str | Path) -> str:
    ran = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def _pem(folder: Path, holder: Holder, name: str) -> Path:
    body = base64.encodebytes(holder.certificate.der).decode()
    path = folder / f"{name}.pem"
    path.write_text(f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
    return path


@pytest.mark.interop
def test_openssl_verifies_level_by_level(tmp_path: Path) -> None:
    root, ca, leaf = (_pem(tmp_path, one, name) for one, name in ((ROOT, "root"), (CA, "ca"), (UNIT, "leaf")))
    when = ("-attime", str(int(NOON.timestamp())))
    assert "OK" in _openssl("verify", *when, "-vfyopt", DISTID, "-trusted", root, ca)
    assert "OK" in _openssl("verify", *when, "-vfyopt", DISTID, "-partial_chain", "-trusted", ca, leaf)


@pytest.mark.interop
def test_openssl_reads_names_and_usages(tmp_path: Path) -> None:
    text = _openssl("x509", "-in", _pem(tmp_path, UNIT, "leaf"), "-noout", "-text", "-nameopt", "utf8")
    assert "Digital Signature, Non Repudiation" in text
    assert "某某建设有限公司" in text
    assert "Signature Algorithm: SM2-with-SM3" in text


@pytest.mark.interop
def test_openssl_reads_the_crl(tmp_path: Path) -> None:
    (tmp_path / "x.crl").write_bytes(CA.crl(Revocation(100, NOON, "keyCompromise")))
    text = _openssl("crl", "-inform", "DER", "-in", tmp_path / "x.crl", "-noout", "-text")
    assert "Serial Number: 64" in text
    assert "Key Compromise" in text


@pytest.mark.interop
def test_openssl_verifies_a_raw_signature(tmp_path: Path) -> None:
    message, signature = tmp_path / "message", tmp_path / "signature"
    message.write_bytes("投标函".encode())
    signature.write_bytes(UNIT.sign(message.read_bytes()))
    public = tmp_path / "public.pem"
    public.write_text(_openssl("x509", "-in", _pem(tmp_path, UNIT, "leaf"), "-noout", "-pubkey"))
    options = ("-sm3", "-verify", public, "-sigopt", DISTID, "-signature", signature)
    assert "Verified OK" in _openssl("dgst", *options, message)


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        pytest.param(b"261120120000Z", datetime(2026, 11, 20, 12, tzinfo=UTC), id="UTCTime"),
        pytest.param(b"491231235959Z", datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), id="the last year of UTCTime"),
        pytest.param(b"500101000000Z", datetime(1950, 1, 1, tzinfo=UTC), id="the first year of UTCTime"),
        pytest.param(b"261120200000+0800", datetime(2026, 11, 20, 12, tzinfo=UTC), id="Beijing"),
    ],
)
def test_utc_times(encoded: bytes, expected: datetime) -> None:
    assert der.Element(der.UTC_TIME, b"", encoded).time() == expected


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        pytest.param(b"20261120120000.656z", NOON.replace(microsecond=656_000), id="fraction and small z"),
        pytest.param(b"20261120120000", NOON, id="no zone"),
        pytest.param(b"202611201200Z", NOON, id="no seconds"),
        pytest.param(b"99991231235959Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), id="no end"),
    ],
)
def test_generalized_times_as_found(encoded: bytes, expected: datetime) -> None:
    assert der.Element(der.GENERALIZED_TIME, b"", encoded).time() == expected


@pytest.mark.parametrize(
    "encoded", [b"", b"2026", b"20261320120000Z", b"20261120120000.1_0Z", b"99991231235959-0100", b"261120120000Z"]
)
def test_what_is_no_generalized_time(encoded: bytes) -> None:
    with pytest.raises(MalformedError):
        der.Element(der.GENERALIZED_TIME, b"", encoded).time()


@pytest.mark.parametrize(
    ("at", "written"),
    [
        pytest.param(NOON, b"20261120120000Z", id="whole seconds"),
        pytest.param(NOON.replace(microsecond=120_000), b"20261120120000.12Z", id="no trailing zeros"),
        pytest.param(NOON.replace(microsecond=7_999), b"20261120120000.007Z", id="milliseconds at most"),
    ],
)
def test_generalized_times(at: datetime, written: bytes) -> None:
    assert der.time(at) == der.tlv(der.GENERALIZED_TIME, written)


def _rebuilt(old: bytes, new: bytes) -> bytes:
    """Replace bytes inside the unit's certificate and sign it again, lengths corrected."""
    outer = der.read(UNIT.certificate.der, limit=MAX_CERTIFICATE)
    tbs, algorithm, _ = (child.raw for child in outer.children())
    assert old in tbs
    made = _replace(der.read(tbs, limit=MAX_CERTIFICATE), old, new)
    return der.sequence(
        made, algorithm.replace(algorithm, new) if algorithm == old else algorithm, der.bit_string(CA.sign(made))
    )


def _replace(element: der.Element, old: bytes, new: bytes) -> bytes:
    if element.raw == old:
        return new
    if old not in element.raw:
        return element.raw
    if not element.tag & 0x20 or element.body.startswith(old):
        return der.tlv(element.tag, element.body.replace(old, new))
    return der.tlv(element.tag, *(_replace(child, old, new) for child in element.children()))


def _verify(data: bytes, issuer: Holder) -> None:
    certificate = parse_certificate(data)
    verify_signature(issuer.key.public, certificate.signature_algorithm, certificate.tbs, certificate.signature)
