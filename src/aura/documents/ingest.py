"""`workspace.documents`: files in, a catalogue of what is there, and how to take it out again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec

from aura.documents.catalogue import Catalogue
from aura.documents.crew import Crew
from aura.documents.files import Source
from aura.documents.intake import Intake
from aura.documents.pipeline import Pipeline
from aura.documents.sources import File, count, display_name, files_of
from aura.documents.values import Change, Chunk, Document, IngestProgress, Receipt, Stage, Version, Visibility
from aura.documents.watch import Watch
from aura.errors import AuraError, Denied, InvalidRequest, LimitExceeded, NotFound
from aura.identity import CollectionId, DocumentId, Scope, TenantId, Verb
from aura.tenants.collections import Collections
from aura.tenants.values import Page


class Documents:
    """What a scope can do with documents."""

    def __init__(
        self,
        *,
        scope: Scope,
        catalogue: Catalogue,
        intake: Intake,
        pipeline: Pipeline,
        collections: Collections,
        concurrency: int,
        may_upload: bool,
        wake: Callable[[TenantId], Awaitable[None]],
    ) -> None:
        self._scope = scope
        self._catalogue = catalogue
        self._intake = intake
        self._pipeline = pipeline
        self._collections = collections
        self._concurrency = concurrency
        self._may_upload = may_upload
        self._wake = wake

    async def ingest(
        self,
        source: Source | Sequence[Path | str],
        *,
        filename: str | None = None,
        collection: str | CollectionId | None = None,
        visibility: Visibility | str = Visibility.ORGANIZATION,
    ) -> AsyncGenerator[IngestProgress]:
        """Make files searchable, several at once; what happens to each, as it happens.

        A file that can not be used is reported as `failed` with its reason, and the rest go on. What was accepted is not
        lost when the caller stops listening or the process dies: it is taken up again.

        Args:
            source: a file, a folder (with all below it, but what links in it lead to outside of it), several of these,
                the bytes, or a stream.
            filename: what to call bytes and streams; required for these.
            collection: its name or id; the organisation's default collection otherwise.
            visibility: `organization`, or `private` to the scope's user.

        Raises:
            Denied: the user may not upload documents.
            NotFound: there is no such collection.
            Unavailable: the database is away.
        """
        self._require_uploader()
        collection_id = await self._collection(collection)
        seen = _visibility(visibility)
        named, take_in = files_of(source, filename), partial(self._take_in, collection_id, seen)
        async with Crew(named, take_in, workers=self._concurrency, total=count(source)) as crew:
            async for progress in crew.progress():
                yield progress

    async def ensure_room(self, size_bytes: int) -> None:
        """Refuse `size_bytes` of files before they are sent; what is taken in is held to the same limits once more.

        Raises:
            Denied: the user may not upload documents.
            LimitExceeded: the organisation's storage has no room for them.
        """
        self._require_uploader()
        await self._intake.ensure_room(size_bytes)

    async def add(
        self,
        source: Source,
        filename: str,
        *,
        collection: str | CollectionId | None = None,
        visibility: Visibility | str = Visibility.ORGANIZATION,
    ) -> tuple[Document, bool]:
        """Store one file and queue it; the document, and whether its content was there already. A worker does the rest.

        Raises:
            InvalidRequest: the file can not be used.
            LimitExceeded: the organisation's storage is full.
        """
        self._require_uploader()
        accepted = await self._intake.accept(
            source,
            display_name(filename),
            collection_id=await self._collection(collection),
            visibility=_visibility(visibility),
        )
        if not accepted.duplicate:
            await self._wake(self._scope.tenant_id)
        return await self._catalogue.get(accepted.document_id), accepted.duplicate

    async def add_all(
        self,
        files: Sequence[tuple[str, Source]],
        *,
        collection: str | CollectionId | None = None,
        visibility: Visibility | str = Visibility.ORGANIZATION,
    ) -> tuple[IngestProgress, ...]:
        """Store several files, by name and content, and queue them; what became of each, in their order.

        A file that can not be used is reported as `failed` with its reason, and the rest are stored; where it is the only
        one, its error is raised.

        Raises:
            InvalidRequest: there is no file, or the only one can not be used.
            LimitExceeded: the organisation's storage has no room for the only one.
        """
        if not files:
            raise InvalidRequest("there is no file in this upload: send one or more as `files`", field="files")
        taken: list[IngestProgress] = []
        for filename, source in files:
            try:
                document, duplicate = await self.add(source, filename, collection=collection, visibility=visibility)
            except (InvalidRequest, LimitExceeded) as error:
                if len(files) == 1:
                    raise
                taken.append(_refused(display_name(filename), error))
            else:
                taken.append(msgspec.structs.replace(_progress(document), duplicate=duplicate))
        return tuple(taken)

    async def get(self, document_id: DocumentId) -> Document:
        """One document. Raises `NotFound`."""
        self._scope.require(Verb.READ)
        return await self._catalogue.get(document_id)

    async def list(
        self,
        *,
        collection: str | CollectionId | None = None,
        stage: Stage | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Document]:
        """Documents by name, a page at a time."""
        self._scope.require(Verb.READ)
        collection_id = None if collection is None else await self._collection(collection)
        return await self._catalogue.list(collection_id=collection_id, stage=stage, limit=limit, cursor=cursor)

    async def chunks(self, document_id: DocumentId, *, limit: int = 1_000, after: int = -1) -> Sequence[Chunk]:
        """A document's chunks in order. Raises `NotFound`."""
        self._scope.require(Verb.READ)
        return await self._catalogue.chunks(document_id, limit=limit, after=after)

    async def chunk_page(self, document_id: DocumentId, *, limit: int = 100, cursor: str | None = None) -> Page[Chunk]:
        """A document's chunks in order, a page at a time. Raises `NotFound`, `InvalidRequest`."""
        if cursor is not None and not cursor.isdecimal():
            raise InvalidRequest("this cursor is none of ours: pass `next_cursor` on as it came", field="cursor")
        found = await self.chunks(document_id, limit=limit + 1, after=-1 if cursor is None else int(cursor[:9]))
        more = len(found) > limit
        return Page(items=tuple(found[:limit]), next_cursor=str(found[limit - 1].ordinal) if more else None)

    async def text(self, document_id: DocumentId, *, version: int | None = None) -> str:
        """A document's whole text, which citations' offsets count in. Raises `NotFound`."""
        self._scope.require(Verb.READ)
        return await self._catalogue.text(document_id, version=version)

    async def original(self, document_id: DocumentId, *, version: int | None = None) -> Path:
        """Where the file lies as it was uploaded. Raises `NotFound`."""
        self._scope.require(Verb.READ)
        return await self._catalogue.original(document_id, version=version)

    async def delete(self, document_id: DocumentId) -> Receipt:
        """Delete a document with all that was made of it. Raises `NotFound`, `Denied`."""
        await self._refuse_reader(document_id)
        return await self._catalogue.delete(document_id)

    async def cancel(self, document_id: DocumentId) -> None:
        """Stop working on a document. Raises `NotFound`, `Denied`."""
        await self._refuse_reader(document_id)
        await self._catalogue.cancel(document_id)

    async def set_visibility(self, document_id: DocumentId, visibility: Visibility | str) -> Document:
        """Make a document private to its owner, or visible to the organisation; search obeys at once.

        Raises:
            NotFound: there is no such document in the scope.
            Denied: the user may not upload documents, or would make private what another one owns.
            InvalidRequest: there is no such visibility.
            Conflict: a document of this name is there already, or the document was changed meanwhile.
        """
        wanted = _visibility(visibility)
        self._scope.require(Verb.WRITE)
        document = await self._catalogue.get(document_id)
        self._require_uploader()
        if wanted is Visibility.PRIVATE and (document.owner_id is None or document.owner_id != self._scope.user_id):
            raise Denied("only who uploaded a document can make it private: it is theirs alone then")
        changed = await self._catalogue.set_visibility(document_id, wanted)
        if not changed.stage.final:
            await self._wake(self._scope.tenant_id)
        return changed

    async def retry(self, document_id: DocumentId) -> AsyncGenerator[IngestProgress]:
        """Work on a failed or cancelled document again. Raises `NotFound`, `Denied`, `Conflict`."""
        await self.requeue(document_id)
        async for progress in self.work(document_id):
            yield progress

    async def requeue(self, document_id: DocumentId) -> Document:
        """Have a worker try a failed or cancelled document again. Raises `NotFound`, `Denied`, `Conflict`."""
        await self._refuse_reader(document_id)
        document = await self._catalogue.requeue(document_id)
        await self._wake(self._scope.tenant_id)
        return document

    async def versions(self, document_id: DocumentId) -> tuple[Version, ...]:
        """A document's versions, the newest first. Raises `NotFound`."""
        self._scope.require(Verb.READ)
        return await self._catalogue.versions(document_id)

    async def changes(self, since: datetime | None = None, *, every_seconds: float = 1.0) -> AsyncGenerator[Change]:
        """Documents as they change, in the order of their changes; deletions, too. Goes on until it is closed.

        Args:
            since: begin with what changed then; now unless given.

        Cost: one round trip each `every_seconds`, over the documents that changed.
        """
        self._scope.require(Verb.READ)
        watch = Watch(self._catalogue, since=since)
        while True:
            for change in await watch.next():
                yield change
            await asyncio.sleep(every_seconds)

    async def work(self, document_id: DocumentId) -> AsyncGenerator[IngestProgress]:
        """Work on a queued document here and now, or watch the worker that has it, until its end. Raises `NotFound`."""
        # The pipeline works for every member; who watches must see the document.
        if not self._scope.may(Verb.WRITE):
            self._scope.require(Verb.READ)
        document = await self._catalogue.get(document_id)
        reports: asyncio.Queue[IngestProgress | None] = asyncio.Queue()
        task = asyncio.create_task(self._pipeline.run(self._scope, document_id, reports.put_nowait))
        task.add_done_callback(lambda _: reports.put_nowait(None))
        try:
            last = None
            while (progress := await reports.get()) is not None:
                last = progress
                yield progress
            await task
            if last is None or not last.stage.final:
                async for progress in self._watch(document):
                    yield progress
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _take_in(
        self, collection_id: CollectionId, visibility: Visibility, file: File
    ) -> AsyncGenerator[IngestProgress]:
        """One file of many, from its acceptance to its end; one that can not be used is reported as failed."""
        try:
            accepted = await self._intake.accept(
                file.source, file.filename, collection_id=collection_id, visibility=visibility
            )
        except (InvalidRequest, LimitExceeded) as error:
            yield _refused(file.filename, error)
            return
        if accepted.duplicate:
            document = await self._catalogue.get(accepted.document_id)
            if document.stage.final:
                yield msgspec.structs.replace(_progress(document), filename=file.filename, duplicate=True)
                return
        async with aclosing(self.work(accepted.document_id)) as work:
            async for progress in work:
                yield progress

    async def _watch(self, document: Document) -> AsyncGenerator[IngestProgress]:
        while True:
            try:
                document = await self._catalogue.get(document.id)
            except NotFound:
                reason = "the document was deleted while it was worked on"
                document = msgspec.structs.replace(document, stage=Stage.CANCELLED, reason=reason, can_retry=False)
            yield _progress(document)
            if document.stage.final:
                return
            await asyncio.sleep(0.5)

    async def _refuse_reader(self, document_id: DocumentId) -> None:
        """Members who may not upload change only what is private to them."""
        self._scope.require(Verb.WRITE)
        document = await self._catalogue.get(document_id)
        if not self._may_upload and document.visibility is not Visibility.PRIVATE:
            raise Denied(
                "this user may not change documents of the organisation; an admin can allow it (can_upload_documents)"
            )

    def _require_uploader(self) -> None:
        self._scope.require(Verb.WRITE)
        if not self._may_upload:
            raise Denied("this user may not upload documents; an admin can allow it (can_upload_documents)")

    async def _collection(self, collection: str | CollectionId | None) -> CollectionId:
        if collection is None:
            return (await self._collections.default()).id
        return (await self._collections.by_name_or_id(collection)).id


def _progress(document: Document) -> IngestProgress:
    return IngestProgress(
        filename=document.filename,
        document_id=document.id,
        stage=document.stage,
        percent=document.percent,
        eta_seconds=document.eta_seconds,
        reason=document.reason,
        can_retry=document.can_retry,
        chunks=document.chunks,
    )


def _refused(filename: str, error: AuraError) -> IngestProgress:
    return IngestProgress(filename=filename, document_id=None, stage=Stage.FAILED, percent=0.0, reason=str(error))


def _visibility(value: Visibility | str) -> Visibility:
    try:
        return Visibility(value)
    except ValueError:
        raise InvalidRequest(f"visibility is 'organization' or 'private', not {value!r}", field="visibility") from None
