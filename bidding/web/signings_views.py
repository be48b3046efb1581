"""What the signing service answers (docs/format/signings.md): values of the service as JSON; nothing secret."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from bidding.signings.rows import Signing, SigningAct, SigningDocument
from bidding.signings.tokens import Token
from bidding.signings.values import Enterprise
from bidding.signings.webhooks import Delivery, Webhook
from bidding.workbench.acting import PendingConsent
from bidding.workbench.trace_rows import SealUse
from sealing.placement import Stamp
from sealing.planning import PlanWarning


class ProblemView(Struct, frozen=True):
    """RFC 9457 problem; `code` is stable, `title` Chinese."""

    type: str
    title: str
    status: int
    code: str
    detail: str


class ActView(Struct, frozen=True):
    """One seal of a signer: waiting, asked or sealed."""

    seal: str
    state: str
    at: datetime | None


class SignerView(Struct, frozen=True):
    """A signer, by the register's name; `id` is the unit's code or the person's number."""

    number: int
    kind: str
    id: str
    name: str
    seals: tuple[ActView, ...]


class DocumentView(Struct, frozen=True):
    """A document: `sm3` is that of the upload, `current_sm3` of what can be fetched now, which bears `seals` seals.

    `verdict` is the verifier's indication of the completed document, empty before.
    """

    number: int
    name: str
    format: str
    pages: int
    size: int
    sm3: str
    current_sm3: str
    current_size: int
    seals: int
    verdict: str
    url: str


class ConsentFileView(Struct, frozen=True):
    """One line of what the wallet shows."""

    name: str
    pages: int
    sm3: str


class ConsentView(Struct, frozen=True):
    """Who is asked, for what, until when; `url` is the one-time link that this person opens on the wallet."""

    signer: int
    seal: str
    seal_number: str
    person_name: str
    url: str
    expires_at: datetime
    files: tuple[ConsentFileView, ...]


class SigningView(Struct, frozen=True):
    """How a signing stands; `version` is its ETag, `current` the signer whose turn it is (0: none)."""

    id: str
    title: str
    reference: str
    profile: str
    state: str
    code: str
    version: int
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    current: int
    signers: tuple[SignerView, ...]
    documents: tuple[DocumentView, ...]
    consent: ConsentView | None


class SigningLine(Struct, frozen=True):
    """One line of the list of signings."""

    id: str
    title: str
    reference: str
    state: str
    code: str
    created_at: datetime
    ended_at: datetime | None


class PictureView(Struct, frozen=True):
    """Where the picture of a page with impressions is."""

    page: int
    url: str


class PlacedView(Struct, frozen=True):
    """Where one seal of a signer goes on one document; `pictures` of the pages concerned, at most fifty."""

    signer: int
    seal: str
    document: int
    stamps: tuple[Stamp, ...]
    warnings: tuple[PlanWarning, ...]
    pictures: tuple[PictureView, ...]


class PlanView(Struct, frozen=True):
    """All impressions of a signing, and what to look at before anybody is asked."""

    signing: str
    state: str
    placed: tuple[PlacedView, ...]


class UseView(Struct, frozen=True):
    """用章记录: one line. `consent` is the signed consent (canonical JSON, base64)."""

    at: datetime
    file: str
    kind: str
    seal: str
    outcome: str
    code: str
    person_name: str
    authorisation: str
    certificate: str
    before_sm3: str
    document_sm3: str
    after_sm3: str
    profile: str
    consent: bytes
    token: bytes
    address: str


