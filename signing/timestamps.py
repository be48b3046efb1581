"""Judging timestamps (时间戳, RFC 3161, GB/T 20520); reading, asking and making them are in `signing.timestamp_*`.

By default a token is judged strictly: one byte form, one signer, nothing in it that no signature covers. So a token
of our own form with any byte changed never passes. Tokens of other authorities may need `strict=False`: what departs
from that form is then a warning, and what is signed is judged as before.
"""

import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from signing import der, sm2
from signing.algorithms import compute_digest
from signing.certificate_extensions import read_general_names
from signing.certificates import Certificate
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.distinguished_names import same_name
from signing.errors import (
    BadSignatureError,
    InvalidKeyError,
    MalformedError,
    TimestampRefusedError,
    UnsupportedAlgorithmError,
)
from signing.path import Purpose, RevocationEvidence, TrustAnchors, verify_path
from signing.schemes import scheme_for
from signing.signed_data import (
    TST_INFO,
    SignerInfo,
    find_strangers,
    matches_content_type,
    matches_digest,
    names_certificate,
    require_signature,
    signed_forms,
)
from signing.sm2_diagnosis import diagnose
from signing.timestamp_making import Stamp, build_refusal, build_response, make_token
from signing.timestamp_requests import TimestampRequest, build_request, parse_request, parse_response
from signing.timestamp_tokens import IMPRINTS, MAX_MESSAGE, TimestampToken, parse_token

__all__ = [
    "IMPRINTS",
    "MAX_MESSAGE",
    "Stamp",
    "TimestampRefusedError",
    "TimestampRequest",
    "TimestampToken",
    "build_refusal",
    "build_request",
    "build_response",
    "find_signer",
    "make_token",
    "parse_request",
    "parse_response",
    "parse_token",
    "verify_token",
]

_MAX_EVIDENCE: Final = 16
_OCSP_RESPONSE: Final = "1.3.6.1.5.5.7.16.2"
_DIRECTORY_NAME: Final = 4


def verify_token(
    token_der: bytes,
    *,
    imprint: bytes,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    strict: bool = True,
    certificates: Sequence[Certificate] = (),
    policies: Collection[str] = (),
    nonce: int | None = None,
    proven: datetime | None = None,
    legacy: bool = False,
) -> Verdict:
    """Judge a token over `imprint` (the digest by the token's own algorithm) as of its genTime.

    Checks "timestamp-format", "-imprint", "-digest", "-signature", "-certificate", "-name" (when the token names its
    authority), "-policy" and "-nonce" (when asked for) fail with TST_BAD. Those of the path keep their codes and are at
    worst unknown: a doubtful authority leaves the time unproven, not refuted. Use the time only if the verdict is
    TOTAL-PASSED, or at least "-signature" is ok: it is not asked when no certificate is known (NO_CERT).

    The authority's certificate is taken from the token, or from `certificates` and the trust list when it was not
    asked for. With `strict=False`, BER, unsigned attributes, unknown certificates and another order of attributes
    are warnings, revocation lists inside the token serve as evidence, and an algorithm that is not known here leaves
    its check unknown (ALG) instead of failed. `proven` is since when the token is known to have existed (by a newer
    timestamp over it): what its authority became afterwards does not touch it. `legacy` takes SHA-1 as well.
    """
    try:
        token = parse_token(token_der)
        judging = _Judging(token, imprint, anchors, evidence, strict, tuple(certificates), proven, legacy)
        asked = [
            *([_check("policy", token.policy in policies, f"时间戳策略 {token.policy}")] if policies else []),
            *([_check("nonce", token.nonce == nonce, "时间戳中的随机数不是所给的")] if nonce is not None else []),
        ]
        return judging.judge(asked)
    except UnsupportedAlgorithmError as error:
        return Verdict(_unsupported("format", error, strict=strict))
    except (MalformedError, InvalidKeyError) as error:
        return Verdict(_check("format", False, str(error)))


def is_genuine(verdict: Verdict) -> bool:
    """Whether the judgement of a token found its signature good and nothing failed: only then may its time be used."""
    return not verdict.failed and any(
        one.name == "timestamp-signature" and one.result is Result.OK for one in verdict.checks
    )


