"""What a prompt may hold for a question: found, reranked, held against the floor, without repetition, within its budget."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec
import numpy as np
from llama_index.core.schema import NodeWithScore
from numpy.typing import NDArray

from aura.identity import CollectionId
from aura.index.floor import Evidence, Floor, coverage
from aura.index.merge import distinct, merge_neighbours
from aura.index.passage import Passage
from aura.index.rerank import CrossEncoderReranker
from aura.index.search import Found
from aura.index.store import passage_node
from aura.index.tenant_index import Search, TenantIndex
from aura.settings import Settings
from aura.tokens import estimate_tokens

_RETRIEVED = 12
_RERANKED = 30


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The passages for one question, best first, and the seconds they took; and the question's embedding."""

    passages: tuple[Passage, ...]
    embedding_seconds: float
    retrieval_seconds: float
    embedding: Sequence[float] = ()


class ContextBuilder:
    """Retrieves for answers. A search shows whatever is nearest; an answer may draw only on what is plausible."""

    def __init__(
        self,
        *,
        index: TenantIndex,
        floor: Floor | None,
        reranker: CrossEncoderReranker | None,
        settings: Settings,
    ) -> None:
        self._index = index
        self._floor = floor
        self._reranker = reranker
        self._settings = settings

    async def embedded(self, question: str) -> NDArray[np.float32]:
        """The question's vector, for `passages` and for whatever else is asked by it. Cost: one query embedding."""
        return await self._index.embedded(question)

    async def passages(
        self,
        question: str,
        collection_id: CollectionId | None = None,
        *,
        vector: NDArray[np.float32] | None = None,
    ) -> Context:
        """The passages that an answer to `question` may draw on; none where nothing found is plausibly about it.

        Args:
            vector: the question's, where it is there already.
        """
        results = await self._index.search(
            Search(
                text=question,
                limit=_RETRIEVED if self._reranker is None else _RERANKED,
                weight=self._settings.fusion_weight,
                candidates=self._settings.candidates,
                collection_id=collection_id,
                vector=vector,
            )
        )
        started = time.perf_counter()
        plausible = self._plausible(question, results.found)
        ranked = await self._reranked(question, distinct(plausible))
        passages = self._within_budget(merge_neighbours(ranked[:_RETRIEVED]))
        return Context(
            passages=tuple(passages),
            embedding_seconds=results.embedding_seconds,
            retrieval_seconds=results.search_seconds + time.perf_counter() - started,
            embedding=results.vector,
        )

    def _plausible(self, question: str, found: Sequence[Found]) -> list[Found]:
        if self._floor is None:
            return list(found)
        evidence = [
            Evidence(
                dense=hit.passage.dense_score,
                coverage=coverage(question, " ".join((*hit.passage.heading, hit.passage.text))),
            )
            for hit in found
        ]
        return [hit for hit, kept in zip(found, self._floor.keeps(evidence), strict=True) if kept]

    async def _reranked(self, question: str, found: list[Found]) -> list[Found]:
        if self._reranker is None:
            return found
        nodes = [NodeWithScore(node=passage_node(hit.passage), score=hit.passage.score) for hit in found]
        by_id = {hit.passage.chunk_id: hit for hit in found}
        ranked = await self._reranker.apostprocess_nodes(nodes, query_str=question)
        return [by_id[node.node_id] for node in ranked]

    def _within_budget(self, passages: Sequence[Passage]) -> list[Passage]:
        kept: list[Passage] = []
        left = self._settings.context_tokens
        for passage in passages:
            left -= estimate_tokens(passage.text)
            if left < 0 and kept:
                break
            kept.append(passage)
        return kept
