"""Certification paths (证书链, RFC 5280 6) judged at a time, from evidence at hand.

Nothing is fetched: addresses inside certificates are never followed. Who is trusted for what is data
(`TrustAnchors`): an anchor vouches only for the purposes written beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice, pairwise
from typing import Final, Self

from signing.certificate_policies import find_policy_fault
from signing.certificates import TIME_STAMPING, Certificate
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.distinguished_names import same_name
from signing.name_constraints import find_name_fault
from signing.ocsp import OcspResponse, parse_ocsp
from signing.path_search import PathSearch
from signing.revocation import Crl, parse_crl
from signing.revocation_status import RevocationStatus, find_status

_MAX_PATHS: Final = 16
"""Paths that are judged when there are several (cross certificates); the first without a fault is taken."""
_RANK: Final = {Result.OK: 0, Result.UNKNOWN: 1, Result.FAILED: 2}


class Purpose(StrEnum):
    """What an anchor may vouch for."""

    LICENCE = "licence"
    SEAL_MAKER = "seal-maker"
    TIMESTAMP = "timestamp"
    CENTRE = "centre"
    REGISTRAR = "registrar"


PURPOSE_OIDS: Final = {
    Purpose.SEAL_MAKER: "2.25.190530148374163521472190563281907455126.1",
    Purpose.CENTRE: "2.25.190530148374163521472190563281907455126.2",
    Purpose.REGISTRAR: "2.25.190530148374163521472190563281907455126.3",
}
"""Our extended key usages (arc of a UUID, X.667): a certificate that bears one serves no other purpose."""
_NAMED: Final = frozenset({Purpose.CENTRE, Purpose.REGISTRAR})
"""Purposes that a certificate must bear, unless it is itself the anchor: nobody else's authority knows of them."""


@dataclass(frozen=True)
class Anchor:
    """A certificate trusted as it is, for these purposes; a CA, or a pinned end entity."""

    certificate: Certificate
    purposes: frozenset[Purpose]
    trusted_from: datetime | None = None
    trusted_until: datetime | None = None
    """Between these instants the list vouches for it, the second excluded; None: no bound."""
    source: str = ""
    """Where the trust comes from, in words: a national list, a contract, an agency's own decision."""

    def vouches(self, purpose: "Purpose", at: datetime) -> bool:
        """Say whether it is trusted for this purpose as of `at`."""
        begun = self.trusted_from is None or self.trusted_from <= at
        return purpose in self.purposes and begun and (self.trusted_until is None or at < self.trusted_until)


@dataclass(frozen=True)
class TrustAnchors:
    """A trust list (信任名单): anchors, issuers below or above them, and the CRLs that came along.

    `fingerprint` is SM3 (hex) of the list's canonical form without the CRLs; `sandbox` marks test authorities.
    `number` counts the list's editions, `issued_at` and `next_update` say when this one was made and how long it is
    current, `publisher` is SM3 (hex) of the certificate that signs the next edition.
    """

    name: str
    version: str
    sandbox: bool
    anchors: tuple[Anchor, ...]
    issuers: tuple[Certificate, ...] = ()
    crls: tuple[bytes, ...] = field(default=(), repr=False)
    fingerprint: str = ""
    number: int = 0
    issued_at: datetime | None = None
    next_update: datetime | None = None
    publisher: str = ""

    @property
    def evidence(self) -> "RevocationEvidence":
        """Answer the revocation evidence made of the list's own CRLs."""
        return RevocationEvidence.of(*self.crls)

    def find(self, certificate: Certificate, purpose: Purpose) -> Anchor | None:
        """Answer the anchor that is this very certificate and has the purpose."""
        return next((a for a in self.anchors if purpose in a.purposes and a.certificate.der == certificate.der), None)


@dataclass(frozen=True)
class RevocationEvidence:
    """The status information that a judgement may use: lists, and answers of OCSP responders.

    `proofs` say of some, by their DER, since when they are known to have existed (POE): those under a timestamp.
    """

    crls: tuple[Crl, ...] = ()
    ocsps: tuple[OcspResponse, ...] = ()
    proofs: Mapping[bytes, datetime] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, *crls: bytes, ocsps: Sequence[bytes] = ()) -> Self:
        """Read DER CRLs and OCSP responses; MalformedError or UnsupportedAlgorithmError."""
        return cls(tuple(parse_crl(crl) for crl in crls), tuple(parse_ocsp(ocsp) for ocsp in ocsps))

    def __add__(self, other: "RevocationEvidence") -> "RevocationEvidence":
        """Put two sets of evidence together."""
        proofs = {**self.proofs, **other.proofs}
        return RevocationEvidence(self.crls + other.crls, self.ocsps + other.ocsps, proofs)


