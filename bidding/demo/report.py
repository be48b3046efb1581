"""What the demo says while it works, and what it leaves in `summary.json`."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from bidding.errors import BiddingError


class DemoFailedError(BiddingError):
    """A check of the demo did not hold."""


@dataclass
class Step:
    """One named step with everything that was seen in it."""

    number: int
    title: str
    seconds: float = 0.0
    facts: list[dict[str, Any]] = field(default_factory=list)
    passed: bool = False


@dataclass
class Reporter:
    """Prints each step in Chinese as it happens and keeps it for the summary."""

    started: float = field(default_factory=time.monotonic)
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Run one step; an exception leaves it marked as not passed and goes on up."""
        step = Step(len(self.steps) + 1, title)
        self.steps.append(step)
        click.secho(f"[{self.elapsed():6.1f}s] 第 {step.number} 步  {title}", bold=True)
        begun = time.monotonic()
        try:
            yield step
            step.passed = True
        finally:
            step.seconds = round(time.monotonic() - begun, 3)

    def say(self, text: str, **facts: Any) -> None:
        """Print one line and keep its facts with the running step."""
        click.echo(f"           · {text}")
        self.steps[-1].facts.append({"what": text, **facts})

    def require(self, held: object, text: str, **facts: Any) -> None:
        """Print one check; DemoFailedError when it does not hold."""
        passed = bool(held)
        click.secho(f"           {'✓' if passed else '✗'} {text}", fg=None if passed else "red")
        self.steps[-1].facts.append({"check": text, "passed": passed, **facts})
        if not passed:
            raise DemoFailedError(text)

    def elapsed(self) -> float:
        """Seconds since the demo began."""
        return time.monotonic() - self.started

    def write(self, path: Path, *, verdict: str, **more: Any) -> None:
        """Leave everything in one JSON file."""
        steps = [
            {"number": s.number, "title": s.title, "seconds": s.seconds, "passed": s.passed, "facts": s.facts}
            for s in self.steps
        ]
        document = {"verdict": verdict, "seconds": round(self.elapsed(), 3), **more, "steps": steps}
        path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")
