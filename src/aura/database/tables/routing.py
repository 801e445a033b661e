"""What the router keeps: budgets and what is reserved of them, the health of routes, and what it has learned."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, PrimaryKeyConstraint, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import REAL

from aura.database.tables.columns import json_object, metadata, moment, tenant

budgets = Table(
    "budgets",
    metadata,
    tenant(),
    Column("subject", Text, nullable=False),
    Column("span", Text, nullable=False),
    Column("max_micro_usd", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "subject", "span"),
)
"""`subject` is `tenant`, `user:<id>`, `key:<id>`, or `users` and `keys` for each one that has none of its own; `span` is
`day` or `month`, in UTC."""

budget_spent = Table(
    "budget_spent",
    metadata,
    tenant(),
    Column("subject", Text, nullable=False),
    Column("span", Text, nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("micro_usd", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "subject", "span", "starts_at"),
)
"""What was spent of a budget in one span. Its row is the lock that reservations take."""

budget_reservations = Table(
    "budget_reservations",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("api_key_id", Uuid),
    Column("micro_usd", BigInteger, nullable=False),
    moment("reserved_at"),
    Column("lease_until", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "id"),
)
"""What calls under way may cost. A row whose lease is over, because its process died, counts no more."""

routing_models = Table(
    "routing_models",
    metadata,
    tenant(),
    json_object("weights"),
    json_object("quality"),
    moment("trained_at"),
    PrimaryKeyConstraint("tenant_id"),
)
"""What the router has learned from an organisation's own answers, and how good that is."""

platform_spent = Table(
    "platform_spent",
    metadata,
    Column("span", Text, nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("micro_usd", BigInteger, nullable=False),
    PrimaryKeyConstraint("span", "starts_at"),
)
"""As `budget_spent`, of the platform as a whole."""

platform_reservations = Table(
    "platform_reservations",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("micro_usd", BigInteger, nullable=False),
    Column("lease_until", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("id"),
)

platform_usage = Table(
    "platform_usage",
    metadata,
    Column("id", Uuid, nullable=False),
    moment("created_at"),
    Column("kind", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("tokens_in", Integer, nullable=False),
    Column("tokens_cached", Integer, nullable=False),
    Column("tokens_out", Integer, nullable=False),
    Column("cost_micro_usd", BigInteger),
    Column("certainty", Text, nullable=False),
    Column("price_version", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("fault", Text, nullable=False),
    Column("total_seconds", REAL, nullable=False),
    PrimaryKeyConstraint("id"),
    Index("platform_usage_created_at_idx", "created_at"),
)
"""As `usage`, of calls that the platform makes for itself."""

route_health = Table(
    "route_health",
    metadata,
    Column("route", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False),
    Column("flaps", Integer, nullable=False),
    Column("told_by", Uuid, nullable=False),
    moment("told_at"),
    PrimaryKeyConstraint("route"),
    Index("route_health_told_at_idx", "told_at"),
)
"""What replicas tell each other of providers, models and keys; a key is a digest. `told_by` is the replica."""
