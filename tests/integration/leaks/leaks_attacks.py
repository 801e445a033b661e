"""Every call of a workspace that takes an id, as an attack with an id that is not the caller's."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from leaks_support import PASSWORD, Attack, drained, node
from llama_index.core.llms import ChatMessage
from llama_index.core.vector_stores.types import MetadataFilter, MetadataFilters, VectorStoreQuery

from aura import Answer, Workspace
from aura.answering.ask import Question
from aura.answering.events import Timings
from aura.identity import CollectionId, ConversationId, DocumentId, Role, UserId
from aura.tenants.values import ProfileChanges, UserChanges
from aura.testing.speech import recording, tone

ANSWER = Answer(
    response_id=UUID(int=0),
    question="planted",
    text="planted",
    citations=(),
    sources=(),
    refused=False,
    model="planted",
    cost_usd=0.0,
    timings=Timings(),
)

SAID_TO_AN_AGENT = [ChatMessage(role="user", content="planted"), ChatMessage(role="assistant", content="planted")]

SPOKEN = recording(tone(0.6))

DOCUMENT: dict[str, Attack] = {
    "documents.get": lambda w, id: w.documents.get(DocumentId(id)),
    "documents.chunks": lambda w, id: w.documents.chunks(DocumentId(id)),
    "documents.chunk_page": lambda w, id: w.documents.chunk_page(DocumentId(id)),
    "documents.versions": lambda w, id: w.documents.versions(DocumentId(id)),
    "documents.text": lambda w, id: w.documents.text(DocumentId(id)),
    "documents.text of a version": lambda w, id: w.documents.text(DocumentId(id), version=1),
    "documents.original": lambda w, id: w.documents.original(DocumentId(id)),
    "documents.original of a version": lambda w, id: w.documents.original(DocumentId(id), version=1),
    "documents.delete": lambda w, id: w.documents.delete(DocumentId(id)),
    "documents.cancel": lambda w, id: w.documents.cancel(DocumentId(id)),
    "documents.set_visibility": lambda w, id: w.documents.set_visibility(DocumentId(id), "organization"),
    "documents.set_visibility to private": lambda w, id: w.documents.set_visibility(DocumentId(id), "private"),
    "documents.requeue": lambda w, id: w.documents.requeue(DocumentId(id)),
    "documents.retry": lambda w, id: drained(w.documents.retry(DocumentId(id))),
    "documents.work": lambda w, id: drained(w.documents.work(DocumentId(id))),
    "documents.list behind a cursor": lambda w, id: w.documents.list(cursor=str(id)),
}

COLLECTION: dict[str, Attack] = {
    "collections.get": lambda w, id: w.collections.get(CollectionId(id)),
    "collections.by_name_or_id": lambda w, id: w.collections.by_name_or_id(CollectionId(id)),
    "collections.by_name_or_id as text": lambda w, id: w.collections.by_name_or_id(str(id)),
    "collections.rename": lambda w, id: w.collections.rename(CollectionId(id), "planted"),
    "collections.delete": lambda w, id: w.collections.delete(CollectionId(id)),
    "collections.delete with all in it": lambda w, id: w.collections.delete(
        CollectionId(id), erase=lambda document: w.documents.delete(document)
    ),
    "spoken_answers of a collection": lambda w, id: w.spoken_answers(collection=CollectionId(id)),
    "documents.list of a collection": lambda w, id: w.documents.list(collection=CollectionId(id)),
    "documents.add": lambda w, id: w.documents.add(b"planted", "planted.txt", collection=CollectionId(id)),
    "documents.add_all": lambda w, id: w.documents.add_all([("p.txt", b"planted")], collection=CollectionId(id)),
    "delete_collection": lambda w, id: w.delete_collection(CollectionId(id)),
    "delete_collection with its documents": lambda w, id: w.delete_collection(CollectionId(id), documents=True),
    "documents.ingest": lambda w, id: drained(w.documents.ingest(b"planted", filename="p.txt", collection=str(id))),
    "ask": lambda w, id: w.ask("How long does the warranty last?", collection=str(id)),
    "stream": lambda w, id: drained(w.stream("How long does the warranty last?", collection=CollectionId(id))),
    "search": lambda w, id: w.search("warranty", collection=CollectionId(id)),
    "try_search": lambda w, id: w.try_search("warranty", collection=CollectionId(id)),
    "voice.process_voice_message": lambda w, id: w.voice.process_voice_message(SPOKEN, collection=CollectionId(id)),
}

CONVERSATION: dict[str, Attack] = {
    "conversations.recent": lambda w, id: w.conversations.recent(ConversationId(id)),
    "memory_block": lambda w, id: w.memory_block(ConversationId(id)).aput(SAID_TO_AN_AGENT),
    "conversations.add_turn": lambda w, id: w.conversations.add_turn(ConversationId(id), "planted", ANSWER),
    "conversations.require": lambda w, id: w.conversations.require(ConversationId(id)),
    "conversations.get": lambda w, id: w.conversations.get(ConversationId(id)),
    "conversations.rename": lambda w, id: w.conversations.rename(ConversationId(id), "planted"),
    "conversations.pin": lambda w, id: w.conversations.pin(ConversationId(id)),
    "conversations.export": lambda w, id: drained(w.conversations.export(ConversationId(id))),
    "conversations.export to be read": lambda w, id: drained(w.conversations.export(ConversationId(id), "html")),
    "conversations.note_heard": lambda w, id: w.conversations.note_heard(ConversationId(id), UUID(int=1), 1),
    "conversations.take_back": lambda w, id: w.conversations.take_back(ConversationId(id), UUID(int=1)),
    "conversations.replaceable": lambda w, id: w.conversations.replaceable(ConversationId(id), UUID(int=1)),
    "conversations.last_seq": lambda w, id: w.conversations.last_seq(ConversationId(id)),
    "conversations.history": lambda w, id: w.conversations.history(ConversationId(id)),
    "responses.start": lambda w, id: w.responses.start("Go on", conversation=ConversationId(id)),
    "responses.begin": lambda w, id: w.responses.begin(Question(message="Go on", conversation=ConversationId(id))),
    "answer": lambda w, id: w.answer(Question(message="Go on", conversation=ConversationId(id))),
    "conversations.delete": lambda w, id: w.conversations.delete(ConversationId(id)),
    "ask": lambda w, id: w.ask("Go on", conversation=ConversationId(id)),
    "ask in the place of a turn": lambda w, id: w.ask("No", conversation=ConversationId(id), replaces=UUID(int=1)),
    "spoken_answers": lambda w, id: w.spoken_answers(conversation=ConversationId(id)),
    "ask without memory": lambda w, id: w.ask("Go on", conversation=ConversationId(id), use_memory=False),
    "ask without knowledge": lambda w, id: w.ask("Go on", conversation=ConversationId(id), search_knowledge=False),
    "ask for the moment": lambda w, id: w.ask("Go on", conversation=ConversationId(id), temporary=True),
    "ask for the moment without memory": lambda w, id: w.ask(
        "Go on", conversation=ConversationId(id), temporary=True, use_memory=False
    ),
    "stream": lambda w, id: _kinds(w, id),
    "voice.process_voice_message": lambda w, id: w.voice.process_voice_message(SPOKEN, conversation=ConversationId(id)),
    "voice.process_voice_message for the moment": lambda w, id: w.voice.process_voice_message(
        SPOKEN, conversation=ConversationId(id), temporary=True
    ),
}

RESPONSE: dict[str, Attack] = {
    "responses.get": lambda w, id: w.responses.get(id),
    "responses.read": lambda w, id: drained(w.responses.read(id)),
    "responses.read from its middle": lambda w, id: drained(w.responses.read(id, 1)),
    "responses.stop": lambda w, id: w.responses.stop(id),
}

MESSAGE: dict[str, Attack] = {
    "feedback": lambda w, id: w.feedback(id, 1, "planted", "planted"),
    "ask in the place of a message": lambda w, id: _instead(w, id),
}

FACT: dict[str, Attack] = {
    "memory.facts.get": lambda w, id: w.memory.facts.get(id),
    "memory.facts.why": lambda w, id: w.memory.facts.why(id),
    "memory.facts.edit": lambda w, id: w.memory.facts.edit(id, text="planted"),
    "memory.facts.edit to pin it": lambda w, id: w.memory.facts.edit(id, pinned=True),
    "memory.facts.edit of nothing": lambda w, id: w.memory.facts.edit(id),
    "memory.facts.delete": lambda w, id: w.memory.facts.delete(id),
}

USER: dict[str, Attack] = {
    "on_behalf_of": lambda w, id: w.on_behalf_of(UserId(id)),
    "users.get": lambda w, id: w.users.get(UserId(id)),
    "users.update": lambda w, id: w.users.update(UserId(id), UserChanges(role=Role.ADMIN)),
    "users.update_profile": lambda w, id: w.users.update_profile(UserId(id), ProfileChanges(name="planted")),
    "users.change_password": lambda w, id: w.users.change_password(UserId(id), current=PASSWORD, new="planted " * 3),
    "users.set_password": lambda w, id: w.users.set_password(UserId(id), "planted " * 3),
    "users.private_documents": lambda w, id: w.users.private_documents(UserId(id)),
    "delete_user": lambda w, id: w.delete_user(UserId(id)),
    "users.delete": lambda w, id: w.users.delete(UserId(id)),
}

CHUNK: dict[str, Attack] = {
    "vector_store.aget_nodes": lambda w, id: _store(w).aget_nodes([str(id)]),
    "vector_store.adelete_nodes": lambda w, id: _store(w).adelete_nodes([str(id)]),
    "vector_store.aquery of a node": lambda w, id: _store(w).aquery(_query(node_ids=[str(id)])),
}

SOURCE: dict[str, Attack] = {
    "vector_store.adelete": lambda w, id: _store(w).adelete(str(id)),
    "vector_store.aquery of a document": lambda w, id: _store(w).aquery(_query(doc_ids=[str(id)])),
    "vector_store.aquery by a document's id": lambda w, id: _store(w).aquery(_query(filters=_is("document_id", id))),
    "vector_store.aget_nodes by a document's id": lambda w, id: _store(w).aget_nodes(filters=_is("document_id", id)),
    "vector_store.adelete_nodes by a document's id": lambda w, id: _store(w).adelete_nodes(
        filters=_is("document_id", id)
    ),
}

SHELF: dict[str, Attack] = {
    "vector_store.aquery by a collection's id": lambda w, id: _store(w).aquery(
        _query(filters=_is("collection_id", id))
    ),
    "vector_store.aget_nodes by a collection's id": lambda w, id: _store(w).aget_nodes(
        filters=_is("collection_id", id)
    ),
}


async def _kinds(workspace: Workspace, id: UUID) -> list[tuple[str, str]]:
    """The events of a stream, without the number that each response has."""
    events = [event async for event in workspace.stream("Go on", conversation=ConversationId(id))]
    return [(type(event).__name__, getattr(event, "message", "")) for event in events]


async def _instead(workspace: Workspace, id: UUID) -> object:
    """Ask in the place of a message: in its conversation where the caller sees that, else in a new one of the caller's."""
    seen = (await workspace.conversations.history(limit=1_000)).items
    place = next((each.conversation_id for each in seen if each.id == id), None)
    if place is not None:
        return await workspace.ask("Go on", conversation=place, replaces=id)
    own = await workspace.conversations.start()
    try:
        return await workspace.ask("Go on", conversation=own, replaces=id)
    finally:
        await workspace.conversations.delete(own)


def _store(workspace: Workspace):
    return workspace.index.vector_store


def _query(**which: object) -> VectorStoreQuery:
    vector = node("x", id="x", ref="x").embedding
    return VectorStoreQuery(query_embedding=vector, query_str="warranty", similarity_top_k=50, **which)  # pyright: ignore[reportArgumentType]


def _is(key: str, id: UUID) -> MetadataFilters:
    return MetadataFilters(filters=[MetadataFilter(key=key, value=str(id))])


def attacked(*tables: dict[str, Attack]) -> Sequence[str]:
    """The methods that some attack calls."""
    return [name.split()[0] for table in tables for name in table]
