"""A workbench with one filled draft, for tables of refusals: nothing in them changes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workbench_world import CENTRE, Town, keep_section, make_params, open_desk, pdf

from bidding.workbench.drafts import Draft, Form
from bidding.workbench.service import Workbench
from identity.actor import Actor


@dataclass(frozen=True)
class Bid:
    """The workbench, who acts, and the draft: 技术文件 has a cover and three pages."""

    workbench: Workbench
    actor: Actor
    draft: Draft


@contextmanager
def open_bid(folder: Path, town: Town) -> Iterator[Bid]:
    """Fill a draft with everything but seals."""
    desk = open_desk(folder, town)
    made = Workbench.assemble(desk, seals=town.outside.seals, centres={}, run=lambda work: work())
    actor = town.actor
    draft = made.drafting.create(actor, CENTRE, keep_section(desk, make_params(town.tenderer)))
    made.drafting.put_form(actor, draft.id, Form(price="1,833,000.56", days="180", values={"bond": "电子保函"}))
    path = folder / "document.pdf"
    path.write_bytes(pdf(3))
    made.drafting.add_document(actor, draft.id, "technical", "施工组织设计.pdf", path)
    for item in ("letter", "technical"):
        made.assembling.assemble(actor, draft.id, item)
    yield Bid(made, actor, made.drafting.get(actor, draft.id))
    desk.engine.dispose()
