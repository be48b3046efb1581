"""What a trading centre's interface (`/api/v1`) answers to bidders, as values; unknown fields are ignored."""

from datetime import datetime

from msgspec import Struct


class SectionLine(Struct, frozen=True):
    """One section in the centre's list; only the signed parameters are to be relied on."""

    code: str
    title: str
    project: str
    tenderer: str
    tenderer_uscc: str
    params_sm3: str
    deadline: datetime
    closes_at: datetime
    phase: str
    """bidding, closing, closed, frozen, opened or ended."""
    phases: dict[int, str]
    """By opening stage."""
    now: datetime
    """The centre's clock when it answered."""


class StageLine(Struct, frozen=True):
    """One opening stage; instants are None until they are fixed."""

    stage: int
    name: str
    phase: str
    window_opens_at: datetime | None
    window_ends_at: datetime | None
    frozen_at: datetime | None


class OpeningAnswer(Struct, frozen=True):
    """The opening as everybody may see it; `bids` is None before closing."""

    code: str
    phase: str
    closed_at: datetime | None
    bids: int | None
    bundles: tuple[str, ...]
    stages: tuple[StageLine, ...]
    now: datetime


class ReadoutLine(Struct, frozen=True):
    """One field that was read out."""

    id: str
    title: str
    value: str


class OutcomeLine(Struct, frozen=True):
    """What came of one bid in a stage; `cause`, `code` and `why` are empty when it opened."""

    bidder: str
    uscc: str
    bundle_sm3: str
    received_at: datetime
    state: str
    cause: str
    code: str
    why: str
    readout: tuple[ReadoutLine, ...]


class RecordLine(Struct, frozen=True):
    """One version of the opening record; `sm3` names it."""

    section: str
    stage: int
    number: int
    sm3: str
    size: int
    signer: str
    at: datetime


class RefusalProblem(Struct, frozen=True):
    """The problem in which a signed refusal travels (base64 of the refusal file)."""

    refusal: bytes = b""
