"""The trading centre's schema (交易平台). No bidder's name or credit code stands in it in clear before lid 2.

`sealed_*` columns are encrypted under a key that is kept outside database and objects (`storage.secrets`);
`bidder_tag` is HMAC-SM3 of section and credit code under another, so that uniqueness holds without a name.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from storage.models.base import Digest, Instant, Opaque, append_only, new_metadata, one_way

metadata = new_metadata()
LID_1: Final = 1
LID_2: Final = 2
Journal = BigInteger().with_variant(Integer, "sqlite")

sections = one_way(
    Table(
        "sections",
        metadata,
        Column("code", String(64), primary_key=True),
        Column("params_sm3", Digest, nullable=False, unique=True),
        Column("signed", LargeBinary, nullable=False, comment="the tenderer's SignedStatement over the parameters"),
        Column("deadline", Instant, nullable=False),
        Column("closes_at", Instant, nullable=False),
        Column("released_at", Instant, nullable=False),
        Column("state", String(16), nullable=False),
        Column("closed_at", Instant),
        CheckConstraint("state IN ('bidding', 'closed')", name="state"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_has_instant"),
        CheckConstraint("closes_at >= deadline", name="grace"),
    ),
    "state",
    "closed",
)
"""标段. `closed` is one-way: a trigger holds it."""

stages = one_way(
    Table(
        "stages",
        metadata,
        Column("section", ForeignKey("sections.code"), primary_key=True),
        Column("stage", Integer, primary_key=True, autoincrement=False),
        Column("state", String(16), nullable=False),
        Column("opens_at", Instant, comment="when the release window began"),
        Column("frozen_at", Instant),
        Column("opened_at", Instant),
        Column("ended_at", Instant),
        CheckConstraint("state IN ('waiting', 'window', 'frozen', 'opened', 'ended')", name="state"),
        CheckConstraint(
            "(state IN ('frozen', 'opened', 'ended')) = (frozen_at IS NOT NULL)", name="frozen_has_instant"
        ),
    ),
    "state",
    "ended",
)
"""开标阶段: waiting → window → frozen (lid 2) → opened → ended."""

uploads = Table(
    "uploads",
    metadata,
    Column("id", Opaque, primary_key=True),
    Column("section", ForeignKey("sections.code"), nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("sealed_act", LargeBinary, nullable=False),
    Column("act_sm3", Digest, nullable=False),
    Column("key_tag", Digest, nullable=False, comment="HMAC-SM3 of the idempotency key"),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("last_byte_at", Instant, comment="when the last byte of the bundle was read"),
    Column("finalise_at", Instant, comment="when the last byte of the finalise request was read"),
    CheckConstraint("state IN ('receiving', 'complete', 'accepted', 'ended')", name="state"),
    CheckConstraint("length > 0", name="length"),
    CheckConstraint("state <> 'complete' OR last_byte_at IS NOT NULL", name="complete_has_instant"),
)
"""Resumable uploads; the bytes are frames in `storage.intake`."""

acts = append_only(
    Table(
        "acts",
        metadata,
        Column("id", Opaque, primary_key=True),
        Column("section", ForeignKey("sections.code"), nullable=False),
        Column("kind", String(16), nullable=False),
        Column("sm3", Digest, nullable=False, comment="SM3 of the SignedAct's bytes"),
        Column("sealed", LargeBinary, nullable=False, comment="the SignedAct and what the registrar answered"),
        Column("at", Instant, nullable=False),
        CheckConstraint("kind IN ('submit', 'withdraw', 'release')", name="kind"),
    )
)
"""Licence-signed acts with the answers that were asked for them (行为留痕)."""

bids = Table(
    "bids",
    metadata,
    Column("id", Opaque, primary_key=True),
    Column("section", ForeignKey("sections.code"), nullable=False),
    Column("bidder_tag", Digest, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("sealed_identity", LargeBinary, nullable=False, comment="credit code and name"),
    Column("bundle_sm3", Digest, nullable=False),
    Column("header_sm3", Digest, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("object", Opaque, nullable=False, unique=True, comment="name of the intake object"),
    Column("act", ForeignKey("acts.id"), nullable=False),
    Column("received_at", Instant, nullable=False, comment="t_a"),
    Column("accepted_at", Instant, nullable=False),
    Column("replaces", ForeignKey("bids.id")),
    Column("ended_at", Instant),
    UniqueConstraint("section", "bidder_tag", "version"),
    CheckConstraint("state IN ('live', 'replaced', 'withdrawn')", name="state"),
    CheckConstraint("(state = 'live') = (ended_at IS NULL)", name="ended_has_instant"),
    CheckConstraint("version >= 1 AND size >= 1", name="positive"),
)
"""投标. At most one is live per section and bidder: two effective bids of one bidder cannot exist (条例 51(4))."""
one_live = Index(
    "one_live_bid",
    bids.c.section,
    bids.c.bidder_tag,
    unique=True,
    sqlite_where=text("state = 'live'"),
    postgresql_where=text("state = 'live'"),
)

envelopes = append_only(
    Table(
        "envelopes",
        metadata,
        Column("c1_sm3", Digest, primary_key=True),
        Column("section", ForeignKey("sections.code"), nullable=False),
        Column("bidder_tag", Digest, nullable=False),
        Column("bundle_sm3", Digest, nullable=False),
    )
)
"""SM3 of every C1 of an officers' wrap: one seen again in another bundle is a copied envelope."""

