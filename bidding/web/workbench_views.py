"""What the workbench's interface answers: values of the services as JSON. Nothing secret, nothing in sealed form."""

from datetime import datetime

from msgspec import Struct

from bidding.workbench.afterwards import BidAct
from bidding.workbench.checks import Finding
from bidding.workbench.draft_packing import WHO_CAN_READ, Packing
from bidding.workbench.drafts import Document, Draft, Form, Part, PartPlace
from bidding.workbench.seal_rows import SealUse
from bidding.workbench.sealing_flow import PlanView
from bidding.workbench.submissions import Submission


class DocumentView(Struct, frozen=True):
    """A document of a draft."""

    id: str
    name: str
    size: int
    pages: int
    sm3: str
    signed: bool
    fonts_missing: tuple[str, ...]
    verdict: tuple[str, ...]


class SealView(Struct, frozen=True):
    """A seal on a part; `consent_sm3` stands in the seal itself."""

    kind: str
    number: str
    consent_sm3: str
    at: datetime


class PartView(Struct, frozen=True):
    """The assembled part of an item."""

    id: str
    name: str
    size: int
    pages: int
    sm3: str
    contents: tuple[tuple[str, int, int], ...]
    places: tuple[PartPlace, ...]
    seals: tuple[SealView, ...]


class ItemView(Struct, frozen=True):
    """One required item, and what the draft has for it."""

    id: str
    title: str
    stage: int
    mandatory: bool
    seals: tuple[str, ...]
    letter: str
    """Which letter the workbench writes for it; empty if none."""
    documents: tuple[DocumentView, ...]
    part: PartView | None


class FieldView(Struct, frozen=True):
    """One field that is read out at the opening."""

    id: str
    title: str
    stage: int
    kind: str


class DraftView(Struct, frozen=True):
    """A draft with all that is in it."""

    id: str
    centre: str
    section: str
    project: str
    title: str
    params_sm3: str
    deadline: datetime
    state: str
    form: Form
    fields: tuple[FieldView, ...]
    items: tuple[ItemView, ...]
    updated_at: datetime


class DraftLine(Struct, frozen=True):
    """A draft in a list."""

    id: str
    centre: str
    section: str
    title: str
    deadline: datetime
    state: str
    updated_at: datetime


class FindingView(Struct, frozen=True):
    """One line of the check list."""

    code: str
    level: str
    item: str
    text: str


class SealUseView(Struct, frozen=True):
    """用章记录: one line. `consent` is the signed consent (canonical JSON, base64)."""

    plan: str
    at: datetime
    section: str
    file: str
    kind: str
    seal: str
    outcome: str
    code: str
    person_name: str
    certificate: str
    before_sm3: str
    document_sm3: str
    after_sm3: str
    consent_sm3: str
    consent: bytes
    token: bytes
    address: str
    number: int
    chain: str
    profile: str
    person: str
    authorisation: str
    signature_sm3: str


class SealingView(Struct, frozen=True):
    """How a plan of seals stands; while it awaits somebody, `url` is what that person opens on the phone."""

    id: str
    state: str
    code: str
    ended: bool
    kind: str
    seal: str
    person_name: str
    url: str
    expires_at: datetime | None
    uses: tuple[SealUseView, ...]


class PackingView(Struct, frozen=True):
    """How a packing stands."""

    id: str
    draft: str
    state: str
    code: str
    url: str
    expires_at: datetime
    bundle_sm3: str
    size: int


class NewPackingView(Struct, frozen=True):
    """A packing that was just begun. The recovery code is shown this once and kept nowhere."""

    packing: PackingView
    recovery_code: str
    who_can_read: str


class SubmissionView(Struct, frozen=True):
    """How a submission stands; the receipt or refusal has an address of its own."""

    id: str
    centre: str
    section: str
    params_sm3: str
    bundle_sm3: str
    size: int
    sent: int
    state: str
    code: str
    url: str
    expires_at: datetime
    stages: tuple[int, ...]
    has_receipt: bool
    has_refusal: bool
    started_at: datetime
    ended_at: datetime | None


