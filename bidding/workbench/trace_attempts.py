"""What one's own machine enters of each act of sealing: uses, refusals and attempts that failed (trace.md 8)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from bidding.workbench.seal_batch import Batch, SealProfile, file_sm3
from bidding.workbench.seal_rows import Plan, RunningBatch, uses_of
from bidding.workbench.seal_standing import SealPorts
from bidding.workbench.trace_local import LocalTrace
from bidding.workbench.trace_rows import SealUse
from identity.actor import AnyActor
from identity.errors import ConsentExpiredError, ConsentRefusedError, code_of
from sealing.errors import ConsentWindowError
from sealing.seal import SealKind

_LATE: Final = frozenset({"consent_expired", "consent_window"})


@dataclass(frozen=True)
class LocalUses:
    """Enters what one person does with one kind of seal; without a trace nothing is kept."""

    ports: SealPorts
    actor: AnyActor
    kind: SealKind
    profile: SealProfile
    trace: LocalTrace | None = None

    def require_sound(self) -> None:
        """See that entries can be added, before anybody is asked. Errors of `LocalTrace.require_sound`."""
        if self.trace is not None:
            self.trace.require_sound()

    def fail(self, sources: Sequence[Path], error: BaseException) -> None:
        """Enter that it ended before anybody was asked."""
        if self.trace is not None:
            outcome, code = _told(error)
            plan = self._plan().id
            self.trace.append([self._tried(plan, at, path, outcome, code) for at, path in enumerate(sources)])

    @contextmanager
    def attempt(self, sources: Sequence[Path]) -> Iterator["Attempt"]:
        """Enter whatever ends the block, unless it was entered as sealed; the error goes on."""
        attempt = Attempt(self, sources)
        try:
            yield attempt
        except BaseException as error:
            attempt.fail(error)
            raise

    def of_batch(self, batch: Batch, error: BaseException | None = None) -> list[SealUse]:
        """Answer the entries of a batch: sealed, or ended by an error."""
        outcome, code = _told(error) if error is not None else ("sealed", "")
        running = RunningBatch("", batch, tuple(range(len(batch.files))), ())
        return uses_of(running, self._plan(), at=self.ports.now(), address="", code=code, outcome=outcome)

    def _plan(self) -> Plan:
        """Name an act that has no plan of a workbench."""
        whoever: Any = self.actor  # a plan of the workbench names units only
        return Plan(self.ports.random(16).hex(), whoever, "", "", "", "", (), frozenset())

    def _tried(self, plan: str, position: int, path: Path, outcome: str, code: str) -> SealUse:
        return SealUse(
            plan=plan,
            position=position,
            at=self.ports.now(),
            section="",
            file=path.name,
            kind=self.kind.value,
            seal="",
            outcome=outcome,
            code=code,
            person=self.actor.person,
            person_name=self.actor.person_name,
            authorisation=self.actor.authorisation,
            certificate="",
            before_sm3=file_sm3(path),
            document_sm3="",
            after_sm3="",
            consent=b"",
            token=b"",
            answers=b"[]",
            address="",
            profile=str(self.profile),
        )


@dataclass
class Attempt:
    """One act under one confirmation, as far as it came."""

    uses: LocalUses
    sources: Sequence[Path]
    batch: Batch | None = None
    is_entered: bool = field(default=False)

    def keep(self, batch: Batch) -> Batch:
        """Remember how far the batch came; answers it."""
        self.batch = batch
        return batch

    def seal(self, batch: Batch, sealed: Sequence[Path]) -> None:
        """Enter the uses, before the sealed files become anybody's: no use is without its entry."""
        if self.uses.trace is not None:
            found = zip(self.uses.of_batch(batch), sealed, strict=True)
            self.uses.trace.append([replace(use, after_sm3=file_sm3(path)) for use, path in found])
        self.is_entered = True

    def fail(self, error: BaseException) -> None:
        """Enter what ended the act, unless it is entered already."""
        if self.is_entered:
            return
        self.is_entered = True
        if self.batch is None:
            self.uses.fail(self.sources, error)
        elif self.uses.trace is not None:
            self.uses.trace.append(self.uses.of_batch(self.batch, error))


def _told(error: BaseException) -> tuple[str, str]:
    """Answer outcome and stable code: the platform's own where it gave one."""
    given = getattr(error, "code", "")
    code = str(given)[:64] if given else code_of(type(error))  # type: ignore[arg-type]
    if isinstance(error, ConsentRefusedError):
        return "refused", code
    if isinstance(error, KeyboardInterrupt):
        return "refused", "cancelled"
    late = code in _LATE or isinstance(error, (ConsentExpiredError, ConsentWindowError))
    return "expired" if late else "failed", code
