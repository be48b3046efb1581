"""Signing, act by act (逐人签署): ask a person for one seal on all its documents, seal, go on with the next.

A signing goes draft → planned → (ready →) awaiting-consent → sealing → ready → … → completed, or ends refused,
expired or cancelled. Every step is kept before the next begins, so that it goes on after a restart; a service that
does not answer leaves it where it stands. What was uploaded is never touched. A consent that lapsed, or an attempt
that failed, leaves it `ready`: the same person can be asked again while the signing lives.
"""

import logging
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from msgspec.structs import replace as replace_struct
from sqlalchemy import select, update

from bidding.errors import BiddingError, SigningStateError
from bidding.signings import attempts, looking, rows
from bidding.signings.attempts import End
from bidding.signings.outbox import Outbox
from bidding.signings.parties import find_party
from bidding.signings.rows import Made, Signing, SigningAct
from bidding.workbench import seal_rows
from bidding.workbench.desk import Desk
from bidding.workbench.seal_batch import Batch, FileToSeal, SealBatch, SealOrder, file_sm3
from bidding.workbench.seal_rows import RunningBatch
from identity.actor import AnyActor
from identity.errors import (
    ConsentExpiredError,
    ConsentRefusedError,
    IdentityError,
    LicencePlatformUnavailableError,
    TooManyPendingError,
    code_of,
)
from sealing.errors import ConsentWindowError, SealingError, SealRegistryUnavailableError
from sealing.placement import Stamp
from signing.errors import SigningError, TimestampError, UnavailableError
from storage.database import reading, writing
from storage.errors import StorageError
from storage.models import sealing as seal_tables
from storage.models import signings as tables

LATER: Final = (
    UnavailableError,
    TimestampError,
    LicencePlatformUnavailableError,
    SealRegistryUnavailableError,
    TooManyPendingError,
)
"""Errors that say nothing about the signing: it stays where it is."""
_ENDS: Final = (IdentityError, SealingError, SigningError, BiddingError)
_LEASE_SECONDS: Final = 600
_EXPIRED: Final = frozenset({"consent_expired", "consent_window"})


