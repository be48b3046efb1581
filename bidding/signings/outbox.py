"""What a unit's own systems are told (通知): events, and one delivery of each for every webhook that wants it.

Written in the transaction of what happened, so that nothing is told that did not happen, and nothing that happened is
forgotten. Sending is `deliveries`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, insert, select

from bidding.signings.rows import Signing, SigningAct
from bidding.workbench.desk import Desk
from storage.models import signings as tables

EventType = Literal[
    "document.sealed", "signing.completed", "signing.refused", "signing.expired", "signing.cancelled", "webhook.test"
]
EVENT_TYPES: Final[tuple[EventType, ...]] = (
    "document.sealed",
    "signing.completed",
    "signing.refused",
    "signing.expired",
    "signing.cancelled",
)
"""What can be subscribed to; `webhook.test` is sent on demand only."""
_ENDS: Final[dict[str, EventType]] = {
    "completed": "signing.completed",
    "refused": "signing.refused",
    "expired": "signing.expired",
    "cancelled": "signing.cancelled",
}


@dataclass(frozen=True)
class Outbox:
    """Writes events and their deliveries."""

    desk: Desk

    def tell_sealed(self, tx: Connection, signing: Signing, act: SigningAct) -> None:
        """Tell of every document on which a seal now stands; `complete` when it was the document's last."""
        for document in signing.documents_of(act):
            left = any(one.state != "sealed" and one.on(document.number) for one in signing.acts)
            data = {
                **_head(signing),
                "document": document.number,
                "signer": act.key.signer,
                "seal": act.key.kind.value,
                "sm3": document.current_sm3,
                "complete": not left,
            }
            self.tell(tx, signing.uscc, "document.sealed", data, only=signing.order.asked.notify)

    def tell_ended(self, tx: Connection, signing: Signing) -> None:
        """Tell how a signing ended; of a completed one, with the digests of what can be fetched."""
        done = signing.state == "completed"
        files = [{"document": d.number, "sm3": d.current_sm3} for d in signing.documents] if done else []
        data = {**_head(signing), "code": signing.code, "documents": files}
        self.tell(tx, signing.uscc, _ENDS[signing.state], data, only=signing.order.asked.notify)

    def tell(
        self, tx: Connection, uscc: str, kind: EventType, data: dict[str, Any], *, only: Sequence[str] = ()
    ) -> str:
        """Write an event, due at once at all webhooks of the unit that want it, or of these `only`; answers its id."""
        event, now, table = self.desk.new_id(), self.desk.now(), tables.webhooks
        payload = msgspec.json.encode({"type": kind, "timestamp": now, "data": data})
        sealed = self.desk.cipher.seal(f"webhook_events/{event}", payload)
        values = {"id": event, "uscc": uscc, "type": kind, "at": now, "sealed_payload": sealed}
        tx.execute(insert(tables.webhook_events).values(**values))
        found = tx.execute(select(table.c.id, table.c.events).where(table.c.uscc == uscc, table.c.state == "live"))
        for row in found.all():
            if (kind in row.events.split() or kind == "webhook.test") and (not only or row.id in only):
                self._deliver(tx, row.id, event, None if kind == "webhook.test" else now)
        return event

    def _deliver(self, tx: Connection, webhook: str, event: str, at: datetime | None) -> None:
        """Note a delivery as due; a test is sent by whoever asks for it, once."""
        values = {"id": self.desk.new_id(), "webhook": webhook, "event": event, "tries": 0}
        state = "failed" if at is None else "due"
        tx.execute(insert(tables.webhook_deliveries).values(**values, state=state, due_at=at))


def _head(signing: Signing) -> dict[str, Any]:
    """Answer what every event of a signing says: nothing of persons or titles, which are fetched with a token."""
    return {"signing": signing.id, "reference": signing.order.asked.reference, "state": signing.state}
