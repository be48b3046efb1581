"""What the field writes: spellings of one signature that are read, and wrong rules that are named and refused."""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from time import process_time

import pytest
from cms_pki import ECDSA, INTL_ROOT, RSA
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import example, given, settings
from hypothesis import strategies as st
from signing_pki import CA, EVIDENCE, NOON, ROOT, TRUST, UNIT, make_authority, make_root, token, trust

from signing import der, sm2
from signing.algorithms import AlgorithmIdentifier, compute_digest
from signing.checks import Check, Indication, Result, SubIndication, Verdict
from signing.cms import parse_cms, prepare_detached, verify_attached, verify_detached, verify_signers
from signing.cms_names import (
    CONTENT_TYPE,
    COUNTER_SIGNATURE,
    DATA,
    GM_DATA,
    GM_SIGNED_DATA,
    MESSAGE_DIGEST,
    SIGNED_DATA,
    SIGNING_CERTIFICATE,
    SIGNING_CERTIFICATE_V2,
    SIGNING_TIME,
    TIMESTAMP_TOKEN,
)
from signing.cms_signing import CmsForm, complete_cms, prepare_cms, prepare_cosignature
from signing.cms_writing import encode_attributes, issuer_and_serial, signing_certificate_v2
from signing.digests import sm3
from signing.errors import LimitError, MalformedError, SigningError
from signing.path import Purpose
from signing.sm2_diagnosis import (
    EMPTY_ID,
    OVER_DIGEST,
    OVER_RAW_DIGEST,
    PRIVATE_RULE,
    WITHOUT_Z,
    ZERO_ID,
    diagnose,
    wrong_seeds,
)

CONTENT = "投标文件".encode()
DIGEST = sm3(CONTENT)
NULL = b"\x05\x00"
SM3_OID, SM2_SM3, SM2_SIGN, SM2 = (f"1.2.156.10197.1.{tail}" for tail in ("401", "501", "301.1", "301"))


def _attributes(**changes: bytes | None) -> bytes:
    values: dict[str, bytes | None] = {
        "content_type": der.oid(DATA),
        "digest": der.octet_string(DIGEST),
        "time": der.time(NOON, utc_until_2050=True),
        "binding": signing_certificate_v2(UNIT.certificate),
    } | changes
    names = {
        "content_type": CONTENT_TYPE,
        "digest": MESSAGE_DIGEST,
        "time": SIGNING_TIME,
        "binding": SIGNING_CERTIFICATE_V2,
        "old_binding": SIGNING_CERTIFICATE,
    }
    return encode_attributes({names[key]: value for key, value in values.items() if value is not None})


def _message(
    attributes: bytes = b"",
    *,
    signed: bytes | None = None,
    content: bytes | None = None,
    outer: str = SIGNED_DATA,
    inner: str = DATA,
    algorithm: AlgorithmIdentifier = AlgorithmIdentifier(SM2_SM3),  # noqa: B008 - a frozen value
    digest: AlgorithmIdentifier = AlgorithmIdentifier(SM3_OID),  # noqa: B008
    sid: bytes = b"",
    signature: bytes = b"",
    unsigned: bytes = b"",
    version: int = 1,
    certificates: bytes | None = None,
    encode: Callable[[bytes], bytes] = der.octet_string,
) -> bytes:
    """Put a message together by hand; the unit signs the attributes, or the content."""
    over = attributes or content or b"" if signed is None else signed
    info = der.sequence(
        der.integer(version),
        sid or der.sequence(UNIT.certificate.issuer_der, der.integer(UNIT.certificate.serial_number)),
        digest.encode(),
        bytes((der.context(0),)) + attributes[1:] if attributes else b"",
        algorithm.encode(),
        der.octet_string(signature or UNIT.sign(over)),
        bytes((der.context(1),)) + unsigned[1:] if unsigned else b"",
    )
    body = der.sequence(
        der.integer(version),
        der.set_of(digest.encode()),
        der.sequence(der.oid(inner), der.explicit(0, encode(content)) if content is not None else b""),
        der.explicit(0, UNIT.certificate.der) if certificates is None else certificates,
        der.set_of(info),
    )
    return der.sequence(der.oid(outer), der.explicit(0, body))


