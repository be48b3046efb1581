"""Making a bid (制作投标文件): documents by required item, the form, assembly, and pictures of every page."""

from contextlib import suppress
from pathlib import PurePath
from typing import Annotated, Any, Final, cast

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect
from msgspec.structs import replace

from bidding.documents.intake import MAX_PAGES, MAX_SIZE
from bidding.documents.letters import TITLES
from bidding.documents.pictures import render_page
from bidding.errors import InvalidAmountError, NoSuchItemError, NotAPdfError
from bidding.money import amount_in_words, parse_amount
from bidding.params import ReadoutField
from bidding.web.bid_common import (
    FORM_CODES,
    REFUSALS,
    BidVisit,
    Visit,
    attachment,
    draft_line,
    notice_of,
    picture,
    status_of,
    without_documents,
)
from bidding.web.site import file_size
from bidding.workbench.assembling import first_field, made_of
from bidding.workbench.checks import SEAL_NAMES, is_complete
from bidding.workbench.drafting import MAX_DOCUMENTS
from bidding.workbench.drafts import Draft, Form
from bidding.workbench.exporting import Exporting

MultiPart = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)]
UrlEncoded = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
THUMBNAILS: Final = 8
"""Pages of a part that are shown small; every other page is a link away."""
DPI: Final = {"small": 40, "large": 96}
_LETTERS: Final = {"": "自动（按名称判断）", "none": "不生成，只用上传的文件"} | dict[str, str](TITLES.items())
_PLAIN: Final = {"质量标准", "项目负责人"}
"""Readout fields of these names say what the letter says."""


# -- documents


@get("/bids/{draft:str}", sync_to_thread=True, include_in_schema=False)
def documents_page(draft: FromPath[str], visit: Visit) -> Response[Any]:
    """投标文件组成：按招标要求逐项添加文件."""
    found = visit.draft(draft)
    if found.state == "packed":
        return Redirect(f"/bids/{draft}/pack", status_code=303)
    return show_documents(visit, found)


def show_documents(visit: BidVisit, draft: Draft, *, status: int = 200, **more: Any) -> Response[Any]:
    """Show the documents of a draft by item; a refusal stands on top and by its item."""
    findings = visit.workbench.exporting.check(draft)
    return visit.template(
        "bid_documents.html",
        status=status,
        steps=draft_line(draft, findings),
        draft=draft,
        params=draft.params,
        findings=findings,
        lacking=without_documents(draft),
        TITLES=TITLES,
        SEAL_NAMES=SEAL_NAMES,
        limits={"size": file_size(MAX_SIZE), "pages": MAX_PAGES, "count": MAX_DOCUMENTS},
        **more,
    )


@post(
    "/bids/{draft:str}/items/{item:str}/documents",
    sync_to_thread=True,
    include_in_schema=False,
    status_code=303,
    request_max_body_size=2 * MAX_SIZE,
)
def add_documents(draft: FromPath[str], item: FromPath[str], data: MultiPart, visit: Visit) -> Response[Any]:
    """添加一个或几个 PDF；不能使用的文件说明原因，已添加的保留."""
    added = 0
    try:
        files = _uploads(data, "files")
        if not files:
            raise NotAPdfError("没有选择文件")
        with visit.workbench.desk.shelf.folder() as folder:
            for number, file in enumerate(files):
                path = folder / f"{number}.pdf"
                _write(file, path)
                visit.workbench.drafting.add_document(visit.actor, draft, item, _name(file), path)
                added += 1
    except REFUSALS as error:
        notice = notice_of(error)
        which = f"“{_name(files[added])}”没有添加：" if added < len(files) else ""
        notice["text"] = f"{which}{notice['text']}{f'（先前的 {added} 个已添加）' if added else ''}"
        return show_documents(visit, visit.draft(draft), status=status_of(error), notice=notice, bad_item=item)
    return Redirect(f"/bids/{draft}#item-{item}", status_code=303)


@post("/bids/{draft:str}/documents/{document:str}", sync_to_thread=True, include_in_schema=False, status_code=303)
def change_document(draft: FromPath[str], document: FromPath[str], data: UrlEncoded, visit: Visit) -> Response[Any]:
    """移除一个文件，或在本项内上移."""
    found = visit.draft(draft)
    item = next((one.item for one in found.documents if one.id == document), "")
    try:
        if data.get("do") == "up":
            order = [one.id for one in found.documents_of(item)]
            at = order.index(document) if document in order else 0
            order[max(at - 1, 0)], order[at] = order[at], order[max(at - 1, 0)]
            visit.workbench.drafting.order_documents(visit.actor, draft, item, order)
        else:
            visit.workbench.drafting.remove_document(visit.actor, draft, document)
    except REFUSALS as error:
        return show_documents(visit, visit.draft(draft), status=status_of(error), notice=notice_of(error))
    return Redirect(f"/bids/{draft}#item-{item}", status_code=303)


