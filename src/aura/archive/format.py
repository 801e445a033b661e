"""What is in an archive: its members, the manifest that names them, and how each row is written.

docs/archive-format.md promises this to others. A field or member more is a new `VERSION`; readers of older ones stay.
No row names its tenant: whose it is follows from the scope it is restored in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from aura.answering.events import Citation
from aura.documents.parsing.elements import ELEMENTS_FILE, TEXT_FILE
from aura.memory.slots import Category
from aura.memory.slots import Kind as FactKind
from aura.memory.values import Status
from aura.persona.learning import Kind
from aura.persona.traits import Axis, Channel
from aura.tenants.values import Tier

FORMAT: Final = "aura-archive"
VERSION: Final = 3

MANIFEST: Final = "manifest.json"
ORGANISATION: Final = "organisation.json"
USERS: Final = "users.jsonl"
COLLECTIONS: Final = "collections.jsonl"
DOCUMENTS: Final = "documents.jsonl"
VERSIONS: Final = "versions.jsonl"
CHUNKS: Final = "chunks.jsonl"
VECTORS: Final = "vectors.npy"
CONVERSATIONS: Final = "conversations.jsonl"
MESSAGES: Final = "messages.jsonl"
PERSONAS: Final = "personas.jsonl"
SIGNALS: Final = "signals.jsonl"
FEEDBACK: Final = "feedback.jsonl"
FACTS: Final = "facts.jsonl"
EVIDENCE: Final = "evidence.jsonl"
FORGOTTEN: Final = "forgotten.jsonl"
WAITING: Final = "waiting.jsonl"
MEMORY_SETTINGS: Final = "memory_settings.jsonl"

SINCE: Final[Mapping[str, int]] = dict.fromkeys(
    (PERSONAS, SIGNALS, FEEDBACK, FACTS, EVIDENCE, FORGOTTEN, WAITING, MEMORY_SETTINGS), 2
)
"""The first version that has a member; what is not named here is in all of them."""
ROWS: Final = frozenset({USERS, COLLECTIONS, DOCUMENTS, VERSIONS, CHUNKS, CONVERSATIONS, MESSAGES, *SINCE})
"""The members that hold one JSON object a line."""

ORIGINAL: Final = "original"
FILES: Final = (ORIGINAL, TEXT_FILE, ELEMENTS_FILE)
"""What there is of a document's version; the one that answers has all of them."""

MAX_LINE_BYTES: Final = 64 * 1024 * 1024
"""Of one row; more is neither written nor read."""
MAX_MANIFEST_BYTES: Final = 512 * 1024 * 1024

_FILE = re.compile(
    r"files/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/([1-9][0-9]{0,8})/(" + "|".join(map(re.escape, FILES)) + ")"
)

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class File(msgspec.Struct, frozen=True):
    """One file of one version of a document."""

    document_id: UUID
    version: int
    name: str

    @property
    def member(self) -> str:
        """What the member is called that holds it."""
        return f"files/{self.document_id}/{self.version}/{self.name}"


def find_file(member: str) -> File | None:
    """The file that a member of this name holds; None when it is none of ours."""
    match = _FILE.fullmatch(member)
    return None if match is None else File(UUID(match[1]), int(match[2]), match[3])


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is not known is refused: it would be lost without a word."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a manifest of any version has."""

    format: str
    version: int


class Member(_Strict, frozen=True, kw_only=True):
    """What the manifest says of a member. `rows` is how many lines it has, or vectors."""

    bytes: Annotated[int, msgspec.Meta(ge=0)]
    sha256: Sha256
    rows: Annotated[int, msgspec.Meta(ge=0)] | None = None


class IndexFacts(_Strict, frozen=True, kw_only=True):
    """Which model made the vectors, and the average length that BM25's weights were computed with."""

    model: str
    model_sha256: str
    dimension: Annotated[int, msgspec.Meta(ge=1, le=4000)]
    dedicated: bool
    weighted_average: Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class Unfinished(_Strict, frozen=True, kw_only=True):
    """A version of a document that was not searchable when the archive was made."""

    document_id: UUID
    filename: str
    version: int
    stage: str


class LeftOut(_Strict, frozen=True, kw_only=True):
    """What the tenant has and the archive has not: providers whose keys are to be entered again, files to be added again."""

    provider_keys: tuple[str, ...] = ()
    unfinished: tuple[Unfinished, ...] = ()


class Manifest(_Strict, frozen=True, kw_only=True):
    """The contents of `manifest.json`. `index` is None where nothing was searchable yet."""

    format: Literal["aura-archive"] = FORMAT
    version: int = VERSION
    made_by: str
    made_at: Moment
    index: IndexFacts | None
    members: dict[str, Member]
    left_out: LeftOut


class OrganisationRecord(_Strict, frozen=True, kw_only=True):
    """`organisation.json`."""

    organization_name: str
    subdomain: str
    admin_email: str
    subscription_tier: Tier
    created_at: Moment
    max_users: int
    max_storage_gb: int
    max_api_calls_monthly: int
    custom_settings: dict[str, object]
    custom_logo: str | None
    brand_colors: dict[str, str]
    expires_at: Moment | None
    max_voice_sessions: int | None = None
    max_voice_minutes_monthly: int | None = None


