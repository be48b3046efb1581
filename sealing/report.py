"""The answer of a verification, as values: one report for each signature or seal, one verdict for the file."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sealing.seal import SealKind
from signing.checks import Check, Indication, SubIndication, Verdict
from signing.pdf_changes import Change


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

    @property
    def indication(self) -> Indication:
        """Answer the main status of this signature."""
        return self.verdict.indication

    @property
    def sub_indication(self) -> SubIndication | None:
        """Answer why, or None when all passed."""
        return self.verdict.sub_indication

    def as_json(self) -> dict[str, Any]:
        """Answer the published form of this signature (design.md 5), without the texts of its checks."""
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
            "signed_at": self.signed_at.astimezone(UTC).isoformat() if self.signed_at else None,
            "time_source": str(self.time_source),
            "authority": self.authority,
            "covers": self.covers,
            "changes_after": [{"page": c.page, "what": c.what, "allowed": c.allowed} for c in self.changes_after],
            "checks": [_check(one) for one in self.verdict.checks],
        }


@dataclass(frozen=True)
class DocumentVerdict:
    """One file, judged: the worst of its signatures decides, and a required seal that is missing fails it."""

    signatures: tuple[SignatureReport, ...]
    warnings: tuple[str, ...] = ()
    read_mode: str = "strict"
    missing: tuple[SealKind, ...] = ()

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
