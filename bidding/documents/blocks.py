"""The blocks of which our papers are made: titles, paragraphs, tables, places for seals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bidding.documents.fonts import Face
from bidding.documents.lines import Run, Word, break_lines
from bidding.documents.paper import BOTTOM, HEIGHT, LEFT, MM, RIGHT, TOP, WIDTH, SealPlace, Sheet


@dataclass(frozen=True)
class Title:
    """A centred heading; `size` in points, `spread` puts full-width spaces between its characters."""

    text: str
    size: float = 22
    before: float = 4
    after: float = 9
    keep: float = 0
    """Millimetres that must be left below on the same page."""

    def texts(self) -> Iterable[str]:
        """Yield the heading."""
        yield self.text

    def draw(self, sheet: Sheet) -> None:
        """Centred, as many lines as it takes."""
        sheet.need(self.before + self.keep)
        sheet.y += self.before
        for words in break_lines((Run(self.text),), (WIDTH - LEFT - RIGHT) * MM, sheet.measure(self.size, Face.SANS)):
            sheet.need(self.size / MM * 1.5)
            sheet.y += self.size / MM * 1.1
            text = "".join(word.text for word in words)
            sheet.put(
                text, (LEFT + WIDTH - RIGHT) / 2, sheet.y, size=self.size, face=Face.SANS, anchor="middle", bold=True
            )
            sheet.y += self.size / MM * 0.3
        sheet.y += self.after


@dataclass(frozen=True)
class Paragraph:
    """Running text; strings are plain, `filled(...)` runs are underlined."""

    parts: tuple[str | Run, ...]
    size: float = 12
    leading: float = 1.95
    indent: int = 2
    """Characters by which the first line is set in."""
    after: float = 0

    def texts(self) -> Iterable[str]:
        """All parts."""
        return (part if isinstance(part, str) else part.text for part in self.parts)

    def draw(self, sheet: Sheet) -> None:
        """Justified lines, as many pages as it takes."""
        runs = [Run(part) if isinstance(part, str) else part for part in self.parts]
        width = (WIDTH - LEFT - RIGHT) * MM
        step = self.size * self.leading / MM
        for words in break_lines(runs, width, sheet.measure(self.size), indent=self.indent * self.size):
            sheet.need(step)
            sheet.y += step
            sheet.words(words, LEFT, sheet.y - step * 0.3, self.size)
        sheet.y += self.after


def filled(text: str) -> Run:
    """Fill a value into a form: underlined with a little air around it."""
    return Run(f"\u00a0{text}\u00a0", underlined=True)


@dataclass(frozen=True)
class Table:
    """Ruled rows of wrapped cells; widths are parts of the text width. The header repeats on every page."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    size: float = 10.5
    pad: float = 1.8
    """Millimetres around a cell's text."""

    def texts(self) -> Iterable[str]:
        """All cells."""
        return (cell for row in (self.header, *self.rows) for cell in row)

    def draw(self, sheet: Sheet) -> None:
        """Row by row; a row is never parted unless it is longer than a page."""
        first = [self._height(self._broken(sheet, row)) for row in (self.header, *self.rows[:1]) if row]
        if sheet.y > TOP and sheet.y + sum(first) > HEIGHT - BOTTOM:
            sheet.new_page()
        if self.header:
            self._row(sheet, self.header, head=True)
        for row in self.rows:
            broken = self._broken(sheet, row)
            if sheet.y + self._height(broken) > HEIGHT - BOTTOM:
                sheet.new_page()
                if self.header:
                    self._row(sheet, self.header, head=True)
            self._row(sheet, row)
        sheet.y += 3

    def _edges(self) -> list[float]:
        unit = (WIDTH - LEFT - RIGHT) / sum(self.widths)
        edges = [LEFT]
        for width in self.widths:
            edges.append(edges[-1] + width * unit)
        return edges

    def _broken(self, sheet: Sheet, row: Sequence[str]) -> list[list[list[Word]]]:
        edges = self._edges()
        measure = sheet.measure(self.size)
        return [
            [
                line
                for text in cell.split("\n")
                for line in break_lines((Run(text),), (edges[i + 1] - edges[i] - 2 * self.pad) * MM, measure)
            ]
            for i, cell in enumerate(row)
        ]

    def _height(self, broken: list[list[list[Word]]]) -> float:
        return max(len(cell) for cell in broken) * self._step + 2 * self.pad

    @property
    def _step(self) -> float:
        return self.size * 1.45 / MM

    def _row(self, sheet: Sheet, row: Sequence[str], *, head: bool = False) -> None:
        broken, edges = self._broken(sheet, row), self._edges()
        height = self._height(broken)
        top = sheet.y
        for i, cell in enumerate(broken):
            offset = (height - len(cell) * self._step) / 2
            for number, words in enumerate(cell, 1):
                y = top + offset + (number - 0.28) * self._step
                if head:
                    text = "".join(word.text for word in words)
                    sheet.put(text, (edges[i] + edges[i + 1]) / 2, y, size=self.size, face=Face.SANS, anchor="middle")
                else:
                    sheet.words(words, edges[i] + self.pad, y, self.size)
        for edge in edges:
            sheet.line(edge, top, edge, top + height)
        for y in (top, top + height):
            sheet.line(edges[0], y, edges[-1], y)
        sheet.y = top + height


