"""The catalogue and what hangs from it between two revisions: form, validation data, metadata; all else stays."""

import zlib
from typing import Any, Final

from signing.pdf_comparing import Act, Comparison, Place
from signing.pdf_form_rules import NewFields, compare_fields, report_new
from signing.pdf_objects import Objects, array, is_stream, name_of, raw_entry
from signing.pdf_page_rules import compare_pages
from signing.pdf_reading import is_dictionary

_MAX_METADATA: Final = 8 << 20
_XMP: Final = frozenset(
    {"{adobe:ns:meta/}xmpmeta", "{adobe:ns:meta/}xapmeta", "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}RDF"}
)
_STORE: Final = frozenset({"/Type", "/Certs", "/CRLs", "/OCSPs", "/VRI"})
_RECORD: Final = frozenset({"/Type", "/Cert", "/CRL", "/OCSP", "/TU", "/TS"})
_LISTS: Final = ("/Certs", "/CRLs", "/OCSPs", "/Cert", "/CRL", "/OCSP")
_HANDLED: Final = frozenset({"/Pages", "/AcroForm", "/DSS", "/Metadata", "/Extensions", "/Version", "/MarkInfo"})
_FORM: Final = frozenset({"/Fields", "/SigFlags", "/DR", "/DA", "/Q", "/NeedAppearances"})
_WORDS: Final = {
    "/Names": ("attachment", "文档的附件、脚本或名称表被改动"),
    "/AF": ("attachment", "关联的附件被改动"),
    "/Collection": ("attachment", "附件集被改动"),
    "/OpenAction": ("structure", "打开文档时的动作被改动"),
    "/AA": ("structure", "文档的自动动作被改动"),
    "/OCProperties": ("structure", "图层（可选内容）的显示状态被改动"),
    "/Perms": ("structure", "文档的权限声明（认证签名）被改动"),
    "/Outlines": ("structure", "书签被改动"),
    "/PageLabels": ("structure", "页码标注被改动"),
    "/StructTreeRoot": ("structure", "文档的结构标记被改动"),
    "/Dests": ("structure", "文档的跳转目标被改动"),
}


def compare_documents(step: Comparison) -> None:
    """Compare two revisions from their trailers downwards."""
    was, now = step.objects.trailer(step.old), step.objects.trailer(step.new)
    roots = was.get("/Root"), now.get("/Root")
    if name_of(roots[0]) is None or name_of(roots[0]) != name_of(roots[1]):
        step.deny(Place("structure", "文档的根目录被换成另一个"))
        return
    step.freeze(was.get("/Encrypt"), now.get("/Encrypt"), Place("structure", "文档的加密设置被改动"))
    before, after = step.was(roots[0]), step.now(roots[1])
    if not (is_dictionary(before) and is_dictionary(after)) or is_stream(after):
        step.deny(Place("structure", "文档的根目录被改动"))
        return
    _compare_catalogues(step, before, after)
    _compare_information(step, was.get("/Info"), now.get("/Info"))


def _compare_catalogues(step: Comparison, was: Any, now: Any) -> None:
    for key in sorted((set(was) | set(now)) - _HANDLED):
        kind, what = _WORDS.get(key, ("structure", f"文档目录的 {key[1:]} 被改动"))
        step.freeze(raw_entry(was, key), raw_entry(now, key), Place(kind, what))
    if name_of(raw_entry(was, "/Pages")) != name_of(raw_entry(now, "/Pages")):
        step.deny(Place("page", "页面树被换成另一个"))
    for key in ("/Extensions", "/Version", "/MarkInfo"):
        _compare_marks(step, key, raw_entry(was, key), raw_entry(now, key))
    new = NewFields()
    _compare_forms(step, raw_entry(was, "/AcroForm"), raw_entry(now, "/AcroForm"), new)
    placed = compare_pages(step, set(new.widgets))
    report_new(step, new, placed)
    _compare_stores(step, raw_entry(was, "/DSS"), raw_entry(now, "/DSS"))
    _compare_metadata(step, raw_entry(was, "/Metadata"), raw_entry(now, "/Metadata"))


def _compare_marks(step: Comparison, key: str, was: Any, now: Any) -> None:
    """Version, developer extensions and mark information say nothing that is seen; they hold plain values only."""
    if step.is_same(was, now):
        return
    plain = now is not None and _is_plain(step.objects, now, step.new, 3)
    step.report(Act.BENIGN if plain else Act.DENIED, Place("structure", f"文档目录的 {key[1:]} 被改动"))


def _is_plain(objects: Objects, raw: Any, revision: int, depth: int) -> bool:
    """Whether a value holds dictionaries, lists and scalars only, so many levels deep."""
    value = objects.resolve(raw, revision)
    if is_stream(value) or depth < 0:
        return False
    if is_dictionary(value):
        return all(_is_plain(objects, raw_entry(value, key), revision, depth - 1) for key in value)
    return all(_is_plain(objects, item, revision, depth - 1) for item in array(value))


