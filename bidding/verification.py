"""Verification (核验): what is this file, and may one rely on it?

`judge_file` decides the format by content, asks the pure verifiers, and answers one `FileReport`, which is the
JSON object of the command line. Hostile bytes meet limits first; callers run it in `bidding.isolation`.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from bidding import receipt as receipts
from bidding.bundle import parse_bundle, verify_bundle
from bidding.errors import BiddingError
from bidding.verification_containers import judge_asic
from bidding.verification_messages import judge_message
from bidding.verification_report import (
    ContentFile,
    FileReport,
    Question,
    check_words,
    document_report,
    explain_verdict,
    refused,
    trust_notices,
    trust_words,
)
from bidding.verification_sniffing import Found, identify, sniff
from bidding.web.errors import words_of
from sealing.errors import SealingError
from sealing.judging import check_not_later, policy_words
from sealing.ofd import verify_ofd
from sealing.ofd_structure import EncryptedOfdError, UnreadableOfdError
from sealing.verify import verify_esl, verify_pdf
from signing.certificates import parse_certificate
from signing.checks import Check, Indication, SubIndication, Verdict, check
from signing.cms import parse_cms
from signing.digests import Sm3, read_chunks
from signing.errors import MalformedError, SigningError
from signing.pdf_reading import PasswordNeededError, WrongPasswordError
from signing.policy import PolicyFacts, narrow
from signing.timestamps import parse_token

__all__ = [
    "MAX_CONTENT",
    "MAX_SIZES",
    "MAX_STRANGE",
    "ContentFile",
    "FileReport",
    "Question",
    "judge_file",
    "refused",
    "sniff",
]

MAX_SIZES: Final = {
    "pdf": 512 << 20,
    "ofd": 512 << 20,
    "ytb": 4 << 30,
    "asice": 4 << 30,
    "receipt": 8 << 20,
    "esl": 8 << 20,
    "cms": 24 << 20,
    "tst": 256 << 10,
}
"""Bytes by format, in PEM as well; larger files are refused before they are read."""
MAX_CONTENT: Final = 4 << 30
"""Bytes of the file that a detached signature or a timestamp is about."""
MAX_STRANGE: Final = 64 << 20
"""Bytes; a larger file of no format that we judge is not even digested."""


def judge_file(path: Path, question: Question) -> FileReport:
    """Answer for one file; unreadable input is REFUSED with the reason, never an exception."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(_EDGE)
            stream.seek(max(0, size - _EDGE))
            found = identify(head, stream.read(_EDGE))
            limit = MAX_SIZES.get(found.kind, MAX_STRANGE)
            if size == 0:
                return refused(path.name, question.trust, "文件为空。", code="empty")
            if size > limit:
                why = f"文件有 {size} 字节，超过 {limit} 字节的上限。"
                return refused(path.name, question.trust, why, found.kind, "too_large")
            stream.seek(0)
            sm3_sum, sha_sum = _digests(stream)
        narrowed = replace(question, trust=narrow(question.trust, question.policy))
        report = _refuse_content(path, question) or _judge(found, path, narrowed)
    except OSError as error:
        return refused(path.name, question.trust, f"文件无法读取：{error.strerror}。")
    facts = PolicyFacts.of(question.policy)
    told = replace(_noticed(report, question), sm3=sm3_sum, sha256=sha_sum)
    return replace(told, size=size, at=question.at, policy=facts)


def _noticed(report: FileReport, question: Question) -> FileReport:
    """Say what a reader must know of the trust list, whatever the format; what was refused rests on no list."""
    if report.indication is Indication.REFUSED:
        return report
    words = (*policy_words(question.trust, question.policy), *trust_notices(question.trust, question.at))
    return replace(report, warnings=tuple(dict.fromkeys((*words, *report.warnings))))


_EDGE: Final = 1 << 20


def _refuse_content(path: Path, question: Question) -> FileReport | None:
    """Refuse when the file that the signature should be about cannot be read, or is too large to be."""
    content = question.content
    if content is None:
        return None
    try:
        with content.path.open("rb") as stream:
            size = stream.seek(0, 2)
    except OSError as error:
        return refused(path.name, question.trust, f"原文 {content.name} 无法读取：{error.strerror}。")
    if size > MAX_CONTENT:
        return refused(path.name, question.trust, f"原文有 {size} 字节，超过 {MAX_CONTENT} 字节的上限。")
    return None


