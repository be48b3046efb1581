"""Page numbers as people write them (页码范围): "1-3,5,8", "5-", "last", "all"."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from sealing.errors import PageRangeError

_MAX_TEXT: Final = 2_000
_MAX_DIGITS: Final = 6
_EVERYTHING: Final = frozenset({"all", "*", "每页", "全部"})
_LAST: Final = frozenset({"last", "末页"})
_COMMAS: Final = re.compile(r"[,、;]")
_DASHES: Final = re.compile(r"\s*[-\u2010-\u2015\u2212~至到]\s*")


def parse_pages(text: str, count: int) -> tuple[int, ...]:
    """Answer the pages that a text names in a document of `count` pages, each once, in order.

    Full-width digits, commas and dashes mean what they look like; "5-" goes on to the end, "last" is the last page.
    Raises PageRangeError for what cannot be read, runs backwards or is not there.
    """
    if len(text) > _MAX_TEXT:
        raise PageRangeError(f"a list of pages of {len(text)} characters")
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    if not plain:
        raise PageRangeError("no page is named")
    if plain in _EVERYTHING:
        return tuple(range(1, count + 1))
    pages = set[int]()
    for part in _COMMAS.split(plain):
        pages.update(_run(part.strip(), count))
    return tuple(sorted(pages))


def format_pages(pages: Iterable[int]) -> str:
    """Write pages as `parse_pages` reads them, in the shortest form."""
    runs = list[list[int]]()
    for page in sorted(set(pages)):
        if runs and runs[-1][1] == page - 1:
            runs[-1][1] = page
        else:
            runs.append([page, page])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _run(part: str, count: int) -> range:
    if not part:
        raise PageRangeError("a comma with nothing before or after it")
    first, *more = _DASHES.split(part)
    if len(more) > 1:
        raise PageRangeError(f"{part!r} is not a page or a run of pages")
    start = _number(first, count, part)
    if not more:
        return range(start, start + 1)
    stop = _number(more[0], count, part) if more[0] else count
    if stop < start:
        raise PageRangeError(f"{part!r} runs backwards")
    return range(start, stop + 1)


def _number(text: str, count: int, part: str) -> int:
    if text in _LAST:
        return count
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise PageRangeError(f"{part!r} is not a page or a run of pages")
    if not 1 <= int(text) <= count:
        raise PageRangeError(f"there is no page {int(text)} among {count}")
    return int(text)
