"""Handing a bid in (递交): consent, progress, receipt or refusal; withdrawing it (撤回)."""

from contextlib import suppress
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import File, Redirect

from bidding.errors import BiddingError, NoSuchConsentError
from bidding.receipt import parse_receipt, parse_refusal
from bidding.verification import Question, judge_file
from bidding.web.bid_common import (
    REFUSALS,
    BidVisit,
    Visit,
    Waiting,
    attachment,
    notice_of,
    stage_line,
    status_of,
)
from bidding.web.drawing import Moment, timeline
from bidding.web.outcomes import REASONS
from bidding.web.render import report_context
from bidding.web.site import file_size
from bidding.workbench.submissions import Submission
from identity.consent import render_consent
from signing.errors import SigningError
from signing.timestamps import parse_token

RECEIVED: Final = frozenset({"accepted", "replaced", "withdrawn"})
STATES: Final = {
    "accepted": ("good", "✓ 有效，是本单位当前的投标"),
    "replaced": ("none", "已被新版本取代"),
    "withdrawn": ("warn", "已撤回"),
}
LATER: Final = {
    "CentreUnavailableError": "交易中心暂时没有应答，正在自动重试；已上传的部分不会丢失。",
    "UploadInterruptedError": "上传中断，正在从断点继续；已上传的部分不会丢失。",
    "SubmissionPendingError": "交易中心已收到，正在出具回执。",
}
_OPEN: Final = frozenset({"bidding"})


@get("/submissions/{submission:str}", sync_to_thread=True, include_in_schema=False)
def submission_page(submission: FromPath[str], visit: Visit) -> Response[Any]:
    """一次递交：等待确认、上传进度、回执或拒收凭证."""
    more: dict[str, Any] = {}
    try:
        bid = visit.workbench.submissions.advance(visit.actor, submission)
    except REFUSALS as error:
        bid, more = visit.workbench.submissions.get(visit.actor, submission), {"notice": notice_of(error)}
    if bid.state == "awaiting-consent":
        return visit.wait(_waiting(visit, bid), steps=_steps(visit, bid), **more)
    if bid.state == "uploading":
        name = "bid_upload_live.html" if visit.fragment else "bid_upload.html"
        return visit.template(name, bid=bid, steps=_steps(visit, bid), later=LATER.get(bid.code, ""), **more)
    if visit.fragment:
        return Redirect(visit.here, status_code=303)
    if bid.state in RECEIVED:
        return show_receipt(visit, bid, **more)
    if bid.refusal is not None:
        return _show_refusal(visit, bid)
    return visit.over(bid.state, bid.code, again=("get", _origin(visit, bid), "重新递交"), back="/")


def show_receipt(visit: BidVisit, bid: Submission, *, status: int = 200, **more: Any) -> Response[Any]:
    """Show the receipt, judged anew, and what can be done with the bid now."""
    if bid.receipt is not None and parse_receipt(bid.receipt).file.token is None:
        with suppress(*REFUSALS):
            bid = visit.workbench.submissions.refresh_receipt(visit.actor, bid.id)
    data = _need(bid.receipt)
    receipt, phase, params = parse_receipt(data), phase_of(visit, bid), params_of(visit, bid)
    stamped = None
    with suppress(SigningError):
        stamped = parse_token(receipt.file.token).gen_time if receipt.file.token else None
    moments = (
        Moment("收到最后一个字节", receipt.leaf.received_at, receipt.leaf.bundle_sm3, "交易中心签名"),
        Moment("交易中心签署回执", receipt.root.at, receipt.root.root.hex(), "回执 R1"),
        Moment("可信时间戳", stamped, "", "RFC 3161"),
        Moment("投标截止", None if phase in _OPEN else params.deadline, "", "标段参数"),
    )
    acts = visit.workbench.afterwards.of_submission(visit.actor, bid.id)
    return visit.template(
        "bid_receipt.html",
        status=status,
        steps=stage_line(params, "回执" if phase in _OPEN else "开标"),
        bid=bid,
        params=params,
        leaf=receipt.leaf,
        root=receipt.root,
        stamped=stamped,
        phase=phase,
        open=phase in _OPEN,
        state=STATES[bid.state],
        running=next((act for act in acts if act.state in ("awaiting-consent", "signed")), None),
        file=visit.workbench.submissions.path(bid.id).exists(),
        picture=timeline(moments),
        **report_context([_judge(visit, bid, data)]),
        **more,
    )


def phase_of(visit: BidVisit, bid: Submission) -> str:
    """Ask the centre where the section is; empty when it does not answer."""
    with suppress(BiddingError):
        return visit.workbench.sections.centre(bid.centre).fetch_section(bid.section).phase
    return ""


def params_of(visit: BidVisit, bid: Submission) -> Any:
    """Answer the parameters for which the bid was made."""
    return visit.workbench.sections.get(bid.params_sm3).params


