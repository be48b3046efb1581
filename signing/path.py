"""Certification paths (证书链, RFC 5280 6) judged at a time, from evidence at hand.

Nothing is fetched: addresses inside certificates are never followed. Who is trusted for what is data
(`TrustAnchors`): an anchor vouches only for the purposes written beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Final, Self

from signing.algorithms import verify_signature
from signing.certificates import TIME_STAMPING, Certificate
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.errors import BadSignatureError, UnsupportedAlgorithmError
from signing.revocation import Crl, check_revocation, parse_crl

MAX_PATH: Final = 8
"""Certificates from leaf to anchor."""
_MAX_ATTEMPTS: Final = 64
"""Signatures tried while a path is built, so that a heap of certificates with one name costs little."""


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


@dataclass(frozen=True)
class TrustAnchors:
    """A trust list (信任名单): anchors, issuers below or above them, and the CRLs that came along.

    `fingerprint` is SM3 (hex) of the list's canonical form without the CRLs; `sandbox` marks test authorities.
    """

    name: str
    version: str
    sandbox: bool
    anchors: tuple[Anchor, ...]
    issuers: tuple[Certificate, ...] = ()
    crls: tuple[bytes, ...] = field(default=(), repr=False)
    fingerprint: str = ""

    @property
    def evidence(self) -> "RevocationEvidence":
        """Answer the revocation evidence made of the list's own CRLs."""
        return RevocationEvidence.of(*self.crls)

    def find(self, certificate: Certificate, purpose: Purpose) -> Anchor | None:
        """Answer the anchor that is this very certificate and has the purpose."""
        return next((a for a in self.anchors if purpose in a.purposes and a.certificate.der == certificate.der), None)


@dataclass(frozen=True)
class RevocationEvidence:
    """The status information that a judgement may use."""

    crls: tuple[Crl, ...] = ()

    @classmethod
    def of(cls, *crls: bytes) -> Self:
        """Read DER CRLs; MalformedError."""
        return cls(tuple(parse_crl(crl) for crl in crls))

    def __add__(self, other: "RevocationEvidence") -> "RevocationEvidence":
        """Put two sets of evidence together."""
        return RevocationEvidence(self.crls + other.crls)


def verify_path(
    certificate: Certificate,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
    purpose: Purpose,
    extra: Sequence[Certificate] = (),
) -> Verdict:
    """Judge a certificate as of `at`: checks "chain", "validity", "key-usage", "revocation".

    `extra` are certificates that came with the signature; they help to build the path and are trusted for nothing.
    Codes: CHAIN_NONE, CHAIN_BAD, OUTSIDE, REVOKED_BEFORE, REVOKED_AFTER (ok), REV_UNKNOWN (validation.md 4.4).
    """
    search = _Search(anchors, purpose, extra)
    paths = list(search.paths((certificate,)))
    good = next((path for path in paths if not _fault(path)), None)
    path = good or (paths[0] if paths else None)
    return Verdict(
        _check_chain(path, search),
        _check_validity(path or (certificate,), at),
        _check_usage(certificate, purpose, pinned=path is not None and len(path) == 1),
        _check_revocation(path, search.issuers, evidence, at),
    )


@dataclass
class _Search:
    """Depth-first search from a leaf to an anchor, over names and then signatures."""

    anchors: TrustAnchors
    purpose: Purpose
    extra: Sequence[Certificate]
    attempts: int = 0
    refused: str = ""

    @property
    def issuers(self) -> list[Certificate]:
        known = [a.certificate for a in self.anchors.anchors] + list(self.anchors.issuers) + list(self.extra)
        return list({certificate.der: certificate for certificate in known}.values())

    def paths(self, path: tuple[Certificate, ...]) -> Iterator[tuple[Certificate, ...]]:
        last = path[-1]
        if self.anchors.find(last, self.purpose):
            yield path
            return
        if len(path) >= MAX_PATH:
            return
        for issuer in self.issuers:
            if issuer.subject_der == last.issuer_der and issuer not in path and self._signed(last, issuer):
                yield from self.paths((*path, issuer))

    def _signed(self, certificate: Certificate, issuer: Certificate) -> bool:
        self.attempts += 1
        if self.attempts > _MAX_ATTEMPTS:
            return False
        try:
            algorithm, signature = certificate.signature_algorithm, certificate.signature
            verify_signature(issuer.public_key, algorithm, certificate.tbs, signature)
        except BadSignatureError:
            self.refused = f"{issuer.common_name} 没有签发过证书 {certificate.common_name}（签名值不正确）"
            return False
        except UnsupportedAlgorithmError as error:
            self.refused = f"证书 {certificate.common_name} 的签名算法不受支持：{error}"
            return False
        return True


def _check_chain(path: tuple[Certificate, ...] | None, search: _Search) -> Check:
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
    for depth, certificate in enumerate(path):
        if certificate.unknown_critical:
            return f"证书 {certificate.common_name} 含无法识别的关键扩展 {certificate.unknown_critical[0]}"
        if depth == 0:
            continue
        if not certificate.is_ca:
            return f"签发者 {certificate.common_name} 不是 CA"
        if certificate.key_usage is not None and "keyCertSign" not in certificate.key_usage:
            return f"签发者 {certificate.common_name} 的密钥用法不允许签发证书"
        below = sum(1 for c in path[1:depth] if c.subject_der != c.issuer_der)
        if certificate.path_length is not None and below > certificate.path_length:
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


def _check_revocation(
    path: tuple[Certificate, ...] | None, issuers: Sequence[Certificate], evidence: RevocationEvidence, at: datetime
) -> Check:
    if path is None:
        why = "没有证书链，无法查询撤销状态"
        return Check("revocation", "REV_UNKNOWN", Result.UNKNOWN, why, SubIndication.TRY_LATER)
    pairs = list(pairwise(path)) or list(_issuer_of_pinned(path[0], issuers))
    checks = [check_revocation(one, issuer, crls=evidence.crls, at=at) for one, issuer in pairs]
    rank = {Result.FAILED: 0, Result.UNKNOWN: 1, Result.OK: 2}
    checks.sort(key=lambda c: (rank[c.result], c.code != "REVOKED_AFTER"))
    return checks[0] if checks else Check("revocation", "REVOCATION", Result.OK, "信任锚本身")


def _issuer_of_pinned(
    certificate: Certificate, issuers: Sequence[Certificate]
) -> Iterator[tuple[Certificate, Certificate]]:
    """Answer who could revoke a single anchor: a pinned end entity can still be revoked by an issuer that we know."""
    if certificate.subject_der != certificate.issuer_der and not certificate.is_ca:
        yield from ((certificate, i) for i in issuers if i.subject_der == certificate.issuer_der)
