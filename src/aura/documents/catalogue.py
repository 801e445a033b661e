"""The documents that a scope sees: what is known of them, their text and chunks, and how they go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Select, Uuid, and_, any_, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import chunks, document_versions, documents, ingest_tasks
from aura.documents.files import Files
from aura.documents.intake import queue
from aura.documents.parsing.elements import TEXT_FILE
from aura.documents.sharing import show_to
from aura.documents.tasks import final
from aura.documents.values import Chunk, Document, Receipt, Stage, Version, Visibility
from aura.errors import Conflict, NotFound
from aura.identity import CollectionId, DocumentId, Scope
from aura.index import generations, writer
from aura.tenants.values import Page
from aura.webhooks import outbox
from aura.webhooks.values import Event


class Catalogue:
    """One scope's view of the documents."""

    def __init__(self, database: Database, files: Files, scope: Scope) -> None:
        self._database = database
        self._files = files
        self._scope = scope

    async def get(self, document_id: DocumentId) -> Document:
        """One document.

        Raises:
            NotFound: there is none of this id in the scope.
        """
        async with self._database.tenant(self._scope) as session:
            return await self._get(session, document_id)

    async def list(
        self,
        *,
        collection_id: CollectionId | None = None,
        stage: Stage | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Document]:
        """Documents by name, a page at a time; `cursor` is the `next_cursor` of the page before."""
        query = self._select().order_by(documents.c.filename, documents.c.id).limit(limit + 1)
        if collection_id is not None:
            query = query.where(documents.c.collection_id == collection_id)
        if stage is not None:
            query = query.where(documents.c.stage == stage)
        async with self._database.tenant(self._scope) as session:
            if cursor is not None:
                last = await self._get(session, _as_id(cursor))
                query = query.where(tuple_(documents.c.filename, documents.c.id) > tuple_(last.filename, last.id))  # pyright: ignore[reportArgumentType]
            rows = (await session.execute(query)).all()
        items = tuple(_document(row) for row in rows[:limit])
        return Page(items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)

    async def changed(
        self, since: datetime | None, look_back: timedelta, ids: Sequence[DocumentId]
    ) -> tuple[list[Document], datetime]:
        """The documents that changed after `since` (now, unless given) less `look_back`, those under way and `ids`, as far
        as they are there, by their last change; and what time it is there.
        """
        async with self._database.tenant(self._scope) as session:
            now = (await session.execute(select(func.clock_timestamp()))).scalar_one()
            recent = documents.c.updated_at >= min(since or now, now) - look_back
            under_way = documents.c.stage.not_in([stage for stage in Stage if stage.final])
            query = self._select().where(or_(recent, under_way, documents.c.id == any_(array(ids, type_=Uuid))))
            rows = await session.execute(query.order_by(documents.c.updated_at, documents.c.id))
            return [_document(row) for row in rows], now

    async def versions(self, document_id: DocumentId) -> tuple[Version, ...]:
        """The versions of a document, the newest first.

        Raises:
            NotFound: there is no such document in the scope.
        """
        names = [name for name in Version.__struct_fields__ if name != "answers"]
        query = (
            select(*(document_versions.c[name] for name in names))
            .where(visible(document_versions, self._scope), document_versions.c.document_id == document_id)
            .order_by(document_versions.c.version.desc())
        )
        async with self._database.tenant(self._scope) as session:
            document = await self._get(session, document_id)
            rows = (await session.execute(query)).mappings()
            return tuple(Version(**row, answers=row["version"] == document.version) for row in rows)

    async def chunks(self, document_id: DocumentId, *, limit: int = 1_000, after: int = -1) -> Sequence[Chunk]:
        """The chunks of the version that answers, in order, from the one behind ordinal `after`.

        Raises:
            NotFound: there is no such document in the scope.
        """
        async with self._database.tenant(self._scope) as session:
            document = await self._get(session, document_id)
            rows = await session.execute(
                select(chunks)
                .where(visible(chunks, self._scope), chunks.c.document_id == document_id)
                .where(chunks.c.version == document.version, chunks.c.ordinal > after)
                .order_by(chunks.c.ordinal)
                .limit(limit)
            )
            return [_chunk(row) for row in rows]

    async def text(self, document_id: DocumentId, *, version: int | None = None) -> str:
        """The whole text of a version (that which answers, unless named): what citations' offsets count in.

        Raises:
            NotFound: there is no such document or version in the scope, or its text is not there yet.
        """
        path = (await self._version_dir(document_id, version)) / TEXT_FILE
        if not await asyncio.to_thread(path.is_file):
            raise NotFound("this version has no text yet")
        return await asyncio.to_thread(lambda: path.read_bytes().decode())

    async def original(self, document_id: DocumentId, *, version: int | None = None) -> Path:
        """Where the file lies as it was uploaded. Read it, do not change it.

        Raises:
            NotFound: there is no such document or version in the scope.
        """
        return (await self._version_dir(document_id, version)) / "original"

    async def delete(self, document_id: DocumentId) -> Receipt:
        """Delete a document with all that was made of it, in one transaction; what was removed, counted.

        Raises:
            NotFound: there is no such document in the scope.
        """
        tenant_id = self._scope.tenant_id
        async with self._database.tenant(self._scope) as session:
            document = await self._get(session, document_id)
        async with (
            self._database.tenant(self._scope.as_service()) as session,
            generations.index_lock(session, tenant_id),
        ):
            # First: a worker's transaction holds its task, and what that wrote is to be seen, and to go too.
            await session.execute(
                delete(ingest_tasks).where(
                    ingest_tasks.c.tenant_id == tenant_id, ingest_tasks.c.document_id == document_id
                )
            )
            generation = await generations.serving(session, tenant_id)
            gone = await writer.withdraw(session, tenant_id, generation, chunks.c.document_id == document_id)
            done = await session.execute(
                delete(documents).where(documents.c.tenant_id == tenant_id, documents.c.id == document_id)
            )
            if done.rowcount and document.visibility is Visibility.ORGANIZATION:
                about = {"document_id": str(document_id), "version": document.version}
                await outbox.put(session, tenant_id, Event.DOCUMENT_DELETED, about)
        files = await self._files.remove_document(tenant_id, document_id)
        return Receipt(
            documents=done.rowcount,
            chunks=gone.chunks,
            vectors=gone.vectors,
            files=files,
            cache_entries=gone.cache_entries,
        )

    async def set_visibility(self, document_id: DocumentId, visibility: Visibility) -> Document:
        """Make a document private to its owner, or visible to the organisation; the document as it is then.

        Raises:
            NotFound: there is no such document in the scope.
            Conflict: a document of this name is there already, or the document was changed meanwhile.
        """
        document = await self.get(document_id)
        if document.visibility is visibility:
            return document
        tenant_id = self._scope.tenant_id
        async with (
            self._database.tenant(self._scope.as_service()) as session,
            generations.index_lock(session, tenant_id),
        ):
            private_to = document.owner_id if visibility is Visibility.PRIVATE else None
            await show_to(session, tenant_id, document, private_to)
        return await self.get(document_id)

    async def requeue(self, document_id: DocumentId) -> Document:
        """Queue a failed or cancelled document again.

        Raises:
            NotFound: there is no such document in the scope.
            Conflict: it has neither failed nor been cancelled, or would fail the same way each time.
        """
        async with self._database.tenant(self._scope) as session:
            document, version = await self._get(session, document_id), await self._pending(session, document_id)
            if document.stage not in (Stage.FAILED, Stage.CANCELLED) or version is None:
                raise Conflict(f"only a failed or cancelled document can be tried again; this one is {document.stage}")
            if not document.can_retry:
                raise Conflict(
                    f"this file fails the same way each time ({document.reason}): upload a mended one under the same"
                    " name, or delete the document"
                )
            await queue(session, self._scope, document_id, version)
            await session.execute(
                update(documents)
                .where(visible(documents, self._scope), documents.c.id == document_id)
                .values(stage=Stage.QUEUED, percent=0.0, reason=None, updated_at=func.now())
            )
            return await self._get(session, document_id)

    async def cancel(self, document_id: DocumentId) -> None:
        """Stop working on a document; a version that answers goes on answering. Nothing where nothing is under way.

        Raises:
            NotFound: there is no such document in the scope.
        """
        tenant_id = self._scope.tenant_id
        async with self._database.tenant(self._scope) as session:
            await self._get(session, document_id)
        task = and_(ingest_tasks.c.tenant_id == tenant_id, ingest_tasks.c.document_id == document_id)
        waiting = and_(task, or_(ingest_tasks.c.worker == "", ingest_tasks.c.lease_until < func.now()))
        async with (
            self._database.tenant(self._scope.as_service()) as session,
            generations.index_lock(session, tenant_id),
        ):
            version = await session.scalar(delete(ingest_tasks).where(waiting).returning(ingest_tasks.c.version))
            if version is None:  # its worker, if it has one, sees this at the next heartbeat, and ends the task
                await session.execute(update(ingest_tasks).where(task).values(cancelled=True))
                return
            unfinished = and_(chunks.c.document_id == document_id, chunks.c.version == version)
            await writer.withdraw(session, tenant_id, None, unfinished)
            await session.execute(
                update(documents)
                .where(documents.c.tenant_id == tenant_id, documents.c.id == document_id)
                .values(pending_version=version, **final(Stage.CANCELLED))
            )

    async def _version_dir(self, document_id: DocumentId, version: int | None) -> Path:
        async with self._database.tenant(self._scope) as session:
            document = await self._get(session, document_id)
            wanted = version or document.version or await self._pending(session, document_id) or 1
            there = await session.scalar(
                select(document_versions.c.version).where(
                    visible(document_versions, self._scope),
                    document_versions.c.document_id == document_id,
                    document_versions.c.version == wanted,
                )
            )
        if there is None:
            raise NotFound("there is no such document")
        return self._files.version_dir(self._scope.tenant_id, document_id, wanted)

    async def _pending(self, session: AsyncConnection, document_id: DocumentId) -> int | None:
        return await session.scalar(
            select(documents.c.pending_version).where(visible(documents, self._scope), documents.c.id == document_id)
        )

    async def _get(self, session: AsyncConnection, document_id: DocumentId) -> Document:
        row = (await session.execute(self._select().where(documents.c.id == document_id))).one_or_none()
        if row is None:
            raise NotFound("there is no such document")
        return _document(row)

    def _select(self) -> Select[tuple[object, ...]]:
        return select(*documents.c).where(visible(documents, self._scope))


def _as_id(cursor: str) -> DocumentId:
    from uuid import UUID

    try:
        return DocumentId(UUID(cursor))
    except ValueError:
        raise NotFound("there is no such page: use the next_cursor of the page before") from None


def _document(row: Row[tuple[object, ...]]) -> Document:
    stage = Stage(row.stage)
    return Document(
        id=row.id,
        filename=row.filename,
        media_type=row.media_type,
        collection_id=row.collection_id,
        owner_id=row.owner_id,
        visibility=Visibility.ORGANIZATION if row.private_to is None else Visibility.PRIVATE,
        version=row.version,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        stage=stage,
        percent=row.percent,
        eta_seconds=row.eta_seconds,
        reason=row.reason,
        can_retry=stage in (Stage.FAILED, Stage.CANCELLED) and not row.hopeless,
        chunks=row.chunks,
        pages=row.pages,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _chunk(row: Row[tuple[object, ...]]) -> Chunk:
    return Chunk(
        id=row.id,
        document_id=row.document_id,
        version=row.version,
        ordinal=row.ordinal,
        page=row.page,
        start=row.start_offset,
        end=row.end_offset,
        heading=tuple(row.heading),
        text=row.text,
        tokens=row.tokens,
    )
