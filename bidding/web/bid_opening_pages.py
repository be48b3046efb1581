"""The opening as a bidder takes part in it (开标): releasing its half, the readout, its own seal on the record."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final

from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath
from litestar.response import Redirect

from bidding.documents.pictures import render_page
from bidding.errors import CentreRefusedError, CentreUnavailableError, InvalidAmountError
from bidding.money import format_amount, parse_amount
from bidding.params import ReadoutField, SectionParams
from bidding.readout import readout_fields
from bidding.web.bid_common import (
    REFUSALS,
    BidVisit,
    Visit,
    Waiting,
    attachment,
    notice_of,
    picture,
    stage_line,
    status_of,
)
from bidding.web.bid_submission_pages import params_of
from bidding.web.parameters import StageQuery
from bidding.workbench.afterwards import BidAct
from bidding.workbench.centre_answers import OpeningAnswer, OutcomeLine, StageLine
from bidding.workbench.record_sealing import OpeningRecord, RecordSealing
from bidding.workbench.releasing import device_wraps
from bidding.workbench.submissions import Submission
from identity.consent import render_consent

UrlEncoded = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
PHASES: Final = {
    "bidding": "招标中", "closing": "正在封标", "closed": "已截止，解密授权中", "frozen": "名单已冻结，等待开标人",
    "opened": "已唱标，签署开标记录", "ended": "开标结束",
}  # fmt: skip
_READ_OUT: Final = frozenset({"frozen", "opened", "ended"})
_PREVIEW_DPI: Final = 72
_NOT_YET: Final = {"kind": "warn", "text": "请先在执照钱包中确认，再提交恢复码。", "code": "consent_pending"}


@dataclass(frozen=True)
class BidderOpening:
    """What the page of one stage shows."""

    bid: Submission
    params: SectionParams
    opening: OpeningAnswer
    stage: StageLine
    acts: tuple[BidAct, ...]
    outcomes: tuple[OutcomeLine, ...]
    record: OpeningRecord | None

    @property
    def released(self) -> bool:
        """Whether the centre has this bid's half."""
        return any(act.state == "done" for act in self.acts)

    @property
    def running(self) -> BidAct | None:
        """Answer the release that waits for somebody."""
        return next((act for act in self.acts if act.state in ("awaiting-consent", "signed")), None)

    @property
    def counted(self) -> bool:
        """Whether this bid is in the closed set."""
        return self.bid.bundle_sm3 in self.opening.bundles

    @property
    def may_seal(self) -> bool:
        """Whether it is time for this bidder's seal on the record."""
        record = self.record
        return record is not None and record.begun and not record.ours and self.stage.phase == "opened"


@get("/submissions/{submission:str}/opening", sync_to_thread=True, include_in_schema=False)
def opening_page(submission: FromPath[str], visit: Visit, stage: StageQuery = 0) -> Response[Any]:
    """开标：解密授权、唱标结果、确认开标记录."""
    return show_opening(visit, visit.workbench.submissions.get(visit.actor, submission), stage)


def show_opening(visit: BidVisit, bid: Submission, stage: int, *, status: int = 200, **more: Any) -> Response[Any]:
    """Show a stage of the opening, or the current one; the live part alone where only that is asked for."""
    try:
        page = _read(visit, bid, stage)
    except (CentreUnavailableError, CentreRefusedError) as error:
        notice = {**notice_of(error), "kind": "warn"}
        steps = stage_line(params_of(visit, bid), "开标")
        return visit.template(
            "bid_opening_none.html", bid=bid, params=params_of(visit, bid), steps=steps, notice=notice
        )
    name = "bid_opening_live.html" if visit.fragment else "bid_opening.html"
    return visit.template(
        name,
        status=status,
        page=page,
        bid=bid,
        params=page.params,
        devices=device_wraps(bid.header, page.stage.stage),
        fields=readout_fields(page.params, page.stage.stage),
        PHASES=PHASES,
        shown=shown,
        steps=stage_line(page.params, "" if page.stage.phase == "ended" else "开标"),
        **more,
    )


