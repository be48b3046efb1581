"""What happened to a PDF after a signature: every later revision must be explained, or the signature fails.

`signing.pdf_steps` says what each revision did; here it is decided whether that was permitted after this signature:
by its certification (DocMDP), by the fields that it locks (FieldMDP), and, for seals, by a shorter list still: a
later revision may fill a signature field that was prepared before, and add validation data or metadata.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from signing.pdf import Coverage, FilledSignature, unexplained_bytes
from signing.pdf_boxes import Box
from signing.pdf_comparing import Act, Event
from signing.pdf_locks import Locks, find_locks
from signing.pdf_reading import OpenPdf
from signing.pdf_steps import find_events

MAX_REVISIONS: Final = 200
_MAX_LISTED: Final = 50

_LASTING: Final = frozenset({Act.BENIGN, Act.METADATA, Act.VALIDATION, Act.TIMESTAMP})
"""What even a certification that permits no changes permits."""
_FILLING: Final = _LASTING | {
    Act.SIGNED, Act.SIGNED_ANEW, Act.EMPTY_FIELD, Act.REDRAWN, Act.IMPRESSION, Act.FILLED, Act.FORM,
}  # fmt: skip
_PERMITTED: Final = {
    None: _FILLING | {Act.SHOWN_ANEW},
    1: _LASTING,
    2: _FILLING,
    3: _FILLING | {Act.COMMENT},
}
_AFTER_SEALS: Final = frozenset({Act.BENIGN, Act.METADATA, Act.VALIDATION, Act.SIGNED, Act.IMPRESSION})
_OF_FIELDS: Final = frozenset({Act.SIGNED, Act.SIGNED_ANEW, Act.SHOWN_ANEW, Act.FILLED, Act.REDRAWN, Act.IMPRESSION})
_QUIET: Final = frozenset({Act.BENIGN, Act.IMPRESSION, Act.REDRAWN, Act.FORM})
"""Permitted, and part of something else that is listed."""


@dataclass(frozen=True)
class Change:
    """One thing that a later revision did. `page` counts from 1, None means the document as a whole.

    `vouched_by` names the first later signature that covers the revision, if any; whether that one is itself
    intact is for the judge to say. `kind` is content, annotation, field, attachment, metadata, signature, page,
    structure, resource or validation; `boxes` are left, top, right, bottom in millimetres on the page as displayed.
    """

    page: int | None
    what: str
    allowed: bool
    revision: int
    vouched_by: str | None = None
    kind: str = "structure"
    boxes: tuple[Box, ...] = ()


def find_changes(
    pdf: OpenPdf,
    signature: FilledSignature,
    everything: Sequence[FilledSignature],
    *,
    strict: bool,
) -> tuple[Change, ...]:
    """List what was done after a signature. `strict` is the whitelist of seals."""
    if signature.covers is not Coverage.REVISION:
        return ()
    if pdf.revisions - signature.revision > MAX_REVISIONS:
        return (Change(None, "签名之后的版本过多，无法逐一核对。", allowed=False, revision=pdf.revisions - 1),)
    locks, changes = find_locks(pdf, signature), list[Change]()
    for revision in range(signature.revision + 1, pdf.revisions):
        changes += _review(find_events(pdf, revision), revision, locks, everything, strict=strict)
    extra = unexplained_bytes(pdf, signature.end, signature.revision)
    if extra:
        what = f"签名范围之后有 {extra} 字节不属于任何版本的数据"
        changes.append(Change(None, what, allowed=False, revision=pdf.revisions - 1))
    return tuple(sorted(changes, key=lambda one: one.allowed)[:_MAX_LISTED] if len(changes) > _MAX_LISTED else changes)


def _review(
    events: Sequence[Event], revision: int, locks: Locks, everything: Sequence[FilledSignature], *, strict: bool
) -> Iterator[Change]:
    witness = next((s.name for s in everything if s.revision >= revision and _sound(s)), None)
    pages = {s.name: s.page for s in everything if s.revision == revision}
    judged = [(event, _judge(event, events, revision, locks, witness, strict=strict)) for event in events]
    found = [_placed(change, event, pages) for event, change in judged if change is not None]
    denied = [change for change in found if not change.allowed]
    yield from dict.fromkeys(denied or found)
    quiet = all(event.act in {Act.BENIGN, Act.VALIDATION} for event in events)
    if not found and not any(event.act in _OF_FIELDS | {Act.VALIDATION} for event in events):
        what = "追加了一个版本，其中没有新的签名"
        allowed = not strict and (quiet or locks.level != 1)
        yield Change(None, what, allowed=allowed, revision=revision, vouched_by=witness)


def _placed(change: Change, event: Event, pages: dict[str, int | None]) -> Change:
    """Fill in the page of a signature whose field does not say on which it is."""
    return replace(change, page=pages.get(event.name)) if change.page is None and event.name in pages else change


def _judge(
    event: Event, events: Sequence[Event], revision: int, locks: Locks, witness: str | None, *, strict: bool
) -> Change | None:
    """Answer one change; None for what is permitted and only part of another."""
    permitted = (_AFTER_SEALS if strict else frozenset(Act)) & _PERMITTED[locks.level]
    allowed, what = event.act in permitted, event.place.what
    if allowed and event.act in _OF_FIELDS and locks.holds(event.name):
        allowed, what = False, f"{what}（该域已被签名锁定）"
    if allowed and event.act is Act.IMPRESSION:
        allowed = any(other.act is Act.SIGNED and other.name == event.name for other in events)
    if allowed and (event.act in _QUIET or (event.act is Act.VALIDATION and not strict)):
        return None
    if not allowed and locks.level == 1 and event.act in _FILLING:
        what = f"文件被声明为“不允许修改”，签名后仍被修改：{what}"
    place = event.place
    return Change(place.page, what, allowed, revision, witness if allowed else None, place.kind, place.boxes)


def _sound(signature: FilledSignature) -> bool:
    return signature.covers is not Coverage.PARTIAL and not signature.defects
