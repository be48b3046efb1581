"""Logins and sessions, the same in both roles' databases (会话). Of every secret only its SM3 is kept."""

from sqlalchemy import CheckConstraint, Column, LargeBinary, String, Table, Text

from storage.models.base import Digest, Instant, Opaque, new_metadata

metadata = new_metadata()

login_requests = Table(
    "login_requests",
    metadata,
    Column("id", Opaque, primary_key=True),
    Column("secret_sm3", Digest, nullable=False, comment="of the secret that only the asking browser holds"),
    Column("wallet_id", Text, nullable=False),
    Column("challenge", LargeBinary, comment="forgotten as soon as one answer was judged"),
    Column("url", Text, nullable=False),
    Column("number", String(2), nullable=False),
    Column("address", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("expires_at", Instant, nullable=False),
    CheckConstraint("state IN ('pending', 'confirmed', 'refused', 'expired', 'failed')", name="state"),
    CheckConstraint("(state = 'pending') = (challenge IS NOT NULL)", name="challenge_once"),
)
"""Logins that wait on the wallet."""

login_sessions = Table(
    "login_sessions",
    metadata,
    Column("token_sm3", Digest, primary_key=True),
    Column("sealed", LargeBinary, nullable=False, comment="who it is, encrypted under a key made of the token"),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant),
    CheckConstraint("created_at <= seen_at AND created_at < expires_at", name="order"),
)
"""会话. Who is logged in shows only to who has the token: a copy of the database names nobody."""