def _judge(found: Found, path: Path, question: Question) -> FileReport:
    judge = _JUDGES.get(found.kind)
    if judge is None or found.refusal:
        return refused(path.name, question.trust, found.refusal or _UNKNOWN, found.kind, "unknown_format")
    try:
        report = judge(path, question)
    except (SigningError, SealingError, BiddingError) as error:
        words = words_of(error)
        more = "" if isinstance(error, PasswordNeededError | WrongPasswordError) else f"（{error}）"
        return refused(path.name, question.trust, f"{words.text}{more}", found.kind, words.code)
    if question.content is not None and question.content.given and found.kind not in ("cms", "tst"):
        return replace(report, warnings=(*report.warnings, "这类文件的签名不需要另给原文，所给的原文没有用到。"))
    return report


_UNKNOWN: Final = "无法识别的文件：不是 PDF、OFD、投标文件包、回执、电子印章、签名消息、时间戳或 ASiC 容器。"


def _digests(stream: BinaryIO) -> tuple[str, str]:
    state, other = Sm3(), hashlib.sha256()
    for chunk in read_chunks(stream):
        state.update(chunk)
        other.update(chunk)
    return state.hexdigest(), other.hexdigest()


def _one(verdict: Verdict, facts: dict[str, Any]) -> dict[str, Any]:
    """Answer a signature entry of the answer, from one verdict and what is known about who and when."""
    base: dict[str, Any] = {
        "id": "1",
        "kind": "signature",
        "kind_name": "签名",
        "signer": None,
        "seal": None,
        "signed_at": None,
        "time_source": "none",
        "authority": "",
        "covers": "whole-document",
        "changes_after": [],
    }
    return {
        **base,
        **facts,
        "indication": str(verdict.indication),
        "sub_indication": verdict.sub_indication or "",
        "checks": [check_words(item) for item in verdict.checks],
    }


def _signer(certificate: bytes) -> dict[str, str]:
    try:
        parsed = parse_certificate(certificate)
    except MalformedError:
        return {"name": "", "uscc": "", "serial": ""}
    return {"name": parsed.common_name, "uscc": next(iter(parsed.uscc_candidates), ""), "serial": parsed.serial}


def _stamped(token: bytes | None, claimed: datetime | None) -> dict[str, str | None]:
    try:
        stamp = parse_token(token) if token else None
    except (SigningError, ValueError):
        stamp = None
    if stamp is not None:
        authority = stamp.certificate.common_name if stamp.certificate else ""
        return {"signed_at": stamp.gen_time.isoformat(), "time_source": "timestamp", "authority": authority}
    if claimed is not None:
        return {"signed_at": claimed.isoformat(), "time_source": "claimed", "authority": ""}
    return {"signed_at": None, "time_source": "none", "authority": ""}


def _judge_receipt(path: Path, question: Question) -> FileReport:
    data = path.read_bytes()
    trust, at = question.trust, question.at
    if b'"kind":"refusal"' in data:
        verdict = receipts.verify_refusal(data, anchors=trust, evidence=trust.evidence, at=at)
        refusal = receipts.parse_refusal(data)
        facts: dict[str, Any] = {
            "profile": "拒收凭证",
            "kind_name": "交易中心签名",
            "signer": _signer(refusal.file.statement.certificate),
        }
        facts |= _stamped(refusal.file.token, refusal.facts.at)
        demands = _receipt_demands(question, refusal.facts.centre, refusal.facts.bidder, refusal.facts.bundle_sm3)
        return _single(path, question, "receipt", _with(verdict, demands), facts)
    verdict = receipts.verify_receipt(data, anchors=trust, evidence=trust.evidence, at=at)
    receipt = receipts.parse_receipt(data)
    facts = {"profile": "回执 R1", "kind_name": "交易中心签名", "signer": _signer(receipt.r1.root.certificate)}
    facts |= _stamped(receipt.file.token, receipt.root.at)
    demands = _receipt_demands(question, receipt.leaf.centre, receipt.leaf.bidder, receipt.leaf.bundle_sm3)
    return _single(path, question, "receipt", _with(verdict, demands), facts)


def _receipt_demands(question: Question, centre: str, bidder: str, bundle_sm3: str) -> list[Check]:
    """Ask what the asker expects: the unit that signs or the bidder, the bundle in hand, and seals (there are none)."""
    checks = list[Check]()
    if question.units:
        same, why = not {centre, bidder}.isdisjoint(question.units), f"投标人为 {bidder}，交易中心为 {centre}"
        checks.append(_identity(same, "" if same else f"{why}，应为 {'、'.join(question.units)}"))
    if question.bundle_sm3:
        same = bundle_sm3 == question.bundle_sm3
        why = "" if same else "回执所记的不是这个投标文件包"
        checks.append(check("receipt-bundle", same, code="HASH", sub=SubIndication.HASH_FAILURE, why=why))
    if question.require_seals:
        checks.append(_seals(ok=False, why="回执上没有印章"))
    return checks