class UserRecord(_Strict, frozen=True, kw_only=True):
    """A line of `users.jsonl`. `password_hash` is Argon2id's; the empty text lets nobody in."""

    id: UUID
    email: str
    password_hash: str
    role: Literal["admin", "manager", "user"]
    name: str
    persona_settings: dict[str, object]
    voice_preference: str | None
    can_upload_documents: bool
    can_modify_ai_settings: bool
    can_view_analytics: bool
    is_active: bool
    created_at: Moment


class CollectionRecord(_Strict, frozen=True, kw_only=True):
    """A line of `collections.jsonl`."""

    id: UUID
    name: str
    description: str
    created_at: Moment


class DocumentRecord(_Strict, frozen=True, kw_only=True):
    """A line of `documents.jsonl`: a document, with the facts of the version that answers."""

    id: UUID
    collection_id: UUID
    owner_id: UUID | None
    private_to: UUID | None
    filename: str
    media_type: str
    version: Annotated[int, msgspec.Meta(ge=1)]
    sha256: Sha256
    size_bytes: Annotated[int, msgspec.Meta(ge=0)]
    chunks: int
    pages: int | None
    created_at: Moment
    updated_at: Moment


class VersionRecord(_Strict, frozen=True, kw_only=True):
    """A line of `versions.jsonl`: a version that answers, or that did."""

    document_id: UUID
    version: Annotated[int, msgspec.Meta(ge=1)]
    private_to: UUID | None
    sha256: Sha256
    size_bytes: Annotated[int, msgspec.Meta(ge=0)]
    media_type: str
    characters: int | None
    pages: int | None
    chunks: int
    created_at: Moment


class ChunkRecord(_Strict, frozen=True, kw_only=True):
    """A line of `chunks.jsonl`. One without a document came in as a LlamaIndex node, and `node` is the rest of that.

    BM25's terms are not archived: they follow from the text.
    """

    id: str
    document_id: UUID | None
    version: int
    collection_id: UUID | None
    private_to: UUID | None
    ordinal: int
    page: int | None
    start_offset: int
    end_offset: int
    heading: tuple[str, ...]
    text: str
    gap: str
    tokens: int
    text_sha256: bytes
    ref_doc_id: str | None
    metadata: dict[str, object]
    node: dict[str, object] | None


class ConversationRecord(_Strict, frozen=True, kw_only=True):
    """A line of `conversations.jsonl`."""

    id: UUID
    user_id: UUID | None
    title: str
    created_at: Moment
    updated_at: Moment
    pinned: bool = False


class MessageRecord(_Strict, frozen=True, kw_only=True):
    """A line of `messages.jsonl`, in the order of each conversation."""

    id: UUID
    conversation_id: UUID
    user_id: UUID | None
    role: Literal["user", "assistant"]
    text: str
    citations: tuple[Citation, ...]
    model: str | None
    cost_usd: Decimal
    refused: bool
    created_at: Moment
    stopped: bool = False
    language: str | None = None
    tokens: Count | None = None
    heard_characters: Count | None = None
    audio_ms: Count | None = None


class PersonaRecord(_Strict, frozen=True, kw_only=True):
    """A line of `personas.jsonl`: what a member has chosen, by axis."""

    user_id: UUID
    chosen: dict[Axis, float | str]
    updated_at: Moment


class SignalRecord(_Strict, frozen=True, kw_only=True):
    """A line of `signals.jsonl`: a hint of how a member wants to be answered, and where it was found."""

    id: UUID
    user_id: UUID
    channel: Channel
    axis: Axis
    towards: str
    kind: Kind
    message_id: UUID
    created_at: Moment


class FeedbackRecord(_Strict, frozen=True, kw_only=True):
    """A line of `feedback.jsonl`: what its asker thought of an answer."""

    message_id: UUID
    user_id: UUID | None
    rating: Literal[1, -1]
    reason: str
    comment: str
    created_at: Moment


class FactRecord(_Strict, frozen=True, kw_only=True):
    """A line of `facts.jsonl`: what a member said of themselves, as `aura.memory.values.Fact` has it."""

    id: UUID
    user_id: UUID | None
    subject: str
    slot: str
    value: str
    text: str
    language: str
    category: Category
    kind: FactKind
    polarity: Literal[1, -1]
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]
    evidence: Count
    status: Status
    superseded_by: UUID | None
    pinned: bool
    edited: bool
    extractor: str
    event_from: date | None
    event_to: date | None
    learned_at: Moment
    asserted_at: Moment
    valid_from: Moment
    valid_to: Moment | None


class EvidenceRecord(_Strict, frozen=True, kw_only=True):
    """A line of `evidence.jsonl`: the place in a message that says a fact."""

    fact_id: UUID
    message_id: UUID
    user_id: UUID | None
    start_offset: Count
    end_offset: Count
    said_at: Moment


class ForgottenRecord(_Strict, frozen=True, kw_only=True):
    """A line of `forgotten.jsonl`: a place in a message that no fact may be learned from again."""

    id: UUID
    user_id: UUID | None
    message_id: UUID | None
    start_offset: Count | None
    end_offset: Count | None
    deleted_at: Moment


class WaitingRecord(_Strict, frozen=True, kw_only=True):
    """A line of `waiting.jsonl`: a message that facts may be learned from, and were not yet."""

    message_id: UUID


class MemorySettingsRecord(_Strict, frozen=True, kw_only=True):
    """A line of `memory_settings.jsonl`: what a member lets memory do."""

    user_id: UUID
    learns: bool
    sensitive: bool
    time_zone: str
