"""Documents, their versions, the work on them, and their chunks."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL

from aura.database.tables.columns import json_object, metadata, moment, tenant

documents = Table(
    "documents",
    metadata,
    tenant(),
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
    Column("hopeless", Boolean, nullable=False, server_default=text("false")),
    Column("chunks", Integer, nullable=False, server_default=text("0")),
    Column("pages", Integer),
    moment("created_at"),
    moment("updated_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "collection_id"], ["collections.tenant_id", "collections.id"]),
    UniqueConstraint("tenant_id", "collection_id", "private_to", "filename", postgresql_nulls_not_distinct=True),
    Index("documents_content_idx", "tenant_id", "collection_id", "sha256"),
    Index("documents_updated_at_idx", "tenant_id", "updated_at"),
)
"""`hopeless`: it failed, and the same file would fail the same way each time."""

document_versions = Table(
    "document_versions",
    metadata,
    tenant(),
    Column("document_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("private_to", Uuid),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False, server_default=text("''")),
    Column("characters", BigInteger),
    Column("pages", Integer),
    Column("chunks", Integer, nullable=False, server_default=text("0")),
    moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "document_id", "version"),
    ForeignKeyConstraint(["tenant_id", "document_id"], ["documents.tenant_id", "documents.id"], ondelete="CASCADE"),
)

ingest_tasks = Table(
    "ingest_tasks",
    metadata,
    tenant(),
    Column("document_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("user_id", Uuid),
    Column("worker", Text, nullable=False, server_default=text("''")),
    Column("lease_until", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("cancelled", Boolean, nullable=False, server_default=text("false")),
    moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "document_id"),
    ForeignKeyConstraint(["tenant_id", "document_id"], ["documents.tenant_id", "documents.id"], ondelete="CASCADE"),
    Index("ingest_tasks_created_at_idx", "tenant_id", "created_at"),
)
"""A document is worked on by `worker` until `lease_until`; without a worker, that is when it may be taken up.

`attempts` counts the workers that were lost over it, `failures` the times that a part it needs was away.
"""

PARTITIONS = 32
"""Hash partitions of the shared tables. Never one per tenant: planning does not survive thousands."""

chunks = Table(
    "chunks",
    metadata,
    tenant(),
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
    json_object("metadata"),
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
