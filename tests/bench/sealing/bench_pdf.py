"""Seals on PDF: the holder's act on a large file against one SM3 pass over it, further seals, memory, pages, growth."""

import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sealing.pdf import Act, Profile, complete_seal, prepare_acts, prepare_fields, prepare_seal, statement_of
from sealing.pdf import to_be_signed as message_of
from sealing.pdf_job import SealingJob
from sealing.placement import SealField, Stamp
from sealing.seal import SealKind
from signing.pades_writing import hash_document
from tests.bench.bench_kit import Bench, Target, at_most
from tests.bench.signing.bench_pades import write_pdf

sys.path.insert(0, str(Path(__file__).parents[2] / "sealing"))
from sealing_world import CONSENT, NOON, World, build_world

_WINDOW = (NOON - timedelta(days=1), NOON + timedelta(days=1))
_FIELDS = 8
_SIZE = 40


def bench(kit: Bench) -> None:
    """Measure all of it; CPU seconds as multiples of one SM3 pass that is measured beside them."""
    world, pages = build_world(), kit.size(400, quick=8)
    large, small = kit.work / "large.pdf", kit.work / "small.pdf"
    write_pdf(large, pages)
    write_pdf(small, 1, page=64)
    for path in (large, small):
        prepare_fields(path, [SealField(f"f{number}", 1, 20, 20, 40, 40) for number in range(_FIELDS)])
    for profile in (Profile.SES, Profile.PADES):
        _act(kit, world, large, profile)
    title = f"Highest memory, over that of a PDF of 1 KB, {large.stat().st_size / 1e6:.0f} MB"
    for function in ("seal_path", "job_path"):
        low, high = (kit.child(f"tests.bench.sealing.bench_pdf:{function}", source=str(p)) for p in (small, large))
        kit.note(title, function, max(0.0, high.peak_mb - low.peak_mb), "MB", at_most(32))
    large.unlink()
    _pages(kit, world)


def _act(kit: Bench, world: World, large: Path, profile: Profile) -> None:
    """Time the act by itself, then a whole job: copy, rehearsal, act, further seals, durable file."""
    title = f"{profile}: {large.stat().st_size / 1e6:.0f} MB, in SM3 passes (CPU)"
    floor = min(_spent(lambda: _hash(large)) for _ in range(kit.samples))
    target = kit.work / "sealed.pdf"
    alone = min(_spent(lambda: _seal(world, large, target, profile)) for _ in range(kit.samples))
    kit.note(title, "the holder's act, copy included", alone / floor, "passes", at_most(1.8))
    target.unlink()
    job, spent = None, list[tuple[str, float, Target | None]]()

    def start() -> SealingJob:
        return SealingJob(large, kit.work / "work.pdf")

    begin = time.process_time()
    job = start()
    spent.append(("durable copy", time.process_time() - begin, None))
    act = _act_of(world, profile, 0)
    spent.append(("rehearsal", _spent(lambda: job.rehearse(act, os.urandom)), None))
    spent.append(("the act after it", _spent(lambda: _go(world, job, act)), None))
    total = sum(one[1] for one in spent)
    more = sorted(_spent(lambda n=n: _go(world, job, _act_of(world, profile, n))) for n in range(1, 4))
    spent.append(("each further seal", more[1], at_most(0.05)))
    again = _act_of(world, profile, 4)
    spent.append(("rehearsal of a further seal", _spent(lambda: job.rehearse(again, os.urandom)), None))
    end = _spent(lambda: job.publish(target))
    spent.append(("all of it for the first seal, published", total + end, at_most(4)))
    for name, seconds, bound in spent:
        kit.note(title, name, seconds / floor, "passes", bound)
    target.unlink()


