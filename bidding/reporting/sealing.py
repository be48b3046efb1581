"""Having a report sealed by the operating agency (核验机构): its own seal, with its own person's consent, timestamped.

The seal goes to the marked place on the first page. The answer is embedded in the report, so the seal covers it.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from bidding.documents.paper import Paper
from bidding.errors import SealPlanError
from bidding.workbench.acting import PendingConsent
from bidding.workbench.seal_batch import Batch, FileToSeal, SealOrder
from identity.actor import Actor
from identity.errors import ConsentExpiredError
from sealing.pdf import prepare_acts
from sealing.placement import Stamp
from sealing.seal import SealKind

FIELD = "seal-agency"


class Sealer(Protocol):
    """What makes and carries on a batch of seals: `bidding.workbench.seal_batch.SealBatch`."""

    def ask(self, order: SealOrder) -> Batch:
        """Prepare the seal and ask the person on the wallet."""

    def finish(self, batch: Batch) -> Batch | None:
        """Do all that is left; None while the person has not decided."""


def seal_report(
    paper: Paper,
    target: Path,
    sealer: Sealer,
    actor: Actor,
    *,
    name: str,
    tell: Callable[[PendingConsent], object],
    wait: Callable[[PendingConsent], object],
    kind: SealKind = SealKind.UNIT,
) -> Batch:
    """Seal a report at its marked place; `target` appears whole or not at all. Answers the batch that sealed it.

    `tell` learns where the person gives consent, `wait` blocks until the person has decided. SealPlanError for a report
    without a place, ConsentExpiredError, and the errors of `SealBatch.ask` and `SealBatch.finish`.
    """
    stamps = [Stamp(one.page, one.x_mm, one.y_mm, one.w_mm, one.h_mm) for one in paper.places if one.party == "agency"]
    if not stamps:
        raise SealPlanError("the report has no place for a seal: its details name no agency")
    with TemporaryDirectory(dir=target.parent, prefix=".yizhao-report-") as folder:
        draft, sealed = Path(folder) / "draft.pdf", Path(folder) / "sealed.pdf"
        draft.write_bytes(paper.pdf)
        prepare_acts(draft, {FIELD: stamps[:1]})
        batch = sealer.ask(SealOrder(actor, kind, [FileToSeal(name, paper.pages, draft, sealed, FIELD)]))
        tell(batch.consent)
        wait(batch.consent)
        done = sealer.finish(batch)
        if done is None:
            raise ConsentExpiredError(batch.record.nonce)
        sealed.replace(target)
        return done
