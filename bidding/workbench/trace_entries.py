"""Judging one entry of an exported trace: its facts, consent, token and answers. Specification: trace.md 5."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from bidding.workbench.seal_standing import Answers
from bidding.workbench.trace_format import Stretch, TraceEntry
from identity.actor import parse_authorisation, verify_authorisation
from identity.consent import SELF, ConsentRecord, SignedConsent, parse_consent, parse_record, verify_consent
from identity.errors import MalformedAuthorisationError, MalformedConsentError
from identity.licence import verify_licence
from signing import canonical
from signing.checks import Check, SubIndication, Verdict, check
from signing.errors import MalformedError, SigningError
from signing.path import RevocationEvidence, TrustAnchors
from signing.statement import SignedStatement
from signing.timestamps import is_genuine, parse_token, verify_token

_SLACK: Final = timedelta(seconds=60)
_CONSTRAINTS: Final = SubIndication.SIG_CONSTRAINTS_FAILURE
_MANY: Final = Annotated[tuple[Answers, ...], Meta(max_length=16)]


def judge_entry(trace: Stretch, entry: TraceEntry) -> Iterator[Check]:
    """Ask whether the entry says what its outcome needs, and nothing else than its consent."""
    needed = (entry.seal, entry.certificate, entry.document_sm3, entry.after_sm3, entry.consent_sm3, entry.token_sm3)
    signed, record = read_consent(trace, entry)
    problems = {
        "已盖章而缺少印章、证书、摘要、确认或时间戳": entry.outcome == "sealed" and not all(needed),
        "未盖章而有盖章后的摘要": entry.outcome != "sealed" and bool(entry.after_sm3),
        "已盖章而没有本人签署的确认": entry.outcome == "sealed" and signed is None,
        "登记时间晚于导出时间": entry.at > trace.statement.at + _SLACK,
        "确认记录无法读取": bool(trace.find(entry.consent_sm3)) and record is None,
        "与确认记录不符": record is not None and not _says_the_same(trace, entry, record),
    }
    for problem, present in problems.items():
        if present:
            yield check("entry", False, code="ENTRY", sub=_CONSTRAINTS, why=problem)


def judge_consent(
    trace: Stretch, entry: TraceEntry, anchors: TrustAnchors, evidence: RevocationEvidence, at: datetime
) -> tuple[Check, ...]:
    """Judge the consent as of `at`; an attempt that nobody agreed to has none."""
    signed, _ = read_consent(trace, entry)
    if signed is None:
        return ()
    listed = [entry.document_sm3] if entry.document_sm3 else []
    return verify_consent(signed, anchors=anchors, evidence=evidence, at=at, expected=listed).checks


def verify_entry_token(
    trace: Stretch, entry: TraceEntry, anchors: TrustAnchors, evidence: RevocationEvidence
) -> Verdict | None:
    """Judge the time token over the signature value, or over whatever it names where that is not known; None: none."""
    token = trace.find(entry.token_sm3)
    if not token:
        return None
    imprint = bytes.fromhex(entry.signature_sm3) if entry.signature_sm3 else _own_imprint(token)
    return verify_token(token, imprint=imprint, anchors=anchors, evidence=evidence)


def judge_token(trace: Stretch, entry: TraceEntry, verdict: Verdict | None) -> Iterator[Check]:
    """Tell what `verify_entry_token` found, and whether the token is over this signature, in the consent's time."""
    if verdict is None:
        return
    yield from verdict.checks
    if not entry.signature_sm3:
        why = "早期记录没有签名值的摘要，时间戳属于哪个签名须看已盖章文件"
        yield check("token-signature", None, code="HASH", sub=SubIndication.SIGNED_DATA_NOT_FOUND, why=why)
    _, record = read_consent(trace, entry)
    at = _time_of(trace.find(entry.token_sm3))
    if record is not None and at is not None and entry.outcome == "sealed":
        inside = record.not_before <= at <= record.not_after
        why = "" if inside else "时间戳不在确认期内"
        yield check("token-period", inside, code="OUTSIDE", sub=_CONSTRAINTS, why=why)


def judge_answers(
    trace: Stretch, entry: TraceEntry, anchors: TrustAnchors, evidence: RevocationEvidence
) -> Iterator[Check]:
    """Judge the statements in the answers: the licence's by the registrar, the authorisation's by its grantor."""
    data = trace.find(entry.answers_sm3)
    if not data:
        return
    try:
        answers = msgspec.json.decode(data, type=_MANY)
        same = canonical.encode(list(answers)) == data
    except (msgspec.MsgspecError, ValueError, RecursionError):
        same, answers = False, ()
    if not same:
        why = "答复不是本版本的格式，没有核验"
        yield check("answers-form", None, code="FMT_TRACE", sub=SubIndication.FORMAT_FAILURE, why=why)
    for one in answers if same else ():
        at, uscc = one.asked_at, trace.statement.uscc
        if one.licence is not None:
            yield from verify_licence(one.licence, anchors=anchors, evidence=evidence, at=at, uscc=uscc).checks
        elif entry.authorisation != SELF:
            why = "没有登记机关对执照的答复"
            yield check("answers-licence", None, code="FMT_TRACE", sub=SubIndication.SIGNED_DATA_NOT_FOUND, why=why)
        if one.authorisation is not None:
            by = _grantor(one.authorisation, entry)
            yield from verify_authorisation(
                one.authorisation, anchors=anchors, evidence=evidence, at=at, granted_by=by
            ).checks


def proven_at(trace: Stretch, entry: TraceEntry, verdict: Verdict | None) -> datetime:
    """Answer as of when the consent is judged: the token's time, or that of the entry, within the consent's own."""
    if verdict is not None and entry.signature_sm3 and is_genuine(verdict):
        return parse_token(trace.find(entry.token_sm3)).gen_time
    _, record = read_consent(trace, entry)
    return entry.at if record is None else max(record.not_before, min(entry.at, record.not_after))


def read_consent(trace: Stretch, entry: TraceEntry) -> tuple[SignedConsent | None, ConsentRecord | None]:
    """Answer the signed consent and its record; the record alone while nobody agreed; nothing for what is neither."""
    data = trace.find(entry.consent_sm3)
    if not data:
        return None, None
    try:
        record, signed = parse_consent(data)
    except MalformedConsentError:
        try:
            return None, parse_record(data)
        except MalformedConsentError:
            return None, None
    return signed, record


def _says_the_same(trace: Stretch, entry: TraceEntry, record: ConsentRecord) -> bool:
    mine = (entry.person, entry.person_name, entry.authorisation, entry.seal, entry.section, trace.statement.uscc)
    owner = record.uscc or record.person  # a natural person uses their own seal
    theirs = (record.person, record.person_name, record.authorisation, record.seal, record.section, owner)
    files = {(file.name, file.sm3) for file in record.files}
    return mine == theirs and (not entry.document_sm3 or (entry.file, entry.document_sm3) in files)


def _grantor(signed: SignedStatement, entry: TraceEntry) -> str:
    """Answer who says to have granted the entry's authorisation; nobody, if it is another one."""
    try:
        granted = parse_authorisation(signed)
    except (MalformedAuthorisationError, MalformedError):
        return ""
    return granted.granted_by if granted.id == entry.authorisation else ""


def _own_imprint(token: bytes) -> bytes:
    try:
        return parse_token(token).imprint
    except SigningError:
        return b""


def _time_of(token: bytes) -> datetime | None:
    try:
        return parse_token(token).gen_time
    except SigningError:
        return None
