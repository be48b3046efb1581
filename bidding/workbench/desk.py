"""What every part of the workbench shares: database, encrypted files, clock, randomness, trust, and the outside."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Protocol, TypeVar

from msgspec import Struct
from sqlalchemy import Engine, Table, update

from bidding.workbench.acting import ActingParty, ActingPorts
from identity.actor import Actor
from identity.licence import BusinessLicence, parse_licence, verify_licence
from signing import canonical
from signing.digests import CHUNK
from signing.path import TrustAnchors
from storage.database import writing
from storage.intake import Intake
from storage.secrets import FieldCipher

T = TypeVar("T", bound=Struct)
_WRITE = 8 * CHUNK
"""Bytes between two waits for the disk."""


class Judge(Protocol):
    """Whoever can judge a PDF that came in signed."""

    def __call__(self, path: Path, /) -> tuple[str, ...]:
        """Answer the verdict in Chinese lines."""


@dataclass(frozen=True)
class Shelf:
    """Drafts and documents as encrypted files (静态加密); plain only in a private folder while at work."""

    intake: Intake
    work: Path

    def put(self, chunks: Iterable[bytes]) -> str:
        """Keep a content; answers its random name. It is durable when this returns."""
        name = self.intake.random(16).hex()
        self.intake.create(name)
        with self.intake.appending(name) as appender:
            for batch in _batches(chunks):
                appender.write(batch)
        self.intake.accept(name)
        return name

    def put_file(self, path: Path) -> str:
        """Keep a file's content."""
        with path.open("rb") as stream:
            return self.put(_read(stream))

    def open(self, name: str) -> BinaryIO:
        """Open a content; every byte that comes was authenticated. ObjectMissingError, DamagedObjectError."""
        return self.intake.open(name)

    def copy(self, name: str, target: Path) -> Path:
        """Write a content plainly to `target`, which is new."""
        with self.open(name) as source, target.open("xb") as file:
            for chunk in _read(source):
                file.write(chunk)
        return target

    def discard(self, name: str) -> None:
        """Forget a content."""
        self.intake.discard(name)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Make a private folder for plain files; nothing of it is left afterwards."""
        self.work.mkdir(parents=True, exist_ok=True, mode=0o700)
        with TemporaryDirectory(dir=self.work) as name:
            yield Path(name)


@dataclass(frozen=True)
class Desk:
    """Shared by all services of a workbench; holds no state of its own.

    `trust` answers the trust list with fresh revocation lists; `bundles` is the folder of packed bundles, which are
    ciphertext.
    """

    engine: Engine
    shelf: Shelf
    bundles: Path
    cipher: FieldCipher
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    trust: Callable[[], TrustAnchors]
    ports: ActingPorts
    judge: Judge
    audience: str = "投标人工作台"
    sandbox: bool = False

    def now(self) -> datetime:
        """Answer the instant, in whole milliseconds: the one form that is signed."""
        now = self.clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def new_id(self) -> str:
        """Make a random identifier that tells nothing."""
        return self.random(16).hex()

    def party(self, actor: Actor) -> ActingParty:
        """Let this person act for the unit."""
        return ActingParty(self.ports, self.clock, self.random, self.audience, actor)

    def licence(self, uscc: str) -> BusinessLicence:
        """Ask for the unit's face data now; LicenceRevokedError, LicenceCancelledError, VerdictError."""
        answer, anchors = self.ports.register.fetch_licence(uscc), self.trust()
        verify_licence(answer.licence, anchors=anchors, evidence=anchors.evidence, at=self.now(), uscc=uscc).require()
        answer.state.require()
        return parse_licence(answer.licence)

    @contextmanager
    def lease(self, table: Table, name: str, seconds: int = 120) -> Iterator[bool]:
        """Let one request at a time work on a row; False for the others, who look again later.

        A lease that a crash left is over after its seconds.
        """
        now, key = self.now(), table.c.id == name
        free = table.c.leased_until.is_(None) | (table.c.leased_until < now)
        with writing(self.engine) as tx:
            until = now + timedelta(seconds=seconds)
            mine = tx.execute(update(table).where(key, free).values(leased_until=until)).rowcount == 1
        try:
            yield mine
        finally:
            if mine:
                with writing(self.engine) as tx:
                    tx.execute(update(table).where(key).values(leased_until=None))

    def seal(self, place: str, value: Struct) -> bytes:
        """Encrypt a value for one place in the database."""
        return self.cipher.seal(place, canonical.encode(value))

    def open(self, place: str, sealed: bytes, kind: type[T]) -> T:
        """Decrypt a value of one place; DamagedObjectError."""
        return canonical.decode(self.cipher.open(place, sealed), kind)


def _batches(chunks: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for chunk in chunks:
        held += chunk
        if len(held) >= _WRITE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _read(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk
