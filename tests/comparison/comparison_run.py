"""Ask the judges: ours in one warm child, file after file, so that its cost can be told; the others in children too."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import comparison_path  # noqa: F401 - first, so that the makers are found
from comparison_foreign import ask_all_pyhanko, ask_pdfsig
from comparison_ours import Answer, OurJudge
from comparison_set import Sample

Costs = list[tuple[str, Answer]]


def answer_ours(samples: Sequence[Sample], paths: Sequence[Path]) -> Costs:
    """Ask ours about all files; the first file is judged once before, to load what is loaded once."""
    judge, found = OurJudge(), Costs()
    try:
        judge.warm(paths[0])
        for sample, path in zip(samples, paths, strict=True):
            with suppress(OSError):
                judge.forget()
            found.append((sample.key, judge.ask(path, sample.content)[0]))
    finally:
        judge.close()
    return found


def answer_all(samples: Sequence[Sample], folder: Path) -> tuple[dict[str, dict[str, str]], Costs]:
    """Answer all words by file, and what ours cost."""
    paths = [sample.lay(folder, number) for number, sample in enumerate(samples)]
    costs = answer_ours(samples, paths)
    answers = {key: {"ours": answer.word} for key, answer in costs}
    pdfs = [(sample.key, path) for sample, path in zip(samples, paths, strict=True) if sample.suffix == ".pdf"]
    with ThreadPoolExecutor(2) as threads:
        theirs = threads.submit(ask_all_pyhanko, [path for _, path in pdfs])
        others = list(threads.map(ask_pdfsig, [path for _, path in pdfs]))
    for (key, _), word, other in zip(pdfs, theirs.result(), others, strict=True):
        answers[key] |= {"pyhanko": word, "pdfsig": other}
    return answers, costs


def describe_costs(costs: Costs) -> str:
    """Say the median, the 99th percentile and the most of CPU seconds, and of the child's peak memory in MiB."""
    lines = []
    for title, values in (
        ("CPU seconds", sorted(one.seconds for _, one in costs)),
        ("MiB", sorted(one.memory for _, one in costs)),
    ):
        half, most = values[len(values) // 2], values[min(len(values) - 1, len(values) * 99 // 100)]
        lines.append(f"{title}: p50 {half:.2f}, p99 {most:.2f}, max {values[-1]:.2f}")
    return f"{len(costs)} files; " + "; ".join(lines)
