"""Conversations by voice while they are held, and how long each stage of their turns took."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import REAL

from aura.database.tables.columns import json_object, metadata, moment, tenant

voice_sessions = Table(
    "voice_sessions",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("surface", Text, nullable=False),
    Column("conversation_id", Uuid),
    json_object("settings"),
    Column("token_sha256", LargeBinary, nullable=False),
    moment("began_at"),
    Column("paid_until", DateTime(timezone=True), nullable=False),
    Column("open_until", DateTime(timezone=True), nullable=False),
    Column("resumable_until", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
    Index("voice_sessions_open_idx", "tenant_id", "open_until"),
)
"""One for each connection that is open, or may be resumed. `token_sha256` is that of the token that resumes it, once. Its
seconds are counted up to `paid_until`; it is one of those that are held at once until `open_until`."""

voice_turns = Table(
    "voice_turns",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    moment("created_at"),
    Column("surface", Text, nullable=False),
    Column("endpoint", REAL),
    Column("transcript", REAL),
    Column("retrieval", REAL),
    Column("first_token", REAL),
    Column("first_sentence", REAL),
    Column("first_audio", REAL),
    Column("client_buffer", REAL),
    Column("speculated", SmallInteger, nullable=False, server_default=text("0")),
    Column("prefetched", SmallInteger, nullable=False, server_default=text("0")),
    Column("prefetch_used", Boolean, nullable=False, server_default=text("false")),
    Column("interrupted", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("voice_turns_created_at_idx", "tenant_id", "created_at"),
)
"""Seconds from the end of the user's speech to the end of each stage; NULL where there was none. Nobody's name, no word."""
