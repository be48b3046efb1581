"""Sealing a bid (盖章): where the seals will stand, consent on the wallet, before and after."""

from collections.abc import Sequence
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from bidding.documents.pictures import render_page
from bidding.documents.revisions import find_revision
from bidding.errors import NoSuchItemError, SealingRunningError
from bidding.web.bid_common import (
    REFUSALS,
    BidVisit,
    Visit,
    Waiting,
    draft_line,
    notice_of,
    picture,
    status_of,
)
from bidding.workbench.checks import SEAL_NAMES, is_complete
from bidding.workbench.drafts import Draft, Part
from bidding.workbench.placing_words import describe
from bidding.workbench.seal_rows import SealUse
from bidding.workbench.sealing_flow import PlanView
from bidding.workbench.trace_tables import OUTCOMES
from identity.consent import LEGAL_REPRESENTATIVE, render_consent
from identity.errors import TooManyPendingError

_PICTURE_DPI: Final = 72


@get("/bids/{draft:str}/seals", sync_to_thread=True, include_in_schema=False)
def seals_page(draft: FromPath[str], visit: Visit) -> Response[Any]:
    """盖章：用章位置、下一枚印章、盖章前后的图像."""
    found = visit.draft(draft)
    running = next((plan for plan in visit.workbench.sealing.of_draft(visit.actor, draft) if not plan.ended), None)
    if running is not None:
        return Redirect(f"/bids/{draft}/seals/{running.id}", status_code=303)
    return show_seals(visit, found)


def show_seals(visit: BidVisit, draft: Draft, *, status: int = 200, **more: Any) -> Response[Any]:
    """Show the parts of a draft with their seals and places."""
    findings = visit.workbench.exporting.check(draft)
    plans = visit.workbench.sealing.of_draft(visit.actor, draft.id)
    bare = [finding for finding in findings if finding.code == "seal_missing"]
    sealing_blocked = [f for f in findings if f.code in {"item_missing", "part_outdated", "params_changed"}]
    return visit.template(
        "bid_seals.html",
        status=status,
        steps=draft_line(draft, findings),
        draft=draft,
        params=draft.params,
        findings=findings,
        complete=is_complete(findings),
        bare=bare,
        blocked=sealing_blocked,
        next_kind=_next_kind(draft, plans),
        placings=visit.workbench.placing.kept(visit.actor, draft.id),
        describe=describe,
        last=plans[0] if plans else None,
        uses=[use for use in visit.workbench.sealing.uses(visit.actor) if use.section == draft.params.section],
        SEAL_NAMES=SEAL_NAMES,
        OUTCOMES=OUTCOMES,
        **more,
    )


@post("/bids/{draft:str}/seals", sync_to_thread=True, include_in_schema=False, status_code=303)
def begin_seals(draft: FromPath[str], visit: Visit) -> Response[Any]:
    """请求授权盖章：先法定代表人章，再公章；上一次没有办完的接着办."""
    try:
        plan = _begin(visit, draft)
    except REFUSALS as error:
        return show_seals(visit, visit.draft(draft), status=status_of(error), notice=notice_of(error))
    return Redirect(f"/bids/{draft}/seals/{plan.id}", status_code=303)


def _begin(visit: BidVisit, draft: str) -> PlanView:
    sealing, plans = visit.workbench.sealing, visit.workbench.sealing.of_draft(visit.actor, draft)
    if plans and plans[0].ended and plans[0].state != "sealed" and plans[0].code != "forgotten":
        try:
            return sealing.again(visit.actor, plans[0].id, visit.address)
        except SealingRunningError:  # the parts were assembled again since: begin anew
            pass
    return sealing.begin(visit.actor, draft, visit.address)


@get("/bids/{draft:str}/seals/{plan:str}", sync_to_thread=True, include_in_schema=False)
def seal_plan_page(draft: FromPath[str], plan: FromPath[str], visit: Visit) -> Response[Any]:
    """等待授权；确认后即签章、加时间戳，并转到下一枚印章."""
    try:
        view = visit.workbench.sealing.advance(visit.actor, plan, visit.address)
    except REFUSALS as error:
        view = visit.workbench.sealing.read(visit.actor, plan)
        if view.ended or not view.url:
            return show_seals(visit, visit.draft(draft), status=status_of(error), notice=notice_of(error))
        return visit.wait(_waiting(visit, draft, view), notice=_later(error), steps=_steps(visit, draft, view))
    if view.state == "sealed":
        return Redirect(f"/bids/{draft}/seals", status_code=303)
    if view.ended:
        again = ("post", f"/bids/{draft}/seals", "重新请求授权")
        return visit.over(view.state, view.code, again=again, back=f"/bids/{draft}/seals")
    return visit.wait(_waiting(visit, draft, view), steps=_steps(visit, draft, view))


