"""Taking a file in: checked, stored, and written into the catalogue, before anything is made of it. Now it is safe."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import msgspec
from sqlalchemy import ColumnElement, and_, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import document_versions, documents, ingest_tasks
from aura.documents.files import Files, Received, Source
from aura.documents.formats import Format, sniff
from aura.documents.values import Stage, Visibility
from aura.errors import Conflict, InvalidRequest
from aura.identity import CollectionId, DocumentId, Scope, UserId
from aura.tenants.limits import Storage

LONGEST_NAME_BYTES = 1_000
"""Of a name with its folders; names are unique by an index, which takes no rows of more than 2,704 bytes."""


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is in the catalogue. `duplicate`: the same content was there already, and nothing new is to be done."""

    document_id: DocumentId
    version: int
    duplicate: bool


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """Which documents a file can be the same as, or a new version of: those of one collection and one visibility."""

    collection_id: CollectionId
    private_to: UserId | None
    filename: str

    def condition(self) -> ColumnElement[bool]:
        return and_(
            documents.c.collection_id == self.collection_id,
            documents.c.private_to.is_not_distinct_from(self.private_to),
        )


class Intake:
    """Accepts files of one scope."""

    def __init__(self, database: Database, files: Files, scope: Scope, *, max_bytes: int) -> None:
        self._database = database
        self._files = files
        self._scope = scope
        self._max_bytes = max_bytes

    async def accept(
        self, source: Source, filename: str, *, collection_id: CollectionId, visibility: Visibility
    ) -> Accepted:
        """Store a file and queue it. The same content again is the document that is there; the same name is a new version.

        Raises:
            InvalidRequest: the file can not be used; the message says why.
            LimitExceeded: the organisation's storage is full.
        """
        if len(filename.encode()) > LONGEST_NAME_BYTES:
            raise InvalidRequest(
                f"the file's name with its folders is longer than {LONGEST_NAME_BYTES:,} bytes: shorten it",
                field="filename",
            )
        received = await self._files.receive(self._scope.tenant_id, source)
        try:
            kind = await asyncio.to_thread(sniff, received.path, filename, max_bytes=self._max_bytes)
            place = _Place(collection_id=collection_id, private_to=self._private_to(visibility), filename=filename)
            return await self._register(received, kind, place)
        finally:
            received.path.unlink(missing_ok=True)

    async def ensure_room(self, size_bytes: int) -> None:
        """Refuse what the organisation's storage has no room for. Raises `LimitExceeded`."""
        await Storage(self._database, self._scope).ensure_room(size_bytes)

    def _private_to(self, visibility: Visibility) -> UserId | None:
        if visibility is Visibility.ORGANIZATION:
            return None
        if self._scope.user_id is None:
            raise InvalidRequest(
                "a private document belongs to a user: open the workspace with one", field="visibility"
            )
        return self._scope.user_id

    async def _register(self, received: Received, kind: Format, place: _Place) -> Accepted:
        scope = self._scope
        async with self._database.tenant(scope) as session:
            await Storage(self._database, scope).ensure_room(received.size_bytes, connection=session)
            known = await self._known(session, received, place)
            if known is not None:
                return Accepted(document_id=known.id, version=known.pending_version or known.version, duplicate=True)
            document_id, version = await self._next_version(session, received, kind, place)
            await self._files.keep(received, scope.tenant_id, document_id, version)
        return Accepted(document_id=document_id, version=version, duplicate=False)

    async def _known(
        self, session: AsyncConnection, received: Received, place: _Place
    ) -> Row[tuple[DocumentId, int, int | None]] | None:
        """The document that has this content, or is about to have it; one that failed has not."""
        query = (
            select(documents.c.id, documents.c.version, documents.c.pending_version)
            .where(visible(documents, self._scope), place.condition(), documents.c.sha256 == received.sha256)
            .where(documents.c.stage.not_in((Stage.FAILED, Stage.CANCELLED)))
            .limit(1)
        )
        return (await session.execute(query)).one_or_none()  # pyright: ignore[reportReturnType]

    async def _next_version(
        self, session: AsyncConnection, received: Received, kind: Format, place: _Place
    ) -> tuple[DocumentId, int]:
        query = select(documents.c.id).where(
            visible(documents, self._scope), place.condition(), documents.c.filename == place.filename
        )
        document_id = await session.scalar(query)
        if document_id is None:
            document_id, version = DocumentId(uuid4()), 1
            await session.execute(insert(documents).values(self._document(document_id, received, kind, place)))
            await queue(session, self._scope, document_id, version)
        else:
            version = await self._last_version(session, document_id) + 1
            # Before the document: so does the worker of the version before, and neither waits for the other.
            await queue(session, self._scope, document_id, version)
            updated = await session.execute(
                update(documents)
                .where(visible(documents, self._scope), place.condition(), documents.c.id == document_id)
                .values(
                    pending_version=version,
                    sha256=received.sha256,
                    stage=Stage.QUEUED,
                    percent=0.0,
                    eta_seconds=None,
                    reason=None,
                    hopeless=False,
                    updated_at=func.now(),
                )
            )
            if not updated.rowcount:
                raise Conflict("the document of this name was deleted or moved meanwhile: send the file again")
        await session.execute(
            insert(document_versions).values(
                tenant_id=self._scope.tenant_id,
                document_id=document_id,
                version=version,
                private_to=place.private_to,
                sha256=received.sha256,
                size_bytes=received.size_bytes,
                media_type=kind.media_type,
            )
        )
        return document_id, version

    async def _last_version(self, session: AsyncConnection, document_id: DocumentId) -> int:
        query = select(func.max(document_versions.c.version)).where(
            visible(document_versions, self._scope), document_versions.c.document_id == document_id
        )
        return await session.scalar(query) or 0

    def _document(self, document_id: DocumentId, received: Received, kind: Format, place: _Place) -> dict[str, object]:
        return {
            "tenant_id": self._scope.tenant_id,
            "id": document_id,
            "collection_id": place.collection_id,
            "owner_id": self._scope.user_id,
            "private_to": place.private_to,
            "filename": place.filename,
            "media_type": kind.media_type,
            "pending_version": 1,
            "sha256": received.sha256,
            "size_bytes": received.size_bytes,
            "stage": Stage.QUEUED,
        }


async def queue(session: AsyncConnection, scope: Scope, document_id: DocumentId, version: int) -> None:
    """Ask for a version to be worked on; what was asked for before on this document is void."""
    task = upsert(ingest_tasks).values(
        tenant_id=scope.tenant_id, document_id=document_id, version=version, user_id=scope.user_id
    )
    fresh = {
        "version": version,
        "worker": "",
        "attempts": 0,
        "failures": 0,
        "cancelled": False,
        "lease_until": func.now(),
    }
    await session.execute(task.on_conflict_do_update(index_elements=["tenant_id", "document_id"], set_=fresh))
