"""The workbench's interface for programs, `/api/v1`: sections, drafts, documents, parts. Decode, call, answer."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final
from urllib.parse import unquote

from litestar import Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream
from msgspec import Struct

from bidding.documents.intake import MAX_SIZE
from bidding.documents.pictures import render_page
from bidding.errors import NoSuchItemError
from bidding.web import workbench_views as views
from bidding.web.placing_api import PLACING_API
from bidding.web.workbench_common import PRIVATE, AnyRequest, Wb, Who, download_headers, with_body
from bidding.workbench.centre_answers import SectionLine
from bidding.workbench.drafts import Form, PartPlace
from bidding.workbench.service import Workbench
from signing.digests import CHUNK

PREVIEW_DPI: Final = 96


class NewDraft(Struct, frozen=True, forbid_unknown_fields=True):
    """Which section of which centre."""

    centre: str
    section: str


class Order(Struct, frozen=True, forbid_unknown_fields=True):
    """All documents of an item, in their new order."""

    documents: tuple[str, ...]


class Places(Struct, frozen=True, forbid_unknown_fields=True):
    """One place for each seal that an item needs."""

    places: tuple[PartPlace, ...]


# -- sections and drafts


@get("/centres", sync_to_thread=False)
def list_centres(workbench: Wb, session: Who) -> list[str]:
    """可投标的交易中心."""
    del session
    return sorted(workbench.sections.centres)


@get("/sections", sync_to_thread=True)
def list_sections(workbench: Wb, session: Who, centre: FromQuery[str]) -> Sequence[SectionLine]:
    """一个交易中心正在招标的标段."""
    del session
    return workbench.sections.offered(centre)


@post("/drafts", sync_to_thread=True)
def create_draft(workbench: Wb, session: Who, data: JSONBody[NewDraft]) -> views.DraftView:
    """开始投标：取得并核验招标人签署的标段参数，打开草稿."""
    section = workbench.sections.follow(data.centre, data.section)
    return views.draft_view(workbench.drafting.create(session.actor, data.centre, section.params_sm3))


@get("/drafts", sync_to_thread=True)
def list_drafts(workbench: Wb, session: Who) -> list[views.DraftLine]:
    """本单位的草稿."""
    return [views.draft_line(draft) for draft in workbench.drafting.all(session.actor)]


@get("/drafts/{draft:str}", sync_to_thread=True)
def show_draft(draft: FromPath[str], workbench: Wb, session: Who) -> views.DraftView:
    """一份草稿."""
    return views.draft_view(workbench.drafting.get(session.actor, draft))


@delete("/drafts/{draft:str}", sync_to_thread=True)
def delete_draft(draft: FromPath[str], workbench: Wb, session: Who) -> None:
    """删除草稿及其全部内容."""
    workbench.drafting.delete(session.actor, draft)


@put("/drafts/{draft:str}/form", sync_to_thread=True)
def put_form(draft: FromPath[str], workbench: Wb, session: Who, data: JSONBody[Form]) -> views.DraftView:
    """填写报价与唱标内容."""
    return views.draft_view(workbench.drafting.put_form(session.actor, draft, data))


@post("/drafts/{draft:str}/params", sync_to_thread=True, status_code=200)
def adopt_params(draft: FromPath[str], workbench: Wb, session: Who) -> views.DraftView:
    """采用标段参数的新版本."""
    found = workbench.drafting.get(session.actor, draft)
    newest = workbench.sections.follow(found.centre, found.params.section)
    return views.draft_view(workbench.drafting.adopt(session.actor, draft, newest.params_sm3))


@get("/drafts/{draft:str}/checks", sync_to_thread=True)
def check_draft(draft: FromPath[str], workbench: Wb, session: Who) -> list[views.FindingView]:
    """递交前检查."""
    found = workbench.exporting.check(workbench.drafting.get(session.actor, draft))
    return [views.finding_view(finding) for finding in found]


# -- documents and parts


@post("/drafts/{draft:str}/items/{item:str}/documents", request_max_body_size=MAX_SIZE)
async def add_document(
    request: AnyRequest,
    draft: FromPath[str],
    item: FromPath[str],
    workbench: Wb,
    session: Who,
) -> views.DocumentView:
    """添加 PDF：请求体是文件本身，文件名（百分号编码）在 X-File-Name 中."""
    file = unquote(request.headers.get("x-file-name", "")).rpartition("/")[2].rpartition("\\")[2] or "未命名.pdf"
    return await with_body(
        request,
        workbench,
        lambda path: views.document_view(workbench.drafting.add_document(session.actor, draft, item, file, path)),
    )


@delete("/drafts/{draft:str}/documents/{document:str}", sync_to_thread=True, status_code=200)
def remove_document(draft: FromPath[str], document: FromPath[str], workbench: Wb, session: Who) -> views.DraftView:
    """移除文件."""
    return views.draft_view(workbench.drafting.remove_document(session.actor, draft, document))


@put("/drafts/{draft:str}/items/{item:str}/order", sync_to_thread=True)
def order_documents(
    draft: FromPath[str], item: FromPath[str], workbench: Wb, session: Who, data: JSONBody[Order]
) -> views.DraftView:
    """调整文件顺序."""
    return views.draft_view(workbench.drafting.order_documents(session.actor, draft, item, data.documents))


@get("/drafts/{draft:str}/documents/{document:str}/pages/{page:int}", sync_to_thread=True)
def show_document_page(
    draft: FromPath[str], document: FromPath[str], page: FromPath[int], workbench: Wb, session: Who
) -> Response[bytes]:
    """文件页面预览."""
    for found in workbench.drafting.get(session.actor, draft).documents:
        if found.id == document:
            return _picture(workbench, found.object, page)
    raise NoSuchItemError("no such document in this draft")


@post("/drafts/{draft:str}/items/{item:str}/part", sync_to_thread=True)
def assemble_part(draft: FromPath[str], item: FromPath[str], workbench: Wb, session: Who) -> views.PartView:
    """组装一项：生成函件、合并文件、编页码和书签."""
    return views.part_view(workbench.assembling.assemble(session.actor, draft, item))


@put("/drafts/{draft:str}/items/{item:str}/places", sync_to_thread=True)
def move_places(
    draft: FromPath[str], item: FromPath[str], workbench: Wb, session: Who, data: JSONBody[Places]
) -> views.PartView:
    """调整用章位置."""
    return views.part_view(workbench.assembling.move_places(session.actor, draft, item, data.places))


@get("/drafts/{draft:str}/items/{item:str}/part", sync_to_thread=True)
def download_part(draft: FromPath[str], item: FromPath[str], workbench: Wb, session: Who) -> Stream:
    """下载组装好的（签章后即为签章的）文件."""
    part = workbench.drafting.get(session.actor, draft).part(item)
    return _download(workbench.desk.shelf.open(part.object), part.facts.name, "application/pdf")


@get("/drafts/{draft:str}/items/{item:str}/part/pages/{page:int}", sync_to_thread=True)
def show_part_page(
    draft: FromPath[str], item: FromPath[str], page: FromPath[int], workbench: Wb, session: Who
) -> Response[bytes]:
    """组装文件的页面预览."""
    return _picture(workbench, workbench.drafting.get(session.actor, draft).part(item).object, page)


@get("/drafts/{draft:str}/folder", sync_to_thread=True)
def download_folder(draft: FromPath[str], workbench: Wb, session: Who) -> Stream:
    """下载待封装文件夹：在自己的电脑上用 yizhao bundle pack 封装."""
    found = workbench.drafting.get(session.actor, draft)
    with workbench.desk.shelf.folder() as folder:
        stream = workbench.exporting.write_zip(found, session.actor.company, folder).open("rb")
    return _download(stream, f"{found.params.section}.zip", "application/zip")  # the open file outlives its name


def _download(stream: BinaryIO, name: str, media_type: str) -> Stream:
    def chunks() -> Iterator[bytes]:
        with stream:
            while chunk := stream.read(CHUNK):
                yield chunk

    return Stream(chunks(), media_type=media_type, headers=download_headers(name))


def _picture(workbench: Workbench, name: str, page: int) -> Response[bytes]:
    with workbench.desk.shelf.folder() as folder:
        picture = render_page(workbench.desk.shelf.copy(name, folder / "page.pdf"), page, dpi=PREVIEW_DPI, form="jpeg")
    return Response(picture, media_type="image/jpeg", headers=PRIVATE)


DRAFTS_API: Final[list[HTTPRouteHandler]] = [
    list_centres,
    list_sections,
    create_draft,
    list_drafts,
    show_draft,
    delete_draft,
    put_form,
    adopt_params,
    check_draft,
    add_document,
    remove_document,
    order_documents,
    show_document_page,
    assemble_part,
    move_places,
    *PLACING_API,
    download_part,
    show_part_page,
    download_folder,
]
"""Handlers of this half; see `workbench_api.WORKBENCH_API`."""
