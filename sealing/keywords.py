"""Finding words on the pages of a PDF, so that a seal can be placed at them (关键字定位).

The text and the boxes of its characters come from pdfium, in whatever order the page draws them. Text and keyword are
compared without blanks, line ends and the width of characters, so it makes no difference whether the words are one
run, single glyphs, spaced, full-width, turned, or broken over two lines.

pdfium is not safe in threads and reads hostile bytes: whoever searches a file from outside does it in a process of
its own, with limits on memory and time. The limits here keep an honest but huge file from taking for ever.
"""

import math
import re
import time
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from difflib import SequenceMatcher
from heapq import nlargest
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Final

import pypdfium2
import pypdfium2.raw as pdfium_c

from sealing.errors import KeywordError
from sealing.pdfium import LOCK
from sealing.placement import Box, PageView, Rect
from sealing.planning import KeywordHits, Occurrence
from signing.pdf_reading import EncryptedPdfError, UnreadablePdfError

_SAME_AS: Final = dict(
    zip(
        "⺠⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻨⻩⻬⻮⻰",
        "民西见角贝车长门青韦页风飞食马骨鬼鱼鸟麦黄齐齿龙",
        strict=True,
    )
)
"""Radicals that fonts give out in place of the character, and that Unicode does not unify."""
_IGNORED: Final = "\x00\x02\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\ufeff\ufffe"
"""Marks without a look, and what pdfium puts for a hyphen at a line's end."""
_ODD: Final = re.compile(f"[{_IGNORED}{''.join(_SAME_AS)}]")
_REPLACED: Final = str.maketrans(_SAME_AS | dict.fromkeys(_IGNORED))
_MAX_TEXT: Final = 100
_SAME_LINE: Final = 0.6
_NEXT_GLYPH: Final = 2.2
"""Parts of a character's size: how far one may stand off the line, and how far down when written downwards."""
_NEAR: Final = 3
_ALIKE: Final = 0.5
_MAX_LINE: Final = 300
_MAX_LINES: Final = 500


@dataclass(frozen=True)
class KeywordLimits:
    """What a search may take; beyond it, KeywordError. `remembered` is text kept for naming what comes near."""

    keywords: int = 32
    pages: int = 10_000
    page_characters: int = 500_000
    characters: int = 50_000_000
    occurrences: int = 10_000
    remembered: int = 2_000_000
    seconds: float = 120.0


_LIMITS: Final = KeywordLimits()


def fold(text: str) -> str:
    """Answer a text without what makes no difference to a search: widths, blanks, line ends, invisible marks."""
    plain = unicodedata.normalize("NFKD", text)
    if _ODD.search(plain):
        plain = plain.translate(_REPLACED)
    return "".join(plain.split())


def find_keywords(
    path: Path,
    texts: Sequence[str],
    pages: Sequence[PageView],
    *,
    limits: KeywordLimits = _LIMITS,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, KeywordHits]:
    """Search all pages for some keywords; answer for each where it stands, in reading order.

    Raises KeywordError for an empty or overlong keyword and for a file beyond the limits, EncryptedPdfError and
    UnreadablePdfError for a file that pdfium does not read, or not as `pages` say.
    """
    if len(texts) > limits.keywords or len(pages) > limits.pages:
        raise KeywordError(f"{len(texts)} keywords on {len(pages)} pages are too many")
    if not texts:
        return {}
    search = _Search({text: _folded(text) for text in texts}, limits)
    end = clock() + limits.seconds
    with _open(path) as document:
        if len(document) != len(pages):
            raise UnreadablePdfError(f"{len(document)} pages for pdfium, {len(pages)} for us")
        for number, view in enumerate(pages, 1):
            search.read(document, number, view)
            if clock() > end:
                raise KeywordError(f"the search took longer than {limits.seconds:g} s and stopped at page {number}")
    return search.hits()


