"""Packing a draft on this workbench (封装), for bidders who do not do it on their own machine.

Whoever hosts this workbench has seen the plain bid: `WHO_CAN_READ` is shown before. After packing, the plaintext is
forgotten; key halves exist in memory only, and the recovery code is answered once and kept nowhere.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import insert, select, update

from bidding.bundle import parse_bundle
from bidding.errors import NoSuchConsentError
from bidding.workbench.acting import PendingConsent
from bidding.workbench.desk import Desk
from bidding.workbench.drafts import Draft, close_draft, load_draft, require_no_sealing, require_open
from bidding.workbench.exporting import Exporting
from bidding.workbench.packing import PackRequest, PreparedBundle, prepare_bundle
from bidding.workbench.packing_flow import complete_pack, request_pack
from bidding.workbench.recipients import DeviceKey, accept_device
from identity.actor import Actor
from identity.consent import ConsentRecord
from identity.errors import ConsentExpiredError, ConsentRefusedError
from signing import canonical
from signing.container import Entry
from signing.digests import read_chunks, sm3_of
from signing.errors import KeyServiceRefusedError
from storage.database import reading, writing
from storage.models import workbench as tables

WHO_CAN_READ: Final = (
    "谁能在何时读到您的标书：封装前，本工作台的运营方能读到投标文件的明文；封装后，明文和解密密钥即从本工作台删除，"
    "投标截止并由您授权解密之前，包括交易中心在内任何人都读不到。若不愿由本工作台经手明文，请下载后在自己的电脑上用"
    " yizhao bundle pack 封装。"
)


class KeptBundle(Struct, frozen=True, forbid_unknown_fields=True):
    """What completes a bundle later: a PreparedBundle without its recovery code."""

    draft: str
    entries: tuple[Entry, ...]
    attributes: bytes
    certificate: bytes
    manifest_sm3: str
    header_sm3: str
    size: int


@dataclass(frozen=True)
class Packing:
    """How a packing stands."""

    id: str
    draft: str
    state: str
    code: str
    url: str
    """Of the consent, while it waits."""
    expires_at: datetime
    record: ConsentRecord
    """What the wallet shows and the person agrees to."""
    strict: bool
    bundle_sm3: str
    size: int


@dataclass(frozen=True)
class DraftPacking:
    """Packs drafts into bundles."""

    desk: Desk
    exporting: Exporting

    def begin(self, actor: Actor, draft: str) -> tuple[Packing, str]:
        """Encrypt a complete draft and ask for the consent; answers the recovery code, this once.

        NotReadyError, IncompleteBidError, RecipientError, RehearsalError, and errors of `ActingParty.ask`.
        """
        loaded = self._loaded(actor, draft)
        party, name = self.desk.party(actor), self.desk.new_id()
        party.standing("pack")
        prepared = self._prepare(actor, loaded, name)
        try:
            pending = request_pack(party, prepared, section=loaded.params.section, params_sm3=loaded.params_sm3)
            self._insert(actor, name, draft, prepared, pending)
        except BaseException:
            prepared.draft.unlink(missing_ok=True)
            raise
        return self.get(actor, name), prepared.recovery_code

    def get(self, actor: Actor, packing: str) -> Packing:
        """Answer how a packing stands; NoSuchConsentError."""
        row = self._row(actor, packing)
        pending = self.desk.open(f"packings/{packing}", row["pending"], PendingConsent)
        return Packing(
            packing,
            row["draft"],
            row["state"],
            row["code"],
            pending.url,
            pending.expires_at,
            pending.record,
            row["strict"],
            row["bundle_sm3"],
            row["size"],
        )

    def of_draft(self, actor: Actor, draft: str) -> tuple[Packing, ...]:
        """Answer a draft's packings, newest first."""
        table = tables.packings
        query = select(table.c.id).where(table.c.draft == draft, table.c.uscc == str(actor.uscc))
        with reading(self.desk.engine) as tx:
            names = list(tx.execute(query.order_by(table.c.started_at.desc())).scalars())
        return tuple(self.get(actor, name) for name in names)

    def advance(self, actor: Actor, packing: str) -> Packing:
        """Look whether the person has confirmed; then sign, stamp and name the bundle, and forget the plaintext.

        A service that does not answer leaves all as it is. A refusal ends the packing; the draft stays as it was.
        """
        with self.desk.lease(tables.packings, packing) as mine:
            row = self._row(actor, packing)
            if mine and row["state"] == "awaiting-consent":
                self._advance(actor, row)
        return self.get(actor, packing)

    def _advance(self, actor: Actor, row: dict[str, Any]) -> None:
        packing = row["id"]
        if self.path(packing).exists():  # a crash came between the bundle and its row
            return self._finish(row)
        pending = self.desk.open(f"packings/{packing}", row["pending"], PendingConsent)
        prepared = self._prepared(canonical.decode(row["prepared"], KeptBundle))
        try:
            bundle = complete_pack(self.desk.party(actor), pending, prepared, self.path(packing))
        except (ConsentRefusedError, ConsentExpiredError) as error:
            self._fail(packing, "refused" if isinstance(error, ConsentRefusedError) else "expired", "", prepared)
        except KeyServiceRefusedError as error:
            self._fail(packing, "failed", error.code, prepared)
        else:
            if bundle is not None:
                self._finish(row)
        return None

    def path(self, packing: str) -> Path:
        """Where a finished bundle lies; it is ciphertext."""
        return self.desk.bundles / f"{packing}.ytb"

    def _loaded(self, actor: Actor, draft: str) -> Draft:
        with reading(self.desk.engine) as tx:
            loaded = load_draft(self.desk, tx, str(actor.uscc), draft)
            require_open(loaded)
            require_no_sealing(tx, draft)
        return loaded

    def _prepare(self, actor: Actor, draft: Draft, name: str) -> PreparedBundle:
        desk = self.desk
        desk.bundles.mkdir(parents=True, exist_ok=True, mode=0o700)
        with desk.shelf.folder() as folder:
            bid = self.exporting.write(draft, actor.company, folder)
            request = PackRequest(
                draft.params_bytes,
                draft.uscc,
                bid.stages(),
                self._devices(draft.uscc),
                desk.party(actor).certificate(),
            )
            target = desk.bundles / f"{name}.draft"
            return prepare_bundle(request, target, rehearser=desk.ports.wallet, random=desk.random, at=desk.now())

    def _devices(self, uscc: str) -> tuple[DeviceKey, ...]:
        anchors, at = self.desk.trust(), self.desk.now()
        return tuple(
            accept_device(device, uscc=uscc, anchors=anchors, evidence=anchors.evidence, at=at)
            for device in self.desk.ports.wallet.fetch_devices(uscc)
        )

    def _insert(self, actor: Actor, name: str, draft: str, prepared: PreparedBundle, pending: PendingConsent) -> None:
        kept = KeptBundle(
            str(prepared.draft),
            prepared.entries,
            prepared.attributes,
            prepared.certificate,
            prepared.manifest_sm3,
            prepared.header_sm3,
            prepared.size,
        )
        with writing(self.desk.engine) as tx:
            require_no_sealing(tx, draft)
            tx.execute(
                insert(tables.packings).values(
                    id=name,
                    draft=draft,
                    uscc=str(actor.uscc),
                    state="awaiting-consent",
                    code="",
                    pending=self.desk.seal(f"packings/{name}", pending),
                    prepared=canonical.encode(kept),
                    header=b"",
                    strict=True,
                    bundle_sm3="",
                    size=prepared.size,
                    started_at=self.desk.now(),
                )
            )

    @staticmethod
    def _prepared(kept: KeptBundle) -> PreparedBundle:
        return PreparedBundle(
            Path(kept.draft),
            kept.entries,
            kept.attributes,
            kept.certificate,
            kept.manifest_sm3,
            kept.header_sm3,
            kept.size,
            recovery_code="",
        )

    def _finish(self, row: dict[str, Any]) -> None:
        path = self.path(row["id"])
        size = path.stat().st_size
        with path.open("rb") as stream:
            parsed = parse_bundle(stream, size)
            stream.seek(0)
            digest = sm3_of(read_chunks(stream)).hex()
        table = tables.packings
        with writing(self.desk.engine) as tx:
            tx.execute(
                update(table)
                .where(table.c.id == row["id"])
                .values(
                    state="packed",
                    header=parsed.label.header,
                    strict=parsed.header.strict,
                    bundle_sm3=digest,
                    size=size,
                    ended_at=self.desk.now(),
                )
            )
            objects = close_draft(self.desk, tx, row["draft"], "packed")
        for name in objects:
            self.desk.shelf.discard(name)

    def _fail(self, packing: str, state: str, code: str, prepared: PreparedBundle) -> None:
        table = tables.packings
        with writing(self.desk.engine) as tx:
            change = update(table).where(table.c.id == packing, table.c.state == "awaiting-consent")
            tx.execute(change.values(state=state, code=code[:64], ended_at=self.desk.now()))
        prepared.draft.unlink(missing_ok=True)

    def _row(self, actor: Actor, packing: str) -> dict[str, Any]:
        table = tables.packings
        with reading(self.desk.engine) as tx:
            row = (
                tx.execute(select(table).where(table.c.id == packing, table.c.uscc == str(actor.uscc)))
                .mappings()
                .one_or_none()
            )
        if row is None:
            raise NoSuchConsentError(packing)
        return dict(row)
