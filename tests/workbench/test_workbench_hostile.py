"""What a crash or somebody without a session may do to the workbench."""

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import insert
from workbench_world import Town, now

from bidding.sessions import LoginDesk
from bidding.web.app import create_app
from bidding.web.login_pages import LOGIN_ROUTES
from bidding.web.site import Site
from bidding.web.workbench_pages import WORKBENCH_PAGES
from bidding.workbench.drafts import Draft
from bidding.workbench.service import Workbench
from storage.database import writing
from storage.models import workbench as tables

DAY = timedelta(days=1)


def test_a_crash_leaves_no_lease_and_no_plain_file(connected: Workbench, draft: Draft) -> None:
    desk, at = connected.desk, connected.desk.now()
    name = desk.new_id()
    empty = {"code": "", "pending": b"", "prepared": b"", "header": b"", "bundle_sm3": "", "size": 0, "strict": True}
    row = {"id": name, "draft": draft.id, "uscc": draft.uscc, "state": "awaiting-consent", "started_at": at}
    with writing(desk.engine) as tx:
        tx.execute(insert(tables.packings).values(**row, **empty, leased_until=at + DAY))
    plain = desk.shelf.work / "left"
    plain.mkdir(parents=True)
    (plain / "body").write_bytes(b"%PDF-1.7")
    with desk.lease(tables.packings, name) as mine:
        assert not mine
    connected.sweep()
    with desk.lease(tables.packings, name) as mine:
        assert mine
    assert not plain.exists()


@pytest.fixture
def client(connected: Workbench, town: Town) -> Iterator[TestClient[Litestar]]:
    login = LoginDesk(
        engine=connected.desk.engine,
        wallet=town.outside.wallet,
        register=town.outside.register,
        trust=town.outside.trust.anchors,
        clock=connected.desk.clock,
        random=os.urandom,
        audience="投标人工作台",
        purpose="登录投标人工作台",
    )
    site = Site("投标人工作台", (("/", "我的项目"),), sandbox=True, clock=now)
    services = {"workbench": connected, "site": site, "desk": login}
    with TestClient(create_app([*LOGIN_ROUTES, *WORKBENCH_PAGES], services, title="test")) as client:
        yield client


@pytest.mark.parametrize("path", ["/bids/x/own-bundle", "/bids/x/items/business/documents"])
def test_without_a_session_no_form_is_read(client: TestClient[Litestar], path: str) -> None:
    headers = {"accept": "text/html", "content-type": "multipart/form-data; boundary=x"}
    answer = client.post(path, content=b"no form at all", headers=headers, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login")
