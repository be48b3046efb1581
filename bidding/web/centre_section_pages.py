"""Putting a section out (发布标段): the form, and waiting for the tenderer's consent on the wallet."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, cast

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, SkipValidation
from litestar.response import Redirect

from bidding.centre.publishing import Publication, Publishing, SectionDraft
from bidding.centre.service import Centre
from bidding.errors import MalformedParamsError
from bidding.officer import OpeningKeys
from bidding.officer_desk import fingerprint
from bidding.params import ReadoutField, RequiredItem, SealDemand
from bidding.web.centre_common import REFUSALS, Visit, qr_of, status_of
from bidding.web.errors import notice_of
from bidding.web.site import BEIJING, beijing
from identity.consent import render_consent
from signing import canonical
from signing.errors import MalformedError

FormData = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)]
ITEMS: Final = (
    ("letter", "投标函", True, True, True),
    ("readout", "开标一览表", True, True, True),
    ("business", "商务文件", True, True, False),
    ("technical", "技术文件", True, True, False),
    ("", "", False, False, False),
    ("", "", False, False, False),
)
"""Rows of the form: id, title, mandatory, 公章, 法定代表人章."""
FIELDS: Final = (
    ("price", "投标总报价", "money"),
    ("days", "工期", "days"),
    ("quality", "质量标准", "text"),
    ("", "", "text"),
    ("", "", "text"),
)
"""Rows of the form: id, title, kind."""
_KINDS: Final = frozenset({"money", "days", "text"})
RULES: Final = {"demo": "演示（不设法定期限）", "standard": "标准（依法必须招标：不少于 20 日）"}
_SMALL: Final = 1 << 16
"""Bytes of an uploaded key file."""


@get("/sections/new", sync_to_thread=False, include_in_schema=False)
def new_section_page(visit: NamedDependency[SkipValidation[Visit]]) -> Response[Any]:
    """新建标段的表单."""
    return _form(visit, _defaults(visit.centre))


@post("/sections/new", sync_to_thread=True, include_in_schema=False, status_code=303)
def publish_section(
    data: FormData,
    visit: NamedDependency[SkipValidation[Visit]],
    publishing: NamedDependency[SkipValidation[Publishing]],
) -> Response[Any]:
    """提请招标人确认并签署标段参数."""
    try:
        draft = read_form(data, visit.centre.house.clock())
        tenderer = publishing.tenderer(visit.actor, _text(data, "tenderer").upper())
        publication = publishing.request(draft, tenderer, visit.actor)
    except REFUSALS as error:
        return _form(visit, data, notice=notice_of(error), status=status_of(error))
    return Redirect(f"/publications/{publication.id}", status_code=303)


@get("/publications/{publication:str}", sync_to_thread=True, include_in_schema=False)
def publication_page(
    publication: FromPath[str],
    visit: NamedDependency[SkipValidation[Visit]],
    publishing: NamedDependency[SkipValidation[Publishing]],
) -> Response[Any]:
    """等待招标人在执照钱包中确认；确认后签署并发布."""
    found = publishing.get(publication, visit.actor)
    shared = _waiting(found)
    try:
        found = publishing.advance(publication, visit.actor, visit.arrival())
    except REFUSALS as error:
        shared |= {"over": True, "notice": notice_of(error), "again": "/sections/new", "again_text": "重新填写"}
        return visit.template("centre_consent.html", status=status_of(error), **shared)
    if found.released:
        return Redirect(f"/sections/{found.params.section}", status_code=303)
    return visit.template("centre_consent.html", **shared)


def read_form(data: Mapping[str, Any], now: datetime) -> SectionDraft:
    """Read the form; MalformedParamsError says in Chinese what is missing or wrong."""
    return SectionDraft(
        project=_needed(data, "project", "项目名称"),
        title=_needed(data, "title", "标段名称"),
        section=_needed(data, "section", "标段编号"),
        deadline=_deadline(data, now),
        release_window=_number(data, "window", "解密时限（分钟）", 1, 120) * 60,
        officer=_needed(data, "officer", "开标人"),
        opening_key=_opening_key(data),
        required=tuple(_items(data)),
        readout=tuple(_fields(data)),
        rules=_text(data, "rules"),
    )


def _items(data: Mapping[str, Any]) -> list[RequiredItem]:
    found = []
    for number in range(1, len(ITEMS) + 1):
        title = _text(data, f"item{number}_title")
        if title:
            code = _text(data, f"item{number}_id") or f"item-{number}"
            wanted: list[SealDemand] = []
            if _text(data, f"item{number}_rep"):
                wanted.append("legal-representative")
            if _text(data, f"item{number}_unit"):
                wanted.append("unit")
            mandatory = bool(_text(data, f"item{number}_mandatory"))
            found.append(RequiredItem(code, title, 1, mandatory, tuple(wanted)))
    if not found:
        raise MalformedParamsError("投标文件组成至少要有一项")
    return found


def _fields(data: Mapping[str, Any]) -> list[ReadoutField]:
    found = []
    for number in range(1, len(FIELDS) + 1):
        title, kind = _text(data, f"field{number}_title"), _text(data, f"field{number}_kind")
        if title:
            if kind not in _KINDS:
                raise MalformedParamsError(f"唱标项“{title}”的类型不正确")
            code = _text(data, f"field{number}_id") or f"field-{number}"
            found.append(ReadoutField(code, title, 1, cast("Any", kind)))
    return found


def _deadline(data: Mapping[str, Any], now: datetime) -> datetime:
    """Whole seconds, UTC: the instant that was given in 北京时间, or so many minutes from now."""
    if given := _text(data, "deadline"):
        try:
            local = datetime.fromisoformat(given).replace(tzinfo=BEIJING, microsecond=0)
        except ValueError:
            raise MalformedParamsError("投标截止时间的格式不正确") from None
        return local.astimezone(UTC)
    ahead = now + timedelta(minutes=_number(data, "minutes", "距截止的分钟数", 1, 60 * 24 * 90))
    return (ahead + timedelta(seconds=1)).replace(microsecond=0)


def _opening_key(data: Mapping[str, Any]) -> bytes:
    """Answer the officer's public point from file or text; the curve is checked with the rest."""
    file = data.get("opening_keys")
    content = file.file.read(_SMALL) if isinstance(file, UploadFile) else b""
    if content:
        try:
            keys = canonical.decode_lenient(content, OpeningKeys).keys
        except MalformedError:
            raise MalformedParamsError("开标公钥文件应为 yizhao officer keygen 生成的 opening-keys.json") from None
        if len(keys) != 1:
            raise MalformedParamsError("此表单发布一个开标阶段的标段，公钥文件中应恰有一把公钥")
        return keys[0].public_key
    digits = "".join(_text(data, "opening_key").split())
    if not digits:
        raise MalformedParamsError("请上传开标公钥文件，或粘贴开标公钥")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise MalformedParamsError("开标公钥应为 130 位十六进制数字") from None


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _needed(data: Mapping[str, Any], name: str, title: str) -> str:
    value = _text(data, name)
    if not value:
        raise MalformedParamsError(f"请填写{title}")
    return value


