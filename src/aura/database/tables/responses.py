"""Answers under way and their events, kept so that any replica can go on with a stream that broke."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from aura.database.tables.columns import metadata, moment, tenant

responses = Table(
    "responses",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("request", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("lease_until", DateTime(timezone=True), nullable=False),
    Column("stop_requested", Boolean, nullable=False, server_default=text("false")),
    moment("heard_at"),
    moment("created_at"),
    Column("ended_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
    Index("responses_created_at_idx", "tenant_id", "created_at"),
)
"""`worker` generates it while `lease_until` is ahead; `heard_at` is when a reader on another replica last asked for more."""

response_events = Table(
    "response_events",
    metadata,
    tenant(),
    Column("response_id", Uuid, nullable=False),
    Column("first_seq", Integer, nullable=False),
    Column("last_seq", Integer, nullable=False),
    Column("user_id", Uuid),
    Column("events", JSONB, nullable=False),
    PrimaryKeyConstraint("tenant_id", "response_id", "first_seq"),
    ForeignKeyConstraint(["tenant_id", "response_id"], ["responses.tenant_id", "responses.id"], ondelete="CASCADE"),
)
"""The events `first_seq` to `last_seq` of a response, in one row as they were written together."""
