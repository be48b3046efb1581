"""Small real PDFs, made with reportlab and changed with pypdf."""

import io
from collections.abc import Callable

from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

Writer = Callable[[PdfWriter], None]


def simple_pdf(pages: int = 1, *, text: str = "page", size: tuple[float, float] = (595, 842)) -> bytes:
    """Pages of Latin text, each with its number."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=size, invariant=1)
    for number in range(1, pages + 1):
        canvas.bookmarkPage(f"p{number}")
        canvas.addOutlineEntry(f"{text} {number}", f"p{number}")
        canvas.drawString(100, 400, f"{text} {number}")
        canvas.linkRect("", "p1", (100, 390, 160, 415))
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def changed_pdf(change: Writer, *, pages: int = 1) -> bytes:
    """Make a simple PDF after `change` was applied with pypdf."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(simple_pdf(pages))))
    change(writer)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()