def _judge(data: bytes, outside: bytes | None = None, *, strict: bool = False, at: datetime | None = NOON) -> Verdict:
    return verify_attached(
        data, anchors=TRUST, evidence=EVIDENCE, purpose=Purpose.LICENCE, content=outside, at=at, strict=strict
    )


def _detached(data: bytes, content: bytes = CONTENT, *, strict: bool = False) -> Verdict:
    return verify_detached(
        data,
        content_digest=lambda name: compute_digest(name, content),
        anchors=TRUST,
        evidence=EVIDENCE,
        purpose=Purpose.LICENCE,
        at=NOON,
        strict=strict,
    )


def _raw(signature: bytes) -> bytes:
    r, s = sm2.parse_signature(signature)
    return r.to_bytes(32) + s.to_bytes(32)


def _indefinite(data: bytes) -> bytes:
    """Spell a message in BER: indefinite lengths outside of what is signed."""
    outer = der.read(data, limit=1 << 20)
    kind, holder = outer.children()
    body = holder.inner(der.context(0))
    inside = b"\x30\x80" + b"".join(one.raw for one in body.children()) + b"\0\0"
    return b"\x30\x80" + kind.raw + b"\xa0\x80" + inside + b"\0\0\0\0"


def _pieces(content: bytes) -> bytes:
    return b"\x24\x80" + der.octet_string(content[:5]) + der.octet_string(content[5:]) + b"\0\0"


KEY_ID = UNIT.certificate.subject_key_id
BASE = _attributes()
GOOD = {
    "standard types, 501": _message(BASE, content=CONTENT),
    "501 with NULL": _message(BASE, content=CONTENT, algorithm=AlgorithmIdentifier(SM2_SM3, NULL)),
    "301.1": _message(BASE, content=CONTENT, algorithm=AlgorithmIdentifier(SM2_SIGN)),
    "301.1 with NULL": _message(BASE, content=CONTENT, algorithm=AlgorithmIdentifier(SM2_SIGN, NULL)),
    "301 with NULL": _message(BASE, content=CONTENT, algorithm=AlgorithmIdentifier(SM2, NULL)),
    "digest with NULL": _message(BASE, content=CONTENT, digest=AlgorithmIdentifier(SM3_OID, NULL)),
    "digest 401.1": _message(BASE, content=CONTENT, digest=AlgorithmIdentifier(f"{SM3_OID}.1")),
    "GM types": _message(
        _attributes(content_type=der.oid(GM_DATA)), content=CONTENT, outer=GM_SIGNED_DATA, inner=GM_DATA
    ),
    "GM outside, standard inside": _message(BASE, content=CONTENT, outer=GM_SIGNED_DATA),
    "standard outside, GM inside": _message(BASE, content=CONTENT, inner=GM_DATA),
    "no attributes": _message(content=CONTENT),
    "raw r||s": _message(BASE, content=CONTENT, signature=_raw(UNIT.sign(BASE))),
    "raw r||s, no attributes": _message(content=CONTENT, signature=_raw(UNIT.sign(CONTENT))),
    "key identifier": _message(BASE, content=CONTENT, sid=der.tlv(0x80, KEY_ID), version=3),
    "key identifier by SHA-1": _message(
        BASE,
        content=CONTENT,
        sid=der.tlv(0x80, compute_digest("sha1", UNIT.key.public.point)),
        version=3,
    ),
    "no ESSCertID": _message(_attributes(binding=None), content=CONTENT),
    "ESSCertIDv2 with SHA-256": _message(
        _attributes(binding=signing_certificate_v2(UNIT.certificate, "sha256")), content=CONTENT
    ),
    "ESSCertID (SHA-1)": _message(
        _attributes(
            binding=None,
            old_binding=der.sequence(
                der.sequence(
                    der.sequence(
                        der.octet_string(compute_digest("sha1", UNIT.certificate.der)),
                        issuer_and_serial(UNIT.certificate),
                    )
                )
            ),
        ),
        content=CONTENT,
    ),
    "no signing time": _message(_attributes(time=None), content=CONTENT),
    "BER": _indefinite(_message(BASE, content=CONTENT)),
    "content in pieces": _message(BASE, content=CONTENT, encode=_pieces),
    "content that is no OCTET STRING (PKCS#7)": _message(BASE, content=CONTENT, encode=der.sequence),
    "countersigned": _message(
        BASE, content=CONTENT, unsigned=encode_attributes({COUNTER_SIGNATURE: der.sequence(der.integer(1))})
    ),
    "an attribute certificate inside": _message(
        BASE, content=CONTENT, certificates=der.explicit(0, UNIT.certificate.der, der.explicit(2, NULL))
    ),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD.keys())