def _identity(ok: bool, why: str) -> Check:
    return check("identity", ok, code="ID_MISMATCH", sub=SubIndication.SIG_CONSTRAINTS_FAILURE, why=why)


def _seals(*, ok: bool | None, why: str) -> Check:
    return check("required-seals", ok, code="SEAL_MISSING", sub=SubIndication.SIG_CONSTRAINTS_FAILURE, why=why)


def _judge_bundle(path: Path, question: Question) -> FileReport:
    with path.open("rb") as stream:
        size = path.stat().st_size
        bundle = parse_bundle(stream, size)
        verdict = verify_bundle(
            bundle, stream, params=None, anchors=question.trust, evidence=question.trust.evidence, at=question.at
        )
    cms = parse_cms(bundle.label.signature)
    signer = _signer(cms.certificate.der) if cms.certificate else None
    facts: dict[str, Any] = {"profile": "YTB-1", "kind_name": "投标人执照签名", "signer": signer}
    facts |= _stamped(cms.token, cms.signing_time)
    demands = list[Check]()
    if question.units:
        same, why = bundle.header.bidder in question.units, f"投标人为 {bundle.header.bidder}"
        demands.append(_identity(same, "" if same else f"{why}，应为 {'、'.join(question.units)}"))
    if question.require_seals:
        demands.append(_seals(ok=None, why="印章在加密的文件里，解密之后才能核对"))
    return _single(path, question, "ytb", _with(verdict, demands), facts)


def _single(path: Path, question: Question, kind: str, verdict: Verdict, facts: dict[str, Any]) -> FileReport:
    """Answer for a file with one signature; what the asker demands beyond it is already among the checks."""
    told = datetime.fromisoformat(facts["signed_at"]) if facts["signed_at"] else None
    verdict = _with(verdict, check_not_later(told, question.at))
    return FileReport(
        file=path.name,
        sha256="",
        sm3="",
        format=kind,
        indication=verdict.indication,
        sub_indication=verdict.sub_indication or "",
        trust=trust_words(question.trust),
        signatures=(_one(verdict, facts),),
        warnings=verdict.warnings,
        reason=explain_verdict(verdict),
    )


def _with(verdict: Verdict, checks: list[Check]) -> Verdict:
    return Verdict(*verdict.checks, *checks, warnings=verdict.warnings)


def _judge_pdf(path: Path, question: Question) -> FileReport:
    verdict = verify_pdf(
        path,
        anchors=question.trust,
        evidence=question.trust.evidence,
        at=question.at,
        expect_uscc=question.expect_uscc,
        require_seals=question.require_seals,
        policy=question.policy,
        expect=question.expect,
        statuses=question.statuses,
        password=question.password or None,
    )
    return document_report(path, question, "pdf", verdict)


def _judge_ofd(path: Path, question: Question) -> FileReport:
    try:
        verdict = verify_ofd(
            path,
            anchors=question.trust,
            evidence=question.trust.evidence,
            at=question.at,
            expect_uscc=question.expect_uscc,
            require_seals=question.require_seals,
            policy=question.policy,
            expect=question.expect,
            statuses=question.statuses,
        )
    except EncryptedOfdError:
        return refused(
            path.name, question.trust, "OFD 文件已按 GM/T 0099 加密，不能核验。请解密后重试。", "ofd", "ofd_encrypted"
        )
    except UnreadableOfdError as error:
        return refused(path.name, question.trust, f"OFD 文件无法读取（{error}）。", "ofd", "ofd_unreadable")
    return document_report(path, question, "ofd", verdict)


def _judge_esl(path: Path, question: Question) -> FileReport:
    verdict = verify_esl(
        path.read_bytes(),
        anchors=question.trust,
        evidence=question.trust.evidence,
        at=question.at,
        expect_uscc=question.expect_uscc,
        require_seals=question.require_seals,
        policy=question.policy,
        expect=question.expect,
        statuses=question.statuses,
    )
    return document_report(path, question, "esl", verdict)


_JUDGES: Final[dict[str, Callable[[Path, Question], FileReport]]] = {
    "pdf": _judge_pdf,
    "ofd": _judge_ofd,
    "ytb": _judge_bundle,
    "receipt": _judge_receipt,
    "esl": _judge_esl,
    "cms": judge_message,
    "tst": judge_message,
    "asice": judge_asic,
}
