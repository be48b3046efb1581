"""Placing seals on assembled parts (盖章定位): a main place and any further impressions, planned before they are kept.

Lengths are millimetres from the upper left corner of the page as it is seen; positions are the middle of an impression.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from msgspec import structs

from bidding.errors import NoSuchItemError, PartOutdatedError, SealMissingError, SealOrderError
from bidding.workbench.desk import Desk
from bidding.workbench.drafts import (
    Draft,
    Part,
    load_draft,
    replace_places,
    require_no_sealing,
    require_open,
)
from bidding.workbench.placing_child import Impression, Job, Outcome, draw_over, place_on
from bidding.workbench.placing_rows import load_placings, put_placings
from bidding.workbench.placing_values import (
    Other,
    Placement,
    PlacingFacts,
    PlacingWarning,
    SealLook,
    Wish,
    encode_plans,
    main_place,
    point_of,
    stamp_of,
)
from bidding.workbench.placing_words import error_of
from identity.actor import Actor
from sealing.errors import PlanError, SealStateError
from sealing.pdf_places import MAX_STAMPS
from sealing.placement import PageView, Stamp
from sealing.planning import SealPlan
from sealing.ports import SealRegistry
from sealing.seal import TITLES, SealKind
from storage.database import reading, writing

SCALE: Final = 1.5
"""Pixels to a point of the pictures."""
_MOST_TURNED: Final = 5
"""Turned pages that are told one by one."""


@dataclass(frozen=True)
class Placing:
    """Places of seals on the parts of drafts; another company's draft is not there."""

    desk: Desk
    seals: SealRegistry

    def look(self, actor: Actor, draft: str, item: str, kind: str) -> Placement:
        """Answer where a seal goes as it is kept. NoSuchItemError for a seal that the item does not ask for.

        SealMissingError, SealStateError, errors of the registry, DocumentError. Plans that were kept and do not hold
        any more, because the seal has another size now, raise what `plan` raises.
        """
        loaded, part = self._load(actor, draft, item, kind)
        kept = self._kept(part).get(kind)
        wish = Wish(point_of(main_place(part, kind)), kept.plans if kept else ())
        return self._place(loaded, part, kind, wish, saved=True)

    def plan(self, actor: Actor, draft: str, item: str, kind: str, wish: Wish) -> Placement:
        """Answer what would come of a wish; nothing is kept.

        SealOrderError for a part that carries a seal; StampOutsideError, PageRangeError, StraddleError, KeywordError,
        KeywordNotFoundError with what comes nearest, PlanError; and what `look` raises.
        """
        loaded, part = self._load(actor, draft, item, kind)
        if part.facts.seals:
            raise SealOrderError("此文件已盖章")
        return self._place(loaded, part, kind, wish, saved=False)

    def save(self, actor: Actor, draft: str, item: str, kind: str, wish: Wish) -> Placement:
        """Keep a wish that can be carried out. What `plan` raises, DraftClosedError, SealingRunningError.

        PartOutdatedError when the part became another while this was planned.
        """
        planned = self.plan(actor, draft, item, kind, wish)
        with writing(self.desk.engine) as tx:
            loaded = load_draft(self.desk, tx, str(actor.uscc), draft)
            require_open(loaded)
            require_no_sealing(tx, draft)
            if (part := loaded.part(item)).id != planned.part.id:
                raise PartOutdatedError("the part became another meanwhile")
            before = load_placings(self.desk, tx, part.id).get(kind)
            place = planned.main
            moved = place != main_place(part, kind) or (before is not None and before.moved)
            others = [one for one in part.facts.places if one.party != kind]
            part = replace_places(self.desk, tx, part, [*others, place])
            facts = PlacingFacts(encode_plans(wish.further), place.w, place.h, moved)
            put_placings(self.desk, tx, part.id, {kind: facts})
        now = replace(loaded, parts=tuple(part if one.item == item else one for one in loaded.parts))
        return replace(planned, draft=now, part=part, kept=facts, saved=True)

    def picture(self, placement: Placement, page: int) -> bytes:
        """Draw a page (PNG) with the impressions of all its seals, as the sealed file will show it. DocumentError.

        A part that is sealed already is shown as it is.
        """
        listed = [(one.look, one.stamps) for one in placement.others] + [(placement.look, placement.stamps)]
        order = [kind.value for kind in (SealKind.LEGAL_REPRESENTATIVE, SealKind.UNIT)]
        listed.sort(key=lambda one: order.index(one[0].kind))
        here = [Impression(s, look.artwork) for look, stamps in listed for s in stamps if s.page == page]
        here = [] if placement.part.facts.seals else here
        with self._copy(placement.part) as path:
            return draw_over(path, page, here, SCALE)

    def stamps(self, draft: Draft, part: Part, path: Path) -> dict[str, tuple[Stamp, ...]]:
        """Answer all impressions of each kind that has more than its main place, on the part at `path`.

        Empty for a part on which nothing was placed. Raises what `look` raises.
        """
        kept = self._kept(part)
        if not kept:
            return {}
        wishes = {kind: Wish(point_of(main_place(part, kind)), facts.plans) for kind, facts in kept.items()}
        looks = [SealLook.find(self.seals, draft.uscc, kind) for kind in wishes]
        placed = place_on(path, [job for look in looks for job in _jobs(look, wishes[look.kind])])
        pairs = zip(placed.jobs[::2], placed.jobs[1::2], strict=True)
        return {kind: _stamps(pair, wishes[kind], placed.views) for kind, pair in zip(wishes, pairs, strict=True)}

    def kept(self, actor: Actor, draft: str) -> Mapping[tuple[str, str], PlacingFacts]:
        """Answer what was placed on a draft's parts, by item and kind of seal; NoSuchDraftError."""
        with reading(self.desk.engine) as tx:
            loaded = load_draft(self.desk, tx, str(actor.uscc), draft)
            return {
                (part.item, kind): facts
                for part in loaded.parts
                for kind, facts in load_placings(self.desk, tx, part.id).items()
            }

    def _place(self, draft: Draft, part: Part, kind: str, wish: Wish, *, saved: bool) -> Placement:
        kept, look = self._kept(part), SealLook.find(self.seals, draft.uscc, kind)
        others = self._others(draft, part, kind)
        jobs = [job for other in others for job in _kept_jobs(part, other, kept.get(other.kind))]
        own = _kept_jobs(part, look, kept.get(kind)) if saved else _jobs(look, wish)
        with self._copy(part) as path:
            placed = place_on(path, [*jobs, *own])
        stamps = _stamps(placed.jobs[-2:], wish, placed.views)
        told = [one for outcome in placed.jobs[-2:] for one in outcome.warnings]
        warnings = (*(PlacingWarning(one.code, one.page, one.text) for one in told), *_turned(stamps, placed.views))
        warnings = () if part.facts.seals else warnings
        pairs = zip(placed.jobs[:-2:2], placed.jobs[1:-2:2], strict=True)
        beside = [Other(o, main.stamps + more.stamps) for o, (main, more) in zip(others, pairs, strict=True)]
        return Placement(
            draft, part, look, wish, stamps, warnings, placed.views, tuple(beside), kept.get(kind), saved=saved
        )

    def _others(self, draft: Draft, part: Part, kind: str) -> list[SealLook]:
        """Answer the other seals that the item asks for; one that is not there keeps nobody from placing this one."""
        found = list[SealLook]()
        for other in draft.item(part.item).seals:
            if other != kind:
                try:
                    found.append(SealLook.find(self.seals, draft.uscc, other))
                except (SealMissingError, SealStateError):
                    continue
        return found

    def _load(self, actor: Actor, draft: str, item: str, kind: str) -> tuple[Draft, Part]:
        with reading(self.desk.engine) as tx:
            loaded = load_draft(self.desk, tx, str(actor.uscc), draft)
        part = loaded.part(item)
        if kind not in loaded.item(item).seals or all(place.party != kind for place in part.facts.places):
            raise NoSuchItemError(f"item {item} asks for no seal of kind {kind}")
        return loaded, part

    def _kept(self, part: Part) -> dict[str, PlacingFacts]:
        with reading(self.desk.engine) as tx:
            return load_placings(self.desk, tx, part.id)

    @contextmanager
    def _copy(self, part: Part) -> Iterator[Path]:
        with self.desk.shelf.folder() as folder:
            yield self.desk.shelf.copy(part.object, folder / "part.pdf")


