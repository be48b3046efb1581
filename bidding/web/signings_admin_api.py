"""Interface tokens and webhooks of the signing service, `/api/v1` (docs/format/signings.md 1 and 7)."""

from typing import Final

from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from bidding.errors import NotAllowedError
from bidding.signings.tokens import NewToken
from bidding.signings.webhooks import NewWebhook
from bidding.web import signings_views as views
from bidding.web.signings_access import AnyRequest, Asking, IdempotencyKey, Service, once, problems

HOOKS: Final = {"scope": "webhooks:manage"}
OWN: Final = {"scope": "tokens:manage"}


# -- tokens


@post("/tokens", sync_to_thread=True, opt=OWN, responses=problems())
def create_token(signings: Service, principal: Asking, data: JSONBody[NewToken]) -> views.NewTokenView:
    """创建接口令牌（须本人登录）；secret 只显示这一次."""
    if principal.actor is None:
        raise NotAllowedError("tokens are made by people")
    token, secret = signings.tokens.create(principal.actor, data)
    return views.NewTokenView(views.token_view(token), secret)


@get("/tokens", sync_to_thread=True, opt=OWN, responses=problems())
def list_tokens(signings: Service, principal: Asking) -> list[views.TokenView]:
    """本单位的接口令牌."""
    return [views.token_view(token) for token in signings.tokens.all(principal.uscc)]


@delete("/tokens/{token:str}", sync_to_thread=True, opt=OWN, responses=problems(404))
def revoke_token(token: FromPath[str], signings: Service, principal: Asking) -> None:
    """吊销接口令牌."""
    signings.tokens.revoke(principal.uscc, token)


# -- webhooks


@post("/webhooks", sync_to_thread=True, opt=HOOKS, responses=problems(409, 422))
def create_webhook(
    request: AnyRequest,
    signings: Service,
    principal: Asking,
    data: JSONBody[NewWebhook],
    idempotency_key: IdempotencyKey = "",
) -> Response[views.NewWebhookView]:
    """登记通知地址；secret（whsec_…）只显示这一次."""

    def work() -> views.NewWebhookView:
        webhook, secret = signings.webhooks.create(principal.uscc, data)
        return views.NewWebhookView(views.webhook_view(webhook), secret)

    return once(request, signings, principal.uscc, idempotency_key, data, work=work, status=201)


@get("/webhooks", sync_to_thread=True, opt=HOOKS, responses=problems())
def list_webhooks(signings: Service, principal: Asking) -> list[views.WebhookView]:
    """本单位的通知地址."""
    return [views.webhook_view(webhook) for webhook in signings.webhooks.all(principal.uscc)]


@delete("/webhooks/{webhook:str}", sync_to_thread=True, opt=HOOKS, responses=problems(404))
def delete_webhook(webhook: FromPath[str], signings: Service, principal: Asking) -> None:
    """删除通知地址."""
    signings.webhooks.delete(principal.uscc, webhook)


@post("/webhooks/{webhook:str}/test", sync_to_thread=True, status_code=200, opt=HOOKS, responses=problems(404))
def test_webhook(webhook: FromPath[str], signings: Service, principal: Asking) -> views.DeliveryView:
    """立即发送一次 webhook.test."""
    return views.delivery_view(signings.webhooks.test(principal.uscc, webhook))


@get("/webhooks/{webhook:str}/deliveries", sync_to_thread=True, opt=HOOKS, responses=problems(404))
def list_deliveries(webhook: FromPath[str], signings: Service, principal: Asking) -> list[views.DeliveryView]:
    """投递记录，新的在前."""
    return [views.delivery_view(one) for one in signings.webhooks.log(principal.uscc, webhook)]


@post(
    "/webhooks/{webhook:str}/deliveries/{delivery:str}/resend",
    sync_to_thread=True,
    status_code=200,
    opt=HOOKS,
    responses=problems(404),
)
def resend_delivery(
    webhook: FromPath[str], delivery: FromPath[str], signings: Service, principal: Asking
) -> views.DeliveryView:
    """重发一次投递；webhook-id 不变."""
    return views.delivery_view(signings.webhooks.resend(principal.uscc, webhook, delivery))


SIGNINGS_ADMIN: Final[list[HTTPRouteHandler]] = [
    create_token,
    list_tokens,
    revoke_token,
    create_webhook,
    list_webhooks,
    delete_webhook,
    test_webhook,
    list_deliveries,
    resend_delivery,
]
"""Mounted with `signings_api.SIGNINGS_API`."""
