"""Our own answers: each file in a warm, bounded child as the command line uses it, reduced to one word."""

import json
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bidding.isolation import IsolatedWorker, WorkerDiedError, patience
from bidding.verification_asking import Asked

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TICKS = 100
"""Clock ticks of /proc in a second, on Linux."""


@dataclass(frozen=True)
class Answer:
    """What one judge said of one file; CPU seconds, and the peak memory of the whole child in MiB when known."""

    word: str
    seconds: float = 0.0
    memory: float = 0.0


def word_of(answer: Mapping[str, Any]) -> str:
    """Reduce the JSON object of a verdict to one word; an unknown authority is scored apart."""
    changes = [change for one in answer.get("signatures") or () for change in one.get("changes_after") or ()]
    told = bool(changes or answer.get("warnings"))
    match answer["indication"]:
        case "REFUSED":
            return "DIED" if str(answer.get("code", "")).startswith("resources_") else "REFUSE"
        case "NO-SIGNATURE":
            return "NOSIG"
        case "TOTAL-FAILED":
            return "MODIFIED" if any(not change["allowed"] for change in changes) else "FAIL"
        case "INDETERMINATE" if answer.get("sub_indication") == "NO_CERTIFICATE_CHAIN_FOUND":
            return "PASS_WARN" if changes else "PASS"
        case "TOTAL-PASSED":
            return "PASS_WARN" if told else "PASS"
    return "INDETERMINATE"


class OurJudge:
    """One warm child; a file that ends it is DIED, and the next file gets a new one."""

    def __init__(self) -> None:
        self._worker = IsolatedWorker()

    def ask(self, path: Path, content: Path | None = None) -> tuple[Answer, Mapping[str, Any]]:
        """Answer the word, its cost, and the whole object."""
        given = {"file": str(content), "name": content.name, "given": True} if content else None
        before, started = self._spent(), resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            found = self._worker.ask(Asked(at=NOW).request(path, content=given), seconds=patience(path.stat().st_size))
        except WorkerDiedError as error:
            ended = resource.getrusage(resource.RUSAGE_CHILDREN)
            cost = ended.ru_utime + ended.ru_stime - started.ru_utime - started.ru_stime
            return Answer("DIED", cost), {"indication": "REFUSED", "code": error.cause}
        return Answer(word_of(found), self._spent() - before, self.peak()), found

    def warm(self, path: Path) -> None:
        """Load what is loaded once."""
        self.ask(path)

    def _process(self) -> int:
        running = self._worker._process
        return running.pid if running else 0

    def _spent(self) -> float:
        """Answer the child's CPU seconds so far."""
        try:
            fields = Path(f"/proc/{self._process()}/stat").read_text("ascii").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak(self) -> float:
        """Answer the most memory that the child ever had resident since the last `forget`, in MiB."""
        try:
            lines = Path(f"/proc/{self._process()}/status").read_text("ascii").splitlines()
        except OSError:
            return 0.0
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)

    def forget(self) -> None:
        """Let the kernel count the peak from now on."""
        Path(f"/proc/{self._process()}/clear_refs").write_text("5", "ascii")

    def close(self) -> None:
        self._worker.close()


if __name__ == "__main__":
    import sys

    judge = OurJudge()
    for name in sys.argv[1:]:
        begun = time.monotonic()
        said, whole = judge.ask(Path(name))
        sys.stdout.write(f"{name} {said} {time.monotonic() - begun:.2f}\n{json.dumps(whole, ensure_ascii=False)}\n")
    judge.close()
