"""Judge every sample by ours, pyHanko and pdfsig, and write the table: `python -m tests.comparison [--check]`.

Needs pdfsig and qpdf of Debian, and the samples beside the project. Prints what ours cost.
"""

import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

from comparison_run import answer_all, describe_costs
from comparison_set import own, published, vectors
from comparison_table import DOCUMENT, outcome, render, replace_table


def main() -> int:
    """Write the document's table, or compare with it."""
    samples = [*published(), *vectors(), *own()]
    with tempfile.TemporaryDirectory(prefix="yizhao-comparison-") as folder:
        answers, costs = answer_all(samples, Path(folder))
    said = sys.stdout.write
    for sample in samples:
        word = answers[sample.key]["ours"]
        if word not in sample.words or outcome(word, sample.words) != "right":
            said(f"{sample.key}: {word}, not {' or '.join(sample.words)}\n")
    said(describe_costs(costs) + "\n")
    old = DOCUMENT.read_text("utf-8")
    new = replace_table(old, render(samples, answers))
    if "--check" in sys.argv:
        return int(new != old)
    DOCUMENT.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
