"""Writes an archive: a tenant as one transaction sees it, a page at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    RowMapping,
    Select,
    Table,
    and_,
    func,
    literal,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.expression import TableClause

from aura.archive.format import (
    CHUNKS,
    COLLECTIONS,
    CONVERSATIONS,
    DOCUMENTS,
    EVIDENCE,
    FACTS,
    FEEDBACK,
    FILES,
    FORGOTTEN,
    MANIFEST,
    MEMORY_SETTINGS,
    MESSAGES,
    ORGANISATION,
    ORIGINAL,
    PERSONAS,
    SIGNALS,
    USERS,
    VECTORS,
    VERSIONS,
    WAITING,
    ChunkRecord,
    CollectionRecord,
    ConversationRecord,
    DocumentRecord,
    EvidenceRecord,
    FactRecord,
    FeedbackRecord,
    File,
    ForgottenRecord,
    IndexFacts,
    LeftOut,
    Manifest,
    MemorySettingsRecord,
    MessageRecord,
    OrganisationRecord,
    PersonaRecord,
    SignalRecord,
    Unfinished,
    UserRecord,
    VersionRecord,
    WaitingRecord,
)
from aura.archive.writing import ArchiveWriter, create_archive, vectors_header
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import (
    chunks,
    collections,
    conversations,
    document_versions,
    documents,
    fact_evidence,
    fact_tombstones,
    facts,
    feedback,
    index_table,
    lexical_statistics,
    memory_outbox,
    memory_settings,
    messages,
    organisations,
    persona_signals,
    personas,
    provider_keys,
    users,
)
from aura.documents.files import Files
from aura.errors import BackendError, Conflict, NotFound
from aura.identity import DocumentId, Scope
from aura.index import generations
from aura.index.generations import Generation

R = TypeVar("R", bound=msgspec.Struct)
Key = tuple[ColumnElement[object], ...]

_PAGE = 200
_ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


async def export(database: Database, files: Files, scope: Scope, target: Path) -> Path:
    """See `Archive.export`."""
    scope = scope.as_service()
    async with database.tenant(scope) as session:
        await session.execute(_ONE_MOMENT)
        organisation = await _organisation(session, scope)
        in_folder = await asyncio.to_thread(target.is_dir)
        path = target / f"{organisation.subdomain}.aura.zip" if in_folder else target
        async with create_archive(path) as archive:
            await archive.add_value(ORGANISATION, organisation)
            index = await _Export(session, scope, files, archive).write()
            manifest = Manifest(
                made_by=f"aura {version('aura')}",
                made_at=datetime.now(UTC),
                index=index,
                members=archive.members,
                left_out=await _left_out(session, scope),
            )
            await archive.add_value(MANIFEST, manifest)
    return path


class _Export:
    """One archive under way."""

    def __init__(self, session: AsyncConnection, scope: Scope, files: Files, archive: ArchiveWriter) -> None:
        self._session = session
        self._scope = scope
        self._files = files
        self._archive = archive

    async def write(self) -> IndexFacts | None:
        """Write all members but the organisation and the manifest."""
        await self._rows(USERS, UserRecord, users, (users.c.id,))
        await self._rows(COLLECTIONS, CollectionRecord, collections, (collections.c.id,))
        await self._documents()
        index = await self._index()
        await self._rows(CONVERSATIONS, ConversationRecord, conversations, (conversations.c.id,))
        await self._rows(MESSAGES, MessageRecord, messages, (messages.c.conversation_id, messages.c.seq))
        await self._rows(PERSONAS, PersonaRecord, personas, (personas.c.user_id,))
        await self._rows(SIGNALS, SignalRecord, persona_signals, (persona_signals.c.id,))
        await self._memory()
        return index

    async def _memory(self) -> None:
        """What was learned and forgotten. Entries for recall and summaries follow from it and from the messages."""
        await self._rows(FEEDBACK, FeedbackRecord, feedback, (feedback.c.message_id,))
        await self._rows(FACTS, FactRecord, facts, (facts.c.id,))
        await self._rows(EVIDENCE, EvidenceRecord, fact_evidence, (fact_evidence.c.fact_id, fact_evidence.c.message_id))
        await self._rows(FORGOTTEN, ForgottenRecord, fact_tombstones, (fact_tombstones.c.id,))
        to_learn = memory_outbox.c.learn
        await self._rows(WAITING, WaitingRecord, memory_outbox, (memory_outbox.c.message_id,), to_learn)
        await self._rows(MEMORY_SETTINGS, MemorySettingsRecord, memory_settings, (memory_settings.c.user_id,))

    async def _rows(
        self, name: str, record: type[R], table: Table, key: Key, which: ColumnElement[bool] | None = None
    ) -> None:
        query = select(*table.c).where(visible(table, self._scope), true() if which is None else which)
        await self._archive.add_rows(name, _records(record, self._pages(query, key)))

    async def _documents(self) -> None:
        """The documents that answer, their versions up to that, and the files of these."""
        query = _answering(self._scope)
        facts = {name: document_versions.c[name] for name in ("sha256", "size_bytes", "media_type", "pages", "chunks")}
        columns = [facts.get(name, documents.c[name]) for name in DocumentRecord.__struct_fields__]
        at = document_versions.c.version == documents.c.version
        pages = self._pages(query.with_only_columns(*columns).where(at), (documents.c.id,))
        await self._archive.add_rows(DOCUMENTS, _records(DocumentRecord, pages))

        key = (document_versions.c.document_id, document_versions.c.version)
        versions = query.with_only_columns(*document_versions.c)
        await self._archive.add_rows(VERSIONS, _records(VersionRecord, self._pages(versions, key)))
        async for page in self._pages(versions.add_columns(documents.c.version.label("answering")), key):
            for row in page:
                await self._version_files(
                    row["document_id"], row["version"], answers=row["version"] == row["answering"]
                )

    async def _version_files(self, document_id: DocumentId, number: int, *, answers: bool) -> None:
        folder = self._files.version_dir(self._scope.tenant_id, document_id, number)
        for name in FILES:
            there = await self._archive.add_file(File(document_id, number, name).member, folder / name)
            if not there and (answers or name == ORIGINAL):
                raise Conflict(
                    f"document {document_id} has lost its file {name!r}: if it was deleted just now, export again;"
                    " otherwise its folder is damaged, and it must be deleted first"
                )

    async def _index(self) -> IndexFacts | None:
        """What can be found, and the vectors it is found by, in one order."""
        generation = await generations.serving(self._session, self._scope.tenant_id)
        if generation is None:
            await self._archive.add_rows(CHUNKS, _nothing())
            return None
        index = index_table(generation.table_name)
        mine = and_(visible(index, self._scope), index.c.generation_id == generation.id)
        count = await self._session.scalar(select(func.count()).select_from(index).where(mine)) or 0
        joined = and_(chunks.c.tenant_id == index.c.tenant_id, chunks.c.id == index.c.chunk_id)
        found = (
            select(index.c.chunk_id, *chunks.c)
            .join_from(index, chunks, joined)
            .where(mine, visible(chunks, self._scope))
        )
        written = await self._archive.add_rows(CHUNKS, _records(ChunkRecord, self._pages(found, (index.c.chunk_id,))))
        if written != count:
            raise BackendError("the index holds chunks that are not there: rebuild it (`aura tenant reindex`)")
        await self._archive.add(VECTORS, self._vectors(index, mine, count, generation.dimension), rows=count)
        return await self._facts(generation)

    async def _vectors(
        self, index: TableClause, mine: ColumnElement[bool], count: int, dimension: int
    ) -> AsyncGenerator[bytes]:
        """A `.npy` file. The database sends a half vector as two numbers of 16 bits and its elements, big-endian."""
        yield vectors_header(count, dimension)
        sent = func.halfvec_send(index.c.embedding, type_=LargeBinary)
        query = select(index.c.chunk_id, sent.label("vector")).where(mine)
        async for page in self._pages(query, (index.c.chunk_id,)):
            rows = np.frombuffer(b"".join(row["vector"] for row in page), dtype=">f2").reshape(-1, dimension + 2)
            yield rows[:, 2:].astype("<f2").tobytes()

    async def _facts(self, generation: Generation) -> IndexFacts:
        query = select(lexical_statistics.c.weighted_average).where(visible(lexical_statistics, self._scope))
        return IndexFacts(
            model=generation.model,
            model_sha256=generation.model_sha256,
            dimension=generation.dimension,
            dedicated=generation.dedicated,
            weighted_average=await self._session.scalar(query) or 0.0,
        )

    async def _pages(self, query: Select[Any], key: Key) -> AsyncGenerator[list[RowMapping]]:
        """The rows of `query` by `key`, which it selects and which is unique; each page goes on behind the one before."""
        page, last = query, None
        while True:
            if last is not None:
                behind = tuple_(*(literal(last[column], column.type) for column in key))
                page = query.where(tuple_(*key) > behind)
            rows = (await self._session.execute(page.order_by(*key).limit(_PAGE))).mappings().all()
            if rows:
                yield list(rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1]


async def _organisation(session: AsyncConnection, scope: Scope) -> OrganisationRecord:
    columns = [organisations.c[name] for name in OrganisationRecord.__struct_fields__]
    row = (
        (await session.execute(select(*columns).where(organisations.c.id == scope.tenant_id))).mappings().one_or_none()
    )
    if row is None:
        raise NotFound(f"there is no organisation {scope.tenant_id}")
    return msgspec.convert(row, OrganisationRecord)


async def _left_out(session: AsyncConnection, scope: Scope) -> LeftOut:
    providers = select(provider_keys.c.provider).where(visible(provider_keys, scope)).order_by(provider_keys.c.provider)
    waiting = (
        select(
            documents.c.id.label("document_id"),
            documents.c.filename,
            func.coalesce(documents.c.pending_version, 1).label("version"),
            documents.c.stage,
        )
        .where(visible(documents, scope), or_(documents.c.pending_version.is_not(None), documents.c.version == 0))
        .order_by(documents.c.filename, documents.c.id)
    )
    return LeftOut(
        provider_keys=tuple(await session.scalars(providers)),
        unfinished=msgspec.convert((await session.execute(waiting)).mappings().all(), tuple[Unfinished, ...]),
    )


def _answering(scope: Scope) -> Select[tuple[object, ...]]:
    """The documents that answer, each with its versions up to the one that does."""
    return (
        select(documents.c.id)
        .select_from(documents)
        .join(
            document_versions,
            and_(
                document_versions.c.tenant_id == documents.c.tenant_id,
                document_versions.c.document_id == documents.c.id,
                document_versions.c.version <= documents.c.version,
            ),
        )
        .where(visible(documents, scope), visible(document_versions, scope))
    )


async def _records(record: type[R], pages: AsyncGenerator[list[RowMapping]]) -> AsyncGenerator[list[R]]:
    async for page in pages:
        yield [_record(record, row) for row in page]


def _record(record: type[R], row: RowMapping) -> R:
    return msgspec.convert({name: row[name] for name in record.__struct_fields__}, record)


async def _nothing() -> AsyncGenerator[list[ChunkRecord]]:
    return
    yield