def _judge(visit: BidVisit, bid: Submission, data: bytes) -> dict[str, Any]:
    desk = visit.workbench.desk
    with desk.shelf.folder() as folder:
        path = folder / "receipt.json"
        path.write_bytes(data)
        question = Question(desk.trust(), desk.now(), bundle_sm3=bid.bundle_sm3 if bid.receipt else "")
        return {**judge_file(path, question).as_json(), "file": f"{bid.section} 的凭证"}


def _show_refusal(visit: BidVisit, bid: Submission) -> Response[Any]:
    data = _need(bid.refusal)
    facts = parse_refusal(data).facts
    code, text = REASONS[facts.reason]
    return visit.template(
        "bid_refused.html",
        bid=bid,
        params=params_of(visit, bid),
        steps=_steps(visit, bid),
        facts=facts,
        notice={"kind": "bad", "text": text, "code": code},
        origin=_origin(visit, bid),
        **report_context([_judge(visit, bid, data)]),
    )


@get("/submissions/{submission:str}/receipt", sync_to_thread=True, include_in_schema=False)
def receipt_file(submission: FromPath[str], visit: Visit) -> Response[bytes]:
    """下载回执，原样；用 yizhao receipt verify 可在任何电脑上离线核验."""
    bid = visit.workbench.submissions.get(visit.actor, submission)
    headers = attachment(f"回执-{bid.section}.json")
    return Response(_need(bid.receipt), media_type="application/json", headers=headers)


@get("/submissions/{submission:str}/refusal", sync_to_thread=True, include_in_schema=False)
def refusal_file(submission: FromPath[str], visit: Visit) -> Response[bytes]:
    """下载拒收凭证，原样."""
    bid = visit.workbench.submissions.get(visit.actor, submission)
    headers = attachment(f"拒收凭证-{bid.section}.json")
    return Response(_need(bid.refusal), media_type="application/json", headers=headers)


@get("/submissions/{submission:str}/bundle", sync_to_thread=True, include_in_schema=False)
def submitted_file(submission: FromPath[str], visit: Visit) -> File:
    """下载递交的投标文件包（.ytb）."""
    bid = visit.workbench.submissions.get(visit.actor, submission)
    path = visit.workbench.submissions.path(bid.id)
    if not path.exists():
        raise NoSuchConsentError("the bundle is not here any more")
    return File(path, filename=f"{bid.section}.ytb", media_type="application/octet-stream")


@post("/submissions/{submission:str}/withdraw", sync_to_thread=True, include_in_schema=False, status_code=303)
def begin_withdrawal(submission: FromPath[str], visit: Visit) -> Response[Any]:
    """请求确认撤回；截止前可以撤回，撤回后截止前还可以重新递交."""
    try:
        act = visit.workbench.afterwards.begin_withdrawal(visit.actor, submission)
    except REFUSALS as error:
        bid = visit.workbench.submissions.get(visit.actor, submission)
        if bid.state not in RECEIVED:
            raise
        return show_receipt(visit, bid, status=status_of(error), notice=notice_of(error))
    return Redirect(f"/acts/{act.id}", status_code=303)


def _need(data: bytes | None) -> bytes:
    if data is None:
        raise NoSuchConsentError("there is none yet")
    return data


def _steps(visit: BidVisit, bid: Submission) -> Any:
    return stage_line(params_of(visit, bid), "递交")


def _origin(visit: BidVisit, bid: Submission) -> str:
    """Answer the page from which this bundle can be handed in again."""
    for draft in visit.workbench.drafting.all(visit.actor):
        for packing in visit.workbench.packing.of_draft(visit.actor, draft.id):
            if packing.bundle_sm3 == bid.bundle_sm3:
                return f"/bids/{draft.id}/packings/{packing.id}"
    return "/"


def _waiting(visit: BidVisit, bid: Submission) -> Waiting:
    params = params_of(visit, bid)
    live = visit.workbench.submissions.live(visit.actor, bid.centre, bid.section)
    replaces = (
        (("将替换", f"已递交的第 {parse_receipt(live.receipt).leaf.version} 版"),) if live and live.receipt else ()
    )
    return Waiting(
        heading="请确认递交",
        lead="请用执照钱包核对投标文件包的摘要后确认。确认后由执照密钥签署，随即上传；交易中心验签后出具回执。"
        "收到回执才算递交成功。",
        person=visit.actor.person_name,
        facts=(
            ("标段", f"{params.title}（{params.section}）"),
            ("交易中心", params.centre.name),
            ("投标文件包 SM3", bid.bundle_sm3),
            ("大小", file_size(bid.size)),
            *replaces,
        ),
        lines=render_consent(bid.record),
        url=bid.url,
        expires=bid.expires_at,
        live=f"/submissions/{bid.id}",
        back="/",
    )


SUBMISSION_ROUTES: Final = [
    submission_page,
    receipt_file,
    refusal_file,
    submitted_file,
    begin_withdrawal,
]
