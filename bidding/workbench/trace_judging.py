"""Judging exports of the trace of seal uses (用章记录核验), without any service. Specification: trace.md 5."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bidding.errors import MalformedTraceError, TraceTooLargeError
from bidding.workbench.trace_entries import (
    judge_answers,
    judge_consent,
    judge_entry,
    judge_token,
    proven_at,
    verify_entry_token,
)
from bidding.workbench.trace_format import SealTrace, Stretch, TraceRow, link, parse_trace, trace_imprint
from signing.checks import Check, Indication, Result, SubIndication, Verdict, check
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.statement import verify_statement
from signing.timestamps import parse_token, verify_token

CLOCKS_APART: Final = timedelta(seconds=60)
"""How far the authority's clock may be behind the workbench's before we speak of a wrong order."""
_NAMED: Final = 5
"""Entries that a check names; of more it says how many."""
_HASH: Final = SubIndication.HASH_FAILURE
_ORDER: Final = SubIndication.TIMESTAMP_ORDER_FAILURE
_CONSTRAINTS: Final = SubIndication.SIG_CONSTRAINTS_FAILURE

Judge = Callable[[TraceRow], Iterable[Check]]


def verify_trace(data: bytes, *, anchors: TrustAnchors, evidence: RevocationEvidence, at: datetime) -> Verdict:
    """Judge an export as of its timestamp, or as of `at` where the timestamp does not hold.

    One check for each question of the specification; of the entries that do not pass it names the first ones.
    """
    try:
        trace = parse_trace(data)
    except (MalformedTraceError, TraceTooLargeError) as error:
        why = str(error)
        return Verdict(check("trace-format", False, code="FMT_TRACE", sub=SubIndication.FORMAT_FAILURE, why=why))
    return judge_trace(trace, anchors=anchors, evidence=evidence, at=at)


def judge_trace(trace: SealTrace, *, anchors: TrustAnchors, evidence: RevocationEvidence, at: datetime) -> Verdict:
    """Judge an export that was taken apart already; see `verify_trace`."""
    form = Verdict(check("trace-format", True, code="FMT_TRACE"))
    sealed = _judge_seal(trace, anchors, evidence, at)
    return form + sealed + Verdict(*judge_rows(trace, anchors, evidence), warnings=_say_stretch(trace))


def judge_rows(trace: Stretch, anchors: TrustAnchors, evidence: RevocationEvidence) -> list[Check]:
    """Judge chain, evidence and every entry; not who vouches for the whole."""
    return _Judging(trace, anchors, evidence).judge_rows()


def verify_extension(old: bytes, new: bytes) -> Verdict:
    """Judge whether the older export is part of the newer one; each is verified for itself with `verify_trace`."""
    try:
        before, after = parse_trace(old), parse_trace(new)
    except (MalformedTraceError, TraceTooLargeError) as error:
        why = str(error)
        return Verdict(check("extension-format", False, code="FMT_TRACE", sub=SubIndication.FORMAT_FAILURE, why=why))
    older, newer = before.statement, after.statement
    ordered = True if older.at <= newer.at else None
    renewed = None if before.certificate.public_key != after.certificate.public_key else True
    return Verdict(
        check("extension-format", True, code="FMT_TRACE"),
        check("extension-unit", older.uscc == newer.uscc, code="ID_MISMATCH", sub=_CONSTRAINTS),
        check("extension-order", ordered, code="TST_BAD", sub=_ORDER, why="" if ordered else _SWAPPED),
        check("extension-signer", renewed, code="ID_MISMATCH", sub=_CONSTRAINTS, why="" if renewed else _OTHER_KEY),
        _grown(before, after),
        _same_chain(before, after),
    )


_SWAPPED: Final = "先前的导出比这一份更晚，两个文件可能调换了"
_OTHER_KEY: Final = "两次导出由不同的密钥签署，请向工作台核实密钥已更换"


def _judge_seal(trace: SealTrace, anchors: TrustAnchors, evidence: RevocationEvidence, at: datetime) -> Verdict:
    """Judge signature, certificate and timestamp of the whole."""
    file, statement, certificate = trace.file, trace.statement, trace.certificate
    stamped = verify_token(file.token, imprint=trace_imprint(file.signed), anchors=anchors, evidence=evidence)
    proven = at
    if stamped.indication is Indication.TOTAL_PASSED:
        proven = parse_token(file.token).gen_time
        late = statement.at - proven <= CLOCKS_APART
        stamped += Verdict(check("timestamp-order", late, code="TST_BAD", sub=_ORDER))
    own = certificate.sm3 == statement.certificate_sm3 and certificate.common_name == statement.workbench
    nobody = not certificate.person_id and not certificate.uscc_candidates
    signer = check("trace-signer", own and nobody, code="ID_MISMATCH", sub=_CONSTRAINTS)
    signed = verify_statement(file.signed, anchors=anchors, evidence=evidence, at=proven, purpose=Purpose.CENTRE)
    return signed + Verdict(signer) + stamped


@dataclass(frozen=True)
class _Judging:
    trace: Stretch
    anchors: TrustAnchors
    evidence: RevocationEvidence

    def judge_rows(self) -> list[Check]:
        """Judge chain and evidence, and every entry by every question."""
        trace, anchors, evidence = self.trace, self.anchors, self.evidence
        tokens = {id(row): verify_entry_token(trace, row.entry, anchors, evidence) for row in trace.rows}
        times = {id(row): proven_at(trace, row.entry, tokens[id(row)]) for row in trace.rows}
        consents = _once(lambda row: (row.entry.consent_sm3, times[id(row)], row.entry.document_sm3))
        answers = _once(lambda row: (row.entry.answers_sm3, row.entry.authorisation))
        return [
            self._check_chain(),
            self._check_evidence(),
            self._gather("trace-entries", "ENTRY", lambda row: judge_entry(trace, row.entry)),
            self._gather(
                "trace-consents",
                "SIG",
                consents(lambda row: judge_consent(trace, row.entry, anchors, evidence, times[id(row)])),
            ),
            self._gather("trace-tokens", "TST_BAD", lambda row: judge_token(trace, row.entry, tokens[id(row)])),
            self._gather(
                "trace-answers", "SIG", answers(lambda row: judge_answers(trace, row.entry, anchors, evidence))
            ),
        ]

    def _check_chain(self) -> Check:
        statement, chain = self.trace.statement, self.trace.statement.previous
        for number, row in enumerate(self.trace.rows, statement.first):
            if row.entry.number != number:
                why = f"应为第 {number} 条，而是第 {row.entry.number} 条：有记录被删除、插入或调换"
                return check("trace-chain", False, code="HASH", sub=_HASH, why=why)
            chain = link(chain, row.entry)
            if row.chain != chain:
                why = f"第 {number} 条或它之前的记录被改动"
                return check("trace-chain", False, code="HASH", sub=_HASH, why=why)
        why = "" if chain == statement.chain else "最后一条不是签署的那一条"
        return check("trace-chain", not why, code="HASH", sub=_HASH, why=why)

    def _check_evidence(self) -> Check:
        named = {
            digest
            for row in self.trace.rows
            for digest in (row.entry.consent_sm3, row.entry.token_sm3, row.entry.answers_sm3)
            if digest
        }
        missing, strange = named - set(self.trace.evidence), set(self.trace.evidence) - named
        faults = [f"缺少 {len(missing)} 项"] if missing else []
        faults += [f"有 {len(strange)} 项不属于任何记录"] if strange else []
        return check("trace-evidence", not faults, code="HASH", sub=_HASH, why="，".join(faults))

    def _gather(self, name: str, code: str, judge: Judge) -> Check:
        """Ask one question of every entry; the answer is the worst, with the entries that gave it."""
        bad = [(row.entry.number, one) for row in self.trace.rows for one in judge(row) if one.result is not Result.OK]
        failed = [pair for pair in bad if pair[1].result is Result.FAILED] or bad
        if not failed:
            return check(name, True, code=code)
        worst = failed[0][1]
        return Check(name, worst.code, worst.result, _name(failed), worst.sub)


def _once(key: Callable[[TraceRow], object]) -> Callable[[Judge], Judge]:
    """Let what several entries share be judged once: a consent and its answers are those of a whole batch."""

    def wrap(judge: Judge) -> Judge:
        known: dict[object, tuple[Check, ...]] = {}

        def asked(row: TraceRow) -> tuple[Check, ...]:
            which = key(row)
            if which not in known:
                known[which] = tuple(judge(row))
            return known[which]

        return asked

    return wrap


def _name(bad: Sequence[tuple[int, Check]]) -> str:
    told = [f"第 {number} 条：{one.why or one.name}（{one.code}）" for number, one in bad[:_NAMED]]
    more = len({number for number, _ in bad}) - len({number for number, _ in bad[:_NAMED]})
    return "；".join(told) + (f"；另有 {more} 条" if more else "")


def _say_stretch(trace: SealTrace) -> tuple[str, ...]:
    statement = trace.statement
    if (statement.first, statement.last) == (1, statement.total):
        return ()
    return (f"只含第 {statement.first} 至 {statement.last} 条，导出时共有 {statement.total} 条。",)


def _grown(before: SealTrace, after: SealTrace) -> Check:
    older, newer = before.statement.total, after.statement.total
    why = "" if older <= newer else f"先前共有 {older} 条，现在只有 {newer} 条：记录被删除"
    return check("extension-total", not why, code="HASH", sub=_HASH, why=why)


def _same_chain(before: SealTrace, after: SealTrace) -> Check:
    """Compare both at the latest number at which both say something."""
    older, newer = before.statement, after.statement
    number = min(older.last, newer.last)
    mine, theirs = before.chain_at(number), after.chain_at(number)
    if not (mine and theirs):
        why = f"两份导出没有相接：先前至第 {older.last} 条，这一份从第 {newer.first} 条起"
        return check("extension-chain", None, code="HASH", sub=SubIndication.SIGNED_DATA_NOT_FOUND, why=why)
    why = "" if mine == theirs else f"第 {number} 条或它之前的记录与先前导出的不同"
    return check("extension-chain", not why, code="HASH", sub=_HASH, why=why)
