"""Run the benches of one folder: what `python -m tests.bench.<folder>` does."""

import argparse
import importlib
import sys
import time
from pathlib import Path

from tests.bench.bench_kit import Bench, scratch


def run_benches(folder: str, description: str) -> None:
    """Run every bench_*.py of a folder beside this file, or those named on the command line."""
    names = sorted(path.stem.removeprefix("bench_") for path in (Path(__file__).parent / folder).glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog=f"python -m tests.bench.{folder}", description=description)
    parser.add_argument("--quick", action="store_true", help="small sizes, to prove that the benches work")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with scratch() as work:
        kit = Bench(quick=options.quick, work=work)
        for name in options.only:
            start = time.perf_counter()
            importlib.import_module(f"tests.bench.{folder}.bench_{name}").bench(kit)
            sys.stdout.write(f"\n<!-- {name}: {time.perf_counter() - start:.1f} s -->\n")
        if options.json:
            kit.write(options.json)