def _read(visit: BidVisit, bid: Submission, stage: int) -> BidderOpening:
    centre = visit.workbench.sections.centre(bid.centre)
    opening = centre.fetch_opening(bid.section)
    lines = {line.stage: line for line in opening.stages}
    current = next((line for line in opening.stages if line.phase != "ended"), opening.stages[-1])
    shown = lines.get(stage, current)
    outcomes: tuple[OutcomeLine, ...] = ()
    record = None
    if shown.phase in _READ_OUT:
        with suppress(CentreRefusedError):
            outcomes = centre.fetch_readout(bid.section, shown.stage)
        with suppress(CentreRefusedError):
            record = _sealing(visit).fetch(bid, shown.stage)
    acts = visit.workbench.afterwards.of_submission(visit.actor, bid.id)
    mine = tuple(act for act in acts if act.kind == "release" and act.stage == shown.stage)
    return BidderOpening(bid, params_of(visit, bid), opening, shown, mine, outcomes, record)


def shown(outcome: OutcomeLine, field: ReadoutField) -> str:
    """Answer what was read out for a field as people read it: money with separators, "—" where there is nothing."""
    value = next((item.value for item in outcome.readout if item.id == field.id), "")
    with suppress(InvalidAmountError):
        return format_amount(parse_amount(value)) if value and field.kind == "money" else value or "—"
    return value


# -- releasing


@post("/submissions/{submission:str}/release", sync_to_thread=True, include_in_schema=False, status_code=303)
def begin_release(submission: FromPath[str], data: UrlEncoded, visit: Visit) -> Response[Any]:
    """请求确认解密授权：由手机钱包交出解密密钥，或用恢复码."""
    stage = _stage(data)
    try:
        by_code = bool(data.get("by_code"))
        act = visit.workbench.afterwards.begin_release(visit.actor, submission, stage, by_code=by_code)
    except REFUSALS as error:
        bid = visit.workbench.submissions.get(visit.actor, submission)
        return show_opening(visit, bid, stage, status=status_of(error), notice=notice_of(error))
    return Redirect(f"/acts/{act.id}", status_code=303)


@get("/acts/{act:str}", sync_to_thread=True, include_in_schema=False)
def act_page(act: FromPath[str], visit: Visit) -> Response[Any]:
    """等待撤回或解密授权的确认；确认后签署并送交易中心."""
    more: dict[str, Any] = {}
    try:
        found = visit.workbench.afterwards.advance(visit.actor, act)
    except REFUSALS as error:
        found, more = visit.workbench.afterwards.get(visit.actor, act), {"notice": notice_of(error)}
    return _show_act(visit, found, **more)


@post("/acts/{act:str}/code", sync_to_thread=True, include_in_schema=False, status_code=303)
def give_code(act: FromPath[str], data: UrlEncoded, visit: Visit) -> Response[Any]:
    """提交恢复码；它只用于取出本次的解密密钥，不保存."""
    code = data.get("code", "")
    try:
        found = visit.workbench.afterwards.advance(visit.actor, act, code=code.strip() if isinstance(code, str) else "")
    except REFUSALS as error:
        found = visit.workbench.afterwards.get(visit.actor, act)
        return _show_act(visit, found, notice=notice_of(error))
    return _show_act(visit, found, **({"notice": _NOT_YET} if found.state == "awaiting-consent" else {}))


def _show_act(visit: BidVisit, act: BidAct, **more: Any) -> Response[Any]:
    bid = visit.workbench.submissions.get(visit.actor, act.submission)
    home = f"/submissions/{bid.id}"
    back = home if act.kind == "withdraw" else f"{home}/opening?stage={act.stage}"
    if act.state == "done":
        return Redirect(back, status_code=303)
    if act.state not in ("awaiting-consent", "signed"):
        return visit.over(act.state, act.code, again=("get", back, "返回"), back=back)
    params = params_of(visit, bid)
    step = "回执" if act.kind == "withdraw" else "开标"
    return visit.wait(_waiting(visit, bid, act, back), steps=stage_line(params, step), act=act, **more)


def _waiting(visit: BidVisit, bid: Submission, act: BidAct, back: str) -> Waiting:
    params = params_of(visit, bid)
    if act.kind == "withdraw":
        heading, lead = "请确认撤回投标", "确认后由执照密钥签署撤回，送交易中心。撤回后截止前还可以重新递交。"
    else:
        heading = "请确认解密授权"
        lead = (
            "确认后交出本单位的解密密钥，只用于这一份投标文件包的这一阶段。名单冻结并由开标人交出另一把密钥后才能打开。"
        )
    if act.state == "signed":
        lead = "已确认并签署，正在送交易中心；没有应答时会自动重试。"
    return Waiting(
        heading=heading,
        lead=lead,
        person=visit.actor.person_name,
        facts=(
            ("标段", f"{params.title}（{params.section}）"),
            ("单位", f"{visit.actor.company}（{visit.actor.uscc}）"),
            ("投标文件包 SM3", bid.bundle_sm3),
        ),
        lines=render_consent(act.record),
        url=act.url,
        expires=act.expires_at,
        live=f"/acts/{act.id}",
        back=back,
    )


