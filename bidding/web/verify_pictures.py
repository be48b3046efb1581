"""Pages of a judged PDF with a box around each of its seals (页面图上框出每枚章), drawn in the picture child."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bidding.errors import PictureError
from bidding.reporting.picture_types import MAX_PAIRS, PictureRequest, WantedPage
from bidding.reporting.pictures import ask

_NOT_ASKED: Final = -1
"""Instead of the length of the signed version: only the page as it is now is wanted."""


@dataclass(frozen=True)
class SealPage:
    """One page (from 1) as it is now, JPEG, with the names of what is boxed on it."""

    page: int
    names: tuple[str, ...]
    picture: bytes


def draw_seal_pages(
    answer: Mapping[str, Any], path: Path, places: Mapping[str, Sequence[Sequence[float]]]
) -> tuple[SealPage, ...]:
    """Draw each page that bears a seal or a visible signature; a box is thick and double where it did not pass.

    A file that cannot be drawn has no pictures, that is all.
    """
    boxes: dict[int, list[tuple[float, float, float, float, bool]]] = {}
    names: dict[int, list[str]] = {}
    for one in answer["signatures"]:
        passed = one["indication"] == "TOTAL-PASSED"
        for page, left, top, right, bottom in places.get(one["id"], ()):
            boxes.setdefault(int(page), []).append((left, top, right, bottom, passed))
            names.setdefault(int(page), []).append(str((one.get("seal") or {}).get("name") or one["id"]))
    wanted = tuple(
        WantedPage(page, str(page), "", _NOT_ASKED, tuple(boxes[page])) for page in sorted(boxes)[:MAX_PAIRS]
    )
    if not wanted:
        return ()
    try:
        drawn = ask(PictureRequest(document=str(path.resolve()), pages=wanted))
    except PictureError:
        return ()
    return tuple(
        SealPage(one.page, tuple(dict.fromkeys(names[one.page])), one.after) for one in drawn.pairs if one.after
    )
