"""Finding words on the pages of an OFD document, so that a seal can be placed at them (关键字定位).

Text and keyword are compared as for PDF: without blanks, line ends and the width of characters, over any number of
text objects. First in the order in which characters are drawn, then as lines are read, for forms that are filled in.
"""

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise
from math import hypot
from pathlib import Path
from typing import Final

from sealing.errors import KeywordError, UnsealableOfdError
from sealing.keywords import KeywordLimits, fold, in_reading_order, nearest
from sealing.ofd_pages import OfdPage
from sealing.ofd_survey import read_ground
from sealing.ofd_text import Glyph, read_text, read_units
from sealing.ofd_xml import MAX_XML
from sealing.ofd_zip import OfdPackage, open_package
from sealing.placement import Box
from sealing.planning import KeywordHits, Occurrence
from signing.errors import MalformedError

_MAX_TEXT: Final = 100
_SAME_ROW: Final = 0.5
_GAP: Final = 3.0
"""Parts of a character's size: off the row, and to the next one when lines are read across text objects."""
_NEXT: Final = 1.6
_LIMITS: Final = KeywordLimits()


def find_ofd_keywords(
    path: Path,
    texts: Sequence[str],
    *,
    document: int = 1,
    limits: KeywordLimits = _LIMITS,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, KeywordHits]:
    """Search all pages of a document for some keywords; answer for each where it stands, in reading order.

    Raises KeywordError for an empty or overlong keyword and for a file beyond the limits, UnsealableOfdError for a
    page that cannot be read, and what `survey_ofd` raises.
    """
    if len(texts) > limits.keywords:
        raise KeywordError(f"{len(texts)} keywords are too many")
    wanted = {text: _folded(text) for text in texts}
    if not wanted:
        return {}
    with path.open("rb") as stream:
        ground = read_ground(open_package(stream, path.stat().st_size), document)
        if len(ground.pages) > limits.pages:
            raise KeywordError(f"{len(ground.pages)} pages are too many")
        search = _Search(ground.package, wanted, limits)
        search.read_resources(ground.document.resources)
        end = clock() + limits.seconds
        for number, page in enumerate(ground.pages, 1):
            search.read(number, page)
            if clock() > end:
                raise KeywordError(f"the search took longer than {limits.seconds:g} s and stopped at page {number}")
    return search.hits()


class _Search:
    """What has been found so far."""

    def __init__(self, package: OfdPackage, wanted: dict[str, str], limits: KeywordLimits) -> None:
        self.package, self.wanted, self.limits = package, wanted, limits
        self.found: dict[str, list[Occurrence]] = {text: [] for text in wanted}
        self.left, self.occurrences = limits.characters, 0
        self.remembered, self.room = list[tuple[int, str]](), limits.remembered
        self.units = dict[str, list[Glyph]]()

    def read_resources(self, parts: Sequence[str]) -> None:
        """Read the text of composite graphic units; resources that cannot be read show none."""
        for part in parts:
            with suppress(MalformedError):
                self.units |= read_units(self.package.read(part, limit=MAX_XML), self.limits.page_characters)

    def read(self, number: int, page: OfdPage) -> None:
        """Search one page and its templates."""
        most = min(self.left, self.limits.page_characters)
        glyphs = list[Glyph]()
        try:
            for part in dict.fromkeys((*page.templates, page.part)):
                glyphs += read_text(self.package.read(part, limit=MAX_XML), most - len(glyphs), self.units)
        except MalformedError as error:
            raise UnsealableOfdError(f"第 {number} 页：{error}") from error
        self.left -= len(glyphs)
        width, height = page.view.size_mm
        seen = [g for g in glyphs if 0 <= g.centre[0] <= width and 0 <= g.centre[1] <= height]
        rows = list(_rows(seen))
        self._remember(number, rows)
        drawn, lines = _Text([seen]), _Text(rows)
        for text, plain in self.wanted.items():
            here = list(self._locate(number, plain, drawn, lines))
            self.found[text] += in_reading_order(here)

    def hits(self) -> dict[str, KeywordHits]:
        """Answer everything found, and what comes near where nothing was."""
        return {
            text: KeywordHits(tuple(found), () if found else nearest(self.wanted[text], self.remembered))
            for text, found in self.found.items()
        }

    def _locate(self, number: int, plain: str, drawn: "_Text", lines: "_Text") -> Iterator[Occurrence]:
        known = set[int]()
        for text in (drawn, lines):
            for glyphs in text.find(plain):
                if known.intersection(map(id, glyphs)):
                    continue
                known.update(map(id, glyphs))
                self.occurrences += 1
                if self.occurrences > self.limits.occurrences:
                    raise KeywordError(f"keywords stand in too many places, at page {number}")
                yield Occurrence(number, tuple(_boxes(number, glyphs)))

    def _remember(self, number: int, rows: Sequence[Sequence[Glyph]]) -> None:
        if self.room > 0 and not all(self.found.values()):
            text = "\n".join("".join(glyph.char for glyph in row) for row in rows)[: self.room]
            self.remembered.append((number, text))
            self.room -= len(text)


