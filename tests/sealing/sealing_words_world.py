"""Pages with the same words in every spelling that documents have, in embedded and in other fonts."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from io import BytesIO

from pypdf import PdfWriter
from pypdf.generic import NameObject, NumberObject
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from bidding.documents.fonts import Face, embedded_fonts

WORDS = "法定代表人(签字或盖章)"
WIDE = "法定代表人（签字或盖章）"
SIZE = 14
LEFT, BASE = 160, 500
"""Where the words begin, in points."""

Draw = Callable[[Canvas], None]


def one_run(canvas: Canvas) -> None:
    canvas.drawString(LEFT, BASE, WORDS)


def glyph_by_glyph(canvas: Canvas) -> None:
    for at, char in enumerate(WORDS):
        canvas.drawString(LEFT + at * SIZE, BASE, char)


def full_width(canvas: Canvas) -> None:
    canvas.drawString(LEFT, BASE, WIDE)


def spaced(canvas: Canvas) -> None:
    canvas.drawString(LEFT, BASE, " ".join(WORDS))


def far_apart(canvas: Canvas) -> None:
    for at, char in enumerate(WORDS):
        canvas.drawString(LEFT - 120 + at * 3 * SIZE, BASE, char)


def two_lines(canvas: Canvas) -> None:
    canvas.drawString(LEFT + 60, BASE, WORDS[:7])
    canvas.drawString(LEFT - 60, BASE - 22, WORDS[7:])


def turned(degrees: float) -> Draw:
    def draw(canvas: Canvas) -> None:
        canvas.saveState()
        canvas.translate(LEFT + 100, BASE)
        canvas.rotate(degrees)
        canvas.drawString(0, 0, WORDS)
        canvas.restoreState()

    return draw


def downwards(canvas: Canvas) -> None:
    for at, char in enumerate(WORDS):
        canvas.drawString(LEFT, BASE - at * 1.15 * SIZE, char)


SPELLINGS: Mapping[str, Draw] = {
    "one run": one_run,
    "glyph by glyph": glyph_by_glyph,
    "full-width brackets": full_width,
    "spaced": spaced,
    "over two lines": two_lines,
    "turned left": turned(90),
    "turned right": turned(-90),
    "upside down": turned(180),
    "aslant": turned(30),
    "far apart": far_apart,
    "downwards": downwards,
}


@contextmanager
def font(*, embedded: bool) -> Iterator[str]:
    """Give the name of a font with all characters used here."""
    characters = frozenset(WORDS + WIDE + "投标人承诺合同章０１ＡＢ第页日期年月")
    with embedded_fonts({Face.SERIF: characters}) if embedded else nullcontext({}) as names:
        if not embedded:
            pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
        yield names.get(Face.SERIF, "STSong-Light")


def write_words(drawings: list[Draw], *, embedded: bool = True, rotate: int = 0) -> bytes:
    """Write one A4 page for each drawing."""
    out = BytesIO()
    with font(embedded=embedded) as name:
        canvas = Canvas(out, pagesize=(595.276, 841.89), invariant=1)
        for draw in drawings:
            canvas.setFont(name, SIZE)
            draw(canvas)
            canvas.showPage()
        canvas.save()
    writer, turned_out = PdfWriter(clone_from=out), BytesIO()
    for page in writer.pages:
        page[NameObject("/Rotate")] = NumberObject(rotate)
    writer.write(turned_out)
    return turned_out.getvalue()
