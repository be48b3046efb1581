"""What refusals of the signing service are called (电子签署中心): class → HTTP status, stable code, Chinese words.

A piece of the table of `bidding.web.errors`; pure data.
"""

from typing import Final

from bidding import errors as bidding

SIGNINGS_WORDS: Final[dict[type[Exception], tuple[int, str, str]]] = {
    bidding.SigningServiceError: (409, "signing_service_refused", "电子签署中心没有办理这项操作，数据没有改变。"),
    bidding.NoSuchSigningError: (404, "signing_unknown", "没有这项签署、文件或页面，或不属于本单位。请核对编号。"),
    bidding.SigningStateError: (409, "signing_state", "签署当前的状态不允许这项操作。请先查询签署的状态。"),
    bidding.SigningOrderError: (
        422, "signing_plan", "签署内容不完整或自相矛盾：每枚印章至少用在一份文件上，每份文件至少有一处签章。",
    ),
    bidding.WrongDocumentDigestError: (422, "document_digest", "文件与声明的 SM3 摘要不一致，没有保存。请重新上传。"),
    bidding.UnknownFormatError: (415, "document_format", "只接收 PDF 和 OFD 文件。请转换后上传。"),
    bidding.SigningLimitError: (429, "signing_limit", "数量超过上限。请先完成、取消或删除已有的。"),
    bidding.IdempotencyKeyError: (
        409, "idempotency_key", "这个 Idempotency-Key 已用于另一请求，或首次请求仍在办理。新的请求请换用新的键。",
    ),
    bidding.TokenRefusedError: (401, "token_refused", "接口令牌无效、过期或已吊销，或创建人已无权办理。请重新创建。"),
    bidding.ScopeMissingError: (403, "scope_missing", "接口令牌没有这项操作所需的权限范围。请换用有权限的令牌。"),
    bidding.NoSuchTokenError: (404, "token_unknown", "本单位没有这个接口令牌。"),
    bidding.TooManyRequestsError: (429, "too_many_requests", "请求过于频繁。请按 Retry-After 等待后再试。"),
    bidding.NoSuchWebhookError: (404, "webhook_unknown", "本单位没有这个通知地址或这次投递。"),
    bidding.WebhookAddressError: (
        422, "webhook_address", "通知地址不可用：须为 https，且不得指向内部、本机或特殊网络。请更换地址。",
    ),
}  # fmt: skip
