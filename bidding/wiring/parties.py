"""The one place that picks adapters, clocks and randomness, and puts each party together from its settings."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from litestar import Litestar

from bidding.errors import BiddingError
from bidding.isolation_pool import WorkerPool, cores
from bidding.judging import DocumentJudging
from bidding.officer_desk import OfficerDesk
from bidding.passphrase import own_passphrase
from bidding.sessions import LoginDesk
from bidding.settings import KEEP_ALIVE_SECONDS, Settings, SettingsError
from bidding.web.app import create_app
from bidding.web.site import Site
from bidding.web.verify_pages import VERIFY_ROUTES, Verifier
from bidding.wiring.centre import OwnSecrets, Ticker, build_centre
from bidding.wiring.machine import system_clock, system_random
from bidding.wiring.ports import Outside, open_outside
from identity.licence import parse_licence
from signing import selftest
from signing.adapters.revocation_http import fetch_trust
from signing.errors import SigningError
from signing.path import TrustAnchors
from signing.policy import PRODUCTION_POLICY, encode_policy
from signing.trust import load_trust
from storage.database import Role, migrate, open_database, require_migrated, sqlite_url


def own_secrets(settings: Settings) -> OwnSecrets:
    """Open the key folder of a party, making it at the first start."""
    folder = settings.key_folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return OwnSecrets(folder, own_passphrase(folder, settings.passphrase_file), system_random)


def outside(settings: Settings, own: OwnSecrets) -> Outside:
    """Answer the ports of a party; its trust list lies in its key folder unless the settings name one."""
    folder = Path(settings.trust) if settings.trust else own.folder / "trust"
    return open_outside(settings.sandbox_url, folder, system_random, settings.timestamp_urls)


def build_app(settings: Settings) -> Litestar:
    """Answer the application of one party: workbench, centre or verify."""
    own = own_secrets(settings)
    ports = outside(settings, own)
    require_real_trust(settings, ports.trust.anchors())
    makers: dict[str, Callable[[Settings, OwnSecrets, Outside], Litestar]] = {
        "centre": _centre_app,
        "workbench": _workbench_app,
        "verify": _verify_app,
    }
    return makers[settings.role](settings, own, ports)


def require_real_trust(settings: Settings, trust: TrustAnchors) -> None:
    """Refuse to serve in production by the word of test authorities; SettingsError."""
    if settings.production and trust.sandbox:
        raise SettingsError(
            f"production：信任名单“{trust.name}”是仿真名单，正式业务不能使用。请用 trust 指定正式的信任名单文件夹。"
        )


def _verifier(settings: Settings, ports: Outside) -> Verifier:
    policy = encode_policy(PRODUCTION_POLICY) if settings.production else b""
    return Verifier(
        WorkerPool(cores()),
        ports.trust.refreshed_folder,
        system_clock,
        policy=policy,
        random=system_random,
        url=settings.url,
    )


def _verify_app(settings: Settings, own: OwnSecrets, ports: Outside) -> Litestar:
    from bidding.web.home_pages import VERIFY_HOME

    del own
    verifier = _verifier(settings, ports)
    site = Site("核验", (("/verify", "核验"),), sandbox=ports.trust.anchors().sandbox, clock=system_clock)
    return create_app(
        [*VERIFY_ROUTES, *VERIFY_HOME],
        {"site": site, "verifier": verifier},
        title=f"Yizhao {settings.role}",
        on_shutdown=[verifier.close, ports.http.close],
    )


def _centre_app(settings: Settings, own: OwnSecrets, ports: Outside) -> Litestar:
    from bidding.centre.hosting import Hosting
    from bidding.centre.publishing import Publishing
    from bidding.web.centre_api import CENTRE_API
    from bidding.web.centre_pages import CENTRE_PAGES
    from bidding.web.login_pages import LOGIN_ROUTES, with_session
    from bidding.web.staff_api import STAFF_ROUTES
    from bidding.web.upload import UPLOAD_ROUTER

    if not settings.unit:
        raise SettingsError("role centre needs `unit`: the credit code of the trading centre's own licence")
    name = parse_licence(ports.register.fetch_licence(settings.unit).licence).name
    centre = build_centre(settings, own, ports, name=name, uscc=settings.unit)
    desk = LoginDesk(
        engine=centre.house.engine,
        wallet=ports.wallet,
        register=ports.register,
        trust=ports.trust.anchors,
        clock=centre.house.clock,
        random=system_random,
        audience=f"{name}交易平台",
        purpose="登录交易平台",
        staff_of=settings.unit,
        secure=settings.url.startswith("https"),
    )
    verifier = _verifier(settings, ports)
    ticker = Ticker(centre.tick, threading.Event())
    ticker.start()
    nav = (("/", "标段"), ("/verify", "核验"))
    site = Site(name, nav, sandbox=ports.trust.anchors().sandbox, clock=centre.house.clock)
    services = {
        "site": site,
        "centre": centre,
        "desk": desk,
        "verifier": verifier,
        "publishing": Publishing.of(centre, ports.wallet, ports.keys, ports.tsa, ports.register, system_random),
        "hosting": Hosting.of(centre, ports.wallet, ports.keys, ports.tsa, ports.seals, ports.register, system_random),
    }
    routes = [
        CENTRE_API,
        with_session("/api/v1", STAFF_ROUTES, staff=True),
        UPLOAD_ROUTER,
        *LOGIN_ROUTES,
        *CENTRE_PAGES,
        *VERIFY_ROUTES,
    ]
    stops = [ticker.stop, verifier.close, ports.http.close]
    if isinstance(centre.opening.judge, DocumentJudging):
        stops.append(centre.opening.judge.worker.close)
    return create_app(routes, services, title="Yizhao centre", on_shutdown=stops)


def _workbench_app(settings: Settings, own: OwnSecrets, ports: Outside) -> Litestar:
    from bidding.wiring.workbench import build_workbench_app

    return build_workbench_app(settings, own, ports, _verifier(settings, ports))


def serve_parties(settings: Settings) -> None:
    """Serve what the settings name until told to stop; role `all` serves both parts, each with its own everything."""
    import uvicorn

    if settings.role == "all":
        from bidding.both import serve_both

        serve_both(settings, build_app)
        return
    uvicorn.run(
        build_app(settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


def _databases(settings: Settings) -> list[tuple[Role, str]]:
    roles = {"centre": [Role.CENTRE], "workbench": [Role.WORKBENCH], "verify": []}
    if settings.role == "all":
        raise SettingsError("role all: run migrate for each part with its own settings")
    data = Path(settings.data)
    return [(role, settings.database_url or sqlite_url(data / f"{role}.sqlite")) for role in roles[settings.role]]


def migrate_parties(settings: Settings) -> Iterator[tuple[str, str]]:
    """Bring the databases of this party to the newest schema."""
    Path(settings.data).mkdir(parents=True, exist_ok=True, mode=0o700)
    for role, url in _databases(settings):
        migrate(open_database(url), role)
        yield str(role), url.split("@")[-1]


def examine(settings: Settings) -> list[tuple[str, bool, str]]:
    """Answer what `yizhao doctor` tells: name, whether it is well, particulars."""
    return [_examine(name, look) for name, look in _looks(settings)]


def _looks(settings: Settings) -> list[tuple[str, Any]]:
    def engines() -> str:
        selftest.ensure()
        return "SM2、SM3、SM4 已知答案全部正确"

    def database() -> str:
        for role, url in _databases(settings):
            require_migrated(open_database(url), role)
        return "结构为当前版本"

    def trust() -> str:
        folder = Path(settings.trust) if settings.trust else settings.key_folder / "trust"
        found = load_trust(folder)
        return f"{found.name} {found.version}，{'仿真' if found.sandbox else '正式'}，指纹 {found.fingerprint[:16]}"

    def sandbox() -> str:
        with httpx.Client(timeout=5) as http:
            fetch_trust(http, f"{settings.sandbox_url}/ca/trust")
        return f"{settings.sandbox_url} 有应答"

    return [("密码引擎", engines), ("数据库", database), ("信任名单", trust), ("外部服务", sandbox)]


def _examine(name: str, look: Any) -> tuple[str, bool, str]:
    try:
        return name, True, look()
    except (BiddingError, SigningError, OSError, Exception) as error:  # noqa: BLE001 - every fault is a finding
        return name, False, f"{type(error).__name__}：{error}"


def build_officer_desk(folder: Path, *, centre: str, trust: Path) -> OfficerDesk:
    """Answer the officer's desk over a key folder, a centre and a trust folder."""
    http = httpx.Client(base_url=centre, timeout=30)
    return OfficerDesk(http, folder, lambda: load_trust(trust), system_clock)


def build_officer_app(folder: Path, *, centre: str, trust: Path) -> Litestar:
    """Answer the officer's local page."""
    from bidding.web.officer_pages import OFFICER_ROUTES

    desk = build_officer_desk(folder, centre=centre, trust=trust)
    site = Site("开标人工作台", (("/", "开标"),), sandbox=desk.trust().sandbox, clock=system_clock)
    return create_app(
        OFFICER_ROUTES, {"site": site, "desk": desk}, title="Yizhao officer", on_shutdown=[desk.http.close]
    )
