"""The same request twice is done once (Idempotency-Key): the answer of the first is given again."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bidding.errors import IdempotencyKeyError
from bidding.workbench.desk import Desk
from signing.digests import sm3
from storage.database import writing
from storage.models.signings import idempotency

KEPT: Final = timedelta(days=2)
_AT_WORK: Final = timedelta(minutes=10)
"""After this long the first request is taken for dead."""
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True)
class Repeating:
    """Remembers answers by unit and key, encrypted, for two days."""

    desk: Desk

    def once(self, uscc: str, key: str, request: bytes, work: Callable[[], bytes]) -> tuple[bytes, bool]:
        """Do the work, or answer what it answered before; the second value says that it was before.

        Without a key the work is done. A refusal is not remembered. IdempotencyKeyError: the key is malformed, stood
        with another request, or its first request is still at work.
        """
        if not key:
            return work(), False
        if not _KEY.fullmatch(key):
            raise IdempotencyKeyError("1 to 255 visible ASCII characters")
        name, digest = sm3(key.encode()).hex(), sm3(request).hex()
        if (known := self._begin(uscc, name, digest)) is not None:
            return known, True
        this = (idempotency.c.uscc == uscc) & (idempotency.c.key == name)
        try:
            answer = work()
        except BaseException:
            with writing(self.desk.engine) as tx:
                tx.execute(delete(idempotency).where(this))
            raise
        sealed = self.desk.cipher.seal(f"idempotency/{uscc}/{name}", answer)
        with writing(self.desk.engine) as tx:
            tx.execute(update(idempotency).where(this).values(status=200, sealed_answer=sealed, at=self.desk.now()))
        return answer, False

    def _begin(self, uscc: str, name: str, digest: str) -> bytes | None:
        """Take the key, or answer what stands with it."""
        now, table = self.desk.now(), idempotency
        with writing(self.desk.engine) as tx:
            dead = (table.c.status == 0) & (table.c.at < now - _AT_WORK)
            tx.execute(delete(table).where((table.c.at < now - KEPT) | dead))
            row = tx.execute(select(table).where(table.c.uscc == uscc, table.c.key == name)).one_or_none()
            if row is None:
                values = {"uscc": uscc, "key": name, "request_sm3": digest, "status": 0, "sealed_answer": b""}
                try:
                    tx.execute(insert(table).values(**values, at=now))
                except IntegrityError as error:  # where two write at once
                    raise IdempotencyKeyError("its first request is still at work") from error
                return None
        if row.request_sm3 != digest:
            raise IdempotencyKeyError("the key stood with another request")
        if not row.status:
            raise IdempotencyKeyError("its first request is still at work")
        return self.desk.cipher.open(f"idempotency/{uscc}/{name}", row.sealed_answer)
