"""The workbench's interface for programs, `/api/v1`: seals, packing, submission, withdrawal, release.

What waits for a person on the wallet answers `url`; `POST …/advance` goes on from wherever it stands, and is called
again until `state` says that it is over.
"""

from typing import Final

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from bidding.errors import NoSuchConsentError
from bidding.web import workbench_views as views
from bidding.web.trace_api import TRACE_API
from bidding.web.workbench_common import AnyRequest, Wb, Who, address_of, download_headers, with_body
from bidding.web.workbench_drafts_api import DRAFTS_API

MAX_BUNDLE: Final = 1 << 34


class NewSubmission(Struct, frozen=True, forbid_unknown_fields=True):
    """A bundle that this workbench packed."""

    packing: str


class NewRelease(Struct, frozen=True, forbid_unknown_fields=True):
    """Which stage; `by_code` if the half comes from the recovery code."""

    stage: int
    by_code: bool = False


class GoOn(Struct, frozen=True, forbid_unknown_fields=True):
    """The recovery code, where it is asked for."""

    recovery_code: str = ""


# -- seals


@post("/drafts/{draft:str}/sealings", sync_to_thread=True)
def begin_sealing(request: AnyRequest, draft: FromPath[str], workbench: Wb, session: Who) -> views.SealingView:
    """签章：先法定代表人章，再公章，各需一次授权."""
    return views.sealing_view(workbench.sealing.begin(session.actor, draft, address_of(request)))


@get("/drafts/{draft:str}/sealings", sync_to_thread=True)
def list_sealings(draft: FromPath[str], workbench: Wb, session: Who) -> list[views.SealingView]:
    """一份草稿的历次签章."""
    return [views.sealing_view(view) for view in workbench.sealing.of_draft(session.actor, draft)]


@get("/sealings/{plan:str}", sync_to_thread=True)
def show_sealing(plan: FromPath[str], workbench: Wb, session: Who) -> views.SealingView:
    """一次签章的进展."""
    return views.sealing_view(workbench.sealing.read(session.actor, plan))


@post("/sealings/{plan:str}/advance", sync_to_thread=True, status_code=200)
def advance_sealing(request: AnyRequest, plan: FromPath[str], workbench: Wb, session: Who) -> views.SealingView:
    """继续签章."""
    return views.sealing_view(workbench.sealing.advance(session.actor, plan, address_of(request)))


@post("/sealings/{plan:str}/again", sync_to_thread=True, status_code=200)
def take_up_sealing(request: AnyRequest, plan: FromPath[str], workbench: Wb, session: Who) -> views.SealingView:
    """重新开始被拒绝、过期或失败的签章."""
    return views.sealing_view(workbench.sealing.again(session.actor, plan, address_of(request)))


@post("/sealings/{plan:str}/cancel", sync_to_thread=True, status_code=200)
def cancel_sealing(request: AnyRequest, plan: FromPath[str], workbench: Wb, session: Who) -> views.SealingView:
    """取消等待授权的签章."""
    return views.sealing_view(workbench.sealing.cancel(session.actor, plan, address_of(request)))


# -- packing


@post("/drafts/{draft:str}/packings", sync_to_thread=True)
def begin_packing(draft: FromPath[str], workbench: Wb, session: Who) -> views.NewPackingView:
    """在本工作台封装；恢复码只显示这一次."""
    return views.new_packing_view(*workbench.packing.begin(session.actor, draft))


@get("/packings/{packing:str}", sync_to_thread=True)
def show_packing(packing: FromPath[str], workbench: Wb, session: Who) -> views.PackingView:
    """封装的进展."""
    return views.packing_view(workbench.packing.get(session.actor, packing))


@post("/packings/{packing:str}/advance", sync_to_thread=True, status_code=200)
def advance_packing(packing: FromPath[str], workbench: Wb, session: Who) -> views.PackingView:
    """继续封装；成功后明文即从本工作台删除."""
    return views.packing_view(workbench.packing.advance(session.actor, packing))


# -- submissions


@post("/submissions", sync_to_thread=True)
def begin_submission(workbench: Wb, session: Who, data: JSONBody[NewSubmission]) -> views.SubmissionView:
    """递交本工作台封装的投标文件包."""
    packing = workbench.packing.get(session.actor, data.packing)
    centre = workbench.drafting.get(session.actor, packing.draft).centre
    path = workbench.packing.path(packing.id)
    if packing.state != "packed" or not path.exists():
        raise NoSuchConsentError("the bundle is not packed, or was handed in already")
    copy = path.with_name(f"{workbench.desk.new_id()}.upload")  # a consent may be refused: the bundle stays for another
    copy.hardlink_to(path)
    try:
        return views.submission_view(workbench.submissions.begin(session.actor, centre, copy))
    finally:
        copy.unlink(missing_ok=True)


