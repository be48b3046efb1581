"""What a plan of seals is asked to do (用章任务): files, the seals wanted on each, and the places prepared for them."""

from dataclasses import dataclass
from pathlib import Path

from bidding.errors import SealPlanError, TooManyToSealError
from bidding.workbench.seal_batch import MOST_FILES
from bidding.workbench.seal_rows import ORDER
from identity.actor import Actor
from sealing.pdf import prepare_acts, prepare_fields
from sealing.placement import SealField, Stamp
from sealing.seal import SealKind


@dataclass(frozen=True)
class WantedSeal:
    """One seal on one file: the legal representative's or the unit's, and where.

    With `stamps` these are all impressions of the act (several places, 骑缝), and of `field` only the name counts.
    """

    kind: SealKind
    field: SealField
    stamps: tuple[Stamp, ...] = ()


@dataclass(frozen=True)
class TaskFile:
    """One unsealed PDF. `spare` are further fields to prepare now, for parties that seal later.

    With `fields_ready` the PDF has its signature fields already, under the names of `seals`.
    """

    name: str
    pages: int
    path: Path
    seals: tuple[WantedSeal, ...]
    spare: tuple[SealField, ...] = ()
    fields_ready: bool = False

    @property
    def wants(self) -> dict[str, str]:
        """Answer kind of seal → name of its field."""
        return {seal.kind.value: seal.field.name for seal in self.seals}


@dataclass(frozen=True)
class SealTask:
    """What is to be sealed; `plan` is a new random id (32 hex digits) that the caller keeps before it calls."""

    plan: str
    uscc: str
    section: str
    params_sm3: str
    files: tuple[TaskFile, ...]


def prepare_places(copy: Path, file: TaskFile) -> None:
    """Add to a working copy the fields and impressions of all acts at once, unless it has its fields already.

    Raises what `sealing.pdf.prepare_fields` and `prepare_acts` raise.
    """
    if file.fields_ready:
        return
    fields = [*(seal.field for seal in file.seals), *file.spare]
    if not any(seal.stamps for seal in file.seals):
        prepare_fields(copy, fields)
        return
    planned = {seal.field.name: seal.stamps for seal in file.seals}
    prepare_acts(copy, {one.name: planned.get(one.name) or (_stamp(one, file.pages),) for one in fields})


def _stamp(field: SealField, pages: int) -> Stamp:
    page = field.page if field.page > 0 else pages + 1 + field.page
    return Stamp(page, field.x_mm, field.y_mm, field.w_mm, field.h_mm)


def require_sound(task: SealTask, actor: Actor) -> None:
    """Raise SealPlanError or TooManyToSealError for a task that nobody could carry out."""
    if len(task.files) > MOST_FILES:
        raise TooManyToSealError(f"one confirmation takes {MOST_FILES} files, not {len(task.files)}")
    wrong = {
        "no file": not task.files,
        "a file without a seal": any(not file.seals for file in task.files),
        "a seal of another kind": any(seal.kind not in ORDER for file in task.files for seal in file.seals),
        "one seal twice on a file": any(len({s.kind for s in file.seals}) != len(file.seals) for file in task.files),
        "the acting person is of another unit": str(actor.uscc) != task.uscc,
    }
    for what, is_so in wrong.items():
        if is_so:
            raise SealPlanError(what)