class BidActView(Struct, frozen=True):
    """How a withdrawal or release stands. `needs_code`: send the recovery code when you go on."""

    id: str
    submission: str
    kind: str
    stage: int
    state: str
    code: str
    url: str
    expires_at: datetime
    needs_code: bool
    answer: bytes | None


def document_view(document: Document) -> DocumentView:
    """Show a document."""
    facts = document.facts
    return DocumentView(
        document.id, facts.name, facts.size, facts.pages, facts.sm3, facts.signed, facts.fonts_missing, facts.verdict
    )


def part_view(part: Part) -> PartView:
    """Show a part."""
    facts = part.facts
    seals = tuple(SealView(seal.kind, seal.number, seal.mark.consent_sm3, seal.at) for seal in facts.seals)
    return PartView(part.id, facts.name, facts.size, facts.pages, facts.sm3, facts.contents, facts.places, seals)


def draft_view(draft: Draft) -> DraftView:
    """Show a draft."""
    params = draft.params
    parts = {part.item: part_view(part) for part in draft.parts}
    return DraftView(
        id=draft.id,
        centre=draft.centre,
        section=params.section,
        project=params.project,
        title=params.title,
        params_sm3=draft.params_sm3,
        deadline=params.deadline,
        state=draft.state,
        form=draft.form,
        fields=tuple(FieldView(field.id, field.title, field.stage, field.kind) for field in params.readout),
        items=tuple(
            ItemView(
                item.id,
                item.title,
                item.stage,
                item.mandatory,
                item.seals,
                draft.letter_of(item.id) or "",
                tuple(document_view(document) for document in draft.documents_of(item.id)),
                parts.get(item.id),
            )
            for item in params.required
        ),
        updated_at=draft.updated_at,
    )


def draft_line(draft: Draft) -> DraftLine:
    """Show a draft in a list."""
    params = draft.params
    return DraftLine(
        draft.id, draft.centre, params.section, params.title, params.deadline, draft.state, draft.updated_at
    )


def finding_view(finding: Finding) -> FindingView:
    """Show a line of the check list."""
    return FindingView(finding.code, finding.level, finding.item, finding.text)


def seal_use_view(use: SealUse) -> SealUseView:
    """Show a use of a seal."""
    same = {name: getattr(use, name) for name in SealUseView.__struct_fields__}
    return SealUseView(**same)


def sealing_view(view: PlanView) -> SealingView:
    """Show a plan of seals."""
    return SealingView(
        id=view.id,
        state=view.state,
        code=view.code,
        ended=view.ended,
        kind=view.kind.value if view.kind else "",
        seal=view.seal,
        person_name=view.person_name,
        url=view.url,
        expires_at=view.expires_at,
        uses=tuple(seal_use_view(use) for use in view.uses),
    )


def packing_view(packing: Packing) -> PackingView:
    """Show a packing."""
    return PackingView(**{name: getattr(packing, name) for name in PackingView.__struct_fields__})


def new_packing_view(packing: Packing, recovery_code: str) -> NewPackingView:
    """Show a packing that was just begun."""
    return NewPackingView(packing_view(packing), recovery_code, WHO_CAN_READ)


def submission_view(bid: Submission) -> SubmissionView:
    """Show a submission."""
    own = ("stages", "has_receipt", "has_refusal")
    same = {name: getattr(bid, name) for name in SubmissionView.__struct_fields__ if name not in own}
    return SubmissionView(
        **same,
        stages=tuple(stage.base.stage for stage in bid.header.stages),
        has_receipt=bid.receipt is not None,
        has_refusal=bid.refusal is not None,
    )


def bid_act_view(act: BidAct) -> BidActView:
    """Show a withdrawal or release."""
    return BidActView(**{name: getattr(act, name) for name in BidActView.__struct_fields__})