def test_what_is_read(data: bytes) -> None:
    verdict = _judge(data)
    assert verdict.indication is Indication.TOTAL_PASSED, verdict


@pytest.mark.parametrize(
    "name", [name for name in GOOD if not name.startswith(("standard", "no sign", "no ESS", "ESS"))]
)
def test_departures_are_named_and_strictly_refused(name: str) -> None:
    outer = der.read(GOOD[name], limit=1 << 20).children()[0].oid()
    verdict = _judge(GOOD[name], strict=True)
    # An algorithm identifier in another spelling is a form that we read in both ways.
    if name.startswith(("301", "501", "digest")) and outer == SIGNED_DATA:
        assert set(verdict.failed) <= {"format"}
    else:
        assert "format" in verdict.failed
        assert any(text.startswith("FMT_CMS") for text in _judge(GOOD[name]).warnings)


def test_countersignatures_are_noted() -> None:
    assert "FMT_CMS：副署签名未验证" in _judge(GOOD["countersigned"]).warnings


# Digest inside, content outside

WRAPPED = {
    "octets": DIGEST,
    "hex": DIGEST.hex().encode(),
    "HEX": DIGEST.hex().upper().encode(),
    "Base64": base64.b64encode(DIGEST),
    "Base64 with a line end": base64.b64encode(DIGEST) + b"\r\n",
}


@pytest.mark.parametrize("inside", WRAPPED.values(), ids=WRAPPED.keys())
@pytest.mark.parametrize("attributed", [False, True])
def test_the_digest_inside(inside: bytes, attributed: bool) -> None:
    attributes = _attributes(digest=der.octet_string(sm3(inside))) if attributed else b""
    data = _message(attributes, content=inside, outer=GM_SIGNED_DATA, inner=GM_DATA)
    for verdict in (_judge(data, CONTENT), _detached(data)):
        assert verdict.indication is Indication.TOTAL_PASSED, verdict
        assert _named(verdict, "content").why.startswith("内含原文的摘要")
    assert _detached(data, b"another").failed == ["content"]
    with pytest.raises(MalformedError):
        _judge(data, b"another")
    assert "format" in _detached(data, strict=True).failed


def test_another_content_inside_is_no_proof_of_the_one_outside() -> None:
    """A message over something else must not vouch for the content that the caller holds."""
    for data in (
        _message(content=b"harmless"),
        _message(_attributes(digest=der.octet_string(sm3(b"harmless"))), content=b"harmless"),
    ):
        verdict = _detached(data)
        assert verdict.failed == ["content"]
        assert verdict.sub_indication is SubIndication.HASH_FAILURE


def test_an_unknown_digest_never_matches_an_empty_one() -> None:
    data = _message(_attributes(digest=der.octet_string(b"")))
    verdict = verify_detached(
        data,
        content_digest=lambda _: b"",
        anchors=TRUST,
        evidence=EVIDENCE,
        purpose=Purpose.LICENCE,
        at=NOON,
        strict=False,
    )
    assert verdict.failed == ["digest"]


# Wrong rules

SEEDS = wrong_seeds(UNIT.key.public)


def _wrongly(seed: bytes, message: bytes) -> bytes:
    return sm2.sign_digest(UNIT.key, sm3(seed, message))


def _info(content: bytes) -> bytes:
    return der.sequence(der.oid(DATA), der.explicit(0, der.octet_string(content)))