receipts = append_only(
    Table(
        "receipts",
        metadata,
        Column("bid", ForeignKey("bids.id"), primary_key=True),
        Column("sealed_r1", LargeBinary, nullable=False),
        Column("root", Digest, nullable=False),
        Column("at", Instant, nullable=False),
    )
)
"""回执 R1, final at commit."""

refusals = append_only(
    Table(
        "refusals",
        metadata,
        Column("id", Opaque, primary_key=True),
        Column("section", ForeignKey("sections.code"), nullable=False),
        Column("sealed", LargeBinary, nullable=False),
        Column("imprint", Digest, nullable=False),
        Column("act", ForeignKey("acts.id"), nullable=False),
        Column("at", Instant, nullable=False),
    )
)
"""拒收凭证."""

withdrawals = append_only(
    Table(
        "withdrawals",
        metadata,
        Column("id", Opaque, primary_key=True),
        Column("bid", ForeignKey("bids.id"), nullable=False, unique=True),
        Column("sealed", LargeBinary, nullable=False),
        Column("act", ForeignKey("acts.id"), nullable=False),
        Column("at", Instant, nullable=False),
    )
)
"""撤回凭证."""

idempotency = append_only(
    Table(
        "idempotency",
        metadata,
        Column("key_tag", Digest, primary_key=True),
        Column("request_sm3", Digest, nullable=False),
        Column("outcome", String(16), nullable=False),
        Column("subject", Opaque, nullable=False, comment="the receipt's bid, the refusal or the withdrawal"),
        Column("at", Instant, nullable=False),
        CheckConstraint("outcome IN ('receipt', 'refusal', 'withdrawal')", name="outcome"),
    )
)
"""One intention has one effect; keys live as long as the tender."""

tokens = append_only(
    Table(
        "tokens",
        metadata,
        Column("imprint", Digest, primary_key=True),
        Column("token", LargeBinary, nullable=False),
        Column("at", Instant, nullable=False),
    )
)
"""RFC 3161 tokens by the SM3 they were asked for: receipt roots, refusals, lids."""

lids = append_only(
    Table(
        "lids",
        metadata,
        Column("section", ForeignKey("sections.code"), primary_key=True),
        Column("lid", Integer, primary_key=True, autoincrement=False),
        Column("stage", Integer, primary_key=True, autoincrement=False, comment="0 for lid 1"),
        Column("signed", LargeBinary, nullable=False),
        Column("imprint", Digest, nullable=False),
        Column("at", Instant, nullable=False),
        CheckConstraint(f"(lid = {LID_1} AND stage = 0) OR (lid = {LID_2} AND stage >= 1)", name="lid"),
    )
)
"""封签: the closed set and, per stage, the frozen release set, as signed."""

