"""Conversations and their messages."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from aura.database.tables.columns import metadata, moment, tenant

conversations = Table(
    "conversations",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("title", Text, nullable=False, server_default=text("''")),
    Column("collections", ARRAY(Uuid)),
    Column("pinned", Boolean, nullable=False, server_default=text("false")),
    moment("created_at"),
    moment("updated_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
)
"""`collections` are those that the API key of its maker was limited to; NULL: it could draw on all."""

messages = Table(
    "messages",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("role", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("citations", JSONB, nullable=False, server_default=text("'[]'")),
    Column("model", Text),
    Column("cost_usd", Numeric(12, 6), nullable=False, server_default=text("0")),
    Column("refused", Boolean, nullable=False, server_default=text("false")),
    Column("stopped", Boolean, nullable=False, server_default=text("false")),
    Column("language", Text),
    Column("tokens", Integer),
    Column("heard_characters", Integer),
    Column("audio_ms", Integer),
    moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(
        ["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"], ondelete="CASCADE"
    ),
    Index("messages_conversation_idx", "tenant_id", "conversation_id", "seq"),
    Index("messages_user_idx", "tenant_id", "user_id", "seq"),
)
"""`stopped`: the text is what had been said when the answer was stopped. `heard_characters` is how much of a spoken answer
was heard before its listener interrupted it; NULL is all of it. `audio_ms` is how much of its speech was played; NULL where
nobody spoke it."""

feedback = Table(
    "feedback",
    metadata,
    tenant(),
    Column("message_id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("rating", SmallInteger, nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("comment", Text, nullable=False, server_default=text("''")),
    moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "message_id"),
    ForeignKeyConstraint(["tenant_id", "message_id"], ["messages.tenant_id", "messages.id"], ondelete="CASCADE"),
    Index("feedback_created_at_idx", "tenant_id", "created_at"),
)
"""What the asker thought of an answer: `rating` 1 or -1."""