UNIT_PLACE: Final = SealPlace("unit", "（单位公章）", 40, 40, round=True)
PERSON_PLACE: Final = SealPlace("legal-representative", "（法定代表人章）", 20, 20, round=False)


@dataclass(frozen=True)
class Seals:
    """Lines of a signature block, and the marked places for seals below them, on one page together."""

    lines: tuple[tuple[str | Run, ...], ...]
    places: tuple[SealPlace, ...]
    date: str = ""

    def texts(self) -> Iterable[str]:
        """Lines, captions, date."""
        yield self.date
        yield from (place.caption for place in self.places)
        for line in self.lines:
            yield from Paragraph(line).texts()

    def draw(self, sheet: Sheet) -> None:
        """Lines first, then the band of places from the right."""
        band = max((place.h_mm for place in self.places), default=0) + 6
        sheet.need(len(self.lines) * 9 + band + 12)
        for line in self.lines:
            Paragraph(line, indent=0).draw(sheet)
        sheet.y += 3
        right = WIDTH - RIGHT - 4
        for place in reversed(self.places):
            sheet.place(place, right - place.w_mm, sheet.y + (band - 6 - place.h_mm) / 2)
            right -= place.w_mm + 14
        sheet.y += band
        if self.date:
            sheet.put(self.date, WIDTH - RIGHT - 4, sheet.y + 3, size=12, anchor="end")
            sheet.y += 8


@dataclass(frozen=True)
class SealRow:
    """Lines to the left and one place for a seal to the right, in a ruled row that is never parted."""

    lines: tuple[str, ...]
    place: SealPlace

    def texts(self) -> Iterable[str]:
        """Lines and caption."""
        return (*self.lines, self.place.caption)

    def draw(self, sheet: Sheet) -> None:
        """Lines in the middle of the row's height."""
        height = self.place.h_mm + 5
        sheet.need(height)
        top, right, step = sheet.y, WIDTH - RIGHT, 7.0
        width = (right - LEFT - self.place.w_mm - 12) * MM
        broken = [words for line in self.lines for words in break_lines((Run(line),), width, sheet.measure(12))]
        y = top + (height - len(broken) * step) / 2
        for number, words in enumerate(broken, 1):
            sheet.words(words, LEFT + 3, y + (number - 0.3) * step, 12)
        sheet.place(self.place, right - self.place.w_mm - 4, top + 2.5)
        for x in (LEFT, right):
            sheet.line(x, top, x, top + height)
        for edge in (top, top + height):
            sheet.line(LEFT, edge, right, edge)
        sheet.y = top + height


@dataclass(frozen=True)
class Gap:
    """Empty space, in millimetres."""

    mm: float

    def texts(self) -> Iterable[str]:
        """None."""
        return ()

    def draw(self, sheet: Sheet) -> None:
        """Move the pen."""
        sheet.y += self.mm
