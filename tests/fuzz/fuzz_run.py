"""Coverage-guided fuzzing: each target in a child process of its own, with limits on memory and time.

    python tests/fuzz/fuzz_run.py [--seconds 60] [--runs N] [--only der,cms] [--out out/fuzz] [--again FILE]

Inputs that do harm are kept as <out>/<target>/crash-* (also timeout-* and oom-*), with the child's words in child.log.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGES = ["signing", "sealing", "identity", "bidding"]
MEGABYTES = 256
"""What a target may need beyond what the process had at its start."""
ADDRESS_SPACE = 4 << 30


def main() -> int:
    """Run all targets one after the other; answer whether any did harm."""
    options = _options()
    if options.child:
        _fuzz(options.child, options)
        return 0
    if options.again:
        return _again(options.only, Path(options.again))
    names = [name for name in _names() if not options.only or name in options.only.split(",")]
    harmed = [name for name in names if not _start(name, options)]
    print(f"{len(names)} targets, {len(harmed)} did harm: {' '.join(harmed)}")  # noqa: T201 - a command
    return bool(harmed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--runs", type=int, default=-1, help="for each target")
    parser.add_argument("--only", default="", help="names of targets, with commas")
    parser.add_argument("--out", default=str(ROOT / "out" / "fuzz"))
    parser.add_argument("--again", default="", help="one input file, for the target named by --only")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def _names() -> list[str]:
    from fuzz_targets import TARGETS  # noqa: PLC0415 - a child must instrument before it imports

    return [target.name for target in TARGETS]


def _start(name: str, options: argparse.Namespace) -> bool:
    folder = Path(options.out) / name
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, "--child", name, "--out", options.out]
    command += ["--seconds", str(options.seconds), "--runs", str(options.runs)]
    before, started = set(folder.iterdir()), time.monotonic()
    with (folder / "child.log").open("wb") as log:
        done = subprocess.run(command, stdout=log, stderr=log, check=False, cwd=ROOT, timeout=options.seconds * 3 + 300)
    found = sorted(path.name for path in set(folder.iterdir()) - before if path.is_file() and path.suffix != ".log")
    said = "; ".join(found) or ("" if done.returncode == 0 else "see child.log")
    runs = _runs((folder / "child.log").read_text("utf-8", "replace"))
    print(f"{name}: {runs} runs, {time.monotonic() - started:.0f} s, {said or 'ok'}", flush=True)  # noqa: T201
    return done.returncode == 0


def _runs(log: str) -> str:
    counts = re.findall(r"^#(\d+)", log, re.MULTILINE)
    return counts[-1] if counts else "0"


def _fuzz(name: str, options: argparse.Namespace) -> None:
    import atheris  # noqa: PLC0415 - only the long run needs it

    with atheris.instrument_imports(include=PACKAGES):
        from fuzz_guard import guarded  # noqa: PLC0415
        from fuzz_mutations import mutate  # noqa: PLC0415
        from fuzz_targets import TARGETS  # noqa: PLC0415
        from fuzz_world import FuzzWorld  # noqa: PLC0415
    target = next(one for one in TARGETS if one.name == name)
    world, folder = FuzzWorld(), Path(options.out) / name
    seeds = list(target.seeds(world))
    run = guarded(target, world)
    for seed in seeds:
        run(seed)
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)

    def mutator(data: bytes, limit: int, seed: int) -> bytes:
        random = Random(seed)  # noqa: S311 - nothing secret
        changed = mutate(data, random, seeds) if random.random() < 0.5 else atheris.Mutate(data, limit)
        return bytes(changed[:limit])

    atheris.Setup(_arguments(folder, corpus, max(map(len, seeds)), options), run, custom_mutator=mutator)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    atheris.Fuzz()


def _arguments(folder: Path, corpus: Path, longest: int, options: argparse.Namespace) -> list[str]:
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return [
        sys.argv[0],
        f"-max_total_time={options.seconds}",
        f"-runs={options.runs}",
        f"-rss_limit_mb={resident + MEGABYTES}",
        "-timeout=20",  # of the wall clock, for loops inside libraries; processor time is measured by the guard
        f"-max_len={max(4096, 2 * longest)}",
        f"-artifact_prefix={folder}{os.sep}",
        "-print_final_stats=1",
        str(corpus),
    ]


def _again(name: str, path: Path) -> int:
    from fuzz_guard import guarded  # noqa: PLC0415
    from fuzz_targets import TARGETS  # noqa: PLC0415
    from fuzz_world import FuzzWorld  # noqa: PLC0415

    target: Any = next(one for one in TARGETS if one.name == name)
    guarded(target, FuzzWorld())(path.read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
