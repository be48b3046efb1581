"""A child process around parsers of untrusted bytes (不可信输入的隔离).

The child runs `python -m bidding.isolation_worker`, answers one JSON line for each request line, and is bounded in
memory and CPU time by the operating system. A file that kills it gets a `WorkerDiedError`; the next request starts
a fresh child, so the caller lives on.
"""

import json
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from bidding.errors import BiddingError

WALL_SECONDS = 60.0
"""Longest wait for one answer about a small file; the CPU limit inside the child strikes earlier on a free machine."""
_BYTES_PER_SECOND = 5_000_000
"""What a large file may add to that."""


def patience(size: int) -> float:
    """Answer how many seconds to wait for the answer about a file of `size` bytes."""
    return WALL_SECONDS + size / _BYTES_PER_SECOND


OUT_OF_MEMORY: Final = 77
"""How a child ends that may have no more memory."""
_DYING: Final = 2.0
"""Seconds for a child that has said its last word to end, so that it can be told how."""
_TIME: Final = "time"
_CAUSES: Final = {OUT_OF_MEMORY: "memory", -signal.SIGXCPU: _TIME, -signal.SIGKILL: _TIME}
_WORDS: Final = {
    "memory": "文件耗尽了允许的内存，未予验证。",
    _TIME: "文件耗尽了允许的时间，未予验证。",
    "crash": "文件使解析程序崩溃，未予验证。",
}


class WorkerDiedError(BiddingError):
    """The file exhausted the memory or time it may use, or crashed its parser; `cause` is memory, time or crash."""

    def __init__(self, message: str, cause: str = "crash") -> None:
        """Say what happened, and why in one word."""
        super().__init__(message)
        self.cause = cause

    @property
    def why(self) -> str:
        """Answer the sentence for people."""
        return _WORDS[self.cause]


@dataclass
class IsolatedWorker:
    """One warm child; calls are serialised. `close` ends it."""

    _process: "subprocess.Popen[bytes] | None" = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, request: dict[str, Any], *, seconds: float = WALL_SECONDS) -> dict[str, Any]:
        """Send one request and wait for its answer; WorkerDiedError when the child did not live to give it."""
        with self._lock:
            process = self._running()
            timer = threading.Timer(seconds, process.kill)
            timer.start()
            try:
                line = self._exchange(process, json.dumps(request).encode() + b"\n")
            finally:
                timer.cancel()
            if not line.endswith(b"\n"):
                cause = _CAUSES.get(self._reap(_DYING), "crash")
                raise WorkerDiedError(f"the parser ran out of memory or time, or crashed: {cause}", cause)
            answer: dict[str, Any] = json.loads(line)
            return answer

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._reap()

    @staticmethod
    def _exchange(process: "subprocess.Popen[bytes]", line: bytes) -> bytes:
        """Answer one line, or less than one when the child died over it."""
        if process.stdin is None or process.stdout is None:  # pragma: no cover - both are pipes
            return b""
        try:
            process.stdin.write(line)
            process.stdin.flush()
            return process.stdout.readline()
        except BrokenPipeError:
            return b""

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self._reap()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bidding.isolation_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _reap(self, grace: float = 0.0) -> int:
        """Let the child end by itself for `grace` seconds, then kill it; answers how it ended, as `returncode`."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was not sent to a dead child cannot be flushed; the pipe is closed still
                    pipe.close()
        return process.wait()
