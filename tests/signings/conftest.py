"""The town is opened once; every test has its own signing service."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import signings_paths  # noqa: F401 - makes the next two importable
from signings_world import Api, Listener, Person, listening, make_person, make_service, open_api, token_of
from workbench_world import Clock, Town, open_town

from bidding.signings.service import SigningService


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with open_town(tmp_path_factory.mktemp("town")) as opened:
        yield opened


@pytest.fixture(scope="session")
def person(town: Town) -> Person:
    return make_person(town)


@pytest.fixture
def clock() -> Clock:
    return Clock({})


@pytest.fixture
def service(tmp_path: Path, town: Town, clock: Clock) -> Iterator[SigningService]:
    made = make_service(tmp_path, town, clock)
    yield made
    made.desk.engine.dispose()


@pytest.fixture
def session(service: SigningService, town: Town) -> Iterator[Api]:
    """Make a program of the bidder that shows the token of a login."""
    with open_api(service, town) as opened:
        yield opened


@pytest.fixture
def api(session: Api) -> Api:
    """Make a program of the bidder with an interface token of all scopes."""
    return token_of(session)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as opened:
        yield opened
