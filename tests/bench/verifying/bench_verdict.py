"""The verdict on a PDF: an ordinary one against pyHanko's own validation, a large one against one digest pass."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from sealing.pdf import prepare_fields
from sealing.placement import SealField
from sealing.seal import SealKind
from sealing.verify import verify_pdf
from signing.checks import Indication
from signing.pades_writing import hash_document
from tests.bench.bench_kit import Bench, at_most
from tests.bench.signing.bench_pades import write_pdf
from tests.bench.verifying.rsa_pdf import sign_twice, validate

sys.path.insert(0, str(Path(__file__).parents[2] / "sealing"))
from sealing_world import NOON, World, build_world

_FIELDS = (SealField("legal", 1, 30, 150, 20, 20), SealField("unit", 1, 120, 200, 40, 40))


def bench(kit: Bench) -> None:
    """Measure all of it in CPU seconds."""
    world, plain = build_world(), kit.work / "plain.pdf"
    write_pdf(plain, 2)
    ours, theirs = kit.work / "ours.pdf", kit.work / "theirs.pdf"
    seal_twice(world, plain, ours)
    sign_twice(plain, theirs)
    _ordinary(kit, world, ours, theirs)
    _large(kit, world)


def seal_twice(world: World, plain: Path, target: Path) -> None:
    """Put the legal representative's seal on and then the unit's, with a timestamp each."""
    draft, half = plain.with_suffix(".draft"), plain.with_suffix(".half")
    draft.write_bytes(plain.read_bytes())
    prepare_fields(draft, _FIELDS)
    world.apply(draft, half, SealKind.LEGAL_REPRESENTATIVE, "legal")
    world.apply(half, target, SealKind.UNIT, "unit")
    for path in (draft, half):
        path.unlink()


def judge(world: World, path: Path) -> None:
    """Give our verdict; it must have passed, or the figure would mean nothing."""
    verdict = verify_pdf(path, anchors=world.trust, evidence=world.trust.evidence, at=NOON)
    if verdict.indication is not Indication.TOTAL_PASSED or len(verdict.signatures) != 2:
        raise AssertionError(verdict)


def judge_path(path: str) -> None:
    """Judge once, for the child whose memory is looked at."""
    judge(build_world(), Path(path))


def _ordinary(kit: Bench, world: World, ours: Path, theirs: Path) -> None:
    title = f"A PDF of {ours.stat().st_size / 1e6:.1f} MB with two seals and timestamps, in CPU milliseconds"
    validate(theirs)
    judge(world, ours)
    pairs = [(_spent(lambda: validate(theirs)), _spent(lambda: judge(world, ours))) for _ in range(4 * kit.samples)]
    floor, own = (sorted(times)[len(pairs) // 2] for times in zip(*pairs, strict=True))
    kit.note(title, "pyHanko, RSA-2048 and SHA-256, two signatures with timestamps", 1e3 * floor, "ms")
    kit.note(title, "ours, SM2 and SM3, two seals with timestamps", 1e3 * own, "ms")
    ratios = sorted(mine / other for other, mine in pairs)
    kit.note(title, "ours ÷ pyHanko", ratios[len(ratios) // 2], "", at_most(1.5))


def _large(kit: Bench, world: World) -> None:
    plain, sealed = kit.work / "large.pdf", kit.work / "large-sealed.pdf"
    write_pdf(plain, kit.size(400, quick=8))
    seal_twice(world, plain, sealed)
    plain.unlink()
    title = f"A PDF of {sealed.stat().st_size / 1e6:.0f} MB with two seals"
    floor = min(_spent(lambda: _hash(sealed)) for _ in range(kit.samples))
    own = min(_spent(lambda: judge(world, sealed)) for _ in range(kit.samples))
    kit.note(title, "the verdict, in SM3 passes (CPU)", own / floor, "passes", at_most(2))
    used = kit.child("tests.bench.verifying.bench_verdict:judge_path", path=str(sealed))
    kit.note(title, "highest memory", used.peak_mb, "MB", at_most(200))
    sealed.unlink()


def _hash(path: Path) -> None:
    with path.open("rb") as stream:
        hash_document(stream, (0, path.stat().st_size, path.stat().st_size, 0), "sm3")


def _spent(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start
