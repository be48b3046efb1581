"""Form fields between two revisions: filled, signed, added, and what of them must stay.

An empty signature field may be signed, a signature field may be added, other fields may be filled; what a filled
field shows must be what was filled in. Everything else about a field stays as it was (ISO 32000-2 12.7, 12.8.2).
"""

from dataclasses import dataclass, field
from typing import Any, Final

from signing.pdf_boxes import area, page_area, rectangle_box, rectangle_of
from signing.pdf_comparing import Act, Comparison, Place
from signing.pdf_field_pictures import shows_value
from signing.pdf_impressions import PUSH_BUTTON, SUFFIX, is_filled
from signing.pdf_objects import array, is_stream, name_of, raw_entry
from signing.pdf_reading import UnreadablePdfError, is_dictionary, text_of

_DEPTH: Final = 32
_BUTTON: Final = 1 << 16
_SIGNED: Final = frozenset({"/V", "/AP", "/AS", "/F", "/Ff", "/Type", "/DA", "/Q"})
_FILLED: Final = frozenset({"/V", "/AP", "/AS", "/F", "/Ff", "/Type", "/DA", "/Q", "/I", "/TI", "/RV"})
_STILL: Final = frozenset({"/Ff", "/Type"})
_PLAIN_FLAGS: Final = 0b111
_SHOWING: Final = 0b100011
"""Bits of /F that decide whether a field is seen: Invisible, Hidden, NoView."""
_MOST_OF_A_PAGE: Final = 0.5
_ACTIONS: Final = ("/A", "/AA", "/OC")


@dataclass(frozen=True)
class _Above:
    """What a field has from those above it: its qualified name, its kind, and what happened to them."""

    name: str = ""
    kind: str = ""
    flags: int = 0
    signed: bool = False
    filled: bool = False
    depth: int = 0


@dataclass
class NewFields:
    """New signature fields, by the object number of each of their widgets."""

    widgets: dict[int, str] = field(default_factory=dict)
    names: dict[str, tuple[Any, ...]] = field(default_factory=dict)


def compare_fields(step: Comparison, was: Any, now: Any, new: NewFields, above: _Above = _Above()) -> None:
    """Compare two lists of fields (or of one field's kids); new signature fields are collected, judged later."""
    before, after = ([(name_of(raw), raw) for raw in array(one)] for one in (step.was(was), step.now(now)))
    known, kept = ({name for name, _ in one} for one in (before, after))
    _require_depth(above)
    if None in known | kept:
        step.freeze(was, now, Place("field", "表单域被改动"))
        return
    if known - kept:
        step.deny(Place("field", f"删除了表单域 {len(known - kept)} 个"))
    if len(kept) != len(after) or _repeats_title(step, after, known):
        step.deny(Place("field", "表单中出现了重复的域或同名的域"))
    if [n for n, _ in before if n in kept] != [n for n, _ in after if n in known]:
        step.report(Act.FORM, Place("field", "表单域的次序被改动"))
    for name, raw in after:
        if name is None:
            continue
        if name in known:
            _compare_field(step, raw, new, above)
        elif step.objects.is_alive(name.number, step.old):
            step.deny(Place("field", "原有的对象被改作表单域"))
        else:
            _collect(step, raw, new, above)


def _require_depth(above: _Above) -> None:
    if above.depth > _DEPTH:
        raise UnreadablePdfError("form fields nested too deeply")


def _repeats_title(step: Comparison, after: list[tuple[Any, Any]], known: set[Any]) -> bool:
    titles, fresh = dict[str, int](), set[str]()
    for name, raw in after:
        title = text_of(step.now(raw_entry(step.now(raw), "/T")))
        titles[title] = titles.get(title, 0) + 1
        if name not in known:
            fresh.add(title)
    return any(titles[title] > 1 for title in fresh if title)


