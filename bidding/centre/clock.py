"""The centre's clock: wall time once at the start, and the monotonic clock from then on (trust.md D.4).

A wall clock that is stepped later neither reopens nor closes anything.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

SOURCE = "system-clock-at-start+monotonic"


@dataclass(frozen=True)
class SteadyClock:
    """Call it for the present instant: aware, UTC, whole milliseconds."""

    wall: datetime
    monotonic: int

    @classmethod
    def start(cls) -> Self:
        """Read the wall clock, this once."""
        return cls(datetime.now(UTC), time.monotonic_ns())  # noqa: TID251 - the one place that reads the clock

    def __call__(self) -> datetime:
        """Answer the instant now."""
        return to_milliseconds(self.wall + timedelta(microseconds=(time.monotonic_ns() - self.monotonic) // 1000))


def to_milliseconds(at: datetime) -> datetime:
    """Cut an instant to whole milliseconds: what receipts and the database can say."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