@dataclass(frozen=True)
class PathJudgement:
    """A judged path: its checks, the path taken (leaf first, None when there is none), and the leaf's status."""

    verdict: Verdict
    path: tuple[Certificate, ...] | None
    status: RevocationStatus | None


def verify_path(
    certificate: Certificate,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
    purpose: Purpose,
    extra: Sequence[Certificate] = (),
    proven: datetime | None = None,
    legacy: bool = False,
) -> Verdict:
    """Judge a certificate as of `at`: checks "chain", "validity", "key-usage", "revocation".

    `extra` are certificates that came with the signature; they help to build the path and are trusted for nothing.
    Where several paths lead to an anchor, one without any fault is taken, or else the least bad.
    For Purpose.TIMESTAMP, `at` is what the authority itself says, and its revocation afterwards may undo that, unless
    what it said is `proven` to have existed before. `legacy` takes certificates signed over SHA-1.
    Codes: CHAIN_NONE, CHAIN_BAD, OUTSIDE, REVOKED_BEFORE, REVOKED_AFTER (ok), REVOKED_NOPOE, REV_UNKNOWN.
    """
    return judge_path(
        certificate,
        anchors=anchors,
        evidence=evidence,
        at=at,
        purpose=purpose,
        extra=extra,
        proven=proven,
        legacy=legacy,
    ).verdict


def judge_path(
    certificate: Certificate,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
    purpose: Purpose,
    extra: Sequence[Certificate] = (),
    proven: datetime | None = None,
    legacy: bool = False,
) -> PathJudgement:
    """Judge as `verify_path`, and answer the path and by what the status of the certificate is known."""
    trusted = frozenset(a.certificate.der for a in anchors.anchors if a.vouches(purpose, at))
    known = (*(a.certificate for a in anchors.anchors), *anchors.issuers, *extra)
    search = PathSearch(trusted, known, legacy=legacy)
    judge = _Judge(search.known, evidence, at, tells_time=purpose is Purpose.TIMESTAMP, proven=proven)
    path = _choose(search, judge, certificate)
    verdict = Verdict(
        _check_chain(path, search),
        _check_validity(path or (certificate,), at),
        _check_usage(certificate, purpose, pinned=path is not None and len(path) == 1),
        judge.revocation(path),
    )
    return PathJudgement(verdict, path, judge.status_of(certificate))


def _choose(search: PathSearch, judge: "_Judge", certificate: Certificate) -> tuple[Certificate, ...] | None:
    best, best_rank = None, (2, 0, 0)
    for path in islice(search.paths((certificate,)), _MAX_PATHS):
        found = _RANK[_check_validity(path, judge.at).result], _RANK[judge.revocation(path).result]
        rank = (1 if _fault(path) else 0, max(found), sum(found))
        if rank < best_rank:
            best, best_rank = path, rank
        if not any(rank):
            break
    return best


@dataclass
class _Judge:
    """Revocation along paths; what was asked once is not asked again."""

    known: Sequence[Certificate]
    evidence: RevocationEvidence
    at: datetime
    tells_time: bool = False
    proven: datetime | None = None
    asked: dict[tuple[bytes, bytes], RevocationStatus] = field(default_factory=dict)

    def revocation(self, path: tuple[Certificate, ...] | None) -> Check:
        """Answer the worst of a path: a failure first, then an unknown, then what was revoked afterwards."""
        if path is None:
            why = "没有证书链，无法查询撤销状态"
            return Check("revocation", "REV_UNKNOWN", Result.UNKNOWN, why, SubIndication.TRY_LATER)
        pairs = list(pairwise(path)) or list(_issuer_of_pinned(path[0], self.known))
        checks = sorted((self._ask(*pair) for pair in pairs), key=_worst_first)
        return checks[0] if checks else Check("revocation", "REVOCATION", Result.OK, "信任锚本身")

    def status_of(self, certificate: Certificate) -> RevocationStatus | None:
        """Answer what was found out about a certificate, by the issuer who told the most; None if nobody was asked."""
        found = [status for (one, _), status in self.asked.items() if one == certificate.der]
        return max(found, key=lambda one: (one.revoked is not None, one.source is not None), default=None)

    def _ask(self, certificate: Certificate, issuer: Certificate) -> Check:
        key = certificate.der, issuer.der
        if key not in self.asked:
            self.asked[key] = find_status(
                certificate,
                issuer,
                crls=self.evidence.crls,
                ocsps=self.evidence.ocsps,
                at=self.at,
                tells_time=self.tells_time,
                proven=self.proven,
                proofs=self.evidence.proofs,
            )
        return self.asked[key].check