def _compare_field(step: Comparison, raw: Any, new: NewFields, above: _Above) -> None:
    name = name_of(raw)
    if name is None or not step.concerns(name.number):
        return
    was, now = step.was(raw), step.now(raw)
    title = text_of(step.was(raw_entry(was, "/T")))
    full = ".".join(part for part in (above.name, title) if part)
    place = Place("field", f"表单域“{full}”被改动", *_where(step, raw))
    if not (is_dictionary(was) and is_dictionary(now)) or is_stream(now):
        step.deny(place)
        return
    kinds = [str(value or above.kind) for value in (step.was(raw_entry(was, "/FT")), step.now(raw_entry(now, "/FT")))]
    if kinds[0] != kinds[1]:
        step.deny(place)
        return
    flags = _integer(step.was(raw_entry(was, "/Ff")), above.flags)
    own = _Above(full, kinds[0], flags)
    if kinds[0] == "/Sig":
        signed, filled = _compare_signature_field(step, (was, now), full, above, place), False
    else:
        signed, filled = False, _compare_other(step, (was, now), own, above, place)
    below = _Above(full, kinds[0], flags, signed or above.signed, filled or above.filled, above.depth + 1)
    kids = raw_entry(was, "/Kids"), raw_entry(now, "/Kids")
    if any(kid is not None for kid in kids):
        compare_fields(step, *kids, new, below)


def _where(step: Comparison, raw: Any) -> tuple[int | None, tuple[Any, ...]]:
    """Answer the page and the box of a field, or of its first widget."""
    node = step.now(raw)
    kids = array(step.now(raw_entry(node, "/Kids")))
    shown = node if raw_entry(node, "/Rect") is not None or not kids else step.now(kids[0])
    number = name_of(raw_entry(shown, "/P"))
    page = step.objects.pages(step.new).get(number.number) if number else None
    if page is None or number is None:
        return None, ()
    rectangle = rectangle_of(step.objects, shown, step.new)
    box = rectangle_box(step.objects, number.number, step.new, rectangle)
    return page, (box,) if box and area(rectangle) else ()


def _integer(value: Any, otherwise: int) -> int:
    return int(value) if type(value).__name__ == "NumberObject" else otherwise


def _compare_signature_field(step: Comparison, both: tuple[Any, Any], name: str, above: _Above, place: Place) -> bool:
    """Compare a signature field; answers whether it was signed just now."""
    was, now = both
    earlier, later = step.was(raw_entry(was, "/V")), step.now(raw_entry(now, "/V"))
    widget = Place("signature", f"签名域“{name}”或其外观被改动", place.page, place.boxes)
    if earlier is not None or (later is None and not above.signed):
        step.freeze_entries(was, now, widget, {*_STILL, "/Kids", "/Parent"})
        return False
    step.freeze_entries(was, now, widget, {*_SIGNED, "/Kids", "/Parent"})
    if _redraws(step, was):
        step.report(Act.REDRAWN, widget, name)
    if later is None:
        return False
    _require_value(step, raw_entry(now, "/V"), later, name)
    stamp = str(step.now(raw_entry(later, "/Type"))) == "/DocTimeStamp" and not _takes_room(step, now)
    words = f"新增{'文档时间戳' if stamp else '签名'}“{name}”"
    step.report(Act.TIMESTAMP if stamp else Act.SIGNED, Place("signature", words, place.page, place.boxes), name)
    return True


def _takes_room(step: Comparison, node: Any) -> bool:
    shown = [node, *(step.now(kid) for kid in array(step.now(raw_entry(node, "/Kids"))))]
    return any(area(rectangle_of(step.objects, one, step.new)) for one in shown)


def _redraws(step: Comparison, was: Any) -> bool:
    """Whether the pictures that the field had were overwritten in place."""
    picture = raw_entry(was, "/AP")
    numbers = {n.number for n in (name_of(picture), *_names_of_entries(step.was(picture))) if n}
    return bool(numbers & step.touched)


def _names_of_entries(node: Any) -> list[Any]:
    return [name_of(raw_entry(node, key)) for key in node] if is_dictionary(node) else []


