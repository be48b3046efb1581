"""CMS over a gigabyte of detached content: the time of one SM3 pass, and constant memory."""

import io

from signing.checks import Indication
from signing.cms import complete_detached, prepare_detached
from signing.cms_streaming import verify_stream
from signing.digests import CHUNK, Sm3
from signing.path import Purpose
from tests.bench.bench_kit import Bench, Task, at_least, at_most
from tests.signing import signing_pki as pki

MIB = 1 << 20
_MODULE = "tests.bench.signing.bench_cms"


class Generated(io.RawIOBase):
    """A file of zeros that is nowhere."""

    def __init__(self, size: int) -> None:
        self._left, self._piece = size, bytes(CHUNK)

    def read(self, size: int = -1) -> bytes:
        size = min(size if size >= 0 else self._left, self._left, CHUNK)
        self._left -= size
        return self._piece[:size]


def bench(kit: Bench) -> None:
    """Compare with one SM3 pass, then weigh at two sizes."""
    size = kit.size(128, quick=8) * MIB
    message = _sign(size)
    amount = size / 1e6
    kit.compare(
        f"CMS over {size // MIB} MiB of detached content",
        Task("one SM3 pass", lambda: _digest(size), amount),
        Task("cms_streaming.verify_stream", lambda: _verify(message, size), amount, at_least(0.85)),
    )
    title = "Highest resident memory of a process that signs and verifies detached content"
    for mib in (16, 64) if kit.quick else (64, 1024):
        used = kit.child(f"{_MODULE}:sign_and_verify", mib=mib)
        kit.note(title, f"{mib} MiB", used.peak_mb, "MB", at_most(96))
        kit.note(title, f"{mib} MiB, more than before it", used.extra_mb, "MB", at_most(8))


def sign_and_verify(mib: int) -> bool:
    """Sign and judge in a process of its own, whose test keys nobody else knows."""
    return _verify(_sign(mib * MIB), mib * MIB)


def _sign(size: int) -> bytes:
    unit = pki.UNIT
    attributes = prepare_detached(_digest(size), unit.certificate, pki.NOON)
    return complete_detached(attributes, unit.certificate, (pki.CA.certificate,), unit.sign(attributes), None)


def _digest(size: int) -> bytes:
    state, stream = Sm3(), Generated(size)
    while piece := stream.read(CHUNK):
        state.update(piece)
    return state.digest()


def _verify(message: bytes, size: int) -> bool:
    (judged,) = verify_stream(
        message,
        Generated(size),  # type: ignore[arg-type]
        anchors=pki.TRUST,
        evidence=pki.EVIDENCE,
        purpose=Purpose.LICENCE,
        at=pki.NOON,
    )
    if judged.verdict.indication is not Indication.TOTAL_PASSED:
        raise RuntimeError(str(judged.verdict))
    return True
