"""Paths: every reason for which a certificate is not good, one at a time, and what each is called."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from signing_pki import (
    CA,
    CRLS,
    DAY,
    EVIDENCE,
    NOON,
    ROOT,
    TRUST,
    UNIT,
    VECTORS,
    Holder,
    make_authority,
    make_root,
    read_pem,
    trust,
)

from signing import der, sm2
from signing.certificates import TIME_STAMPING, Certificate, parse_certificate
from signing.checks import Indication, SubIndication
from signing.errors import MalformedError, NotCanonicalError
from signing.issuing import ENCRYPTION, CertificateRequest, Revocation, Subject, build_certificate
from signing.path import PURPOSE_OIDS, Purpose, RevocationEvidence, TrustAnchors, verify_path
from signing.trust import decode_trust, encode_trust, load_trust, save_trust

CENTRE = CA.issue("交易中心", serial=7, purposes=(PURPOSE_OIDS[Purpose.CENTRE],))
TSA_LOOSE = CA.issue("时间戳", serial=8, purposes=(TIME_STAMPING,), critical=False)
STRANGER = make_authority(make_root("别的根"), "别的 CA").issue()
FALSE_CA = make_authority(make_root(), "测试 CA").issue(serial=100)
"""A leaf whose issuer has the right name and another key."""


def _under_leaf() -> Holder:
    return UNIT.issue("由企业证书签发")


def _too_deep() -> tuple[Certificate, Certificate]:
    below = CA.issue("下级 CA", serial=50, usage=("keyCertSign", "cRLSign"), is_ca=True)
    return below.issue("太深").certificate, below.certificate


def _critical() -> Certificate:
    request = CertificateRequest(Subject("关键扩展"), UNIT.key.public, 60, NOON - DAY, NOON + DAY)
    made = build_certificate(request, CA.certificate, CA.sign)
    outer = [child.raw for child in der.read(made, limit=1 << 16).children()]
    fields = [child.raw for child in der.read(outer[0], limit=1 << 16).children()]
    strange = der.sequence(der.oid("1.2.3.4"), der.boolean(True), der.octet_string(b"\x05\0"))
    inner = der.read(fields[-1], limit=1 << 16).inner(der.context(3))
    tbs = der.sequence(*fields[:-1], der.explicit(3, der.sequence(inner.body, strange)))
    return parse_certificate(der.sequence(tbs, outer[1], der.bit_string(CA.sign(tbs))))


def _judge(
    certificate: Certificate = UNIT.certificate,
    *,
    anchors: TrustAnchors = TRUST,
    evidence: RevocationEvidence = EVIDENCE,
    at: datetime = NOON,
    purpose: Purpose = Purpose.LICENCE,
    extra: tuple[Certificate, ...] = (),
) -> tuple[dict[str, str], SubIndication | None]:
    verdict = verify_path(certificate, anchors=anchors, evidence=evidence, at=at, purpose=purpose, extra=extra)
    assert [check.name for check in verdict.checks] == ["chain", "validity", "key-usage", "revocation"]
    return {c.code: str(c.result) for c in verdict.checks if c.result != "ok"}, verdict.sub_indication


GOOD: tuple[dict[str, str], None] = ({}, None)


def _crl(*revocations: Revocation, **times: datetime) -> RevocationEvidence:
    return RevocationEvidence.of(CRLS[0], CA.crl(*revocations, **times))


def test_a_good_path() -> None:
    assert _judge() == GOOD


def test_the_path_is_told() -> None:
    verdict = verify_path(UNIT.certificate, anchors=TRUST, evidence=EVIDENCE, at=NOON, purpose=Purpose.LICENCE)
    assert verdict.checks[0].why == "某某建设有限公司 ← 测试 CA ← 测试根"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"certificate": STRANGER.certificate},
            {"CHAIN_NONE": "unknown", "REV_UNKNOWN": "unknown"},
            id="another authority",
        ),
        pytest.param(
            {"anchors": replace(TRUST, issuers=())},
            {"CHAIN_NONE": "unknown", "REV_UNKNOWN": "unknown"},
            id="no issuing CA at hand",
        ),
        pytest.param(
            {"anchors": trust(purposes=frozenset({Purpose.TIMESTAMP}))},
            {"CHAIN_NONE": "unknown", "REV_UNKNOWN": "unknown"},
            id="anchor for another purpose",
        ),
        pytest.param(
            {"certificate": FALSE_CA.certificate},
            {"CHAIN_BAD": "unknown", "REV_UNKNOWN": "unknown"},
            id="issuer with another key",
        ),
        pytest.param({"certificate": _critical()}, {"CHAIN_BAD": "unknown"}, id="unknown critical extension"),
        pytest.param(
            {"certificate": CA.issue(usage=ENCRYPTION).certificate},
            {"CHAIN_BAD": "unknown"},
            id="encryption certificate",
        ),
        pytest.param({"at": NOON - 31 * DAY}, {"OUTSIDE": "failed"}, id="before it was valid"),
        pytest.param(
            {"at": NOON + 31 * DAY, "evidence": _crl(this_update=NOON + 40 * DAY)},
            {"OUTSIDE": "failed", "REV_UNKNOWN": "unknown"},
            id="after it was valid",
        ),
        pytest.param({"evidence": RevocationEvidence()}, {"REV_UNKNOWN": "unknown"}, id="no list"),
        pytest.param(
            {"evidence": RevocationEvidence.of(CRLS[1])}, {"REV_UNKNOWN": "unknown"}, id="no list of the root"
        ),
        pytest.param({"evidence": _crl(next_update=NOON)}, {"REV_UNKNOWN": "unknown"}, id="outdated list"),
        pytest.param({"evidence": _crl(this_update=NOON + DAY, next_update=NOON + DAY)}, {}, id="list made later"),
        pytest.param(
            {"evidence": RevocationEvidence.of(CRLS[0], FALSE_CA.crl())},
            {"REV_UNKNOWN": "unknown"},
            id="list of somebody else",
        ),
        pytest.param(
            {"evidence": _crl(Revocation(100, NOON - DAY))}, {"REVOKED_BEFORE": "failed"}, id="revoked before"
        ),
        pytest.param(
            {"evidence": _crl(Revocation(100, NOON))}, {"REVOKED_BEFORE": "failed"}, id="revoked at that very second"
        ),
        pytest.param({"evidence": _crl(Revocation(100, NOON + DAY))}, {}, id="revoked only afterwards"),
        pytest.param({"evidence": _crl(Revocation(101, NOON - DAY))}, {}, id="another serial revoked"),
        pytest.param(
            {"evidence": _crl(Revocation(100, NOON - DAY), next_update=NOON - DAY / 2)},
            {"REVOKED_BEFORE": "failed"},
            id="revoked in an outdated list",
        ),
        pytest.param(
            {"evidence": RevocationEvidence.of(ROOT.crl(Revocation(2, NOON - DAY)), CRLS[1])},
            {"REVOKED_BEFORE": "failed"},
            id="issuing CA revoked",
        ),
        pytest.param({"purpose": Purpose.TIMESTAMP}, {"CHAIN_BAD": "unknown"}, id="no timestamp certificate"),
        pytest.param(
            {"certificate": TSA_LOOSE.certificate, "purpose": Purpose.TIMESTAMP},
            {"CHAIN_BAD": "unknown"},
            id="EKU not critical",
        ),
        pytest.param(
            {"certificate": TSA_LOOSE.certificate}, {"CHAIN_BAD": "unknown"}, id="timestamp certificate signs data"
        ),
        pytest.param({"certificate": CENTRE.certificate, "purpose": Purpose.CENTRE}, {}, id="centre as centre"),
        pytest.param(
            {"certificate": CENTRE.certificate, "purpose": Purpose.SEAL_MAKER},
            {"CHAIN_BAD": "unknown"},
            id="centre as seal maker",
        ),
        pytest.param({"certificate": CENTRE.certificate}, {"CHAIN_BAD": "unknown"}, id="centre as licence"),
        pytest.param({"anchors": trust(UNIT.certificate)}, {}, id="pinned end entity"),
        pytest.param(
            {"anchors": trust(UNIT.certificate), "evidence": _crl(Revocation(100, NOON - DAY))},
            {"REVOKED_BEFORE": "failed"},
            id="pinned end entity revoked",
        ),
        pytest.param(
            {"anchors": trust(CA.certificate), "evidence": RevocationEvidence.of(CRLS[1])},
            {},
            id="issuing CA as anchor",
        ),
        pytest.param(
            {"anchors": replace(TRUST, issuers=()), "extra": (CA.certificate,)}, {}, id="issuing CA came along"
        ),
    ],
)
def test_reasons(changes: dict[str, object], expected: dict[str, str]) -> None:
    found, _ = _judge(**changes)  # type: ignore[arg-type]
    assert found == expected


@pytest.mark.parametrize(
    ("changes", "sub"),
    [
        pytest.param({"certificate": STRANGER.certificate}, SubIndication.NO_CERTIFICATE_CHAIN_FOUND, id="none"),
        pytest.param({"certificate": FALSE_CA.certificate}, SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE, id="bad"),
        pytest.param({"certificate": CENTRE.certificate}, SubIndication.CHAIN_CONSTRAINTS_FAILURE, id="constraints"),
        pytest.param({"at": NOON - 31 * DAY}, SubIndication.NOT_YET_VALID, id="not yet"),
        pytest.param({"at": NOON + 31 * DAY}, SubIndication.EXPIRED, id="expired"),
        pytest.param({"evidence": _crl(Revocation(100, NOON))}, SubIndication.REVOKED, id="revoked"),
        pytest.param({"evidence": RevocationEvidence()}, SubIndication.TRY_LATER, id="no list"),
    ],
)
def test_sub_indications(changes: dict[str, object], sub: SubIndication) -> None:
    assert _judge(**changes)[1] is sub  # type: ignore[arg-type]


def test_revoked_afterwards_is_said() -> None:
    evidence = _crl(Revocation(100, NOON + DAY, "superseded"))
    verdict = verify_path(UNIT.certificate, anchors=TRUST, evidence=evidence, at=NOON, purpose=Purpose.LICENCE)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert (verdict.checks[3].code, "superseded" in verdict.checks[3].why) == ("REVOKED_AFTER", True)


def test_a_hold_that_was_lifted_does_not_count() -> None:
    held = CA.crl(Revocation(100, NOON - 2 * DAY, "certificateHold"), this_update=NOON - 2 * DAY)
    assert _judge(evidence=RevocationEvidence.of(CRLS[0], held))[0] == {"REVOKED_BEFORE": "failed"}
    assert _judge(evidence=RevocationEvidence.of(CRLS[0], held, CA.crl()))[0] == {}


@pytest.mark.parametrize(
    ("make", "extra"),
    [
        pytest.param(lambda: (_under_leaf().certificate, UNIT.certificate), "不是 CA", id="issued by an end entity"),
        pytest.param(_too_deep, "这么长", id="longer than pathlen allows"),
        pytest.param(lambda: _by_mute_ca(), "不允许签发", id="CA without keyCertSign"),  # noqa: PLW0108
    ],
)
def test_issuers_that_may_not_issue(make: Callable[[], tuple[Certificate, Certificate]], extra: str) -> None:
    certificate, issuer = make()
    verdict = verify_path(
        certificate, anchors=TRUST, evidence=EVIDENCE, at=NOON, purpose=Purpose.LICENCE, extra=(issuer,)
    )
    assert (verdict.checks[0].code, verdict.checks[0].sub) == ("CHAIN_BAD", SubIndication.CHAIN_CONSTRAINTS_FAILURE)
    assert extra in verdict.checks[0].why


def _by_mute_ca() -> tuple[Certificate, Certificate]:
    mute = ROOT.issue("哑 CA", serial=70, usage=("cRLSign",), is_ca=True)
    return mute.issue("叶").certificate, mute.certificate


def test_many_certificates_of_one_name_cost_little() -> None:
    heap = tuple(make_authority(ROOT, "别的 CA").certificate for _ in range(100))
    assert "CHAIN_BAD" in _judge(STRANGER.certificate, extra=heap)[0]


def test_a_ring_of_issuers_ends() -> None:
    one, two = sm2.generate(), sm2.generate()

    def cross(subject: str, public: sm2.PublicKey, issuer: str, key: sm2.PrivateKey) -> Certificate:
        parent = replace(CA.certificate, subject_der=Subject(issuer).encode(), public_key=key.public)
        request = CertificateRequest(Subject(subject), public, 1, NOON - DAY, NOON + DAY, is_ca=True)
        return parse_certificate(build_certificate(request, parent, lambda tbs: sm2.sign(key, tbs)))

    ring = (cross("甲", one.public, "乙", two), cross("乙", two.public, "甲", one))
    assert "CHAIN_NONE" in _judge(ring[0], extra=ring)[0]


def test_a_trust_list_comes_back_as_it_was(tmp_path: Path) -> None:
    save_trust(tmp_path / "trust", TRUST)
    save_trust(tmp_path / "trust", TRUST)
    loaded = load_trust(tmp_path / "trust")
    assert replace(loaded, crls=()) == replace(TRUST, crls=())
    assert set(loaded.crls) == set(TRUST.crls)
    assert loaded.fingerprint == TRUST.fingerprint != trust(CA.certificate).fingerprint
    assert decode_trust(encode_trust(TRUST)) == TRUST


def test_a_changed_trust_list_is_refused(tmp_path: Path) -> None:
    save_trust(tmp_path, TRUST)
    other = make_root("攻击者").certificate.der
    (tmp_path / f"{ROOT.certificate.sm3}.cer").write_bytes(other)
    with pytest.raises(MalformedError, match="not there"):
        load_trust(tmp_path)
    (tmp_path / "trust.json").write_bytes((tmp_path / "trust.json").read_bytes() + b"\n")
    with pytest.raises(NotCanonicalError):
        load_trust(tmp_path)
    with pytest.raises(MalformedError, match="no trust list"):
        load_trust(tmp_path / "nowhere")


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("name", "codes"),
    [
        pytest.param("client_sign.crt", {"REV_UNKNOWN"}, id="good but for the list"),
        pytest.param("client_enc.crt", {"CHAIN_BAD", "REV_UNKNOWN"}, id="encryption certificate"),
        pytest.param("client_sign_expire.crt", {"OUTSIDE", "REV_UNKNOWN"}, id="expired in 2001"),
        pytest.param("server_sign2.crt", {"CHAIN_NONE", "REV_UNKNOWN"}, id="no path"),
    ],
)
def test_the_dual_certificates_of_tongsuo(name: str, codes: set[str]) -> None:
    root, sub = read_pem(VECTORS / "certs/tongsuo/tlcp/chain-ca.crt")
    (leaf,) = read_pem(VECTORS / "certs/tongsuo/tlcp" / name)
    anchors = replace(trust(root), issuers=(sub,))
    at = NOON if leaf.not_after < NOON else max(leaf.not_before, root.not_before, sub.not_before)
    assert set(_judge(leaf, anchors=anchors, at=at, evidence=RevocationEvidence())[0]) == codes