def _worst_first(check: Check) -> tuple[int, bool]:
    return -_RANK[check.result], check.code != "REVOKED_AFTER"


def _check_chain(path: tuple[Certificate, ...] | None, search: PathSearch) -> Check:
    if path is None and search.refused:
        sub = SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE
        return Check("chain", "CHAIN_BAD", Result.UNKNOWN, search.refused, sub)
    if path is None:
        sub = SubIndication.NO_CERTIFICATE_CHAIN_FOUND
        return Check("chain", "CHAIN_NONE", Result.UNKNOWN, "信任名单中没有可用于此用途的签发机构", sub)
    fault = _fault(path)
    if fault:
        return Check("chain", "CHAIN_BAD", Result.UNKNOWN, fault, SubIndication.CHAIN_CONSTRAINTS_FAILURE)
    return Check("chain", "CHAIN", Result.OK, " ← ".join(c.common_name for c in path))


def _fault(path: tuple[Certificate, ...]) -> str:
    """Say what is wrong with the path's constraints; empty when nothing is."""
    faults = (_issuing_fault(path, depth) for depth in range(len(path)))
    return next((fault for fault in faults if fault), "") or find_name_fault(path) or find_policy_fault(path)


def _issuing_fault(path: tuple[Certificate, ...], depth: int) -> str:
    certificate = path[depth]
    if certificate.unknown_critical:
        return f"证书 {certificate.common_name} 含无法识别的关键扩展 {certificate.unknown_critical[0]}"
    if depth == 0:
        return ""
    if not certificate.is_ca:
        return f"签发者 {certificate.common_name} 不是 CA"
    if certificate.key_usage is not None and "keyCertSign" not in certificate.key_usage:
        return f"签发者 {certificate.common_name} 的密钥用法不允许签发证书"
    length = certificate.path_length
    if length is not None and sum(1 for one in path[1:depth] if not one.self_issued) > length:
        return f"签发者 {certificate.common_name} 不允许这么长的证书链"
    return ""


def _check_validity(path: tuple[Certificate, ...], at: datetime) -> Check:
    for certificate in path:
        period = f"{certificate.not_before:%Y-%m-%d %H:%M:%S} 至 {certificate.not_after:%Y-%m-%d %H:%M:%S} UTC"
        why = f"{certificate.common_name}：有效期 {period}"
        if at < certificate.not_before:
            return check("validity", False, code="OUTSIDE", sub=SubIndication.NOT_YET_VALID, why=why)
        if at > certificate.not_after:
            return check("validity", False, code="OUTSIDE", sub=SubIndication.EXPIRED, why=why)
    return check("validity", True, code="VALIDITY")


def _check_usage(certificate: Certificate, purpose: Purpose, *, pinned: bool) -> Check:
    why = _usage_fault(certificate, purpose)
    if not why and purpose in _NAMED and not pinned and PURPOSE_OIDS[purpose] not in certificate.extended_key_usage:
        why = f"证书 {certificate.common_name} 没有注明此用途"
    if why:
        return Check("key-usage", "CHAIN_BAD", Result.UNKNOWN, why, SubIndication.CHAIN_CONSTRAINTS_FAILURE)
    return Check("key-usage", "KEY_USAGE", Result.OK)


def _usage_fault(certificate: Certificate, purpose: Purpose) -> str:
    if not certificate.may_sign:
        return f"证书 {certificate.common_name} 的密钥用法不允许签名"
    purposes = certificate.extended_key_usage
    if purpose is Purpose.TIMESTAMP:
        only = purposes == {TIME_STAMPING} and certificate.extended_key_usage_critical
        return "" if only else f"证书 {certificate.common_name} 不是时间戳专用证书（RFC 3161 2.3）"
    if purposes == {TIME_STAMPING}:
        return f"证书 {certificate.common_name} 只能用于时间戳"
    ours = purposes & frozenset(PURPOSE_OIDS.values())
    if ours and PURPOSE_OIDS.get(purpose) not in ours:
        return f"证书 {certificate.common_name} 不是为此用途签发的"
    return ""


def _issuer_of_pinned(
    certificate: Certificate, issuers: Sequence[Certificate]
) -> Iterator[tuple[Certificate, Certificate]]:
    """Answer who could revoke a single anchor: a pinned end entity can still be revoked by an issuer that we know."""
    if not certificate.self_issued and not certificate.is_ca:
        yield from ((certificate, i) for i in issuers if same_name(i.subject_der, certificate.issuer_der))
