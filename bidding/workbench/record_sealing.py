"""The bidder's own 公章 on the opening record (确认开标记录): by consent, into the field that was prepared for it.

Each try is about one version of the record, named by its SM3: the plan of seals has a name that follows from it, so
that nothing but the version has to be remembered.
"""

from dataclasses import dataclass, replace

from bidding.documents.fields import field_name
from bidding.documents.intake import take_in
from bidding.documents.revisions import find_revision
from bidding.errors import DocumentError
from bidding.workbench.desk import Desk
from bidding.workbench.sealing_flow import PlanView, SealingFlow, SealTask, TaskFile, WantedSeal
from bidding.workbench.sections import Sections
from bidding.workbench.submissions import Submission
from identity.actor import Actor
from sealing.placement import SealField
from sealing.seal import SealKind
from signing.digests import sm3


@dataclass(frozen=True)
class OpeningRecord:
    """The newest version of a stage's record. `ours`: our seal is on it; `begun`: somebody's, so the host's, is."""

    data: bytes
    sm3: str
    begun: bool
    ours: bool


@dataclass(frozen=True)
class RecordSealing:
    """Seals opening records."""

    desk: Desk
    flow: SealingFlow
    sections: Sections

    def fetch(self, bid: Submission, stage: int) -> OpeningRecord:
        """Fetch the newest version. CentreRefusedError while there is none, CentreUnavailableError."""
        data, digest = self.sections.centre(bid.centre).fetch_record(bid.section, stage)
        uses = [use for use in self.flow.uses(bid.uscc) if use.file == _name(bid, stage) and use.outcome == "sealed"]
        ours = any(find_revision(data, use.after_sm3) is not None for use in uses)
        return OpeningRecord(data, digest, b"/ByteRange" in data, ours)

    def begin(self, actor: Actor, bid: Submission, stage: int, address: str = "") -> str:
        """Plan the seal on the newest version; answers that version. Errors of `SealingFlow.begin` and `again`.

        DocumentError for a version that is no PDF to be sealed: that is entered too.
        """
        record = self.fetch(bid, stage)
        plan = _plan(bid, stage, record.sm3)
        with self.desk.shelf.folder() as folder:
            path = folder / "record.pdf"
            path.write_bytes(record.data)
            wanted = WantedSeal(SealKind.UNIT, SealField(field_name(bid.uscc), 1, 0, 0, 1, 1))
            file = TaskFile(_name(bid, stage), 0, path, (wanted,), fields_ready=True)
            task = SealTask(plan, bid.uscc, bid.section, bid.params_sm3, (file,))
            try:
                file = replace(file, pages=len(take_in(path).pages))
            except DocumentError as error:
                self.flow.refuse(task, actor, error, address)
                raise
            view = self.flow.begin(replace(task, files=(file,)), actor, address)
        if view.ended and view.state != "sealed":
            self.flow.again(plan, actor, address)
        return record.sm3

    def advance(self, bid: Submission, stage: int, version: str, address: str = "") -> PlanView:
        """Go on; once sealed, hand the version in. CentreRefusedError when somebody was faster: begin again."""
        view = self.flow.advance(_plan(bid, stage, version), address)
        if view.state == "sealed" and not self.fetch(bid, stage).ours:
            with self.desk.shelf.folder() as folder:
                data = self.flow.take(view.id, 0, folder / "record.pdf").read_bytes()
            self.sections.centre(bid.centre).put_record(bid.section, data, version, stage)
        return view

    def cancel(self, bid: Submission, stage: int, version: str, address: str = "") -> PlanView:
        """End the waiting. NoSuchPlanError, SealingRunningError."""
        return self.flow.cancel(_plan(bid, stage, version), address)


def _plan(bid: Submission, stage: int, version: str) -> str:
    return sm3(b"record-seal\0", f"{bid.uscc} {bid.centre} {bid.section} {stage} {version}".encode()).hex()[:32]


def _name(bid: Submission, stage: int) -> str:
    return f"开标记录 {bid.section} 第 {stage} 阶段.pdf"
