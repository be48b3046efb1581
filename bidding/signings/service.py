"""The signing service (电子签署中心) as one value: order, documents, places, signing, what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, Self

from bidding.errors import (
    NoSuchSigningError,
    SigningLimitError,
    SigningOrderError,
    SigningStateError,
    UnknownFormatError,
    WrongDocumentDigestError,
)
from bidding.signings import looking, rows
from bidding.signings.addresses import Resolve
from bidding.signings.flow import SigningFlow
from bidding.signings.outbox import Outbox
from bidding.signings.parties import SealLook, find_look, name_of
from bidding.signings.posting import Poster
from bidding.signings.repeating import Repeating
from bidding.signings.rows import Order, Signing, SigningAct, SigningDocument
from bidding.signings.tokens import Tokens
from bidding.signings.values import (
    MAX_DOCUMENTS,
    ActKey,
    DocumentFacts,
    NewSigning,
    Placing,
    Planned,
    acts_of,
)
from bidding.signings.webhooks import Webhooks
from bidding.workbench.acting import PendingConsent
from bidding.workbench.desk import Desk
from bidding.workbench.seal_batch import SealBatch, file_sm3
from bidding.workbench.seal_rows import SealUse
from bidding.workbench.seal_standing import SealPorts
from sealing.placement import Stamp
from sealing.ports import SealRegistry
from sealing.seal import TITLES, SealKind
from storage.database import reading, writing

AUDIENCE: Final = "电子签署中心"
MAX_SIZE: Final = 256 << 20
"""Bytes of one document."""
MAX_OPEN: Final = 1000
"""Signings of one unit that have not ended."""
_TITLES: Final = {**{kind.value: title for kind, title in TITLES.items()}, "personal": "个人签名章"}


@dataclass(frozen=True)
class SigningService:
    """Everything that other systems use."""

    desk: Desk
    seals: SealRegistry
    flow: SigningFlow
    tokens: Tokens
    webhooks: Webhooks
    repeating: Repeating

    @classmethod
    def assemble(
        cls,
        desk: Desk,
        *,
        seals: SealRegistry,
        judge: Callable[[Path], str],
        post: Poster,
        resolve: Resolve,
    ) -> Self:
        """Put the service together over a desk of its own; `judge` answers the verifier's indication for a file."""
        ports = SealPorts(desk.ports, seals, desk.trust, desk.clock, desk.random, desk.audience)
        outbox = Outbox(desk)
        return cls(
            desk=desk,
            seals=seals,
            flow=SigningFlow(desk, SealBatch(ports), outbox, judge),
            tokens=Tokens(desk),
            webhooks=Webhooks(desk, outbox, post, resolve, loopback=desk.sandbox),
            repeating=Repeating(desk),
        )

    # -- order and documents

    def create(self, uscc: str, wanted: NewSigning, address: str = "") -> Signing:
        """Open a signing for a unit. SigningLimitError, NoSuchWebhookError, and what `name_of` raises."""
        for webhook in wanted.notify:
            self.webhooks.get(uscc, webhook)
        names = tuple(name_of(self.desk.ports.register, signer) for signer in wanted.signers)
        now = self.desk.now()
        acts = tuple(SigningAct(i, key, (), "waiting", "", None) for i, key in enumerate(acts_of(wanted.signers)))
        signing = Signing(
            id=self.desk.new_id(),
            uscc=uscc,
            order=Order(wanted, names),
            state="draft",
            code="",
            version=1,
            address=address,
            created_at=now,
            expires_at=now + timedelta(days=wanted.days),
            ended_at=None,
            documents=(),
            acts=acts,
        )
        with writing(self.desk.engine) as tx:
            if rows.count_open(tx, uscc) >= MAX_OPEN:
                raise SigningLimitError(f"一个单位最多有 {MAX_OPEN} 项未完成的签署")
            rows.insert_signing(self.desk, tx, signing)
        return signing

    def put_document(self, uscc: str, name: str, number: int, path: Path, *, file: str, digest: str) -> Signing:
        """Take a document in, in the place of one with its number (from 1, without gaps); places are to be told anew.

        WrongDocumentDigestError unless SM3 of the content is `digest` (hex); UnknownFormatError, SigningStateError,
        SigningOrderError; what the readers of PDF and OFD raise.
        """
        signing = self.get(uscc, name)
        _require_open(signing)
        if not 1 <= number <= min(len(signing.documents) + 1, MAX_DOCUMENTS):
            raise SigningOrderError(
                f"文件编号从 1 起连续，最多 {MAX_DOCUMENTS} 份；下一份是 {len(signing.documents) + 1}"
            )
        if (found := file_sm3(path)) != digest:
            raise WrongDocumentDigestError(f"SM3 {found}")
        if any(d.sm3 == found and d.number != number for d in signing.documents):
            raise SigningOrderError("同一份文件已经上传过")
        form = looking.format_of(path)
        if form is None:
            raise UnknownFormatError("neither PDF nor OFD")
        facts = DocumentFacts(file, form, looking.look_at(path, form).pages)
        content, size = self.desk.shelf.put_file(path), path.stat().st_size
        document = SigningDocument(number, facts, size, digest, content, content, digest, size)
        old = [d.original for d in signing.documents if d.number == number]
        try:
            with writing(self.desk.engine) as tx:
                rows.require_unchanged(tx, signing)
                rows.put_document(self.desk, tx, name, document)
                for act in signing.acts:
                    rows.put_places(self.desk, tx, name, act.position, ())
                rows.set_state(tx, name, "draft")
        except BaseException:
            self.desk.shelf.discard(content)
            raise
        for former in old:
            self.desk.shelf.discard(former)
        return self.get(uscc, name)

    # -- places

    def put_places(self, uscc: str, name: str, placings: Sequence[Placing], *, version: int = 0) -> Signing:
        """Place every act on its documents, and keep what came of it; of this version only, if one is given.

        Nobody is asked yet. SigningOrderError, SigningStateError; what `find_look` and
        `sealing.planning.plan_stamps` raise.
        """
        signing = self.get(uscc, name)
        _require_open(signing)
        rows.require_version(signing, version)
        wanted = _by_act(signing, placings)
        looks = {key: self._look(signing, key) for key, _ in wanted}
        planned = dict[ActKey, list[Planned]]()
        for document in signing.documents:
            keys = [act.key for act in signing.acts if (act.key, document.number) in wanted]
            jobs = [
                looking.Job(_TITLES[key.kind.value], looks[key].size_mm, wanted[key, document.number].places)
                for key in keys
            ]
            with self.desk.shelf.folder() as folder:
                path = self.desk.shelf.copy(document.original, folder / "document")
                found = looking.look_at(path, document.facts.format, jobs)
            for key, job in zip(keys, found.jobs, strict=True):
                planned.setdefault(key, []).append(Planned(document.number, job.stamps, job.warnings))
        with writing(self.desk.engine) as tx:
            rows.require_unchanged(tx, signing)
            for act in signing.acts:
                rows.put_places(self.desk, tx, name, act.position, planned[act.key])
            rows.set_state(tx, name, "planned")
        return self.get(uscc, name)

    def preview(self, uscc: str, name: str, number: int, page: int) -> bytes:
        """Answer a PNG of a page (from 1) of a document, with the impressions that are still to come laid over it.

        NoSuchSigningError for a page that is not there; UnknownFormatError for an OFD, whose pages are not drawn.
        """
        signing = self.get(uscc, name)
        document = signing.document(number)
        if not 1 <= page <= document.facts.pages:
            raise NoSuchSigningError(f"no page {page}")
        if document.facts.format != "pdf":
            raise UnknownFormatError("pages of an OFD are not drawn here")
        impressions = list[tuple[Stamp, bytes]]()
        for act in signing.acts:
            there = act.on(number)
            here = [stamp for stamp in there.stamps if stamp.page == page] if there is not None else []
            if here and act.state != "sealed":
                look = self._look(signing, act.key)
                impressions += [(stamp, look.artwork) for stamp in here]
        with self.desk.shelf.folder() as folder:
            path = self.desk.shelf.copy(document.current, folder / "document")
            return looking.draw_page(path, page, impressions)

    # -- signing

    def ask(self, uscc: str, name: str, address: str = "", *, version: int = 0) -> Signing:
        """Ask the person whose turn it is, for this version if one is given; errors of `SigningFlow.ask`."""
        signing = self.get(uscc, name)
        if signing.state == "draft":
            raise SigningStateError("the signing is not planned yet")
        self.flow.ask(name, address, version=version)
        return self.get(uscc, name)

    def advance(self, uscc: str, name: str, address: str = "") -> Signing:
        """Do all that can be done now; errors of `SigningFlow.advance`."""
        self.get(uscc, name)
        self.flow.advance(name, address)
        return self.get(uscc, name)

    def cancel(self, uscc: str, name: str, address: str = "") -> Signing:
        """End a signing; errors of `SigningFlow.cancel`."""
        self.get(uscc, name)
        self.flow.cancel(name, address)
        return self.get(uscc, name)

    # -- answers

    def get(self, uscc: str, name: str) -> Signing:
        """Answer a signing of this unit; NoSuchSigningError, also for another's."""
        with reading(self.desk.engine) as tx:
            return rows.load_signing(self.desk, tx, name, uscc=uscc)

    def all(self, uscc: str, *, limit: int = 50, before: datetime | None = None) -> list[Signing]:
        """Answer a unit's signings, newest first."""
        with reading(self.desk.engine) as tx:
            return rows.list_signings(self.desk, tx, uscc, limit, before)

    def pending(self, signing: Signing) -> PendingConsent | None:
        """Answer what waits on the wallet, while somebody is asked."""
        with reading(self.desk.engine) as tx:
            return rows.load_pending(tx, signing)

    def open(self, uscc: str, name: str, number: int, *, original: bool = False) -> tuple[SigningDocument, BinaryIO]:
        """Open a document: as far as it is sealed, or as it was uploaded."""
        document = self.get(uscc, name).document(number)
        return document, self.desk.shelf.open(document.original if original else document.current)

    def uses(self, uscc: str, name: str) -> tuple[SealUse, ...]:
        """Answer the record of seal uses of one signing."""
        self.get(uscc, name)
        with reading(self.desk.engine) as tx:
            return rows.load_entries(tx, name)

    def _look(self, signing: Signing, key: ActKey) -> SealLook:
        return find_look(self.seals, signing.order.asked.signers[key.signer - 1], key.kind)


