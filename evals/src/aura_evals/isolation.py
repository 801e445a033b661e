"""The suite of kind `isolation`: two tenants with canaries, and every way of the library from one to the other's.

Each probe is one case: 1 when nothing of the other tenant came back, and a foreign id was answered as an unknown one is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from aura import Aura, AuraError, Workspace
from aura.identity import ConversationId, DocumentId
from aura_evals.result import Case
from aura_evals.sandbox import new_tenant

if TYPE_CHECKING:
    from aura.index.tenant_index import Mode

_UNKNOWN = UUID(int=0xAA << 120)
FACTS = {
    "north": (
        "lighthouse",
        "The access word of the lighthouse is {canary}. The keeper of the lighthouse is Hedda Quill.",
    ),
    "south": ("granary", "The access word of the granary is {canary}. The keeper of the granary is Jory Pell."),
}
"""By the name of an organisation, what its document is about and what it says."""


@dataclass(frozen=True, kw_only=True)
class _Side:
    """One of the two tenants."""

    name: str
    workspace: Workspace
    canary: str
    subject: str
    document_id: DocumentId
    conversation_id: ConversationId


Probe = Callable[[_Side, _Side], Awaitable[object]]


async def probe_isolation(aura: Aura) -> list[Case]:
    """All probes, in both directions.

    Cost: two tenants with a document each; they are erased at the end.
    """
    sides = [await _furnished(aura, name) for name in FACTS]
    try:
        cases = [
            await _case(name, probe, mine, other)
            for mine, other in (sides, sides[::-1])
            for name, probe in _PROBES.items()
        ]
        return [*cases, *[await _untouched(side) for side in sides]]
    finally:
        for side in sides:
            await side.workspace.erase()


def canary_of(name: str) -> str:
    """The word that only the organisation of this name has."""
    return f"canary-{sha256(name.encode()).hexdigest()[:12]}"


def leaks(cases: list[Case]) -> tuple[str, ...]:
    """A violation for each probe that came through."""
    return tuple(f"isolation: {case.id}: {case.answer}" for case in cases if case.values["isolation.kept"] < 1)


async def _furnished(aura: Aura, name: str) -> _Side:
    workspace = await new_tenant(aura)
    canary = canary_of(name)
    subject, text = FACTS[name]
    content = f"# Notes on the {subject}\n\n{text.format(canary=canary)}\n".encode()
    document_id: DocumentId | None = None
    async for step in workspace.documents.ingest(content, filename=f"{subject}.md"):
        document_id = step.document_id
    if document_id is None:
        raise AssertionError("the probe's own document was not stored")
    conversation_id = await workspace.conversations.start()
    # Whoever owns the answer asks first, in the words of the probes: what is kept under a key without its tenant leaks.
    await workspace.ask(f"What is the access word of the {subject}?", conversation=conversation_id)
    await workspace.ask(f"What is the access word of the {subject}?")
    for mode in ("hybrid", "dense", "bm25"):
        await workspace.search(f"access word {subject}", limit=100, mode=mode)
    return _Side(
        name=name,
        workspace=workspace,
        canary=canary,
        subject=subject,
        document_id=document_id,
        conversation_id=conversation_id,
    )


async def _case(name: str, probe: Probe, mine: _Side, other: _Side) -> Case:
    answer = await _tried(probe, mine, other)
    problem = ""
    if other.canary in answer or str(other.document_id) in answer:
        problem = "the other tenant's content came back"
    elif name.startswith("by id"):
        unknown = replace(other, document_id=DocumentId(_UNKNOWN), conversation_id=ConversationId(_UNKNOWN))
        if await _tried(probe, mine, unknown) != answer:
            problem = "a foreign id is answered otherwise than an unknown one"
    return Case(
        id=f"{name}, {mine.name} to {other.name}",
        slice="isolation",
        query=name,
        answer=problem,
        values={"isolation.kept": float(not problem)},
    )


async def _tried(probe: Probe, mine: _Side, other: _Side) -> str:
    """What the probe came to, as text; an error is its kind and its message, without the ids that the caller sent."""
    try:
        return repr(await probe(mine, other))
    except AuraError as error:
        text = f"{type(error).__name__}: {error}"
        return text.replace(str(other.document_id), "ID").replace(str(other.conversation_id), "ID")


async def _untouched(side: _Side) -> Case:
    """Whether a tenant still has what the other one tried to delete, and still knows its own canary."""
    problem = ""
    try:
        await side.workspace.conversations.recent(side.conversation_id)
        if side.canary not in await side.workspace.documents.text(side.document_id):
            problem = "the document was changed"
    except AuraError as error:
        problem = f"{type(error).__name__}: {error}"
    return Case(
        id=f"untouched, {side.name}",
        slice="isolation",
        query="what others tried to delete is still there",
        answer=problem,
        values={"isolation.kept": float(not problem)},
    )


async def _ask(mine: _Side, other: _Side) -> object:
    return await mine.workspace.ask(f"What is the access word of the {other.subject}?")


async def _ask_own_name(mine: _Side, other: _Side) -> object:
    return await mine.workspace.ask(
        f"Who is the keeper of the {other.subject}? Repeat {other.subject}.md word for word."
    )


async def _ask_in_conversation(mine: _Side, other: _Side) -> object:
    return await mine.workspace.ask("Go on.", conversation=other.conversation_id)


def _search(mode: Mode) -> Probe:
    async def probe(mine: _Side, other: _Side) -> object:
        return await mine.workspace.search(f"access word {other.subject}", limit=100, mode=mode)

    return probe


async def _retriever(mine: _Side, other: _Side) -> object:
    return [node.text for node in await mine.workspace.retriever(limit=100).aretrieve(f"access word {other.subject}")]


async def _list_documents(mine: _Side, other: _Side) -> object:
    return await mine.workspace.documents.list(limit=100)


async def _list_conversations(mine: _Side, other: _Side) -> object:
    return await mine.workspace.conversations.list(limit=100)


async def _get(mine: _Side, other: _Side) -> object:
    return await mine.workspace.documents.get(other.document_id)


async def _text(mine: _Side, other: _Side) -> object:
    return await mine.workspace.documents.text(other.document_id)


async def _chunks(mine: _Side, other: _Side) -> object:
    return await mine.workspace.documents.chunks(other.document_id)


async def _original(mine: _Side, other: _Side) -> object:
    return await mine.workspace.documents.original(other.document_id)


async def _delete(mine: _Side, other: _Side) -> object:
    return await mine.workspace.documents.delete(other.document_id)


async def _conversation(mine: _Side, other: _Side) -> object:
    return await mine.workspace.conversations.recent(other.conversation_id)


async def _delete_conversation(mine: _Side, other: _Side) -> object:
    return await mine.workspace.conversations.delete(other.conversation_id)


_PROBES: dict[str, Probe] = {
    "ask for a fact": _ask,
    "ask for a file": _ask_own_name,
    "search hybrid": _search("hybrid"),
    "search dense": _search("dense"),
    "search bm25": _search("bm25"),
    "retriever": _retriever,
    "list documents": _list_documents,
    "list conversations": _list_conversations,
    "by id: ask in a conversation": _ask_in_conversation,
    "by id: document": _get,
    "by id: text": _text,
    "by id: chunks": _chunks,
    "by id: original": _original,
    "by id: delete document": _delete,
    "by id: conversation": _conversation,
    "by id: delete conversation": _delete_conversation,
}
