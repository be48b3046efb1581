"""The bidder's workbench put together from settings: database, encrypted files, ports, clients of the centres."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from litestar import Litestar

from bidding.centre.clock import SteadyClock
from bidding.judging import DocumentJudging
from bidding.sessions import LoginDesk
from bidding.settings import Settings
from bidding.signings.service import AUDIENCE as AUDIENCE_SIGNINGS
from bidding.web.app import create_app
from bidding.web.login_pages import LOGIN_ROUTES, with_session
from bidding.web.signings_access import with_scopes
from bidding.web.signings_api import SIGNINGS_API
from bidding.web.signings_pages import SIGNINGS_PAGES
from bidding.web.site import Site
from bidding.web.verify_pages import VERIFY_ROUTES, Verifier
from bidding.web.workbench_api import WORKBENCH_API
from bidding.web.workbench_pages import WORKBENCH_PAGES
from bidding.wiring.centre import OwnSecrets, service_key
from bidding.wiring.machine import system_random
from bidding.wiring.ports import Outside
from bidding.wiring.signings import build_signings, start_tickers
from bidding.workbench.acting import ActingPorts
from bidding.workbench.desk import Desk, Shelf
from bidding.workbench.service import Workbench
from bidding.workbench.submitting import CentreClient
from storage.database import Role, migrate, open_database, sqlite_url
from storage.intake import Intake
from storage.secrets import FieldCipher

AUDIENCE = "投标人工作台"


def build_workbench(settings: Settings, own: OwnSecrets, ports: Outside, pool: ThreadPoolExecutor) -> Workbench:
    """Open everything of one workbench."""
    data = Path(settings.data)
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = open_database(settings.database_url or sqlite_url(data / "workbench.sqlite"))
    migrate(engine, Role.WORKBENCH)
    clock = SteadyClock.start()
    judging = DocumentJudging(ports.trust.refreshed_folder, clock)

    def judge(path: Path, /) -> tuple[str, ...]:
        answer = judging.ask(path)
        return (f"{answer['indication']}：{answer['reason']}",)

    bundles = data / "bundles"
    bundles.mkdir(exist_ok=True, mode=0o700)
    desk = Desk(
        engine=engine,
        shelf=Shelf(Intake(data / "shelf", own.secret("drafts"), own.random), data / "work"),
        bundles=bundles,
        cipher=FieldCipher(own.secret("fields"), own.random),
        clock=clock,
        random=own.random,
        trust=ports.trust.anchors,
        ports=ActingPorts(ports.wallet, ports.keys, ports.tsa, ports.register),
        judge=judge,
        audience=AUDIENCE,
        sandbox=ports.trust.anchors().sandbox,
    )
    centres = {
        url: CentreClient(httpx.Client(base_url=url, timeout=60), ports.trust.anchors, clock, time.sleep)
        for url in settings.centre_urls
    }

    def run(job: Callable[[], None]) -> None:
        pool.submit(job)

    signer = service_key(own, ports.http, settings.sandbox_url, name=AUDIENCE, uscc="")
    workbench = Workbench.assemble(desk, seals=ports.seals, centres=centres, run=run, signer=signer)
    workbench.sweep()
    return workbench


def build_workbench_app(settings: Settings, own: OwnSecrets, ports: Outside, verifier: Verifier) -> Litestar:
    """Mount the workbench's pages and its JSON interface."""
    pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="upload")
    workbench = build_workbench(settings, own, ports, pool)
    login = LoginDesk(
        engine=workbench.desk.engine,
        wallet=ports.wallet,
        register=ports.register,
        trust=ports.trust.anchors,
        clock=workbench.desk.clock,
        random=system_random,
        audience=AUDIENCE,
        purpose="登录投标人工作台",
        secure=settings.url.startswith("https"),
    )
    signings, end_judging = build_signings(settings, own, ports, workbench.desk)
    nav = (("/", "我的项目"), ("/signings", AUDIENCE_SIGNINGS), ("/verify", "核验"))
    site = Site(AUDIENCE, nav, sandbox=workbench.desk.sandbox, clock=workbench.desk.clock)
    services = {"site": site, "workbench": workbench, "desk": login, "verifier": verifier, "signings": signings}
    routes = [
        *LOGIN_ROUTES,
        with_session("/api/v1", WORKBENCH_API),
        with_scopes("/api/v1", SIGNINGS_API, signings, login),
        *WORKBENCH_PAGES,
        *SIGNINGS_PAGES,
        *VERIFY_ROUTES,
    ]
    return create_app(
        routes,
        services,
        title="Yizhao workbench",
        on_shutdown=[*start_tickers(signings), end_judging, pool.shutdown, verifier.close, ports.http.close],
    )
