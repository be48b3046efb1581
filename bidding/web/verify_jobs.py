"""Verifications over HTTP (在线核验): a job for each request, judged in the background, forgotten after half an hour.

Uploaded files lie in a private folder while they are judged and are deleted then; only those that wait for their
password stay, for a few minutes. Answers and pictures are kept in memory, bounded, under an id that nobody can guess.
"""

import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from bidding.errors import BiddingError, BusyVerifierError, NoSuchVerificationError
from bidding.evidence import encode_evidence, make_evidence
from bidding.isolation import IsolatedWorker, patience
from bidding.isolation_pool import WorkerPool
from bidding.reporting.composing import NO_PICTURES, Pictures
from bidding.reporting.pictures import gather_pictures
from bidding.verification_asking import Asked
from bidding.verification_batch import Item
from bidding.verification_engine import PASSWORD_CODES, Engine, Judged
from bidding.verification_report import refused
from bidding.web.verify_pictures import SealPage, draw_seal_pages
from signing.path import TrustAnchors
from signing.trust import load_trust

KEPT: Final = timedelta(minutes=30)
"""How long answers can be fetched."""
WAITING_SECONDS: Final = 600.0
"""How long a file waits for its password."""
MAX_JOBS: Final = 60
MAX_RUNNING: Final = 16
MAX_PICTURED: Final = 20
"""Files of a job of which pages are drawn."""
MAX_PICTURES: Final = 16 << 20
"""Bytes of all pictures of a job."""


@dataclass
class Row:
    """One file of a job: what it is, and its answer as soon as there is one."""

    item: Item
    judged: Judged | None = None
    pictures: Pictures = NO_PICTURES
    pages: tuple[SealPage, ...] = ()

    @property
    def picture_bytes(self) -> int:
        """Answer what its pictures take."""
        pairs = sum(len(side or b"") for pair in self.pictures.pairs for side in (pair.before, pair.after))
        return pairs + sum(map(len, self.pictures.seals.values())) + sum(len(page.picture) for page in self.pages)

    @property
    def needs_password(self) -> bool:
        """Whether it can be judged once its password is given."""
        return self.judged is not None and self.judged.answer.get("code") in PASSWORD_CODES


@dataclass
class Job:
    """One request. `folder` is there while files are."""

    id: str
    asked: Asked
    rows: list[Row]
    folder: "tempfile.TemporaryDirectory[str] | None"
    made_at: datetime
    trust: TrustAnchors
    """The list as it was when the job began."""
    pictured: bool = True
    finished: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def done(self) -> int:
        """Answer how many files are judged."""
        return sum(row.judged is not None for row in self.rows)

    @property
    def answers(self) -> list[dict[str, Any]]:
        """Answer the answers that are there, in order."""
        return [row.judged.answer for row in self.rows if row.judged is not None]

    def forget_files(self) -> None:
        """Delete the uploaded files."""
        with self._lock:
            folder, self.folder = self.folder, None
        if folder is not None:
            folder.cleanup()


