"""Keyword search against pypdfium2's bare text extraction of the same pages, and planning of long documents."""

from collections.abc import Callable
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path

import pypdfium2
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from bidding.documents.fonts import Face, embedded_fonts
from sealing.keywords import find_keywords
from sealing.pages import survey_pdf
from sealing.placement import PageView
from sealing.planning import Pages, Straddle, plan_stamps
from tests.bench.bench_kit import Bench, Task, at_least

_SAMPLES = Path(__file__).parents[3].parent / "shared" / "samples" / "tender"
_TEXT = "投标人应当按照招标文件的要求编制投标文件，对招标文件提出的实质性要求和条件作出响应并承诺。"
_WORDS = "法定代表人（签字或盖章）"
_FLOOR = 0.4
_A4 = PageView((0.0, 0.0, 595.276, 841.89))


def bench(kit: Bench) -> None:
    """Measure all of it."""
    names = ("zhlipsum.pdf",) if kit.quick else ("install-latex-guide-zh-cn.pdf", "lshort-zh-cn.pdf", "zhlipsum.pdf")
    for sample in (_SAMPLES / name for name in names):
        _compare(kit, sample, sample.name, {"a keyword on few pages": "实质性要求", "on many pages": "文档"})
    pages = kit.size(60, quick=10)
    for kind, embedded in (("embedded", True), ("not embedded", False)):
        made = kit.work / f"{kind}.pdf"
        made.write_bytes(_write(pages, embedded=embedded))
        _compare(kit, made, f"made here, {kind}", {"on every page": _WORDS, "nowhere": "法定代表人签章处"})
        made.unlink()
    few, *more = (Task(f"{count} pages", _planning(count), count) for count in (10, 100, 1_000, 5_000))
    kit.compare("Planning a seal and a slice on every page", few, *more, unit="pages")


def _compare(kit: Bench, path: Path, name: str, keywords: dict[str, str]) -> None:
    views = survey_pdf(path).views
    tasks = [Task(what, _searching(path, word, views), len(views), at_least(_FLOOR)) for what, word in keywords.items()]
    floor = Task("bare text extraction", lambda: _extract(path), len(views))
    surveying = Task("(pages and what stands on them)", lambda: survey_pdf(path), len(views))
    kit.compare(f"{name}, {len(views)} pages", floor, *tasks, surveying, unit="pages", samples=3)


def _planning(count: int) -> Callable[[], object]:
    return partial(plan_stamps, [Straddle(), Pages(40, 40)], [_A4] * count, (40.0, 40.0))


def _searching(path: Path, word: str, views: tuple[PageView, ...]) -> Callable[[], object]:
    return lambda: find_keywords(path, [word], views)


def _extract(path: Path) -> int:
    characters = 0
    with pypdfium2.PdfDocument(path) as document:
        for index in range(len(document)):
            page = document[index]
            text = page.get_textpage()
            characters += len(text.get_text_range())
            text.close()
            page.close()
    return characters


def _write(pages: int, *, embedded: bool) -> bytes:
    """Write pages of thirty lines with the words at the end of each."""
    out = BytesIO()
    with embedded_fonts({Face.SERIF: frozenset(_TEXT + _WORDS)}) as names:
        pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
        canvas = Canvas(out, pagesize=(595.276, 841.89), invariant=1)
        for _ in range(pages):
            canvas.setFont(names[Face.SERIF] if embedded else "STSong-Light", 11)
            for line in islice(range(800, 0, -22), 30):
                canvas.drawString(40, line, _TEXT)
            canvas.drawString(300, 100, _WORDS)
            canvas.showPage()
        canvas.save()
    return out.getvalue()
