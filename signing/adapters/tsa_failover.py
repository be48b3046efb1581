"""Several timestamp authorities (时间戳服务切换), asked in order: the first good token wins; local time never does."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from signing.errors import NoTimestampError, SigningError, UnavailableError
from signing.ports import TimestampAuthority
from signing.timestamp_acceptance import TokenAcceptance

REST: Final = timedelta(seconds=30)
MAX_AUTHORITIES: Final = 8


@dataclass(frozen=True)
class NamedAuthority:
    """An authority, and the name under which its failures are reported."""

    name: str
    authority: TimestampAuthority


@dataclass(frozen=True)
class FailoverTimestampAuthority:
    """A `signing.ports.TimestampAuthority` of several. Thread-safe; `clock` answers aware UTC instants.

    A token is only answered after `acceptance` (when there is one) has verified all of it. An authority that does not
    answer is left alone for `rest`, then one caller tries it again. How long one may take is up to its own client.
    """

    authorities: tuple[NamedAuthority, ...]
    clock: Callable[[], datetime]
    acceptance: TokenAcceptance | None = None
    rest: timedelta = REST
    _resting: dict[str, datetime] = field(default_factory=dict, init=False, repr=False, compare=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse none, too many, or two of one name: ValueError."""
        names = {one.name for one in self.authorities}
        if not 1 <= len(names) == len(self.authorities) <= MAX_AUTHORITIES:
            raise ValueError("timestamp authorities need different names, one at least")

    def stamp(self, imprint_sm3: bytes) -> bytes:
        """Answer the first good token over the imprint; NoTimestampError (an UnavailableError) with every cause."""
        causes = list[tuple[str, SigningError]]()
        for one in self.authorities:
            try:
                return self._ask(one, imprint_sm3)
            except SigningError as error:
                causes.append((one.name, error))
        raise NoTimestampError(tuple(causes))

    def _ask(self, one: NamedAuthority, imprint: bytes) -> bytes:
        asked = self.clock()
        self._start(one.name, asked)
        try:
            token = one.authority.stamp(imprint)
        except UnavailableError:
            self._rest(one.name, self.clock())
            raise
        except SigningError:
            self._wake(one.name)
            raise
        self._wake(one.name)
        if self.acceptance is not None:
            self.acceptance.require(token, imprint, asked=asked, answered=self.clock())
        return token

    def _start(self, name: str, now: datetime) -> None:
        """Refuse while it rests; whoever comes first afterwards lets the others wait until he knows."""
        with self._lock:
            until = self._resting.get(name)
            if until is None:
                return
            if now < until <= now + self.rest:  # a clock that was set back must not prolong the rest
                raise UnavailableError(f"did not answer, not asked again before {until:%H:%M:%S} UTC")
            self._resting[name] = now + self.rest

    def _rest(self, name: str, now: datetime) -> None:
        with self._lock:
            self._resting[name] = now + self.rest

    def _wake(self, name: str) -> None:
        with self._lock:
            self._resting.pop(name, None)