@dataclass(frozen=True)
class Verifier:
    """The engine of a service: bounded children, a trust list that is kept fresh, and the jobs."""

    worker: IsolatedWorker | WorkerPool
    trust: Callable[[], Path]
    """A trust folder with current revocation lists."""
    clock: Callable[[], datetime]
    policy: bytes = b""
    """The policy of this service (canonical), empty for the built-in one."""
    random: Callable[[int], bytes] = os.urandom  # noqa: TID251 - ids of answers; wiring may give another
    url: str = ""
    """Where anybody may have a file judged again; printed in reports."""
    _jobs: "OrderedDict[str, Job]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(MAX_RUNNING, thread_name_prefix="verifying")
    )

    def asked(self, **more: Any) -> Asked:
        """Put together what is asked of this service's own trust list, as of now."""
        return Asked(**{"at": self.clock(), "trust": (str(self.trust()),), "policy": self.policy, **more})

    def judge(self, path: Path, *, expect_uscc: str = "", content: dict[str, Any] | None = None) -> dict[str, Any]:
        """Answer for one file, whatever it does to its parser; `content` is what it may be about."""
        asked = self.asked(expect_uscc=expect_uscc)
        return Engine(self.worker, load_trust(Path(asked.trust[0]))).judge(Item(path, path.name, content), asked).answer

    def start(
        self,
        items: Sequence[Item],
        asked: Asked,
        folder: "tempfile.TemporaryDirectory[str]",
        *,
        password: str = "",
        pictured: bool = True,
    ) -> Job:
        """Begin to judge; BusyVerifierError when too many are at work. The folder is the job's from now on."""
        self._expire()
        trust = load_trust(self.trust())
        frozen = Path(folder.name) / "evidence.json"
        frozen.write_bytes(encode_evidence(make_evidence(asked, [trust])))
        asked = replace(asked, evidence=str(frozen))
        with self._lock:
            if sum(not one.finished.is_set() for one in self._jobs.values()) >= MAX_RUNNING:
                raise BusyVerifierError(f"{MAX_RUNNING} verifications are at work")
            job = Job(
                self.random(16).hex(), asked, [Row(item) for item in items], folder, self.clock(), trust, pictured
            )
            self._jobs[job.id] = job
        self._threads.submit(self._run, job, list(job.rows), password)
        return job

    def find(self, number: str) -> Job:
        """Answer a job; NoSuchVerificationError."""
        self._expire()
        with self._lock:
            job = self._jobs.get(number)
        if job is None:
            raise NoSuchVerificationError(number)
        return job

    def give_password(self, job: Job, row: int, password: str) -> "Future[None]":
        """Judge one file of a job once more with its password; NoSuchVerificationError when it was deleted."""
        if not 0 <= row < len(job.rows) or not job.rows[row].needs_password or job.folder is None:
            raise NoSuchVerificationError(job.id)
        job.finished.clear()
        return self._threads.submit(self._run, job, [job.rows[row]], password)

    def close(self) -> None:
        """End all work and delete what is left of it."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            jobs = list(self._jobs.values())
            self._jobs.clear()
        for job in jobs:
            job.forget_files()
        self.worker.close()

    def _run(self, job: Job, rows: list[Row], password: str) -> None:
        try:
            engine = Engine(self.worker, job.trust)
            if isinstance(self.worker, WorkerPool):
                list(self.worker.map(lambda row: self._judge(engine, job, row, password), rows))
            else:
                for row in rows:
                    self._judge(engine, job, row, password)
        finally:
            for row in (one for one in rows if one.judged is None):
                answer = refused(row.item.name, job.trust, "核验中断，未得出结论。请重试。", code="interrupted")
                row.judged = Judged(row.item, answer.as_json())
            if any(row.needs_password for row in job.rows):
                reaper = threading.Timer(WAITING_SECONDS, job.forget_files)
                reaper.daemon = True
                reaper.start()
            else:
                job.forget_files()
            job.finished.set()

    def _judge(self, engine: Engine, job: Job, row: Row, password: str) -> None:
        judged = engine.judge(row.item, job.asked, password)
        if job.pictured and len(job.rows) <= MAX_PICTURED and judged.answer["signatures"]:
            self._draw(job, row, judged, password)
        if row.item.path.is_file() and judged.answer.get("code") not in PASSWORD_CODES and not _shared(job, row):
            row.item.path.unlink(missing_ok=True)
        row.judged = judged

    def _draw(self, job: Job, row: Row, judged: Judged, password: str) -> None:
        """Draw what belongs into reports and onto the page; whatever goes wrong there costs the pictures only."""
        if sum(one.picture_bytes for one in job.rows) > MAX_PICTURES:
            return
        with suppress(BiddingError, OSError):
            row.pictures = gather_pictures(judged.answer, row.item.path)
            if judged.answer["format"] == "pdf":
                request = {"task": "places", "file": str(row.item.path), "password": password}
                places = self.worker.ask(request, seconds=patience(row.item.path.stat().st_size))["places"]
                row.pages = draw_seal_pages(judged.answer, row.item.path, places)

    def _expire(self) -> None:
        with self._lock:
            old = [one for one in self._jobs.values() if self.clock() - one.made_at > KEPT and one.finished.is_set()]
            over = [one for one in self._jobs.values() if one.finished.is_set()][: max(0, len(self._jobs) - MAX_JOBS)]
            for job in (*old, *over):
                self._jobs.pop(job.id, None)
        for job in (*old, *over):
            job.forget_files()


def _shared(job: Job, row: Row) -> bool:
    """Whether another file of the job is about this one, and may still need it."""
    file = str(row.item.path)
    return any(other.item.content and other.item.content["file"] == file for other in job.rows)