def _number(data: Mapping[str, Any], name: str, title: str, low: int, high: int) -> int:
    text = _text(data, name)
    if not (text.isascii() and text.isdigit() and len(text) < 9 and low <= int(text) <= high):  # noqa: PLR2004
        raise MalformedParamsError(f"{title}应为 {low} 至 {high} 的整数")
    return int(text)


def _defaults(centre: Centre) -> dict[str, str]:
    values = {"minutes": "30", "window": "30", "officer": "开标人", "rules": _rules(centre)}
    for number, (code, title, mandatory, unit, rep) in enumerate(ITEMS, 1):
        values |= {f"item{number}_id": code, f"item{number}_title": title}
        values |= {f"item{number}_mandatory": "on" if mandatory else "", f"item{number}_unit": "on" if unit else ""}
        values[f"item{number}_rep"] = "on" if rep else ""
    for number, (code, title, kind) in enumerate(FIELDS, 1):
        values |= {f"field{number}_id": code, f"field{number}_title": title, f"field{number}_kind": kind}
    return values


def _rules(centre: Centre) -> str:
    return "demo" if centre.house.trust.anchors.sandbox and "demo" in centre.house.notice else "standard"


def _form(visit: Visit, values: Mapping[str, Any], *, status: int = 200, **more: Any) -> Response[Any]:
    return visit.template(
        "centre_new.html",
        status=status,
        values={name: value for name, value in values.items() if isinstance(value, str)},
        item_rows=range(1, len(ITEMS) + 1),
        field_rows=range(1, len(FIELDS) + 1),
        rules={name: text for name, text in RULES.items() if name in visit.centre.house.notice},
        **more,
    )


def _waiting(found: Publication) -> dict[str, Any]:
    params = found.params
    return {
        "heading": "等待招标人确认发布",
        "lead": f"标段 {params.section} 的参数已生成。请招标人 {params.tenderer.name} 的办理人用执照钱包核对后确认；"
        "确认后由招标人的执照密钥签署，随即发布。",
        "lines": render_consent(found.consent.record),
        "facts": (
            ("标段", f"{params.title}（{params.section}）"),
            ("招标人", f"{params.tenderer.name}（{params.tenderer.uscc}）"),
            ("投标截止时间", f"{beijing(params.deadline)}（北京时间）"),
            ("开标公钥指纹", fingerprint(params.stages[0].opening_key)),
        ),
        "url": found.consent.url,
        "qr": qr_of(found.consent.url),
        "live": f"/publications/{found.id}",
        "expires": beijing(found.consent.expires_at),
    }


SECTION_ROUTES: Final = [new_section_page, publish_section, publication_page]
