"""Packing a bid (封装): who can read it and when, the recovery code shown once, and the bundle for download."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath
from litestar.response import File, Redirect

from bidding.errors import MalformedBundleError, NoSuchConsentError
from bidding.web.bid_common import (
    REFUSALS,
    BidVisit,
    Visit,
    Waiting,
    attachment,
    draft_line,
    notice_of,
    stage_line,
    status_of,
)
from bidding.web.drawing import two_locks
from bidding.web.site import file_size
from bidding.workbench.checks import is_complete
from bidding.workbench.draft_packing import WHO_CAN_READ, Packing
from bidding.workbench.drafts import Draft
from bidding.workbench.submissions import Submission
from identity.consent import render_consent

MultiPart = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)]
UrlEncoded = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
MAX_OWN: Final = 1 << 30
"""Bytes of a bundle that comes through the form; a larger one comes through the interface for programs."""


@get("/bids/{draft:str}/pack", sync_to_thread=True, include_in_schema=False)
def pack_page(draft: FromPath[str], visit: Visit) -> Response[Any]:
    """封装：谁能在何时读到标书，两把锁，和自行封装的办法."""
    packings = visit.workbench.packing.of_draft(visit.actor, draft)
    current = next((one for one in packings if one.state in ("awaiting-consent", "packed")), None)
    if current is not None:
        return Redirect(f"/bids/{draft}/packings/{current.id}", status_code=303)
    return _show(visit, visit.draft(draft))


def _show(visit: BidVisit, draft: Draft, *, status: int = 200, **more: Any) -> Response[Any]:
    findings = visit.workbench.exporting.check(draft)
    return visit.template(
        "bid_pack.html",
        status=status,
        steps=draft_line(draft, findings),
        draft=draft,
        params=draft.params,
        findings=findings,
        complete=is_complete(findings),
        who=WHO_CAN_READ,
        locks=two_locks(),
        limit=file_size(MAX_OWN),
        **more,
    )


@post("/bids/{draft:str}/pack", sync_to_thread=True, include_in_schema=False, status_code=200)
def begin_packing(draft: FromPath[str], visit: Visit) -> Response[Any]:
    """加密封装并请求确认；恢复码只在这个答复中出现一次."""
    try:
        packing, code = visit.workbench.packing.begin(visit.actor, draft)
    except REFUSALS as error:
        return _show(visit, visit.draft(draft), status=status_of(error), notice=notice_of(error))
    found = visit.draft(draft)
    return visit.template(
        "bid_recovery.html", steps=stage_line(found.params, "封装"), draft=found, packing=packing, code=code
    )


@post("/bids/{draft:str}/packings/{packing:str}/copied", sync_to_thread=True, include_in_schema=False, status_code=303)
def recovery_copied(draft: FromPath[str], packing: FromPath[str], data: UrlEncoded, visit: Visit) -> Response[Any]:
    """“已抄写”之后去执照钱包确认."""
    del data
    visit.workbench.packing.get(visit.actor, packing)
    return Redirect(f"/bids/{draft}/packings/{packing}", status_code=303)


@get("/bids/{draft:str}/packings/{packing:str}", sync_to_thread=True, include_in_schema=False)
def packing_page(draft: FromPath[str], packing: FromPath[str], visit: Visit) -> Response[Any]:
    """等待确认；确认后签名、加时间戳，显示投标文件包的摘要和下载."""
    notice = None
    try:
        view = visit.workbench.packing.advance(visit.actor, packing)
    except REFUSALS as error:
        view, notice = visit.workbench.packing.get(visit.actor, packing), {**notice_of(error), "kind": "warn"}
    if view.state == "packed":
        return _packed(visit, draft, view)
    if view.state != "awaiting-consent":
        again = ("get", f"/bids/{draft}/pack", "重新封装")
        return visit.over(view.state, view.code, again=again, back=f"/bids/{draft}/pack")
    params = visit.draft(draft).params
    waiting = Waiting(
        heading="请确认封装",
        lead="投标文件已加密。请用执照钱包核对后确认，由执照密钥签署投标文件包的清单，并加盖可信时间戳。"
        "完成后明文和解密密钥即从本工作台删除。",
        person=visit.actor.person_name,
        facts=(
            ("标段", f"{params.title}（{params.section}）"),
            ("单位", f"{visit.actor.company}（{visit.actor.uscc}）"),
            ("大小", file_size(view.size)),
        ),
        lines=render_consent(view.record),
        url=view.url,
        expires=view.expires_at,
        live=f"/bids/{draft}/packings/{packing}",
        back=f"/bids/{draft}",
    )
    return visit.wait(waiting, steps=stage_line(params, "封装"), **({"notice": notice} if notice else {}))


def _packed(visit: BidVisit, draft: str, packing: Packing, *, status: int = 200, **more: Any) -> Response[Any]:
    if visit.fragment:
        return Redirect(visit.here, status_code=303)
    found = visit.draft(draft)
    sent = next((one for one in visit.workbench.submissions.all(visit.actor) if _is_of(one, packing)), None)
    return visit.template(
        "bid_bundle.html",
        status=status,
        steps=stage_line(found.params, "递交"),
        draft=found,
        params=found.params,
        packing=packing,
        sent=sent,
        file=visit.workbench.packing.path(packing.id).exists(),
        locks=two_locks(),
        **more,
    )


def _is_of(submission: Submission, packing: Packing) -> bool:
    over = {"refused", "expired", "failed"}
    return submission.bundle_sm3 == packing.bundle_sm3 and submission.state not in over


@get("/bids/{draft:str}/packings/{packing:str}/bundle", sync_to_thread=True, include_in_schema=False)
def bundle_file(draft: FromPath[str], packing: FromPath[str], visit: Visit) -> File:
    """下载投标文件包（.ytb）."""
    view = visit.workbench.packing.get(visit.actor, packing)
    path = visit.workbench.packing.path(packing)
    if view.state != "packed" or not path.exists():
        raise NoSuchConsentError("the bundle is not packed, or was handed in already")
    name = f"{visit.draft(draft).params.section}.ytb"
    return File(path, filename=name, media_type="application/octet-stream", headers={"cache-control": "no-store"})


@get("/bids/{draft:str}/export.zip", sync_to_thread=True, include_in_schema=False)
def export_file(draft: FromPath[str], visit: Visit) -> Response[Any]:
    """下载待封装文件夹：在自己的电脑上用 yizhao bundle pack 封装，明文不经本工作台封装."""
    found = visit.draft(draft)
    try:
        with visit.workbench.desk.shelf.folder() as folder:
            data = visit.workbench.exporting.write_zip(found, visit.actor.company, folder).read_bytes()
    except REFUSALS as error:
        return _show(visit, found, status=status_of(error), notice=notice_of(error))
    return Response(data, media_type="application/zip", headers=attachment(f"{found.params.section}.zip"))


@post("/bids/{draft:str}/packings/{packing:str}/submit", sync_to_thread=True, include_in_schema=False, status_code=303)
def submit_packing(draft: FromPath[str], packing: FromPath[str], visit: Visit) -> Response[Any]:
    """请求确认递交；投标文件包在这里留一份，供下载和再次递交."""
    view, found = visit.workbench.packing.get(visit.actor, packing), visit.draft(draft)
    path = visit.workbench.packing.path(packing)
    if view.state != "packed" or not path.exists():
        raise NoSuchConsentError("the bundle is not packed, or was handed in already")
    try:
        with _beside(visit) as copy:
            copy.hardlink_to(path)
            begun = visit.workbench.submissions.begin(visit.actor, found.centre, copy)
    except REFUSALS as error:
        return _packed(visit, draft, view, status=status_of(error), notice=notice_of(error))
    return Redirect(f"/submissions/{begun.id}", status_code=303)


@post(
    "/bids/{draft:str}/own-bundle",
    sync_to_thread=True,
    include_in_schema=False,
    status_code=303,
    request_max_body_size=MAX_OWN + (1 << 20),
)
def submit_own_bundle(draft: FromPath[str], data: MultiPart, visit: Visit) -> Response[Any]:
    """递交在自己电脑上封装的投标文件包."""
    found, file = visit.draft(draft), data.get("bundle")
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise MalformedBundleError("没有选择文件")
        with _beside(visit) as copy:
            with copy.open("xb") as target:
                while chunk := file.file.read(1 << 20):
                    target.write(chunk)
            begun = visit.workbench.submissions.begin(visit.actor, found.centre, copy)
    except REFUSALS as error:
        return _show(visit, found, status=status_of(error), notice=notice_of(error))
    return Redirect(f"/submissions/{begun.id}", status_code=303)


@contextmanager
def _beside(visit: BidVisit) -> Iterator[Path]:
    """Name a new file beside the bundles; what is not taken over is gone afterwards."""
    desk = visit.workbench.desk
    desk.bundles.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = desk.bundles / f"{desk.new_id()}.upload"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


PACKING_ROUTES: Final = [
    pack_page,
    begin_packing,
    recovery_copied,
    packing_page,
    bundle_file,
    export_file,
    submit_packing,
    submit_own_bundle,
]
