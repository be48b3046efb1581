"""Seal structures: published data first, then our own form, then hostile bytes."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealing import ses
from sealing.errors import SealFormatError, SealLimitError
from signing import der
from signing.digests import sm3

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def own_seal() -> bytes:
    info = ses.SealInfo(
        version=4,
        vendor="YIZHAO",
        number="3501000000001",
        property=ses.SealProperty(1, "测试公司", AT, AT, AT.replace(year=2027), (b"certificate",)),
        picture=ses.Picture("PNG", b"\x89PNG", 40, 40),
        extensions=(ses.Extension(ses.ARTWORK, bytes(32)),),
    )
    return ses.write_seal(ses.write_seal_info(info), b"maker", b"signature")


def own_signature(token: bytes | None = b"token") -> bytes:
    statement = ses.write_statement(own_seal(), AT, bytes(32), "/ByteRange [0 1 2 3]", (consent(),))
    return ses.write_signature(statement, b"certificate", b"signature", token)


def consent() -> ses.Extension:
    return ses.Extension(ses.CONSENT, sm3(b"consent"))


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("name", "layout", "number", "form", "listed"),
    [
        pytest.param("UserV1.esl", 1, "40C8CDD24DEF43388B86E62CCE1D6832", "PNG", 1, id="v1"),
        pytest.param("UserV4.esl", 4, "51f044b76510434e9bc67a1185c2fba5", "PNG", 1, id="v4"),
        pytest.param("UserV5.esl", 5, "09aaf39291e049e4b3d716414590937e", "PNG", 1, id="v5"),
        pytest.param("SESealData_gif_ext_badsig.der", 4, "esID130600", "GIF", 2, id="bare extDatas, GIF"),
    ],
)
def test_published_seals(name: str, layout: int, number: str, form: str, listed: int) -> None:
    seal = ses.parse_seal((VECTORS / "esl" / name).read_bytes())
    found = (seal.layout, seal.info.number, seal.info.picture.format, len(seal.info.property.certificates))
    assert found == (layout, number, form, listed)


@pytest.mark.conformance
def test_extensions_keep_their_order_and_criticality() -> None:
    seal = ses.parse_seal((VECTORS / "esl" / "SESealData_gif_ext_badsig.der").read_bytes())
    assert [e.oid for e in seal.info.extensions] == [f"1.2.156.112600.7.{n}" for n in (1, 2, 3)]
    assert sum(e.critical for e in seal.info.extensions) == 1


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("path", "version", "extensions", "canonical"),
    [
        pytest.param("ses/SignedValueV4.dat", 4, 0, True, id="v4"),
        pytest.param("ses/SignedValueV5.dat", 5, 0, True, id="v5"),
        pytest.param("parts/antchain_sesv4/SignedValue.dat", 4, 0, True, id="a production seal"),
        pytest.param("parts/tongzhi_sesv4_ext0/SignedValue.dat", 4, 1, True, id="extDatas [0] in TBS_Sign"),
    ],
)
def test_published_signatures(path: str, version: int, extensions: int, canonical: bool) -> None:
    signature = ses.parse_signature((VECTORS / path).read_bytes())
    assert (signature.statement.version, len(signature.statement.extensions)) == (version, extensions)
    assert signature.canonical is canonical


@pytest.mark.conformance
@pytest.mark.parametrize("folder", ["antchain_sesv4", "tongzhi_sesv4_ext0"])
def test_data_hash_is_sm3_of_the_original(folder: str) -> None:
    signature = ses.parse_signature((VECTORS / "parts" / folder / "SignedValue.dat").read_bytes())
    assert signature.statement.document_sm3 == sm3((VECTORS / "parts" / folder / "Signature.xml").read_bytes())


def test_our_signature_reads_back() -> None:
    signature = ses.parse_signature(own_signature())
    statement = signature.statement
    assert signature.canonical
    assert statement.canonical
    assert statement.seal.raw == own_seal()
    assert statement.consent_sm3 == sm3(b"consent")
    assert (statement.time, statement.property_info) == (AT, "/ByteRange [0 1 2 3]")
    assert (signature.signature, signature.timestamp) == (b"signature", b"token")


def test_a_signature_without_timestamp_has_four_fields() -> None:
    assert ses.parse_signature(own_signature(None)).timestamp is None


def long_length(data: bytes) -> bytes:
    """Encode the same SEQUENCE with one length octet too many."""
    body = der.read(data, limit=1 << 20).body
    return b"\x30\x84" + len(body).to_bytes(4, "big") + body


def test_a_long_length_is_read_and_told() -> None:
    assert not ses.parse_signature(long_length(own_signature())).canonical


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(own_seal()[:-1], id="truncated"),
        pytest.param(own_seal() + b"\0", id="trailing byte"),
        pytest.param(der.sequence(), id="no fields"),
        pytest.param(b"\x30\x85\x01\x00\x00\x00\x00", id="length of five octets"),
        pytest.param(own_seal().replace(b"\x16\x02ES", b"\x16\x02EX"), id="not a seal header"),
    ],
)
def test_what_is_no_seal(data: bytes) -> None:
    with pytest.raises(SealFormatError):
        ses.parse_seal(data)


def test_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(SealLimitError):
        ses.parse_seal(bytes(ses.MAX_SEAL + 1))


def test_two_consents_are_none() -> None:
    statement = ses.write_statement(own_seal(), AT, bytes(32), "x", (consent(), consent()))
    assert ses.parse_statement(statement).consent_sm3 is None


@given(st.binary(max_size=200))
def test_any_bytes_raise_our_error_or_parse(data: bytes) -> None:
    for parse in (ses.parse_seal, ses.parse_statement, ses.parse_signature):
        with pytest.raises(SealFormatError):
            parse(data)


@given(st.integers(min_value=0, max_value=len(own_signature()) - 1), st.integers(min_value=1, max_value=255))
def test_a_changed_byte_raises_our_error_or_parses(at: int, xor: int) -> None:
    data = bytearray(own_signature())
    data[at] ^= xor
    with suppress(SealFormatError):
        ses.parse_signature(bytes(data))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(b"2020-01-25T07:31:56.377Z", datetime(2020, 1, 25, 7, 31, 56, 377000, UTC), id="ISO with zone"),
        pytest.param(b"2020-01-25 15:31:56", datetime(2020, 1, 25, 7, 31, 56, tzinfo=UTC), id="Beijing time"),
        pytest.param(b"20200125153156", datetime(2020, 1, 25, 7, 31, 56, tzinfo=UTC), id="digits, Beijing time"),
        pytest.param(b"200125073156Z", datetime(2020, 1, 25, 7, 31, 56, tzinfo=UTC), id="UTCTime text"),
    ],
)
def test_times_of_v1_in_their_spellings(text: bytes, expected: datetime) -> None:
    statement = der.sequence(
        der.integer(1),
        own_seal(),
        der.bit_string(text),
        der.bit_string(bytes(32)),
        der.tlv(der.IA5_STRING, b"x"),
        der.octet_string(b"certificate"),
        der.oid(ses.SM2_WITH_SM3),
    )
    signature = ses.parse_signature(der.sequence(statement, der.bit_string(b"s")))
    assert signature.statement.time == expected