def _require_value(step: Comparison, raw: Any, value: Any, name: str) -> None:
    """Demand that a new signature is an object of its own that was not there before."""
    named = name_of(raw)
    if named is None or step.objects.is_alive(named.number, step.old) or is_stream(value) or not is_dictionary(value):
        step.deny(Place("signature", f"签名域“{name}”的值不是新写入的签名"))


def _compare_other(step: Comparison, both: tuple[Any, Any], own: _Above, above: _Above, place: Place) -> bool:
    """Compare a field that is no signature; answers whether it was filled."""
    (was, now), name, kind = both, own.name, (own.kind, own.flags)
    step.freeze_entries(was, now, place, {*_FILLED, "/Kids", "/Parent"})
    changed = {key for key in _FILLED if not step.is_same(raw_entry(was, key), raw_entry(now, key))} - {"/Type"}
    if kind[0] == "/Btn" and kind[1] & _BUTTON:
        _compare_push_button(step, both, changed, above, place)
        return False
    filled = bool(changed & {"/V", "/I", "/TI", "/RV"}) or (kind[0] == "/Btn" and "/AS" in changed)
    if not changed:
        return False
    if _hides(step, was, now, changed, filled=filled or above.filled) or not _is_picture_right(
        step, both, changed, kind[0], filled=filled or above.filled
    ):
        step.deny(Place("field", f"表单域“{name}”的显示方式被改动，与填写的内容不符", place.page, place.boxes))
    elif name:
        step.report(Act.FILLED, Place("field", f"填写了表单域“{name}”", place.page, place.boxes), name)
    return filled


def _hides(step: Comparison, was: Any, now: Any, changed: set[str], *, filled: bool) -> bool:
    """Whether flags or default appearance were changed so that a field may be seen otherwise."""
    shown = [_integer(step.was(raw_entry(was, "/F")), 0), _integer(step.now(raw_entry(now, "/F")), 0)]
    flags = [_integer(step.was(raw_entry(was, "/Ff")), 0), _integer(step.now(raw_entry(now, "/Ff")), 0)]
    restyled = bool(changed & {"/DA", "/Q"}) and not filled
    return restyled or bool((shown[0] ^ shown[1]) & _SHOWING) or bool((flags[0] ^ flags[1]) & ~_PLAIN_FLAGS)


def _is_picture_right(step: Comparison, both: tuple[Any, Any], changed: set[str], kind: str, *, filled: bool) -> bool:
    if "/AP" not in changed:
        return True
    was, now = both
    if kind == "/Btn":
        return raw_entry(was, "/AP") is None
    return filled or shows_value(step.objects, now, step.new)


def _compare_push_button(
    step: Comparison, both: tuple[Any, Any], changed: set[str], above: _Above, place: Place
) -> None:
    """Keep the picture of a button, which has no value, but for places prepared for a signature made just now."""
    if not changed - _STILL:
        return
    was, now = both
    prepared = above.name.endswith(SUFFIX) and above.flags == PUSH_BUTTON
    if changed == {"/AP"} and prepared and is_filled(was, now):
        step.report(Act.IMPRESSION, place, above.name.removesuffix(SUFFIX))
    else:
        step.deny(Place("field", "按钮的图案被改动", place.page, place.boxes))


def _collect(step: Comparison, raw: Any, new: NewFields, above: _Above) -> None:
    """Take note of a new signature field; any other new field is denied."""
    _require_depth(above)
    name, node = name_of(raw), step.now(raw)
    title = text_of(step.now(raw_entry(node, "/T")))
    if name is None or not is_dictionary(node) or is_stream(node):
        step.deny(Place("field", "新增了无法读取的表单域"))
        return
    kind = str(step.now(raw_entry(node, "/FT")) or above.kind)
    full = ".".join(part for part in (above.name, title) if part)
    kids = [kid for kid in array(step.now(raw_entry(node, "/Kids"))) if name_of(kid) is not None]
    titled = [kid for kid in kids if raw_entry(step.now(kid), "/T") is not None]
    if titled and raw_entry(node, "/V") is None and len(titled) == len(kids):
        below = _Above(full, kind, depth=above.depth + 1)
        for kid in kids:
            _collect(step, kid, new, below)
        return
    if kind != "/Sig" or titled or not title:
        step.deny(Place("field", f"新增了表单域“{full}”", *_where(step, raw)))
        return
    new.names[full] = (raw, *kids)
    for widget in (raw, *kids):
        named = name_of(widget)
        if named is not None:
            new.widgets[named.number] = full