def find_signer(
    token: TimestampToken, anchors: TrustAnchors, certificates: Sequence[Certificate] = ()
) -> Certificate | None:
    """Answer the authority's certificate: from the token, or one that is known already; None when there is neither.

    Of several known ones with the same issuer and serial, it is the one that ESSCertID names.
    """
    if token.certificate is not None:
        return token.certificate
    known = (*certificates, *(anchor.certificate for anchor in anchors.anchors), *anchors.issuers)
    named = [one for one in known if _is_named(token.signed.signer, one)]
    return next((one for one in named if _is_bound(token, one)), named[0] if named else None)


@dataclass(frozen=True)
class _Judging:
    token: TimestampToken
    imprint: bytes
    anchors: TrustAnchors
    evidence: RevocationEvidence
    strict: bool
    certificates: tuple[Certificate, ...]
    proven: datetime | None = None
    legacy: bool = False

    def judge(self, asked: list[Check]) -> Verdict:
        certificate = find_signer(self.token, self.anchors, self.certificates)
        faults, notes = self._find_faults(certificate), list(self.token.notes)
        if not self.strict:
            notes, faults = notes + faults, []
        faults += self._find_errors()
        checks = [_check("format", not faults, "；".join(faults)), *self._check_content(), *asked]
        if certificate is None:
            sub = SubIndication.NO_SIGNING_CERTIFICATE_FOUND
            missing = Check("timestamp-certificate", "NO_CERT", Result.UNKNOWN, "没有时间戳签发者的证书", sub)
            return Verdict(*checks, missing, warnings=tuple(notes))
        checks += [self._check_signature(certificate), self._check_certificate(certificate)]
        if self.token.tsa:
            why = "时间戳写明的签发者与其证书不符"
            checks.append(_check("name", _matches_name(self.token.tsa, certificate), why))
        inside, more = self._read_evidence()
        return Verdict(*checks, *self._judge_path(certificate, inside), warnings=(*notes, *more))

    def _find_faults(self, certificate: Certificate | None) -> list[str]:
        """Name what is not of the one byte form, or is under no signature."""
        signer, signed = self.token.signed.signer, self.token.signed
        faults = list(signed.deviations)
        faults += ["含未签名的属性"] if signer.unsigned else []
        faults += ["签名属性有多个值"] if any(len(values) != 1 for values in signer.attributes.values()) else []
        if certificate is not None and not _is_usual(signer, certificate):
            faults.append(f"签名算法标识 {signer.signature_algorithm.oid} 不是此密钥与摘要的标准写法")
        try:
            der.require_der(signed.content or b"", limit=MAX_MESSAGE)
        except MalformedError as error:
            faults.append(f"TSTInfo 不是 DER 编码：{error}")
        known = [*self.anchors.issuers, *(anchor.certificate for anchor in self.anchors.anchors), *self.certificates]
        return faults + find_strangers(signed, certificate, known)

    def _find_errors(self) -> list[str]:
        """Name what cannot be excused in anybody's token."""
        signer = self.token.signed.signer
        taken = IMPRINTS | {"sha1"} if self.legacy else IMPRINTS
        errors = [f"摘要算法 {one} 不被接受" for one in sorted({self.token.digest_algorithm, signer.digest} - taken)]
        errors += [] if matches_content_type(signer, TST_INFO) else ["contentType 属性不符"]
        return errors + [f"无法识别的关键扩展 {oid}" for oid in self.token.critical_extensions]

    def _check_content(self) -> list[Check]:
        signer, content = self.token.signed.signer, self.token.signed.content or b""
        same = hmac.compare_digest(self.token.imprint, self.imprint)
        return [
            _check("imprint", same, "时间戳不是对这份数据签发的"),
            _check("digest", matches_digest(signer, compute_digest(signer.digest, content))),
        ]

    def _check_signature(self, certificate: Certificate) -> Check:
        """Try the attributes as they stand, and if not strict in the order and lengths that they should have had."""
        signer, failure = self.token.signed.signer, _check("signature", False, "时间戳的签名值不正确")
        for message in signed_forms(signer, strict=self.strict):
            try:
                form = replace(signer, signed_attributes=message)
                require_signature(form, certificate, self.token.signed.content, legacy=self.legacy)
            except BadSignatureError:
                failure = _name_mistake(failure, certificate, message, signer.signature)
            except UnsupportedAlgorithmError as error:
                failure = _name_mistake(
                    _unsupported("signature", error, strict=self.strict), certificate, message, signer.signature
                )
            else:
                return _check("signature", True)
        return failure

    def _check_certificate(self, certificate: Certificate) -> Check:
        try:
            bound = names_certificate(self.token.signed.signer, certificate) or False
        except UnsupportedAlgorithmError as error:
            return _unsupported("certificate", error, strict=self.strict)
        return _check("certificate", bound, "ESSCertID 缺失或与签发者证书不符")

    def _read_evidence(self) -> tuple[RevocationEvidence, list[str]]:
        """Read the lists and responses inside; they prove themselves. A strict judge has refused them already."""
        found, notes = RevocationEvidence(), list[str]()
        for one in () if self.strict else self.token.signed.crls[:_MAX_EVIDENCE]:
            try:
                found += _read_revocation(der.read(one, limit=MAX_MESSAGE))
            except (MalformedError, UnsupportedAlgorithmError) as error:
                notes.append(f"时间戳内含的撤销信息无法读取：{error}")
        return found, notes

    def _judge_path(self, certificate: Certificate, inside: RevocationEvidence) -> list[Check]:
        verdict = verify_path(
            certificate,
            anchors=self.anchors,
            evidence=self.evidence + inside,
            at=self.token.gen_time,
            purpose=Purpose.TIMESTAMP,
            extra=(*self.token.signed.certificates, *self.certificates),
            proven=self.proven,
            legacy=self.legacy,
        )
        return [_soften(one) for one in verdict.checks]


