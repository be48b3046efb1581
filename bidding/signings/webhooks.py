"""Webhooks of a unit (通知地址), by Standard Webhooks: registered, tested, sent to until they answer, and logged.

An attempt is signed `v1,` + base64(HMAC-SHA-256(secret, "id.timestamp.body")). What was not taken is sent again after
the waits of `WAITS`; an answer 410 ends it for good. Everything due stands in the database, so that it survives.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from msgspec import Meta, Struct
from sqlalchemy import Connection, func, insert, select, update

from bidding.errors import NoSuchWebhookError, SigningLimitError, SigningOrderError
from bidding.signings.addresses import MAX_URL, Resolve, find_target
from bidding.signings.outbox import EVENT_TYPES, Outbox
from bidding.signings.posting import Posted, Poster
from bidding.signings.rows import open_value, seal_value
from bidding.workbench.desk import Desk
from storage.database import reading, writing
from storage.models import signings as tables

WAITS: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 60, 300, 1800, 7200, 18_000, 36_000, 36_000, 72_000))
"""Between one attempt and the next; two and a half days together."""
MAX_WEBHOOKS: Final = 20
MAX_LOG: Final = 200
_SECRET: Final = 32
_GONE: Final = 410
_AT_ONCE: Final = 10
_HELD: Final = timedelta(minutes=2)
"""How long a delivery is left to whoever sends it now."""


class NewWebhook(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to tell, and what; without `events`, everything."""

    url: Annotated[str, Meta(min_length=1, max_length=MAX_URL)]
    events: Annotated[tuple[str, ...], Meta(max_length=20)] = ()


class _Kept(Struct, frozen=True):
    url: str
    secret: bytes


@dataclass(frozen=True)
class Webhook:
    """One webhook, without its secret."""

    id: str
    url: str
    events: tuple[str, ...]
    state: str
    created_at: datetime


