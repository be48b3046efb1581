"""What a seal maker says over HTTP; the adapter reads it, the sandbox writes it. Bytes are base64."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from identity.wire import PersonSealOrder, SealAppearance
from sealing.seal import IssuedSeal, SealKind, SealState
from sealing.seal_life import Cause, StateChange
from signing.statement import SignedStatement

__all__ = ["PersonSealOrder", "SealAppearance"]

Text = Annotated[str, Meta(min_length=1, max_length=200)]
Code = Annotated[str, Meta(max_length=200)]
Uscc = Annotated[str, Meta(pattern=r"^[0-9A-HJ-NPQRTUWXY]{18}\Z")]
OptionalUscc = Annotated[str, Meta(pattern=r"^([0-9A-HJ-NPQRTUWXY]{18})?\Z")]
Place = Annotated[str, Meta(pattern=r"^([0-9]{6})?\Z")]
Millimetres = Annotated[int, Meta(ge=10, le=60)]


class Application(Struct, frozen=True, forbid_unknown_fields=True):
    """制章申请: who asks, on whose authority, with which licence, and where the number is to be registered.

    `authorisation` is "legal-representative" or the number of a grant, which then comes along. `consent` is the
    signed consent `apply-seal` as the wallet gave it, whose file is the SM3 of the whole message with an empty
    consent. `place` is six digits (GB/T 2260); empty: that of the credit code.
    """

    applicant: Text
    licence: SignedStatement
    person: Code = ""
    authorisation: Text = "legal-representative"
    grant: SignedStatement | None = None
    consent: Annotated[bytes, Meta(max_length=1 << 20)] = b""
    place: Place = ""


class SealOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /maker/seals: the set of five for one company. Certificates are DER, `uscc` has 18 characters.

    Without an application it is the registrar's own order at the founding (同步发放). No seal outlives its
    certificate. `version` is that of the SESeal: 4 (GB/T 38540-2020) or 5 (GM/T 0031-2025). `unit_type` is 类型 on
    the licence, which sets the size of the 公章; empty: read from the application's licence, or the name.
    """

    company: Text
    uscc: Uscc
    legal_representative: Text
    unit_certificate: bytes
    representative_certificate: bytes
    not_before: datetime
    not_after: datetime
    version: Literal[4, 5] = 4
    application: Application | None = None
    unit_type: Code = ""


class ReissueOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /maker/reissues: cancel and make anew, in one act; `kinds` empty: those that the cause cancels."""

    order: SealOrder
    cause: Cause
    reason: Text
    kinds: Annotated[tuple[SealKind, ...], Meta(max_length=5)] = ()
    actor: Code = ""


class Notice(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /maker/notices: the registrar tells what has happened to a unit, or to a natural `person` (then no `uscc`).

    Hearing it twice changes nothing.
    """

    uscc: OptionalUscc
    cause: Cause
    reason: Text
    actor: Code = ""
    person: Code = ""


class ScanOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /maker/scans: the scanned picture of a physical seal (同章同模), its real size in millimetres."""

    order: SealOrder
    kind: SealKind
    picture: Annotated[bytes, Meta(max_length=2 << 20)]
    width_mm: Millimetres
    height_mm: Millimetres


class ScanDraft(Struct, frozen=True):
    """The cleaned picture (PNG), which the applicant confirms or not; `warnings` are Chinese sentences."""

    id: str
    picture: bytes
    width_mm: int
    height_mm: int
    warnings: tuple[str, ...] = ()


class ScanDecision(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /maker/scans/{id}/decision; `replaces` names the seal of the same kind that is to be cancelled."""

    applicant: Text
    confirmed: bool
    replaces: Code = ""


class ImportOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /maker/imports: an existing `.esl`; `certificates` (DER) help where the seal lists only digests."""

    esl: Annotated[bytes, Meta(max_length=1 << 20)]
    application: Application
    certificates: Annotated[tuple[bytes, ...], Meta(max_length=8)] = ()


class MadeSeal(Struct, frozen=True):
    """One line of the answer. `artwork` is empty for a seal that was imported."""

    number: str
    kind: SealKind
    name: str
    state: SealState
    esl: bytes
    artwork: bytes

    def issued(self) -> IssuedSeal:
        """Answer it as the value that sealing works with."""
        return IssuedSeal(self.kind, self.number, self.name, self.esl, self.artwork, self.state)


class MadeSeals(Struct, frozen=True):
    """The seals of one company."""

    seals: tuple[MadeSeal, ...]


class SealFile(Struct, frozen=True):
    """GET /maker/seals/{number}: everything about one seal; `svg` is its picture. A natural person's has no `uscc`.

    `applicant`, `authorisation` and `consent_sm3` (hex) say who applied; `replaces` and `replaced_by` are numbers.
    """

    seal: MadeSeal
    uscc: str
    svg: str
    history: tuple[StateChange, ...]
    not_after: datetime | None = None
    replaces: str = ""
    replaced_by: str = ""
    applicant: str = ""
    authorisation: str = ""
    consent_sm3: str = ""
    person: str = ""


class StateOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /maker/seals/{number}/state."""

    state: SealState
    reason: Text
    actor: Code = ""
