"""Index generations, what BM25 knows of a tenant, and cached vectors."""

from __future__ import annotations

from pgvector.sqlalchemy import HALFVEC, SPARSEVEC
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    column,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import REAL
from sqlalchemy.sql.expression import TableClause

from aura.database.tables.columns import metadata, moment, tenant

TERM_SPACE = 1_000_000_000
"""Dimensions of a `sparsevec` of hashed terms: the most that pgvector allows."""

generations = Table(
    "generations",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("model", Text, nullable=False),
    Column("model_sha256", Text, nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("table_name", Text, nullable=False),
    Column("state", Text, nullable=False),
    moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("generations_serving_idx", "tenant_id", unique=True, postgresql_where=text("state = 'serving'")),
)
"""A tenant's index: which model made it, and which table holds it. One is serving, at most one is building."""

lexical_statistics = Table(
    "lexical_statistics",
    metadata,
    tenant(),
    Column("chunks", Integer, nullable=False, server_default=text("0")),
    Column("total_length", BigInteger, nullable=False, server_default=text("0")),
    Column("weighted_average", REAL, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("tenant_id"),
)
"""`weighted_average` is the average length that the stored term weights were computed with."""

lexicon = Table(
    "lexicon",
    metadata,
    tenant(),
    Column("term", Integer, nullable=False),
    Column("chunks", Integer, nullable=False),
    PrimaryKeyConstraint("tenant_id", "term"),
)
"""In how many searchable chunks of the tenant a term occurs."""

vector_cache = Table(
    "vector_cache",
    metadata,
    tenant(),
    Column("model_sha256", Text, nullable=False),
    Column("text_sha256", LargeBinary, nullable=False),
    Column("embedding", HALFVEC(), nullable=False),
    PrimaryKeyConstraint("tenant_id", "model_sha256", "text_sha256"),
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
