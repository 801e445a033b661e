"""What memory can be searched by: turns and facts in one index."""

from __future__ import annotations

from pgvector.sqlalchemy import HALFVEC, SPARSEVEC
from sqlalchemy import (
    Column,
    Computed,
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

from aura.database.tables.columns import metadata, tenant
from aura.database.tables.index import TERM_SPACE

memory_entries = Table(
    "memory_entries",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("kind", Text, nullable=False),
    Column("conversation_id", Uuid),
    Column("message_id", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Column("speaker", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("terms", SPARSEVEC(TERM_SPACE), nullable=False),
    Column("length", Integer, nullable=False),
    Column("embedding", HALFVEC()),
    Column("model_sha256", Text),
    Column(
        "head",
        LargeBinary,
        Computed(
            "uuid_send(id) || float8send(date_part('epoch', at - '1970-01-01 00:00:00+00'::timestamptz))"
            " || int4send(length)",
            persisted=True,
        ),
    ),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(
        ["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"], ondelete="CASCADE"
    ),
    Index("memory_entries_user_idx", "tenant_id", "user_id"),
    Index("memory_entries_conversation_idx", "tenant_id", "conversation_id"),
    Index("memory_entries_fact_idx", "tenant_id", "message_id", postgresql_where=text("kind = 'fact'")),
)
"""`kind`: turn or fact. `terms`: how often each hashed term occurs, and `length` their sum. An entry counts from `at` until
`closed_at`. `embedding` is NULL until the model with the weights `model_sha256` has embedded the entry.
`head`: id, seconds since 1970 and length side by side, 28 bytes, since recall reads these of every entry."""
