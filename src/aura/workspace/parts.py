"""What a platform has built once, and every workspace of it shares."""

from __future__ import annotations

import msgspec
from llama_index.core.llms import LLM

from aura.access.access import AccessSettings
from aura.answering.responses import Responses
from aura.clock import Clock
from aura.database.engine import Database
from aura.documents.files import Files
from aura.documents.pipeline import Pipeline
from aura.index.embedding import EmbeddingModel
from aura.index.rerank import CrossEncoderReranker
from aura.index.search import Places
from aura.jobs.housekeeping import DUTIES, Duty
from aura.jobs.turns import Turns
from aura.portal import Portal
from aura.router.models import RoutingCache
from aura.settings import Settings
from aura.tenants.passwords import Passwords
from aura.tenants.provider_keys import KeyCipher
from aura.usage.platform_budget import PlatformBudget
from aura.usage.totals import Totals
from aura.voice.parts import VoiceParts


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform has built, and every workspace of it shares."""

    settings: Settings
    database: Database
    files: Files
    embedder: EmbeddingModel
    llm: LLM
    pipeline: Pipeline
    portal: Portal
    passwords: Passwords
    cipher: KeyCipher
    access: AccessSettings
    memory_key: bytes
    reranker: CrossEncoderReranker | None
    responses: Responses
    totals: Totals = msgspec.field(default_factory=Totals)
    clock: Clock
    turns: Turns
    voice: VoiceParts
    duties: tuple[Duty, ...] = DUTIES
    platform_budget: PlatformBudget | None = None
    places: Places = msgspec.field(default_factory=Places)
    routing: RoutingCache = msgspec.field(default_factory=RoutingCache)
