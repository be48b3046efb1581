"""Hosting an opening (主持开标): the centre's seal on the opening record, by consent of the staff person who hosts.

The host's seal is the first on the record. The version that was read is the version that is sealed: `Records.add`
refuses the result when another came in between.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

from msgspec import Struct
from sqlalchemy import select

from bidding.centre.house import Arrival, Journalled, Trust
from bidding.centre.pending import Pending
from bidding.centre.publishing import audience
from bidding.centre.record import field_of
from bidding.centre.record_seals import enter_use, told_by, use_of, use_tried
from bidding.centre.service import Centre
from bidding.documents.intake import take_in
from bidding.documents.pictures import render_page
from bidding.errors import BiddingError, NoSuchReceiptError
from bidding.workbench.acting import ActingPorts, PendingConsent
from bidding.workbench.seal_batch import Batch, FileToSeal, SealBatch, SealOrder
from bidding.workbench.seal_standing import SealPorts
from bidding.workbench.trace_rows import SealUse
from identity.actor import Actor
from identity.errors import IdentityError, LicencePlatformUnavailableError, TooManyPendingError
from identity.ports import Register, Wallet
from sealing.errors import SealingError, SealRegistryUnavailableError
from sealing.pdf import PreparedSeal
from sealing.ports import SealRegistry
from sealing.seal import SealKind
from signing.digests import sm3
from signing.errors import SigningError, TimestampError, UnavailableError
from signing.path import TrustAnchors
from signing.ports import KeyService, TimestampAuthority
from storage.database import reading
from storage.models import centre as tables

_LATER: Final = (
    UnavailableError,
    TimestampError,
    LicencePlatformUnavailableError,
    SealRegistryUnavailableError,
    TooManyPendingError,
)
"""Errors that say nothing about the seal: it stays where it is."""
PREVIEW_DPI: Final = 80


class PendingSeal(Struct, frozen=True, forbid_unknown_fields=True):
    """The host's seal on one version of the record, as far as it came; the prepared file lies beside it."""

    stage: int
    version: str
    batch: Batch

    @property
    def consent(self) -> PendingConsent:
        """What the person was asked."""
        return self.batch.consent

    @property
    def prepared(self) -> PreparedSeal:
        """The one file of the batch."""
        return self.batch.files[0].prepared


@dataclass(frozen=True)
class Attempt:
    """Somebody asked for names or number before the closing, and was refused."""

    at: datetime
    who: str


