"""PDFs that no act of sealing may begin on: a typed error in the rehearsal, and the original as it was."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas
from sealing_world import NOON, World, plain_pdf

from sealing.errors import ActivePdfError, FieldError, NoPagesError, XfaPdfError
from sealing.pdf import Act, prepare_fields
from sealing.pdf_job import SealingJob
from sealing.pdf_rehearsal import rehearse_seal
from sealing.placement import SealField
from sealing.seal import SealKind
from signing.pdf_reading import EncryptedPdfError, NotAPdfError, UnreadablePdfError


def prepared(path: Path) -> bytes:
    path.write_bytes(plain_pdf(1))
    prepare_fields(path, [SealField("unit", 1, 50, 50, 40, 40)])
    return path.read_bytes()


def with_password(path: Path) -> None:
    canvas = Canvas(str(path), encrypt=StandardEncryption("secret"))
    canvas.drawString(72, 700, "x")
    canvas.save()


def damaged(path: Path) -> None:
    data = prepared(path)
    path.write_bytes(data[: len(data) // 3])


def replaced(old: bytes, new: bytes) -> Callable[[Path], None]:
    """Answer what writes a prepared file with something of the same length replaced everywhere."""

    def write(path: Path) -> None:
        data = prepared(path)
        assert old in data
        path.write_bytes(data.replace(old, new.ljust(len(old))))

    return write


@pytest.mark.parametrize(
    ("write", "error"),
    [
        pytest.param(lambda path: path.write_bytes(b"PK\x03\x04"), NotAPdfError, id="no PDF"),
        pytest.param(with_password, EncryptedPdfError, id="password"),
        pytest.param(damaged, UnreadablePdfError, id="damaged"),
        pytest.param(replaced(b"/Kids [ 3 0 R ] /Type /Pages", b"/Kids [] /Type /Pages"), NoPagesError, id="no pages"),
        pytest.param(replaced(b"/SigFlags 1", b"/XFA (x)"), XfaPdfError, id="XFA"),
        pytest.param(replaced(b"/PageMode /UseNone", b"/AA<</O<<>>>>"), ActivePdfError, id="additional actions"),
        pytest.param(lambda path: path.write_bytes(plain_pdf(1)), FieldError, id="no field"),
    ],
)
def test_refused_in_the_rehearsal(
    world: World, tmp_path: Path, write: Callable[[Path], object], error: type[Exception]
) -> None:
    path, work = tmp_path / "in.pdf", tmp_path / "work.pdf"
    write(path)
    before = path.read_bytes()
    act = Act("unit", world.seals[SealKind.UNIT], world.unit.certificate, NOON)
    with pytest.raises(error):
        rehearse_seal(path, act, os.urandom, folder=tmp_path)
    with pytest.raises(error):
        SealingJob(path, work).rehearse(act, os.urandom)
    assert work.read_bytes() == path.read_bytes() == before
