"""The PDFs of the bids: real ones from a folder when it is there, otherwise made here."""

from dataclasses import dataclass
from pathlib import Path

SAMPLES = ("lshort-zh-cn.pdf", "install-latex-guide-zh-cn.pdf", "ctex.pdf", "zhlipsum.pdf")
PAGES = 24


@dataclass(frozen=True)
class Materials:
    """Business and technical documents of one bidder."""

    business: tuple[Path, ...]
    technical: tuple[Path, ...]
    real: bool


def find_materials(samples: Path, folder: Path, bidders: int) -> list[Materials]:
    """Real documents, dealt out in turn; or generated ones in `folder`."""
    real = [samples / name for name in SAMPLES if (samples / name).is_file()]
    if len(real) == len(SAMPLES):
        return [_deal(real, number) for number in range(bidders)]
    folder.mkdir(parents=True, exist_ok=True)
    return [
        Materials(
            (_make(folder / f"business-{n}.pdf", f"资格审查资料 {n + 1}"),),
            (_make(folder / f"technical-{n}.pdf", f"施工组织设计 {n + 1}"),),
            real=False,
        )
        for n in range(bidders)
    ]


def _deal(real: list[Path], number: int) -> Materials:
    long, guide, manual, short = real
    choices = [
        Materials((short, manual), (guide,), real=True),
        Materials((manual,), (long,), real=True),
        Materials((short,), (guide, manual), real=True),
    ]
    return choices[number % len(choices)]


def _make(path: Path, title: str) -> Path:
    """Answer a plain document of some pages with a table on each, drawn with built-in Latin fonts and shapes."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), pagesize=(595.27, 841.89), invariant=True)
    canvas.setTitle(title)
    for page in range(1, PAGES + 1):
        canvas.setFont("Helvetica-Bold", 15)
        canvas.drawString(72, 770, f"Section {page}: method statement and schedule")
        canvas.setFont("Helvetica", 10)
        for line in range(28):
            canvas.drawString(
                72, 735 - 16 * line, f"{page}.{line + 1}  Work item {page * 100 + line}, duration {3 + line % 9} days"
            )
        canvas.rect(66, 735 - 16 * 28, 460, 16 * 29)
        canvas.showPage()
    canvas.save()
    return path
