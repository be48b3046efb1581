"""The forms in which a unit takes its trace of seal uses home (用章记录导出): JSON, CSV, PDF, or all in one ZIP."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from bidding.workbench.trace_format import parse_trace
from bidding.workbench.trace_paper import draw_trace
from bidding.workbench.trace_service import SealTraces
from bidding.workbench.trace_tables import write_csv, write_package
from identity.actor import AnyActor
from signing.digests import sm3

Form = Literal["json", "csv", "pdf", "zip"]
NAME: Final = "用章记录"
MEDIA: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "pdf": "application/pdf",
    "zip": "application/zip",
}


@dataclass(frozen=True)
class Export:
    """One file to download."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class TraceExporting:
    """Makes the forms of one unit's trace. `random` is for the PDF's identifier."""

    traces: SealTraces
    random: Callable[[int], bytes]

    def make(self, actor: AnyActor, form: Form, *, first: int = 1, last: int | None = None) -> Export:
        """Make one form of a stretch, to the latest entry by default. Errors of `SealTraces.export`.

        Only the CSV needs neither key nor timestamp: it is for reading, and says nothing that can be checked.
        """
        if form == "csv":
            return _named(form, write_csv(self.traces.uses(actor, first=first, last=last)))
        data = self.traces.export(actor, first=first, last=last)
        if form == "json":
            return _named(form, data)
        trace = parse_trace(data)
        uses = self.traces.uses(actor, first=trace.statement.first, last=trace.statement.last)
        together = sm3(data).hex() if form == "zip" else ""
        paper = draw_trace(
            trace, uses, company=actor.company or actor.person_name, json_sm3=together, random=self.random
        )
        if form == "pdf":
            return _named(form, paper)
        files = {"json": data, "csv": write_csv(uses), "pdf": paper}
        return _named(form, write_package({f"{NAME}.{kind}": content for kind, content in files.items()}))


def _named(form: Form, data: bytes) -> Export:
    return Export(f"{NAME}.{form}", MEDIA[form], data)
