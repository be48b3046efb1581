"""All benches of signing: `python -m tests.bench.signing [--quick] [--only NAME …] [--json FILE]`.

Needs the development environment only. Prints Markdown tables; never fails because something was slow.
"""

from tests.bench.bench_run import run_benches

run_benches("signing", __doc__)