@dataclass(frozen=True)
class SigningFlow:
    """Carries signings on; holds nothing of them. `judge` answers what the verifier says of a sealed file."""

    desk: Desk
    batch: SealBatch
    outbox: Outbox
    judge: Callable[[Path], str]

    def ask(self, name: str, address: str = "", *, version: int = 0) -> None:
        """Ask the person whose turn it is. SigningStateError unless the signing is planned or ready, and of `version`.

        Raises what `sealing.pdf.prepare_acts`, `find_party` and `SealBatch.ask` raise; then nobody was asked.
        """
        with self.desk.lease(tables.signings, name, _LEASE_SECONDS) as mine:
            if not mine:
                raise SigningStateError("another request works on it")
            signing = self._load(name)
            if self._overdue(signing):
                self._end(signing, "expired", "signing_expired", address)
                raise SigningStateError("the signing has expired")
            rows.require_version(signing, version)
            if signing.state not in ("planned", "ready"):
                raise SigningStateError(f"the signing is {signing.state}")
            if signing.state == "planned":
                self._prepare(signing)
                signing = self._load(name)
            self._ask(signing, address)

    def advance(self, name: str, address: str = "") -> None:
        """Do all that can be done now; while another call works on it, nothing. The errors of `LATER`: call again."""
        with self.desk.lease(tables.signings, name, _LEASE_SECONDS) as mine:
            while mine and self._step(name, address):
                pass

    def cancel(self, name: str, address: str = "") -> None:
        """End a signing that is not over; seals that are on stay on. SigningStateError."""
        with self.desk.lease(tables.signings, name, _LEASE_SECONDS) as mine:
            signing = self._load(name)
            if not mine or signing.ended:
                raise SigningStateError("another request works on it" if not mine else f"it is {signing.state}")
            running = self._running(signing)
            if running is not None and running.batch.state != "awaiting-consent":
                raise SigningStateError("the person has agreed, and the seals are being applied")
            self._end(signing, "cancelled", "cancelled", address)

    def due(self) -> list[str]:
        """Answer the signings at which something may have to be done."""
        table = tables.signings
        waiting = table.c.state.in_(("awaiting-consent", "sealing"))
        over = table.c.state.not_in(tables.ENDED) & (table.c.expires_at < self.desk.now())
        with reading(self.desk.engine) as tx:
            return list(tx.execute(select(table.c.id).where(waiting | over)).scalars())

    def tick(self) -> None:
        """Carry on whatever waits; a fault of one signing holds up no other."""
        for name in self.due():
            try:
                self.advance(name)
            except (*_ENDS, StorageError):
                continue
            except Exception:  # a full disk, a damaged row: it stays due, and the others go on
                logging.getLogger("yizhao.signings").exception("a signing could not be carried on")

    # -- preparing and asking

    def _prepare(self, signing: Signing) -> None:
        """Make the field of every act in a copy of every PDF, before the first seal: none breaks another."""
        made = list[Made]()
        try:
            with self.desk.shelf.folder() as folder:
                for document in signing.documents:
                    path = self.desk.shelf.copy(document.original, folder / f"{document.number}")
                    if document.facts.format == "pdf":
                        looking.prepare(path, _fields(signing, document.number))
                    made.append(self._keep_file(document.number, path))
            with writing(self.desk.engine) as tx:
                rows.require_unchanged(tx, signing)
                for one in made:
                    rows.set_current(tx, signing.id, one)
                rows.set_state(tx, signing.id, "ready")
        except BaseException:
            self._discard(one.content for one in made)
            raise

    def _ask(self, signing: Signing, address: str) -> None:
        act = signing.next
        if act is None:
            raise SigningStateError("nothing is left to seal")
        actor = find_party(self.desk.ports.register, signing.signer(act), act.key.kind)
        plan = attempts.plan_of(signing, act, self.desk.new_id(), actor)
        try:
            batch, objects = self._ask_batch(signing, act, actor)
        except LATER:
            raise
        except _ENDS as error:
            end = End("failed", _code(error), address, self.desk.now())
            with writing(self.desk.engine) as tx:
                attempts.fail(self.desk, tx, signing, plan, end)
            raise
        running = RunningBatch(self.desk.new_id(), batch, tuple(file.position for file in plan.files), objects)
        with writing(self.desk.engine) as tx:
            attempts.begin(self.desk, tx, signing, plan, running=running, address=address)

    def _ask_batch(self, signing: Signing, act: SigningAct, actor: AnyActor) -> tuple[Batch, tuple[str, ...]]:
        with self.desk.shelf.folder() as folder:
            files = [
                FileToSeal(
                    name=document.facts.name,
                    pages=document.facts.pages,
                    source=self.desk.shelf.copy(document.current, folder / f"{document.number}"),
                    target=folder / f"{document.number}.sealed",
                    field=act.key.field if document.facts.format == "pdf" else "",
                    format=document.facts.format,
                    stamps=_stamps(act, document.number) if document.facts.format == "ofd" else (),
                )
                for document in signing.documents_of(act)
            ]
            batch = self.batch.ask(SealOrder(actor, act.key.kind, files, profile=signing.order.asked.profile))
            return batch, tuple(self.desk.shelf.put_file(file.target) for file in files)

    # -- going on

    def _step(self, name: str, address: str) -> bool:
        """Do the one next thing and keep it; False when there is nothing to do now."""
        signing = self._load(name)
        running = self._running(signing)
        waiting = running is None or running.batch.state == "awaiting-consent"
        if self._overdue(signing) and waiting:
            self._end(signing, "expired", "signing_expired", address)
            return False
        if running is None:
            return False
        try:
            return self._go_on(signing, running, address)
        except LATER as error:
            if self.desk.now() > running.batch.record.not_after:
                self._lapse(signing, running, End("expired", _code(error), address, self.desk.now()))
                return False
            if signing.code != _code(error):
                with writing(self.desk.engine) as tx:
                    rows.set_state(tx, name, signing.state, _code(error))
            raise
        except ConsentRefusedError as error:
            self._end(signing, "refused", _code(error), address)
        except _ENDS as error:
            code = _code(error)
            late = code in _EXPIRED or isinstance(error, (ConsentExpiredError, ConsentWindowError))
            end = End("expired" if late else "failed", code, address, self.desk.now())
            self._lapse(signing, running, end)
        return False

    def _go_on(self, signing: Signing, running: RunningBatch, address: str) -> bool:
        match running.batch.state:
            case "awaiting-consent":
                if self._keep(signing, running, self.batch.poll):
                    return True
                if self.desk.now() > running.batch.record.not_after:
                    raise ConsentExpiredError(running.batch.record.nonce)
                return False
            case "confirmed":
                return self._keep(signing, running, self.batch.sign)
            case "signed":
                return self._keep(signing, running, self.batch.stamp)
            case "stamped":
                return self._complete(signing, running, address)

    def _keep(self, signing: Signing, running: RunningBatch, step: Callable[[Batch], Batch]) -> bool:
        """Carry the batch one step on; False when it stays as it was."""
        batch = step(running.batch)
        if batch == running.batch:
            return False
        with writing(self.desk.engine) as tx:
            seal_rows.update_batch(tx, replace(running, batch=batch))
            if signing.state != "sealing":
                rows.set_state(tx, signing.id, "sealing")
        return True

    def _complete(self, signing: Signing, running: RunningBatch, address: str) -> bool:
        """Fill in the signatures, keep the sealed documents, enter each use, and tell; then ask the same signer on."""
        act, numbers = attempts.asked_act(signing), [position + 1 for position in running.positions]
        last, verdicts = sum(one.state != "sealed" for one in signing.acts) == 1, dict[int, str]()
        with self.desk.shelf.folder() as folder:
            paths = dict(zip(numbers, self.batch.complete(self._place(running, folder)), strict=True))
            made = {number: self._keep_file(number, path) for number, path in paths.items()}
            if last:
                verdicts = self._judge(signing, paths, folder)
        now = self.desk.now()
        with writing(self.desk.engine) as tx:
            attempts.complete(self.desk, tx, signing, running, End("sealed", "", address, now), made=made)
            for number, verdict in verdicts.items():
                rows.set_verdict(tx, signing.id, number, verdict)
            rows.set_state(tx, signing.id, "completed" if last else "ready", ended_at=now if last else None)
            after = rows.load_signing(self.desk, tx, signing.id)
            self.outbox.tell_sealed(tx, after, act)
            if last:
                self.outbox.tell_ended(tx, after)
        self._discard((*(signing.document(number).current for number in made), *running.objects))
        if after.next is not None and after.next.key.signer == act.key.signer:
            self._ask_on(after, address)
        return False

    def _ask_on(self, signing: Signing, address: str) -> None:
        """Ask the signer who is there for the next seal; what keeps us from it stands in `code`."""
        try:
            self._ask(signing, address)
        except LATER as error:
            with writing(self.desk.engine) as tx:
                rows.set_state(tx, signing.id, "ready", _code(error))
        except _ENDS:
            return  # entered already

    def _judge(self, signing: Signing, sealed: dict[int, Path], folder: Path) -> dict[int, str]:
        """Ask the verifier about every document, as it will be fetched."""
        verdicts = dict[int, str]()
        for document in signing.documents:
            path = sealed.get(document.number)
            verdicts[document.number] = self.judge(
                path or self.desk.shelf.copy(document.current, folder / f"{document.number}.final")
            )
        return verdicts

    # -- ending

    def _lapse(self, signing: Signing, running: RunningBatch, end: End) -> None:
        """End an attempt; the signing stays, and the person can be asked again."""
        with writing(self.desk.engine) as tx:
            attempts.close(self.desk, tx, signing, running, end)
            rows.set_state(tx, signing.id, "ready", end.code)
        self._discard(running.objects)

    def _end(self, signing: Signing, state: str, code: str, address: str) -> None:
        """End the signing, and the attempt that runs."""
        running, now = self._running(signing), self.desk.now()
        with writing(self.desk.engine) as tx:
            if running is not None:
                outcome = "refused" if state == "cancelled" else state
                attempts.close(self.desk, tx, signing, running, End(outcome, code, address, now))
            rows.set_state(tx, signing.id, state, code, ended_at=now)
            self.outbox.tell_ended(tx, rows.load_signing(self.desk, tx, signing.id))
        self._discard(running.objects if running is not None else ())

    # -- helpers

    def _keep_file(self, number: int, path: Path) -> Made:
        return Made(number, self.desk.shelf.put_file(path), file_sm3(path), path.stat().st_size)

    def _place(self, running: RunningBatch, folder: Path) -> Batch:
        paths = [
            self.desk.shelf.copy(name, folder / f"{position}.sealed")
            for position, name in zip(running.positions, running.objects, strict=True)
        ]
        files = tuple(file.at(path) for file, path in zip(running.batch.files, paths, strict=True))
        return replace_struct(running.batch, files=files)

    def _load(self, name: str) -> Signing:
        with reading(self.desk.engine) as tx:
            return rows.load_signing(self.desk, tx, name)

    def _running(self, signing: Signing) -> RunningBatch | None:
        with reading(self.desk.engine) as tx:
            return attempts.load_running(tx, signing)

    def _overdue(self, signing: Signing) -> bool:
        return not signing.ended and self.desk.now() > signing.expires_at

    def _discard(self, names: Iterable[str]) -> None:
        for name in names:
            with suppress(StorageError, OSError):
                self.desk.shelf.discard(name)

    def sweep(self) -> None:
        """Free what a process that is gone held; forget plain files and contents that no row names. Run at start."""
        shutil.rmtree(self.desk.shelf.work, ignore_errors=True)
        if self.desk.engine.dialect.name == "sqlite":
            with writing(self.desk.engine) as tx:
                tx.execute(update(tables.signings).values(leased_until=None))
        documents, files = tables.signing_documents, seal_tables.seal_batch_files
        with reading(self.desk.engine) as tx:
            columns = (documents.c.original, documents.c.current, files.c.object)
            named = {name for column in columns for name in tx.execute(select(column)).scalars()}
        root = self.desk.shelf.intake.root
        stray = [path for folder in ("uploads", "bids") for path in (root / folder).rglob("*") if path.is_file()]
        self._discard(path.name for path in stray if path.name not in named)


def _stamps(act: SigningAct, number: int) -> tuple[Stamp, ...]:
    found = act.on(number)
    return found.stamps if found is not None else ()


def _fields(signing: Signing, number: int) -> dict[str, tuple[Stamp, ...]]:
    return {act.key.field: stamps for act in signing.acts if (stamps := _stamps(act, number))}


def _code(error: Exception) -> str:
    """Answer the stable code of an error: the platform's own where it gave one."""
    given = getattr(error, "code", "")
    return str(given)[:64] if given else code_of(type(error))  # type: ignore[arg-type]
