"""电子签署中心 for people: the unit's signings, its interface tokens and webhooks, and what became of each notice."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.enums import RequestEncodingType
from litestar.exceptions import ClientException
from litestar.params import Body, FromPath, SkipValidation
from litestar.response import Redirect, Template
from msgspec import Struct

from bidding.errors import NotAllowedError
from bidding.sessions import Session
from bidding.signings import tokens
from bidding.signings.outbox import EVENT_TYPES
from bidding.signings.service import SigningService
from bidding.signings.tokens import SCOPES, NewToken
from bidding.signings.webhooks import NewWebhook
from bidding.web.centre_common import REFUSALS, qr_of, status_of
from bidding.web.errors import notice_of
from bidding.web.login_pages import page_context, with_session
from bidding.web.signings_access import AnyRequest
from bidding.web.signings_api import stream_document
from bidding.web.signings_views import SigningView, signing_view
from bidding.web.site import Site, beijing
from identity.errors import PersonNotEntitledError

T = TypeVar("T", bound=Struct)
_Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
STATES: Final = {
    "draft": "待规划",
    "planned": "已规划",
    "ready": "待请求确认",
    "awaiting-consent": "等待本人确认",
    "sealing": "签章中",
    "completed": "✓ 已完成",
    "refused": "被拒绝",
    "expired": "已过期",
    "cancelled": "已取消",
}
SEALS: Final = {
    "unit": "公章",
    "finance": "财务专用章",
    "contract": "合同专用章",
    "invoice": "发票专用章",
    "legal-representative": "法定代表人章",
    "personal": "个人签名章",
}
EVENTS: Final = {
    "document.sealed": "文件已签章",
    "signing.completed": "签署完成",
    "signing.refused": "签署被拒绝",
    "signing.expired": "签署过期",
    "signing.cancelled": "签署取消",
    "webhook.test": "测试",
}


@dataclass(frozen=True)
class SigningVisit:
    """One request of a person who looks after a unit's signings."""

    request: AnyRequest
    signings: SigningService
    site: Site
    session: Session

    @property
    def uscc(self) -> str:
        """Whose signings."""
        return str(self.session.actor.uscc)

    def require_entitled(self) -> None:
        """Raise unless the person may use the unit's seals: only they decide who asks for them."""
        try:
            self.signings.tokens.require_entitled(self.session.actor)
        except PersonNotEntitledError as error:
            raise NotAllowedError(f"{self.session.actor.person_name} 无权为本单位用章") from error

    def template(self, name: str, *, status: int = 200, **context: Any) -> Template:
        """Render a page with what all of these need."""
        shared = {"t": beijing, "STATES": STATES, "SEALS": SEALS, "EVENTS": EVENTS, "names": tokens.names}
        return self.site.page(self.request, name, status=status, **{**page_context(self.session), **shared, **context})

    def home(self, *, status: int = 200, **more: Any) -> Template:
        """Show everything of the unit on one page."""
        return self.template(
            "signings.html",
            status=status,
            signings=self.signings.all(self.uscc),
            tokens=self.signings.tokens.all(self.uscc),
            webhooks=self.signings.webhooks.all(self.uscc),
            scopes=dict(zip(SCOPES, tokens.names(SCOPES), strict=True)),
            subscribed=EVENT_TYPES,
            **more,
        )


def provide_signing_visit(
    request: AnyRequest,
    signings: NamedDependency[SkipValidation[SigningService]],
    site: NamedDependency[SkipValidation[Site]],
    session: NamedDependency[SkipValidation[Session]],
) -> SigningVisit:
    """Answer the visit of somebody logged in."""
    return SigningVisit(request, signings, site, session)


Visit = NamedDependency[SkipValidation[SigningVisit]]


@get("/", sync_to_thread=True, include_in_schema=False)
def signings_page(visit: Visit) -> Template:
    """电子签署中心."""
    return visit.home()


@post("/tokens", sync_to_thread=True, include_in_schema=False, status_code=200)
def make_token(visit: Visit, data: _Form) -> Template:
    """创建接口令牌，显示一次."""
    fields = {"name": data.get("name", "").strip(), "scopes": _listed(data, "scope"), "days": data.get("days", "")}
    try:
        token, secret = visit.signings.tokens.create(visit.session.actor, _convert(fields, NewToken))
    except (*REFUSALS, ClientException) as error:
        return _refused(visit, error)
    return visit.home(secret=secret, secret_of=f"接口令牌“{token.name}”")


