"""What is asked about files, as plain data that travels to the judging children (核验请求)."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from bidding.verification_report import ContentFile, Question
from sealing.judging_state import SealStatuses
from sealing.seal_status import Finding, StatusAnswer
from signing import canonical
from signing.path import TrustAnchors
from signing.policy import DEFAULT_POLICY, load_policy
from signing.statement import SignedStatement

MAX_STATUSES = 2000


class StatusPart(Struct, frozen=True, forbid_unknown_fields=True):
    """What the seal platform answered about one seal; `signed` is the canonical SignedStatement, or empty."""

    number: Annotated[str, Meta(max_length=64)]
    finding: Literal["not-asked", "unavailable", "unknown-number", "answered"]
    signed: Annotated[bytes, Meta(max_length=64 << 10)] = b""


class Asked(Struct, frozen=True):
    """What is asked about every file of a batch. `trust` are folders, `evidence` a file that stands in their place.

    `policy` is a policy file's content (empty: the built-in one), `impression` a filed impression (印模).
    """

    at: datetime
    trust: tuple[str, ...] = ()
    evidence: str = ""
    policy: bytes = b""
    expect_uscc: str = ""
    partners: tuple[str, ...] = ()
    person_name: str = ""
    require: tuple[str, ...] = ()
    bundle_sm3: str = ""
    statuses: tuple[StatusPart, ...] = ()
    impression: bytes = b""
    compare: bool = False
    """Whether the drawn stamps are compared with the pictures inside their seals."""

    def request(self, file: Path, *, content: Mapping[str, Any] | None = None, password: str = "") -> dict[str, Any]:
        """Answer what is written to a child about one file; a password is in it and goes through a pipe only."""
        return {
            "task": "verify",
            "file": str(file),
            "trust": list(self.trust),
            "evidence": self.evidence,
            "at": self.at.isoformat(),
            "policy": b64encode(self.policy).decode("ascii"),
            "expect_uscc": self.expect_uscc,
            "partners": list(self.partners),
            "person_name": self.person_name,
            "require": list(self.require),
            "bundle_sm3": self.bundle_sm3,
            "statuses": [
                {"number": one.number, "finding": one.finding, "signed": b64encode(one.signed).decode("ascii")}
                for one in self.statuses
            ],
            "content": dict(content) if content else None,
            "password": password,
        }


def read_question(request: Mapping[str, Any], trust: TrustAnchors) -> Question:
    """Read what a child is asked; what is not in the request is not asked."""
    content = request.get("content")
    policy = b64decode(request.get("policy", ""))
    listed = request.get("statuses") or ()
    return Question(
        trust=trust,
        at=datetime.fromisoformat(request["at"]),
        expect_uscc=request.get("expect_uscc", ""),
        require_seals=tuple(request.get("require", ())),
        password=request.get("password", ""),
        bundle_sm3=request.get("bundle_sm3", ""),
        content=ContentFile(Path(content["file"]), content["name"], content["given"]) if content else None,
        policy=load_policy(policy) if policy else DEFAULT_POLICY,
        partners=tuple(request.get("partners", ())),
        person_name=request.get("person_name", ""),
        statuses=gather_statuses([StatusPart(o["number"], o["finding"], b64decode(o["signed"])) for o in listed]),
    )


def gather_statuses(parts: Sequence[StatusPart]) -> SealStatuses | None:
    """Put the platform's answers together by seal; None when nobody asked."""
    found: dict[str, list[StatusAnswer]] = {}
    for one in parts:
        signed = canonical.decode(one.signed, SignedStatement) if one.signed else None
        found.setdefault(one.number, []).append(StatusAnswer(Finding(one.finding), signed))
    return SealStatuses(found) if found else None
