"""What all pages of the bidder's workbench share: who is looking, the stage line of a bid, waiting for the wallet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from litestar.response import Redirect, Template

from bidding.params import SectionParams
from bidding.sessions import Session
from bidding.web.centre_common import REFUSALS, attachment, qr_of, status_of
from bidding.web.errors import notice_of
from bidding.web.login_pages import page_context
from bidding.web.site import BEIJING, Site, beijing, file_size
from bidding.workbench.checks import SEAL_NAMES, Finding
from bidding.workbench.drafts import Draft
from bidding.workbench.service import Workbench
from identity.actor import Actor

__all__ = ["REFUSALS", "attachment", "notice_of", "qr_of", "status_of"]

AnyRequest = Request[Any, Any, Any]
FORM_CODES: Final = frozenset({"form_incomplete", "readout_incomplete", "price_differs", "days_differ"})
"""Findings that are put right on the form."""
_REASSEMBLE: Final = frozenset({"item_missing", "part_outdated", "price_too_early", "params_changed"})
_PRIVATE: Final = {"cache-control": "no-store"}


@dataclass(frozen=True)
class Step:
    """One word of the stage line; `state` is done, now or empty, `href` empty where there is no page yet."""

    name: str
    state: str
    href: str = ""


@dataclass(frozen=True)
class Waiting:
    """What a page shows while a person is asked on the wallet."""

    heading: str
    lead: str
    person: str
    facts: Sequence[tuple[str, str]]
    lines: Sequence[str]
    url: str
    expires: datetime | None
    live: str
    """Address of this page: it is asked again and again, and leads on when the person has decided."""
    back: str
    cancel: str = ""
    """Where a form ends the waiting; empty where only the wallet can."""


@dataclass(frozen=True)
class BidVisit:
    """One request of a person who acts for a bidder."""

    request: AnyRequest
    workbench: Workbench
    site: Site
    session: Session

    @property
    def actor(self) -> Actor:
        """Who acts, and for whom."""
        return self.session.actor

    @property
    def address(self) -> str:
        """Answer the network address of whoever asks: it stands in the record of seal uses."""
        return self.request.client.host if self.request.client else ""

    @property
    def fragment(self) -> bool:
        """Whether a live part of the page asks, not the page."""
        return self.request.query_params.get("fragment") == "true"

    @property
    def here(self) -> str:
        """Answer the address of the whole page."""
        query = urlencode([(k, v) for k, v in self.request.query_params.multi_items() if k != "fragment"])
        return f"{self.request.url.path}?{query}" if query else self.request.url.path

    def draft(self, name: str) -> Draft:
        """Answer a draft of this company; NoSuchDraftError."""
        return self.workbench.drafting.get(self.actor, name)

    def template(self, name: str, *, status: int = 200, **context: Any) -> Template:
        """Render a page; what every page of a bid shows is added."""
        now = self.workbench.desk.now()
        shared = {**page_context(self.session), "t": beijing, "t_ms": beijing_ms, "file_size": file_size, "now": now}
        return self.site.page(self.request, name, status=status, **{**shared, **context})

    def wait(self, waiting: Waiting, **more: Any) -> Response[Any]:
        """Show the QR code and the link to the wallet; the live part alone where only that is asked for."""
        name = "bid_wallet_live.html" if self.fragment else "bid_wallet.html"
        return self.template(name, w=waiting, qr=qr_of(waiting.url), **more)

    def over(self, outcome: str, code: str, *, again: tuple[str, str, str], back: str) -> Response[Any]:
        """Tell that nothing came of it; `again` is method, address and words of the one thing to do."""
        if self.fragment:
            return Redirect(self.here, status_code=303)
        text = OVER.get(outcome, "没有办成，数据没有改变。")
        notice = {"kind": "bad" if outcome == "failed" else "warn", "text": text, "code": code or outcome}
        return self.template("bid_over.html", notice=notice, again=again, back=back)


OVER: Final = {
    "refused": "本人在执照钱包中拒绝了确认，或已取消。没有签署，您的文件和数据没有改变。可以重新发起。",
    "expired": "确认已过期，没有签署，您的文件和数据没有改变。请重新发起，并在十分钟内确认。",
    "failed": "外部服务拒绝了这一步，没有签署，您的文件和数据没有改变。请按代码核对原因后重新发起。",
}


async def provide_bid_visit(
    request: AnyRequest,
    workbench: NamedDependency[SkipValidation[Workbench]],
    site: NamedDependency[SkipValidation[Site]],
    session: NamedDependency[SkipValidation[Session]],
) -> BidVisit:
    """Answer the visit of somebody logged in."""
    return BidVisit(request, workbench, site, session)


Visit = NamedDependency[SkipValidation[BidVisit]]


def beijing_ms(at: datetime) -> str:
    """Answer an instant as people here read it, to the millisecond."""
    local = at.astimezone(BEIJING)
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}"


def picture(data: bytes) -> Response[bytes]:
    """Answer a page picture that nobody keeps."""
    return Response(data, media_type="image/png", headers=_PRIVATE)


def step_names(params: SectionParams) -> tuple[str, ...]:
    """Answer the words of the stage line; seals that the section does not ask for are left out."""
    wanted = {seal for item in params.required for seal in item.seals}
    seals = tuple(name for kind, name in SEAL_NAMES.items() if kind in wanted)
    return ("添加文件", "填写", "组装", *seals, "封装", "递交", "回执", "开标")


def stage_line(params: SectionParams, now: str, links: dict[str, str] | None = None) -> list[Step]:
    """Answer the stage line with the step of this name as the present one; "" when all is done."""
    names = step_names(params)
    at = names.index(now) if now in names else len(names)
    state = ["done" if i < at else "now" if i == at else "" for i in range(len(names))]
    return [Step(name, s, (links or {}).get(name, "")) for name, s in zip(names, state, strict=True)]


def draft_line(draft: Draft, findings: Sequence[Finding]) -> list[Step]:
    """Answer the stage line of a draft that is being worked on, with links to its pages."""
    base = f"/bids/{draft.id}"
    links = {"添加文件": base, "填写": f"{base}/form", "组装": f"{base}/assembly", "封装": f"{base}/pack"}
    links |= dict.fromkeys(SEAL_NAMES.values(), f"{base}/seals")
    return stage_line(draft.params, draft_step(draft, findings), links)


def draft_step(draft: Draft, findings: Sequence[Finding]) -> str:
    """Answer the first step at which something is missing."""
    missing = [finding for finding in findings if finding.level == "missing"]
    if without_documents(draft):
        return "添加文件"
    if any(finding.code in FORM_CODES for finding in missing):
        return "填写"
    if any(
        finding.code in {"item_missing", "part_outdated", "price_too_early", "params_changed"} for finding in missing
    ):
        return "组装"
    bare = {finding.item for finding in missing if finding.code == "seal_missing"}
    for kind, name in SEAL_NAMES.items():
        if any(item.id in bare and kind in item.seals for item in draft.params.required):
            return name
    return "封装"


def without_documents(draft: Draft) -> list[str]:
    """Answer the required items that have neither a document nor a letter of ours."""
    return [
        item.id
        for item in draft.params.required
        if item.mandatory and not draft.documents_of(item.id) and draft.letter_of(item.id) is None
    ]
