"""A batch of files through the warm, bounded children: one of them against one for each core, by the wall clock."""

import time
from pathlib import Path

from bidding.isolation_pool import WorkerPool, cores
from signing.trust import save_trust
from tests.bench.bench_kit import Bench, at_least
from tests.bench.signing.bench_pades import write_pdf
from tests.bench.verifying.bench_verdict import NOON, build_world, seal_twice


def bench(kit: Bench) -> None:
    """Measure both with children that are warm already."""
    world, plain, sealed = build_world(), kit.work / "plain.pdf", kit.work / "sealed.pdf"
    write_pdf(plain, 2)
    seal_twice(world, plain, sealed)
    save_trust(kit.work / "trust", world.trust)
    paths = [kit.work / f"{number}.pdf" for number in range(kit.size(60, quick=16))]
    for path in paths:
        path.hardlink_to(sealed)
    pools = {size: WorkerPool(size) for size in (1, cores())}
    for pool in pools.values():
        _judge(pool, paths[:4], kit.work / "trust")
    rounds = [{size: _judge(pool, paths, kit.work / "trust") for size, pool in pools.items()} for _ in range(3)]
    for pool in pools.values():
        pool.close()
    title = f"{len(paths)} PDFs of {sealed.stat().st_size / 1e6:.1f} MB with two seals each, files a second"
    for size in pools:
        kit.note(title, f"{size} warm children", len(paths) / sorted(one[size] for one in rounds)[1], "files/s")
    gain = sorted(one[1] / one[cores()] for one in rounds)[1]
    kit.note(title, f"{cores()} ÷ 1", gain, "", at_least(1.7) if cores() == 2 else None)


def _judge(pool: WorkerPool, paths: list[Path], trust: Path) -> float:
    start = time.perf_counter()
    common = {"task": "verify", "trust": str(trust), "at": NOON.isoformat()}
    answers = list(pool.map(lambda path: pool.ask({**common, "file": str(path)}), paths))
    if any(answer["indication"] != "TOTAL-PASSED" for answer in answers):
        raise AssertionError(answers[0])
    return time.perf_counter() - start