def report_new(step: Comparison, new: NewFields, placed: dict[int, int]) -> None:
    """Judge the new signature fields, now that it is known where they show."""
    for name, widgets in new.names.items():
        value = step.now(raw_entry(step.now(widgets[0]), "/V"))
        if value is not None:
            _require_value(step, raw_entry(step.now(widgets[0]), "/V"), value, name)
        seen = [(widget, box) for widget in widgets for box in _seen(step, widget, placed)]
        if _denies_widgets(step, name, widgets, placed):
            continue
        boxes = tuple(box for _, box in seen if box)
        page = next((placed[name_of(w).number] for w in widgets if name_of(w).number in placed), None)  # type: ignore[union-attr]
        stamp = value is not None and str(step.now(raw_entry(value, "/Type"))) == "/DocTimeStamp"
        if value is None:
            pictured = any(_is_pictured(step, w) for w, _ in seen)
            act = Act.DENIED if pictured else Act.SHOWN_ANEW if seen else Act.EMPTY_FIELD
            words = f"新增空白签名域“{name}”" if not pictured else f"新增带有图案而未签名的签名域“{name}”"
        else:
            act = Act.SHOWN_ANEW if seen else Act.TIMESTAMP if stamp else Act.SIGNED_ANEW
            words = f"新增{'文档时间戳' if stamp else '签名'}“{name}”"
        step.report(act, Place("signature", words, page, boxes), name)


def _is_pictured(step: Comparison, widget: Any) -> bool:
    """Whether a widget may show anything: its only appearance is not an empty stream, as writers of fields leave it."""
    pictures = step.now(raw_entry(step.now(widget), "/AP"))
    if pictures is None:
        return False
    normal: Any = step.now(raw_entry(pictures, "/N")) if is_dictionary(pictures) else None
    plain = is_stream(normal) and raw_entry(normal, "/Filter") is None
    return set(pictures) != {"/N"} or not plain or bool(normal.encoded_data.strip())


def _seen(step: Comparison, widget: Any, placed: dict[int, int]) -> list[Any]:
    """Answer the box of a widget that takes some room on a page, or nothing."""
    node, name = step.now(widget), name_of(widget)
    rectangle = rectangle_of(step.objects, node, step.new)
    if name is None or not area(rectangle):
        return []
    owner = name_of(raw_entry(node, "/P"))
    pages = list(step.objects.pages(step.new))
    number = pages[placed[name.number] - 1] if name.number in placed else owner.number if owner else 0
    return [rectangle_box(step.objects, number, step.new, rectangle) if number in pages else None]


def _denies_widgets(step: Comparison, name: str, widgets: tuple[Any, ...], placed: dict[int, int]) -> bool:
    pages = list(step.objects.pages(step.new))
    for widget in widgets:
        node, named = step.now(widget), name_of(widget)
        page = placed.get(named.number) if named else None
        place = Place("signature", f"新增的签名域“{name}”带有动作或遮盖页面", page)
        if any(raw_entry(node, key) is not None for key in _ACTIONS):
            step.deny(place)
            return True
        whole = page_area(step.objects, pages[page - 1], step.new) if page else 0.0
        if whole and area(rectangle_of(step.objects, node, step.new)) > whole * _MOST_OF_A_PAGE:
            step.deny(place)
            return True
    return False
