"""The first schema of the centre.

Frozen: what changes in `storage.models.centre` later comes as a version of its own.
"""

import sqlalchemy as sa
from alembic import op

from storage.models.base import append_only_statements, one_way_statements

revision = "centre_0001"
down_revision = None

APPEND_ONLY = (
    "acts",
    "envelopes",
    "receipts",
    "refusals",
    "withdrawals",
    "idempotency",
    "tokens",
    "lids",
    "releases",
    "officer_releases",
    "opened_documents",
    "records",
    "journal",
)
ONE_WAY = (("sections", "state", "closed"), ("stages", "state", "ended"))


def upgrade() -> None:
    for create in CREATE:
        create()
    dialect = op.get_bind().dialect.name
    statements = [s for table in APPEND_ONLY for s in append_only_statements(table, dialect)]
    statements += [s for row in ONE_WAY for s in one_way_statements(*row, dialect)]
    for statement in statements:
        op.get_bind().exec_driver_sql(statement)


def _idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("key_tag", sa.String(length=64), nullable=False),
        sa.Column("request_sm3", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column(
            "subject", sa.String(length=32), nullable=False, comment="the receipt's bid, the refusal or the withdrawal"
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("outcome IN ('receipt', 'refusal', 'withdrawal')", name="ck_idempotency_outcome"),
        sa.PrimaryKeyConstraint("key_tag", name="pk_idempotency"),
    )


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="who, from which address, and particulars"),
        sa.PrimaryKeyConstraint("seq", name="pk_journal"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('timestamp')", name="ck_outbox_kind"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("kind", "subject", name="uq_outbox_kind_subject"),
    )