class _Search:
    """What has been found so far."""

    def __init__(self, keywords: dict[str, str], limits: KeywordLimits) -> None:
        self.keywords, self.limits = keywords, limits
        self.found: dict[str, list[Occurrence]] = {text: [] for text in keywords}
        self.characters, self.occurrences = 0, 0
        self.remembered, self.room = list[tuple[int, str]](), limits.remembered

    def read(self, document: Any, number: int, view: PageView) -> None:
        """Search one page. The order of its text depends on its turn, and either may be how it was written."""
        found: dict[str, list[Occurrence]] = {keyword: [] for keyword in self.keywords}
        with closing(document[number - 1]) as opened:
            turn = opened.get_rotation()
            for again, tried in enumerate((turn, 0) if turn else (0,)):
                opened.set_rotation(tried)
                with closing(opened.get_textpage()) as page:
                    self._read(page, number, view, found, again=bool(again))
        for keyword, here in found.items():
            self.found[keyword] += in_reading_order(here)

    def _read(self, page: Any, number: int, view: PageView, found: dict[str, list[Occurrence]], *, again: bool) -> None:
        self._count(page.count_chars(), number)
        text = page.get_text_range(errors="surrogatepass")
        if not again:
            self._remember(number, text)
        folded = fold(text)
        wanted = {keyword: plain for keyword, plain in self.keywords.items() if plain in folded}
        if wanted:
            for keyword, here in self._locate(page, _Folded(text), wanted, (number, view)).items():
                found[keyword] += [one for one in here if not any(_is_same(one, other) for other in found[keyword])]

    def hits(self) -> dict[str, KeywordHits]:
        """Answer everything found, and what comes near where nothing was."""
        return {
            text: KeywordHits(tuple(found), () if found else nearest(self.keywords[text], self.remembered))
            for text, found in self.found.items()
        }

    def _count(self, characters: int, number: int) -> None:
        self.characters += characters
        if characters > self.limits.page_characters or self.characters > self.limits.characters:
            raise KeywordError(f"too much text to search, at page {number}")

    def _remember(self, number: int, text: str) -> None:
        if self.room > 0 and not all(self.found.values()):
            self.remembered.append((number, text[: self.room]))
            self.room -= len(text)

    def _locate(
        self, page: Any, text: "_Folded", wanted: dict[str, str], at: tuple[int, PageView]
    ) -> dict[str, list[Occurrence]]:
        """Find the boxes of what stands on a page."""
        (number, view), found = at, dict[str, list[Occurrence]]()
        for keyword, plain in wanted.items():
            here = found[keyword] = []
            for start in _starts(text.folded, plain):
                self.occurrences += 1
                if self.occurrences > self.limits.occurrences:
                    raise KeywordError(f"keywords stand in too many places, at page {number}")
                places = text.places(start, start + len(plain))
                boxes = tuple(view.displayed(rect, number) for rect in _line_boxes(page, places))
                if all(_is_seen(box, view) for box in boxes):
                    here.append(Occurrence(number, boxes))
        return found


class _Folded:
    """The text of a page, and the way back from its folded form to the places where pdfium keeps boxes.

    Lines are folded as they stand, and character by character only where something was found.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines(keepends=True)
        folded = [fold(line) for line in self._lines]
        self.folded = "".join(folded)
        self._begins = list(accumulate(map(len, self._lines), initial=0))
        self._folded_begins = list(accumulate(map(len, folded), initial=0))
        self._wide = [at for at, char in enumerate(text) if char > "\uffff"] if max(text) > "\uffff" else []
        self._known: dict[int, list[int]] = {}

    def places(self, start: int, stop: int) -> list[int]:
        """Answer the visible characters behind a part of the folded text, as indexes in UTF-16: pdfium's."""
        found = list[int]()
        line = bisect_right(self._folded_begins, start) - 1
        while line < len(self._lines) and self._folded_begins[line] < stop:
            base = self._folded_begins[line]
            part = self._origins(line)[max(start - base, 0) : stop - base]
            found += (self._begins[line] + at for at in dict.fromkeys(part))
            line += 1
        return [at + bisect_left(self._wide, at) for at in found]

    def _origins(self, line: int) -> list[int]:
        """Answer for each folded character of a line the one that it comes from."""
        if line not in self._known:
            text = self._lines[line]
            lengths = {char: len(fold(char)) for char in set(text)}
            self._known[line] = [at for at, char in enumerate(text) for _ in range(lengths[char])]
        return self._known[line]


def in_reading_order(found: Sequence[Occurrence]) -> list[Occurrence]:
    """Sort what stands on one page: line by line from the top, each from the left."""
    rows = list[list[Occurrence]]()
    for one in sorted(found, key=lambda each: each.boxes[0].centre[1]):
        first, row = one.boxes[0], rows[-1][0].boxes[0] if rows else None
        if row and first.centre[1] - row.centre[1] < min(first.h_mm, row.h_mm) / 2:
            rows[-1].append(one)
        else:
            rows.append([one])
    return [one for row in rows for one in sorted(row, key=lambda each: each.boxes[0].x_mm)]


