"""What is derived from turns: facts with their evidence, summaries, and what still waits to be derived."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, REAL

from aura.database.tables.columns import metadata, moment, tenant

memory_outbox = Table(
    "memory_outbox",
    metadata,
    tenant(),
    Column("message_id", Uuid, nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("learn", Boolean, nullable=False, server_default=text("true")),
    Column("ruled", Boolean, nullable=False, server_default=text("false")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    moment("created_at"),
    moment("due_at"),
    PrimaryKeyConstraint("tenant_id", "message_id"),
    ForeignKeyConstraint(["tenant_id", "message_id"], ["messages.tenant_id", "messages.id"], ondelete="CASCADE"),
    Index("memory_outbox_conversation_idx", "tenant_id", "conversation_id"),
    Index("memory_outbox_due_at_idx", "due_at"),
)
"""Messages of which nothing is derived yet. `learn`: facts may be; `ruled`: the rules are done, and a model is awaited."""

facts = Table(
    "facts",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("subject", Text, nullable=False, server_default=text("'user'")),
    Column("slot", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("polarity", SmallInteger, nullable=False, server_default=text("1")),
    Column("digest", LargeBinary, nullable=False),
    Column("confidence", REAL, nullable=False),
    Column("evidence", Integer, nullable=False, server_default=text("1")),
    Column("status", Text, nullable=False, server_default=text("'live'")),
    Column("superseded_by", Uuid),
    Column("pinned", Boolean, nullable=False, server_default=text("false")),
    Column("edited", Boolean, nullable=False, server_default=text("false")),
    Column("extractor", Text, nullable=False),
    Column("event_from", Date),
    Column("event_to", Date),
    Column("learned_at", DateTime(timezone=True), nullable=False),
    Column("asserted_at", DateTime(timezone=True), nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_to", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
    Index("facts_slot_idx", "tenant_id", "user_id", "status", "slot"),
)
"""What a user said of themselves. `value` is compared, `text` is shown; `digest` is keyed, and tells of neither.

`learned_at` is when it was first said, `asserted_at` when last; `event_from` and `event_to` are the days it tells of.
"""

fact_evidence = Table(
    "fact_evidence",
    metadata,
    tenant(),
    Column("fact_id", Uuid, nullable=False),
    Column("message_id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("start_offset", Integer, nullable=False),
    Column("end_offset", Integer, nullable=False),
    moment("said_at"),
    PrimaryKeyConstraint("tenant_id", "fact_id", "message_id"),
    ForeignKeyConstraint(["tenant_id", "fact_id"], ["facts.tenant_id", "facts.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["tenant_id", "message_id"], ["messages.tenant_id", "messages.id"], ondelete="CASCADE"),
    Index("fact_evidence_message_idx", "tenant_id", "message_id"),
)
"""The turns that a fact was said in, and where in their texts."""

fact_tombstones = Table(
    "fact_tombstones",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("digest", LargeBinary, nullable=False),
    Column("message_id", Uuid),
    Column("start_offset", Integer),
    Column("end_offset", Integer),
    moment("deleted_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["tenant_id", "message_id"], ["messages.tenant_id", "messages.id"], ondelete="CASCADE"),
    Index("fact_tombstones_user_idx", "tenant_id", "user_id"),
    Index("fact_tombstones_message_idx", "tenant_id", "message_id"),
)
"""What a user deleted must not come back from old turns: a keyed digest and places in messages, and no text."""

summaries = Table(
    "summaries",
    metadata,
    tenant(),
    Column("conversation_id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("text", Text, nullable=False),
    Column("carried", JSONB, nullable=False, server_default=text("'[]'")),
    Column("through_seq", BigInteger, nullable=False),
    Column("rounds", Integer, nullable=False),
    Column("made_by", Text, nullable=False),
    moment("updated_at"),
    PrimaryKeyConstraint("tenant_id", "conversation_id"),
    ForeignKeyConstraint(
        ["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"], ondelete="CASCADE"
    ),
    Index("summaries_user_idx", "tenant_id", "user_id", "updated_at"),
)
"""What a conversation was about up to `through_seq`. `carried` holds names, numbers, dates and ids word for word."""

memory_settings = Table(
    "memory_settings",
    metadata,
    tenant(),
    Column("user_id", Uuid, nullable=False),
    Column("learns", Boolean, nullable=False, server_default=text("true")),
    Column("sensitive", Boolean, nullable=False, server_default=text("false")),
    Column("time_zone", Text, nullable=False, server_default=text("'UTC'")),
    PrimaryKeyConstraint("tenant_id", "user_id"),
    ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
)
"""What a user lets memory do. `sensitive` counts only where the organisation allows it as well."""