# -- the record


@get("/submissions/{submission:str}/record.pdf", sync_to_thread=True, include_in_schema=False)
def record_file(submission: FromPath[str], visit: Visit, stage: StageQuery = 1) -> Response[bytes]:
    """下载开标记录的最新版本."""
    bid = visit.workbench.submissions.get(visit.actor, submission)
    data = _sealing(visit).fetch(bid, stage).data
    headers = attachment(f"开标记录-{bid.section}-{stage}.pdf")
    return Response(data, media_type="application/pdf", headers=headers)


@get("/submissions/{submission:str}/record/pages/{page:int}", sync_to_thread=True, include_in_schema=False)
def record_picture(
    submission: FromPath[str], page: FromPath[int], visit: Visit, stage: StageQuery = 1
) -> Response[bytes]:
    """开标记录一页的图像."""
    bid = visit.workbench.submissions.get(visit.actor, submission)
    with visit.workbench.desk.shelf.folder() as folder:
        path = folder / "record.pdf"
        path.write_bytes(_sealing(visit).fetch(bid, stage).data)
        return picture(render_page(path, page, dpi=_PREVIEW_DPI))


@post("/submissions/{submission:str}/record", sync_to_thread=True, include_in_schema=False, status_code=303)
def begin_record_seal(submission: FromPath[str], data: UrlEncoded, visit: Visit) -> Response[Any]:
    """请求确认：在开标记录的最新版本上加盖本单位公章."""
    bid, stage = visit.workbench.submissions.get(visit.actor, submission), _stage(data)
    try:
        version = _sealing(visit).begin(visit.actor, bid, stage, visit.address)
    except REFUSALS as error:
        return show_opening(visit, bid, stage, status=status_of(error), notice=notice_of(error))
    return Redirect(f"/submissions/{submission}/record/{version}?stage={stage}", status_code=303)


@get("/submissions/{submission:str}/record/{version:str}", sync_to_thread=True, include_in_schema=False)
def record_seal_page(
    submission: FromPath[str], version: FromPath[str], visit: Visit, stage: StageQuery = 1
) -> Response[Any]:
    """等待确认；确认后加盖公章，并交回交易中心."""
    bid = visit.workbench.submissions.get(visit.actor, submission)
    back = f"/submissions/{submission}/opening?stage={stage}"
    try:
        view = _sealing(visit).advance(bid, stage, version, visit.address)
    except REFUSALS as error:
        if visit.fragment:
            return Redirect(f"/submissions/{submission}/record/{version}?stage={stage}", status_code=303)
        return show_opening(visit, bid, stage, status=status_of(error), notice=notice_of(error))
    if view.state == "sealed":
        return Redirect(back, status_code=303)
    if view.ended:
        return visit.over(view.state, view.code, again=("get", back, "返回，重新加盖"), back=back)
    params = params_of(visit, bid)
    waiting = Waiting(
        heading="请确认开标记录",
        lead="请用执照钱包核对后确认。确认后在开标记录中为本单位预留的位置加盖公章，并加盖可信时间戳。",
        person=view.person_name,
        facts=(("标段", f"{params.title}（{params.section}）"), ("开标记录 SM3", version), ("印章编号", view.seal)),
        lines=render_consent(view.record) if view.record else (),
        url=view.url,
        expires=view.expires_at,
        live=f"/submissions/{submission}/record/{version}?stage={stage}",
        back=back,
    )
    return visit.wait(waiting, steps=stage_line(params, "开标"))


def _sealing(visit: BidVisit) -> RecordSealing:
    workbench = visit.workbench
    return RecordSealing(workbench.desk, workbench.sealing.flow, workbench.sections)


def _stage(data: dict[str, Any]) -> int:
    given = data.get("stage", "1")
    return int(given) if isinstance(given, str) and given in {"1", "2", "3", "4"} else 1


OPENING_ROUTES: Final = [
    opening_page,
    begin_release,
    act_page,
    give_code,
    record_file,
    record_picture,
    begin_record_seal,
    record_seal_page,
]