@get("/bids/{draft:str}/documents/{document:str}/pages/{page:int}", sync_to_thread=True, include_in_schema=False)
def document_picture(draft: FromPath[str], document: FromPath[str], page: FromPath[int], visit: Visit) -> Response[Any]:
    """一个文件一页的图像."""
    for one in visit.draft(draft).documents:
        if one.id == document:
            return _picture(visit, one.object, page, DPI["small"])
    raise NoSuchItemError("no such document in this draft")


@post("/bids/{draft:str}/adopt", sync_to_thread=True, include_in_schema=False, status_code=303)
def adopt_params(draft: FromPath[str], visit: Visit) -> Response[Any]:
    """采用标段参数的新版本；此后须重新组装、签章."""
    found = visit.draft(draft)
    try:
        newest = visit.workbench.sections.follow(found.centre, found.params.section)
        visit.workbench.drafting.adopt(visit.actor, draft, newest.params_sm3)
    except REFUSALS as error:
        return show_documents(visit, found, status=status_of(error), notice=notice_of(error))
    return Redirect(f"/bids/{draft}", status_code=303)


@post("/bids/{draft:str}/delete", sync_to_thread=True, include_in_schema=False, status_code=303)
def delete_draft(draft: FromPath[str], data: UrlEncoded, visit: Visit) -> Response[Any]:
    """删除草稿及其全部内容；须勾选确认."""
    try:
        if data.get("sure"):
            visit.workbench.drafting.delete(visit.actor, draft)
            return Redirect("/", status_code=303)
    except REFUSALS as error:
        return show_documents(visit, visit.draft(draft), status=status_of(error), notice=notice_of(error))
    return Redirect(f"/bids/{draft}", status_code=303)


# -- the form


@get("/bids/{draft:str}/form", sync_to_thread=True, include_in_schema=False)
def form_page(draft: FromPath[str], visit: Visit) -> Response[Any]:
    """填写报价、工期、质量和其他唱标内容."""
    return _show_form(visit, visit.draft(draft))


@post("/bids/{draft:str}/form", sync_to_thread=True, include_in_schema=False, status_code=303)
def save_form(draft: FromPath[str], data: UrlEncoded, visit: Visit) -> Response[Any]:
    """保存；填写无误并选择继续时，转到组装."""
    try:
        found = visit.workbench.drafting.put_form(visit.actor, draft, read_form(visit.draft(draft), data))
    except REFUSALS as error:
        return _show_form(visit, visit.draft(draft), status=status_of(error), notice=notice_of(error))
    wrong = [finding for finding in visit.workbench.exporting.check(found) if finding.code in FORM_CODES]
    if wrong:
        text = "已保存，还需改正：" + "".join(finding.text for finding in wrong)
        return _show_form(visit, found, status=422, notice={"kind": "warn", "text": text, "code": wrong[0].code})
    if data.get("next") == "assembly":
        return Redirect(f"/bids/{draft}/assembly", status_code=303)
    return _show_form(visit, found, status=200, notice={"kind": "good", "text": "已保存。", "code": ""})


def read_form(draft: Draft, data: dict[str, Any]) -> Form:
    """Read what was typed, as typed."""
    text = {name: value.strip()[:200] for name, value in data.items() if isinstance(value, str)}
    letters = {
        item.id: text[f"letter-{item.id}"]
        for item in draft.params.required
        if text.get(f"letter-{item.id}", "") in _LETTERS and text.get(f"letter-{item.id}")
    }
    values = {field.id: text[f"value-{field.id}"] for field in own_fields(draft) if text.get(f"value-{field.id}")}
    plain = {name: text.get(name, "") for name in ("price", "days", "validity_days", "quality", "manager")}
    return replace(draft.form, **plain, values=values, letters=cast("Any", letters))


def own_fields(draft: Draft) -> list[ReadoutField]:
    """Answer the readout fields that are asked for by themselves: the letter does not say them."""
    same = {first_field(draft.params, "money"), first_field(draft.params, "days")}
    return [f for f in draft.params.readout if f.id not in same and not (f.kind == "text" and f.title in _PLAIN)]


def _show_form(visit: BidVisit, draft: Draft, *, status: int = 200, **more: Any) -> Response[Any]:
    findings = visit.workbench.exporting.check(draft)
    return visit.template(
        "bid_form.html",
        status=status,
        steps=draft_line(draft, findings),
        draft=draft,
        params=draft.params,
        form=draft.form,
        words=price_words(draft),
        fields=own_fields(draft),
        letters=_LETTERS,
        **more,
    )


def price_words(draft: Draft) -> str:
    """Answer the price in capital words (大写); empty while it is none."""
    with suppress(InvalidAmountError):
        return amount_in_words(parse_amount(draft.form.price.strip()))
    return ""


