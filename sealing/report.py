"""The answer of a verification, as values: one report for each signature or seal, one verdict for the file."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sealing.judging_state import NOT_ASKED, SealStateFacts
from sealing.report_facts import certificate_json, changes_json, instant, revocation_json
from sealing.seal import SealKind
from signing.algorithm_uses import Use
from signing.building_blocks import BlockResult
from signing.certificates import Certificate
from signing.checks import Check, Indication, SubIndication, Verdict
from signing.pdf_changes import Change
from signing.poe import Proof
from signing.policy import PolicyFacts
from signing.revocation_status import RevocationStatus


class TimeSource(StrEnum):
    """What the signing time rests on."""

    TIMESTAMP = "timestamp"
    CLAIMED = "claimed"
    NONE = "none"


class SignatureKind(StrEnum):
    """What was found in the field."""

    SIGNATURE = "signature"
    SEAL = "seal"
    TIMESTAMP = "timestamp"


KIND_NAMES: Final = {
    SignatureKind.SIGNATURE: "签名",
    SignatureKind.SEAL: "签章",
    SignatureKind.TIMESTAMP: "时间戳",
}
_RANK: Final = {
    Indication.TOTAL_PASSED: 0,
    Indication.INDETERMINATE: 1,
    Indication.TOTAL_FAILED: 2,
}


@dataclass(frozen=True)
class Signer:
    """Who signed, by the certificate; `uscc` is empty when the certificate bears no valid code."""

    name: str
    uscc: str
    serial: str


@dataclass(frozen=True)
class SealFacts:
    """What the seal says of itself. `kind` is None when its name does not tell; the picture is as stored."""

    name: str
    kind: SealKind | None
    number: str
    maker: str
    not_before: datetime
    not_after: datetime
    picture_format: str
    picture: bytes = field(repr=False)


@dataclass(frozen=True)
class Since:
    """What was good then and is not now (曾有效、其后失效): it undoes nothing, and is no part of the verdict.

    `what` is expired, revoked, seal-expired, seal-cancelled, seal-suspended or seal-lost; `who` is signer, maker,
    timestamp or seal.
    """

    what: str
    who: str
    at: datetime
    text: str


@dataclass(frozen=True)
class Basis:
    """On what a judgement rests beside its checks, for reports: nothing here changes a verdict.

    `chain` is the signer's path, leaf first; `stamp` the certificate of the authority whose timestamp told the time.
    `proof` is what proves best that the signature existed, `claimed` what the signer says, `judged_at` the time of the
    steps that depend on time; `algorithms` are labels, `uses` everything that security depends on.
    """

    certificate: Certificate | None = None
    owners: tuple[Certificate, ...] = ()
    """Of a seal by itself: whom its list names."""
    chain: tuple[Certificate, ...] = ()
    maker: Certificate | None = None
    stamp: Certificate | None = None
    stamped: bool = False
    """Whether a timestamp of its own told the time."""
    status: RevocationStatus | None = None
    proof: Proof | None = None
    claimed: datetime | None = None
    judged_at: datetime | None = None
    algorithms: tuple[str, ...] = ()
    uses: tuple[Use, ...] = ()
    signed_bytes: int = 0
    revision: int = 0


@dataclass(frozen=True)
class SignatureReport:
    """One signature, seal or timestamp, judged. `page` counts from 1; `consent_sm3` is lower hex or empty."""

    id: str
    kind: SignatureKind
    profile: str
    verdict: Verdict
    signer: Signer | None = None
    seal: SealFacts | None = None
    signed_at: datetime | None = None
    time_source: TimeSource = TimeSource.NONE
    authority: str = ""
    covers: str = "partial"
    page: int | None = None
    changes_after: tuple[Change, ...] = ()
    consent_sm3: str = ""
    basis: Basis = field(default_factory=Basis, repr=False)
    since: tuple[Since, ...] = ()
    policy: PolicyFacts | None = None
    seal_state: SealStateFacts = NOT_ASKED.facts
    blocks: tuple[BlockResult, ...] = field(default=(), repr=False)

    @property
    def indication(self) -> Indication:
        """Answer the main status of this signature."""
        return self.verdict.indication

    @property
    def sub_indication(self) -> SubIndication | None:
        """Answer why, or None when all passed."""
        return self.verdict.sub_indication

    def as_json(self, *, pictures: bool = False) -> dict[str, Any]:
        """Answer the published form of this signature (design.md 5), without the texts of its checks.

        `pictures` adds the seal's picture in base64, which may be large.
        """
        seal = self.seal
        return {
            "id": self.id,
            "kind": str(self.kind),
            "kind_name": KIND_NAMES[self.kind],
            "profile": self.profile,
            "indication": str(self.indication),
            "sub_indication": str(self.sub_indication or ""),
            "signer": vars(self.signer) if self.signer else None,
            "seal": {"name": seal.name, "kind": str(seal.kind or ""), "number": seal.number} if seal else None,
            "signed_at": instant(self.signed_at),
            "time_source": str(self.time_source),
            "authority": self.authority,
            "covers": self.covers,
            "changes_after": changes_json(self.changes_after),
            "checks": [_check(one) for one in self.verdict.checks],
            **self._basis_json(),
            **({"seal_picture": _picture(seal)} if seal and pictures else {}),
        }

    def _basis_json(self) -> dict[str, Any]:
        """Answer what the judgement rests on, and what became of it since."""
        basis, proof = self.basis, self.basis.proof
        return {
            "certificate": certificate_json(basis.certificate),
            "chain": [certificate_json(one) for one in basis.chain],
            "revocation": revocation_json(basis.status),
            "algorithms": list(basis.algorithms),
            "signed_bytes": basis.signed_bytes,
            "revision": basis.revision,
            "policy": vars(self.policy) if self.policy else None,
            "since": [{**vars(one), "at": instant(one.at)} for one in self.since],
            "poe": {**vars(proof), "kind": str(proof.kind), "at": instant(proof.at)} if proof else None,
            "claimed_at": instant(basis.claimed),
            "seal_state": _state(self.seal_state) if self.seal else None,
            "building_blocks": _blocks(self.blocks),
        }


@dataclass(frozen=True)
class DocumentVerdict:
    """One file, judged: the worst of its signatures decides, and a required seal that is missing fails it."""

    signatures: tuple[SignatureReport, ...]
    warnings: tuple[str, ...] = ()
    read_mode: str = "strict"
    missing: tuple[SealKind, ...] = ()
    policy: PolicyFacts | None = None

    @property
    def worst(self) -> SignatureReport | None:
        """Answer the first of the worst reports, None when nothing is signed."""
        return max(self.signatures, key=lambda s: _RANK[s.indication], default=None)

    @property
    def indication(self) -> Indication:
        """Answer the main status of the file."""
        if self.worst is None:
            return Indication.NO_SIGNATURE if not self.missing else Indication.TOTAL_FAILED
        return Indication.TOTAL_FAILED if self.missing else self.worst.indication

    @property
    def sub_indication(self) -> SubIndication | None:
        """Answer why, or None."""
        if self.missing:
            return SubIndication.SIG_CONSTRAINTS_FAILURE
        return self.worst.sub_indication if self.worst else None


def _check(one: Check) -> dict[str, str]:
    return {"name": one.name, "code": one.code, "result": str(one.result), "why": one.why}


def _picture(seal: SealFacts) -> dict[str, str]:
    return {"format": seal.picture_format, "data": b64encode(seal.picture).decode()}


def _state(facts: SealStateFacts) -> dict[str, str | None]:
    return {"finding": facts.finding, "text": facts.text, "asked_at": instant(facts.asked_at)}


def _blocks(blocks: tuple[BlockResult, ...]) -> Mapping[str, dict[str, str]]:
    return {
        str(one.block): {"result": str(one.result), "sub_indication": str(one.sub_indication or "")} for one in blocks
    }
