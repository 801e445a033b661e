"""Files in, what became of them, and what a search finds in them; collections."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any, BinaryIO, cast
from uuid import UUID

import msgspec
from litestar import Request, delete, get, patch, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, MultipartBody, QueryParameter
from litestar.response import File, Stream

from aura.access.callers import Caller
from aura.documents.values import Stage, Version, Visibility
from aura.identity import CollectionId, DocumentId, Verb
from aura.usage.audit import Action
from aura.workspace import Workspace
from aura_server.auditing import Record
from aura_server.callers import TICKETS, still_let_in
from aura_server.guards import room_for_upload
from aura_server.limits import CALL, UPLOAD
from aura_server.repeats import hash_of, once
from aura_server.sse import MEDIA_TYPE, change_stream, telling
from aura_server.wire.common import Items, ReceiptResponse, items_of
from aura_server.wire.documents import (
    ChunkResponse,
    CollectionChanges,
    CollectionRequest,
    CollectionResponse,
    DocumentChanges,
    DocumentResponse,
    SearchResponse,
    UploadedResponse,
    UploadResponse,
)

_TAGS = ["documents"]
Limit = Annotated[int, QueryParameter(ge=1, le=1_000, description="The most items of this piece.")]
Cursor = Annotated[str | None, QueryParameter(description="The `next_cursor` of the piece before.")]

_ONCE = "Makes the upload safe to send again within a day: the same answer, and no second upload. A UUID, say."


class UploadForm(msgspec.Struct, kw_only=True):
    """One or more files, for one collection and one audience."""

    files: list[UploadFile]
    collection: str | None = None
    visibility: Visibility = Visibility.ORGANIZATION


@post("/documents/", status_code=202, opt=UPLOAD, guards=[room_for_upload], tags=_TAGS)
async def upload(
    data: MultipartBody[UploadForm],
    caller: NamedDependency[Caller],
    workspace: NamedDependency[Workspace],
    record: NamedDependency[Record],
    idempotency_key: Annotated[str | None, HeaderParameter(name="Idempotency-Key", description=_ONCE)] = None,
) -> UploadResponse:
    """Take files in. They are safe when this answers, and searchable when their status is `ready`."""
    if idempotency_key is None:
        return await _take_in(data, workspace, record)
    request = await hash_of(data.files, "POST /documents/", data.collection, data.visibility)
    work = partial(_take_in, data, workspace, record)
    return await once(workspace, caller.name, idempotency_key, request, work, UploadResponse)


async def _take_in(data: UploadForm, workspace: Workspace, record: Record) -> UploadResponse:
    taken = await workspace.documents.add_all(
        [(file.filename, cast("BinaryIO", file.file)) for file in data.files],
        collection=data.collection,
        visibility=data.visibility,
    )
    for each in taken:
        if each.document_id is not None and not each.duplicate:
            await record(Action.DOCUMENT_ADDED, "document", each.document_id)
    return UploadResponse(documents=tuple(UploadedResponse.of(each) for each in taken))


@get("/documents/", tags=_TAGS)
async def documents(
    workspace: NamedDependency[Workspace],
    limit: Limit = 100,
    cursor: Cursor = None,
    collection: FromQuery[str | None] = None,
    stage: FromQuery[Stage | None] = None,
) -> Items[DocumentResponse]:
    """The documents that the caller may see, by name."""
    page = await workspace.documents.list(collection=collection, stage=stage, limit=limit, cursor=cursor)
    return items_of(page, DocumentResponse.of)


@get("/documents/search", opt=CALL, tags=_TAGS)
async def search(
    workspace: NamedDependency[Workspace],
    q: Annotated[str, QueryParameter(description="What to look for.")],
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 10,
    collection: FromQuery[str | None] = None,
) -> SearchResponse:
    """The best passages for `q`, with the scores of both legs of the search, and the time that it took."""
    return SearchResponse.of(await workspace.try_search(q, limit=limit, collection=collection))


@get("/documents/events", media_type=MEDIA_TYPE, opt=TICKETS, tags=_TAGS)
async def events(
    request: Request[Any, Any, Any], workspace: NamedDependency[Workspace], since: FromQuery[datetime | None] = None
) -> Stream:
    """Documents as they change, as server-sent events `document` and `deleted`, until the client closes them."""
    workspace.scope.require(Verb.READ)  # before the stream begins
    changes = change_stream(workspace.documents.changes(since), still_let_in(request))
    return Stream(telling(changes), media_type=MEDIA_TYPE)


@get("/documents/{document_id:uuid}", tags=_TAGS)
async def document(document_id: FromPath[UUID], workspace: NamedDependency[Workspace]) -> DocumentResponse:
    """One document, and how far it is."""
    return DocumentResponse.of(await workspace.documents.get(DocumentId(document_id)))


@patch("/documents/{document_id:uuid}", tags=_TAGS)
async def change_document(
    document_id: FromPath[UUID],
    data: JSONBody[DocumentChanges],
    workspace: NamedDependency[Workspace],
    record: NamedDependency[Record],
) -> DocumentResponse:
    """Show a document to the organisation, or make it private to who uploaded it. Search obeys at once."""
    changed = await workspace.documents.set_visibility(DocumentId(document_id), data.visibility)
    await record(Action.DOCUMENT_SHARED, "document", document_id)
    return DocumentResponse.of(changed)


@get("/documents/{document_id:uuid}/content", media_type="application/octet-stream", tags=_TAGS)
async def content(
    document_id: FromPath[UUID], workspace: NamedDependency[Workspace], version: FromQuery[int | None] = None
) -> File:
    """The file as it was uploaded, to be saved, never shown as a page of this server."""
    found = await workspace.documents.get(DocumentId(document_id))
    path = await workspace.documents.original(found.id, version=version)
    return File(path, filename=found.filename.rpartition("/")[2], media_type="application/octet-stream")


@get("/documents/{document_id:uuid}/text", media_type="text/plain", tags=_TAGS)
async def text(
    document_id: FromPath[UUID], workspace: NamedDependency[Workspace], version: FromQuery[int | None] = None
) -> str:
    """The document's whole text: what the offsets of citations and chunks count in."""
    return await workspace.documents.text(DocumentId(document_id), version=version)