WRONG = {
    **{f"{why} {at}": (BASE, _wrongly(seed, BASE), why) for at, (why, seed) in enumerate(SEEDS)},
    **{f"{why} {at}, no attributes": (b"", _wrongly(seed, CONTENT), why) for at, (why, seed) in enumerate(SEEDS)},
    "the digest as message": (b"", UNIT.sign(DIGEST), OVER_DIGEST),
    "GmSSL": (b"", sm2.sign_digest(UNIT.key, sm3(_info(CONTENT))), PRIVATE_RULE),
    "nothing known": (b"", CA.sign(CONTENT), ""),
}


@pytest.mark.parametrize(("attributes", "signature", "why"), WRONG.values(), ids=WRONG.keys())
def test_wrong_rules_are_named_and_refused(attributes: bytes, signature: bytes, why: str) -> None:
    for value in (signature, _raw(signature)):
        verdict = _judge(_message(attributes, content=CONTENT, signature=value))
        assert verdict.failed == ["signature"]
        assert _named(verdict, "signature").why == why


@pytest.mark.parametrize(
    ("message", "signature", "why"),
    [
        (b"x", _wrongly(b"", b"x"), WITHOUT_Z),
        (b"x", _wrongly(SEEDS[1][1], b"x"), EMPTY_ID),
        (b"x", _wrongly(SEEDS[2][1], b"x"), ZERO_ID),
        (DIGEST, sm2.sign_digest(UNIT.key, DIGEST), OVER_RAW_DIGEST),
        (b"x", UNIT.sign(sm3(b"x")), OVER_DIGEST),
        (b"x", UNIT.sign(b"x"), ""),
        (b"x", b"noise", ""),
        (b"x", b"", ""),
    ],
    ids=["no Z", "empty id", "zero id", "raw digest", "digest as message", "right", "noise", "nothing"],
)
def test_diagnosis(message: bytes, signature: bytes, why: str) -> None:
    assert diagnose(UNIT.key.public, message, signature) == why


# What must not pass


BAD = {
    "digest of another content": (_attributes(digest=der.octet_string(sm3(b"x"))), {}, ["digest"]),
    "content type of another message": (_attributes(content_type=der.oid("1.2.3")), {}, ["digest"]),
    "no content type": (_attributes(content_type=None), {}, ["digest"]),
    "no digest": (_attributes(digest=None), {}, ["digest"]),
    "ESSCertID of another": (
        _attributes(binding=signing_certificate_v2(CA.certificate)),
        {},
        ["certificate-binding"],
    ),
    "signature of the content instead of the attributes": (BASE, {"signed": CONTENT}, ["signature"]),
    "s = 0": (BASE, {"signature": b"\1" * 32 + bytes(32)}, ["signature"]),
    "r over n": (BASE, {"signature": b"\xff" * 64}, ["signature"]),
    "raw of 63": (BASE, {"signature": _raw(UNIT.sign(BASE))[1:]}, ["signature"]),
}


@pytest.mark.parametrize(("attributes", "changes", "failed"), BAD.values(), ids=BAD.keys())
def test_what_fails(attributes: bytes, changes: dict[str, bytes], failed: list[str]) -> None:
    verdict = _judge(_message(attributes, content=CONTENT, **changes))  # type: ignore[arg-type]
    assert verdict.failed == failed
    assert verdict.indication is Indication.TOTAL_FAILED


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        pytest.param({"algorithm": AlgorithmIdentifier("1.2.840.10045.4.3.2")}, "signature", id="ECDSA by an SM2 key"),
        pytest.param({"algorithm": AlgorithmIdentifier("1.2.3")}, "signature", id="unknown signature algorithm"),
        pytest.param({"digest": AlgorithmIdentifier("1.2.3")}, "digest", id="unknown digest"),
        pytest.param({"digest": AlgorithmIdentifier("1.3.14.3.2.26")}, "digest", id="SHA-1"),
    ],
)
def test_unknown_algorithms_leave_it_open(changes: dict[str, AlgorithmIdentifier], name: str) -> None:
    verdict = _judge(_message(BASE, content=CONTENT, **changes))  # type: ignore[arg-type]
    assert verdict.indication is Indication.INDETERMINATE
    found = _named(verdict, name)
    assert (found.result, found.code, found.sub) == (Result.UNKNOWN, "ALG", SubIndication.CRYPTO_CONSTRAINTS_FAILURE)


