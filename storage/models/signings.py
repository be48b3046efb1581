"""Sealing as a service for other systems, in the workbench's database (电子签署中心): signings, tokens, webhooks.

What names people, companies or documents is encrypted (`sealed_…`), as drafts are; states, instants and digests are
plain, so that what is due can be found.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from storage.models.base import Digest, Instant, Opaque, append_only, new_metadata, one_way

metadata = new_metadata()

ENDED = ("completed", "refused", "expired", "cancelled")
"""States in which a signing stands still."""
_ENDED = "('completed', 'refused', 'expired', 'cancelled')"

api_tokens = one_way(
    Table(
        "api_tokens",
        metadata,
        Column("id", Opaque, primary_key=True),
        Column("uscc", String(18), nullable=False),
        Column("secret_sm3", Digest, nullable=False, comment="of the secret, which is shown once"),
        Column("scopes", Text, nullable=False, comment="separated by spaces"),
        Column("sealed", LargeBinary, nullable=False, comment="its name and who made it, encrypted"),
        Column("state", String(16), nullable=False),
        Column("created_at", Instant, nullable=False),
        Column("expires_at", Instant, nullable=False),
        Column("used_at", Instant),
        Column("checked_at", Instant, nullable=False, comment="when the register last said that its maker may act"),
        Column("ended_at", Instant),
        CheckConstraint("state IN ('live', 'revoked')", name="state"),
        CheckConstraint("(state = 'revoked') = (ended_at IS NOT NULL)", name="ended_has_instant"),
        CheckConstraint("created_at < expires_at", name="order"),
    ),
    "state",
    "revoked",
)
"""接口令牌: what a program of a unit shows instead of a login."""
tokens_of_unit = Index("ix_api_tokens_uscc", api_tokens.c.uscc)

signings = one_way(
    Table(
        "signings",
        metadata,
        Column("id", Opaque, primary_key=True),
        Column("uscc", String(18), nullable=False, comment="whose programs see it"),
        Column("sealed", LargeBinary, nullable=False, comment="title, signers, profile; encrypted"),
        Column("state", String(24), nullable=False),
        Column("code", String(64), nullable=False, comment="why it stands still or ended; empty when all is well"),
        Column("version", Integer, nullable=False, comment="one more at every change: its ETag"),
        Column("address", Text, nullable=False),
        Column("created_at", Instant, nullable=False),
        Column("expires_at", Instant, nullable=False),
        Column("ended_at", Instant),
        Column("leased_until", Instant, comment="one request at a time works on it"),
        CheckConstraint(
            f"state IN ('draft', 'planned', 'ready', 'awaiting-consent', 'sealing') OR state IN {_ENDED}", name="state"
        ),
        CheckConstraint(f"(state IN {_ENDED}) = (ended_at IS NOT NULL)", name="ended_has_instant"),
        CheckConstraint("created_at < expires_at", name="order"),
    ),
    "state",
    "completed",
)
"""签署: documents, signers and the seals that they put on them, one after the other."""
signings_of_unit = Index("ix_signings_uscc", signings.c.uscc)

signing_documents = Table(
    "signing_documents",
    metadata,
    Column("signing", ForeignKey("signings.id"), primary_key=True),
    Column("number", Integer, primary_key=True, comment="from 1"),
    Column("sealed_facts", LargeBinary, nullable=False, comment="name, format, pages; encrypted"),
    Column("size", BigInteger, nullable=False),
    Column("sm3", Digest, nullable=False, comment="of what was uploaded"),
    Column("original", String(128), nullable=False, comment="name of the content on the shelf; never touched"),
    Column("current", String(128), nullable=False, comment="the same, with fields prepared and sealed as far as it is"),
    Column("current_sm3", Digest, nullable=False),
    Column("current_size", BigInteger, nullable=False),
    Column("verdict", Text, nullable=False, comment="once completed: what the verifier says; empty before"),
)

signing_acts = Table(
    "signing_acts",
    metadata,
    Column("signing", ForeignKey("signings.id"), primary_key=True),
    Column("position", Integer, primary_key=True, comment="from 0, in the order of signing"),
    Column("signer", Integer, nullable=False, comment="from 1"),
    Column("kind", String(24), nullable=False, comment="of the seal"),
    Column("sealed_places", LargeBinary, nullable=False, comment="impressions on each document; encrypted"),
    Column("state", String(16), nullable=False),
    Column("plan", Opaque, nullable=False, comment="the running or last attempt in seal_plans; empty before"),
    Column("at", Instant, comment="when it was sealed"),
    CheckConstraint("state IN ('waiting', 'asked', 'sealed')", name="state"),
    CheckConstraint("(state = 'sealed') = (at IS NOT NULL)", name="sealed_has_instant"),
)
"""One seal of one signer, on every document on which it has places, under one consent."""

signing_attempts = append_only(
    Table(
        "signing_attempts",
        metadata,
        Column("plan", Opaque, primary_key=True, comment="in seal_plans: its entries are the record of seal uses"),
        Column("signing", ForeignKey("signings.id"), nullable=False),
        Column("position", Integer, nullable=False, comment="of the act"),
    )
)
"""Every time that somebody was, or was to be, asked."""

idempotency = Table(
    "signing_idempotency",
    metadata,
    Column("uscc", String(18), primary_key=True),
    Column("key", String(64), primary_key=True, comment="SM3 of the Idempotency-Key"),
    Column("request_sm3", Digest, nullable=False, comment="of method, path and body"),
    Column("status", Integer, nullable=False, comment="0 while the first request is at work"),
    Column("sealed_answer", LargeBinary, nullable=False),
    Column("at", Instant, nullable=False),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Opaque, primary_key=True),
    Column("uscc", String(18), nullable=False),
    Column("sealed", LargeBinary, nullable=False, comment="address and secret, encrypted"),
    Column("events", Text, nullable=False, comment="types separated by spaces"),
    Column("state", String(16), nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("state IN ('live', 'gone', 'deleted')", name="state"),
)
"""Where a unit's own systems are told; `gone` answered 410, or never for days."""

webhook_events = append_only(
    Table(
        "webhook_events",
        metadata,
        Column("id", Opaque, primary_key=True),
        Column("uscc", String(18), nullable=False),
        Column("type", String(64), nullable=False),
        Column("at", Instant, nullable=False),
        Column("sealed_payload", LargeBinary, nullable=False, comment="exactly the bytes that are sent, encrypted"),
    )
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Opaque, primary_key=True),
    Column("webhook", ForeignKey("webhooks.id"), nullable=False),
    Column("event", ForeignKey("webhook_events.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", Instant, comment="when it is sent (again)"),
    UniqueConstraint("webhook", "event"),
    CheckConstraint("state IN ('due', 'delivered', 'failed')", name="state"),
    CheckConstraint("(state = 'due') = (due_at IS NOT NULL)", name="due_has_instant"),
)
"""The outbox: written in the transaction of what it tells, sent afterwards until it got through."""
due = Index("ix_webhook_deliveries_due_at", webhook_deliveries.c.due_at)

webhook_attempts = append_only(
    Table(
        "webhook_attempts",
        metadata,
        Column("id", Opaque, primary_key=True),
        Column("delivery", ForeignKey("webhook_deliveries.id"), nullable=False),
        Column("at", Instant, nullable=False),
        Column("manual", Boolean, nullable=False, comment="somebody asked for it: resend"),
        Column("status", Integer, nullable=False, comment="of the answer; 0 without one"),
        Column("code", String(64), nullable=False, comment="why there was none; empty with one"),
        Column("milliseconds", Integer, nullable=False),
    )
)
