"""The splitter as a LlamaIndex `NodeParser`, for anything that takes one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.node_parser import NodeParser
from llama_index.core.schema import BaseNode, Document, MetadataMode, NodeRelationship, TextNode
from pydantic import PrivateAttr

from aura.documents.split import ChunkDraft, Splitter
from aura.index.passage import embedded_text

HEADING_KEY = "heading"


class AuraNodeParser(NodeParser):
    """Splits LlamaIndex documents as AURA splits its own: spans that fit the model, under their headings.

    `start_char_idx` and `end_char_idx` are exact. What is embedded is the heading path and the text; the document's
    metadata stays with the node, but out of the embedding, which it would push over the model's window.
    """

    _splitter: Splitter = PrivateAttr()

    def __init__(self, splitter: Splitter, **values: Any) -> None:
        super().__init__(**values)
        self._splitter = splitter

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex stores it."""
        return "AuraNodeParser"

    def _parse_nodes(self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any) -> list[BaseNode]:
        return [
            self._node(draft, node)
            for node in nodes
            for draft in self._splitter.split_text(node.get_content(metadata_mode=MetadataMode.NONE))
        ]

    def _node(self, draft: ChunkDraft, source: BaseNode) -> TextNode:
        metadata = {HEADING_KEY: embedded_text(draft.heading, "").rstrip()} if draft.heading else {}
        return TextNode(
            id_=self.id_func(draft.ordinal, source),
            text=draft.text,
            start_char_idx=draft.start,
            end_char_idx=draft.end,
            metadata=metadata,
            excluded_embed_metadata_keys=[key for key in source.metadata if key not in metadata],
            excluded_llm_metadata_keys=source.excluded_llm_metadata_keys,
            metadata_template="{value}",
            text_template="{metadata_str}\n{content}",
            relationships={NodeRelationship.SOURCE: source.as_related_node_info()},
        )

    def _postprocess_parsed_nodes(self, nodes: list[BaseNode], parent_doc_map: dict[str, Document]) -> list[BaseNode]:
        """As LlamaIndex does it, but for the spans: it looks each text up again, and finds the first of equal ones."""
        spans = [(node.start_char_idx, node.end_char_idx) for node in nodes if isinstance(node, TextNode)]
        nodes = super()._postprocess_parsed_nodes(nodes, parent_doc_map)
        for node, (start, end) in zip(nodes, spans, strict=True):
            if isinstance(node, TextNode):
                node.start_char_idx, node.end_char_idx = start, end
        return nodes
