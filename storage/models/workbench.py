"""The workbench's schema (投标人工作台). What a draft says, its price above all, stands in it only encrypted.

`sealed_*` columns are encrypted under a key that is kept outside database and objects (`storage.secrets`). Signed
objects (parameters, consents, acts, receipts) are kept as the bytes that were signed.
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
    text,
)

from storage.models.base import Digest, Instant, Opaque, append_only, new_metadata, one_way

metadata = new_metadata()
Uscc = String(18)

sections = append_only(
    Table(
        "sections",
        metadata,
        Column("params_sm3", Digest, primary_key=True),
        Column("centre", Text, nullable=False, comment="base URL of the trading centre"),
        Column("code", String(64), nullable=False),
        Column("version", Integer, nullable=False),
        Column("signed", LargeBinary, nullable=False, comment="the tenderer's SignedStatement over the parameters"),
        Column("at", Instant, nullable=False),
    )
)
"""标段参数, each version as it was signed and verified."""

drafts = Table(
    "drafts",
    metadata,
    Column("id", Opaque, primary_key=True),
    Column("uscc", Uscc, nullable=False),
    Column("params_sm3", ForeignKey("sections.params_sm3"), nullable=False),
    Column("centre", Text, nullable=False),
    Column("section", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("sealed_form", LargeBinary, nullable=False, comment="what the bidder fills in; empty once packed"),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    CheckConstraint("state IN ('open', 'packed', 'deleted')", name="state"),
)
"""投标草稿."""
one_open = Index(
    "one_open_draft",
    drafts.c.uscc,
    drafts.c.centre,
    drafts.c.section,
    unique=True,
    sqlite_where=text("state = 'open'"),
    postgresql_where=text("state = 'open'"),
)
"""A company has one open draft for a section."""

documents = Table(
    "documents",
    metadata,
    Column("id", Opaque, primary_key=True),
    Column("draft", ForeignKey("drafts.id"), nullable=False),
    Column("item", String(64), nullable=False),
    Column("position", Integer, nullable=False),
    Column("object", Opaque, nullable=False, unique=True, comment="name of the encrypted file"),
    Column("sealed_facts", LargeBinary, nullable=False, comment="name, size, digest, findings"),
    Column("at", Instant, nullable=False),
    UniqueConstraint("draft", "item", "position"),
)
"""What the bidder brought, by required item."""

parts = Table(
    "parts",
    metadata,
    Column("id", Opaque, primary_key=True),
    Column("draft", ForeignKey("drafts.id"), nullable=False),
    Column("item", String(64), nullable=False),
    Column("current", Boolean, nullable=False),
    Column("made_of", Digest, nullable=False, comment="SM3 over everything that it was assembled of"),
    Column("object", Opaque, nullable=False, unique=True, comment="name of the encrypted file"),
    Column("sealed_facts", LargeBinary, nullable=False, comment="name, pages, size, digest, places, seals on it"),
    Column("at", Instant, nullable=False),
)
"""Assembled parts; a sealed one is a new row, and never a change of the old."""
one_current = Index(
    "one_current_part",
    parts.c.draft,
    parts.c.item,
    unique=True,
    sqlite_where=text("current"),
    postgresql_where=text("current"),
)

placings = Table(
    "placings",
    metadata,
    Column("id", Opaque, primary_key=True),
    Column("part", ForeignKey("parts.id", onupdate="CASCADE"), nullable=False),
    Column("kind", String(32), nullable=False, comment="of the seal"),
    Column("sealed_facts", LargeBinary, nullable=False, comment="the further impressions, as plans"),
    Column("at", Instant, nullable=False),
    UniqueConstraint("part", "kind"),
)
"""Impressions besides the main place (盖章位置), by part and kind of seal; none is the rule."""

draft_sealings = Table(
    "draft_sealings",
    metadata,
    Column("id", Opaque, primary_key=True, comment="of the plan of seals"),
    Column("draft", ForeignKey("drafts.id"), nullable=False),
    Column("parts", LargeBinary, nullable=False, comment="canonical JSON: the parts, in the order of the plan's files"),
    Column("state", String(24), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
)
"""Which plan of seals (`storage.models.sealing`) works on a draft; its sealed files become the current parts."""
one_sealing = Index(
    "one_running_sealing",
    draft_sealings.c.draft,
    unique=True,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
)

packings = one_way(
    Table(
        "packings",
        metadata,
        Column("id", Opaque, primary_key=True),
        Column("draft", ForeignKey("drafts.id"), nullable=False),
        Column("uscc", Uscc, nullable=False),
        Column("state", String(20), nullable=False),
        Column("code", String(64), nullable=False),
        Column("pending", LargeBinary, nullable=False, comment="the PendingConsent, sealed"),
        Column("prepared", LargeBinary, nullable=False, comment="what completes the bundle; no key half, no code"),
        Column("header", LargeBinary, nullable=False, comment="header.json: commitments and wraps"),
        Column("strict", Boolean, nullable=False),
        Column("bundle_sm3", String(64), nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("started_at", Instant, nullable=False),
        Column("ended_at", Instant),
        Column("leased_until", Instant, comment="one request at a time works on it"),
        CheckConstraint("state IN ('awaiting-consent', 'packed', 'refused', 'expired', 'failed')", name="state"),
        CheckConstraint("(state = 'packed') = (bundle_sm3 <> '')", name="packed_has_digest"),
        CheckConstraint("(state = 'awaiting-consent') = (ended_at IS NULL)", name="ended_has_instant"),
    ),
    "state",
    "packed",
)
"""Bundles that this workbench packed (封装); one packed on the bidder's own machine has no row."""
one_packing = Index(
    "one_running_packing",
    packings.c.draft,
    unique=True,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", Opaque, primary_key=True),
    Column("uscc", Uscc, nullable=False),
    Column("centre", Text, nullable=False),
    Column("section", String(64), nullable=False),
    Column("params_sm3", ForeignKey("sections.params_sm3"), nullable=False),
    Column("bundle_sm3", Digest, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("header", LargeBinary, nullable=False, comment="header.json: commitments and wraps"),
    Column("pending", LargeBinary, nullable=False, comment="the PendingAct, sealed"),
    Column("act", LargeBinary, comment="the SignedAct, once signed"),
    Column("upload", Text, nullable=False, comment="where the centre takes the bytes"),
    Column("sent", BigInteger, nullable=False, comment="bytes of the bundle that the centre has"),
    Column("leased_until", Instant, comment="one job at a time sends it"),
    Column("state", String(20), nullable=False),
    Column("code", String(64), nullable=False),
    Column("receipt", LargeBinary, comment="the receipt file, verified"),
    Column("refusal", LargeBinary, comment="the signed refusal file, verified"),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    CheckConstraint(
        "state IN ('awaiting-consent', 'uploading', 'accepted', 'refused', 'expired', 'failed', "
        "'replaced', 'withdrawn')",
        name="state",
    ),
    CheckConstraint("(state IN ('accepted', 'replaced', 'withdrawn')) = (receipt IS NOT NULL)", name="receipt"),
    CheckConstraint("receipt IS NULL OR act IS NOT NULL", name="receipt_has_act"),
)
"""递交: a bundle is submitted if and only if its receipt is here."""
one_live = Index(
    "one_accepted_submission",
    submissions.c.uscc,
    submissions.c.centre,
    submissions.c.section,
    unique=True,
    sqlite_where=text("state = 'accepted'"),
    postgresql_where=text("state = 'accepted'"),
)

acts = Table(
    "acts",
    metadata,
    Column("id", Opaque, primary_key=True),
    Column("submission", ForeignKey("submissions.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("stage", Integer, nullable=False, comment="0 for a withdrawal"),
    Column("pending", LargeBinary, nullable=False, comment="the PendingAct or PendingRelease, sealed"),
    Column("act", LargeBinary, comment="the SignedAct, once signed"),
    Column("answer", LargeBinary, comment="the centre's acknowledgement, verified"),
    Column("state", String(20), nullable=False),
    Column("code", String(64), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("leased_until", Instant, comment="one request at a time works on it"),
    CheckConstraint("kind IN ('withdraw', 'release')", name="kind"),
    CheckConstraint("state IN ('awaiting-consent', 'signed', 'done', 'refused', 'expired', 'failed')", name="state"),
    CheckConstraint("(state = 'done') = (answer IS NOT NULL)", name="done_has_answer"),
)
"""撤回 and 解密授权 of a submitted bid."""