def nearest(plain: str, pages: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    """Answer the lines most like a folded keyword, with their pages: for whoever mistyped it."""
    wanted = set(plain)
    lines = ((number, line.strip()[:_MAX_LINE]) for number, text in pages for line in text.splitlines())
    likely = nlargest(_MAX_LINES, ((len(wanted & set(fold(line))), -number, line) for number, line in lines if line))
    scored = ((_likeness(plain, fold(line)), page, line) for shared, page, line in likely if 2 * shared >= len(wanted))
    best = nlargest(_NEAR, ((score, page, line) for score, page, line in set(scored) if score >= _ALIKE))
    return tuple(f"第 {-page} 页：{_shown(line)}" for _, page, line in best)


def _likeness(plain: str, line: str) -> float:
    blocks = SequenceMatcher(None, line, plain, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(plain)


def _shown(line: str) -> str:
    return "".join(char for char in line if char.isprintable())[:60]


def _folded(text: str) -> str:
    plain = fold(text)
    if not plain or len(text) > _MAX_TEXT:
        raise KeywordError(f"a keyword of {len(text)} characters, {len(plain)} of them visible")
    return plain


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """Open a document, and give every failure of pdfium a type of ours."""
    try:
        with LOCK, closing(pypdfium2.PdfDocument(path)) as document:
            yield document
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD:
            raise EncryptedPdfError("the file is encrypted") from error
        raise UnreadablePdfError(f"pdfium: {error}") from error


def _starts(folded: str, plain: str) -> Iterator[int]:
    at = folded.find(plain)
    while at >= 0:
        yield at
        at = folded.find(plain, at + len(plain))


def _line_boxes(page: Any, places: Sequence[int]) -> Iterator[Rect]:
    """Join the boxes of characters, in user space, to one for each line."""
    found = (pdfium_c.FPDFText_GetCharIndexFromTextIndex(page, place) for place in places)
    indexes = [index for index in found if index >= 0]
    if not indexes:
        raise UnreadablePdfError("text without places on the page")
    glyphs = [_glyph_box(page, index) for index in indexes]
    angle = max(pdfium_c.FPDFText_GetCharAngle(page, indexes[0]), 0.0)  # below 0: unknown
    line = [glyphs[0]]
    for before, after in pairwise(glyphs):
        if not _continues(before, after, angle):
            yield _around(line)
            line = []
        line.append(after)
    yield _around(line)


def _glyph_box(page: Any, index: int) -> Rect:
    """Answer the box of a glyph's ink; where it has none, of the room it takes."""
    left, bottom, right, top = page.get_charbox(index)
    if right <= left or top <= bottom:
        left, bottom, right, top = page.get_charbox(index, loose=True)
    return left, bottom, right, top


def _continues(before: Rect, after: Rect, angle: float) -> bool:
    """Say whether a character goes on in the line of another, along the line's angle or straight down."""
    right = (after[0] + after[2] - before[0] - before[2]) / 2
    up = (after[1] + after[3] - before[1] - before[3]) / 2
    size = max(*(box[2] - box[0] for box in (before, after)), *(box[3] - box[1] for box in (before, after)))
    along = math.cos(angle) * right + math.sin(angle) * up
    across = math.cos(angle) * up - math.sin(angle) * right
    return abs(across) < _SAME_LINE * size or (abs(along) < _SAME_LINE * size and abs(across) < _NEXT_GLYPH * size)


def _around(boxes: Sequence[Rect]) -> Rect:
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


def _is_same(one: Occurrence, other: Occurrence) -> bool:
    """Say whether two finds of one page are the same words, read in two orders."""
    return any(_covers(box, other.boxes[0]) for box in one.boxes) or any(
        _covers(box, one.boxes[0]) for box in other.boxes
    )


def _covers(box: Box, other: Box) -> bool:
    x, y = other.centre
    return box.x_mm <= x <= box.x_mm + box.w_mm and box.y_mm <= y <= box.y_mm + box.h_mm


def _is_seen(box: Box, view: PageView) -> bool:
    """Say whether words are on the page, and not cut off by its crop box."""
    width, height = view.size_mm
    x, y = box.centre
    return 0 <= x <= width and 0 <= y <= height
