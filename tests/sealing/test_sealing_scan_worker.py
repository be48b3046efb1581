"""The child that opens scanned pictures: the same answer as in one process, and death when it costs too much."""

import resource
import subprocess
import sys
from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from sealing import artwork, drawing
from sealing.errors import NoImpressionError, ScanWorkerDiedError, SealFormatError, UnknownScanSizeError
from sealing.sandbox import scan_worker
from sealing.sandbox.scanning import clean_scan
from sealing.seal import SealKind

SQUARE = drawing.representative_seal("欧阳修远")


def page(*, blank: bool = False) -> bytes:
    image = Image.new("RGB", (420, 420), (250, 248, 240))
    if not blank:
        seal = Image.open(BytesIO(artwork.png(SQUARE))).convert("RGBA")
        image.paste(seal, (80, 80), seal)
    ImageDraw.Draw(image).point((0, 0), fill=(0, 0, 0))
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_the_child_answers_as_one_process_does() -> None:
    kind = SealKind.LEGAL_REPRESENTATIVE
    assert scan_worker.clean_in_child(page(), width_mm=20, kind=kind) == clean_scan(page(), width_mm=20, kind=kind)


@pytest.mark.parametrize(
    ("data", "width", "error"),
    [
        pytest.param(b"", 20, SealFormatError, id="nothing"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(40), 20, SealFormatError, id="noise"),
        pytest.param(page(blank=True), 20, NoImpressionError, id="blank paper"),
        pytest.param(page(), 2, UnknownScanSizeError, id="too small"),
    ],
)
def test_errors_come_back_by_their_class(data: bytes, width: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        scan_worker.clean_in_child(data, width_mm=width, kind=SealKind.LEGAL_REPRESENTATIVE)


def test_noise_on_its_input_ends_the_child_and_says_so() -> None:
    command = [sys.executable, "-m", "sealing.sandbox.scan_worker"]
    done = subprocess.run(command, input=b"noise", capture_output=True, check=False)
    assert (done.returncode != 0, done.stdout) == (True, b"")


def test_a_child_that_does_not_live_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the child no time at all."""
    monkeypatch.setattr(scan_worker, "WALL_SECONDS", 0.001)
    with pytest.raises(ScanWorkerDiedError):
        scan_worker.clean_in_child(page(), width_mm=20, kind=SealKind.UNIT)


def test_the_child_is_bounded() -> None:
    """Ask the bounded child for more memory than it may have."""
    code = (
        "import sealing.sandbox.scan_worker as w, resource;"
        "w.answer = lambda data: bytes(str(resource.getrlimit(resource.RLIMIT_AS)[0]).encode());"
        "w.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], input=b"", capture_output=True, check=True)
    assert int(done.stdout) == scan_worker.MEMORY < (1 << 30)
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != scan_worker.MEMORY  # not this process
