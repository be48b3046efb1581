"""The sandbox's e-licence wallet: its JSON routes and its phone pages. docs/format/consent.md 8."""

from collections.abc import Callable, Mapping, Sequence

from litestar import Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from identity import wire
from identity.ports import StatementFacts
from identity.sandbox.pages import ROUTES
from identity.sandbox.platform import LicencePlatform, Wallet
from identity.sandbox.problems import EXCEPTION_HANDLERS


@post("/logins", sync_to_thread=True)
def request_login(data: JSONBody[wire.LoginRequest], wallet: NamedDependency[Wallet]) -> wire.PendingAnswer:
    """发起登录."""
    entry = wallet.logins.request(
        audience=data.audience, purpose=data.purpose, challenge=data.challenge, number=data.number, at=wallet.now()
    )
    url = f"{wallet.base_url}/wallet/logins/{entry.reference}/page"
    return wire.PendingAnswer(entry.id, url, entry.expires_at)


@get("/logins/{login:str}", sync_to_thread=True)
def fetch_login(login: FromPath[str], wallet: NamedDependency[Wallet]) -> wire.LoginStateAnswer:
    """查询登录."""
    entry = wallet.logins.fetch(login)
    return wire.LoginStateAnswer(entry.state_at(wallet.now()), entry.assertion)


@post("/logins/{login:str}/confirm", status_code=200, sync_to_thread=True)
def confirm_login(
    login: FromPath[str], data: JSONBody[wire.LoginConfirmation], wallet: NamedDependency[Wallet]
) -> wire.LoginStateAnswer:
    """确认登录."""
    at = wallet.now()
    entry = wallet.logins.confirm(login, person=data.person, uscc=data.uscc, pin=data.pin, number=data.number, at=at)
    return wire.LoginStateAnswer(entry.state_at(at))


@post("/logins/{login:str}/refuse", status_code=200, sync_to_thread=True)
def refuse_login(
    login: FromPath[str], data: JSONBody[wire.Refusal], wallet: NamedDependency[Wallet]
) -> wire.LoginStateAnswer:
    """拒绝登录."""
    at = wallet.now()
    return wire.LoginStateAnswer(wallet.logins.refuse(login, data.person, at=at).state_at(at))


@post("/consents", sync_to_thread=True)
def request_consent(data: JSONBody[wire.ConsentRequest], wallet: NamedDependency[Wallet]) -> wire.PendingAnswer:
    """发起授权请求."""
    entry = wallet.consents.request(data.record, at=wallet.now())
    url = f"{wallet.base_url}/wallet/consents/{entry.reference}/page"
    return wire.PendingAnswer(entry.id, url, entry.content.not_after)


@get("/consents/{consent:str}", sync_to_thread=True)
def fetch_consent(consent: FromPath[str], wallet: NamedDependency[Wallet]) -> wire.ConsentStateAnswer:
    """查询授权请求."""
    entry = wallet.consents.fetch(consent)
    return wire.ConsentStateAnswer(entry.state_at(wallet.now()), entry.signed)


@post("/consents/{consent:str}/confirm", status_code=200, sync_to_thread=True)
def confirm_consent(
    consent: FromPath[str], data: JSONBody[wire.ConsentConfirmation], wallet: NamedDependency[Wallet]
) -> wire.ConsentStateAnswer:
    """确认授权."""
    at = wallet.now()
    entry = wallet.consents.confirm(consent, person=data.person, pin=data.pin, at=at)
    return wire.ConsentStateAnswer(entry.state_at(at))


@post("/consents/{consent:str}/refuse", status_code=200, sync_to_thread=True)
def refuse_consent(
    consent: FromPath[str], data: JSONBody[wire.Refusal], wallet: NamedDependency[Wallet]
) -> wire.ConsentStateAnswer:
    """拒绝授权."""
    at = wallet.now()
    return wire.ConsentStateAnswer(wallet.consents.refuse(consent, person=data.person, at=at).state_at(at))


@post("/consents/{consent:str}/redeem", status_code=200, sync_to_thread=True)
def redeem_consent(
    consent: FromPath[str], data: JSONBody[wire.RedeemRequest], wallet: NamedDependency[Wallet]
) -> wire.RedeemAnswer:
    """兑现授权: the key service asks before it signs."""
    at = wallet.now()
    entry, digest = wallet.consents.redeem(consent, credential=data.credential, statements=data.statements, at=at)
    return wire.RedeemAnswer(entry.state_at(at), digest)


@get("/devices/{uscc:str}", sync_to_thread=True)
def fetch_devices(uscc: FromPath[str], wallet: NamedDependency[Wallet]) -> list[wire.DeviceAnswer]:
    """查询设备密钥."""
    return [wire.DeviceAnswer(d.id, d.public_key, d.certificate) for d in wallet.devices.of(uscc)]


@post("/devices/{device:str}/rehearse", status_code=200, sync_to_thread=True)
def rehearse(
    device: FromPath[str], data: JSONBody[wire.RehearseRequest], wallet: NamedDependency[Wallet]
) -> wire.RehearseAnswer:
    """解密演练."""
    return wire.RehearseAnswer(wallet.devices.rehearse(device, data.wrap))


@post("/devices/{device:str}/release", status_code=200, sync_to_thread=True)
def release(
    device: FromPath[str], data: JSONBody[wire.ReleaseRequest], wallet: NamedDependency[Wallet]
) -> wire.ReleaseAnswer:
    """交出密钥."""
    half = wallet.consents.release(
        data.consent,
        uscc=wallet.devices.find(device).uscc,
        wrap=data.wrap,
        open_wrap=lambda: wallet.devices.unwrap(device, data.wrap),
        at=wallet.now(),
    )
    return wire.ReleaseAnswer(half)


_ROUTES: Sequence[HTTPRouteHandler] = (
    request_login,
    fetch_login,
    confirm_login,
    refuse_login,
    request_consent,
    fetch_consent,
    confirm_consent,
    refuse_consent,
    redeem_consent,
    fetch_devices,
    rehearse,
    release,
)


def create_router(
    platform: LicencePlatform, *, readers: Mapping[str, Callable[[bytes], StatementFacts]], base_url: str
) -> Router:
    """Mount the wallet at /wallet; `base_url` is where people reach it, without a slash at the end.

    `readers` (by statement kind: ses, cms, act) raise signing.errors.MalformedError for bytes not of their kind.
    """
    wallet = Wallet(platform, readers=readers, base_url=base_url)

    def provide() -> Wallet:
        return wallet

    return Router(
        path="/wallet",
        route_handlers=[*_ROUTES, *ROUTES],
        dependencies={"wallet": Provide(provide, sync_to_thread=False)},
        exception_handlers=EXCEPTION_HANDLERS,
        tags=["wallet"],
    )
