"""Documents, their chunks and versions, collections, and what a search finds."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from aura.documents.values import Chunk, Document, IngestProgress, Stage, Visibility
from aura.index.passage import Passage, SearchTrial
from aura.tenants.values import Collection

Status = Literal["queued", "processing", "ready", "failed", "cancelled"]


def status_of(stage: Stage) -> Status:
    """The stage, as coarse as most clients want it."""
    return stage.value if stage is Stage.QUEUED or stage.final else "processing"  # pyright: ignore[reportReturnType]


class DocumentResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A document. `percent` is 0 to 100, `eta_seconds` how long it will still take, `reason` why it failed.

    `version` is the one that answers; 0 while there is none yet. `can_retry`: it failed or was cancelled, and trying it
    again may help; a file that is encrypted, empty or damaged takes a mended one of the same name.
    """

    id: UUID
    filename: str
    status: Status
    stage: Stage
    percent: float
    eta_seconds: float | None
    reason: str | None
    can_retry: bool
    version: int
    size_bytes: int
    chunks: int
    pages: int | None
    media_type: str
    visibility: Visibility
    collection_id: UUID
    owner_id: UUID | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, document: Document) -> DocumentResponse:
        """`document` on the wire."""
        fields = {name: getattr(document, name) for name in cls.__struct_fields__ if name != "status"}
        return cls(**fields, status=status_of(document.stage))


class DocumentChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may see a document from now on: `organization`, or `private` to who uploaded it."""

    visibility: Visibility


class UploadedResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an upload. One that was refused has no `id`, the status `failed`, and a `reason`."""

    id: UUID | None
    filename: str
    status: Status
    stage: Stage
    percent: float
    reason: str | None = None
    duplicate: bool = False

    @classmethod
    def of(cls, progress: IngestProgress) -> UploadedResponse:
        """What became of one file, on the wire."""
        return cls(
            id=progress.document_id,
            filename=progress.filename,
            status=status_of(progress.stage),
            stage=progress.stage,
            percent=progress.percent,
            reason=progress.reason,
            duplicate=progress.duplicate,
        )


class UploadResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each file, in the order of the upload."""

    documents: tuple[UploadedResponse, ...]


class ChunkResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a document: its `text` is the document's text from `start` to `end`. `page` counts from 1."""

    id: str
    ordinal: int
    page: int | None
    start: int
    end: int
    heading: tuple[str, ...]
    text: str
    tokens: int

    @classmethod
    def of(cls, chunk: Chunk) -> ChunkResponse:
        """`chunk` on the wire."""
        return msgspec.convert(chunk, cls, from_attributes=True)


class PassageResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A found passage. `score` orders the items of one query; a leg that did not find it has the score null."""

    document_id: UUID
    version: int
    filename: str
    page: int | None
    start: int
    end: int
    heading: tuple[str, ...]
    text: str
    score: float
    dense_score: float | None
    bm25_score: float | None

    @classmethod
    def of(cls, passage: Passage) -> PassageResponse:
        """`passage` on the wire."""
        return msgspec.convert(passage, cls, from_attributes=True)


class PassagesResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found, best first."""

    items: tuple[PassageResponse, ...]


class SearchResponse(PassagesResponse, frozen=True, kw_only=True):
    """What a search found, best first, and how long the question's embedding and the search took here."""

    embedding_seconds: float
    search_seconds: float

    @classmethod
    def of(cls, trial: SearchTrial) -> SearchResponse:
        """`trial` on the wire."""
        return cls(
            items=tuple(PassageResponse.of(passage) for passage in trial.passages),
            embedding_seconds=trial.embedding_seconds,
            search_seconds=trial.search_seconds,
        )


class CollectionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new collection."""

    name: str
    description: str = ""


class CollectionChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new name for a collection."""

    name: str


class CollectionResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A knowledge base inside the organisation."""

    id: UUID
    name: str
    description: str
    created_at: datetime

    @classmethod
    def of(cls, collection: Collection) -> CollectionResponse:
        """`collection` on the wire."""
        return msgspec.convert(collection, cls, from_attributes=True)
