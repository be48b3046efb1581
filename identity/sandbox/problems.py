"""How the sandbox tells a refusal: status, stable code, and a Chinese sentence that says what to do."""

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from identity import errors
from identity.errors import IdentityError, code_of

_log = logging.getLogger("yizhao.sandbox")


@dataclass(frozen=True)
class Row:
    """One refusal: HTTP status, what happened, what to do; `tell` adds the particulars of the case."""

    status: int
    title: str
    advice: str
    tell: bool = False


ROWS: Final[dict[type[IdentityError], Row]] = {
    errors.MalformedRequestError: Row(400, "请求内容不正确", "请检查填写的内容后重试。", tell=True),
    errors.MalformedConsentError: Row(400, "授权请求格式不正确", "请让发起方的系统重新发起请求。"),
    errors.MalformedLoginError: Row(400, "登录请求格式不正确", "请刷新登录页面，重新获取二维码。"),
    errors.MalformedLicenceError: Row(400, "照面信息不正确", "请检查统一社会信用代码和日期后重试。", tell=True),
    errors.MalformedAuthorisationError: Row(400, "授权内容不正确", "请检查授权事项和起止时间后重试。", tell=True),
    errors.InvalidCreditCodeError: Row(400, "统一社会信用代码不正确", "请核对 18 位代码（不含字母 I、O、S、V、Z）。"),
    errors.BadFormTokenError: Row(403, "页面已失效", "请返回上一页刷新后重新操作。"),
    errors.TooManyPendingError: Row(429, "待处理的请求过多", "请先处理或等待已有请求过期，再重新发起。"),
    errors.CompanyUnknownError: Row(404, "没有登记该单位", "请核对统一社会信用代码。"),
    errors.CompanyExistsError: Row(409, "该名称已经登记", "请更换单位名称，或直接使用已登记的单位。"),
    errors.LicenceRevokedError: Row(403, "营业执照已被吊销", "该单位不能再办理此事项，请联系登记机关。"),
    errors.LicenceCancelledError: Row(403, "营业执照已注销", "该单位不能再办理此事项，请联系登记机关。"),
    errors.SealMakerFailedError: Row(502, "印章制作失败", "本次登记没有生效，请稍后重新提交登记。"),
    errors.PersonUnknownError: Row(404, "没有此人", "请在“电子营业执照”中选择本人后重试。"),
    errors.PersonNotEntitledError: Row(
        403, "您不能办理此事项", "请由请求中写明的办理人办理；法定代表人章只能由法定代表人本人使用。"
    ),
    errors.AuthorisationUnknownError: Row(404, "没有此项授权", "请核对授权编号，或请法定代表人重新授权。"),
    errors.AuthorisationMissingItemError: Row(403, "授权不包含此事项", "请法定代表人办理，或由其增加授权事项。"),
    errors.AuthorisationNotStartedError: Row(403, "授权尚未生效", "请等到授权开始时间，或请法定代表人办理。"),
    errors.AuthorisationExpiredError: Row(403, "授权已经到期", "请法定代表人重新授权，或由其本人办理。"),
    errors.AuthorisationCancelledError: Row(403, "授权已被取消", "请法定代表人重新授权，或由其本人办理。"),
    errors.PinWrongError: Row(403, "执照密码错误", "请重新输入执照密码；连续输错 5 次将锁定 5 分钟。", tell=True),
    errors.PinLockedError: Row(429, "执照密码已锁定", "请等待 5 分钟后再试。", tell=True),
    errors.LoginUnknownError: Row(404, "没有此登录请求", "请刷新登录页面，重新扫描二维码。"),
    errors.LoginExpiredError: Row(410, "二维码已过期", "请刷新登录页面，重新扫描二维码。"),
    errors.LoginRefusedError: Row(409, "登录已被拒绝", "如需登录，请刷新登录页面，重新扫描二维码。"),
    errors.LoginUsedError: Row(409, "二维码已使用过", "每个二维码只能用一次，请刷新登录页面重新扫描。"),
    errors.NumberMismatchError: Row(
        403, "数字不一致", "请输入电脑屏幕上二维码旁的两位数字；如果不是您本人发起的登录，请点“拒绝”。"
    ),
    errors.ConsentUnknownError: Row(404, "没有此授权请求", "请回到发起方的系统重新发起。"),
    errors.ConsentNotConfirmedError: Row(409, "授权尚未确认", "请先在“电子营业执照”中确认。"),
    errors.ConsentExpiredError: Row(410, "授权请求已过期", "请回到发起方的系统重新发起，并在有效期内确认。"),
    errors.ConsentRefusedError: Row(409, "授权已被拒绝", "如仍需办理，请回到发起方的系统重新发起。"),
    errors.ConsentUsedError: Row(409, "授权已使用过", "每次授权只能使用一次，请重新发起授权请求。"),
    errors.ConsentDiffersError: Row(422, "授权请求与登记不符", "请让发起方核对后重新发起。", tell=True),
    errors.DigestNotListedError: Row(403, "内容不在授权范围内", "文件在授权后可能有改动，请核对文件后重新发起授权。"),
    errors.SealMismatchError: Row(403, "印章不符", "请使用本单位的、授权中写明的那枚印章，重新发起授权。"),
    errors.StatementMalformedError: Row(422, "待签内容格式不正确", "请让发起方的系统重新生成后再试。"),
    errors.StatementNotAllowedError: Row(403, "授权不允许此种签名", "请按要办理的事项重新发起授权。"),
    errors.ResidentIdError: Row(
        422, "公民身份号码不正确", "请核对 18 位公民身份号码；未满十八周岁的不能登记。", tell=True
    ),
    errors.PersonExistsError: Row(409, "此人已经登记", "请直接使用已登记的个人身份。"),
    errors.PersonRevokedError: Row(403, "个人证书已吊销", "请由本人重新申领个人证书后再办理。"),
    errors.SealOrderRefusedError: Row(422, "个人签名章没有制作", "请按提示修改后重新提交。", tell=True),
    errors.DeviceUnknownError: Row(404, "没有此设备密钥", "请核对设备编号，或重新获取本单位的设备列表。"),
    errors.WrapUnopenableError: Row(
        422, "密钥包打不开", "它不是封给此设备的或已损坏，请核对后重试，或改用其他恢复方式。"
    ),
}
_UNKNOWN: Final = Row(500, "仿真平台出错", "请稍后重试；仍不成功请查看仿真平台的日志。")


