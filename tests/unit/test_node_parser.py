"""The splitter inside LlamaIndex."""

from __future__ import annotations

from llama_index.core.schema import Document, MetadataMode, NodeRelationship

from aura.documents.node_parser import AuraNodeParser
from aura.documents.split import Splitter

TEXT = "# Fees\r\n\r\nTen euros.\r\n\r\n## Abroad\r\n\r\nTen euros.\r\n"


def parsed(document: Document):
    return AuraNodeParser(Splitter(lambda text: len(text.split()))).get_nodes_from_documents([document])


def test_a_passage_that_is_part_of_another_keeps_its_own_span():
    text = TEXT + "\r\n## At home\r\n\r\neuros."
    spans = [(node.start_char_idx, node.end_char_idx) for node in parsed(Document(text=text))]
    assert [text[start:end] for start, end in spans] == ["Ten euros.", "Ten euros.", "euros."]
    assert spans[2] == (len(text) - len("euros."), len(text))


def test_a_node_is_embedded_with_its_heading_and_without_the_documents_metadata():
    first, second = parsed(Document(text=TEXT, metadata={"file": "fees.md"}))
    assert second.get_content(MetadataMode.EMBED) == "Fees > Abroad\nTen euros."
    assert second.text == "Ten euros."
    assert second.metadata == {"file": "fees.md", "heading": "Fees > Abroad"}
    assert first.relationships[NodeRelationship.NEXT].node_id == second.node_id


def test_a_documents_own_heading_stays_out_of_the_embedding_of_text_without_one():
    (node,) = parsed(Document(text="Ten euros.", metadata={"heading": "other"}))
    assert node.get_content(MetadataMode.EMBED) == "Ten euros."


def test_every_node_knows_its_document():
    document = Document(text=TEXT)
    assert {node.ref_doc_id for node in parsed(document)} == {document.doc_id}