def test_a_certificate_from_elsewhere() -> None:
    data = _message(BASE, content=CONTENT, certificates=b"")
    assert _judge(data).worst.code == "NO_CERT"
    verdict = verify_attached(
        data,
        anchors=TRUST,
        evidence=EVIDENCE,
        purpose=Purpose.LICENCE,
        at=NOON,
        known=(UNIT.certificate,),
    )
    assert verdict.indication is Indication.TOTAL_PASSED
    assert parse_cms(data, known=(UNIT.certificate,)).certificate == UNIT.certificate


def test_the_token_of_a_raw_signature_is_over_its_octets() -> None:
    octets = _raw(UNIT.sign(BASE))
    for imprint, passed in ((sm3(octets), True), (sm3(sm2.encode_signature(*_numbers(octets))), False)):
        unsigned = encode_attributes({TIMESTAMP_TOKEN: token(imprint)})
        verdict = _judge(_message(BASE, content=CONTENT, signature=octets, unsigned=unsigned), at=None)
        assert (verdict.failed == []) is passed


def test_several_tokens() -> None:
    """One that holds is enough; the first is reported when none does. Strictly there is one at most."""
    signature = UNIT.sign(BASE)
    good, bad = token(sm3(signature)), token(sm3(b"another"))
    for tokens, ok in (((bad, good), True), ((good, bad), True), ((bad, bad[:-1] + b"\0"), False)):
        values = der.sequence(der.oid(TIMESTAMP_TOKEN), der.set_of(*tokens))
        data = _message(BASE, content=CONTENT, signature=signature, unsigned=der.set_of(values))
        assert ("timestamp-imprint" not in _judge(data, at=None).failed) is ok
        assert "format" in _judge(data, strict=True).failed
    many = der.sequence(der.oid(TIMESTAMP_TOKEN), der.set_of(*(der.sequence(der.integer(n)) for n in range(5))))
    with pytest.raises(MalformedError):
        _judge(_message(BASE, content=CONTENT, unsigned=der.set_of(many)))


def test_a_pss_signature() -> None:
    sha256 = AlgorithmIdentifier("2.16.840.1.101.3.4.2.1")
    mgf = der.sequence(der.oid("1.2.840.113549.1.1.8"), sha256.encode())
    parameters = der.sequence(der.explicit(0, sha256.encode()), der.explicit(1, mgf), der.explicit(2, der.integer(32)))
    attributes = prepare_detached(compute_digest("sha256", CONTENT), RSA.certificate, NOON)
    signature = RSA.key.sign(attributes, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    data = _message(
        attributes,
        content=CONTENT,
        algorithm=AlgorithmIdentifier("1.2.840.113549.1.1.10", parameters),
        digest=sha256,
        sid=der.sequence(RSA.certificate.issuer_der, der.integer(RSA.certificate.serial_number)),
        signature=signature,
        certificates=der.explicit(0, RSA.certificate.der),
    )
    for value, failed in ((data, []), (data.replace(signature, signature[:-1] + b"\0"), ["signature"])):
        verdict = verify_attached(
            value,
            anchors=trust(INTL_ROOT.certificate),
            evidence=EVIDENCE,
            purpose=Purpose.LICENCE,
            at=NOON,
            strict=False,
        )
        assert [name for name in verdict.failed if name in ("signature", "digest", "format")] == failed


# Bytes from outside


def _seeds() -> list[bytes]:
    first = prepare_cms(CONTENT, UNIT.certificate, NOON, chain=(CA.certificate,), form=CmsForm(attached=True))
    one = complete_cms(first, UNIT.sign(first.to_be_signed))
    second = prepare_cosignature(one, ECDSA.certificate, NOON)
    return [*GOOD.values(), complete_cms(second, ECDSA.sign(second.to_be_signed))]


SEED = _seeds()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEED), st.data())
def test_a_changed_byte_in_what_is_signed_never_passes(seed: bytes, data: st.DataObject) -> None:
    """Leniently judged, a change may go unnoticed only where no signature is: then content and signer are the same."""
    at = data.draw(st.integers(0, len(seed) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = seed[:at] + bytes((seed[at] ^ flip,)) + seed[at + 1 :]
    try:
        found = verify_signers(
            changed,
            anchors=trust(ROOT.certificate, INTL_ROOT.certificate),
            evidence=EVIDENCE,
            purpose=Purpose.LICENCE,
            at=NOON,
            strict=False,
        )
    except SigningError:
        return
    for one in found:
        if one.verdict.indication is Indication.TOTAL_PASSED:
            assert one.message.content == CONTENT
            assert one.certificate in (UNIT.certificate, ECDSA.certificate)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SEED), st.data())