class _Text:
    """Runs of characters as one folded text each, and the way back to the characters."""

    def __init__(self, runs: Sequence[Sequence[Glyph]]) -> None:
        self._runs = [(run, [fold(glyph.char) for glyph in run]) for run in runs]

    def find(self, plain: str) -> Iterator[Sequence[Glyph]]:
        """Yield the characters of each place where a folded text stands."""
        for run, folded in self._runs:
            text = "".join(folded)
            at = text.find(plain)
            begins = list(accumulate(map(len, folded), initial=0)) if at >= 0 else []
            while at >= 0:
                first, last = bisect_right(begins, at) - 1, bisect_right(begins, at + len(plain) - 1) - 1
                yield [
                    glyph for glyph, part in zip(run[first : last + 1], folded[first : last + 1], strict=True) if part
                ]
                at = text.find(plain, at + len(plain))


def _rows(glyphs: Sequence[Glyph]) -> Iterator[list[Glyph]]:
    """Arrange characters as they are read: in rows from the top, each from the left, broken at wide gaps."""
    rows = list[list[Glyph]]()
    for glyph in sorted(glyphs, key=lambda one: one.centre[1]):
        last = rows[-1][0] if rows else None
        if last and glyph.centre[1] - last.centre[1] < _SAME_ROW * min(last.size, glyph.size):
            rows[-1].append(glyph)
        else:
            rows.append([glyph])
    for row in rows:
        row.sort(key=lambda one: one.box[0])
        start = 0
        for at, (before, after) in enumerate(pairwise(row), 1):
            if after.box[0] - before.box[2] > _GAP * max(before.size, after.size):
                yield row[start:at]
                start = at
        yield row[start:]


def _boxes(number: int, glyphs: Sequence[Glyph]) -> Iterator[Box]:
    """Join characters to one box for each line."""
    line = [glyphs[0]]
    for before, after in pairwise(glyphs):
        if not _continues(before, after):
            yield _around(number, line)
            line = []
        line.append(after)
    yield _around(number, line)


def _continues(before: Glyph, after: Glyph) -> bool:
    """Say whether a character goes on in the line of another: near it in any direction, or in its row."""
    right, down = after.centre[0] - before.centre[0], after.centre[1] - before.centre[1]
    size = max(before.size, after.size)
    return hypot(right, down) < _NEXT * size or (abs(down) < _SAME_ROW * size and right > 0)


def _around(number: int, glyphs: Sequence[Glyph]) -> Box:
    lefts, tops, rights, bottoms = zip(*(glyph.box for glyph in glyphs), strict=True)
    return Box(number, min(lefts), min(tops), max(rights) - min(lefts), max(bottoms) - min(tops))


def _folded(text: str) -> str:
    plain = fold(text)
    if not plain or len(text) > _MAX_TEXT:
        raise KeywordError(f"a keyword of {len(text)} characters, {len(plain)} of them visible")
    return plain
