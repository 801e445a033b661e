"""Addresses that want to hear of events, and what was sent to them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
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
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from aura.database.tables.columns import metadata, moment, tenant

webhooks = Table(
    "webhooks",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("url", Text, nullable=False),
    Column("events", ARRAY(Text), nullable=False),
    Column("secret_ciphertext", LargeBinary, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("webhook_id", Uuid, nullable=False),
    Column("event", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_attempt_at", DateTime(timezone=True)),
    Column("last_status", Integer),
    moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "webhook_id"], ["webhooks.tenant_id", "webhooks.id"], ondelete="CASCADE"),
    Index("webhook_deliveries_next_idx", "tenant_id", "state", "next_attempt_at"),
    Index("webhook_deliveries_due_idx", "next_attempt_at", postgresql_where=text("state = 'waiting'")),
)
"""`state` is `waiting`, `delivered` or `dead`. `payload` names ids, never content."""
