"""Pictures of pages (页面预览), made by the same engine for preview, comparison and report."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from bidding.documents.child import Limits, ask
from bidding.documents.rendering import Pictures, Render


def render_page(pdf: Path, page: int, *, dpi: int = 96, form: Literal["png", "jpeg"] = "png") -> bytes:
    """One page (from 1) as PNG or JPEG; DocumentError."""
    return render_pages(pdf, [page], dpi=dpi, form=form)[0]


def render_pages(
    pdf: Path, pages: Sequence[int], *, dpi: int = 96, form: Literal["png", "jpeg"] = "png"
) -> list[bytes]:
    """Several pages at once, in the order asked for; a child process is started once for all."""
    with TemporaryDirectory(prefix="yizhao-pictures-") as folder:
        request = Render(str(pdf.resolve()), folder, tuple(pages), min(max(dpi, 24), 300), form)
        answer = ask("render", request, Pictures, Limits(seconds=30 + 2 * len(pages)))
        return [Path(picture.path).read_bytes() for picture in answer.drawn]