@dataclass(frozen=True)
class Attempt:
    """One attempt to deliver."""

    at: datetime
    manual: bool
    status: int
    code: str
    milliseconds: int


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one webhook."""

    id: str
    event: str
    type: str
    state: str
    created_at: datetime
    due_at: datetime | None
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Webhooks:
    """The webhooks of all units, and their outbox. `loopback` allows this machine's own addresses: sandboxes only."""

    desk: Desk
    outbox: Outbox
    post: Poster
    resolve: Resolve
    loopback: bool = False

    def create(self, uscc: str, wanted: NewWebhook) -> tuple[Webhook, str]:
        """Register an address; answers it with its secret (whsec_…), which is shown this once.

        WebhookAddressError, SigningOrderError for an unknown type of event, SigningLimitError.
        """
        if unknown := set(wanted.events) - set(EVENT_TYPES):
            raise SigningOrderError(f"没有这种事件：{'、'.join(sorted(unknown))}")
        find_target(wanted.url, self.resolve, loopback=self.loopback)
        name, now, secret = self.desk.new_id(), self.desk.now(), self.desk.random(_SECRET)
        made = Webhook(name, wanted.url, tuple(dict.fromkeys(wanted.events or EVENT_TYPES)), "live", now)
        table = tables.webhooks
        with writing(self.desk.engine) as tx:
            own = select(func.count()).where(table.c.uscc == uscc, table.c.state == "live")
            if tx.execute(own).scalar_one() >= MAX_WEBHOOKS:
                raise SigningLimitError(f"一个单位最多登记 {MAX_WEBHOOKS} 个通知地址")
            sealed = seal_value(self.desk, f"webhooks/{name}", _Kept(wanted.url, secret))
            values = {"id": name, "uscc": uscc, "sealed": sealed, "events": " ".join(made.events), "state": "live"}
            tx.execute(insert(table).values(**values, created_at=now))
        return made, f"whsec_{base64.b64encode(secret).decode()}"

    def all(self, uscc: str) -> list[Webhook]:
        """Answer a unit's webhooks, oldest first."""
        table = tables.webhooks
        query = select(table).where(table.c.uscc == uscc, table.c.state != "deleted").order_by(table.c.created_at)
        with reading(self.desk.engine) as tx:
            return [self._webhook(row) for row in tx.execute(query).all()]

    def get(self, uscc: str, name: str) -> Webhook:
        """Answer one webhook; NoSuchWebhookError."""
        with reading(self.desk.engine) as tx:
            return self._webhook(self._row(tx, uscc, name))

    def delete(self, uscc: str, name: str) -> None:
        """Send nothing there any more; NoSuchWebhookError."""
        with writing(self.desk.engine) as tx:
            self._row(tx, uscc, name)
            self._close(tx, name, "deleted")

    def test(self, uscc: str, name: str) -> Delivery:
        """Send an event `webhook.test` there now, and answer what came of it; NoSuchWebhookError."""
        now = self.desk.now()
        with writing(self.desk.engine) as tx:
            self._row(tx, uscc, name)
            event = self.outbox.tell(tx, uscc, "webhook.test", {"webhook": name, "at": now}, only=(name,))
            table = tables.webhook_deliveries
            found = tx.execute(select(table.c.id).where(table.c.event == event)).scalar_one_or_none()
        if found is None:
            raise NoSuchWebhookError(f"{name} answered 410, and is not sent to any more")
        delivery = str(found)
        self._send(delivery, manual=True)
        return self._one(uscc, name, delivery)

    def resend(self, uscc: str, name: str, delivery: str) -> Delivery:
        """Send one delivery again now, whatever came of it before; NoSuchWebhookError."""
        self._one(uscc, name, delivery)
        self._send(delivery, manual=True)
        return self._one(uscc, name, delivery)

    def log(self, uscc: str, name: str) -> list[Delivery]:
        """Answer the newest deliveries of a webhook with all their attempts; NoSuchWebhookError."""
        deliveries, events = tables.webhook_deliveries, tables.webhook_events
        joined = select(deliveries, events.c.type, events.c.at).join(events, events.c.id == deliveries.c.event)
        query = joined.where(deliveries.c.webhook == name).order_by(events.c.at.desc(), deliveries.c.id).limit(MAX_LOG)
        with reading(self.desk.engine) as tx:
            self._row(tx, uscc, name)
            return [self._delivery(tx, row) for row in tx.execute(query).all()]

    def tick(self) -> None:
        """Send what is due."""
        for delivery in self._take_due():
            self._send(delivery)

    # -- sending

    def _take_due(self) -> list[str]:
        """Take some deliveries that are due; others leave them alone for a while."""
        table, now = tables.webhook_deliveries, self.desk.now()
        query = select(table.c.id).where(table.c.state == "due", table.c.due_at <= now)
        with reading(self.desk.engine) as tx:
            if tx.execute(query.limit(1)).first() is None:
                return []
        with writing(self.desk.engine) as tx:
            found = list(tx.execute(query.order_by(table.c.due_at).limit(_AT_ONCE)).scalars())
            tx.execute(update(table).where(table.c.id.in_(found)).values(due_at=now + _HELD))
        return found

    def _send(self, delivery: str, *, manual: bool = False) -> None:
        deliveries, events, webhooks = tables.webhook_deliveries, tables.webhook_events, tables.webhooks
        query = (
            select(deliveries.c.webhook, deliveries.c.tries, deliveries.c.event, events.c.sealed_payload, webhooks)
            .join(events, events.c.id == deliveries.c.event)
            .join(webhooks, webhooks.c.id == deliveries.c.webhook)
            .where(deliveries.c.id == delivery)
        )
        with reading(self.desk.engine) as tx:
            row = tx.execute(query).one()
        if row.state == "deleted" or (row.state != "live" and not manual):  # since the delivery was taken
            return
        kept = open_value(self.desk, f"webhooks/{row.webhook}", row.sealed, _Kept)
        body = self.desk.cipher.open(f"webhook_events/{row.event}", row.sealed_payload)
        at = self.desk.now()
        posted = self.post(kept.url, sign_headers(row.event, kept.secret, at, body), body)
        self._keep(delivery, row.webhook, row.tries + 1, posted, manual=manual, at=at)

    def _keep(self, delivery: str, webhook: str, tries: int, posted: Posted, *, manual: bool, at: datetime) -> None:
        table, attempt = tables.webhook_deliveries, self.desk.new_id()
        values = {"id": attempt, "delivery": delivery, "at": at, "manual": manual, **vars(posted)}
        with writing(self.desk.engine) as tx:
            tx.execute(insert(tables.webhook_attempts).values(**values))
            change = update(table).where(table.c.id == delivery)
            if posted.delivered:
                tx.execute(change.values(state="delivered", tries=tries, due_at=None))
            elif posted.status == _GONE:
                self._close(tx, webhook, "gone")
            elif not manual:
                again = tries <= len(WAITS)
                due = self.desk.now() + WAITS[tries - 1] if again else None
                still = change.where(table.c.state == "due")
                tx.execute(still.values(state="due" if again else "failed", tries=tries, due_at=due))

    @staticmethod
    def _close(tx: Connection, webhook: str, state: str) -> None:
        """Send nothing there any more: neither what is due, nor what comes."""
        table = tables.webhook_deliveries
        waiting = update(table).where(table.c.webhook == webhook, table.c.state == "due")
        tx.execute(waiting.values(state="failed", due_at=None))
        tx.execute(update(tables.webhooks).where(tables.webhooks.c.id == webhook).values(state=state))

    # -- rows

    def _row(self, tx: Connection, uscc: str, name: str) -> Any:
        table = tables.webhooks
        own = select(table).where(table.c.id == name, table.c.uscc == uscc, table.c.state != "deleted")
        row = tx.execute(own).one_or_none()
        if row is None:
            raise NoSuchWebhookError(name)
        return row

    def _webhook(self, row: Any) -> Webhook:
        kept = open_value(self.desk, f"webhooks/{row.id}", row.sealed, _Kept)
        return Webhook(row.id, kept.url, tuple(row.events.split()), row.state, row.created_at)

    def _one(self, uscc: str, name: str, delivery: str) -> Delivery:
        deliveries, events = tables.webhook_deliveries, tables.webhook_events
        joined = select(deliveries, events.c.type, events.c.at).join(events, events.c.id == deliveries.c.event)
        with reading(self.desk.engine) as tx:
            self._row(tx, uscc, name)
            row = tx.execute(joined.where(deliveries.c.id == delivery, deliveries.c.webhook == name)).one_or_none()
            if row is None:
                raise NoSuchWebhookError(delivery)
            return self._delivery(tx, row)

    @staticmethod
    def _delivery(tx: Connection, row: Any) -> Delivery:
        table = tables.webhook_attempts
        tried: Sequence[Any] = tx.execute(select(table).where(table.c.delivery == row.id).order_by(table.c.at)).all()
        attempts = tuple(Attempt(one.at, one.manual, one.status, one.code, one.milliseconds) for one in tried)
        return Delivery(row.id, row.event, row.type, row.state, row.at, row.due_at, attempts)


def sign_headers(event: str, secret: bytes, at: datetime, body: bytes) -> dict[str, str]:
    """Answer the headers of one attempt by Standard Webhooks; `event` is the same in every attempt."""
    seconds = str(int(at.timestamp()))
    mac = hmac.new(secret, f"{event}.{seconds}.".encode() + body, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "user-agent": "yizhao-webhooks/1",
        "webhook-id": event,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }
