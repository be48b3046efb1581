"""Signed messages (数字签名消息, RFC 5652, GB/T 35275) and timestamps (时间戳, RFC 3161) as files of their own.

Attached messages are judged alone; detached ones and timestamps need the file that they are about. Without it what can
be judged is judged, and the rest stays open: SIGNED_DATA_NOT_FOUND.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, TypedDict

from bidding.verification_report import (
    ContentFile,
    FileReport,
    Question,
    document_report,
    gather_warnings,
)
from bidding.verification_sniffing import read_der
from sealing.judging import (
    Policy,
    check_identity,
    check_not_later,
    check_still_good,
    make_policy,
    read_signer,
    soften_untrusted,
)
from sealing.judging_identity import check_expected
from sealing.report import DocumentVerdict, SignatureKind, SignatureReport, TimeSource
from sealing.seal import SealKind
from signing import der, sm2
from signing.certificates import Certificate
from signing.checks import Check, Result, SubIndication, Verdict
from signing.cms import SignerVerdict, verify_signers
from signing.cms_hashing import hash_stream
from signing.cms_judging import Judge
from signing.cms_names import (
    GM_DATA,
    GM_SIGNED_DATA,
    MAX_SIGNED_DATA,
    SIGNING_CERTIFICATE,
    SIGNING_CERTIFICATE_V2,
    TST_INFO,
)
from signing.cms_parsing import ParsedCms, view_signer
from signing.cms_streaming import DetachedVerifier
from signing.cms_types import SignedData, SignerInfo
from signing.digests import read_chunks
from signing.errors import MalformedError, UnsupportedAlgorithmError
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.signed_data import parse_signed_data
from signing.timestamps import MAX_MESSAGE, TimestampToken, find_signer, parse_token, verify_token

_GRANTED: Final = (0, 1)
_DIGEST_SIZES: Final = (20, 32, 48, 64)
_MAX_DIAGNOSED: Final = 64 << 20
"""Bytes of content up to which it is asked by which wrong rule a signature was made: that costs more digests."""
_NO_CONTENT: Final = "缺少原文：这是不含原文的签名，请同时给出被签名的文件"
_NO_DATA: Final = "缺少原文：请同时给出被加盖时间戳的文件"


def judge_message(path: Path, question: Question) -> FileReport:
    """Answer for a CMS message, a timestamp token or a timestamp response; what the message is decides.

    Raises LimitError, MalformedError or UnsupportedAlgorithmError for bytes that are none of them.
    """
    data = read_der(path.read_bytes())
    first = der.read(data, limit=MAX_SIGNED_DATA).fields().take()
    if first.tag == der.SEQUENCE:
        return _judge_response(path, question, data)
    signed = parse_signed_data(data)
    if signed.content_type == TST_INFO:
        return _judge_token(path, question, data)
    return _judge_signers(path, question, signed)


def policy_of(question: Question, known: tuple[Certificate, ...]) -> Policy:
    """Answer against what a message is judged; `known` are the certificates that came along."""
    trust = question.trust
    return make_policy(
        trust,
        trust.evidence,
        question.at,
        expect_uscc=question.expect_uscc,
        rules=question.policy,
        expect=question.expect,
        known=known,
    )


# Signed messages


class _Common(TypedDict):
    anchors: TrustAnchors
    evidence: RevocationEvidence
    purpose: Purpose
    strict: bool


def _judge_signers(path: Path, question: Question, signed: SignedData) -> FileReport:
    if not signed.signers:
        word = f"消息中只有证书（{len(signed.certificates)} 张）或吊销列表，没有任何签名。"
        return document_report(path, question, "cms", DocumentVerdict((), (word,), missing=_missing(question)))
    content, notes = _choose_content(question, detached=signed.content is None)
    if content is None and signed.content is not None and len(signed.content) in _DIGEST_SIZES:
        notes = (*notes, f"内含的原文只有 {len(signed.content)} 字节，可能是另一份文件的摘要；给出那份文件即可核对。")
    judged = _judge_each(signed, content, question)
    covers = "whole-document" if content or signed.content is not None else "partial"
    policy = policy_of(question, signed.certificates)
    reports = tuple(
        report_signer(str(number), one.message, one.verdict, policy, covers=covers)
        for number, one in enumerate(judged, 1)
    )
    warnings = (*notes, *gather_warnings(reports))
    return document_report(path, question, "cms", DocumentVerdict(reports, warnings, missing=_missing(question)))


def _missing(question: Question) -> tuple[SealKind, ...]:
    """Answer the seals that are asked for: a message bears none."""
    return tuple(SealKind(kind) for kind in question.require_seals)


def _choose_content(question: Question, *, detached: bool) -> tuple[ContentFile | None, tuple[str, ...]]:
    """Answer the file to judge against: the given one always, one that lay beside only if it is needed."""
    content = question.content
    if content is None or (not content.given and not detached):
        return None, ()
    return content, () if content.given else (f"未指明原文，按文件名以 {content.name} 为原文。",)


def _judge_each(signed: SignedData, content: ContentFile | None, question: Question) -> list[SignerVerdict]:
    """Judge each signer as of the time that it states; as of the asker's time if it states none."""
    judge = _prepare(signed, content, question)
    told = judge(None)
    if all(one.message.signing_time for one in told):
        return told
    untold = judge(question.at)
    return [one if one.message.signing_time else _untimed(other) for one, other in zip(told, untold, strict=True)]


def _prepare(
    signed: SignedData, content: ContentFile | None, question: Question
) -> Callable[[datetime | None], list[SignerVerdict]]:
    """Answer the judgement as of an instant; a content file is read once, however often it is asked."""
    common = _Common(anchors=question.trust, evidence=question.trust.evidence, purpose=Purpose.LICENCE, strict=False)
    if content is not None:
        verifier = DetachedVerifier(signed.der, diagnosing=content.path.stat().st_size <= _MAX_DIAGNOSED)
        with content.path.open("rb") as stream:
            for chunk in read_chunks(stream):
                verifier.update(chunk)
        return lambda at: list(verifier.finish_all(at=at, **common))
    if signed.content is not None:
        return lambda at: list(verify_signers(signed.der, at=at, **common))
    return lambda at: [_without_content(view_signer(signed, one), common, at) for one in signed.signers]


@dataclass(frozen=True)
class _NoContent:
    """The content of a detached message that came alone: nothing is known of it."""

    @property
    def covers_directly(self) -> bool:
        """Whether a signature without attributes can be judged over this."""
        return False

    def digest(self, name: str) -> bytes:
        """Answer no digest."""
        raise UnsupportedAlgorithmError(f"{_NO_CONTENT}（{name}）")

    def require(self, signer: SignerInfo, certificate: Certificate, /) -> None:  # noqa: ARG002 - the shape of a Content
        """Leave open what the signature is over."""
        raise MalformedError(_NO_CONTENT)

    def diagnose(self, signer: SignerInfo, public: sm2.PublicKey, /) -> str:  # noqa: ARG002 - the shape of a Content
        """Answer no rule."""
        return ""


def _without_content(one: ParsedCms, common: _Common, at: datetime | None) -> SignerVerdict:
    """Judge what can be judged of a detached message without its content."""
    judge = Judge(one, _NoContent(), common["anchors"], common["evidence"], strict=False)
    verdict = judge.verdict(common["purpose"], at, detached=True)
    lost = Check("digest", "HASH", Result.UNKNOWN, _NO_CONTENT, SubIndication.SIGNED_DATA_NOT_FOUND)
    checks = (lost if item.name == "digest" and item.result is Result.UNKNOWN else item for item in verdict.checks)
    return SignerVerdict(one, Verdict(*checks, warnings=verdict.warnings))


def _untimed(one: SignerVerdict) -> SignerVerdict:
    """Leave open what only a signing time could tell: neither the signer nor an authority says when it was."""
    if any(item.name == "timestamp-signature" and item.result is Result.OK for item in one.verdict.checks):
        return one
    word = "TIME_UNTRUSTED：消息中没有签名时间，按验证所依的时刻判断。"
    checks = (_unproven(item) for item in one.verdict.checks)
    return SignerVerdict(one.message, Verdict(*checks, warnings=(*one.verdict.warnings, word)))


def _unproven(item: Check) -> Check:
    if item.name == "validity" and item.result is Result.FAILED:
        return Check(item.name, "EXPIRED_NOPOE", Result.UNKNOWN, item.why, SubIndication.OUT_OF_BOUNDS_NO_POE)
    if item.code == "REVOKED_BEFORE" and item.result is Result.FAILED:
        return Check(item.name, "REVOKED_NOPOE", Result.UNKNOWN, item.why, SubIndication.REVOKED_NO_POE)
    return item


def report_signer(
    name: str, message: ParsedCms, verdict: Verdict, policy: Policy, *, covers: str = "whole-document"
) -> SignatureReport:
    """Answer one signer: what was found, who it is, and when by whom."""
    stamp = find_stamp(message, policy)
    when = stamp.gen_time if stamp else message.signing_time
    return SignatureReport(
        id=name,
        kind=SignatureKind.SIGNATURE,
        profile=name_profile(message, stamped=stamp is not None),
        verdict=complete_verdict([message], verdict, policy),
        signer=read_signer(message.certificate),
        signed_at=when,
        time_source=TimeSource.TIMESTAMP if stamp else TimeSource.CLAIMED if when else TimeSource.NONE,
        authority=stamp.certificate.common_name if stamp and stamp.certificate else "",
        covers=covers,
    )


def complete_verdict(messages: list[ParsedCms], verdict: Verdict, policy: Policy) -> Verdict:
    """Ask beyond the signature itself what a verification asks: proof of time, the present, the expected subject."""
    checks, words = list[Check](), list[str]()
    for one in messages:
        stamp = find_stamp(one, policy)
        if stamp is None and one.certificate is not None and one.signing_time is not None:
            checks += check_still_good(one.certificate, policy)
            words += ["TIME_UNTRUSTED：签名时间取自签名者本机，未经可信时间戳证明。"]
        checks += check_not_later(stamp.gen_time if stamp else one.signing_time, policy.at)
        checks += _check_signer(one.certificate, policy, one.signing_time)
    told = any(text.startswith("TIME_UNTRUSTED") for text in verdict.warnings)
    warnings = verdict.warnings if told else (*verdict.warnings, *dict.fromkeys(words))
    return soften_untrusted(Verdict(*verdict.checks, *checks, warnings=warnings))


def _check_signer(certificate: Certificate | None, policy: Policy, signed_at: datetime | None) -> list[Check]:
    """Compare the signer with who was expected, when that was asked."""
    held = [certificate] if certificate else []
    if policy.expect is not None:
        return check_expected(policy.expect, held, kind=None, signed_at=signed_at)
    return [check_identity(held, policy.expect_uscc)] if policy.expect_uscc else []


def find_stamp(message: ParsedCms, policy: Policy) -> TimestampToken | None:
    """Answer the signature timestamp by which the verdict was reached, if any holds."""
    judge = Judge(message, None, policy.anchors, policy.evidence, strict=False, known=policy.known)
    return judge.judge_tokens()[1]


def name_profile(message: ParsedCms, *, stamped: bool) -> str:
    """Answer GM-CMS for the GM object identifiers, CAdES when the signature names its certificate, else CMS."""
    outer = der.read(message.signed.der, limit=MAX_SIGNED_DATA).fields().take(der.OID).oid()
    if outer == GM_SIGNED_DATA or message.signed.content_type == GM_DATA:
        return "GM-CMS"
    if {SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2}.isdisjoint(message.signer.attributes):
        return "CMS"
    return "CAdES-T" if stamped else "CAdES-BES"


