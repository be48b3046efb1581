"""Assembling one part of a tender (投标文件的一个组成部分): one paginated PDF of letters and documents.

A file that is signed already is never merged: a reference page stands in its place, and the file itself goes along
byte for byte as an annex.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from reportlab.pdfbase.pdfmetrics import getFont
from reportlab.pdfgen.canvas import Canvas

from bidding.documents.blocks import Paragraph, Table, Title
from bidding.documents.child import Limits, ask
from bidding.documents.fonts import Face, embedded_fonts
from bidding.documents.joining import Join, Joined, Numbers, Source
from bidding.documents.paper import BEIJING, Block, Layout, Paper, Place, typeset
from bidding.documents.rendering import Flatten, Flattened
from signing.digests import Sm3, read_chunks

Random = Callable[[int], bytes]
Contents = tuple[tuple[str, int, int], ...]
"""Title, first page, pages of each piece."""
_NUMBER_TEXT: Final = "0123456789 第页共　"
_LIMITS: Final = Limits(seconds=180, memory=4 << 30)


@dataclass(frozen=True)
class FilePiece:
    """A PDF that the bidder brought; `flatten` draws its form fields and comments into the pages."""

    title: str
    path: Path
    pages: int
    flatten: bool = False


@dataclass(frozen=True)
class PaperPiece:
    """A paper that we made; its places for seals are carried over."""

    title: str
    paper: Paper


@dataclass(frozen=True)
class Annex:
    """A file that is signed already, carried beside the part; `verdict` are the lines to print about it."""

    title: str
    name: str
    size: int
    pages: int
    sm3: str
    verdict: tuple[str, ...]


Piece = FilePiece | PaperPiece | Annex


@dataclass(frozen=True)
class Part:
    """An assembled part: where it lies, how long it is, what it is made of, and where seals belong."""

    path: Path
    size: int
    pages: int
    sm3: str
    contents: Contents
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Assembler:
    """Joins pieces into parts; everything that parses a piece happens in a child process."""

    random: Random
    sandbox: bool = False

    def assemble(
        self,
        target: Path,
        pieces: Sequence[Piece],
        *,
        title: str,
        dated: datetime,
        cover: Callable[[Contents], Paper] | None = None,
    ) -> Part:
        """Write one part to `target`; `cover` is given the contents, page numbers included. DocumentError."""
        with TemporaryDirectory(prefix="yizhao-part-") as name:
            folder = Path(name)
            ready = [self._ready(folder, number, piece, dated) for number, piece in enumerate(pieces)]
            front = _front(cover, ready)
            sources = [Source(str(_write(folder / "cover.pdf", front.pdf)), "封面与目录")] if front else []
            sources += [Source(str(path), piece_title) for piece_title, path, _, _ in ready]
            numbers = number_font(folder / "numbers.pdf")
            created = dated.astimezone(BEIJING).strftime("D:%Y%m%d%H%M%S+08'00'")
            request = Join(tuple(sources), str(target.resolve()), title, created, self.random(16).hex(), numbers)
            joined = ask("join", request, Joined, _LIMITS)
        offsets = [sum(joined.counts[:i]) for i in range(len(joined.counts))]
        papers = ([front] if front else []) + [paper for _, _, _, paper in ready]
        places = [
            replace(place, page=place.page + offset)
            for offset, paper in zip(offsets, papers, strict=True)
            if paper is not None
            for place in paper.places
        ]
        contents = tuple(
            (source.title, offset + 1, count)
            for source, offset, count in zip(sources, offsets, joined.counts, strict=True)
        )
        return Part(target, target.stat().st_size, joined.pages, _sm3(target), contents, tuple(places))

    def _ready(self, folder: Path, number: int, piece: Piece, dated: datetime) -> tuple[str, Path, int, Paper | None]:
        """Title, file to be joined, pages, and the paper if it is ours."""
        path = folder / f"{number}.pdf"
        if isinstance(piece, Annex):
            piece = PaperPiece(piece.title, self.reference_page(piece, dated))
        if isinstance(piece, PaperPiece):
            return piece.title, _write(path, piece.paper.pdf), piece.paper.pages, piece.paper
        if piece.flatten:
            ask("flatten", Flatten(str(piece.path.resolve()), str(path)), Flattened, _LIMITS)
            return piece.title, path, piece.pages, None
        return piece.title, piece.path.resolve(), piece.pages, None

    def reference_page(self, annex: Annex, dated: datetime) -> Paper:
        """附件引用页: names the file that is carried beside this part, its digest and its verdict."""
        rows = (
            ("文件名", annex.name),
            ("页数", str(annex.pages)),
            ("大小（字节）", f"{annex.size:,}"),
            ("SM3 摘要", annex.sm3),
            *(("核验结果" if number == 0 else "", line) for number, line in enumerate(annex.verdict)),
        )
        blocks: list[Block] = [
            Title("附 件 引 用 页"),
            Paragraph(
                (
                    f"“{annex.title}”已带有电子签名或电子印章。为保持其签名有效，该文件未并入本部分，原样随投标文件一并封装。",
                ),
                after=4,
            ),
            Table(("项目", "内容"), rows, (2, 7)),
        ]
        return typeset(Layout(annex.title, dated, sandbox=self.sandbox), blocks, random=self.random)


def number_font(path: Path) -> Numbers:
    """Write a PDF that holds the font of the page numbers, and say how its characters are coded."""
    with embedded_fonts({Face.SERIF: frozenset(_NUMBER_TEXT)}) as fonts:
        name = fonts[Face.SERIF]
        buffer = io.BytesIO()
        canvas = Canvas(buffer, invariant=1, initialFontName=name)
        canvas.setFont(name, 9)
        canvas.drawString(0, 0, _NUMBER_TEXT)
        font = getFont(name)
        codes = {}
        for char in _NUMBER_TEXT:
            [(subset, code)] = font.splitString(char, canvas._doc)  # noqa: SLF001 - which code the character got
            if subset:  # pragma: no cover - there are fewer than 256
                raise LookupError("the number font is split")
            codes[char] = (code[0], float(font.stringWidth(char, 1000)))
        canvas.save()
    return Numbers(str(_write(path, buffer.getvalue())), codes, size=9, up_mm=7, in_mm=12)


def _front(
    cover: Callable[[Contents], Paper] | None, ready: Sequence[tuple[str, Path, int, Paper | None]]
) -> Paper | None:
    """Write the cover, which says on which page each piece begins, which depends on how long the cover is."""
    if cover is None:
        return None
    paper, length = None, 1
    for _ in range(3):
        contents, page = [], 1 + length
        for title, _, pages, _ in ready:
            contents.append((title, page, pages))
            page += pages
        paper = cover(tuple(contents))
        if paper.pages == length:
            break
        length = paper.pages
    return paper


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _sm3(path: Path) -> str:
    digest = Sm3()
    with path.open("rb") as stream:
        for chunk in read_chunks(stream):
            digest.update(chunk)
    return digest.hexdigest()
