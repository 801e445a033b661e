"""Synthetic chunks into AURA's tables, in bulk, and a look at the same tables by hand.

The one place of `aura-evals` that goes past AURA's public names: a thousand tenants of a thousand chunks through the front
door would take a day, and what AURA adds to its own SQL can be told only from that SQL sent without it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID, uuid4

import msgspec
import numpy as np
import psycopg
from llama_index.core.schema import TextNode
from numpy.typing import NDArray
from psycopg import sql

from aura import Workspace
from aura.database.embedded import EmbeddedServer
from aura.database.postmaster import SUPERUSER
from aura.index.embedding import LocalEmbedding
from aura.index.lexical import term_counts
from aura_evals.bench.synthetic import DIMENSION, VOCABULARY, Chunks, Corpus, TopicEmbedding, word
from aura_evals.errors import BadInput

_TERM_SPACE = 1_000_000_000
_TEXT_CHARACTERS = 300
_TURN_CHARACTERS = 160
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER = b"\xff\xff"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a tenant's chunks are: its id, its serving generation, and the table of that."""

    tenant_id: UUID
    generation_id: UUID
    table: str


@contextmanager
def server_of(data_dir: Path) -> Generator[EmbeddedServer]:
    """The running embedded server of `data_dir`."""
    server = EmbeddedServer.start(data_dir, migrate=False)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def superuser(server: EmbeddedServer) -> Generator[psycopg.Connection]:
    """A connection that no policy holds, without foreign key checks: for loading."""
    with psycopg.connect(server.url(SUPERUSER, database="aura"), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        yield connection


async def make_place(workspace: Workspace, connection: psycopg.Connection) -> Place:
    """An empty index generation for the tenant of `workspace`, made by AURA itself."""
    node = TextNode(id_="first", text="first", embedding=TopicEmbedding.vector("first").tolist())
    await workspace.index.vector_store.async_add([node])
    await workspace.index.vector_store.adelete_nodes(["first"])
    return place_of(workspace.organisation.id, connection)


def place_of(tenant_id: UUID, connection: psycopg.Connection) -> Place:
    """Where the tenant's serving generation is."""
    row = connection.execute(
        "SELECT id, table_name FROM generations WHERE tenant_id = %s AND state = 'serving'", [tenant_id]
    ).fetchone()
    assert row is not None
    return Place(tenant_id=tenant_id, generation_id=row[0], table=row[1])


def clone_tenant(place: Place, subdomain: str, connection: psycopg.Connection) -> Place:
    """Another organisation like that of `place`, without users and chunks."""
    tenant_id, generation_id = uuid4(), uuid4()
    connection.execute(
        "INSERT INTO organisations (id, organization_name, subdomain, admin_email, subscription_tier, max_users,"
        " max_storage_gb, max_api_calls_monthly) SELECT %s, %s, %s, admin_email, subscription_tier, max_users,"
        " max_storage_gb, max_api_calls_monthly FROM organisations WHERE id = %s",
        [tenant_id, subdomain, subdomain, place.tenant_id],
    )
    connection.execute(
        "INSERT INTO generations (tenant_id, id, model, model_sha256, dimension, table_name, state)"
        " SELECT %s, %s, model, model_sha256, dimension, table_name, state FROM generations WHERE id = %s",
        [tenant_id, generation_id, place.generation_id],
    )
    return Place(tenant_id=tenant_id, generation_id=generation_id, table=place.table)


def weights_folder(workspace: Workspace) -> Path:
    """Where the weights of the workspace's sentence-transformers model lie."""
    model = workspace.embed_model
    if not isinstance(model, LocalEmbedding):
        raise BadInput(f"{model.model_name!r} has no weights on this machine to measure against")
    return model.folder


class Loader:
    """Puts synthetic chunks where AURA's search finds them: text, vector, term weights and the tenant's statistics."""

    def __init__(self, connection: psycopg.Connection, corpus: Corpus) -> None:
        self._connection = connection
        self._corpus = corpus
        self._terms = distinct_terms(np.array([_term(word(rank)) for rank in range(VOCABULARY)], dtype=np.int64))

    def load(self, place: Place, count: int, *, at_once: int = 5_000) -> NDArray[np.float16]:
        """Add `count` chunks with the ids `chunk_id(place, 0 …)`; their vectors. The tenant must have none before."""
        frequencies = np.zeros(VOCABULARY, dtype=np.int64)
        vectors: list[NDArray[np.float16]] = []
        for start in range(0, count, at_once):
            chunks = self._corpus.chunks(min(at_once, count - start))
            ids = [chunk_id(place, n) for n in range(start, start + len(chunks.vectors))]
            self.copy("chunks", _CHUNK_COLUMNS, _chunk_rows(place, ids))
            self.copy(place.table, _INDEX_COLUMNS, self._index_rows(place, ids, chunks))
            ranks, found = chunks.document_frequencies
            frequencies[ranks] += found
            vectors.append(chunks.vectors)
        self._write_statistics(place, count, frequencies)
        return np.concatenate(vectors)

    def settle(self) -> None:
        """Leave the tables as they are on a database that has come to rest."""
        self._connection.execute("VACUUM ANALYZE")
        self._connection.execute("CHECKPOINT")

    def execute(self, statement: sql.Composed) -> None:
        """Run a statement."""
        self._connection.execute(statement)

    def vector_fields(self, chunks: Chunks, weight: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Each chunk's vector, and its terms with `weight` each, as pgvector sends them."""
        terms = np.sort(self._terms[chunks.ranks], axis=1) - 1  # pgvector counts from 0 inside
        count, width = terms.shape
        vector_head = np.array([DIMENSION, 0], dtype=">i2")
        terms_head = np.array([_TERM_SPACE, width, 0], dtype=">i4")
        weights = np.array([weight] * width, dtype=">f4")
        vector = [_same(vector_head.tobytes(), count), _bytes(chunks.vectors.astype(">f2"))]
        sparse = [_same(terms_head.tobytes(), count), _bytes(terms.astype(">i4")), _same(weights.tobytes(), count)]
        return np.concatenate(vector, axis=1), np.concatenate(sparse, axis=1)

    def copy(self, table: str, columns: tuple[str, ...], rows: bytes) -> None:
        """Add rows in COPY's binary form, without its header."""
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with self._connection.cursor().copy(statement) as copy:
            copy.write(_COPY_HEADER + rows + _COPY_TRAILER)

    def _index_rows(self, place: Place, ids: list[str], chunks: Chunks) -> bytes:
        vectors, terms = self.vector_fields(chunks, self._corpus.weight)
        generation = _same(place.generation_id.bytes, len(ids))
        return _binary_rows([_same(place.tenant_id.bytes, len(ids)), generation, _texts(ids), vectors, terms])

    def _write_statistics(self, place: Place, count: int, frequencies: NDArray[np.int64]) -> None:
        ranks, total = np.nonzero(frequencies)[0], int(frequencies.sum())
        self._connection.execute("DELETE FROM lexical_statistics WHERE tenant_id = %s", [place.tenant_id])
        self._connection.execute(
            "INSERT INTO lexical_statistics (tenant_id, chunks, total_length, weighted_average) VALUES (%s, %s, %s, %s)",
            [place.tenant_id, count, total, total / count],
        )
        self._connection.execute(
            "INSERT INTO lexicon (tenant_id, term, chunks) SELECT %s, * FROM unnest(%s::int[], %s::int[])",
            [place.tenant_id, self._terms[ranks].tolist(), frequencies[ranks].tolist()],
        )


class MemoryLoader:
    """Puts synthetic entries into the index of memory, past its foreign keys."""

    def __init__(self, loader: Loader, tenant_id: UUID, model_sha256: str) -> None:
        self._loader = loader
        self._tenant_id = tenant_id
        self._model = model_sha256.encode()
        self._written = 0

    def load(self, chunks: Chunks, users: NDArray[np.uint8]) -> None:
        """Add a turn for each of `chunks`, of the user of the same row: `(n, 16) uint8`. A minute lies between two."""
        count = len(chunks.vectors)
        ids = np.frombuffer(np.random.default_rng(self._written).bytes(16 * count), np.uint8).reshape(count, 16)
        minutes = np.arange(self._written, self._written + count, dtype=np.int64)
        self._written += count
        vectors, terms = self._loader.vector_fields(chunks, 1.0)
        filler = _same(b"synthetic".ljust(_TURN_CHARACTERS, b"."), count)
        fields = [
            _same(self._tenant_id.bytes, count), ids, users, _same(b"turn", count), ids,
            _bytes((minutes * 60_000_000).astype(">i8")), _same(b"user", count), filler, terms,
            _same(chunks.ranks.shape[1].to_bytes(4, "big"), count), vectors, _same(self._model, count),
        ]  # fmt: skip
        self._loader.copy("memory_entries", _MEMORY_COLUMNS, _binary_rows(fields))

    def make_history(self, user_id: UUID, facts: int) -> None:
        """Turn `facts` of a user's entries into facts, and put behind all of them what they were made from."""
        values = {"tenant": self._tenant_id, "user": user_id, "facts": facts}
        filled = {name: sql.Literal(value) for name, value in values.items()}
        for statement in _HISTORY:
            self._loader.execute(sql.SQL(statement).format(**filled))


def chunk_id(place: Place, number: int) -> str:
    """The id of a tenant's chunk: no two tenants share one, so that a leak would show."""
    return f"{place.tenant_id.hex}-{number:07}"


_HISTORY: tuple[LiteralString, ...] = (
    "CREATE TEMP VIEW own AS SELECT * FROM memory_entries WHERE (tenant_id, user_id) = ({tenant}, {user})",
    "UPDATE memory_entries SET kind = 'fact' WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM own ORDER BY id"
    " LIMIT {facts})",
    "UPDATE memory_entries AS entry SET conversation_id = md5(part.user_id::text || part.number)::uuid FROM"
    " (SELECT *, ntile(40) OVER (ORDER BY at) AS number FROM own) AS part"
    " WHERE (entry.tenant_id, entry.id) = (part.tenant_id, part.id)",
    "INSERT INTO conversations (tenant_id, id, user_id) SELECT DISTINCT tenant_id, conversation_id, user_id FROM own",
    "INSERT INTO messages (tenant_id, id, conversation_id, user_id, role, text, created_at)"
    " SELECT tenant_id, message_id, conversation_id, user_id, 'user', text, at FROM own",
    "INSERT INTO facts (tenant_id, id, user_id, slot, value, text, language, category, kind, digest, confidence, extractor,"
    " learned_at, asserted_at, valid_from) SELECT tenant_id, id, user_id, 'opinion', id::text, text, 'en', 'opinion',"
    " 'statement', uuid_send(id), 1, 'bench', at, at, at FROM own WHERE kind = 'fact'",
    "INSERT INTO fact_evidence (tenant_id, fact_id, message_id, user_id, start_offset, end_offset)"
    " SELECT tenant_id, id, message_id, user_id, 0, 9 FROM own WHERE kind = 'fact'",
    "DROP VIEW own",
)
"""From a user's entries back to what they are made from: 40 conversations, messages, facts with their places."""

_CHUNK_COLUMNS = ("tenant_id", "id", "text", "text_sha256")
_MEMORY_COLUMNS = (
    "tenant_id", "id", "user_id", "kind", "message_id", "at", "speaker", "text", "terms", "length", "embedding",
    "model_sha256",
)  # fmt: skip
_INDEX_COLUMNS = ("tenant_id", "generation_id", "chunk_id", "embedding", "terms")


def _chunk_rows(place: Place, ids: list[str]) -> bytes:
    names = _texts(ids)
    filler = _same(b" synthetic".ljust(_TEXT_CHARACTERS, b"."), len(ids))
    return _binary_rows(
        [
            _same(place.tenant_id.bytes, len(ids)),
            names,
            np.concatenate([names, filler], axis=1),
            _bytes(np.array([sha256(name.encode()).digest() for name in ids], dtype="V32")),
        ]
    )


def _binary_rows(fields: list[NDArray[np.uint8]]) -> bytes:
    """Rows of COPY's binary form from fields of one width each: `(rows, width) uint8`."""
    count = len(fields[0])
    parts = [_same(len(fields).to_bytes(2, "big"), count)]
    for field in fields:
        parts += [_same(field.shape[1].to_bytes(4, "big"), count), field]
    return np.concatenate(parts, axis=1).tobytes()


def _same(content: bytes, count: int) -> NDArray[np.uint8]:
    return np.tile(np.frombuffer(content, dtype=np.uint8), (count, 1))


def _texts(texts: list[str]) -> NDArray[np.uint8]:
    """ASCII texts of one length."""
    return np.frombuffer("".join(texts).encode("ascii"), dtype=np.uint8).reshape(len(texts), -1)


def _bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)


def distinct_terms(terms: NDArray[np.int64]) -> NDArray[np.int64]:
    """`terms` with another id for each that came before: two words of 50,000 meet in one hash, and a chunk may have both."""
    _, first = np.unique(terms, return_index=True)
    again = np.setdiff1d(np.arange(len(terms)), first)
    free = np.setdiff1d(np.arange(1, 2 * len(terms)), terms)
    distinct = terms.copy()
    distinct[again] = free[: len(again)]
    return distinct


def _term(word: str) -> int:
    (term,) = term_counts(word)
    return term