@dataclass(frozen=True)
class Hosting:
    """What the host does beside the centre's desks."""

    centre: Centre
    seals: SealBatch
    random: Callable[[int], bytes]
    pending: Pending[PendingSeal]

    @classmethod
    def of(  # noqa: PLR0917 - one argument for each port
        cls,
        centre: Centre,
        wallet: Wallet,
        keys: KeyService,
        tsa: TimestampAuthority,
        seals: SealRegistry,
        register: Register,
        random: Callable[[int], bytes],
    ) -> Self:
        """Put the service together; what waits lies beside the centre's scratch folder."""
        house = centre.house
        ports = SealPorts(
            acting=ActingPorts(wallet, keys, tsa, register),
            seals=seals,
            trust=lambda: _fresh(house.trust),
            clock=house.clock,
            random=random,
            audience=audience(house.name),
        )
        folder = centre.opening.scratch.parent / "record-seals"
        return cls(centre, SealBatch(ports), random, Pending(folder, PendingSeal, house.vault))

    def request(self, code: str, stage: int, actor: Actor, arrival: Arrival | None = None) -> PendingSeal:
        """Prepare the host's seal on the newest version and ask this person on the wallet; a new request replaces.

        NoRecordError, DocumentError, and what `SealBatch.ask` raises; a refusal is entered in the journal.
        """
        arrival = arrival or Arrival(self.centre.house.clock(), "")
        try:
            found = self._ask(code, stage, actor)
        except (BiddingError, IdentityError, SealingError, SigningError) as error:
            self._enter_tried(code, stage, actor, error, arrival)
            raise
        name = _name(code, stage)
        with self.pending.held(name) as before:
            if before is not None:
                self._enter(code, stage, use_of(before.batch, arrival, "refused", "replaced"), arrival)
            self._forget(name, before)
            self.pending.put(name, found)
        return found

    def _ask(self, code: str, stage: int, actor: Actor) -> PendingSeal:
        """Prepare, and ask on the wallet."""
        version, data = self.centre.records.get(code, stage)
        digest, folder = self.centre.sections.get(code).params_sm3, self.pending.folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with TemporaryDirectory(dir=folder) as work:
            source = Path(work) / "record.pdf"
            source.write_bytes(data)
            file = FileToSeal(
                name=_title(code, stage),
                pages=len(take_in(source).pages),
                source=source,
                target=folder / f"{self.random(16).hex()}.pdf",
                field=field_of(self.centre.house.uscc),
            )
            batch = self.seals.ask(SealOrder(actor, SealKind.UNIT, [file], code, digest, act="record"))
        return PendingSeal(stage, version.sm3, batch)

    def find(self, code: str, stage: int) -> PendingSeal | None:
        """Answer the seal that waits, if one does."""
        return self.pending.find(_name(code, stage))

    def advance(self, code: str, stage: int, arrival: Arrival) -> bool:
        """Do the next steps of the seal that waits; True when the host's seal is on the record.

        A refusal, an expiry or a record that moved ends the request; UnavailableError and TimestampError leave it
        where it stands. NoSuchReceiptError when nothing waits.
        """
        name = _name(code, stage)
        if self.centre.house.uscc in self.centre.records.signers(code, stage):
            return True
        with self.pending.held(name) as found:
            if found is None:
                raise NoSuchReceiptError("no seal waits for a consent")
            try:
                done = self._go_on(code, name, found, arrival)
            except _LATER:
                raise
            except (BiddingError, IdentityError, SealingError, SigningError) as error:
                ended = self.pending.find(name) or found
                self._enter(code, stage, use_of(ended.batch, arrival, *told_by(error)), arrival)
                self._forget(name, found)
                raise
            if done:
                self._forget(name, found)
            return done

    def attempts(self, code: str) -> tuple[Attempt, ...]:
        """Who asked for names or number of this section too early, the newest first."""
        house, table = self.centre.house, tables.journal
        query = select(table.c.at, table.c.subject, table.c.sealed).where(
            table.c.section == code, table.c.event == "sealed-asked"
        )
        with reading(house.engine) as tx:
            rows = tx.execute(query.order_by(table.c.seq.desc()).limit(20)).all()
        return tuple(
            Attempt(row.at, house.vault.open(f"journal/{row.subject}", row.sealed, Journalled).who) for row in rows
        )

    def picture(self, code: str, stage: int, page: int) -> bytes:
        """Draw one page (from 1) of the newest version of the record as PNG. NoRecordError, DocumentError."""
        _, data = self.centre.records.get(code, stage)
        with TemporaryDirectory(dir=self.centre.opening.scratch.parent) as work:
            path = Path(work) / "record.pdf"
            path.write_bytes(data)
            return render_page(path, page, dpi=PREVIEW_DPI)

    def _go_on(self, code: str, name: str, found: PendingSeal, arrival: Arrival) -> bool:
        """Keep every step before the next: the wallet and the key service are asked for each thing once."""
        batch = found.batch
        for step in (self.seals.poll, self.seals.sign, self.seals.stamp):
            batch = step(batch) if batch.state != "stamped" else batch
            if batch.signed is None:
                return False
            self.pending.put(name, PendingSeal(found.stage, found.version, batch))
        (path,) = self.seals.complete(batch)
        data = path.read_bytes()
        self.centre.records.add(code, found.stage, data, found.version, arrival)
        self._enter(code, found.stage, use_of(batch, arrival, "sealed", after_sm3=sm3(data).hex()), arrival)
        return True

    def _enter(self, code: str, stage: int, use: SealUse, arrival: Arrival) -> None:
        enter_use(self.centre.house, code, _name(code, stage), use, arrival)

    def _enter_tried(self, code: str, stage: int, actor: Actor, error: Exception, arrival: Arrival) -> None:
        """Enter an attempt that nobody was asked about; without a record there was nothing to seal."""
        with suppress(BiddingError):
            version, _ = self.centre.records.get(code, stage)
            use = use_tried(actor, code, (_title(code, stage), version.sm3), error, arrival)
            self._enter(code, stage, use, arrival)

    def _forget(self, name: str, found: PendingSeal | None) -> None:
        if found is not None:
            Path(found.prepared.path).unlink(missing_ok=True)
            self.pending.drop(name)


def _fresh(trust: Trust) -> TrustAnchors:
    """Answer the trust list with the revocation lists of now."""
    return replace(trust.anchors, crls=tuple(crl.der for crl in trust.evidence().crls))


def _name(code: str, stage: int) -> str:
    """Name what waits: letters' case must not meet in a file name."""
    return sm3(f"{code}/{stage}".encode()).hex()


def _title(code: str, stage: int) -> str:
    return f"开标记录 {code} 第 {stage} 阶段.pdf"
