"""Every table, as SQLAlchemy Core sees it. The migrations create them; a test holds the two together.

Every tenant table has `tenant_id` in its primary key, its foreign keys and its unique constraints, so that the schema can
be distributed by tenant without change. `private_to` is the one member who may see a row; NULL is the whole organisation.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pgvector.sqlalchemy import HALFVEC, SPARSEVEC
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    column,
    func,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL
from sqlalchemy.sql.expression import TableClause

TERM_SPACE = 1_000_000_000
"""Dimensions of a `sparsevec` of hashed terms: the most that pgvector allows."""

PARTITIONS = 32
"""Hash partitions of the shared tables. Never one per tenant: planning does not survive thousands."""

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(referred_table_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


def _tenant() -> Column[UUID]:
    return Column("tenant_id", Uuid, ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False)


def _moment(name: str) -> Column[datetime]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _json(name: str) -> Column[object]:
    return Column(name, JSONB, nullable=False, server_default=text("'{}'"))


organisations = Table(
    "organisations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_name", Text, nullable=False),
    Column("subdomain", Text, nullable=False, unique=True),
    Column("admin_email", Text, nullable=False),
    Column("subscription_tier", Text, nullable=False),
    _moment("created_at"),
    Column("max_users", Integer, nullable=False),
    Column("max_storage_gb", Integer, nullable=False),
    Column("max_api_calls_monthly", Integer, nullable=False),
    _json("custom_settings"),
    Column("custom_logo", Text),
    _json("brand_colors"),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("expires_at", DateTime(timezone=True)),
)

users = Table(
    "users",
    metadata,
    _tenant(),
    Column("id", Uuid, nullable=False),
    Column("email", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=text("''")),
    _json("persona_settings"),
    Column("voice_preference", Text),
    Column("can_upload_documents", Boolean, nullable=False),
    Column("can_modify_ai_settings", Boolean, nullable=False),
    Column("can_view_analytics", Boolean, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    _moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "email"),
)

provider_keys = Table(
    "provider_keys",
    metadata,
    _tenant(),
    Column("provider", Text, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    _moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "provider"),
)

collections = Table(
    "collections",
    metadata,
    _tenant(),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=text("''")),
    _moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "name"),
)

documents = Table(
    "documents",
    metadata,
    _tenant(),
    Column("id", Uuid, nullable=False),
    Column("collection_id", Uuid, nullable=False),
    Column("owner_id", Uuid),
    Column("private_to", Uuid),
    Column("filename", Text, nullable=False),
    Column("media_type", Text, nullable=False, server_default=text("''")),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("pending_version", Integer),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("stage", Text, nullable=False),
    Column("percent", REAL, nullable=False, server_default=text("0")),
    Column("eta_seconds", REAL),
    Column("reason", Text),
    Column("chunks", Integer, nullable=False, server_default=text("0")),
    Column("pages", Integer),
    _moment("created_at"),
    _moment("updated_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "collection_id"], ["collections.tenant_id", "collections.id"]),
    UniqueConstraint("tenant_id", "collection_id", "private_to", "filename", postgresql_nulls_not_distinct=True),
    Index("documents_content_idx", "tenant_id", "collection_id", "sha256"),
)

document_versions = Table(
    "document_versions",
    metadata,
    _tenant(),
    Column("document_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("private_to", Uuid),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False, server_default=text("''")),
    Column("characters", BigInteger),
    Column("pages", Integer),
    Column("chunks", Integer, nullable=False, server_default=text("0")),
    _moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "document_id", "version"),
    ForeignKeyConstraint(["tenant_id", "document_id"], ["documents.tenant_id", "documents.id"], ondelete="CASCADE"),
)

ingest_tasks = Table(
    "ingest_tasks",
    metadata,
    _tenant(),
    Column("document_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("user_id", Uuid),
    Column("worker", Text, nullable=False, server_default=text("''")),
    Column("lease_until", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("cancelled", Boolean, nullable=False, server_default=text("false")),
    _moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "document_id"),
    ForeignKeyConstraint(["tenant_id", "document_id"], ["documents.tenant_id", "documents.id"], ondelete="CASCADE"),
)

chunks = Table(
    "chunks",
    metadata,
    _tenant(),
    Column("id", Text, nullable=False),
    Column("document_id", Uuid),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("collection_id", Uuid),
    Column("private_to", Uuid),
    Column("ordinal", Integer, nullable=False, server_default=text("0")),
    Column("page", Integer),
    Column("start_offset", BigInteger, nullable=False, server_default=text("0")),
    Column("end_offset", BigInteger, nullable=False, server_default=text("0")),
    Column("heading", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("text", Text, nullable=False),
    Column("gap", Text, nullable=False, server_default=text("''")),
    Column("tokens", Integer, nullable=False, server_default=text("0")),
    Column("length", Integer, nullable=False, server_default=text("0")),
    Column("term_ids", ARRAY(Integer), nullable=False, server_default=text("'{}'")),
    Column("term_counts", ARRAY(Integer), nullable=False, server_default=text("'{}'")),
    Column("text_sha256", LargeBinary, nullable=False),
    Column("ref_doc_id", Text),
    _json("metadata"),
    Column("node", JSONB),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "document_id"], ["documents.tenant_id", "documents.id"], ondelete="CASCADE"),
    Index("chunks_document_idx", "tenant_id", "document_id", "version", "ordinal"),
    Index("chunks_ref_doc_idx", "tenant_id", "ref_doc_id"),
    Index("chunks_text_idx", "tenant_id", "text_sha256"),
    postgresql_partition_by="HASH (tenant_id)",
)
"""`text` with where it stands, and the `gap` up to the next chunk: text + gap + text joins neighbours exactly.

