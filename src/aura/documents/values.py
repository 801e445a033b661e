"""What is known of a document, and what ingesting it reports."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from aura.identity import CollectionId, DocumentId, UserId


class Stage(StrEnum):
    """Where a document is on its way. The last three are final."""

    QUEUED = "queued"
    PARSING = "parsing"
    SPLITTING = "splitting"
    EMBEDDING = "embedding"
    INDEXING = "indexing"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in (Stage.READY, Stage.FAILED, Stage.CANCELLED)


class Visibility(StrEnum):
    """Who may see a document: every member of the organisation, or its owner alone."""

    ORGANIZATION = "organization"
    PRIVATE = "private"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document of the catalogue as it stands now. `version` is the one that answers; 0 while there is none yet.

    `can_retry`: it failed or was cancelled, and the same file may get through another time. One that is encrypted, empty or
    damaged will not: it takes a mended file of the same name.
    """

    id: DocumentId
    filename: str
    media_type: str
    collection_id: CollectionId
    owner_id: UserId | None
    visibility: Visibility
    version: int
    size_bytes: int
    sha256: str
    stage: Stage
    percent: float
    eta_seconds: float | None
    reason: str | None
    can_retry: bool
    chunks: int
    pages: int | None
    created_at: datetime
    updated_at: datetime


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A document as a change left it; as it was last seen where the change is its deletion."""

    document: Document
    deleted: bool = False


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One uploaded state of a document. `answers`: it is the one that is searched."""

    version: int
    sha256: str
    size_bytes: int
    media_type: str
    characters: int | None
    pages: int | None
    chunks: int
    created_at: datetime
    answers: bool


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a document. `text` is exactly `document_text[start:end]`; `page` counts from 1, or is None."""

    id: str
    document_id: DocumentId
    version: int
    ordinal: int
    page: int | None
    start: int
    end: int
    heading: tuple[str, ...]
    text: str
    tokens: int


class IngestProgress(msgspec.Struct, frozen=True, kw_only=True):
    """One step of one file. `percent` is 0–100 of this file; `files_done` of `files_total` of the whole call.

    `can_retry` as of a `Document`.
    """

    filename: str
    document_id: DocumentId | None
    stage: Stage
    percent: float
    eta_seconds: float | None = None
    reason: str | None = None
    can_retry: bool = False
    chunks: int = 0
    duplicate: bool = False
    files_done: int = 0
    files_total: int | None = None

    def __str__(self) -> str:
        eta = f", {self.eta_seconds:.0f} s left" if self.eta_seconds is not None else ""
        why = f": {self.reason}" if self.reason else ""
        return f"{self.filename}: {self.stage} {self.percent:.0f} %{eta}{why}"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a deletion removed, counted as it was removed."""

    documents: int = 0
    chunks: int = 0
    vectors: int = 0
    files: int = 0
    cache_entries: int = 0
    users: int = 0
    conversations: int = 0
    messages: int = 0
    facts: int = 0
    summaries: int = 0
    responses: int = 0
    persona: int = 0
    """What was chosen, and each sign that anything was learned from."""

    def __add__(self, other: Receipt) -> Receipt:
        return Receipt(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})
