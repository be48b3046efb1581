"""One act of sealing on one PDF from one's own machine: what `yizhao seal` does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bidding.workbench.seal_batch import FileToSeal, SealBatch, SealOrder
from bidding.workbench.seal_standing import SealPorts, ask_standing
from identity.actor import Actor
from identity.errors import ConsentExpiredError
from sealing.keywords import find_keywords
from sealing.pages import inspect_pdf, survey_pdf
from sealing.pdf import Act, prepare_acts
from sealing.pdf_rehearsal import rehearse_seal
from sealing.placement import Stamp
from sealing.planning import SealPlan, keyword_texts, plan_stamps
from sealing.seal import SIZES_MM, SealKind
from signing.pades_files import copy_file


@dataclass(frozen=True)
class LocalSealing:
    """One acting person with one kind of seal."""

    ports: SealPorts
    actor: Actor
    kind: SealKind

    def run(
        self, source: Path, target: Path, *, page: int, x_mm: float, y_mm: float, sleep: Callable[[float], None]
    ) -> None:
        """Put one impression with its middle at a point; as `apply`, and FieldError outside the page."""
        count = inspect_pdf(source).count
        width, height = SIZES_MM[self.kind]
        number = page if page > 0 else count + 1 + page
        self._seal(source, target, [Stamp(number, x_mm - width / 2, y_mm - height / 2, width, height)], sleep)

    def apply(self, source: Path, target: Path, plans: Sequence[SealPlan], *, sleep: Callable[[float], None]) -> None:
        """Plan, rehearse, ask on the wallet, wait, sign, stamp; `target` appears whole or not at all.

        The source is only read. Errors of `sealing.pages.survey_pdf`, `sealing.planning.plan_stamps`,
        `sealing.pdf_rehearsal.rehearse_seal`, `SealBatch.ask` and `SealBatch.finish`.
        """
        survey = survey_pdf(source)
        found = find_keywords(source, keyword_texts(plans), survey.views)
        width, height = SIZES_MM[self.kind]
        planned = plan_stamps(plans, survey.views, (width, height), keywords=found, taken=survey.taken)
        for warning in planned.warnings:
            click.echo(f"注意：{warning.text}")
        self._seal(source, target, planned.stamps, sleep)

    def _seal(self, source: Path, target: Path, stamps: Sequence[Stamp], sleep: Callable[[float], None]) -> None:
        count = inspect_pdf(source).count
        field = f"seal-{self.kind}-{self.ports.random(4).hex()}"
        with TemporaryDirectory(dir=target.parent, prefix=".yizhao-seal-") as folder:
            draft, sealed = Path(folder) / "draft.pdf", Path(folder) / "sealed.pdf"
            copy_file(source, draft)
            prepare_acts(draft, {field: stamps})
            standing = ask_standing(self.ports, self.actor, "seal", self.kind)
            act = Act(field, standing.seal, standing.certificate, self.ports.now())
            rehearse_seal(draft, act, self.ports.random, folder=Path(folder))
            batches = SealBatch(self.ports)
            batch = batches.ask(
                SealOrder(self.actor, self.kind, [FileToSeal(source.name, count, draft, sealed, field)])
            )
            click.echo(f"请在执照钱包确认：{batch.consent.url}")
            self.ports.party(batch.actor).wait(batch.consent, sleep)
            if batches.finish(batch) is None:
                raise ConsentExpiredError(batch.record.nonce)
            sealed.replace(target)
