"""RFC 5280 6, rule by rule: each has a certificate that breaks it. Both suites, also mixed in one path."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signing_pki import DAY, NOON, VECTORS, read_pem
from signing_suites import MAKERS, Party, ders, key_of, make_root

from signing import der, sm2
from signing.certificate_extensions import (
    DNS_NAME,
    IP_NAME,
    RFC822_NAME,
    URI_NAME,
    GeneralName,
    NameConstraints,
    PolicyRules,
)
from signing.certificate_policies import ANY_POLICY
from signing.certificates import Certificate, parse_certificate
from signing.checks import Indication, Verdict
from signing.digests import sm3
from signing.errors import SigningError
from signing.issuing import CertificateRequest, Revocation, Subject, build_certificate
from signing.issuing_extensions import Extras, directory_name
from signing.path import Anchor, Purpose, RevocationEvidence, TrustAnchors, verify_path

ROOT = make_root("R")
POLICY, OTHER_POLICY = "1.2.3", "1.2.4"


def _judge(
    leaf: Party | Certificate,
    *between: Party,
    root: Party = ROOT,
    evidence: RevocationEvidence | None = None,
    **changes: Any,
) -> Verdict:
    """Judge under one root, with fresh empty lists of everybody unless others are given."""
    anchors = TrustAnchors("t", "1", sandbox=True, anchors=(Anchor(root.certificate, frozenset(Purpose)),))
    lists = RevocationEvidence.of(*(one.crl() for one in (root, *between)))
    certificate = leaf.certificate if isinstance(leaf, Party) else leaf
    usual: dict[str, Any] = {"at": NOON, "purpose": Purpose.LICENCE, "extra": ders(between)}
    return verify_path(certificate, anchors=anchors, evidence=evidence or lists, **(usual | changes))


def _passes(verdict: Verdict) -> bool:
    return verdict.indication is Indication.TOTAL_PASSED


def _why(verdict: Verdict) -> str:
    assert verdict.checks[0].code == "CHAIN_BAD"
    return verdict.checks[0].why


@pytest.mark.parametrize(("top", "middle"), [*product(MAKERS, MAKERS)])
def test_mixed_suites_make_one_path(top: str, middle: str) -> None:
    root = make_root("顶", top)
    ca = root.issue_authority("中", middle)
    for kind in ("sm2", "p256"):
        leaf = ca.issue("叶", kind)
        assert _passes(_judge(leaf, ca, root=root))
        gone = RevocationEvidence.of(root.crl(), ca.crl(Revocation(100, NOON)))
        assert _judge(leaf, ca, root=root, evidence=gone).worst.code == "REVOKED_BEFORE"


# Names


def test_names_chain_whatever_their_string_type_case_and_width() -> None:
    ca = ROOT.issue_authority("Some  CA")
    spelt = der.sequence(
        *(
            der.set_of(der.sequence(der.oid(oid), der.printable(text)))
            for oid, text in (("2.5.4.6", "cn"), ("2.5.4.10", "SOME CA"), ("2.5.4.3", "some ca"))
        )
    )
    issuer = Party(replace(ca.certificate, subject_der=spelt), ca.key)
    leaf = issuer.issue("叶")
    assert leaf.certificate.issuer_der == spelt != ca.certificate.subject_der
    assert _passes(_judge(leaf, ca, evidence=RevocationEvidence.of(ROOT.crl(), ca.crl())))


def test_a_name_that_only_looks_alike_does_not_chain() -> None:
    ca = ROOT.issue_authority("Some CA")
    issuer = Party(replace(ca.certificate, subject_der=Subject("Some CB", organisation="Some CA").encode()), ca.key)
    assert _judge(issuer.issue("叶"), ca).checks[0].code == "CHAIN_NONE"


def _constrained(*, permitted: Sequence[GeneralName] = (), excluded: Sequence[GeneralName] = ()) -> Party:
    constraints = NameConstraints(tuple(permitted), tuple(excluded))
    return ROOT.issue_authority("受限", extras=Extras(name_constraints=constraints))


def _dn(name: str = "", organisation: str = "") -> GeneralName:
    """Answer the stem C=CN, O=… of a name."""
    parts = [("2.5.4.6", der.printable("CN")), ("2.5.4.10", der.utf8(organisation)), ("2.5.4.3", der.utf8(name))]
    used = [der.set_of(der.sequence(der.oid(oid), text)) for oid, text in parts if text[1]]
    return directory_name(der.sequence(*used))


def _named(*names: tuple[int, bytes]) -> Extras:
    return Extras(alternative_names=tuple(GeneralName(*one) for one in names))


@pytest.mark.parametrize(
    ("permitted", "excluded", "extras", "good"),
    [
        pytest.param([_dn(organisation="甲")], [], Extras(), True, id="inside the directory"),
        pytest.param([_dn(organisation="乙")], [], Extras(), False, id="outside the directory"),
        pytest.param([_dn(organisation="乙"), _dn(organisation="甲")], [], Extras(), True, id="in one of two"),
        pytest.param([_dn()], [_dn(organisation="甲")], Extras(), False, id="excluded"),
        pytest.param([], [_dn(organisation="乙")], Extras(), True, id="another one excluded"),
        pytest.param([], [directory_name(b"0\0")], Extras(), False, id="everything excluded"),
        pytest.param([GeneralName(DNS_NAME, b"a.cn")], [], _named((DNS_NAME, b"x.A.cn")), True, id="domain"),
        pytest.param([GeneralName(DNS_NAME, b"a.cn")], [], _named((DNS_NAME, b"xa.cn")), False, id="no such domain"),
        pytest.param([GeneralName(DNS_NAME, b"a.cn")], [], Extras(), True, id="no name of the kind"),
        pytest.param([GeneralName(RFC822_NAME, b"a.cn")], [], _named((RFC822_NAME, b"x@a.cn")), True, id="mail host"),
        pytest.param(
            [GeneralName(RFC822_NAME, b"a.cn")], [], _named((RFC822_NAME, b"x@b.a.cn")), False, id="mail below"
        ),
        pytest.param(
            [GeneralName(RFC822_NAME, b".a.cn")], [], _named((RFC822_NAME, b"x@b.a.cn")), True, id="mail domain"
        ),
        pytest.param([GeneralName(RFC822_NAME, b"y@a.cn")], [], _named((RFC822_NAME, b"x@a.cn")), False, id="mailbox"),
        pytest.param([GeneralName(URI_NAME, b".a.cn")], [], _named((URI_NAME, b"http://b.a.cn:8/x")), True, id="host"),
        pytest.param([GeneralName(URI_NAME, b"a.cn")], [], _named((URI_NAME, b"http://b.a.cn/x")), False, id="no host"),
        pytest.param([GeneralName(URI_NAME, b"a.cn")], [], _named((URI_NAME, b"urn:x")), False, id="URI without host"),
        pytest.param(
            [GeneralName(IP_NAME, bytes.fromhex("0a000000ff000000"))],
            [],
            _named((IP_NAME, b"\x0a\1\2\3")),
            True,
            id="IP",
        ),
        pytest.param(
            [GeneralName(IP_NAME, bytes.fromhex("0a000000ff000000"))],
            [],
            _named((IP_NAME, b"\x0b\1\2\3")),
            False,
            id="no IP",
        ),
        pytest.param(
            [GeneralName(IP_NAME, bytes.fromhex("0a000000ff000000"))],
            [],
            _named((IP_NAME, bytes(16))),
            False,
            id="IPv6",
        ),
        pytest.param([GeneralName(8, b"\x2a\3")], [], _named((8, b"\x2a\3")), False, id="a form that is not judged"),
        pytest.param([GeneralName(8, b"\x2a\3")], [], Extras(), True, id="such a form without such a name"),
        pytest.param(
            [GeneralName(DNS_NAME, b"a.cn")],
            [],
            Extras(raw=(der.sequence(der.oid("2.5.29.17"), der.octet_string(b"\5\0")),)),
            False,
            id="names that cannot be read",
        ),
    ],
)
def test_name_constraints(
    permitted: list[GeneralName], excluded: list[GeneralName], extras: Extras, good: bool
) -> None:
    ca = _constrained(permitted=permitted, excluded=excluded)
    leaf = ca.issue("叶", subject=Subject("叶", organisation="甲"), extras=extras)
    verdict = _judge(leaf, ca)
    assert _passes(verdict) is good
    assert good or "名称约束" in _why(verdict)


def test_mail_in_the_subject_is_constrained_too() -> None:
    ca = _constrained(permitted=[GeneralName(RFC822_NAME, b"a.cn")])
    for address, good in (("x@a.cn", True), ("x@b.cn", False)):
        mail = der.sequence(der.oid("1.2.840.113549.1.9.1"), der.tlv(der.IA5_STRING, address.encode()))
        assert _passes(_judge(ca.issue("叶", subject=der.sequence(der.set_of(mail))), ca)) is good


def test_constraints_of_the_anchor_and_through_cas_count() -> None:
    constraints = Extras(name_constraints=NameConstraints(permitted=(_dn(organisation="甲"),)))
    root = make_root("限", extras=constraints)
    ca = root.issue_authority("CA", subject=Subject("CA", organisation="甲"))
    assert _passes(_judge(ca.issue("叶", subject=Subject("叶", organisation="甲")), ca, root=root))
    assert not _passes(_judge(ca.issue("叶", subject=Subject("叶", organisation="乙")), ca, root=root))
    outside = root.issue_authority("CA", subject=Subject("CA", organisation="乙"))
    assert not _passes(_judge(outside.issue("叶", subject=Subject("叶", organisation="甲")), outside, root=root))


def test_a_subtree_with_a_minimum_is_refused() -> None:
    tree = der.sequence(der.explicit(4, b"0\0"), der.tlv(0x80, b"\1"))
    raw = der.sequence(der.oid("2.5.29.30"), der.boolean(True), der.octet_string(der.sequence(der.explicit(0, tree))))
    ca = ROOT.issue_authority("最小", extras=Extras(raw=(raw,)))
    assert "名称约束" in _why(_judge(ca.issue("叶"), ca))


# Policies


def _policy(*policies: str, **rules: Any) -> Extras:
    return Extras(policy_rules=PolicyRules(frozenset(policies) if policies else None, **rules))


@pytest.mark.parametrize(
    ("ca", "leaf", "good"),
    [
        pytest.param(_policy(), _policy(), True, id="nobody speaks of policies"),
        pytest.param(_policy(POLICY), _policy(), True, id="none at the end, none demanded"),
        pytest.param(_policy(POLICY, require_explicit=0), _policy(POLICY), True, id="demanded and there"),
        pytest.param(_policy(POLICY, require_explicit=0), _policy(), False, id="demanded and not there"),
        pytest.param(_policy(POLICY, require_explicit=0), _policy(OTHER_POLICY), False, id="another one"),
        pytest.param(_policy(require_explicit=0), _policy(POLICY), False, id="the CA itself has none"),
        pytest.param(_policy(POLICY, require_explicit=1), _policy(), False, id="demanded from the next on"),
        pytest.param(_policy(POLICY, require_explicit=2), _policy(), True, id="demanded too far down"),
        pytest.param(_policy(ANY_POLICY, require_explicit=0), _policy(POLICY), True, id="any policy above"),
        pytest.param(_policy(POLICY, require_explicit=0), _policy(ANY_POLICY), True, id="any policy below"),
        pytest.param(
            _policy(POLICY, require_explicit=0, inhibit_any=0), _policy(ANY_POLICY), False, id="any policy inhibited"
        ),
        pytest.param(
            _policy(POLICY, require_explicit=0, mappings=((POLICY, OTHER_POLICY),)),
            _policy(OTHER_POLICY),
            True,
            id="mapped",
        ),
        pytest.param(
            _policy(POLICY, require_explicit=0, mappings=((POLICY, OTHER_POLICY),)),
            _policy(POLICY),
            False,
            id="mapped away",
        ),
        pytest.param(
            _policy(ANY_POLICY, mappings=((ANY_POLICY, OTHER_POLICY),)), _policy(), False, id="any policy mapped"
        ),
        pytest.param(_policy(), _policy(require_explicit=0), False, id="demanded by the leaf itself"),
    ],
)
def test_policies(ca: Extras, leaf: Extras, good: bool) -> None:
    above = ROOT.issue_authority("策", extras=ca)
    verdict = _judge(above.issue("叶", extras=leaf), above)
    assert _passes(verdict) is good
    assert good or "策略" in _why(verdict) or "anyPolicy" in _why(verdict)


def test_mapping_may_be_inhibited_from_above() -> None:
    for limit, good in ((0, False), (1, True)):
        top = ROOT.issue_authority("上", extras=_policy(POLICY, require_explicit=0, inhibit_mapping=limit), serial=3)
        ca = top.issue_authority("下", "sm2:low", extras=_policy(POLICY, mappings=((POLICY, OTHER_POLICY),)))
        assert _passes(_judge(ca.issue("叶", extras=_policy(OTHER_POLICY)), ca, top)) is good


def test_a_demand_of_the_anchor_counts() -> None:
    root = make_root("策根", extras=_policy(require_explicit=0))
    for extras, good in ((_policy(POLICY), True), (_policy(), False)):
        assert _passes(_judge(root.issue("叶", extras=extras), root=root)) is good


# Constraints on issuers


def _raw(oid: str, *, critical: bool, value: bytes = b"\5\0") -> Extras:
    flag = der.boolean(True) if critical else b""
    return Extras(raw=(der.sequence(der.oid(oid), flag, der.octet_string(value)),))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda: (ROOT.issue("叶", extras=_raw("1.2.9", critical=True)),), "关键扩展 1.2.9", id="leaf"),
        pytest.param(lambda: _under(extras=_raw("1.2.9", critical=True)), "关键扩展 1.2.9", id="issuer"),
        pytest.param(lambda: _under(is_ca=False), "不是 CA", id="no CA"),
        pytest.param(lambda: _under(key_usage=("cRLSign",)), "不允许签发", id="no keyCertSign"),
        pytest.param(lambda: _deep(0), "这么长", id="path length 0"),
        pytest.param(lambda: _deep(1), "", id="path length 1"),
    ],
)
def test_issuers(make: Callable[[], tuple[Party, ...]], words: str) -> None:
    leaf, *between = make()
    verdict = _judge(leaf, *between)
    assert words in verdict.checks[0].why
    assert (verdict.checks[0].result == "ok") is (not words)


def _under(**fields: Any) -> tuple[Party, Party]:
    ca = ROOT.issue_authority("中", **fields)
    return ca.issue("叶"), ca


def _deep(length: int) -> tuple[Party, Party, Party]:
    top = ROOT.issue_authority("一", path_length=length)
    low = top.issue_authority("二")
    return low.issue("叶"), low, top


def test_an_extension_that_is_not_critical_may_be_unknown() -> None:
    assert _passes(_judge(ROOT.issue("叶", extras=_raw("1.2.9", critical=False))))


def test_self_issued_certificates_do_not_count_for_the_length() -> None:
    """A CA that changed its key certifies the new one under its own name (RFC 5280 6.1.4 l)."""
    old = ROOT.issue_authority("换钥", "sm2:old", path_length=0)
    new = old.issue_authority("换钥", "sm2:new", serial=9)
    assert new.certificate.self_issued
    assert _passes(_judge(new.issue("叶"), new, old))


def test_the_whole_path_must_be_valid_at_the_time() -> None:
    ca = ROOT.issue_authority("过期", not_before=NOON - 9 * DAY, not_after=NOON - DAY / 2)
    verdict = _judge(ca.issue("叶"), ca)
    assert (verdict.worst.code, "过期" in verdict.worst.why) == ("OUTSIDE", True)
    assert _passes(_judge(ca.issue("叶"), ca, at=NOON - DAY / 2))


@pytest.mark.parametrize(
    ("at", "code"),
    [
        pytest.param(NOON - DAY, "REVOKED_BEFORE", id="before"),
        pytest.param(NOON, "REVOKED_BEFORE", id="in that second"),
        pytest.param(NOON + DAY, "REVOKED_AFTER", id="after"),
    ],
)
def test_an_issuing_ca_that_was_revoked(at: datetime, code: str) -> None:
    ca = ROOT.issue_authority("撤")
    lists = RevocationEvidence.of(ROOT.crl(Revocation(2, at, "cACompromise")), ca.crl())
    verdict = _judge(ca.issue("叶"), ca, evidence=lists)
    assert (verdict.checks[3].code, _passes(verdict)) == (code, code == "REVOKED_AFTER")
    assert "撤：" in verdict.checks[3].why
    assert "cACompromise" in verdict.checks[3].why


# Several paths


def test_a_cross_certificate_saves_a_path() -> None:
    """The same CA certified twice: whichever way is good is taken, in any order."""
    other = make_root("别根")
    good = ROOT.issue_authority("交叉", "sm2:x")
    ways = (
        other.issue_authority("交叉", "sm2:x", serial=5),
        ROOT.issue_authority("交叉", "sm2:x", serial=6, not_after=NOON - DAY),
        ROOT.issue_authority("交叉", "sm2:x", serial=7, path_length=0, is_ca=False),
        ROOT.issue_authority("交叉", "sm2:x", serial=8),
    )
    leaf = good.issue("叶")
    lists = RevocationEvidence.of(ROOT.crl(Revocation(8, NOON - DAY)), good.crl(), other.crl())
    for extra in (ways, ways[::-1]):
        assert not _passes(_judge(leaf, evidence=lists, extra=ders(extra)))
        assert _passes(_judge(leaf, evidence=lists, extra=ders((*extra, good))))
        assert _passes(_judge(leaf, evidence=lists, extra=ders((good, *extra))))


def test_the_least_bad_path_is_told() -> None:
    ways = (
        ROOT.issue_authority("坏", "sm2:y", serial=7, is_ca=False),
        ROOT.issue_authority("坏", "sm2:y", serial=8),
    )
    leaf = ways[1].issue("叶")
    lists = RevocationEvidence.of(ROOT.crl(Revocation(8, NOON - DAY, "cACompromise")), ways[1].crl())
    verdict = _judge(leaf, evidence=lists, extra=ders(ways))
    assert (verdict.worst.code, "cACompromise" in verdict.worst.why) == ("REVOKED_BEFORE", True)


def test_a_maze_of_cross_certificates_costs_little() -> None:
    """Ten authorities that all certified each other, none of them by the root."""
    heap = [
        make_root(f"迷{n}", "p256").issue_authority(f"迷{m}", f"p256:迷{m}", serial=n * 10 + m + 1)
        for n in range(8)
        for m in range(8)
    ]
    leaf = heap[0].issue("叶")
    assert _judge(leaf, extra=ders(heap), evidence=RevocationEvidence()).checks[0].code in ("CHAIN_NONE", "CHAIN_BAD")


# SM2 by wrong rules


@pytest.mark.parametrize(
    ("sign", "words"),
    [
        pytest.param(lambda key, tbs: sm2.sign_digest(key, sm3(tbs)), "Z", id="without Z"),
        pytest.param(lambda key, tbs: sm2.sign(key, tbs + b"x"), "签名值不正确", id="something else"),
    ],
)
def test_certificates_signed_by_a_wrong_rule_are_named(
    sign: Callable[[sm2.PrivateKey, bytes], bytes], words: str
) -> None:
    key = key_of("sm2", "R").private  # type: ignore[attr-defined]
    request = CertificateRequest(Subject("叶"), key_of("sm2", "z").public_key, 5, NOON - DAY, NOON + DAY)
    made = build_certificate(request, ROOT.certificate, lambda tbs: sign(key, tbs))
    assert words in _why(_judge(parse_certificate(made)))


@pytest.mark.conformance
def test_the_sample_without_z_is_named() -> None:
    (root,) = read_pem(VECTORS / "certs/tongsuo/sm2-noza-root-cert.pem")
    (leaf,) = read_pem(VECTORS / "certs/tongsuo/sm2-noza-cert.pem")
    anchors = TrustAnchors("t", "1", sandbox=True, anchors=(Anchor(root, frozenset(Purpose)),))
    verdict = verify_path(
        leaf, anchors=anchors, evidence=RevocationEvidence(), at=leaf.not_before, purpose=Purpose.LICENCE
    )
    assert (verdict.checks[0].code, "Z" in verdict.checks[0].why) == ("CHAIN_BAD", True)


@pytest.mark.conformance
def test_the_cfca_sample_has_no_root() -> None:
    (leaf,) = read_pem(VECTORS / "certs/cfca/cfcasm2oca1.pem")
    assert _judge(leaf).checks[0].code == "CHAIN_NONE"


# Changed bytes


LEAF = ROOT.issue("叶")
INTL = make_root("I", "p256")
INTL_LEAF = INTL.issue("叶", "p256:leaf")


@pytest.mark.parametrize(("leaf", "root"), [(LEAF, ROOT), (INTL_LEAF, INTL)], ids=["sm2", "p256"])
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
@settings(deadline=None)
def test_a_changed_certificate_never_passes(leaf: Party, root: Party, at: int, bit: int) -> None:
    data = bytearray(leaf.certificate.der)
    data[at % len(data)] ^= 1 << bit
    try:
        certificate = parse_certificate(bytes(data))
    except SigningError:
        return
    assert not _passes(_judge(certificate, root=root))


CA_OIDS = ("2.5.29.30", "2.5.29.32", "2.5.29.33", "2.5.29.36", "2.5.29.54", "2.5.29.17", "2.5.29.31", "2.5.29.14")


@given(oid=st.sampled_from(CA_OIDS), value=st.binary(max_size=40), nested=st.booleans(), critical=st.booleans())
@settings(deadline=None)
def test_issuers_with_noise_in_their_extensions_never_crash(
    oid: str, value: bytes, nested: bool, critical: bool
) -> None:
    content = der.sequence(der.explicit(0, der.sequence(value))) if nested else value
    raw = der.sequence(der.oid(oid), der.boolean(critical), der.octet_string(content))
    key = key_of("p256", "noise")
    parent = replace(ROOT.certificate, subject_key_id=b"x")
    request = CertificateRequest(
        Subject("噪"), key.public_key, 3, NOON - DAY, NOON + DAY, is_ca=True, extras=Extras(raw=(raw,))
    )
    try:
        ca = Party(parse_certificate(build_certificate(request, parent, ROOT.key.sign)), key)
    except SigningError:
        return
    _judge(NOISY, extra=(ca.certificate,))


NOISY = Party(replace(ROOT.certificate, subject_der=Subject("噪").encode()), key_of("p256", "noise")).issue(
    "叶", extras=_named((DNS_NAME, b"a.cn"), (IP_NAME, b"1234"), (URI_NAME, b"http://a.cn/"))
)
