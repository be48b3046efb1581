"""All benches of verification: `python -m tests.bench.verifying [--quick] [--only NAME …] [--json FILE]`.

Needs the development environment only. Prints Markdown tables; never fails because something was slow.
"""

from tests.bench.bench_run import run_benches

run_benches("verifying", __doc__)