`term_ids` (rising) and `term_counts` are its bag of hashed terms, `length` their sum. `node` is a LlamaIndex node that did
not come from the catalogue, without its text.
"""

generations = Table(
    "generations",
    metadata,
    _tenant(),
    Column("id", Uuid, nullable=False),
    Column("model", Text, nullable=False),
    Column("model_sha256", Text, nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("table_name", Text, nullable=False),
    Column("state", Text, nullable=False),
    _moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("generations_serving_idx", "tenant_id", unique=True, postgresql_where=text("state = 'serving'")),
)
"""A tenant's index: which model made it, and which table holds it. One is serving, at most one is building."""

lexical_statistics = Table(
    "lexical_statistics",
    metadata,
    _tenant(),
    Column("chunks", Integer, nullable=False, server_default=text("0")),
    Column("total_length", BigInteger, nullable=False, server_default=text("0")),
    Column("weighted_average", REAL, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("tenant_id"),
)
"""`weighted_average` is the average length that the stored term weights were computed with."""

lexicon = Table(
    "lexicon",
    metadata,
    _tenant(),
    Column("term", Integer, nullable=False),
    Column("chunks", Integer, nullable=False),
    PrimaryKeyConstraint("tenant_id", "term"),
)
"""In how many searchable chunks of the tenant a term occurs."""

vector_cache = Table(
    "vector_cache",
    metadata,
    _tenant(),
    Column("model_sha256", Text, nullable=False),
    Column("text_sha256", LargeBinary, nullable=False),
    Column("embedding", HALFVEC(), nullable=False),
    PrimaryKeyConstraint("tenant_id", "model_sha256", "text_sha256"),
)

conversations = Table(
    "conversations",
    metadata,
    _tenant(),
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("title", Text, nullable=False, server_default=text("''")),
    _moment("created_at"),
    _moment("updated_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
)

messages = Table(
    "messages",
    metadata,
    _tenant(),
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
    _moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(
        ["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"], ondelete="CASCADE"
    ),
    Index("messages_conversation_idx", "tenant_id", "conversation_id", "seq"),
)

INDEX_COLUMNS = ("tenant_id", "generation_id", "chunk_id", "document_id", "collection_id", "private_to")


def index_table(name: str) -> TableClause:
    """The table `name` of one or more index generations: for each chunk its embedding and its BM25 term weights.

    There is one such table per dimension, shared and partitioned, and one per promoted tenant; SQL functions create them.
    """
    return table(
        name,
        *(column(c) for c in INDEX_COLUMNS),
        column("embedding", HALFVEC()),
        column("terms", SPARSEVEC(TERM_SPACE)),
    )


PRIVATE_TABLES = frozenset({"documents", "document_versions", "chunks"})
"""Tenant tables with rows that may be private to a member, by `private_to`."""

PERSONAL_TABLES = frozenset({"conversations", "messages"})
"""Tenant tables whose rows belong to one user, by `user_id`."""

TENANT_TABLES = tuple(t for t in metadata.sorted_tables if t.name != "organisations")
"""In the order of their foreign keys: insert forwards, delete backwards."""
