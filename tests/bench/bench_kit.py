"""A small kit for benches: rates by CPU time, as ratios to a floor that is measured in the same run.

A bench is a module `bench_<topic>.py` with one function `bench(kit: Bench) -> None`; `python -m tests.bench.signing`
finds it. Machines differ and move by tens of per cent while one looks, so nothing here fails on time: what counts are
the ratios, and whether they meet a target is printed beside them.

    def bench(kit: Bench) -> None:
        data = bytes(kit.size(64, quick=4) << 20)
        floor = Task("one SM3 pass", lambda: sm3(data), amount=len(data) / 1e6)
        sealing = Task("seal in place", lambda: seal(path), amount=len(data) / 1e6, target=at_least(0.55))
        kit.compare("PAdES B-T of 64 MB", floor, sealing, unit="MB")
        used = kit.child("tests.bench.signing.bench_x:seal_file", path=str(path))
        kit.note("Memory", "400 MB in place", used.extra_mb, "MB", at_most(32))
"""

import gc
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

Clock = Literal["cpu", "wall"]

_SAMPLES: Final = 5
_SHORTEST: Final = 0.08
"""Seconds: a sample that would be shorter repeats its task, so that the clock's grain does not matter."""
_QUICK_SHORTEST: Final = 0.02
_PAUSE: Final = 0.2
_TMPFS: Final = Path("/dev/shm")  # noqa: S108 - memory, where there is some: disks are not what is measured
_TMPFS_FREE: Final = 6 << 30


@dataclass(frozen=True)
class Target:
    """What a figure should be, as a bound; without one, `Target()`."""

    bound: float | None = None
    at_least: bool = True

    def met(self, value: float) -> bool | None:
        """Say whether it is met; None when there is nothing to meet."""
        if self.bound is None:
            return None
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        """Write it as it stands in a table."""
        return "" if self.bound is None else f"{'≥' if self.at_least else '≤'} {self.bound:g}"


def at_least(bound: float) -> Target:
    """Ask for this or more."""
    return Target(bound)


def at_most(bound: float) -> Target:
    """Ask for this or less."""
    return Target(bound, at_least=False)


@dataclass(frozen=True)
class Task:
    """Something to be timed: `run` does `amount` units of work. `target` is about its rate ÷ the floor's rate."""

    name: str
    run: Callable[[], object]
    amount: float = 1.0
    target: Target = field(default_factory=Target)