def test_cut_or_longer_messages_are_refused(seed: bytes, data: st.DataObject) -> None:
    cut = seed[: data.draw(st.integers(0, len(seed) - 1))]
    for changed in (cut, seed + data.draw(st.binary(min_size=1, max_size=8))):
        with pytest.raises(SigningError):
            verify_signers(changed, anchors=TRUST, evidence=EVIDENCE, purpose=Purpose.LICENCE, at=NOON)


@settings(deadline=None)
@given(st.binary(max_size=400))
@example(b"\x30\x80" * 200)
@example(b"\x30\x84\xff\xff\xff\xff")
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        verify_signers(data, anchors=TRUST, evidence=EVIDENCE, purpose=Purpose.LICENCE, at=NOON)


def _numbers(octets: bytes) -> tuple[int, int]:
    return int.from_bytes(octets[:32]), int.from_bytes(octets[32:])


def _named(verdict: Verdict, name: str) -> Check:
    return next(check for check in verdict.checks if check.name == name)


def test_a_token_that_nobody_can_verify_proves_no_time() -> None:
    """Without its authority's certificate a token is a claim: the path is judged at the time that was asked for."""
    signature = UNIT.sign(BASE)
    stamp = token(sm3(signature), at=NOON)
    outer = der.read(stamp, limit=1 << 16).children()
    body = outer[1].inner(der.context(0)).children()
    bare = der.sequence(
        outer[0].raw, der.explicit(0, der.sequence(*(one.raw for one in body if one.tag != der.context(0))))
    )
    late = NOON + timedelta(days=300)
    for inside, failed in ((stamp, []), (bare, ["validity"])):
        unsigned = encode_attributes({TIMESTAMP_TOKEN: inside})
        data = _message(BASE, content=CONTENT, signature=signature, unsigned=unsigned)
        assert _judge(data, at=late).failed == failed


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param(
            {"certificates": der.explicit(0, UNIT.certificate.der, *[der.sequence()] * 64)}, id="certificates"
        ),
        pytest.param({"unsigned": der.tlv(0x31, *[der.sequence()] * 65)}, id="attributes"),
        pytest.param({"content": bytes(17 << 20)}, id="content"),
    ],
)
def test_limits(attributes: dict[str, bytes]) -> None:
    with pytest.raises(LimitError):
        _judge(_message(**({"attributes": BASE, "content": CONTENT} | attributes)))  # type: ignore[arg-type]


def test_heaps_of_small_elements_cost_little() -> None:
    """Two million elements in an unsigned attribute: no more than a note, and no time is lost on them."""
    heap = der.sequence(*[der.sequence(b"\x05\0" * 200_000)] * 10)
    unsigned = der.tlv(0x31, der.sequence(der.oid("1.2.3"), der.tlv(0x31, heap)))
    data = _message(BASE, content=CONTENT, unsigned=unsigned)
    started = process_time()
    assert "format" in _judge(data, strict=True).failed
    assert process_time() - started < 1


def test_one_name_for_many_issuers_costs_little() -> None:
    """Certificates that all claim one issuer's name are not tried one by one."""
    certificates = [CA.issue(serial=number).certificate.der for number in range(1000, 1030)]
    twins = [make_authority(make_root(f"{n}"), "测试 CA").certificate.der for n in range(4)]
    block = der.explicit(0, UNIT.certificate.der, *certificates, *twins)
    started = process_time()
    assert "format" in _judge(_message(BASE, content=CONTENT, certificates=block), strict=True).failed
    assert process_time() - started < 1
