"""Pages between two revisions: they stay what they are; annotations may be added only by those who may comment."""

from typing import Any, Final

from signing.pdf_boxes import Box, inherited, page_box, rectangle_box, rectangle_of
from signing.pdf_comments import is_harmless
from signing.pdf_comparing import Act, Comparison, Place
from signing.pdf_objects import array, name_of, raw_entry
from signing.pdf_reading import is_dictionary

_BENIGN: Final = frozenset({"/LastModified", "/Tabs"})
"""Of a page: the date of its last change, and the order in which the tabulator key visits its fields."""
_WORDS: Final = {
    "/Contents": ("content", "页面内容被改动"),
    "/Resources": ("resource", "页面所用的资源（字体、图像等）被改动"),
    "/AA": ("structure", "页面的自动动作被改动"),
}
_SHAPE: Final = frozenset({"/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox", "/Rotate", "/UserUnit"})
_INHERITED: Final = frozenset({"/Resources", "/MediaBox", "/CropBox", "/Rotate"})
_SHAPE_WORDS: Final = ("page", "页面的大小、裁切或方向被改动")
_REMARKED: Final = frozenset({"/Contents", "/RC", "/M", "/Popup", "/Subj", "/NM", "/T", "/State", "/StateModel"})
"""What of a comment may change when comments may be made."""


def compare_pages(step: Comparison, new_widgets: set[int]) -> dict[int, int]:
    """Compare the page trees. `new_widgets` belong to new signature fields; answers on which page each shows."""
    was, now = step.objects.tree(step.old), step.objects.tree(step.new)
    before, after = ([n for n, leaf in tree.items() if leaf] for tree in (was, now))
    if before != after:
        _report_moves(step, before, after)
    shape = Place("page", "页面树的共有属性被改动")
    for number in was:
        if not was[number] and number in now and step.concerns(number):
            _compare_node(step, number, shape)
    if [n for n in was if not was[n]] != [n for n in now if not now[n]] and before == after:
        step.deny(Place("page", "页面树被改组"))
    placed, known = dict[int, int](), set(before)
    for page, number in enumerate(after, 1):
        if number in known and step.concerns(number):
            placed.update(_compare_page(step, number, page, new_widgets))
    return placed


def _compare_node(step: Comparison, number: int, place: Place) -> None:
    one, other = step.objects.load(number, step.old), step.objects.load(number, step.new)
    if not (is_dictionary(one) and is_dictionary(other)):
        step.deny(place)
        return
    lists = step.was(raw_entry(one, "/Kids")), step.now(raw_entry(other, "/Kids"))
    kids = [[name_of(kid) for kid in array(value)] for value in lists]
    if kids[0] != kids[1]:
        step.deny(Place("page", "页面被增删、替换或调换了顺序"))
    step.freeze_entries(one, other, place, {"/Kids", "/Parent"})
    _keep_parent(step, one, other, place)


def _keep_parent(step: Comparison, one: Any, other: Any, place: Place) -> None:
    if name_of(raw_entry(one, "/Parent")) != name_of(raw_entry(other, "/Parent")):
        step.deny(place)


def _report_moves(step: Comparison, before: list[int], after: list[int]) -> None:
    known, kept = set(before), set(after)
    for page, number in enumerate(after, 1):
        if number not in known:
            box = page_box(step.objects, number, step.new)
            step.deny(Place("page", "新增或换入了一页", page, (box,) if box else ()))
    for page, number in enumerate(before, 1):
        if number not in kept:
            step.deny(Place("page", f"原第 {page} 页被删除或换出"))
    if [n for n in before if n in kept] != [n for n in after if n in known] or len(set(after)) != len(after):
        step.deny(Place("page", "页面的顺序被调换"))


def _compare_page(step: Comparison, number: int, page: int, new_widgets: set[int]) -> dict[int, int]:
    one, other = step.objects.load(number, step.old), step.objects.load(number, step.new)
    box = page_box(step.objects, number, step.old)
    boxes = (box,) if box else ()
    if not (is_dictionary(one) and is_dictionary(other)) or hasattr(other, "encoded_data"):
        step.deny(Place("page", "页面被替换", page, boxes))
        return {}
    _keep_parent(step, one, other, Place("page", "页面被移到页面树的另一处", page, boxes))
    for key in sorted((set(one) | set(other)) - {"/Parent", "/Annots"}):
        kind, what = (
            _SHAPE_WORDS if key in _SHAPE else _WORDS.get(key, ("structure", f"页面的附属信息（{key[1:]}）被改动"))
        )
        was, now = raw_entry(one, key), raw_entry(other, key)
        if key in _INHERITED and (was is None) != (now is None):
            was, now = (_effective(step, number, revision, key) for revision in (step.old, step.new))
        if not step.is_same(was, now):
            benign = key in _BENIGN and name_of(now) is None and not is_dictionary(now)
            step.report(Act.BENIGN if benign else Act.DENIED, Place(kind, what, page, boxes))
    return _compare_annotations(step, number, page, (one, other), new_widgets)