@dataclass(frozen=True)
class Row:
    """One measured figure. `ratio` is its rate ÷ the floor's (median of the samples' own ratios), 1 for the floor."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    target: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Usage:
    """What a child process used: its highest resident memory, the same before its work began, and CPU seconds."""

    peak_mb: float
    base_mb: float
    cpu_seconds: float
    wall_seconds: float
    result: Any

    @property
    def extra_mb(self) -> float:
        """Answer how much the work added to the process that had imported everything."""
        return self.peak_mb - self.base_mb


class Bench:
    """One run of benches: measures, prints Markdown as it goes, and keeps the figures for `write`."""

    def __init__(self, *, quick: bool, work: Path) -> None:
        """Take a scratch directory that is in memory where possible."""
        self.quick, self.work = quick, work
        self.samples = 3 if quick else _SAMPLES
        self.tables: dict[str, list[Row]] = {}

    def size(self, full: int, *, quick: int) -> int:
        """Answer the first, or the second in a quick run."""
        return quick if self.quick else full

    def compare(
        self,
        title: str,
        floor: Task,
        *tasks: Task,
        unit: str = "MB",
        clock: Clock = "cpu",
        samples: int | None = None,
    ) -> dict[str, Row]:
        """Time the floor and the tasks in turn, `samples` times; answer and print the rows, the floor's first.

        A ratio is the median of the ratios of samples taken one after the other. CPU time is that of this process
        with all its threads; by the wall clock, samples run before other processes where that is permitted.
        """
        everything = (floor, *tasks)
        counts = [_repeats(task, clock, _QUICK_SHORTEST if self.quick else _SHORTEST) for task in everything]
        rates: list[list[float]] = [[] for _ in everything]
        for _ in range(samples or self.samples):
            for at, task in enumerate(everything):
                with _undisturbed() if clock == "wall" and not self.quick else nullcontext():
                    rates[at].append(task.amount * counts[at] / _time(task.run, counts[at], clock))
        per = f"{unit}/{'CPU-s' if clock == 'cpu' else 's'}"
        rows = [_row(task, own, rates[0], per) for task, own in zip(everything, rates, strict=True)]
        self._keep(title, rows)
        return {row.name: row for row in rows}

    def note(self, title: str, name: str, value: float, unit: str, target: Target | None = None) -> None:
        """Keep one figure that was measured otherwise, under the table `title`."""
        target = target or Target()
        self._keep(title, [Row(name, value, unit, target=str(target), met=target.met(value))])

    def child(self, function: str, **arguments: object) -> Usage:
        """Run `module:function(**arguments)` in a fresh process; arguments and result go as JSON.

        The module is imported before the base is taken, so `extra_mb` is what the work itself needed.
        """
        command = [sys.executable, "-m", "tests.bench.bench_child", function, json.dumps(arguments)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return Usage(**json.loads(done.stdout.splitlines()[-1]))

    def write(self, path: Path) -> None:
        """Write every figure as JSON."""
        tables = {title: [asdict(row) for row in rows] for title, rows in self.tables.items()}
        text = json.dumps({"quick": self.quick, "tables": tables}, ensure_ascii=False, indent=1)
        path.write_text(text + "\n", "utf-8")

    def _keep(self, title: str, rows: list[Row]) -> None:
        known = self.tables.setdefault(title, [])
        if not known:
            sys.stdout.write(f"\n### {title}\n\n{_HEAD}\n")
        elif title != list(self.tables)[-1]:
            sys.stdout.write(f"\n### {title} (more)\n\n{_HEAD}\n")
        known += rows
        sys.stdout.write("".join(f"{_markdown(row)}\n" for row in rows))
        sys.stdout.flush()


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a directory for the run, in memory where there is room."""
    in_memory = _TMPFS.is_dir() and shutil.disk_usage(_TMPFS).free > _TMPFS_FREE
    with tempfile.TemporaryDirectory(dir=_TMPFS if in_memory else None, prefix="yizhao-bench-") as name:
        yield Path(name)


_HEAD: Final = "| | figure | ratio | low – high | target | met |\n| --- | ---: | ---: | ---: | ---: | --- |"


def _markdown(row: Row) -> str:
    figure = f"{row.value:,.0f}" if row.value >= 100 else f"{row.value:.3g}"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    spread = "" if row.low is None or row.high is None else f"{row.low:.2f} – {row.high:.2f}"
    met = {None: "", True: "yes", False: "**no**"}[row.met]
    return f"| {row.name} | {figure} {row.unit} | {ratio} | {spread} | {row.target} | {met} |"


def _row(task: Task, own: list[float], floor: list[float], unit: str) -> Row:
    ratios = [mine / other for mine, other in zip(own, floor, strict=True)]
    ratio = statistics.median(ratios)
    return Row(
        task.name,
        statistics.median(own),
        unit,
        ratio,
        min(ratios),
        max(ratios),
        str(task.target),
        task.target.met(ratio),
    )


def _repeats(task: Task, clock: Clock, shortest: float) -> int:
    """Run once to warm up and once to see how long it takes; answer how often a sample repeats it."""
    task.run()
    once = _time(task.run, 1, clock)
    return max(1, int(shortest / max(once, 1e-7) + 0.5)) if once < shortest else 1


def _time(run: Callable[[], object], count: int, clock: Clock) -> float:
    read = time.process_time if clock == "cpu" else time.perf_counter
    gc.collect()
    gc.disable()
    try:
        start = read()
        for _ in range(count):
            run()
        return max(read() - start, 1e-9)
    finally:
        gc.enable()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let this thread, and those it starts, go before every other process; does nothing where that is forbidden."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except (AttributeError, PermissionError):
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        time.sleep(_PAUSE)  # the others want to live, too