@post("/bids/{draft:str}/seals/{plan:str}/cancel", sync_to_thread=True, include_in_schema=False, status_code=303)
def cancel_seals(draft: FromPath[str], plan: FromPath[str], visit: Visit) -> Response[Any]:
    """取消等待；文件不变."""
    try:
        visit.workbench.sealing.cancel(visit.actor, plan, visit.address)
    except REFUSALS as error:
        return show_seals(visit, visit.draft(draft), status=status_of(error), notice=notice_of(error))
    return Redirect(f"/bids/{draft}/seals", status_code=303)


@get("/bids/{draft:str}/parts/{item:str}/before/{page:int}", sync_to_thread=True, include_in_schema=False)
def before_picture(draft: FromPath[str], item: FromPath[str], page: FromPath[int], visit: Visit) -> Response[Any]:
    """盖章前的页面图像：取自同一文件中盖章前的版本，其 SM3 与用章记录一致."""
    part = visit.draft(draft).part(item)
    before = sm3_before(part, visit.workbench.sealing.uses(visit.actor))
    shelf = visit.workbench.desk.shelf
    with shelf.folder() as folder:
        path = shelf.copy(part.object, folder / "page.pdf")
        earlier = find_revision(path.read_bytes(), before)
        if earlier is None:
            raise NoSuchItemError("the earlier revision is not in the file")
        path.write_bytes(earlier)
        return picture(render_page(path, page, dpi=_PICTURE_DPI))


def sm3_before(part: Part, uses: Sequence[SealUse]) -> str:
    """Answer SM3 (hex) of a part before its first seal, from the record of uses; NoSuchItemError."""
    last = next((use for use in uses if use.outcome == "sealed" and use.after_sm3 == part.facts.sm3), None)
    same = [u for u in uses if last and (u.plan, u.position, u.outcome) == (last.plan, last.position, "sealed")]
    if not same:
        raise NoSuchItemError("this part carries no seal of ours")
    return same[0].before_sm3


# -- helpers


def _next_kind(draft: Draft, plans: Sequence[PlanView]) -> str:
    """Answer which kind of seal comes next: where an unfinished plan stands, or the first that is wanted."""
    if plans and plans[0].ended and plans[0].state != "sealed" and plans[0].kind is not None:
        return plans[0].kind.value
    lacking = {
        kind for part in draft.parts for kind in draft.item(part.item).seals
        if kind not in {seal.kind for seal in part.facts.seals}
    }  # fmt: skip
    return next((kind for kind in SEAL_NAMES if kind in lacking), "")


def _steps(visit: BidVisit, draft: str, view: PlanView) -> Any:
    found = visit.draft(draft)
    line = draft_line(found, visit.workbench.exporting.check(found))
    unit = view.kind is not None and view.kind.value == "unit"
    return [
        type(step)(step.name, "done" if unit and step.name == SEAL_NAMES[LEGAL_REPRESENTATIVE] else step.state)
        if step.name != SEAL_NAMES["unit"]
        else type(step)(step.name, "now" if unit else step.state)
        for step in line
    ]


def _later(error: Exception) -> dict[str, str]:
    notice = notice_of(error)
    more = "" if isinstance(error, TooManyPendingError) else "页面会自动重试，已完成的部分不会丢失。"
    return {**notice, "kind": "warn", "text": f"{notice['text']}{more}"}


def _waiting(visit: BidVisit, draft: str, view: PlanView) -> Waiting:
    name = SEAL_NAMES[view.kind.value] if view.kind is not None else "印章"
    return Waiting(
        heading=f"请授权加盖{name}",
        lead=f"请{view.person_name}用执照钱包核对下列文件后确认。确认后即签章，并加盖可信时间戳；每枚印章单独确认。",
        person=view.person_name,
        facts=(
            ("单位", f"{visit.actor.company}（{visit.actor.uscc}）"),
            ("印章", f"{name}，编号 {view.seal}"),
            ("确认人", view.person_name),
        ),
        lines=render_consent(view.record) if view.record else (),
        url=view.url,
        expires=view.expires_at,
        live=f"/bids/{draft}/seals/{view.id}",
        back=f"/bids/{draft}/seals",
        cancel=f"/bids/{draft}/seals/{view.id}/cancel",
    )


SEALING_ROUTES: Final = [
    seals_page,
    begin_seals,
    seal_plan_page,
    cancel_seals,
    before_picture,
]