@post("/tokens/{token:str}/revoke", sync_to_thread=True, include_in_schema=False, status_code=303)
def end_token(token: FromPath[str], visit: Visit) -> Redirect:
    """吊销接口令牌."""
    visit.require_entitled()
    visit.signings.tokens.revoke(visit.uscc, token)
    return Redirect("/signings", status_code=303)


@post("/webhooks", sync_to_thread=True, include_in_schema=False, status_code=200)
def make_webhook(visit: Visit, data: _Form) -> Template:
    """登记通知地址，密钥显示一次."""
    fields = {"url": data.get("url", "").strip(), "events": _listed(data, "event")}
    try:
        visit.require_entitled()
        webhook, secret = visit.signings.webhooks.create(visit.uscc, _convert(fields, NewWebhook))
    except (*REFUSALS, ClientException) as error:
        return _refused(visit, error)
    return visit.home(secret=secret, secret_of=f"通知地址 {webhook.url} 的验签密钥")


@get("/webhooks/{webhook:str}", sync_to_thread=True, include_in_schema=False)
def webhook_page(webhook: FromPath[str], visit: Visit) -> Template:
    """投递记录."""
    found = visit.signings.webhooks.get(visit.uscc, webhook)
    log = visit.signings.webhooks.log(visit.uscc, webhook)
    return visit.template("signings_webhook.html", webhook=found, log=log)


@post("/webhooks/{webhook:str}/test", sync_to_thread=True, include_in_schema=False, status_code=303)
def try_webhook(webhook: FromPath[str], visit: Visit) -> Redirect:
    """发送测试通知."""
    visit.require_entitled()
    visit.signings.webhooks.test(visit.uscc, webhook)
    return Redirect(f"/signings/webhooks/{webhook}", status_code=303)


@post("/webhooks/{webhook:str}/delete", sync_to_thread=True, include_in_schema=False, status_code=303)
def end_webhook(webhook: FromPath[str], visit: Visit) -> Redirect:
    """删除通知地址."""
    visit.require_entitled()
    visit.signings.webhooks.delete(visit.uscc, webhook)
    return Redirect("/signings", status_code=303)


@post(
    "/webhooks/{webhook:str}/deliveries/{delivery:str}/resend",
    sync_to_thread=True,
    include_in_schema=False,
    status_code=303,
)
def send_again(webhook: FromPath[str], delivery: FromPath[str], visit: Visit) -> Redirect:
    """重发一次通知."""
    visit.require_entitled()
    visit.signings.webhooks.resend(visit.uscc, webhook, delivery)
    return Redirect(f"/signings/webhooks/{webhook}", status_code=303)


@get("/{signing:str}", sync_to_thread=True, include_in_schema=False)
def signing_page(signing: FromPath[str], visit: Visit) -> Template:
    """一项签署：签署人、文件，以及等待确认时的二维码."""
    found = visit.signings.get(visit.uscc, signing)
    view: SigningView = signing_view(found, visit.signings.pending(found))
    code = qr_of(view.consent.url) if view.consent is not None else ""
    return visit.template("signings_one.html", one=view, qr=code, refresh=4 if view.consent is not None else 0)


@get("/{signing:str}/documents/{number:int}", sync_to_thread=True, include_in_schema=False)
def download_document(signing: FromPath[str], number: FromPath[int], visit: Visit) -> Response[Any]:
    """下载一份文件，当前已签章的."""
    return stream_document(visit.signings, visit.uscc, signing, number)


def _listed(data: dict[str, Any], name: str) -> list[str]:
    found = data.get(name, [])
    return [str(one) for one in found] if isinstance(found, list) else [str(found)]


def _convert(fields: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ClientException(str(error)) from error


def _refused(visit: SigningVisit, error: Exception) -> Template:
    if isinstance(error, ClientException):
        text = "填写不完整或格式不正确。请写明名称、选择至少一项权限、填写有效天数或完整的通知地址。"
        return visit.home(status=422, notice={"kind": "bad", "text": text, "code": "form_incomplete"})
    return visit.home(status=status_of(error), notice=notice_of(error))


def _mounted() -> Any:
    router = with_session(
        "/signings",
        [
            signings_page,
            make_token,
            end_token,
            make_webhook,
            webhook_page,
            try_webhook,
            end_webhook,
            send_again,
            signing_page,
            download_document,
        ],
    )
    router.dependencies["visit"] = Provide(provide_signing_visit, sync_to_thread=False)
    return router


SIGNINGS_PAGES: Final[list[Any]] = [_mounted()]
"""Mount these; the app gives `signings`, `desk` and `site`."""