def _pages(kit: Bench, world: World) -> None:
    """Cost and growth with the pages: one stamp and one slice a page, prepared or in one act."""
    for count in (10, 100, 1000, *(() if kit.quick else (5000,))):
        plain, target = kit.work / "book.pdf", kit.work / "book-sealed.pdf"
        write_pdf(plain, count, page=64)
        size = plain.stat().st_size
        prepare_fields(plain, [SealField("f0", 1, 20, 20, 40, 40)])
        stamps = stamps_for(count)
        seconds = _spent(lambda: _seal(world, plain, target, Profile.SES, stamps))  # noqa: B023 - called at once
        kit.note("Pages: one stamp and one slice each, one act", f"{count} pages", 1e3 * seconds / count, "ms/page")
        fixed = 200_000
        grown = (target.stat().st_size - size - min(fixed, _fixed(world, kit.work))) / count
        kit.note("Growth, without what one seal takes", f"{count} pages", grown, "B/page", at_most(921))
        plain.unlink()
        write_pdf(plain, count, page=64)
        prepare_acts(plain, {"f0": stamps})
        seconds = _spent(lambda: _seal(world, plain, target, Profile.SES))  # noqa: B023 - called at once
        kit.note("Pages: places prepared before, the act", f"{count} pages", 1e3 * seconds / count, "ms/page")
        grown = (target.stat().st_size - size - min(fixed, _fixed(world, kit.work))) / count
        kit.note("Growth, without what one seal takes", f"{count} pages, prepared", grown, "B/page", at_most(921))
        plain.unlink()
        target.unlink()


def _fixed(world: World, work: Path) -> int:
    """Answer what a seal with ten slices takes on no further page."""
    plain, target = work / "one.pdf", work / "one-sealed.pdf"
    write_pdf(plain, 1, page=64)
    size = plain.stat().st_size
    prepare_fields(plain, [SealField("f0", 1, 20, 20, 40, 40)])
    slices = [Stamp(1, 200, 100, 4, _SIZE, (n / 10, (n + 1) / 10)) for n in range(10)]
    _seal(world, plain, target, Profile.SES, slices)
    return target.stat().st_size - size


def stamps_for(pages: int) -> list[Stamp]:
    """One whole impression and one slice of a group of ten pages on each page."""
    whole = [Stamp(page, 60, 20, _SIZE, _SIZE) for page in range(1, pages + 1)]
    slices = [Stamp(p, 205, 100, 4, _SIZE, (p % 10 / 10, (p % 10 + 1) / 10)) for p in range(1, pages + 1)]
    return whole + slices


def seal_path(source: str) -> int:
    """Seal once, for the child whose memory is looked at."""
    target = Path(source).with_suffix(".sealed")
    _seal(build_world(), Path(source), target, Profile.SES)
    size = target.stat().st_size
    target.unlink()
    return size


def job_path(source: str) -> int:
    """Rehearse and seal twice in one job, for the child whose memory is looked at."""
    world, work = build_world(), Path(source).with_suffix(".work")
    job = SealingJob(Path(source), work)
    for number in (0, 1):
        act = _act_of(world, Profile.SES, number)
        job.rehearse(act, os.urandom)
        _go(world, job, act)
    size = work.stat().st_size
    work.unlink()
    return size


def _act_of(world: World, profile: Profile, number: int) -> Act:
    return Act(f"f{number}", world.seals[SealKind.UNIT], world.unit.certificate, NOON, profile)


def _go(world: World, job: SealingJob, act: Act) -> None:
    prepared = job.prepare(act)
    tbs = statement_of(prepared, CONSENT, NOON) if act.profile.has_seal else b""
    signature = world.unit.sign(message_of(prepared, tbs))
    job.complete(prepared, tbs, signature, world.stamp(signature), window=_WINDOW)


def _seal(world: World, source: Path, target: Path, profile: Profile, stamps: list[Stamp] | None = None) -> None:
    prepared = prepare_seal(
        source,
        target,
        field="f0",
        seal=world.seals[SealKind.UNIT],
        signer=world.unit.certificate,
        at=NOON,
        stamps=stamps or (),
        profile=profile,
    )
    tbs = statement_of(prepared, CONSENT, NOON) if profile.has_seal else b""
    signature = world.unit.sign(message_of(prepared, tbs))
    token = world.stamp(signature)
    complete_seal(prepared, tbs, signature, token, not_before=_WINDOW[0], not_after=_WINDOW[1])


def _hash(path: Path) -> bytes:
    size = path.stat().st_size
    with path.open("rb") as stream:
        return hash_document(stream, (0, size, size, 0), "sm3")[0]


def _spent(run: Callable[[], object]) -> float:
    begin = time.process_time()
    run()
    return time.process_time() - begin