class TokenView(Struct, frozen=True):
    """An interface token, without its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    state: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class NewTokenView(Struct, frozen=True):
    """A new token; `secret` is what the program shows, and is told this once."""

    token: TokenView
    secret: str


class WebhookView(Struct, frozen=True):
    """A webhook, without its secret."""

    id: str
    url: str
    events: tuple[str, ...]
    state: str
    created_at: datetime


class NewWebhookView(Struct, frozen=True):
    """A new webhook; `secret` (whsec_…) is told this once."""

    webhook: WebhookView
    secret: str


class AttemptView(Struct, frozen=True):
    """One attempt to deliver; `status` 0 when there was no answer."""

    at: datetime
    manual: bool
    status: int
    code: str
    milliseconds: int


class DeliveryView(Struct, frozen=True):
    """One event on its way: due, delivered or failed."""

    id: str
    event: str
    type: str
    state: str
    created_at: datetime
    due_at: datetime | None
    attempts: tuple[AttemptView, ...]


_MOST_PICTURES = 50


def signing_view(signing: Signing, pending: PendingConsent | None) -> SigningView:
    """Answer a signing."""
    order, turn = signing.order.asked, signing.next
    return SigningView(
        id=signing.id,
        title=order.title,
        reference=order.reference,
        profile=order.profile,
        state=signing.state,
        code=signing.code,
        version=signing.version,
        created_at=signing.created_at,
        expires_at=signing.expires_at,
        ended_at=signing.ended_at,
        current=0 if signing.ended or turn is None else turn.key.signer,
        signers=tuple(_signer(signing, number) for number in range(1, len(order.signers) + 1)),
        documents=tuple(_document(signing, document) for document in signing.documents),
        consent=_consent(turn, pending) if turn is not None and pending is not None else None,
    )


def signing_line(signing: Signing) -> SigningLine:
    """Answer a line of the list."""
    order = signing.order.asked
    return SigningLine(
        signing.id, order.title, order.reference, signing.state, signing.code, signing.created_at, signing.ended_at
    )


def plan_view(signing: Signing) -> PlanView:
    """Answer where all impressions go."""
    placed = [
        PlacedView(
            signer=act.key.signer,
            seal=act.key.kind.value,
            document=planned.document,
            stamps=planned.stamps,
            warnings=planned.warnings,
            pictures=_pictures(signing, planned.document, planned.stamps),
        )
        for act in signing.acts
        for planned in act.planned
    ]
    return PlanView(signing.id, signing.state, tuple(placed))


def use_view(use: SealUse) -> UseView:
    """Answer an entry of the record of seal uses."""
    return UseView(**{name: getattr(use, name) for name in UseView.__struct_fields__})


def token_view(token: Token) -> TokenView:
    """Answer a token."""
    return TokenView(**vars(token))


def webhook_view(webhook: Webhook) -> WebhookView:
    """Answer a webhook."""
    return WebhookView(**vars(webhook))


def delivery_view(delivery: Delivery) -> DeliveryView:
    """Answer a delivery with its attempts."""
    attempts = tuple(AttemptView(**vars(attempt)) for attempt in delivery.attempts)
    return DeliveryView(**{**vars(delivery), "attempts": attempts})


def _signer(signing: Signing, number: int) -> SignerView:
    signer = signing.order.asked.signers[number - 1]
    unit = isinstance(signer, Enterprise)
    own = tuple(ActView(act.key.kind.value, act.state, act.at) for act in signing.acts if act.key.signer == number)
    name = signing.order.names[number - 1]
    return SignerView(number, "enterprise" if unit else "person", _id_of(signer), name, own)


def _id_of(signer: object) -> str:
    return str(getattr(signer, "uscc", "") or getattr(signer, "person", ""))


def _document(signing: Signing, document: SigningDocument) -> DocumentView:
    seals = sum(act.state == "sealed" and act.on(document.number) is not None for act in signing.acts)
    return DocumentView(
        number=document.number,
        name=document.facts.name,
        format=document.facts.format,
        pages=document.facts.pages,
        size=document.size,
        sm3=document.sm3,
        current_sm3=document.current_sm3,
        current_size=document.current_size,
        seals=seals,
        verdict=document.verdict,
        url=f"/api/v1/signings/{signing.id}/documents/{document.number}",
    )


def _consent(act: SigningAct, pending: PendingConsent) -> ConsentView:
    record = pending.record
    return ConsentView(
        signer=act.key.signer,
        seal=act.key.kind.value,
        seal_number=record.seal,
        person_name=record.person_name,
        url=pending.url,
        expires_at=pending.expires_at,
        files=tuple(ConsentFileView(file.name, file.pages, file.sm3) for file in record.files),
    )


def _pictures(signing: Signing, document: int, stamps: Sequence[Stamp]) -> tuple[PictureView, ...]:
    if signing.document(document).facts.format != "pdf":
        return ()
    pages = list(dict.fromkeys(stamp.page for stamp in stamps))[:_MOST_PICTURES]
    base = f"/api/v1/signings/{signing.id}/documents/{document}/pages"
    return tuple(PictureView(page, f"{base}/{page}") for page in pages)
