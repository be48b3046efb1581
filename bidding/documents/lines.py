"""Breaking Chinese text into lines (中文断行): widths in points, no drawing here."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

Measure = Callable[[str], float]
"""Text → its width in points."""

_NOT_FIRST: Final = frozenset("，。、；：？！）》」』】〉”’…—\uff05\u00a0%‰℃)],.;:?!")
"""Never at the start of a line (避头)."""
_NOT_LAST: Final = frozenset("\u00a0（《「『【〈“‘￥¥([")
"""Never at the end of a line (避尾)."""
_UNIT: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z,.:/_-]*[0-9A-Za-z]|.", re.DOTALL)


@dataclass(frozen=True)
class Run:
    """A stretch of text; what was filled into a form is underlined."""

    text: str
    underlined: bool = False


@dataclass(frozen=True)
class Word:
    """What is never parted, where it begins in its line and how wide it is, in points."""

    text: str
    x: float
    width: float
    underlined: bool


@dataclass(frozen=True)
class _Cluster:
    words: tuple[tuple[str, float, bool], ...]

    @property
    def width(self) -> float:
        return sum(width for _, width, _ in self.words)


def break_lines(runs: Sequence[Run], width: float, measure: Measure, *, indent: float = 0) -> list[list[Word]]:
    """Fill lines of `width` points, the first one indented; all but the last are justified."""
    lines: list[list[_Cluster]] = [[]]
    room = width - indent
    for cluster in _clusters(_units(runs, measure, width)):
        if lines[-1] and cluster.width > room + 0.01:
            lines.append([])
            room = width
            if cluster.words[0][0] == " ":
                continue
        lines[-1].append(cluster)
        room -= cluster.width
    last = len(lines) - 1
    starts = (indent if number == 0 else 0.0 for number in range(len(lines)))
    return [
        _place(line, start, None if number == last else width - start)
        for number, (line, start) in enumerate(zip(lines, starts, strict=True))
    ]


def _units(runs: Iterable[Run], measure: Measure, width: float) -> Iterator[tuple[str, float, bool]]:
    """Words of Latin letters and digits whole, everything else character by character; a word too long is cut."""
    for run in runs:
        for match in _UNIT.finditer(run.text):
            unit = match[0]
            wide = measure(unit)
            parts = unit if wide > width else (unit,)
            for part in parts:
                yield part, measure(part) if parts is unit else wide, run.underlined


def _clusters(units: Iterable[tuple[str, float, bool]]) -> Iterator[_Cluster]:
    held: list[tuple[str, float, bool]] = []
    for unit in units:
        if held and unit[0] not in _NOT_FIRST and held[-1][0] not in _NOT_LAST:
            yield _Cluster(tuple(held))
            held = []
        held.append(unit)
    if held:
        yield _Cluster(tuple(held))


def _place(line: Sequence[_Cluster], start: float, fill: float | None) -> list[Word]:
    """Give every word its place; spread what is left over a full line evenly between its clusters."""
    natural = sum(cluster.width for cluster in line)
    gaps = len(line) - 1
    spare = (fill - natural) / gaps if fill is not None and gaps > 0 and natural > fill * 0.8 else 0.0
    words, x = [], start
    for cluster in line:
        for text, width, underlined in cluster.words:
            words.append(Word(text, x, width, underlined))
            x += width
        x += spare
    return words
