"""Plans of seals and the record of every use, in the workbench's database (用章)."""

from sqlalchemy import (
    BigInteger,
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

ENDED = ("sealed", "refused", "expired", "failed")
"""States in which a plan stands still."""
_ENDED = "('sealed', 'refused', 'expired', 'failed')"

seal_plans = one_way(
    Table(
        "seal_plans",
        metadata,
        Column("id", Opaque, primary_key=True),
        Column("uscc", String(18), nullable=False),
        Column("company", Text, nullable=False),
        Column("person", String(64), nullable=False, comment="who acts for the unit's seals"),
        Column("person_name", Text, nullable=False),
        Column("authorisation", String(64), nullable=False),
        Column("section", String(64), nullable=False),
        Column("params_sm3", String(64), nullable=False),
        Column("state", String(24), nullable=False),
        Column("code", String(64), nullable=False, comment="why it stands still or ended; empty when all is well"),
        Column("address", Text, nullable=False),
        Column("started_at", Instant, nullable=False),
        Column("ended_at", Instant),
        Column("leased_until", Instant, comment="one request at a time works on it"),
        CheckConstraint(
            "state IN ('planned', 'awaiting-representative', 'sealing-representative', 'awaiting-unit', "
            f"'sealing-unit') OR state IN {_ENDED}",
            name="state",
        ),
        CheckConstraint(f"(state IN {_ENDED}) = (ended_at IS NOT NULL)", name="ended_has_instant"),
    ),
    "state",
    "sealed",
)
"""用章计划: seals on several files, the legal representative's first and the unit's after it."""

seal_plan_files = Table(
    "seal_plan_files",
    metadata,
    Column("plan", ForeignKey("seal_plans.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("wants", LargeBinary, nullable=False, comment="canonical JSON: kind of seal → signature field"),
    Column("object", String(128), nullable=False, comment="name of the working copy, as far as it is sealed"),
    Column("sm3", Digest, nullable=False),
    Column("size", BigInteger, nullable=False),
)
"""Working copies; the files that came in are never touched."""

seal_batches = Table(
    "seal_batches",
    metadata,
    Column("id", Opaque, primary_key=True),
    Column("plan", ForeignKey("seal_plans.id"), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("header", LargeBinary, nullable=False, comment="canonical Batch without its files"),
    Column("state", String(16), nullable=False),
    Column("at", Instant, nullable=False),
    CheckConstraint(f"state = 'running' OR state IN {_ENDED}", name="state"),
)
"""One seal on all files that want it, under one consent."""
one_running = Index(
    "one_running_seal_batch",
    seal_batches.c.plan,
    unique=True,
    sqlite_where=text("state = 'running'"),
    postgresql_where=text("state = 'running'"),
)
one_sealed = Index(
    "one_sealed_batch_of_kind",
    seal_batches.c.plan,
    seal_batches.c.kind,
    unique=True,
    sqlite_where=text("state = 'sealed'"),
    postgresql_where=text("state = 'sealed'"),
)

seal_batch_files = Table(
    "seal_batch_files",
    metadata,
    Column("batch", ForeignKey("seal_batches.id"), primary_key=True),
    Column("position", Integer, primary_key=True, comment="of the file in its plan"),
    Column("object", String(128), nullable=False, comment="name of the prepared file"),
    Column(
        "file", LargeBinary, nullable=False, comment="canonical BatchFile: PreparedSeal, statement, signature, token"
    ),
)
"""How far the batch came on each file; what is there is not asked for again."""

seal_entries = append_only(
    Table(
        "seal_entries",
        metadata,
        Column("id", Opaque, primary_key=True),
        Column("plan", ForeignKey("seal_plans.id"), nullable=False),
        Column("position", Integer, nullable=False),
        Column("at", Instant, nullable=False),
        Column("uscc", String(18), nullable=False),
        Column("section", String(64), nullable=False),
        Column("file", Text, nullable=False),
        Column("kind", String(24), nullable=False),
        Column("seal", String(13), nullable=False, comment="its number; empty if it never came to that"),
        Column("outcome", String(16), nullable=False),
        Column("code", String(64), nullable=False),
        Column("person", String(64), nullable=False),
        Column("person_name", Text, nullable=False),
        Column("authorisation", String(64), nullable=False),
        Column("certificate", String(64), nullable=False, comment="serial number, hex"),
        Column("before_sm3", Digest, nullable=False),
        Column("document_sm3", String(64), nullable=False, comment="the digest that was, or would have been, signed"),
        Column("after_sm3", String(64), nullable=False),
        Column("consent", LargeBinary, nullable=False, comment="SignedConsent; while nobody agreed, the record"),
        Column("token", LargeBinary, nullable=False),
        Column("answers", LargeBinary, nullable=False, comment="canonical JSON: what everybody said when asked"),
        Column("address", Text, nullable=False),
        Column("profile", String(16), nullable=False, comment="ses, gm-cms, pades, pades-ses"),
        Column("signature_sm3", String(64), nullable=False, comment="SM3 of the signature value; empty: not known"),
        Column("number", Integer, nullable=False, comment="1, 2, 3, … within the unit, without a gap"),
        Column("chain", Digest, nullable=False, comment="SM3(chain of the number before | SM3(canonical entry))"),
        UniqueConstraint("uscc", "number"),
        CheckConstraint(f"outcome IN {_ENDED}", name="outcome"),
        CheckConstraint("(outcome = 'sealed') = (after_sm3 <> '')", name="sealed_has_digest"),
        CheckConstraint("number >= 1", name="number_from_one"),
    )
)
"""用章记录: every use of a seal, and every attempt that came to nothing. Specification: docs/format/trace.md."""
