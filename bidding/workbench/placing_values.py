"""Where one seal goes on a part (盖章位置) as values: what is wished for, what is kept, and what comes of it."""

from dataclasses import dataclass
from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta, Struct

from bidding.errors import SealMissingError
from bidding.workbench.drafts import Draft, Hundredths, Part, PartPlace
from sealing.artwork import Artwork
from sealing.artwork import encode as encode_artwork
from sealing.errors import SealStateError
from sealing.placement import PageView, Stamp
from sealing.planning import Point, SealPlan, parse_plans
from sealing.ports import SealRegistry
from sealing.seal import SealKind, SealState, read_artwork

MOST_FURTHER: Final = 63
"""Plans besides the main place."""


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a seal is to go: the middle of its main impression, and plans for all further ones."""

    main: Point
    further: Annotated[tuple[SealPlan, ...], Meta(max_length=MOST_FURTHER)] = ()

    @property
    def plans(self) -> tuple[SealPlan, ...]:
        """Answer all plans, the main place first."""
        return (self.main, *self.further)


class PlacingFacts(Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept besides the main place: plans as JSON, for lengths in them have fractions.

    `width`, `height` (hundredths of a mm) are the size of the seal that was placed. `moved` says that the main place
    is not the one of the letter; `lost` are plans that did not fit the part when it was assembled again, and `reset`
    that its main place went back to that of the letter.
    """

    further: bytes
    width: Hundredths
    height: Hundredths
    moved: bool = False
    lost: bytes = b"[]"
    reset: bool = False

    @property
    def plans(self) -> tuple[SealPlan, ...]:
        """Answer the further plans."""
        return parse_plans(self.further)

    @property
    def lost_plans(self) -> tuple[SealPlan, ...]:
        """Answer the plans that were dropped."""
        return parse_plans(self.lost)

    @property
    def size_mm(self) -> tuple[float, float]:
        """Answer the size of the seal that was placed."""
        return self.width / 100, self.height / 100


class PlacingWarning(Struct, frozen=True):
    """Something to look at before saving; `code` is moved, overlap, single-page or rotated."""

    code: str
    page: int
    text: str


@dataclass(frozen=True)
class SealLook:
    """The unit's own seal as it stands on paper."""

    kind: str
    name: str
    number: str
    picture: Artwork

    @property
    def size_mm(self) -> tuple[float, float]:
        """Answer width and height in millimetres."""
        return self.picture.size_mm

    @property
    def artwork(self) -> bytes:
        """Answer the picture in its canonical form."""
        return encode_artwork(self.picture)

    @classmethod
    def find(cls, seals: SealRegistry, uscc: str, kind: str) -> Self:
        """Ask for the newest usable seal of a kind. SealMissingError, SealStateError, and errors of the registry."""
        of_kind = [seal for seal in seals.fetch_seals(uscc) if seal.kind is SealKind(kind)]
        if not of_kind:
            raise SealMissingError(f"no seal of kind {kind}")
        active = [seal for seal in of_kind if seal.state is SealState.ACTIVE]
        if not active:
            raise SealStateError(f"seal {of_kind[-1].number} is {of_kind[-1].state}")
        return cls(kind, active[-1].name, active[-1].number, read_artwork(active[-1]))


@dataclass(frozen=True)
class Other:
    """The impressions of another kind of seal on the same part."""

    look: SealLook
    stamps: tuple[Stamp, ...]


@dataclass(frozen=True)
class Placement:
    """What comes of a wish: `stamps` has the main impression first; `others` are those of the other kinds of seal.

    `saved` says whether it is what is kept.
    """

    draft: Draft
    part: Part
    look: SealLook
    wish: Wish
    stamps: tuple[Stamp, ...]
    warnings: tuple[PlacingWarning, ...]
    views: tuple[PageView, ...]
    others: tuple[Other, ...]
    kept: PlacingFacts | None
    saved: bool

    @property
    def main(self) -> PartPlace:
        """Answer the main place as a part keeps it."""
        return place_of(self.look.kind, self.stamps[0])

    def on(self, page: int) -> tuple[Stamp, ...]:
        """Answer this seal's impressions on a page."""
        return tuple(stamp for stamp in self.stamps if stamp.page == page)


def main_place(part: Part, kind: str) -> PartPlace:
    """Answer where a seal goes by itself: of several places of a kind the last, where letters end."""
    return next(place for place in reversed(part.facts.places) if place.party == kind)


def stamp_of(place: PartPlace) -> Stamp:
    """Answer a place as an impression."""
    return Stamp(place.page, place.x / 100, place.y / 100, place.w / 100, place.h / 100)


def place_of(kind: str, stamp: Stamp) -> PartPlace:
    """Answer an impression as a place; rounding may have left it a hair off the page."""
    x, y, w, h = (max(0, round(length * 100)) for length in (stamp.x_mm, stamp.y_mm, stamp.w_mm, stamp.h_mm))
    return PartPlace(kind, stamp.page, x, y, w, h)  # type: ignore[arg-type]


def point_of(place: PartPlace) -> Point:
    """Answer the middle of a place."""
    return Point(place.page, (place.x + place.w / 2) / 100, (place.y + place.h / 2) / 100)


def encode_plans(plans: tuple[SealPlan, ...]) -> bytes:
    """Write plans as `parse_plans` reads them."""
    return msgspec.json.encode(plans)