def _jobs(look: SealLook, wish: Wish) -> tuple[Job, Job]:
    """Answer the main impression, and beside it all further ones."""
    title = TITLES[SealKind(look.kind)]
    return Job(f"{title}主位置", look.size_mm, (wish.main,)), Job(title, look.size_mm, wish.further)


def _kept_jobs(part: Part, look: SealLook, kept: PlacingFacts | None) -> tuple[Job, Job]:
    """Answer the same of what is kept; where nothing was placed, the letter's place as it is."""
    place = main_place(part, look.kind)
    main, further = _jobs(look, Wish(point_of(place), kept.plans if kept else ()))
    return (main, further) if kept else (structs.replace(main, plans=(), fixed=(stamp_of(place),)), further)


def _stamps(outcomes: Sequence[Outcome], wish: Wish, views: Sequence[PageView]) -> tuple[Stamp, ...]:
    """Answer all stamps, the main one first. Raises the error of a refused plan, PlanError for too many."""
    main, further = outcomes
    if main.refused is not None:
        raise error_of(main.refused, wish, 0, views)
    if further.refused is not None:
        raise error_of(further.refused, wish, 1, views)
    stamps = (*main.stamps, *further.stamps)
    if len(stamps) > MAX_STAMPS:
        raise PlanError(f"共 {len(stamps)} 枚，一次最多 {MAX_STAMPS} 枚")
    return stamps


