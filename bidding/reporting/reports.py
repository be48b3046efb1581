"""Writing reports and tables: what the command line, the pages and the API call, by the ending of the name."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from bidding.documents.paper import Paper
from bidding.errors import ReportFormatError
from bidding.reporting.composing import compose
from bidding.reporting.details import ReportDetails, answer_bytes
from bidding.reporting.etsi import render_xml
from bidding.reporting.html import render_html
from bidding.reporting.matrix import Matrix, matrix_of_files
from bidding.reporting.matrix_files import as_csv, as_table, as_xlsx
from bidding.reporting.pdf import render_pdf
from bidding.reporting.pictures import gather_pictures
from bidding.reporting.sheets import Comparison, ReportSheet

Answer = Mapping[str, Any]
REPORT_SUFFIXES: Final = (".html", ".pdf", ".json", ".xml")
MATRIX_SUFFIXES: Final = (".csv", ".xlsx", ".html")


def write_report(
    answers: Answer | Sequence[Answer],
    path: Path,
    details: ReportDetails,
    sources: Path | Sequence[Path | None] | None = None,
    *,
    random: Callable[[int], bytes],
    comparisons: Sequence[Comparison] = (),
) -> None:
    """Write a report on one or several answers in the format that the name ends with, whole or not at all.

    `sources` are the judged files, for the pictures of their pages; without them the report has none. ReportError,
    OSError.
    """
    listed = [answers] if isinstance(answers, Mapping) else list(answers)
    files = [sources] if isinstance(sources, Path) else list(sources or ())
    suffix = path.suffix.lower()
    if suffix == ".json":
        data = (json.dumps(listed, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "backslashreplace")
    elif suffix == ".xml":
        data = render_xml(listed, details)
    elif suffix == ".html":
        data = make_html(listed, details, files, comparisons=comparisons).encode("utf-8", "backslashreplace")
    elif suffix == ".pdf":
        data = make_pdf(listed, details, files, random=random, comparisons=comparisons).pdf
    else:
        raise ReportFormatError(f"reports end with {', '.join(REPORT_SUFFIXES)}: {path.name!r}")
    _write(path, data)


def make_html(
    answers: Sequence[Answer],
    details: ReportDetails,
    sources: Sequence[Path | None] = (),
    *,
    comparisons: Sequence[Comparison] = (),
) -> str:
    """Answer the report as a self-contained page; several answers come after their matrix."""
    sheets = _sheets(answers, details, sources, comparisons)
    return render_html(sheets, matrix=as_table(matrix_of_files(answers)) if len(sheets) > 1 else None)


def make_pdf(
    answers: Sequence[Answer],
    details: ReportDetails,
    sources: Sequence[Path | None] = (),
    *,
    random: Callable[[int], bytes],
    comparisons: Sequence[Comparison] = (),
) -> Paper:
    """Answer the report as a PDF with the answers embedded; with an agency it has a marked place for its seal."""
    sheets = _sheets(answers, details, sources, comparisons)
    names = ["answer.json"] if len(sheets) == 1 else [f"answer-{n:03}.json" for n in range(1, len(sheets) + 1)]
    kept = {name: answer_bytes(answer) for name, answer in zip(names, answers, strict=True)}
    summary = _summary(matrix_of_files(answers)) if len(sheets) > 1 else None
    return render_pdf(sheets, dated=details.issued_at, random=random, attachments=kept, summary=summary)


def write_matrix(answers: Sequence[Answer] | Matrix, path: Path) -> None:
    """Write a table of answers, or a matrix that was laid out before. ReportFormatError, ReportAnswerError, OSError."""
    matrix = answers if isinstance(answers, Matrix) else matrix_of_files(answers)
    makers: dict[str, Callable[[Matrix], bytes]] = {
        ".csv": as_csv,
        ".xlsx": as_xlsx,
        ".html": lambda one: render_html([], matrix=as_table(one)).encode("utf-8", "backslashreplace"),
    }
    make = makers.get(path.suffix.lower())
    if make is None:
        raise ReportFormatError(f"tables end with {', '.join(MATRIX_SUFFIXES)}: {path.name!r}")
    _write(path, make(matrix))


def _sheets(
    answers: Sequence[Answer],
    details: ReportDetails,
    sources: Sequence[Path | None],
    comparisons: Sequence[Comparison],
) -> list[ReportSheet]:
    files = [*sources, *[None] * (len(answers) - len(sources))]
    pictures = [gather_pictures(answer, file) for answer, file in zip(answers, files, strict=True)]
    return [
        compose(answer, details, drawn, comparisons if len(answers) == 1 else ())
        for answer, drawn in zip(answers, pictures, strict=True)
    ]


def _summary(matrix: Matrix) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Answer what of the matrix fits across a page: file, verdict and reason."""
    return matrix.heads[:3], [[cell.text for cell in row[:3]] for row in matrix.rows]


def _write(path: Path, data: bytes) -> None:
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:40]}-", delete=False) as stream:
        made = Path(stream.name)
        try:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
            made.chmod(0o644)
            made.replace(path)
        except BaseException:
            made.unlink(missing_ok=True)
            raise
