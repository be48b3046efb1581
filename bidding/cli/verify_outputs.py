"""What `yizhao verify` writes besides its answers: report, matrix, evidence."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

import click

from bidding.errors import BiddingError
from bidding.evidence import encode_evidence, make_evidence
from bidding.verification_asking import Asked
from bidding.verification_engine import Judged
from signing.path import TrustAnchors

if TYPE_CHECKING:
    from bidding.reporting.details import ReportDetails


def write_outputs(
    judged: Sequence[Judged], *, report: Path | None, matrix: Path | None, details: "ReportDetails"
) -> None:
    """Write report and matrix; what cannot be written is a mistake of usage."""
    if not report and not matrix:
        return
    from bidding.reporting.comparing import tell_comparisons
    from bidding.reporting.reports import write_matrix, write_report

    answers = [one.answer for one in judged]
    try:
        if report:
            sources = [one.item.path if one.item.path.is_file() else None for one in judged]
            told = tell_comparisons(judged[0].compared, answers[0]) if len(judged) == 1 else ()
            write_report(answers, report, details, sources, random=os.urandom, comparisons=told)  # noqa: TID251 - the edge
        if matrix:
            write_matrix(answers, matrix)
    except (OSError, BiddingError) as error:
        raise click.ClickException(f"报告写不下：{getattr(error, 'strerror', None) or error}。") from error


def save_evidence(path: Path, asked: Asked, lists: Sequence[TrustAnchors], judged: Sequence[Judged]) -> None:
    """Write what the verdicts were made from, whole or not at all."""
    evidence = make_evidence(asked, lists, [one.part for one in judged])
    write_whole(path, encode_evidence(evidence))


def write_whole(path: Path, data: bytes) -> None:
    """Write beside and rename."""
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as stream:
            made = Path(stream.name)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        made.chmod(0o644)
        made.replace(path)
    except OSError as error:
        raise click.ClickException(f"证据写不下：{error.strerror}。") from error