def _effective(step: Comparison, number: int, revision: int, key: str) -> Any:
    """Answer what a page's attribute amounts to: its own, inherited, or what the standard says of its absence."""
    found = inherited(step.objects, number, revision, key)
    if found is None and key == "/CropBox":
        return inherited(step.objects, number, revision, "/MediaBox")
    return None if key == "/Rotate" and str(found) == "0" else found


def _compare_annotations(
    step: Comparison, number: int, page: int, pages: tuple[Any, Any], new_widgets: set[int]
) -> dict[int, int]:
    was, now = array(step.was(raw_entry(pages[0], "/Annots"))), array(step.now(raw_entry(pages[1], "/Annots")))
    before, after = [name_of(raw) for raw in was], [name_of(raw) for raw in now]
    if None in before or None in after:
        _compare_direct(step, number, page, was, now)
        return {}
    for index, name in enumerate(before):
        if name not in after:
            box = rectangle_box(step.objects, number, step.old, _rectangle(step, was[index], step.old))
            step.deny(Place("annotation", "删除了批注或签名域", page, (box,) if box else ()))
    if [n for n in before if n in after] != [n for n in after if n in before] or len(set(after)) != len(after):
        step.deny(Place("annotation", "批注的叠放顺序被改动", page))
    placed = dict[int, int]()
    for index, name in enumerate(after):
        if name in before:
            _compare_annotation(step, number, page, now[index])
        elif name is not None and name.number in new_widgets:
            placed[name.number] = page
        else:
            _report_added(step, number, page, now[index])
    return placed


def _compare_direct(step: Comparison, number: int, page: int, was: list[Any], now: list[Any]) -> None:
    """Annotations that stand in the page itself have no name: there, nothing may change."""
    box = page_box(step.objects, number, step.old)
    place = Place("annotation", "批注被增删或改动", page, (box,) if box else ())
    if len(was) != len(now):
        step.deny(place)
    for one, other in zip(was, now, strict=False):
        step.freeze(one, other, place)


def _rectangle(step: Comparison, raw: Any, revision: int) -> list[float] | None:
    return rectangle_of(step.objects, step.objects.resolve(raw, revision), revision)


def _boxes(step: Comparison, number: int, raw: Any) -> tuple[Box, ...]:
    found = {rectangle_box(step.objects, number, r, _rectangle(step, raw, r)) for r in (step.old, step.new)}
    return tuple(sorted(box for box in found if box))


def _report_added(step: Comparison, number: int, page: int, raw: Any) -> None:
    node = step.now(raw)
    name = name_of(raw)
    fresh = name is not None and not step.objects.is_alive(name.number, step.old)
    kind = "field" if str(step.now(raw_entry(node, "/Subtype"))) == "/Widget" else "annotation"
    what = "新增了域的显示框" if kind == "field" else f"新增批注（{_subtype(step, node)}）"
    act = Act.COMMENT if fresh and is_harmless(step.objects, node, step.new) else Act.DENIED
    step.report(act, Place(kind, what, page, _boxes(step, number, raw)))


def _compare_annotation(step: Comparison, number: int, page: int, raw: Any) -> None:
    name = name_of(raw)
    if name is None or name.number in step.homes or not step.concerns(name.number):
        return
    was, now = step.was(raw), step.now(raw)
    place = Place("annotation", "批注被改动", page, _boxes(step, number, raw))
    if not (is_dictionary(was) and is_dictionary(now)):
        step.deny(place)
        return
    comment = all(is_harmless(step.objects, n, r) for n, r in ((was, step.old), (now, step.new)))
    free = _REMARKED if comment else frozenset[str]()
    step.freeze_entries(was, now, place, free)
    if comment and any(not step.is_same(raw_entry(was, key), raw_entry(now, key)) for key in free):
        step.report(Act.COMMENT, place)


def _subtype(step: Comparison, node: Any) -> str:
    return (str(step.now(raw_entry(node, "/Subtype")) or "") or "/?")[1:30]
