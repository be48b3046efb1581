"""The bidder's workbench (投标人工作台) as one value: its services, put together from what wiring gives."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from sqlalchemy import select, update

from bidding.workbench.afterwards import Afterwards
from bidding.workbench.assembling import Assembling
from bidding.workbench.desk import Desk
from bidding.workbench.draft_packing import DraftPacking
from bidding.workbench.draft_sealing import DraftSealing
from bidding.workbench.drafting import Drafting
from bidding.workbench.exporting import Exporting
from bidding.workbench.placing import Placing
from bidding.workbench.seal_batch import SealBatch
from bidding.workbench.seal_standing import SealPorts
from bidding.workbench.sealing_flow import SealingFlow
from bidding.workbench.sections import Sections
from bidding.workbench.submissions import Submissions
from bidding.workbench.submitting import CentreClient
from bidding.workbench.trace_service import SealTraces, TraceSigner
from sealing.ports import SealRegistry
from storage.database import reading, writing
from storage.models import sealing as seal_tables
from storage.models import workbench as tables


@dataclass(frozen=True)
class Workbench:
    """All services of one workbench."""

    desk: Desk
    sections: Sections
    drafting: Drafting
    assembling: Assembling
    sealing: DraftSealing
    exporting: Exporting
    packing: DraftPacking
    submissions: Submissions
    afterwards: Afterwards
    traces: SealTraces
    placing: Placing

    @classmethod
    def assemble(
        cls,
        desk: Desk,
        *,
        seals: SealRegistry,
        centres: Mapping[str, CentreClient],
        run: Callable[[Callable[[], None]], None],
        signer: TraceSigner | None = None,
    ) -> Self:
        """Put the services together; `centres` are by address, `run` gives a long upload to a job.

        `signer` is the workbench's own service key: without one its trace of seal uses cannot be exported.
        """
        sections = Sections(desk, centres)
        exporting = Exporting(desk, sections)
        submissions = Submissions(desk, sections, run)
        placing = Placing(desk, seals)
        ports = SealPorts(desk.ports, seals, desk.trust, desk.clock, desk.random, desk.audience)
        return cls(
            desk=desk,
            sections=sections,
            drafting=Drafting(desk),
            assembling=Assembling(desk),
            sealing=DraftSealing(desk, SealingFlow(desk.engine, desk.shelf, SealBatch(ports)), placing),
            exporting=exporting,
            packing=DraftPacking(desk, exporting),
            submissions=submissions,
            afterwards=Afterwards(desk, sections, submissions),
            traces=SealTraces(desk.engine, desk.ports.tsa, desk.now, signer, desk.sandbox),
            placing=placing,
        )

    def sweep(self) -> int:
        """Forget contents that no row names, and plain files: what a crash left. Run before requests are taken."""
        shutil.rmtree(self.desk.shelf.work, ignore_errors=True)
        self._free_leases()
        root, named = self.desk.shelf.intake.root, self._named()
        stray = [path for folder in ("uploads", "bids") for path in (root / folder).rglob("*") if path.is_file()]
        gone = [path.name for path in stray if path.name not in named]
        for name in gone:
            self.desk.shelf.discard(name)
        return len(gone)

    def _free_leases(self) -> None:
        """Free what a process that is gone held: no deadline waits for a lease. On SQLite there is no other process."""
        if self.desk.engine.dialect.name != "sqlite":
            return
        with writing(self.desk.engine) as tx:
            for table in (seal_tables.seal_plans, tables.packings, tables.submissions, tables.acts):
                tx.execute(update(table).where(table.c.leased_until.is_not(None)).values(leased_until=None))

    def _named(self) -> set[str]:
        columns = (
            tables.documents.c.object,
            tables.parts.c.object,
            seal_tables.seal_plan_files.c.object,
            seal_tables.seal_batch_files.c.object,
        )
        with reading(self.desk.engine) as tx:
            return {name for column in columns for name in tx.execute(select(column)).scalars()}
