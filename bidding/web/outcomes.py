"""What came of a submission, as an HTTP answer. A receipt file is JSON, so it is the body as it is, byte for byte."""

import base64
from typing import Any, Final

from litestar import Response

from bidding.centre.ledger import Accepted, Acknowledged, Known, Refused, Waiting

_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
REASONS: Final = {
    "late": ("deadline_passed", "已过投标截止时间，没有接收。请保存随附的拒收凭证。"),
    "incomplete": ("upload_incomplete", "截止时投标文件没有传完，视为撤回。请保存随附的拒收凭证。"),
    "not-committed-in-time": (
        "not_committed_in_time",
        "按时收到，但平台未能在封盘前入库，属平台原因。请保存随附的拒收凭证并联系交易中心。",
    ),
    "faulty": ("bundle_faulty", "按时收到，但投标文件包不合格，没有接收。请保存随附的拒收凭证。"),
}


def answer(outcome: Known | Waiting, *, created: bool = True) -> Response[Any]:
    """201 (or 200) with the signed bytes, 202 while bytes are missing, 422 with the signed refusal inside."""
    match outcome:
        case Accepted(data) | Acknowledged(data):
            return Response(data, status_code=201 if created else 200, media_type=_JSON)
        case Waiting(_, offset, length):
            return Response({"state": "pending", "offset": offset, "length": length}, status_code=202)
        case Refused(data, reason):
            return refused(data, reason)


def refused(data: bytes, reason: str) -> Response[Any]:
    """Answer the problem; its member `refusal` is base64 of the refusal file."""
    code, text = REASONS[reason]
    problem = {
        "type": f"urn:yizhao:problem:{code}",
        "title": text,
        "status": 422,
        "code": code,
        "detail": text,
        "reason": reason,
        "refusal": base64.b64encode(data).decode(),
    }
    return Response(problem, status_code=422, media_type=_PROBLEM)
