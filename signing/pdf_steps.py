"""What each revision of a PDF did to the one before, found once for all signatures of the file."""

from typing import Final

from signing.pdf import unlisted_objects
from signing.pdf_catalog_rules import compare_documents
from signing.pdf_comparing import Act, Comparison, Event, Place, TooManyStepsError
from signing.pdf_objects import Objects, name_of, objects_of, uses
from signing.pdf_reading import OpenPdf, UnreadablePdfError

_KNOWING: Final = frozenset({
    "/Parent", "/Kids", "/Fields", "/Annots", "/Obj", "/IRT", "/Popup", "/P", "/T", "/CO", "/Ref", "/K", "/Nums",
})  # fmt: skip
"""Keys under which a field is named as a field: in the form, on its page, in actions and in the structure tree."""


def find_events(pdf: OpenPdf, revision: int) -> tuple[Event, ...]:
    """Answer what a revision did to the one before, compared once for all signatures.

    Whatever cannot be read or weighed is denied. Raises UnreadablePdfError only for what reads leniently.
    """
    known: dict[int, tuple[Event, ...]] = pdf.memo.setdefault("events", {})
    if revision not in known:
        known[revision] = _compare_safely(pdf, revision)
    return known[revision]


def _compare_safely(pdf: OpenPdf, revision: int) -> tuple[Event, ...]:
    try:
        return _compare(objects_of(pdf), pdf, revision)
    except TooManyStepsError:
        what = "文件的对象关系过于复杂，无法逐一核对这一版本"
    except Exception as error:  # the library may raise anything at all; what is not explained is denied
        if pdf.mode == "strict" and type(error).__name__ == "PdfStrictReadError":
            raise UnreadablePdfError(f"strictly read: {error}") from error
        what = f"这一版本无法读取（{type(error).__name__}）"
    return (Event(Act.DENIED, Place("structure", what)),)


def _compare(objects: Objects, pdf: OpenPdf, revision: int) -> tuple[Event, ...]:
    old, new = revision - 1, revision
    touched = objects.touched(new)
    forms = objects.form(old), objects.form(new)
    homes = {*(objects.tree(old).keys() & objects.tree(new).keys()), *(forms[0].keys() & forms[1].keys())}
    root = name_of(objects.trailer(old).get("/Root"))
    homes |= {root.number} if root else set()
    affected, users = objects.affected(touched, old, homes)
    step = Comparison(objects, old, new, touched, affected, homes)
    _raise_upwards(step, forms)
    _deny_strays(step, forms[0], users)
    if touched & objects.containers(old):
        step.deny(Place("structure", "原有的对象流被改写"))
    hidden = unlisted_objects(pdf, revision, lambda number: objects.is_alive(number, old))
    if hidden:
        step.deny(Place("structure", f"追加的数据中夹带了未登记的对象（{hidden[0]}），与已签名的对象同号"))
    compare_documents(step)
    return tuple(step.events)


def _deny_strays(step: Comparison, form: dict[int, int], users: dict[int, list[int]]) -> None:
    """Deny a changed field that is named by what knows no fields: as content or resource it would change that too."""
    for number in step.touched & form.keys():
        for user in users.get(number, ()):
            value = step.objects.load(user, step.old)
            lists = isinstance(value, list) or user in form
            if not lists and any(key not in _KNOWING for key in uses(value, number)):
                step.deny(Place("field", f"被改动的表单域（对象 {number}）还被用作其他内容"))


def _raise_upwards(step: Comparison, forms: tuple[dict[int, int], ...]) -> None:
    """Look at every node of the form that has one below to be looked at."""
    for form in forms:
        for number in form:
            above = form[number] if step.concerns(number) else 0
            while above and above not in step.affected:
                step.affected.add(above)
                above = form.get(above, 0)
