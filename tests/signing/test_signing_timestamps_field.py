"""Timestamps as others write them: what is a warning for them, what is refused and named, and what bounds all."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from signing_pki import CA, CRLS, DAY, EVIDENCE, NOON, POLICY, ROOT, TRUST, TSA, VECTORS, make_root, read_pem, trust

from signing import der, sm2
from signing.certificates import TIME_STAMPING
from signing.checks import Indication, Result, Verdict
from signing.digests import sm3
from signing.errors import TimestampRefusedError
from signing.issuing import Revocation
from signing.path import RevocationEvidence
from signing.signed_data import (
    CONTENT_TYPE,
    GM_SIGNED_DATA,
    MESSAGE_DIGEST,
    SIGNED_DATA,
    SIGNING_CERTIFICATE_V2,
    TST_INFO,
    encode_signed_data,
    signing_certificate_v2,
)
from signing.sm2_diagnosis import EMPTY_ID, WITHOUT_Z
from signing.timestamps import (
    Stamp,
    build_request,
    make_token,
    parse_request,
    parse_response,
    parse_token,
    verify_token,
)

IMPRINT = sm3(b"tender")
STAMP = Stamp(IMPRINT, 55, NOON, POLICY, 7)
TOKEN = make_token(STAMP, TSA.certificate, TSA.sign)


def _verify(data: bytes, *, strict: bool = False, evidence: RevocationEvidence = EVIDENCE) -> Verdict:
    return verify_token(data, imprint=IMPRINT, anchors=TRUST, evidence=evidence, strict=strict)


def _rebuild(
    token: bytes, change: Callable[[list[bytes]], list[bytes]], *, outer: str = SIGNED_DATA, indefinite: bool = False
) -> bytes:
    """Take SignedData apart, change its parts and put them together again."""
    _, holder = der.read(token, limit=1 << 20).children()
    parts = change([one.raw for one in holder.inner(holder.tag).children()])
    body = b"\x30\x80" + b"".join(parts) + b"\0\0" if indefinite else der.sequence(*parts)
    return der.sequence(der.oid(outer), der.explicit(0, body))


def _change_signer(token: bytes, change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    def change_last(parts: list[bytes]) -> list[bytes]:
        (info,) = der.read(parts[-1], limit=1 << 20).children()
        return [*parts[:-1], der.tlv(der.SET, der.sequence(*change([one.raw for one in info.children()])))]

    return _rebuild(token, change_last)


def _put(at: int, what: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda parts: [*parts[:at], what, *parts[at:]]


def _reverse_attributes(parts: list[bytes]) -> list[bytes]:
    block = der.read(parts[3], limit=1 << 20)
    parts[3] = der.explicit(0, *(one.raw for one in reversed(block.children())))
    return parts


def _signed_in_reverse() -> bytes:
    """Sign the attributes in the wrong order, as they stand in the token."""
    info = STAMP.encode()
    attributes = [
        der.sequence(der.oid(SIGNING_CERTIFICATE_V2), der.set_of(signing_certificate_v2(TSA.certificate))),
        der.sequence(der.oid(MESSAGE_DIGEST), der.set_of(der.octet_string(sm3(info)))),
        der.sequence(der.oid(CONTENT_TYPE), der.set_of(der.oid(TST_INFO))),
    ]
    ordered, written = der.set_of(*attributes), der.tlv(der.SET, *attributes)
    assert ordered != written
    token = encode_signed_data(ordered, TSA.certificate, TSA.sign(written), content_type=TST_INFO, content=info)
    return _change_signer(token, lambda parts: [*parts[:3], der.explicit(0, *attributes), *parts[4:]])


def _content_in_pieces(parts: list[bytes]) -> list[bytes]:
    info = STAMP.encode()
    pieces = b"\x24\x80" + der.octet_string(info[:10]) + der.octet_string(info[10:]) + b"\0\0"
    parts[2] = der.sequence(der.oid(TST_INFO), der.explicit(0, pieces))
    return parts


def _null_parameters(parts: list[bytes]) -> list[bytes]:
    parts[4] = der.sequence(der.oid("1.2.156.10197.1.501"), b"\x05\0")
    return parts


def _attributes_in_ber(parts: list[bytes]) -> list[bytes]:
    parts[3] = b"\xa0\x80" + der.read(parts[3], limit=1 << 20).body + b"\0\0"
    return parts


STRANGER = make_root("陌生").issue("无名", serial=9)
UNSIGNED = der.explicit(1, der.sequence(der.oid("1.2.3.4"), der.set_of(b"\x05\0")))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(_rebuild(TOKEN, list, indefinite=True), id="indefinite lengths"),
        pytest.param(_rebuild(TOKEN, _content_in_pieces), id="content in pieces"),
        pytest.param(_rebuild(TOKEN, list, outer=GM_SIGNED_DATA), id="GM outer type"),
        pytest.param(_rebuild(TOKEN, _put(4, der.explicit(1, *CRLS))), id="revocation lists inside"),
        pytest.param(_rebuild(TOKEN, _put(4, der.explicit(1, b"\x30\0"))), id="odd revocation lists inside"),
        pytest.param(_change_signer(TOKEN, _reverse_attributes), id="attributes signed in order, written in another"),
        pytest.param(_signed_in_reverse(), id="attributes signed and written in another order"),
        pytest.param(_change_signer(TOKEN, _attributes_in_ber), id="attributes of indefinite length"),
        pytest.param(_change_signer(TOKEN, lambda parts: [*parts, UNSIGNED]), id="an unsigned attribute"),
        pytest.param(
            make_token(STAMP, TSA.certificate, TSA.sign, chain=[STRANGER.certificate]), id="a stranger's certificate"
        ),
    ],
)
def test_other_forms_are_warnings_if_not_strict(data: bytes) -> None:
    verdict = _verify(data)
    assert verdict.indication is Indication.TOTAL_PASSED, verdict
    assert verdict.warnings
    assert "timestamp-format" in _verify(data, strict=True).failed


def test_parameters_of_null_are_no_other_form() -> None:
    """GM certificates and messages are about evenly divided on this (standards.md 3)."""
    data = _change_signer(TOKEN, _null_parameters)
    assert _verify(data).indication is Indication.TOTAL_PASSED


def test_lists_inside_are_evidence_only_if_not_strict() -> None:
    data = _rebuild(TOKEN, _put(4, der.explicit(1, *CRLS)))
    nothing = RevocationEvidence()
    assert _verify(data, evidence=nothing).indication is Indication.TOTAL_PASSED
    assert _verify(TOKEN, evidence=nothing).unknown == ["timestamp-revocation"]
    assert "timestamp-revocation" in _verify(data, evidence=nothing, strict=True).unknown


@pytest.mark.parametrize("at", range(0, len(STAMP.encode()), 7))
def test_what_is_signed_is_judged_alike(at: int) -> None:
    start = TOKEN.index(STAMP.encode())
    changed = bytearray(TOKEN)
    changed[start + at] ^= 1
    assert _verify(bytes(changed)).indication is not Indication.TOTAL_PASSED


# Named mistakes


def _sign_without_z(message: bytes) -> bytes:
    return sm2.sign_digest(TSA.key, sm3(message))


def _sign_with_empty_id(message: bytes) -> bytes:
    a = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC
    b = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
    g = bytes.fromhex(
        "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
        "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"
    )
    z = sm3(b"\0\0" + a.to_bytes(32) + b.to_bytes(32) + g + TSA.key.public.point[1:])
    return sm2.sign_digest(TSA.key, sm3(z + message))


NO_Z = make_token(STAMP, TSA.certificate, _sign_without_z)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("data", "named"),
    [
        pytest.param(NO_Z, WITHOUT_Z, id="without Z, as openssl ts does"),
        pytest.param(make_token(STAMP, TSA.certificate, _sign_with_empty_id), EMPTY_ID, id="with the empty id"),
        pytest.param(make_token(STAMP, TSA.certificate, STRANGER.sign), "", id="another key"),
    ],
)
def test_mistakes_are_named_and_refused(data: bytes, named: str, strict: bool) -> None:
    verdict = _verify(data, strict=strict)
    assert verdict.failed == ["timestamp-signature"]
    assert verdict.worst.why == "时间戳的签名值不正确" + (f"：{named}" if named else "")
    assert verdict.indication is Indication.TOTAL_FAILED


def test_a_token_without_z_under_a_foreign_algorithm_is_named_too() -> None:
    def name_the_key(parts: list[bytes]) -> list[bytes]:
        parts[4] = der.sequence(der.oid("1.2.840.10045.2.1"))
        return parts

    (check,) = [one for one in _verify(_change_signer(NO_Z, name_the_key)).checks if one.name == "timestamp-signature"]
    assert (check.result, check.why) == (Result.FAILED, f"时间戳的签名值不正确：{WITHOUT_Z}")
    (check,) = [one for one in _verify(_change_signer(TOKEN, name_the_key)).checks if one.name == "timestamp-signature"]
    assert (check.result, check.code) == (Result.UNKNOWN, "ALG")


def _pem(certificate: bytes, to: Path) -> Path:
    to.write_bytes(x509.load_der_x509_certificate(certificate).public_bytes(serialization.Encoding.PEM))
    return to


@pytest.mark.interop
@pytest.mark.parametrize(("data", "accepted"), [(NO_Z, True), (TOKEN, False)], ids=["without Z", "with Z"])
def test_openssl_takes_only_what_was_signed_without_z(data: bytes, accepted: bool, tmp_path: Path) -> None:
    """Why such tokens exist: the PKCS7 code under `openssl ts` knows no Z (its certificate path is left out here)."""
    (tmp_path / "data").write_bytes(b"tender")
    (tmp_path / "token").write_bytes(data)
    ca = _pem(TSA.certificate.der, tmp_path / "tsa.pem")
    at = str(int(NOON.timestamp()))
    command = ["openssl", "ts", "-verify", "-data", tmp_path / "data", "-in", tmp_path / "token", "-token_in"]
    ran = subprocess.run(
        [*command, "-CAfile", ca, "-partial_chain", "-attime", at], capture_output=True, check=False, text=True
    )
    assert (ran.returncode == 0) is accepted, ran.stderr + ran.stdout
    assert ("Verification: OK" in ran.stdout) is accepted


@pytest.mark.interop
def test_openssl_3_0_makes_no_sm2_token_itself(tmp_path: Path) -> None:
    vectors = VECTORS / "interop/openssl"
    (tmp_path / "serial").write_text("01")
    (tmp_path / "tsa.cnf").write_text(
        f"[tsa]\nserial={tmp_path}/serial\nsigner_cert={vectors}/tsa.crt\nsigner_key={vectors}/tsa.key\n"
        "signer_digest=sm3\ndefault_policy=1.2.3.4\ndigests=sm3\ness_cert_id_alg=sha256\n"
    )
    (tmp_path / "query").write_bytes(build_request(IMPRINT, 5))
    command = ["openssl", "ts", "-reply", "-config", tmp_path / "tsa.cnf", "-section", "tsa"]
    ran = subprocess.run(
        [*command, "-queryfile", tmp_path / "query", "-out", tmp_path / "reply"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert "signing not supported for this key type" in ran.stderr
    with pytest.raises(TimestampRefusedError):
        parse_response((tmp_path / "reply").read_bytes(), IMPRINT, 5)


# What the token says


def test_the_authority_is_who_the_token_says() -> None:
    named = make_token(replace(STAMP, tsa=TSA.certificate.subject_der), TSA.certificate, TSA.sign)
    verdict = _verify(named, strict=True)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert "timestamp-name" in [one.name for one in verdict.checks]
    other = make_token(replace(STAMP, tsa=CA.certificate.subject_der), TSA.certificate, TSA.sign)
    assert _verify(other).failed == ["timestamp-name"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(b"20261120120000Z", 0, id="seconds"),
        pytest.param(b"20261120120000.656Z", 656_000, id="milliseconds"),
        pytest.param(b"20261120120000.656z", 656_000, id="a small z"),
        pytest.param(b"20261120120000.1234567Z", 123_456, id="finer than microseconds"),
        pytest.param(b"20261120120000.500Z", 500_000, id="a trailing zero"),
        pytest.param(b"20261120200000+0800", 0, id="another zone"),
        pytest.param(b"20261120120000", None, id="no zone"),
        pytest.param(b"20261320120000Z", None, id="no such month"),
    ],
)
def test_times(written: bytes, expected: int | None) -> None:
    at = der.time(NOON)
    info = STAMP.encode().replace(at, der.tlv(der.GENERALIZED_TIME, written))
    data = _stamp_raw(_refit(info))
    if expected is None:
        assert _verify(data).failed == ["timestamp-format"]
    else:
        assert parse_token(data).gen_time == NOON + timedelta(microseconds=expected)
        assert _verify(data, strict=True).indication is Indication.TOTAL_PASSED


def _refit(info: bytes) -> bytes:
    """Write the outer length anew after something inside has become longer."""
    return der.sequence(info[2:])


def _stamp_raw(info: bytes) -> bytes:
    """Sign any TSTInfo."""
    attributes = der.set_of(
        der.sequence(der.oid(CONTENT_TYPE), der.set_of(der.oid(TST_INFO))),
        der.sequence(der.oid(MESSAGE_DIGEST), der.set_of(der.octet_string(sm3(info)))),
        der.sequence(der.oid(SIGNING_CERTIFICATE_V2), der.set_of(signing_certificate_v2(TSA.certificate))),
    )
    return encode_signed_data(attributes, TSA.certificate, TSA.sign(attributes), content_type=TST_INFO, content=info)


@pytest.mark.parametrize(
    ("tail", "failed"),
    [
        pytest.param(der.sequence(der.integer(3), der.tlv(0x80, b"\x05"), der.tlv(0x81, b"\x07")), [], id="accuracy"),
        pytest.param(der.sequence(der.tlv(0x80, b"\x04\x00")), ["timestamp-format"], id="1024 milliseconds"),
        pytest.param(der.sequence(der.integer(-1)), ["timestamp-format"], id="negative accuracy"),
        pytest.param(der.boolean(True), [], id="ordering"),
        pytest.param(der.explicit(1, der.sequence(der.oid("1.2.3"), der.octet_string(b"x"))), [], id="an extension"),
        pytest.param(
            der.explicit(1, der.sequence(der.oid("1.2.3"), der.boolean(True), der.octet_string(b"x"))),
            ["timestamp-format"],
            id="a critical extension",
        ),
        pytest.param(der.explicit(2, b"\x05\0"), ["timestamp-format"], id="an unknown field"),
    ],
)
def test_optional_fields(tail: bytes, failed: list[str]) -> None:
    info = der.read(Stamp(IMPRINT, 1, NOON, POLICY, accuracy_ms=0).encode(), limit=1 << 16)
    kept = [one.raw for one in info.children()][:5]
    data = _stamp_raw(der.sequence(*kept, tail))
    assert _verify(data).failed == failed
    assert _verify(data, strict=True).failed == failed


@pytest.mark.parametrize(
    ("options", "failed"),
    [
        pytest.param({"policies": {POLICY}, "nonce": 7}, [], id="as asked"),
        pytest.param({"policies": {"1.2.3"}}, ["timestamp-policy"], id="another policy"),
        pytest.param({"nonce": 8}, ["timestamp-nonce"], id="another nonce"),
    ],
)
def test_policy_and_nonce_are_asked_if_wanted(options: dict[str, object], failed: list[str]) -> None:
    verdict = verify_token(TOKEN, imprint=IMPRINT, anchors=TRUST, evidence=EVIDENCE, **options)
    assert verdict.failed == failed


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        pytest.param("superseded", "REVOKED_AFTER", id="superseded"),
        pytest.param("cessationOfOperation", "REVOKED_AFTER", id="ceased"),
        pytest.param("keyCompromise", "REVOKED_NOPOE", id="key compromised"),
        pytest.param("unspecified", "REVOKED_NOPOE", id="no reason given"),
    ],
)
def test_an_authority_revoked_afterwards(reason: str, code: str) -> None:
    """RFC 3161 4.1: after an orderly end its tokens stay good, after any other none of them can be relied on."""
    lists = (ROOT.crl(next_update=NOON + 9 * DAY), CA.crl(Revocation(101, NOON + DAY, reason), this_update=NOON + DAY))
    verdict = _verify(TOKEN, evidence=RevocationEvidence.of(*lists))
    (check,) = [one for one in verdict.checks if one.name == "timestamp-revocation"]
    assert check.code == code
    assert (verdict.indication is Indication.TOTAL_PASSED) is (code == "REVOKED_AFTER")


def test_a_certificate_for_more_than_timestamps_is_doubted() -> None:
    broad = CA.issue("多用途", serial=77, purposes=(TIME_STAMPING, "1.3.6.1.5.5.7.3.2"), critical=True)
    verdict = _verify(make_token(STAMP, broad.certificate, broad.sign))
    assert verdict.unknown == ["timestamp-key-usage"]


@pytest.mark.conformance
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("reply", "folder"),
    [
        ("tsp/resp_sm3.tsr", "tsp"),
        ("interop/bouncycastle/resp_sm3.tsr", "interop/openssl"),
        ("interop/bouncycastle/resp_sha1.tsr", "interop/openssl"),
    ],
)
def test_vectors(reply: str, folder: str, strict: bool) -> None:
    """The MANIFEST calls them valid; no revocation list belongs to them, so that alone stays open."""
    asked = parse_request((VECTORS / folder / "req.tsq").read_bytes())
    assert asked.nonce is not None
    data = parse_response((VECTORS / reply).read_bytes(), asked.imprint, asked.nonce)
    (root,) = read_pem(VECTORS / folder / "ca.crt")
    (leaf,) = read_pem(VECTORS / folder / "tsa.crt")
    assert parse_token(data).certificate == leaf
    verdict = verify_token(
        data,
        imprint=asked.imprint,
        anchors=replace(trust(root), issuers=()),
        evidence=RevocationEvidence(),
        strict=strict,
        nonce=asked.nonce,
    )
    assert (verdict.failed, verdict.unknown, verdict.warnings) == ([], ["timestamp-revocation"], ())
