"""All benches of signing: `python -m tests.bench.signing [--quick] [--only NAME …] [--json FILE]`.

Needs the development environment only. Prints Markdown tables; never fails because something was slow.
"""

import argparse
import importlib
import sys
import time
from pathlib import Path

from tests.bench.bench_kit import Bench, scratch

_HERE = Path(__file__).parent


def main() -> None:
    """Run every bench_*.py beside this file, or those named."""
    names = sorted(path.stem.removeprefix("bench_") for path in _HERE.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="python -m tests.bench.signing", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, to prove that the benches work")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with scratch() as work:
        kit = Bench(quick=options.quick, work=work)
        for name in options.only:
            start = time.perf_counter()
            importlib.import_module(f"tests.bench.signing.bench_{name}").bench(kit)
            sys.stdout.write(f"\n<!-- {name}: {time.perf_counter() - start:.1f} s -->\n")
        if options.json:
            kit.write(options.json)


main()
