"""The trading centre's pages (交易中心页面): public list, sections, results; publishing; the opening room.

`CENTRE_PAGES` are mounted as they are. Wiring gives these named dependencies: `site` (Site), `centre` (Centre),
`desk` (LoginDesk with `staff_of` the centre's unit, so that tenderers get in as well), `publishing` (Publishing) and
`hosting` (Hosting). Staff are the people of the centre's own unit.
"""

from typing import Any, Final

from litestar import Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, SkipValidation
from litestar.response import Template

from bidding.centre.hosting import Hosting
from bidding.centre.sections import Phase, Section
from bidding.centre.service import Centre
from bidding.errors import NotLoggedInError
from bidding.officer_desk import fingerprint
from bidding.web.centre_common import Visit, attachment, provide_guest, provide_member
from bidding.web.centre_opening_pages import OPENING_ROUTES
from bidding.web.centre_opening_view import (
    PHASE_WORDS,
    current_stage,
    is_read_out,
    public_step,
    read_opening,
    stage_line,
)
from bidding.web.centre_room import provide_room
from bidding.web.centre_section_pages import SECTION_ROUTES
from bidding.web.drawing import deadline_line, two_locks
from bidding.web.login_pages import provide_session, require_session, to_login
from bidding.web.parameters import StageQuery
from signing import canonical


@get("/", sync_to_thread=True, include_in_schema=False)
def list_page(visit: NamedDependency[SkipValidation[Visit]], fragment: FromQuery[bool] = False) -> Template:
    """标段列表，最近截止的在前."""
    centre, now = visit.centre, visit.centre.house.clock()
    rows = [(section, *_shown(centre, section)) for section in centre.sections.list()]
    rows.sort(key=lambda row: (row[1] is not Phase.BIDDING, abs((row[0].params.deadline - now).total_seconds())))
    template = "centre_list_live.html" if fragment else "centre_list.html"
    return visit.template(template, rows=rows, now=now, line=deadline_line)


@get("/sections/{code:str}", sync_to_thread=True, include_in_schema=False)
def section_page(
    code: FromPath[str],
    visit: NamedDependency[SkipValidation[Visit]],
    hosting: NamedDependency[SkipValidation[Hosting]],
    fragment: FromQuery[bool] = False,
) -> Template:
    """一个标段：参数、进度、平台时间；对交易中心的人员，截止前另有保密墙."""
    centre = visit.centre
    section, now = centre.sections.get(code), centre.house.clock()
    phases = centre.sections.phases(section, now)
    stage = current_stage(phases)
    read_out = is_read_out(centre, section, stage, phases[stage])
    return visit.template(
        "centre_section_live.html" if fragment else "centre_section.html",
        section=section,
        params=section.params,
        phase=phases[stage],
        words=PHASE_WORDS[phases[stage]],
        read_out=read_out or stage > 1,
        steps=stage_line(public_step(phases[stage], read_out=read_out)),
        line=deadline_line(section.released_at, section.params.deadline, now),
        source=centre.house.time_source,
        locks=two_locks(),
        now=now,
        print=fingerprint,
        attempts=hosting.attempts(code) if visit.staff else (),
    )


@get("/sections/{code:str}/params.json", sync_to_thread=True, include_in_schema=False)
def params_file(code: FromPath[str], centre: NamedDependency[SkipValidation[Centre]]) -> Response[bytes]:
    """招标人签署的标段参数，原样下载."""
    data = canonical.encode(centre.sections.get(code).signed)
    return Response(data, media_type="application/json", headers=attachment(f"{code}-params.json"))


@get("/sections/{code:str}/result", sync_to_thread=True, include_in_schema=False)
def result_page(code: FromPath[str], visit: NamedDependency[SkipValidation[Visit]], stage: StageQuery = 1) -> Template:
    """开标结果：唱标内容与开标记录，唱标后公开."""
    centre, section = visit.centre, visit.centre.sections.get(code)
    phases = centre.sections.phases(section, centre.house.clock())
    shown = stage if stage in phases else 1
    if not is_read_out(centre, section, shown, phases[shown]):
        steps = stage_line(public_step(phases[shown], read_out=False))
        return visit.template("centre_result.html", section=section, params=section.params, steps=steps, page=None)
    context = read_opening(centre, section, shown, phases).context()
    return visit.template("centre_result.html", **{**context, "stages": sorted(phases)})


@get("/sections/{code:str}/record.pdf", sync_to_thread=True, include_in_schema=False)
def record_file(
    code: FromPath[str], centre: NamedDependency[SkipValidation[Centre]], stage: StageQuery = 1
) -> Response[bytes]:
    """下载开标记录的最新版本."""
    version, data = centre.records.get(code, stage)
    headers = {**attachment(f"开标记录-{code}-{stage}.pdf"), "etag": f'"{version.sm3}"'}
    return Response(data, media_type="application/pdf", headers=headers)


def _shown(centre: Centre, section: Section) -> tuple[Phase, tuple[str, str]]:
    phases = centre.sections.phases(section, centre.house.clock())
    phase = phases[current_stage(phases)]
    return phase, PHASE_WORDS[phase]


_PUBLIC: Final[list[HTTPRouteHandler]] = [list_page, section_page, params_file, result_page, record_file]
_TO_LOGIN: Final[dict[Any, Any]] = {NotLoggedInError: to_login}
CENTRE_PAGES: Final[list[Any]] = [
    Router("/", route_handlers=_PUBLIC, dependencies={"visit": Provide(provide_guest)}),
    Router(
        "/",
        route_handlers=SECTION_ROUTES,
        guards=[require_session],
        dependencies={"session": Provide(provide_session), "visit": Provide(provide_member)},
        exception_handlers=_TO_LOGIN,
    ),
    Router(
        "/",
        route_handlers=OPENING_ROUTES,
        guards=[require_session],
        dependencies={"session": Provide(provide_session), "room": Provide(provide_room)},
        exception_handlers=_TO_LOGIN,
    ),
]