# Timestamps


def _judge_response(path: Path, question: Question, data: bytes) -> FileReport:
    """Judge the token in a TimeStampResp (RFC 3161 2.4.2); a refusal contains none."""
    fields = der.read(data, limit=MAX_MESSAGE).fields()
    status = fields.take(der.SEQUENCE).fields().take(der.INTEGER).integer()
    token = fields.optional(der.SEQUENCE)
    fields.end()
    if token is None:
        word = f"时间戳服务没有签发时间戳（状态 {status}）。"
        return document_report(path, question, "tst", DocumentVerdict((), (word,), missing=_missing(question)))
    report = _judge_token(path, question, token.raw)
    if status not in _GRANTED:
        word = f"应答写明的状态 {status} 不是已签发，却含有时间戳。"
        return replace(report, warnings=(*report.warnings, word))
    return report


def _judge_token(path: Path, question: Question, data: bytes) -> FileReport:
    token = parse_token(data)
    content, notes = _choose_content(question, detached=True)
    verdict = _verify_imprint(token, content, question)
    report = report_token("1", token, verdict, question, covers="whole-document" if content else "partial")
    warnings = (*notes, *report.verdict.warnings)
    return document_report(path, question, "tst", DocumentVerdict((report,), warnings, missing=_missing(question)))


def report_token(
    name: str, token: TimestampToken, verdict: Verdict, question: Question, *, covers: str
) -> SignatureReport:
    """Answer one timestamp: what was found, and whose it is."""
    certificate = find_signer(token, question.trust)
    checks = check_not_later(token.gen_time, question.at)
    if question.expect_uscc:
        checks.append(check_identity([certificate] if certificate else [], question.expect_uscc))
    return SignatureReport(
        id=name,
        kind=SignatureKind.TIMESTAMP,
        profile="RFC3161",
        verdict=Verdict(*verdict.checks, *checks, warnings=verdict.warnings),
        signer=read_signer(certificate),
        signed_at=token.gen_time,
        time_source=TimeSource.TIMESTAMP,
        authority=certificate.common_name if certificate else "",
        covers=covers,
    )


def _verify_imprint(token: TimestampToken, content: ContentFile | None, question: Question) -> Verdict:
    """Judge a token against a file; without one, its imprint stays open and the rest is judged."""
    judge: Callable[[bytes], Verdict] = lambda imprint: verify_token(  # noqa: E731 - the same judgement for both
        token.der, imprint=imprint, anchors=question.trust, evidence=question.trust.evidence, strict=False
    )
    if content is None:
        return _with_imprint(judge(token.imprint), Result.UNKNOWN, _NO_DATA, SubIndication.SIGNED_DATA_NOT_FOUND)
    try:
        with content.path.open("rb") as stream:
            imprint = hash_stream(stream, token.digest_algorithm)
    except UnsupportedAlgorithmError as error:
        why, sub = f"摘要算法 {error}", SubIndication.CRYPTO_CONSTRAINTS_FAILURE
        return _with_imprint(judge(token.imprint), Result.UNKNOWN, why, sub)
    verdict = judge(imprint)
    if imprint == token.imprint:
        return verdict
    return _with_imprint(verdict, Result.FAILED, "时间戳不是对这份原文签发的", SubIndication.HASH_FAILURE)


def _with_imprint(verdict: Verdict, result: Result, why: str, sub: SubIndication) -> Verdict:
    """Answer the verdict with another word on the imprint."""
    imprint = Check("timestamp-imprint", "HASH", result, why, sub)
    checks = (imprint if item.name == imprint.name else item for item in verdict.checks)
    return Verdict(*checks, warnings=verdict.warnings)
