"""Judging a trace of seal uses from one's own machine (trace.md 8): all but who vouches for the whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bidding.workbench.trace_format import TraceRow, TraceStatement, genesis
from bidding.workbench.trace_judging import judge_rows
from bidding.workbench.trace_local import TraceLine
from signing.checks import SubIndication, Verdict, check
from signing.digests import sm3
from signing.path import RevocationEvidence, TrustAnchors

_NOBODY: Final = "本机的用章记录没有签名，末尾是否被截去无法确定，请与另存的链值核对"


@dataclass(frozen=True)
class LocalStretch:
    """The lines as entries to be judged; nobody signed what is said of them as a whole."""

    statement: TraceStatement
    rows: tuple[TraceRow, ...]
    evidence: dict[str, bytes]

    def find(self, digest: str) -> bytes:
        """Answer a piece of evidence; empty when it is not there."""
        return self.evidence.get(digest, b"")


def as_stretch(lines: Sequence[TraceLine], at: datetime) -> LocalStretch:
    """Answer the lines of one file (`parse_lines`), at least one, as they are at an instant in whole milliseconds."""
    owner, start = lines[0].owner, genesis(lines[0].owner)
    said = TraceStatement(
        v=1,
        type="seal-trace",
        workbench="-",
        uscc=owner,
        first=1,
        last=len(lines),
        total=len(lines),
        previous=start,
        chain=lines[-1].chain,
        certificate_sm3="0" * 64,
        at=at,
        sandbox=False,
    )
    blobs = {sm3(blob).hex(): blob for line in lines for blob in line.evidence}
    return LocalStretch(said, tuple(TraceRow(line.chain, line.entry) for line in lines), blobs)


def judge_lines(
    lines: Sequence[TraceLine], *, anchors: TrustAnchors, evidence: RevocationEvidence, at: datetime
) -> Verdict:
    """Judge a file that was read already: chain, consents, tokens, answers; the signer of the whole is unknown."""
    form = check("trace-format", True, code="FMT_TRACE")
    sub = SubIndication.NO_SIGNING_CERTIFICATE_FOUND
    signer = check("trace-signer", None, code="NO_CERT", sub=sub, why=_NOBODY)
    rows = judge_rows(as_stretch(lines, at), anchors, evidence) if lines else []
    return Verdict(form, signer, *rows)


def judge_growth(old: Sequence[TraceLine], new: Sequence[TraceLine]) -> Verdict:
    """Judge whether an older copy of a file is the beginning of a newer one."""
    same = new[: len(old)] == old
    why = "" if same else "先前的记录不在这一份之中：有记录被删除或改动，或是另一个文件"
    return Verdict(check("extension-chain", same, code="HASH", sub=SubIndication.HASH_FAILURE, why=why))
