"""All benches of sealing: `python -m tests.bench.sealing [--quick] [--only NAME …] [--json FILE]`.

Needs the development environment only. Prints Markdown tables; never fails because something was slow.
"""

from tests.bench.bench_run import run_benches

run_benches("sealing", __doc__)