def _is_named(signer: SignerInfo, certificate: Certificate) -> bool:
    if signer.key_id:
        return certificate.subject_key_id == signer.key_id
    return certificate.serial_number == signer.serial and certificate.issuer_der == signer.issuer_der


def _is_bound(token: TimestampToken, certificate: Certificate) -> bool:
    try:
        return names_certificate(token.signed.signer, certificate) is True
    except (MalformedError, UnsupportedAlgorithmError):
        return False


def _is_usual(signer: SignerInfo, certificate: Certificate) -> bool:
    """Whether the algorithm is spelt as we would: plain rsaEncryption says the same, in other bytes."""
    if signer.signature_algorithm.is_sm2:
        return True
    try:
        return scheme_for(certificate.public_key, signer.digest).algorithm == signer.signature_algorithm
    except (UnsupportedAlgorithmError, InvalidKeyError):
        return False


def _name_mistake(failure: Check, certificate: Certificate, message: bytes, signature: bytes) -> Check:
    """Say by which wrong rule an SM2 value was made (GB/T 32918.2 5.5), such as without Z by authorities on openssl."""
    key = certificate.public_key
    named = diagnose(key, message, signature) if isinstance(key, sm2.PublicKey) else ""
    return _check("signature", False, f"时间戳的签名值不正确：{named}") if named else failure


def _read_revocation(element: der.Element) -> RevocationEvidence:
    """Read a RevocationInfoChoice (RFC 5652 10.2.1): a CRL, or an OCSP response (RFC 5940)."""
    if element.tag != der.context(1):
        return RevocationEvidence.of(element.expect(der.SEQUENCE).raw)
    fields = element.fields(der.context(1))
    kind, value = fields.take(der.OID).oid(), fields.take()
    if kind != _OCSP_RESPONSE:
        raise UnsupportedAlgorithmError(f"revocation information {kind}")
    return RevocationEvidence.of(ocsps=(value.raw,))


def _matches_name(tsa: bytes, certificate: Certificate) -> bool:
    """Whether the GeneralName is the subject or one of the alternative names of the certificate."""
    (wanted,) = read_general_names([der.read(tsa, limit=MAX_MESSAGE)])
    if wanted.kind != _DIRECTORY_NAME:
        return wanted in certificate.alternative_names
    names = [one.value for one in certificate.alternative_names if one.kind == _DIRECTORY_NAME]
    return any(same_name(wanted.value, name) for name in (certificate.subject_der, *names))


def _check(name: str, ok: bool, why: str = "") -> Check:
    why = "" if ok else why
    return check(f"timestamp-{name}", ok, code="TST_BAD", sub=SubIndication.SIG_CRYPTO_FAILURE, why=why)


def _unsupported(name: str, error: UnsupportedAlgorithmError, *, strict: bool) -> Check:
    """Leave open what an unknown algorithm says; who takes our own form only knows that this is not it."""
    if strict:
        return _check(name, False, str(error))
    sub = SubIndication.CRYPTO_CONSTRAINTS_FAILURE
    return Check(f"timestamp-{name}", "ALG", Result.UNKNOWN, str(error), sub)


def _soften(one: Check) -> Check:
    result = Result.UNKNOWN if one.result is Result.FAILED else one.result
    return replace(one, name=f"timestamp-{one.name}", result=result)