@post("/bundles", request_max_body_size=MAX_BUNDLE)
async def submit_bundle(
    request: AnyRequest, workbench: Wb, session: Who, centre: FromQuery[str]
) -> views.SubmissionView:
    """递交在自己电脑上封装的投标文件包：请求体是 .ytb 文件本身."""
    return await with_body(
        request,
        workbench,
        lambda path: views.submission_view(workbench.submissions.begin(session.actor, centre, path)),
    )


@get("/submissions", sync_to_thread=True)
def list_submissions(workbench: Wb, session: Who) -> list[views.SubmissionView]:
    """本单位的递交."""
    return [views.submission_view(bid) for bid in workbench.submissions.all(session.actor)]


@get("/submissions/{submission:str}", sync_to_thread=True)
def show_submission(submission: FromPath[str], workbench: Wb, session: Who) -> views.SubmissionView:
    """递交的进展."""
    return views.submission_view(workbench.submissions.get(session.actor, submission))


@post("/submissions/{submission:str}/advance", sync_to_thread=True, status_code=200)
def advance_submission(submission: FromPath[str], workbench: Wb, session: Who) -> views.SubmissionView:
    """继续递交：签署、上传（断点续传）、取回执."""
    return views.submission_view(workbench.submissions.advance(session.actor, submission))


@get("/submissions/{submission:str}/receipt", sync_to_thread=True)
def download_receipt(submission: FromPath[str], workbench: Wb, session: Who) -> Response[bytes]:
    """回执，原样；尚无时间戳的会先向交易中心再取一次."""
    bid = workbench.submissions.refresh_receipt(session.actor, submission)
    return _signed(bid.receipt, f"{bid.section}-receipt.json")


@get("/submissions/{submission:str}/refusal", sync_to_thread=True)
def download_refusal(submission: FromPath[str], workbench: Wb, session: Who) -> Response[bytes]:
    """拒收凭证，原样."""
    bid = workbench.submissions.get(session.actor, submission)
    return _signed(bid.refusal, f"{bid.section}-refusal.json")


@post("/submissions/{submission:str}/withdrawals", sync_to_thread=True)
def begin_withdrawal(submission: FromPath[str], workbench: Wb, session: Who) -> views.BidActView:
    """撤回投标."""
    return views.bid_act_view(workbench.afterwards.begin_withdrawal(session.actor, submission))


@post("/submissions/{submission:str}/releases", sync_to_thread=True)
def begin_release(
    submission: FromPath[str], workbench: Wb, session: Who, data: JSONBody[NewRelease]
) -> views.BidActView:
    """开标解密授权."""
    act = workbench.afterwards.begin_release(session.actor, submission, data.stage, by_code=data.by_code)
    return views.bid_act_view(act)


@get("/submissions/{submission:str}/acts", sync_to_thread=True)
def list_acts(submission: FromPath[str], workbench: Wb, session: Who) -> list[views.BidActView]:
    """一次递交之后的撤回与解密授权."""
    return [views.bid_act_view(act) for act in workbench.afterwards.of_submission(session.actor, submission)]


@post("/acts/{act:str}/advance", sync_to_thread=True, status_code=200)
def advance_act(act: FromPath[str], workbench: Wb, session: Who, data: JSONBody[GoOn]) -> views.BidActView:
    """继续撤回或解密授权."""
    return views.bid_act_view(workbench.afterwards.advance(session.actor, act, code=data.recovery_code))


def _signed(data: bytes | None, name: str) -> Response[bytes]:
    if data is None:
        raise NoSuchConsentError("there is none yet")
    return Response(data, media_type="application/json", headers=download_headers(name))


WORKBENCH_API: Final[list[HTTPRouteHandler]] = [
    *DRAFTS_API,
    begin_sealing,
    list_sealings,
    show_sealing,
    advance_sealing,
    take_up_sealing,
    cancel_sealing,
    *TRACE_API,
    begin_packing,
    show_packing,
    advance_packing,
    begin_submission,
    submit_bundle,
    list_submissions,
    show_submission,
    advance_submission,
    download_receipt,
    download_refusal,
    begin_withdrawal,
    begin_release,
    list_acts,
    advance_act,
]
"""Mount these with `with_session("/api/v1", WORKBENCH_API)`; the app gives `workbench` and `desk`."""
