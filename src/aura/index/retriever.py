"""`HybridRetriever`: AURA's retrieval as a LlamaIndex retriever, bound to one scope."""

from __future__ import annotations

import msgspec
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle

from aura.index.store import passage_node
from aura.index.tenant_index import Search, TenantIndex
from aura.portal import Portal


class HybridRetriever(BaseRetriever):
    """Dense and BM25, fused. Each node carries `dense_score` and `bm25_score` in its metadata, and the fused score."""

    def __init__(self, index: TenantIndex, portal: Portal, search: Search) -> None:
        super().__init__()
        self._index = index
        self._portal = portal
        self._search = search

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        search = msgspec.structs.replace(self._search, text=query_bundle.query_str, vector=query_bundle.embedding)
        results = await self._index.search(search)
        return [NodeWithScore(node=passage_node(f.passage), score=f.passage.score) for f in results.found]

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return self._portal.call(self._aretrieve, query_bundle)
