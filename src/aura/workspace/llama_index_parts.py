"""A workspace as parts of a LlamaIndex program: index, retriever, query engine, memory block, models."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from llama_index.core import VectorStoreIndex
from llama_index.core.llms import LLM
from llama_index.core.query_engine import RetrieverQueryEngine

from aura.errors import Denied
from aura.identity import ConversationId, Verb
from aura.index.embedding import EmbeddingModel
from aura.index.embeddings import Embeddings
from aura.index.retriever import HybridRetriever
from aura.index.store import TenantVectorStore
from aura.index.tenant_index import Mode, Search
from aura.memory.blocks import RecallBlock
from aura.workspace.parts import Parts
from aura.workspace.principal import Principal
from aura.workspace.wiring import Wiring


class LlamaIndexParts:
    """What LlamaIndex can use of one principal's workspace."""

    def __init__(self, parts: Parts, principal: Principal) -> None:
        self._parts = parts
        self._principal = principal
        self._wiring = Wiring(parts, principal)
        self.organisation = principal.organisation
        """The tenant as it was when the workspace was opened."""
        self.user = principal.user
        """Who acts, or None; in a member's name, that member."""
        self.grant = principal.grant
        """What the API key that acts may do, or None."""
        self.scope = principal.scope

    @cached_property
    def index(self) -> VectorStoreIndex:
        """This scope's index as a LlamaIndex `VectorStoreIndex`; its vector store is a `TenantVectorStore`.

        Added nodes are in no collection, so an API key that is limited to some adds none.

        Raises:
            Denied: an API key acts that may not `read`.
        """
        self.scope.require(Verb.READ)
        store = TenantVectorStore(
            self._wiring.index,
            self._parts.portal,
            dimension=self._parts.embedder.dimension,
            may_write=self._principal.may_upload and self.scope.may(Verb.WRITE) and self.scope.collections is None,
        )
        return VectorStoreIndex.from_vector_store(store, embed_model=self._parts.embedder)

    def retriever(self, *, limit: int = 10, mode: Mode = "hybrid", weight: float | None = None) -> HybridRetriever:
        """AURA's retrieval as a LlamaIndex retriever, with both legs' scores in each node's metadata.

        Raises:
            Denied: as `search`.
        """
        self.scope.require(Verb.READ)
        settings = self._parts.settings
        search = Search(
            text="",
            limit=limit,
            mode=mode,
            weight=settings.fusion_weight if weight is None else weight,
            candidates=settings.candidates,
        )
        return HybridRetriever(self._wiring.index, self._parts.portal, search)

    def query_engine(self, **options: Any) -> RetrieverQueryEngine:
        """A LlamaIndex query engine over this scope. `options` are those of `RetrieverQueryEngine.from_args`."""
        options.setdefault("retriever", self.retriever(limit=options.pop("similarity_top_k", 6)))
        options.setdefault("llm", self.llm)
        return RetrieverQueryEngine.from_args(**options)

    def memory_block(self, conversation: ConversationId | None = None) -> RecallBlock:
        """What the user said before, as a block of LlamaIndex's `Memory`. What agents put into it goes to `conversation`.

        Raises:
            Denied: programs act, or somebody in another's name, or an API key that may not `ask`: nobody else has a memory.
        """
        self.scope.require(Verb.ASK)
        background = self._wiring.background
        if background is None or self.scope.collections is not None:
            raise Denied("only a user has a memory: open the workspace as one (`aura.workspace(tenant, user)`)")
        return RecallBlock.of(background, self._wiring.conversations, self._parts.embedder.embed_query, conversation)

    @property
    def llm(self) -> LLM:
        """The LlamaIndex model that answers. Raises `Denied` where an API key acts that may not `ask`."""
        self.scope.require(Verb.ASK)
        return self._wiring.model

    @property
    def embed_model(self) -> EmbeddingModel:
        """The LlamaIndex embedding that the index was made with."""
        return self._parts.embedder

    @property
    def embeddings(self) -> Embeddings:
        """The same embedding for texts of the caller's own, which are not kept."""
        return Embeddings(self.scope, self._parts.embedder)