def _compare_information(step: Comparison, was: Any, now: Any) -> None:
    if step.is_same(was, now):
        return
    plain = now is None or _is_plain(step.objects, now, step.new, 1)
    step.report(Act.METADATA if plain else Act.DENIED, Place("metadata", "更新了文档信息（标题、作者等）"))


def _compare_metadata(step: Comparison, was: Any, now: Any) -> None:
    if step.is_same(was, now):
        return
    place = Place("metadata", "更新了文档信息（XMP 元数据）")
    step.report(Act.METADATA if _is_xmp(step.now(now)) else Act.DENIED, place)


def _is_xmp(stream: Any) -> bool:
    """Whether a stream is well-formed XMP, and so nothing that could be drawn."""
    from lxml import etree  # noqa: PLC0415 - only for files whose metadata changed

    try:
        if _opens_too_wide(stream):
            return False
        data = bytes(stream.data)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        root = etree.fromstring(data, parser) if len(data) <= _MAX_METADATA else None
    except Exception:  # noqa: BLE001 - the library may raise anything at all on hostile bytes: no metadata
        return False
    return root is not None and b"<!DOCTYPE" not in data and str(root.tag) in _XMP


def _opens_too_wide(stream: Any) -> bool:
    """Whether the metadata is packed several times, or too long once unpacked; told without unpacking it all."""
    listed = stream.get("/Filter")
    if isinstance(listed, list) and len([name for name in listed if name != "/Crypt"]) > 1:
        return True
    try:
        opened = zlib.decompressobj().decompress(stream.encoded_data, _MAX_METADATA + 1)
    except zlib.error:
        return False  # not packed that way
    return len(opened) > _MAX_METADATA


def _compare_stores(step: Comparison, was: Any, now: Any) -> None:
    """Let validation data come and go, as long as it looks like validation data (ISO 32000-2 12.8.4.3)."""
    name = name_of(now)
    if step.is_same(was, now) and not (name and step.concerns(name.number)):
        return
    good = _is_store(step, step.now(now))
    step.report(
        Act.VALIDATION if good else Act.DENIED,
        Place("validation", "追加了验证数据（证书、撤销列表）" if good else "验证数据（DSS）被删除或夹带了其他内容"),
    )


def _is_store(step: Comparison, store: Any) -> bool:
    if not is_dictionary(store) or set(store) - _STORE or is_stream(store):
        return False
    records = step.now(raw_entry(store, "/VRI"))
    if records is not None and (not is_dictionary(records) or is_stream(records)):
        return False
    entries = [step.now(raw_entry(records, key)) for key in records if key != "/Type"] if records is not None else []
    return _lists_streams(step, store) and all(_is_record(step, entry) for entry in entries)


def _is_record(step: Comparison, record: Any) -> bool:
    fine = is_dictionary(record) and not is_stream(record) and not set(record) - _RECORD
    return bool(fine) and _lists_streams(step, record)


def _lists_streams(step: Comparison, node: Any) -> bool:
    for key in _LISTS:
        listed = step.now(raw_entry(node, key))
        if listed is None:
            continue
        if not isinstance(listed, list) or not all(name_of(i) and is_stream(step.now(i)) for i in array(listed)):
            return False
    return True


def _compare_forms(step: Comparison, was: Any, now: Any, new: NewFields) -> None:
    before, after = step.was(was), step.now(now)
    if not (is_dictionary(before) and is_dictionary(after)) or is_stream(after):
        step.freeze(was, now, Place("field", "表单被增删"))
        return
    step.freeze_entries(before, after, Place("field", "表单的设置被改动"), _FORM)
    _compare_settings(step, before, after)
    compare_fields(step, raw_entry(before, "/Fields"), raw_entry(after, "/Fields"), new)


def _compare_settings(step: Comparison, was: Any, now: Any) -> None:
    place = Place("field", "表单的显示方式被改动")
    for key in ("/DA", "/Q"):
        one, other = raw_entry(was, key), raw_entry(now, key)
        if not step.is_same(one, other):
            step.report(Act.FORM if one is None else Act.DENIED, place)
    if not step.is_same(raw_entry(was, "/NeedAppearances"), raw_entry(now, "/NeedAppearances")):
        step.report(Act.FORM, place)
    if not _keeps_entries(step, raw_entry(was, "/DR"), raw_entry(now, "/DR"), 2):
        step.deny(Place("resource", "表单所用的字体等资源被改动"))
    elif not step.is_same(raw_entry(was, "/DR"), raw_entry(now, "/DR")):
        step.report(Act.FORM, Place("resource", "为表单追加了字体等资源"))


def _keeps_entries(step: Comparison, was: Any, now: Any, depth: int) -> bool:
    """Whether everything that was there still is, so many levels deep; more may have come."""
    before, after = step.was(was), step.now(now)
    if before is None:
        return True
    if not depth or not (is_dictionary(before) and is_dictionary(after)):
        return step.is_same(was, now)
    return all(_keeps_entries(step, raw_entry(before, key), raw_entry(after, key), depth - 1) for key in before)
