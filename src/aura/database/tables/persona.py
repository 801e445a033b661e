"""How each user wants to be answered: what was chosen, and the signals that it is learned from."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table, Text, Uuid

from aura.database.tables.columns import json_object, metadata, moment, tenant

personas = Table(
    "personas",
    metadata,
    tenant(),
    Column("user_id", Uuid, nullable=False),
    json_object("chosen"),
    moment("updated_at"),
    PrimaryKeyConstraint("tenant_id", "user_id"),
    ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
)
"""What a user has chosen, by axis; there is no row of who has chosen nothing."""

persona_signals = Table(
    "persona_signals",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("channel", Text, nullable=False),
    Column("axis", Text, nullable=False),
    Column("towards", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("message_id", Uuid, nullable=False),
    moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["tenant_id", "message_id"], ["messages.tenant_id", "messages.id"], ondelete="CASCADE"),
    Index("persona_signals_user_idx", "tenant_id", "user_id", "channel", "created_at"),
    Index("persona_signals_message_idx", "tenant_id", "message_id"),
)
"""One hint of how a user wants to be answered, and the message it was found in, with which it goes."""