releases = append_only(
    Table(
        "releases",
        metadata,
        Column("bid", ForeignKey("bids.id"), primary_key=True),
        Column("stage", Integer, primary_key=True, autoincrement=False),
        Column("sealed_half", LargeBinary, nullable=False),
        Column("kb_sm3", Digest, nullable=False),
        Column("act", ForeignKey("acts.id"), nullable=False),
        Column("at", Instant, nullable=False),
    )
)
"""The bidders' halves K_B (解密授权)."""

officer_releases = append_only(
    Table(
        "officer_releases",
        metadata,
        Column("section", String(64), primary_key=True),
        Column("stage", Integer, primary_key=True, autoincrement=False),
        Column("document", LargeBinary, nullable=False),
        Column("at", Instant, nullable=False),
        ForeignKeyConstraint(["section", "stage"], ["stages.section", "stages.stage"]),
    )
)
"""What the officer handed out for a stage, as it came."""

openings = Table(
    "openings",
    metadata,
    Column("bid", ForeignKey("bids.id"), primary_key=True),
    Column("stage", Integer, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),
    Column("cause", String(16), nullable=False),
    Column("code", String(32), nullable=False),
    Column("why", Text, nullable=False),
    Column("readout", LargeBinary, comment="the bundle's readout part, canonical"),
    Column("decided_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    CheckConstraint("state IN ('readout', 'opened', 'failed')", name="state"),
    CheckConstraint("cause IN ('', 'bidder', 'platform', 'officer', 'unknown')", name="cause"),
    CheckConstraint("(state = 'failed') = (cause <> '')", name="failed_has_cause"),
    CheckConstraint("state = 'failed' OR readout IS NOT NULL", name="opened_has_readout"),
)
"""What came of each bid of lid 1 in a stage."""

opened_documents = append_only(
    Table(
        "opened_documents",
        metadata,
        Column("bid", ForeignKey("bids.id"), primary_key=True),
        Column("stage", Integer, primary_key=True, autoincrement=False),
        Column("document", String(64), primary_key=True),
        Column("name", Text, nullable=False),
        Column("object", Digest, nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("indication", String(16), nullable=False),
        Column("judgement", LargeBinary, nullable=False),
    )
)
"""The plain documents after opening, by content, with the judgement of their seals."""

records = append_only(
    Table(
        "records",
        metadata,
        Column("section", String(64), primary_key=True),
        Column("stage", Integer, primary_key=True, autoincrement=False),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("object", Digest, nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("field", String(64), nullable=False, comment="the signature field that this version filled"),
        Column("signer", String(18), nullable=False, comment="credit code; empty for the first version"),
        Column("at", Instant, nullable=False),
        UniqueConstraint("section", "stage", "field"),
        ForeignKeyConstraint(["section", "stage"], ["stages.section", "stages.stage"]),
    )
)
"""开标记录: every version of the PDF is the one before and one more seal."""

journal = append_only(
    Table(
        "journal",
        metadata,
        Column("seq", Journal, primary_key=True, autoincrement=True),
        Column("at", Instant, nullable=False),
        Column("section", String(64), nullable=False),
        Column("event", String(40), nullable=False),
        Column("subject", String(64), nullable=False),
        Column("sealed", LargeBinary, nullable=False, comment="who, from which address, and particulars"),
    )
)
"""Every change of state: who, what, when, from where (Order 20 art. 49)."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", Opaque, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("done_at", Instant),
    UniqueConstraint("kind", "subject"),
    CheckConstraint("kind IN ('timestamp')", name="kind"),
)
"""Work that follows a commit; a job that is lost is found here again."""