def row_of(error: Exception) -> Row:
    """Answer the row of an error's class or of the nearest base class."""
    return next((ROWS[kind] for kind in type(error).__mro__ if kind in ROWS), _UNKNOWN)


def detail_of(error: Exception) -> str:
    """Answer the sentence for people; particulars only where they are meant for them."""
    row = row_of(error)
    return f"{row.title}（{error}）。{row.advice}" if row.tell and str(error) else f"{row.title}。{row.advice}"


def code_for(error: Exception) -> str:
    """Answer the stable code; what a malformed object lacks is the request's fault."""
    if not isinstance(error, IdentityError) or row_of(error) is _UNKNOWN:
        return "internal_error"
    return code_of(type(error)) if isinstance(error, errors.RefusedError) else "malformed_request"


def _problem(status: int, code: str, title: str, detail: str) -> Response[dict[str, object]]:
    content = {"type": f"urn:yizhao:licence:{code}", "title": title, "status": status, "code": code, "detail": detail}
    headers = {"cache-control": "no-store"}
    return Response(content, status_code=status, media_type="application/problem+json", headers=headers)


def on_identity_error(_request: Request[Any, Any, Any], error: IdentityError) -> Response[dict[str, object]]:
    """Tell a refusal."""
    row = row_of(error)
    if row is _UNKNOWN:
        _log.error("%s: %s", type(error).__name__, error)
    return _problem(row.status, code_for(error), row.title, detail_of(error))


def on_http_error(_request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, object]]:
    """Tell what the framework refused; field names come from our own Structs, so they may be told."""
    if isinstance(error, ValidationException) or error.status_code == HTTPStatus.BAD_REQUEST:
        row = ROWS[errors.MalformedRequestError]
        return _problem(row.status, "malformed_request", row.title, f"{row.title}。{row.advice}")
    return _problem(error.status_code, f"http_{error.status_code}", "请求无法处理", "请检查地址和请求方式后重试。")


def on_deep_json(_request: Request[Any, Any, Any], _error: RecursionError) -> Response[dict[str, object]]:
    """Refuse JSON that is nested deeper than it can be read; a validator does not get to see it."""
    row = ROWS[errors.MalformedRequestError]
    return _problem(row.status, "malformed_request", row.title, f"{row.title}。{row.advice}")


def on_unknown_error(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, object]]:
    """Log a fault of the sandbox whole; tell nothing of its inside."""
    _log.error("unexpected error at %s %s", request.method, request.url.path, exc_info=error)
    return _problem(_UNKNOWN.status, "internal_error", _UNKNOWN.title, f"{_UNKNOWN.title}。{_UNKNOWN.advice}")


EXCEPTION_HANDLERS: Final[ExceptionHandlersMap] = {
    IdentityError: on_identity_error,
    HTTPException: on_http_error,
    RecursionError: on_deep_json,
    Exception: on_unknown_error,
}