@get("/documents/{document_id:uuid}/chunks", tags=_TAGS)
async def chunks(
    document_id: FromPath[UUID], workspace: NamedDependency[Workspace], limit: Limit = 100, cursor: Cursor = None
) -> Items[ChunkResponse]:
    """The document's chunks in order."""
    return items_of(
        await workspace.documents.chunk_page(DocumentId(document_id), limit=limit, cursor=cursor), ChunkResponse.of
    )


@get("/documents/{document_id:uuid}/versions", tags=_TAGS)
async def versions(document_id: FromPath[UUID], workspace: NamedDependency[Workspace]) -> Items[Version]:
    """The document's versions, the newest first."""
    return Items(items=await workspace.documents.versions(DocumentId(document_id)))


@post("/documents/{document_id:uuid}/retry", status_code=202, tags=_TAGS)
async def retry(
    document_id: FromPath[UUID], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> DocumentResponse:
    """Work on a failed or cancelled document again. 409 for a file that would fail the same way each time (`can_retry`)."""
    queued = await workspace.documents.requeue(DocumentId(document_id))
    await record(Action.DOCUMENT_RETRIED, "document", document_id)
    return DocumentResponse.of(queued)


@post("/documents/{document_id:uuid}/cancel", status_code=202, tags=_TAGS)
async def cancel(
    document_id: FromPath[UUID], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> DocumentResponse:
    """Stop working on a document. A version that answers goes on answering."""
    await workspace.documents.cancel(DocumentId(document_id))
    await record(Action.DOCUMENT_CANCELLED, "document", document_id)
    return DocumentResponse.of(await workspace.documents.get(DocumentId(document_id)))


@delete("/documents/{document_id:uuid}", status_code=200, tags=_TAGS)
async def delete_document(
    document_id: FromPath[UUID], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> ReceiptResponse:
    """Delete a document with all that was made of it; what was removed, counted."""
    receipt = await workspace.documents.delete(DocumentId(document_id))
    await record(Action.DOCUMENT_DELETED, "document", document_id)
    return ReceiptResponse(receipt=receipt)


# -- collections -------------------------------------------------------------------------------------------------------


@get("/collections", tags=_TAGS)
async def collections(
    workspace: NamedDependency[Workspace], limit: Limit = 100, cursor: Cursor = None
) -> Items[CollectionResponse]:
    """The knowledge bases inside the organisation."""
    return items_of(await workspace.collections.list(limit=limit, cursor=cursor), CollectionResponse.of)


@post("/collections", tags=_TAGS)
async def add_collection(
    data: JSONBody[CollectionRequest], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> CollectionResponse:
    """A new collection. Admins only."""
    added = await workspace.collections.create(data.name, description=data.description)
    await record(Action.COLLECTION_ADDED, "collection", added.id)
    return CollectionResponse.of(added)


@patch("/collections/{collection_id:uuid}", tags=_TAGS)
async def rename_collection(
    collection_id: FromPath[UUID],
    data: JSONBody[CollectionChanges],
    workspace: NamedDependency[Workspace],
    record: NamedDependency[Record],
) -> CollectionResponse:
    """Give a collection another name. Admins only."""
    renamed = await workspace.collections.rename(CollectionId(collection_id), data.name)
    await record(Action.COLLECTION_CHANGED, "collection", collection_id)
    return CollectionResponse.of(renamed)


@delete("/collections/{collection_id:uuid}", status_code=200, tags=_TAGS)
async def delete_collection(
    collection_id: FromPath[UUID],
    workspace: NamedDependency[Workspace],
    record: NamedDependency[Record],
    documents: Annotated[bool, QueryParameter(description="Delete its documents, too.")] = False,
) -> ReceiptResponse:
    """Delete a collection: an empty one, or with its documents. Admins only."""
    receipt = await workspace.delete_collection(CollectionId(collection_id), documents=documents)
    await record(Action.COLLECTION_DELETED, "collection", collection_id)
    return ReceiptResponse(receipt=receipt)


HANDLERS = (
    upload, documents, search, events, versions, document, change_document, content, text, chunks, retry, cancel,
    delete_document, collections, add_collection, rename_collection, delete_collection,
)  # fmt: skip
