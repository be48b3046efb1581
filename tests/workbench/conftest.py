"""The town is opened once; every test has its own workbench."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from workbench_world import Town, Trading, keep_section, make_params, open_centre, open_desk, open_town, pdf

from bidding.workbench.assembling import Assembling
from bidding.workbench.desk import Desk
from bidding.workbench.drafting import Drafting
from bidding.workbench.drafts import Draft, Form
from bidding.workbench.service import Workbench
from bidding.workbench.submitting import CentreClient
from identity.actor import Actor

CENTRE = "http://centre.test"


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with open_town(tmp_path_factory.mktemp("town")) as opened:
        yield opened


@pytest.fixture
def desk(tmp_path: Path, town: Town) -> Iterator[Desk]:
    desk = open_desk(tmp_path, town)
    yield desk
    desk.engine.dispose()


@pytest.fixture
def actor(town: Town) -> Actor:
    return town.actor


@pytest.fixture
def drafting(desk: Desk) -> Drafting:
    return Drafting(desk)


@pytest.fixture
def assembling(desk: Desk) -> Assembling:
    return Assembling(desk)


@pytest.fixture
def draft(desk: Desk, drafting: Drafting, actor: Actor, town: Town) -> Draft:
    return drafting.create(actor, CENTRE, keep_section(desk, make_params(town.tenderer)))


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    def put(data: bytes) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.pdf"
        path.write_bytes(data)
        return path

    return put


@pytest.fixture
def filled(
    draft: Draft, drafting: Drafting, assembling: Assembling, actor: Actor, put: Callable[[bytes], Path]
) -> Draft:
    """Fill a draft with everything but seals."""
    drafting.put_form(actor, draft.id, Form(price="1,833,000.56", days="180", values={"bond": "电子保函"}))
    drafting.add_document(actor, draft.id, "technical", "施工组织设计.pdf", put(pdf(3)))
    for item in ("letter", "technical"):
        assembling.assemble(actor, draft.id, item)
    return drafting.get(actor, draft.id)


@pytest.fixture(scope="session")
def trading(tmp_path_factory: pytest.TempPathFactory, town: Town) -> Iterator[Trading]:
    with open_centre(tmp_path_factory.mktemp("centre"), town) as opened:
        yield opened


@pytest.fixture
def workbench(desk: Desk, town: Town) -> Workbench:
    """Make a workbench that sends at once, and knows no centre but by name."""
    return Workbench.assemble(desk, seals=town.outside.seals, centres={}, run=lambda work: work())


@pytest.fixture
def connected(desk: Desk, town: Town, trading: Trading) -> Iterator[Workbench]:
    """Make a workbench that submits to the centre on loopback."""
    with httpx.Client(base_url=trading.url, timeout=30) as http:
        client = CentreClient(http, town.outside.trust.anchors, desk.clock, time.sleep)
        yield Workbench.assemble(desk, seals=town.outside.seals, centres={trading.url: client}, run=lambda work: work())


@pytest.fixture
def sealed(connected: Workbench, trading: Trading, town: Town, put: Callable[[bytes], Path]) -> Callable[..., Draft]:
    """Make a draft for a new section of the centre with everything on it, seals included."""

    def make(*, minutes: float = 60, section: str = "") -> Draft:
        actor = town.actor
        name = section or trading.release(minutes=minutes).section
        draft = connected.drafting.create(actor, trading.url, connected.sections.follow(trading.url, name).params_sm3)
        form = Form(price="1,833,000.56", days="180", values={"bond": "电子保函"})
        connected.drafting.put_form(actor, draft.id, form)
        connected.drafting.add_document(actor, draft.id, "technical", "施工组织设计.pdf", put(pdf(3)))
        for item in ("letter", "technical"):
            connected.assembling.assemble(actor, draft.id, item)
        view = connected.sealing.begin(actor, draft.id)
        while not view.ended:
            town.confirm(view.url)
            view = connected.sealing.advance(actor, view.id)
        return connected.drafting.get(actor, draft.id)

    return make