# -- assembly


@get("/bids/{draft:str}/assembly", sync_to_thread=True, include_in_schema=False)
def assembly_page(draft: FromPath[str], visit: Visit) -> Response[Any]:
    """组装结果：每项一份 PDF，页数、目录、页面图像和检查单."""
    return _show_assembly(visit, visit.draft(draft))


@post("/bids/{draft:str}/assembly", sync_to_thread=True, include_in_schema=False, status_code=303)
def assemble(draft: FromPath[str], visit: Visit) -> Response[Any]:
    """组装所有尚未组装或内容有改动的项；没有改动的保留，其上的印章也保留."""
    found = visit.draft(draft)
    try:
        for item in to_assemble(found):
            visit.workbench.assembling.assemble(visit.actor, draft, item)
    except REFUSALS as error:
        return _show_assembly(visit, visit.draft(draft), status=status_of(error), notice=notice_of(error))
    return Redirect(f"/bids/{draft}/assembly", status_code=303)


def to_assemble(draft: Draft) -> list[str]:
    """Answer the items that have something to assemble and no part made of just that."""
    parts = {part.item: part for part in draft.parts}
    return [
        item.id
        for item in draft.params.required
        if (draft.letter_of(item.id) is not None or draft.documents_of(item.id))
        and (item.id not in parts or parts[item.id].made_of != made_of(draft, item.id))
    ]


def _show_assembly(visit: BidVisit, draft: Draft, *, status: int = 200, **more: Any) -> Response[Any]:
    exporting: Exporting = visit.workbench.exporting
    findings = exporting.check(draft)
    return visit.template(
        "bid_assembly.html",
        status=status,
        steps=draft_line(draft, findings),
        draft=draft,
        params=draft.params,
        findings=findings,
        complete=is_complete(findings),
        todo=to_assemble(draft),
        blocked=without_documents(draft) or any(finding.code in FORM_CODES for finding in findings),
        words=price_words(draft),
        most=THUMBNAILS,
        SEAL_NAMES=SEAL_NAMES,
        **more,
    )


@get("/bids/{draft:str}/parts/{item:str}/pages/{page:int}", sync_to_thread=True, include_in_schema=False)
def part_picture(
    draft: FromPath[str], item: FromPath[str], page: FromPath[int], visit: Visit, size: FromQuery[str] = "small"
) -> Response[Any]:
    """组装好的文件一页的图像."""
    part = visit.draft(draft).part(item)
    return _picture(visit, part.object, page, DPI.get(size, DPI["small"]))


@get("/bids/{draft:str}/parts/{item:str}", sync_to_thread=True, include_in_schema=False)
def part_page(draft: FromPath[str], item: FromPath[str], visit: Visit, page: FromQuery[int] = 1) -> Response[Any]:
    """逐页查看组装好的文件，标出用章位置."""
    found = visit.draft(draft)
    part = found.part(item)
    shown = min(max(page, 1), part.facts.pages)
    return visit.template(
        "bid_part.html",
        steps=draft_line(found, visit.workbench.exporting.check(found)),
        draft=found,
        params=found.params,
        part=part,
        title=found.item(item).title,
        page=shown,
        SEAL_NAMES=SEAL_NAMES,
    )


@get("/bids/{draft:str}/parts/{item:str}/file", sync_to_thread=True, include_in_schema=False)
def part_file(draft: FromPath[str], item: FromPath[str], visit: Visit) -> Response[bytes]:
    """下载组装好的文件；已盖章的即为盖章后的."""
    part = visit.draft(draft).part(item)
    with visit.workbench.desk.shelf.open(part.object) as stream:
        return Response(stream.read(), media_type="application/pdf", headers=attachment(part.facts.name))


def _picture(visit: BidVisit, name: str, page: int, dpi: int) -> Response[bytes]:
    shelf = visit.workbench.desk.shelf
    with shelf.folder() as folder:
        return picture(render_page(shelf.copy(name, folder / "page.pdf"), page, dpi=dpi))


def _uploads(data: dict[str, Any], name: str) -> list[UploadFile]:
    given = data.get(name, [])
    files = given if isinstance(given, list) else [given]
    return [file for file in files if isinstance(file, UploadFile) and file.filename]


def _write(file: UploadFile, path: Any) -> None:
    with path.open("wb") as target:
        while chunk := file.file.read(1 << 20):
            target.write(chunk)


def _name(file: UploadFile) -> str:
    """Answer the file's own name without folders, whichever way the browser writes them."""
    return PurePath(file.filename.replace("\\", "/")).name[:200] or "未命名.pdf"


BID_ROUTES: Final = [
    documents_page,
    add_documents,
    change_document,
    document_picture,
    adopt_params,
    delete_draft,
    form_page,
    save_form,
    assembly_page,
    assemble,
    part_picture,
    part_page,
    part_file,
]
