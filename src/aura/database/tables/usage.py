"""What was used: one row for each call of a model, roll-ups by day, counters of quotas; and what was done, by whom."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, REAL

from aura.database.tables.columns import metadata, moment, tenant

usage = Table(
    "usage",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    moment("created_at"),
    Column("kind", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("user_id", Uuid),
    Column("api_key_id", Uuid),
    Column("response_id", Uuid),
    Column("tokens_in", Integer, nullable=False, server_default=text("0")),
    Column("tokens_cached", Integer, nullable=False, server_default=text("0")),
    Column("tokens_out", Integer, nullable=False, server_default=text("0")),
    Column("tokens_estimated", Boolean, nullable=False, server_default=text("false")),
    Column("characters", Integer, nullable=False, server_default=text("0")),
    Column("audio_seconds", REAL, nullable=False, server_default=text("0")),
    Column("cost_micro_usd", BigInteger),
    Column("own_key", Boolean, nullable=False, server_default=text("false")),
    Column("first_token_seconds", REAL),
    Column("total_seconds", REAL, nullable=False, server_default=text("0")),
    Column("outcome", Text, nullable=False),
    Column("tokens_reasoning", Integer, nullable=False, server_default=text("0")),
    Column("call_id", Uuid),
    Column("attempt", Integer, nullable=False, server_default=text("1")),
    Column("fault", Text, nullable=False, server_default=text("''")),
    Column("certainty", Text),
    Column("price_version", Text, nullable=False, server_default=text("''")),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("usage_created_at_idx", "tenant_id", "created_at"),
)
"""`cost_micro_usd` NULL: the price is not known. `own_key`: the tenant paid its provider itself.
`tokens_estimated`: the provider did not count the tokens, AURA did."""

usage_daily = Table(
    "usage_daily",
    metadata,
    tenant(),
    Column("day", Date, nullable=False),
    Column("kind", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("api_key_id", Uuid, nullable=False),
    Column("own_key", Boolean, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("unpriced", BigInteger, nullable=False),
    Column("tokens_in", BigInteger, nullable=False),
    Column("tokens_cached", BigInteger, nullable=False),
    Column("tokens_out", BigInteger, nullable=False),
    Column("cost_micro_usd", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "day", "kind", "provider", "model", "user_id", "api_key_id", "own_key"),
)
"""`usage` by UTC day, made anew by the nightly job. The nil UUID stands for no user and for no key; `unpriced` counts the
calls whose price is not known, which `cost_micro_usd` leaves out."""

counters = Table(
    "counters",
    metadata,
    tenant(),
    Column("subject", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("window_start", DateTime(timezone=True), nullable=False),
    Column("used", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "subject", "name", "window_start"),
)
"""How much of a quota is used in a window of time. `subject` is `tenant`, `user:<id>` or `key:<id>`."""

audit = Table(
    "audit",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    moment("at"),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Uuid),
    Column("action", Text, nullable=False),
    Column("target_kind", Text, nullable=False, server_default=text("''")),
    Column("target_id", Text, nullable=False, server_default=text("''")),
    Column("address", Text, nullable=False, server_default=text("''")),
    Column("request_id", Text, nullable=False, server_default=text("''")),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("audit_at_idx", "tenant_id", "at", "id"),
)
"""Who did what to which id, from where; never what was in it. Nobody who serves requests may change or delete a row."""
