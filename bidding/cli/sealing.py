"""One act of sealing on files from one's own machine: what `yizhao seal` does."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from bidding.cli.seal_plans import on_pages_of
from bidding.web.errors import knows, words_of
from bidding.workbench.seal_batch import MOST_FILES, Batch, FileToSeal, SealBatch, SealFormat, SealOrder, SealProfile
from bidding.workbench.seal_standing import SealPorts, ask_standing
from bidding.workbench.trace_attempts import Attempt, LocalUses
from bidding.workbench.trace_local import LocalTrace
from identity.actor import AnyActor
from identity.errors import ConsentExpiredError
from sealing.ofd_sealing import plan_for_ofd, survey_ofd
from sealing.pages import inspect_pdf
from sealing.placement import Stamp
from sealing.planning import Parity, SealPlan, StampPlan
from sealing.planning_pdf import plan_for_pdf
from sealing.seal import SealKind, read_artwork

Pair = tuple[Path, Path]
"""Input and output of one file."""
Sleep = Callable[[float], None]
_ZIP: Final = b"PK\x03\x04"


@dataclass(frozen=True)
class Planned:
    """One file, and where the seal goes."""

    source: Path
    target: Path
    format: SealFormat
    pages: int
    stamps: tuple[Stamp, ...]


@dataclass(frozen=True)
class LocalSealing:
    """One acting person with one kind of seal."""

    ports: SealPorts
    actor: AnyActor
    kind: SealKind
    profile: SealProfile = "ses"
    close: bool = False
    parity: Parity = "all"
    trace: LocalTrace | None = None

    @property
    def uses(self) -> LocalUses:
        """What is entered of all this (用章记录)."""
        return LocalUses(self.ports, self.actor, self.kind, self.profile, self.trace)

    def run(self, source: Path, target: Path, *, page: int, x_mm: float, y_mm: float, sleep: Sleep) -> None:
        """Put one impression with its middle at a point; as `apply`, and FieldError outside the page."""
        count, (width, height) = inspect_pdf(source).count, self._size_mm()
        number = page if page > 0 else count + 1 + page
        stamp = Stamp(number, x_mm - width / 2, y_mm - height / 2, width, height)
        self._seal([Planned(source, target, "pdf", count, (stamp,))], sleep)

    def apply(self, source: Path, target: Path, plans: Sequence[SealPlan], *, sleep: Sleep) -> None:
        """Plan, rehearse, ask on the wallet, wait, sign, stamp; `target` appears whole or not at all.

        The source is only read. Errors of `sealing.planning_pdf.plan_for_pdf` or `plan_for_ofd`, `SealBatch.ask` and
        `SealBatch.finish`.
        """
        self.apply_all([(source, target)], plans, sleep=sleep)

    def apply_all(self, pairs: Sequence[Pair], plans: Sequence[SealPlan], *, sleep: Sleep) -> None:
        """Seal many files, up to MOST_FILES under each confirmation, which lists them; all of these or none.

        Nobody is asked before all files are planned: what is wrong with each of several is told, and click's Exit
        raised. Else as `apply`; a `trace` that cannot be gone on with is refused before anything else.
        """
        self.uses.require_sound()
        planned = self._plan_all(pairs, plans)
        groups = [planned[at : at + MOST_FILES] for at in range(0, len(planned), MOST_FILES)]
        if len(groups) > 1:
            click.echo(f"共 {len(planned)} 个文件，每次确认最多 {MOST_FILES} 个，需要确认 {len(groups)} 次。")
        for number, group in enumerate(groups):
            try:
                self._seal(group, sleep)
            except BaseException:
                if number:
                    click.echo(f"前 {number} 次确认的 {number * MOST_FILES} 个文件已盖章，其余未盖。", err=True)
                raise

    def _plan_all(self, pairs: Sequence[Pair], plans: Sequence[SealPlan]) -> list[Planned]:
        planned, refused = list[Planned](), 0
        try:
            size = self._size_mm()
        except Exception as error:
            self.uses.fail([source for source, _ in pairs], error)
            raise
        for source, target in pairs:
            try:
                planned.append(self._plan(source, target, plans, size))
            except Exception as error:
                self.uses.fail([source], error)
                if len(pairs) == 1 or not knows(error):
                    raise
                refused += 1
                words = words_of(error)
                click.secho(f"{source.name}：{words.text}（{words.code}）{error}", fg="red", err=True)
        if refused:
            click.echo(f"{refused} 个文件不能盖章，没有请求任何人确认，文件均未改动。", err=True)
            raise click.exceptions.Exit(1)
        return planned

    def _plan(self, source: Path, target: Path, plans: Sequence[SealPlan], size: tuple[float, float]) -> Planned:
        form = format_of(source)
        self._require_possible(form)
        count = len(survey_ofd(source).views) if form == "ofd" else inspect_pdf(source).count
        plan = plan_for_ofd if form == "ofd" else plan_for_pdf
        found: StampPlan = plan(source, on_pages_of(plans, count, self.parity), size)
        for warning in found.warnings:
            click.echo(f"注意，{source.name}：{warning.text}")
        return Planned(source, target, form, count, found.stamps)

    def _require_possible(self, form: SealFormat) -> None:
        if form == "ofd" and self.profile != "ses":
            raise click.BadParameter("OFD 的签章格式只有 ses。", param_hint="--profile")
        if form == "pdf" and self.close:
            raise click.BadParameter("只有 OFD 能在盖章时封闭。", param_hint="--close")

    def _size_mm(self) -> tuple[float, float]:
        """Answer the real size of the seal that may be used now."""
        return read_artwork(ask_standing(self.ports, self.actor, "seal", self.kind).seal).size_mm

    def _seal(self, planned: Sequence[Planned], sleep: Sleep) -> None:
        planned[0].target.parent.mkdir(parents=True, exist_ok=True)
        with (
            TemporaryDirectory(dir=planned[0].target.parent, prefix=".yizhao-seal-") as folder,
            self.uses.attempt([one.source for one in planned]) as attempt,
        ):
            files = list(self._files(planned, Path(folder)))
            batches = SealBatch(self.ports)
            batch = attempt.keep(self._ask(batches, files))
            click.echo(f"请在执照钱包确认：{batch.consent.url}")
            self.ports.party(batch.actor).wait(batch.consent, sleep)
            done = _finish(batches, attempt, batch)
            _require_free(planned)
            attempt.seal(done, [file.target for file in files])
            for file, one in zip(files, planned, strict=True):
                file.target.replace(one.target)

    def _ask(self, batches: SealBatch, files: Sequence[FileToSeal]) -> Batch:
        """Ask for all files at once; when one of several does not pass the rehearsal, name it."""
        several = len(files) > 1
        try:
            batch = batches.ask(SealOrder(self.actor, self.kind, files, profile=self.profile))
        except Exception as error:
            for name in getattr(error, "__notes__", ()) if several else ():
                click.echo(f"{name} 不能盖章，没有请求任何人确认，文件均未改动。", err=True)
            raise
        if several:
            click.echo(f"这次确认列出 {len(files)} 个文件")
        return batch

    def _files(self, planned: Sequence[Planned], folder: Path) -> Iterator[FileToSeal]:
        for number, one in enumerate(planned):
            yield FileToSeal(
                name=one.source.name,
                pages=one.pages,
                source=one.source,
                target=folder / f"{number}.{one.format}",
                field=f"seal-{self.kind}-{self.ports.random(4).hex()}",
                format=one.format,
                stamps=one.stamps,
                close=self.close,
            )


def _finish(batches: SealBatch, attempt: Attempt, batch: Batch) -> Batch:
    """Go step by step, so that what was signed already is known if the next step fails."""
    found = attempt.keep(batches.poll(batch))
    if found.signed is None:
        raise ConsentExpiredError(batch.record.nonce)
    while found.state == "confirmed":
        found = attempt.keep(batches.sign(found))
    found = attempt.keep(batches.stamp(found))
    batches.complete(found)
    return found


def _require_free(planned: Sequence[Planned]) -> None:
    for one in planned:
        if one.target.exists():
            raise click.ClickException(f"{one.target} 在等待确认期间出现了，没有覆盖；请换一个位置重新盖章。")


def format_of(path: Path) -> SealFormat:
    """Tell an OFD package from everything else, which is read as a PDF, by its name or its first bytes."""
    if path.suffix.lower() == ".ofd":
        return "ofd"
    with path.open("rb") as stream:
        return "ofd" if stream.read(len(_ZIP)) == _ZIP else "pdf"
