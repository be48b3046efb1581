"""What the field writes in several ways (standards.md 1.1 to 1.3), and version 5 as we write it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sealing import ses
from sealing.errors import SealFormatError
from sealing.evidence import Payload, SignatureEvidence
from sealing.judging import Policy
from sealing.judging_seal import judge_ses
from sealing.report import SignatureReport
from signing import der
from signing.certificates import parse_certificate
from signing.digests import sm3
from signing.errors import BadSignatureError
from signing.path import Anchor, Purpose, TrustAnchors
from signing.pdf import Coverage, FilledSignature
from signing.sm2 import PublicKey, verify
from signing.sm2_encoding import encode_signature, read_signature

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROPERTY = ses.SealProperty(1, "测试公司", AT, AT, AT.replace(year=2027), (b"certificate",))
INFO = ses.SealInfo(4, "YIZHAO", "3501000000001", PROPERTY, ses.Picture("PNG", b"\x89PNG\r\n\x1a\n", 40, 40))
FIELD = FilledSignature(
    name="field",
    filter="",
    sub_filter="",
    is_timestamp=False,
    page=None,
    byte_range=None,
    contents=b"",
    claimed_time=None,
    covers=Coverage.PARTIAL,
    revision=0,
    defects=(),
    remarks=(),
    doc_mdp=None,
)
EXTENSION = ses.Extension("1.2.156.1", b"value")


def seal_of(info: bytes, token: bytes | None = None) -> ses.SesSeal:
    return ses.parse_seal(ses.write_seal(info, b"maker", b"signature", token))


def parts(info: ses.SealInfo = INFO) -> list[bytes]:
    return [e.raw for e in der.read(ses.write_seal_info(info), limit=1 << 20).children()]


def ext_data(*, explicit_false: bool = False) -> bytes:
    critical = [der.boolean(value=False)] if explicit_false else []
    return der.sequence(der.oid(EXTENSION.oid), *critical, der.octet_string(EXTENSION.value))


@pytest.mark.parametrize(
    ("wrap", "canonical"),
    [
        pytest.param(der.sequence, True, id="bare SEQUENCE"),
        pytest.param(lambda e: der.explicit(0, der.sequence(e)), False, id="[0] EXPLICIT"),
        pytest.param(lambda e: der.tlv(der.context(0), e), False, id="[0] IMPLICIT"),
        pytest.param(lambda e: der.octet_string(der.sequence(e)), False, id="in an OCTET STRING"),
        pytest.param(
            lambda e: der.explicit(0, der.octet_string(der.sequence(e))), False, id="in an OCTET STRING in [0]"
        ),
        pytest.param(lambda e: der.octet_string(der.explicit(0, der.sequence(e))), False, id="[0] in an OCTET STRING"),
    ],
)
def test_ext_datas_in_every_wrapping(wrap: Callable[[bytes], bytes], canonical: bool) -> None:
    seal = seal_of(der.sequence(*parts(), wrap(ext_data())))
    assert seal.info.extensions == (EXTENSION,)
    assert seal.canonical is canonical


def test_an_explicit_false_is_read_and_told() -> None:
    seal = seal_of(der.sequence(*parts(), der.sequence(ext_data(explicit_false=True))))
    assert (seal.info.extensions, seal.canonical) == ((EXTENSION,), False)


def property_of(*fields: bytes) -> ses.SealProperty:
    header, number, _, picture = parts()
    return seal_of(der.sequence(header, number, der.sequence(*fields), picture)).info.property


KIND, NAME, END = der.integer(1), der.utf8("章"), [der.time(AT)] * 3
UTC_TIMES = [der.tlv(der.UTC_TIME, b"261120120000Z")] * 3
DIGEST = der.sequence(der.printable("1.2.156.10197.1.401"), der.octet_string(bytes(32)))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param([der.sequence(der.octet_string(b"c")), *UTC_TIMES], ((b"c",), (), 0), id="v1, UTCTime"),
        pytest.param([der.sequence(der.octet_string(b"c")), *END], ((b"c",), (), 0), id="v1, GeneralizedTime"),
        pytest.param([der.sequence(der.tlv(der.IA5_STRING, b"id")), *UTC_TIMES], ((), ("id",), 0), id="v1, IA5 ids"),
        pytest.param([der.integer(1), der.sequence(der.octet_string(b"c")), *END], ((b"c",), (), 0), id="v4"),
        pytest.param([der.integer(1), der.sequence(), *END], ((), (), 0), id="v4, nobody"),
        pytest.param([der.integer(2), der.sequence(DIGEST), *END], ((), (), 1), id="v4, digests"),
    ],
)
def test_properties_of_every_kind(fields: list[bytes], expected: tuple[object, ...]) -> None:
    found = property_of(KIND, NAME, *fields)
    assert (found.certificates, found.identifiers, len(found.digests)) == expected
    assert (found.created, found.not_before, found.not_after) == (AT, AT, AT)


def test_an_unknown_list_type_is_refused() -> None:
    with pytest.raises(SealFormatError):
        property_of(KIND, NAME, der.integer(3), der.sequence(), *END)


def test_a_list_of_digests_is_written_and_read() -> None:
    entry = ses.CertificateDigest("1.2.156.10197.1.401", sm3(b"certificate"))
    seal = seal_of(ses.write_seal_info(replace(INFO, property=replace(PROPERTY, certificates=(), digests=(entry,)))))
    assert (seal.info.property.digests, seal.canonical) == ((entry,), True)


@pytest.mark.parametrize(
    ("version", "token", "layout"),
    [
        pytest.param(4, None, 4, id="v4"),
        pytest.param(5, None, 5, id="v5 without timestamp"),
        pytest.param(5, b"token", 5, id="v5 with the maker's timestamp"),
        pytest.param(4, b"token", 5, id="five fields are v5"),
    ],
)
def test_versions_are_told_apart(version: int, token: bytes | None, layout: int) -> None:
    seal = seal_of(ses.write_seal_info(replace(INFO, version=version)), token)
    assert (seal.layout, seal.timestamp, seal.canonical, seal.info.version) == (layout, token, True, version)


@pytest.mark.parametrize("version", [4, 5])
def test_a_statement_is_of_its_seals_version(version: int) -> None:
    seal = seal_of(ses.write_seal_info(replace(INFO, version=version)))
    statement = ses.parse_statement(ses.write_statement(seal.raw, AT, bytes(32), "x"))
    assert (statement.version, statement.canonical) == (version, True)


def test_a_statement_of_version_three_is_read() -> None:
    seal = seal_of(ses.write_seal_info(INFO))
    statement = ses.parse_statement(ses.write_statement(seal.raw, AT, bytes(32), "x", version=3))
    assert (statement.version, statement.seal.layout, statement.canonical) == (3, 4, True)


def test_an_implicit_timestamp_is_read_and_told() -> None:
    four = [e.raw for e in der.read(seal_of(ses.write_seal_info(INFO)).raw, limit=1 << 20).children()]
    seal = ses.parse_seal(der.sequence(*four, der.tlv(der.context(0, primitive=True), b"\0token")))
    assert (seal.timestamp, seal.canonical) == (b"token", False)


@pytest.mark.parametrize(
    ("name", "data", "sniffed", "fits"),
    [
        pytest.param("PNG", b"\x89PNG\r\n\x1a\n", "png", True, id="PNG"),
        pytest.param("png", b"\x89PNG\r\n\x1a\n", "png", True, id="png"),
        pytest.param("GIF", b"GIF89a", "gif", True, id="GIF"),
        pytest.param("JPEG", b"\xff\xd8\xff\xe0", "jpg", True, id="JPEG"),
        pytest.param("ofd", b"PK\x03\x04", "ofd", True, id="a zipped OFD"),
        pytest.param("SVG", b'<?xml version="1.0"?><svg ', "svg", True, id="SVG"),
        pytest.param("PNG", b"GIF89a", "gif", False, id="another than named"),
        pytest.param("PNG", b"", "", False, id="nothing"),
    ],
)
def test_pictures_are_what_their_bytes_are(name: str, data: bytes, sniffed: str, fits: bool) -> None:
    picture = ses.Picture(name, data, 40, 40)
    assert (picture.sniffed, picture.is_as_named) == (sniffed, fits)


def judge_message(message: bytes, digest: bytes, policy: Policy) -> SignatureReport:
    return judge_ses(SignatureEvidence(FIELD, Payload.SEAL, message, {"sm3": digest}, None, (), ()), policy)


def is_signed(certificate: bytes, message: bytes, signature: bytes) -> bool:
    key = parse_certificate(certificate).public_key
    assert isinstance(key, PublicKey)
    try:
        verify(key, message, encode_signature(*read_signature(signature)))
    except BadSignatureError:
        return False
    return True


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("name", "layout", "over_info", "good"),
    [
        pytest.param("UserV1.esl", 1, False, True, id="v1: info, certificate and algorithm"),
        pytest.param("UserV4.esl", 4, True, True, id="v4: info"),
        pytest.param("UserV5.esl", 5, True, True, id="v5: info"),
        pytest.param("SESealData_gif_ext_badsig.der", 4, True, False, id="badly signed"),
    ],
)
def test_what_the_maker_signed(name: str, layout: int, over_info: bool, good: bool) -> None:
    seal = ses.parse_seal((VECTORS / "esl" / name).read_bytes())
    info = der.read(seal.raw, limit=1 << 20).children()[0].raw
    assert (seal.layout, seal.signed == info) == (layout, over_info)
    assert is_signed(seal.certificate, seal.signed, seal.signature) is good
    if not over_info:
        assert not is_signed(seal.certificate, info, seal.signature)


@pytest.mark.conformance
@pytest.mark.parametrize(
    "path",
    ["ses/SignedValueV4.dat", "ses/SignedValueV5.dat"]
    + [f"parts/{folder}/SignedValue.dat" for folder in ("antchain_sesv4", "tongzhi_sesv4_ext0")],
)
def test_what_the_signer_signed(path: str) -> None:
    signed = ses.parse_signature((VECTORS / path).read_bytes())
    seal = signed.statement.seal
    assert is_signed(signed.certificate, signed.statement.raw, signed.signature)
    assert is_signed(seal.certificate, seal.signed, seal.signature)
    assert signed.certificate in seal.info.property.certificates
    assert signed.statement.document_sm3 != sm3(b"other content")


@pytest.mark.conformance
@pytest.mark.parametrize("folder", ["tongzhi_cms_rawRS", "gomain_cms_attrs_mixed_oid"])
def test_a_cms_is_no_seal_signature(folder: str) -> None:
    (path,) = (p for p in (VECTORS / "parts" / folder).iterdir() if p.suffix == ".dat")
    with pytest.raises(SealFormatError):
        ses.parse_signature(path.read_bytes())


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("folder", "raw"), [("antchain_sesv4", False), ("tongzhi_sesv4_ext0", True)], ids=["DER values", "raw r and s"]
)
def test_production_parts_are_judged_whole(folder: str, raw: bool) -> None:
    data = (VECTORS / "parts" / folder / "SignedValue.dat").read_bytes()
    signed = ses.parse_signature(data)
    listed = [(signed.certificate, Purpose.LICENCE), (signed.statement.seal.certificate, Purpose.SEAL_MAKER)]
    pins = tuple(Anchor(parse_certificate(der), frozenset({purpose})) for der, purpose in listed)
    trust = TrustAnchors("pins", "1", sandbox=True, anchors=pins)
    digest = sm3((VECTORS / "parts" / folder / "Signature.xml").read_bytes())
    for value, expected in ((digest, []), (bytes(32), ["digest"])):
        report = judge_message(data, value, Policy(trust, trust.evidence, AT))
        wrong = [n for n in report.verdict.failed if "validity" not in n and n != "seal-period"]
        assert wrong == expected
    assert any("r‖s" in one.why for one in report.verdict.checks) is raw
