"""The bidder's pages (投标人工作台): my projects, and from there every step from the first document to the opening.

`WORKBENCH_PAGES` are mounted as they are. Wiring gives these named dependencies: `workbench` (Workbench), `site`
(Site), `desk` (LoginDesk). Pages: `/`, `/bids/{draft}` with `/form`, `/assembly`, `/seals`, `/pack`, `/packings/…`;
`/submissions/{id}` with `/opening` and `/record`; `/acts/{id}`; `/seal-uses`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from litestar import Response, Router, get, post
from litestar.di import Provide
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from bidding.errors import CentreRefusedError, CentreUnavailableError, NotLoggedInError
from bidding.web.bid_common import REFUSALS, BidVisit, Visit, notice_of, provide_bid_visit, status_of
from bidding.web.bid_opening_pages import OPENING_ROUTES, PHASES
from bidding.web.bid_packing_pages import PACKING_ROUTES
from bidding.web.bid_pages import BID_ROUTES
from bidding.web.bid_placing_pages import PLACING_ROUTES
from bidding.web.bid_sealing_pages import SEALING_ROUTES
from bidding.web.bid_submission_pages import SUBMISSION_ROUTES
from bidding.web.login_pages import provide_session, require_session, to_login
from bidding.web.trace_pages import TRACE_ROUTES
from bidding.workbench.centre_answers import SectionLine
from bidding.workbench.drafts import Draft
from bidding.workbench.submissions import Submission

UrlEncoded = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
_GOING: Final = ("awaiting-consent", "uploading")


@dataclass(frozen=True)
class Project:
    """One section as it stands for this company, and the one thing to do about it."""

    centre: str
    code: str
    title: str
    project: str
    tenderer: str
    deadline: datetime
    phase: str
    kind: str
    """Tone of the state's tag: good, warn or none."""
    state: str
    action: str
    """Words of the button; empty where there is nothing to do."""
    href: str
    """Where it leads; empty for 开始投标, which is a form."""


@get("/", sync_to_thread=True, include_in_schema=False)
def projects_page(visit: Visit) -> Response[Any]:
    """我的项目：所有交易中心的标段、截止时间、我的状态和下一步."""
    return _show(visit)


@post("/bids", sync_to_thread=True, include_in_schema=False, status_code=303)
def begin_bid(data: UrlEncoded, visit: Visit) -> Response[Any]:
    """开始投标：取得并核验招标人签署的标段参数，打开草稿；已有草稿时接着做."""
    centre, code = str(data.get("centre", "")), str(data.get("section", ""))
    try:
        section = visit.workbench.sections.follow(centre, code)
        draft = visit.workbench.drafting.create(visit.actor, centre, section.params_sm3)
    except REFUSALS as error:
        return _show(visit, status=status_of(error), notice=notice_of(error))
    return Redirect(f"/bids/{draft.id}", status_code=303)


def _show(visit: BidVisit, *, status: int = 200, **more: Any) -> Response[Any]:
    lines, silent = _offered(visit)
    drafts = visit.workbench.drafting.all(visit.actor)
    bids = visit.workbench.submissions.all(visit.actor)
    found = [_project(visit, centre, line, drafts, bids) for centre, line in lines]
    found.sort(key=lambda one: (one.phase != "bidding", not one.action, one.deadline))
    first = next((one for one in found if one.action), None)
    return visit.template(
        "bid_projects.html", status=status, projects=found, first=first, silent=silent, PHASES=PHASES, **more
    )


def _offered(visit: BidVisit) -> tuple[list[tuple[str, SectionLine]], list[str]]:
    """Answer what all centres offer, and the centres that do not answer: of these what is known already."""
    lines: list[tuple[str, SectionLine]] = []
    silent: list[str] = []
    for centre in sorted(visit.workbench.sections.centres):
        try:
            lines += [(centre, line) for line in visit.workbench.sections.offered(centre)]
        except (CentreUnavailableError, CentreRefusedError):
            silent.append(centre)
    known = {(centre, line.code) for centre, line in lines}
    for section in visit.workbench.sections.followed():
        params, now = section.params, visit.workbench.desk.now()
        if (section.centre, params.section) not in known:
            phase = "bidding" if now < params.deadline else "closed"
            tenderer = params.tenderer
            line = SectionLine(
                params.section, params.title, params.project, tenderer.name, tenderer.uscc, section.params_sm3,
                params.deadline, params.closes_at, phase, {}, now,
            )  # fmt: skip
            lines.append((section.centre, line))
    return lines, silent


def _project(
    visit: BidVisit, centre: str, line: SectionLine, drafts: Sequence[Draft], bids: Sequence[Submission]
) -> Project:
    mine = [bid for bid in bids if (bid.centre, bid.section) == (centre, line.code)]
    own = [draft for draft in drafts if (draft.centre, draft.params.section) == (centre, line.code)]
    kind, state, action, href = _standing(visit, line, own, mine)
    return Project(
        centre, line.code, line.title, line.project, line.tenderer, line.deadline, line.phase, kind, state, action, href
    )


def _standing(
    visit: BidVisit, line: SectionLine, drafts: Sequence[Draft], bids: Sequence[Submission]
) -> tuple[str, str, str, str]:
    """Answer tone and words of the state, words of the next step and where it leads."""
    going = next((bid for bid in bids if bid.state in _GOING), None)
    live = next((bid for bid in bids if bid.state == "accepted"), None)
    working = next((draft for draft in drafts if draft.state == "open"), None)
    bidding = line.phase == "bidding"
    if going is not None:
        return "warn", "正在递交", "查看递交", f"/submissions/{going.id}"
    if live is not None and not bidding:
        words = {"closing": "正在封标", "ended": "已开标"}.get(line.phase, "开标中")
        return "warn", words, "进入开标", f"/submissions/{live.id}/opening"
    if working is not None and bidding:
        changed = working.params_sm3 != line.params_sm3
        words = "待确认（标段参数有更正）" if changed else "制作中（另有已递交的投标）" if live else "制作中"
        return "warn", words, "继续制作", f"/bids/{working.id}"
    if live is not None:
        return "good", "✓ 已递交", "查看回执", f"/submissions/{live.id}"
    if bidding:
        return _before(visit, drafts, bids)
    return "none", "未投标" if not bids else "没有有效投标", "", ""


def _before(visit: BidVisit, drafts: Sequence[Draft], bids: Sequence[Submission]) -> tuple[str, str, str, str]:
    """Answer the same for a section that takes bids and has none of ours."""
    sent = {bid.bundle_sm3 for bid in bids if bid.state in {"accepted", "replaced", "withdrawn"}}
    for draft in drafts:
        for packing in visit.workbench.packing.of_draft(visit.actor, draft.id):
            if packing.state == "packed" and packing.bundle_sm3 not in sent:
                return "warn", "已封装，尚未递交", "去递交", f"/bids/{draft.id}/packings/{packing.id}"
    if any(bid.state == "withdrawn" for bid in bids):
        return "warn", "已撤回", "重新投标", ""
    return "none", "尚未投标", "开始投标", ""


WORKBENCH_PAGES: Final[list[Any]] = [
    Router(
        "/",
        route_handlers=[
            projects_page,
            begin_bid,
            *BID_ROUTES,
            *PLACING_ROUTES,
            *SEALING_ROUTES,
            *TRACE_ROUTES,
            *PACKING_ROUTES,
            *SUBMISSION_ROUTES,
            *OPENING_ROUTES,
        ],
        guards=[require_session],
        dependencies={"session": Provide(provide_session), "visit": Provide(provide_bid_visit)},
        exception_handlers={NotLoggedInError: to_login},
    )
]
