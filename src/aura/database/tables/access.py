"""How callers prove who they are: sessions, API keys, tickets, failed logins; and the requests that they may repeat."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from aura.database.tables.columns import metadata, moment, tenant


def _of_user(column: str = "user_id") -> ForeignKeyConstraint:
    """What goes with its user."""
    return ForeignKeyConstraint(["tenant_id", column], ["users.tenant_id", "users.id"], ondelete="CASCADE")


sessions = Table(
    "sessions",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("token_sha256", LargeBinary, nullable=False),
    Column("former_sha256", LargeBinary),
    moment("created_at"),
    moment("rotated_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    _of_user(),
    Index("sessions_user_idx", "tenant_id", "user_id"),
)
"""One login and all refresh tokens that came of it. `token_sha256` is that of the one that is still good, `former_sha256`
that of the one before it."""

api_keys = Table(
    "api_keys",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("verbs", ARRAY(Text), nullable=False),
    Column("collections", ARRAY(Uuid)),
    Column("monthly_calls", Integer),
    Column("requests_per_minute", Integer),
    moment("created_at"),
    Column("expires_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    _of_user(),
    Index("api_keys_prefix_idx", "tenant_id", "prefix"),
)
"""`user_id` is its maker, whose rights bound the key's. `collections` NULL: all that the maker sees."""

tickets = Table(
    "tickets",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("session_id", Uuid),
    Column("api_key_id", Uuid),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("settings", JSONB(none_as_null=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    _of_user(),
)
"""Good once, for a socket or an event source that can not send a header. `settings` are those of what is opened with it."""

login_attempts = Table(
    "login_attempts",
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    moment("failed_at"),
    Column("blocked_until", DateTime(timezone=True)),
)
"""Failed logins by a keyed hash of the account or of the address, whether it exists or not. A platform's table."""

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    tenant(),
    Column("caller", Text, nullable=False),
    Column("key_sha256", LargeBinary, nullable=False),
    Column("request_sha256", LargeBinary, nullable=False),
    Column("response", JSONB(none_as_null=True)),
    moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "caller", "key_sha256"),
    Index("idempotency_keys_created_at_idx", "tenant_id", "created_at"),
)
"""What a caller's `Idempotency-Key` was answered with; `response` NULL while the first request is under way."""
