"""The machine's clock and randomness: the one place where a party's are read; everything else is handed them."""

import os
from datetime import UTC, datetime


def system_clock() -> datetime:
    """UTC now, from the machine's clock."""
    return datetime.now(UTC)  # noqa: TID251 - the one place where the clock is read


def system_random(size: int) -> bytes:
    """Random bytes of the operating system."""
    return os.urandom(size)  # noqa: TID251 - the one place where randomness is made
