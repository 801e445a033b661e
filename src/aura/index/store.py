"""`TenantVectorStore`: LlamaIndex's vector store over one scope of AURA's index.

It is a `PGVectorStore` to LlamaIndex and keeps none of its holes (llama-index-vector-stores-postgres 0.9): values formatted
into SQL, a hybrid mode that does not fuse, methods that know no tenant, rows added twice, settings left on pooled
connections, engines and DDL of each store's own. Each hole is a test of ours; when upstream mends them, so can we slim down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode, MetadataMode, NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict
from llama_index.vector_stores.postgres import PGVectorStore
from sqlalchemy import ColumnElement, and_, true
from sqlalchemy.engine import Row

from aura.database.tables import chunks
from aura.errors import Denied, InvalidRequest
from aura.index.filters import condition
from aura.index.passage import Passage
from aura.index.tenant_index import Mode, NodeRow, Search, TenantIndex
from aura.portal import Portal

_MODES: dict[VectorStoreQueryMode, Mode] = {
    VectorStoreQueryMode.DEFAULT: "dense",
    VectorStoreQueryMode.SPARSE: "bm25",
    VectorStoreQueryMode.TEXT_SEARCH: "bm25",
    VectorStoreQueryMode.HYBRID: "hybrid",
}
_MOST_NODES = 10_000
_FILTER_COLUMNS = {
    "document_id": chunks.c.document_id,
    "collection_id": chunks.c.collection_id,
    "ref_doc_id": chunks.c.ref_doc_id,
    "version": chunks.c.version,
    "page": chunks.c.page,
}
"""What a filter can name besides a node's own metadata."""


class TenantVectorStore(PGVectorStore):
    """One scope's vector store: light, without a connection of its own; made for each scope and forgotten.

    Reading shows all that the scope may see, also documents of the catalogue. Adding and deleting is for LlamaIndex nodes:
    a document of the catalogue is deleted by `workspace.documents.delete`.
    """

    _index: TenantIndex = PrivateAttr()
    _portal: Portal = PrivateAttr()
    _may_write: bool = PrivateAttr()

    def __init__(self, index: TenantIndex, portal: Portal, *, dimension: int, may_write: bool = True) -> None:
        # Past PGVectorStore's constructor on purpose: it would build a table model and engines for each scope.
        fields: dict[str, Any] = {
            "connection_string": "",
            "async_connection_string": "",
            "table_name": "chunks",
            "schema_name": "public",
            "embed_dim": dimension,
            "hybrid_search": True,
            "text_search_config": "simple",
            "cache_ok": True,
            "perform_setup": False,
            "debug": False,
            "use_jsonb": True,
            "use_halfvec": True,
            "create_engine_kwargs": {},
            "hnsw_kwargs": None,
        }
        BasePydanticVectorStore.__init__(self, stores_text=True, **fields)
        self._index = index
        self._portal = portal
        self._may_write = may_write

    @classmethod
    def class_name(cls) -> str:
        return "TenantVectorStore"

    @classmethod
    def from_params(cls, *_: object, **__: object) -> NoReturn:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise InvalidRequest("a TenantVectorStore comes from a scope: `workspace.index.vector_store`")

    @property
    def client(self) -> None:
        """None: a raw engine would see past the scope."""

    async def close(self) -> None:
        """Nothing to close: connections belong to the platform."""

    async def async_add(self, nodes: Sequence[BaseNode], **_: Any) -> list[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Add nodes with their embeddings; a node of the same id in this tenant is replaced.

        Raises:
            Denied: the member may not upload documents; nor remove nodes, then.
        """
        self._require_writer()
        unique = {node.node_id: node for node in nodes}
        if unique:
            vectors = np.asarray([node.get_embedding() for node in unique.values()], dtype=np.float32)
            await self._index.add([_row(node) for node in unique.values()], vectors)
        return [node.node_id for node in nodes]

    async def aquery(self, query: VectorStoreQuery, **_: Any) -> VectorStoreQueryResult:
        """The best nodes: `DEFAULT` dense, `SPARSE` and `TEXT_SEARCH` BM25, `HYBRID` fused with `alpha` as dense weight.

        Raises:
            InvalidRequest: a mode that is not offered, or a mode without what it needs.
        """
        mode = _MODES.get(query.mode)
        if mode is None:
            raise InvalidRequest(f"query mode {query.mode.value!r} is not offered: use one of {[*map(str, _MODES)]}")
        if mode != "bm25" and query.query_embedding is None:
            raise InvalidRequest(f"query mode {query.mode.value!r} needs a query_embedding")
        if mode != "dense" and not (query.query_str or "").strip():
            raise InvalidRequest(f"query mode {query.mode.value!r} needs a query_str")
        limit = query.hybrid_top_k or query.similarity_top_k
        search = Search(
            text=query.query_str or "",
            limit=limit if mode == "hybrid" else query.sparse_top_k or limit if mode == "bm25" else limit,
            mode=mode,
            weight=0.5 if query.alpha is None else query.alpha,
            condition=_condition(query.filters, query.node_ids, query.doc_ids),
            vector=query.query_embedding,
        )
        results = await self._index.search(search)
        nodes = [passage_node(found.passage) for found in results.found]
        rows = await self._rows([node.node_id for node in nodes])
        nodes = [rows.get(node.node_id, node) for node in nodes]
        return VectorStoreQueryResult(
            nodes=nodes,
            similarities=[_score(found.passage, mode) for found in results.found],
            ids=[node.node_id for node in nodes],
        )

    async def aget_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """The nodes of these ids and filters that the scope sees, by id; at most 10,000."""
        if node_ids is not None and not node_ids:
            return []
        rows = await self._index.rows(_condition(filters, node_ids, None), limit=_MOST_NODES)
        return [_node(row) for row in rows]

    async def adelete(self, ref_doc_id: str, **_: Any) -> None:
        """Remove the nodes that were added with this `ref_doc_id`."""
        self._require_writer()
        await self._index.remove(chunks.c.ref_doc_id == _clean(ref_doc_id))

    async def adelete_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **_: Any
    ) -> None:
        """Remove added nodes by id and filter. With neither, nothing: `aclear` is for all."""
        self._require_writer()
        if node_ids or (node_ids is None and filters is not None):
            await self._index.remove(_condition(filters, node_ids, None))

    async def aclear(self) -> None:
        """Remove every added node of this tenant."""
        self._require_writer()
        await self._index.remove(true())

    def add(self, nodes: Sequence[BaseNode], **_: Any) -> list[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._portal.call(self.async_add, nodes)

    def query(self, query: VectorStoreQuery, **_: Any) -> VectorStoreQueryResult:
        return self._portal.call(self.aquery, query)

    def get_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None) -> list[BaseNode]:
        return self._portal.call(self.aget_nodes, node_ids, filters)

    def delete(self, ref_doc_id: str, **_: Any) -> None:
        self._portal.call(self.adelete, ref_doc_id)

    def delete_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **_: Any) -> None:
        self._portal.call(self.adelete_nodes, node_ids, filters)

    def clear(self) -> None:
        self._portal.call(self.aclear)

    def _require_writer(self) -> None:
        if not self._may_write:
            raise Denied("this user may not change the index; an admin can allow it (can_upload_documents)")

    async def _rows(self, ids: list[str]) -> dict[str, BaseNode]:
        """Foreign nodes among `ids`, as they were added."""
        which = and_(chunks.c.id.in_(ids), chunks.c.node.is_not(None))
        return {row.id: _node(row) for row in await self._index.rows(which, limit=len(ids))} if ids else {}


def passage_node(passage: Passage) -> TextNode:
    """A passage as a LlamaIndex node: its place and both legs' scores are metadata that no prompt shows."""
    metadata = {
        "filename": passage.filename,
        "page": passage.page,
        "document_id": str(passage.document_id),
        "version": passage.version,
        "heading": " › ".join(passage.heading),
        "dense_score": passage.dense_score,
        "bm25_score": passage.bm25_score,
    }
    return TextNode(
        id_=passage.chunk_id,
        text=passage.text,
        metadata=metadata,
        start_char_idx=passage.start,
        end_char_idx=passage.end,
        excluded_llm_metadata_keys=["document_id", "version", "dense_score", "bm25_score"],
        excluded_embed_metadata_keys=list(metadata),
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=str(passage.document_id))},
    )