def _turned(stamps: Sequence[Stamp], views: Sequence[PageView]) -> Iterator[PlacingWarning]:
    """Tell of sealed pages that the file turns: a seal stands upright on the page as it is seen."""
    pages = [page for page in dict.fromkeys(stamp.page for stamp in stamps) if views[page - 1].rotate]
    for page in sorted(pages)[:_MOST_TURNED]:
        told = f"第 {page} 页在文件中旋转了 {views[page - 1].rotate} 度；印章按显示的方向端正加盖。"
        yield PlacingWarning("rotated", page, told)
    if len(pages) > _MOST_TURNED:
        yield PlacingWarning("rotated", min(pages), f"共有 {len(pages)} 个盖章页在文件中旋转过。")


def carry_over(path: Path, kept: Mapping[str, PlacingFacts], seals: Sequence[str]) -> dict[str, PlacingFacts]:
    """Answer what of the further impressions still holds on a part that was assembled anew; the rest is `lost`.

    Main places are those of the letters again. DocumentError.
    """
    kinds = {kind: facts for kind, facts in kept.items() if kind in seals}
    jobs = [Job("", facts.size_mm, (plan,)) for facts in kinds.values() for plan in facts.plans]
    outcomes = iter(place_on(path, jobs).jobs if jobs else ())
    carried: dict[str, PlacingFacts] = {}
    for kind, facts in kinds.items():
        held, lost = list[SealPlan](), list[SealPlan]()
        for plan in facts.plans:
            (lost if next(outcomes).refused is not None else held).append(plan)
        carried[kind] = PlacingFacts(
            encode_plans(tuple(held)),
            facts.width,
            facts.height,
            lost=encode_plans((*facts.lost_plans, *lost)),
            reset=facts.moved or facts.reset,
        )
    return carried