def _require_open(signing: Signing) -> None:
    if signing.state not in ("draft", "planned"):
        raise SigningStateError(f"the signing is {signing.state}")


def _by_act(signing: Signing, placings: Sequence[Placing]) -> dict[tuple[ActKey, int], Placing]:
    """Sort placings by act and document; every act and every document must have one, and no pair two."""
    keys, found = [act.key for act in signing.acts], dict[tuple[ActKey, int], Placing]()
    for placing in placings:
        if placing.signer > len(signing.order.names):
            raise SigningOrderError(f"没有第 {placing.signer} 位签署人")
        if placing.document > len(signing.documents):
            raise SigningOrderError(f"没有第 {placing.document} 份文件")
        own = [key for key in keys if key.signer == placing.signer]
        chosen = [key for key in own if key.kind == SealKind(placing.seal or own[0].kind)]
        if not chosen:
            raise SigningOrderError(f"第 {placing.signer} 位签署人没有申明使用 {placing.seal}")
        if (chosen[0], placing.document) in found:
            raise SigningOrderError(f"第 {placing.signer} 位签署人的同一枚印章在第 {placing.document} 份文件上写了两次")
        found[chosen[0], placing.document] = placing
    if idle := [key for key in keys if not any(one == key for one, _ in found)]:
        title = _TITLES[idle[0].kind.value]
        raise SigningOrderError(f"第 {idle[0].signer} 位签署人的{title}没有用在任何文件上")
    bare = {document.number for document in signing.documents} - {number for _, number in found}
    if bare:
        raise SigningOrderError(f"第 {min(bare)} 份文件没有任何签章")
    return found