def _score(passage: Passage, mode: Mode) -> float:
    leg = {"dense": passage.dense_score, "bm25": passage.bm25_score}.get(mode)
    return passage.score if leg is None else leg


def _condition(
    filters: MetadataFilters | None, node_ids: Sequence[str] | None, doc_ids: Sequence[str] | None
) -> ColumnElement[bool]:
    parts = [condition(filters, metadata=chunks.c.metadata, columns=_FILTER_COLUMNS)]
    if node_ids:  # LlamaIndex's own retriever says "any node" with an empty list
        parts.append(chunks.c.id.in_([_clean(node_id) for node_id in node_ids]))
    if doc_ids:
        parts.append(chunks.c.ref_doc_id.in_([_clean(doc_id) for doc_id in doc_ids]))
    return and_(true(), *parts)


def _row(node: BaseNode) -> NodeRow:
    return NodeRow(
        id=_clean(node.node_id),
        ref_doc_id=None if node.ref_doc_id is None else _clean(node.ref_doc_id),
        text=_clean(node.get_content(metadata_mode=MetadataMode.NONE)),
        metadata=_clean_json(node.metadata),
        node=_clean_json(node_to_metadata_dict(node, remove_text=True, flat_metadata=False)),
    )


def _node(row: Row[tuple[object, ...]]) -> BaseNode:
    if row.node is not None:
        node = metadata_dict_to_node(row.node)
        node.set_content(row.text)
        return node
    return TextNode(id_=row.id, text=row.text, metadata=row.metadata)


def _clean(text: str) -> str:
    """Without what PostgreSQL's text can not hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def _clean_json(value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, dict):
        return {_clean(str(key)): _clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean_json(item) for item in value]
    return value