def _sections() -> None:
    op.create_table(
        "sections",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("params_sm3", sa.String(length=64), nullable=False),
        sa.Column(
            "signed", sa.LargeBinary(), nullable=False, comment="the tenderer's SignedStatement over the parameters"
        ),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("closes_at", sa.BigInteger(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="ck_sections_closed_has_instant"),
        sa.CheckConstraint("state IN ('bidding', 'closed')", name="ck_sections_state"),
        sa.CheckConstraint("closes_at >= deadline", name="ck_sections_grace"),
        sa.PrimaryKeyConstraint("code", name="pk_sections"),
        sa.UniqueConstraint("params_sm3", name="uq_sections_params_sm3"),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("imprint", sa.String(length=64), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("imprint", name="pk_tokens"),
    )


def _acts() -> None:
    op.create_table(
        "acts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("sm3", sa.String(length=64), nullable=False, comment="SM3 of the SignedAct's bytes"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the SignedAct and what the registrar answered"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('submit', 'withdraw', 'release')", name="ck_acts_kind"),
        sa.ForeignKeyConstraint(["section"], ["sections.code"], name="fk_acts_section_sections"),
        sa.PrimaryKeyConstraint("id", name="pk_acts"),
    )


def _envelopes() -> None:
    op.create_table(
        "envelopes",
        sa.Column("c1_sm3", sa.String(length=64), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("bidder_tag", sa.String(length=64), nullable=False),
        sa.Column("bundle_sm3", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["section"], ["sections.code"], name="fk_envelopes_section_sections"),
        sa.PrimaryKeyConstraint("c1_sm3", name="pk_envelopes"),
    )


def _lids() -> None:
    op.create_table(
        "lids",
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("lid", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stage", sa.Integer(), autoincrement=False, nullable=False, comment="0 for lid 1"),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.Column("imprint", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(lid = 1 AND stage = 0) OR (lid = 2 AND stage >= 1)", name="ck_lids_lid"),
        sa.ForeignKeyConstraint(["section"], ["sections.code"], name="fk_lids_section_sections"),
        sa.PrimaryKeyConstraint("section", "lid", "stage", name="pk_lids"),
    )


def _stages() -> None:
    op.create_table(
        "stages",
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("opens_at", sa.BigInteger(), nullable=True, comment="when the release window began"),
        sa.Column("frozen_at", sa.BigInteger(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('frozen', 'opened', 'ended')) = (frozen_at IS NOT NULL)", name="ck_stages_frozen_has_instant"
        ),
        sa.CheckConstraint("state IN ('waiting', 'window', 'frozen', 'opened', 'ended')", name="ck_stages_state"),
        sa.ForeignKeyConstraint(["section"], ["sections.code"], name="fk_stages_section_sections"),
        sa.PrimaryKeyConstraint("section", "stage", name="pk_stages"),
    )


def _uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sealed_act", sa.LargeBinary(), nullable=False),
        sa.Column("act_sm3", sa.String(length=64), nullable=False),
        sa.Column("key_tag", sa.String(length=64), nullable=False, comment="HMAC-SM3 of the idempotency key"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("last_byte_at", sa.BigInteger(), nullable=True, comment="when the last byte of the bundle was read"),
        sa.Column(
            "finalise_at", sa.BigInteger(), nullable=True, comment="when the last byte of the finalise request was read"
        ),
        sa.CheckConstraint("state <> 'complete' OR last_byte_at IS NOT NULL", name="ck_uploads_complete_has_instant"),
        sa.CheckConstraint("state IN ('receiving', 'complete', 'accepted', 'ended')", name="ck_uploads_state"),
        sa.CheckConstraint("length > 0", name="ck_uploads_length"),
        sa.ForeignKeyConstraint(["section"], ["sections.code"], name="fk_uploads_section_sections"),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
    )


def _bids() -> None:
    op.create_table(
        "bids",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("bidder_tag", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sealed_identity", sa.LargeBinary(), nullable=False, comment="credit code and name"),
        sa.Column("bundle_sm3", sa.String(length=64), nullable=False),
        sa.Column("header_sm3", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("object", sa.String(length=32), nullable=False, comment="name of the intake object"),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False, comment="t_a"),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("replaces", sa.String(length=32), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(state = 'live') = (ended_at IS NULL)", name="ck_bids_ended_has_instant"),
        sa.CheckConstraint("state IN ('live', 'replaced', 'withdrawn')", name="ck_bids_state"),
        sa.CheckConstraint("version >= 1 AND size >= 1", name="ck_bids_positive"),
        sa.ForeignKeyConstraint(["act"], ["acts.id"], name="fk_bids_act_acts"),
        sa.ForeignKeyConstraint(["replaces"], ["bids.id"], name="fk_bids_replaces_bids"),
        sa.ForeignKeyConstraint(["section"], ["sections.code"], name="fk_bids_section_sections"),
        sa.PrimaryKeyConstraint("id", name="pk_bids"),
        sa.UniqueConstraint("object", name="uq_bids_object"),
        sa.UniqueConstraint("section", "bidder_tag", "version", name="uq_bids_section_bidder_tag_version"),
    )
    op.create_index(
        "one_live_bid",
        "bids",
        ["section", "bidder_tag"],
        unique=True,
        sqlite_where=sa.text("state = 'live'"),
        postgresql_where=sa.text("state = 'live'"),
    )


def _officer_releases() -> None:
    op.create_table(
        "officer_releases",
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["section", "stage"], ["stages.section", "stages.stage"], name="fk_officer_releases_section_stage_stages"
        ),
        sa.PrimaryKeyConstraint("section", "stage", name="pk_officer_releases"),
    )


def _records() -> None:
    op.create_table(
        "records",
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column(
            "field", sa.String(length=64), nullable=False, comment="the signature field that this version filled"
        ),
        sa.Column("signer", sa.String(length=18), nullable=False, comment="credit code; empty for the first version"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["section", "stage"], ["stages.section", "stages.stage"], name="fk_records_section_stage_stages"
        ),
        sa.PrimaryKeyConstraint("section", "stage", "number", name="pk_records"),
        sa.UniqueConstraint("section", "stage", "field", name="uq_records_section_stage_field"),
    )


def _refusals() -> None:
    op.create_table(
        "refusals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("imprint", sa.String(length=64), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["act"], ["acts.id"], name="fk_refusals_act_acts"),
        sa.ForeignKeyConstraint(["section"], ["sections.code"], name="fk_refusals_section_sections"),
        sa.PrimaryKeyConstraint("id", name="pk_refusals"),
    )


def _opened_documents() -> None:
    op.create_table(
        "opened_documents",
        sa.Column("bid", sa.String(length=32), nullable=False),
        sa.Column("stage", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("indication", sa.String(length=16), nullable=False),
        sa.Column("judgement", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["bid"], ["bids.id"], name="fk_opened_documents_bid_bids"),
        sa.PrimaryKeyConstraint("bid", "stage", "document", name="pk_opened_documents"),
    )


def _openings() -> None:
    op.create_table(
        "openings",
        sa.Column("bid", sa.String(length=32), nullable=False),
        sa.Column("stage", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("readout", sa.LargeBinary(), nullable=True, comment="the bundle's readout part, canonical"),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(state = 'failed') = (cause <> '')", name="ck_openings_failed_has_cause"),
        sa.CheckConstraint("cause IN ('', 'bidder', 'platform', 'officer', 'unknown')", name="ck_openings_cause"),
        sa.CheckConstraint("state = 'failed' OR readout IS NOT NULL", name="ck_openings_opened_has_readout"),
        sa.CheckConstraint("state IN ('readout', 'opened', 'failed')", name="ck_openings_state"),
        sa.ForeignKeyConstraint(["bid"], ["bids.id"], name="fk_openings_bid_bids"),
        sa.PrimaryKeyConstraint("bid", "stage", name="pk_openings"),
    )


def _receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("bid", sa.String(length=32), nullable=False),
        sa.Column("sealed_r1", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["bid"], ["bids.id"], name="fk_receipts_bid_bids"),
        sa.PrimaryKeyConstraint("bid", name="pk_receipts"),
    )


def _releases() -> None:
    op.create_table(
        "releases",
        sa.Column("bid", sa.String(length=32), nullable=False),
        sa.Column("stage", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed_half", sa.LargeBinary(), nullable=False),
        sa.Column("kb_sm3", sa.String(length=64), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["act"], ["acts.id"], name="fk_releases_act_acts"),
        sa.ForeignKeyConstraint(["bid"], ["bids.id"], name="fk_releases_bid_bids"),
        sa.PrimaryKeyConstraint("bid", "stage", name="pk_releases"),
    )


def _withdrawals() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("bid", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["act"], ["acts.id"], name="fk_withdrawals_act_acts"),
        sa.ForeignKeyConstraint(["bid"], ["bids.id"], name="fk_withdrawals_bid_bids"),
        sa.PrimaryKeyConstraint("id", name="pk_withdrawals"),
        sa.UniqueConstraint("bid", name="uq_withdrawals_bid"),
    )


CREATE = (
    _idempotency,
    _journal,
    _outbox,
    _sections,
    _tokens,
    _acts,
    _envelopes,
    _lids,
    _stages,
    _uploads,
    _bids,
    _officer_releases,
    _records,
    _refusals,
    _opened_documents,
    _openings,
    _receipts,
    _releases,
    _withdrawals,
)
