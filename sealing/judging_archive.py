"""Past signature validation of a PDF (EN 319 102-1 5.6.3): what its document timestamps prove, the newest first.

A document timestamp covers the file up to itself: signatures, older timestamps, and the validation data that stood
there already. The newest is judged as of now; each older one as of the time that those above it prove, so that a chain
holds as long as every link was renewed in time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from sealing.evidence import DocumentEvidence, Payload, SignatureEvidence
from sealing.judging import Policy
from sealing.judging_message import judge_document_timestamp
from sealing.report import SignatureReport
from signing.path import RevocationEvidence
from signing.pdf import FilledSignature
from signing.poe import Proof, ProofKind, earliest, prove_chain


@dataclass(frozen=True)
class Archive:
    """What the document timestamps of a file prove; `judged` holds their own reports, by field and end.

    `held` are those that hold: the offset up to which each covers the file, its revision, and its proof. `revisions`
    say, by DER, in which revision a list or response came into the file.
    """

    judged: Mapping[tuple[str, int], SignatureReport] = field(default_factory=dict)
    held: tuple[tuple[int, int, Proof], ...] = ()
    revisions: Mapping[bytes, int] = field(default_factory=dict, repr=False)

    def report_of(self, evidence: SignatureEvidence) -> SignatureReport | None:
        """Answer the report on a document timestamp that was judged with the chain."""
        stamped = evidence.payload is Payload.TIMESTAMP and not evidence.signature.defects
        return self.judged.get((evidence.signature.name, evidence.signature.end)) if stamped else None

    def proof_of(self, signature: FilledSignature) -> Proof | None:
        """Answer the earliest proof that a signature, or an older timestamp, existed."""
        return earliest(proof for end, _, proof in self.held if 0 < signature.end < end)

    def policy_for(self, signature: FilledSignature, policy: Policy) -> Policy:
        """Answer the policy with what is proven of a signature, and of the evidence beside it."""
        return replace(policy, proof=self.proof_of(signature), evidence=self.prove_evidence(policy.evidence))

    def prove_evidence(self, evidence: RevocationEvidence) -> RevocationEvidence:
        """Say of lists and responses in the file since when they existed."""
        return replace(evidence, proofs={**evidence.proofs, **self.proofs}) if self.proofs else evidence

    @cached_property
    def proofs(self) -> Mapping[bytes, datetime]:
        """Answer for each list or response under a timestamp the earliest time that is proven of it, by its DER."""
        waiting = sorted(((revision, proof.at) for _, revision, proof in self.held), reverse=True)
        found, known, place = dict[bytes, datetime](), None, 0
        for data, revision in sorted(self.revisions.items(), key=lambda pair: pair[1], reverse=True):
            while place < len(waiting) and waiting[place][0] >= revision:
                known = min(known or waiting[place][1], waiting[place][1])
                place += 1
            if known is not None:
                found[data] = known
        return found


def prove_archive(evidence: DocumentEvidence, policy: Policy) -> Archive:
    """Judge the document timestamps of a file, and answer what they prove."""
    stamps = [one for one in evidence.signatures if one.payload is Payload.TIMESTAMP and not one.signature.defects]
    if not stamps:
        return Archive()
    stamps.sort(key=lambda one: one.signature.end, reverse=True)
    archive = Archive(revisions=evidence.embedded.revisions)
    judged = dict[tuple[str, int], SignatureReport]()

    def judge(stamp: SignatureEvidence, proof: Proof | None) -> Proof | None:
        nonlocal archive
        asked = replace(policy, proof=proof, evidence=archive.prove_evidence(policy.evidence))
        report = judge_document_timestamp(stamp, asked)
        judged[stamp.signature.name, stamp.signature.end] = report
        own = report.basis.proof if _holds(report) else None
        if own is not None:
            covered = (stamp.signature.end, stamp.signature.revision, _as_archive(own, evidence, stamp))
            archive = replace(archive, held=(*archive.held, covered))
        return own

    prove_chain(stamps, covers=_covers, judge=judge)
    return replace(archive, judged=judged)


def _holds(report: SignatureReport) -> bool:
    return not report.verdict.failed and not report.verdict.unknown


def _covers(newer: SignatureEvidence, older: SignatureEvidence) -> bool:
    return newer.signature.end > older.signature.end > 0


def _as_archive(proof: Proof, evidence: DocumentEvidence, stamp: SignatureEvidence) -> Proof:
    """Call it an archive timestamp when validation data stood in the file before it (EN 319 142-1 5.4.3)."""
    before = any(revision <= stamp.signature.revision for revision in evidence.embedded.revisions.values())
    return replace(proof, kind=ProofKind.ARCHIVE_TIMESTAMP) if before else proof
