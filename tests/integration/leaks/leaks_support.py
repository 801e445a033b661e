"""Two organisations with a canary in everything they have, and ways to see all that somebody can see.

A canary is a word that stands nowhere else: `zyacmeorg` in what all of Acme may read, `zyacmeuser` in what is private to its
member, and so on. Who reads a word of another audience has found a leak.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from sqlalchemy import select, text

from aura import Aura, Workspace
from aura.database.engine import Database
from aura.database.tables import TENANT_TABLES, generations
from aura.documents.values import IngestProgress, Stage
from aura.errors import AuraError
from aura.identity import CollectionId, ConversationId, DocumentId
from aura.memory import summaries
from aura.memory.deriving import Deriver
from aura.memory.recall import Recall
from aura.memory.values import Summary
from aura.persona.traits import PersonaChanges
from aura.workspace import Parts
from sent_statements import statements_sent

BOTH, DATABASE_ALONE, FILTER_ALONE = "both locks", "row-level security alone", "application filter alone"
"""What stands between a caller and the rows."""

PASSWORD = "correct horse battery staple"
MARK = "zy"
QUESTION = "How long does the warranty last, and what does the merger memo say?"

Audience = Literal["org", "programs", "admin", "user", "node", "key"]
Locks = Callable[[Workspace], Workspace]
"""The same workspace behind the locks that are on trial."""


@dataclass(frozen=True)
class Side:
    """One organisation: its programs, an admin and a member, and the ids of what they have."""

    name: str
    programs: Workspace
    admin: Workspace
    user: Workspace
    documents: dict[Audience, DocumentId] = field(default_factory=dict)
    conversations: dict[Audience, ConversationId] = field(default_factory=dict)
    responses: dict[Audience, UUID] = field(default_factory=dict)
    messages: dict[Audience, UUID] = field(default_factory=dict)
    facts: dict[Audience, UUID] = field(default_factory=dict)
    collections: list[CollectionId] = field(default_factory=list)

    def word(self, audience: Audience) -> str:
        """The canary of what `audience` may read."""
        return f"{MARK}{self.name}{audience}"

    @property
    def viewers(self) -> dict[Audience, Workspace]:
        """Who can look: without a user, as the admin, as the member."""
        return {"programs": self.programs, "admin": self.admin, "user": self.user}


@dataclass(frozen=True)
class World:
    """The platform, and the two organisations that no test changes."""

    aura: Aura
    parts: Parts
    files: Path
    acme: Side
    globex: Side

    @property
    def database(self) -> Database:
        """Where the rows are."""
        return self.parts.database


async def new_side(aura: Aura, name: str) -> Side:
    """An organisation and its two members; nothing else yet."""
    programs = await aura.tenants.create(
        organization_name=f"{name} Limited",
        subdomain=name,
        admin_email=f"admin@{name}.test",
        password=PASSWORD,
    )
    await programs.users.add(email=f"user@{name}.test", password=PASSWORD)
    return Side(
        name=name,
        programs=programs,
        admin=await aura.workspace(name, f"admin@{name}.test"),
        user=await aura.workspace(name, f"user@{name}.test"),
    )


def new_name(word: str) -> str:
    """A name that nobody has, of letters alone: one can be addressed by it."""
    return word + uuid4().hex[:6].translate(str.maketrans("0123456789", "ghijklmnop"))


async def furnish(side: Side) -> Side:
    """Give an organisation one of everything, with the canary of who may see it."""
    collection = await side.admin.collections.create(side.word("org"), description=side.word("org"))
    side.collections.append(collection.id)
    org = f"# Warranty\n\nThe warranty of {side.word('org')} lasts thirteen months.\n"
    side.documents["org"] = await add(side.admin, org, f"{side.word('org')}.md", collection=collection.id)
    owners: tuple[tuple[Audience, Workspace], ...] = (("admin", side.admin), ("user", side.user))
    for audience, owner in owners:
        memo = f"# Memo\n\nThe merger memo of {side.word(audience)} says that the merger is in June.\n"
        name = f"{side.word(audience)}.md"
        side.documents[audience] = await add(owner, memo, name, visibility="private")
    await side.admin.index.vector_store.async_add([node(side.word("node"), id="shared", ref="shared-source")])
    await side.admin.provider_keys.set("openai", f"sk-{side.word('key')}")
    for audience, viewer in side.viewers.items():
        talk = await viewer.conversations.start()
        answer = await viewer.ask(f"What about {side.word(audience)}?", conversation=talk)
        assert answer.message_id is not None
        side.messages[audience] = answer.message_id
        side.responses[audience] = await viewer.responses.start(f"And what of {side.word(audience)}?")
        await drained(viewer.responses.read(side.responses[audience]))
        await _written(viewer, side.responses[audience])
        side.conversations[audience] = talk
        side.facts[audience] = await _learned(viewer, talk, f"My name is {side.word(audience)}.")
        await _summed_up(viewer, talk, side.word(audience))
    return side


async def _summed_up(viewer: Workspace, talk: ConversationId, word: str) -> None:
    """A summary of the talk, and a persona of who has one."""
    summary = Summary(
        conversation_id=talk, text=f"It was about {word}.", carried=(), through_seq=1, rounds=1, made_by="test",
        updated_at=viewer._parts.clock.now(),
    )  # fmt: skip
    async with viewer._parts.database.tenant(viewer.scope) as session:
        await summaries.keep(session, viewer.scope, summary)
    if viewer.user is not None:
        await viewer.persona.set(PersonaChanges(address=word))


async def _learned(viewer: Workspace, talk: ConversationId, said: str) -> UUID:
    """Say something of oneself, and have a fact made of it; the fact's id."""
    await viewer.ask(said, conversation=talk, search_knowledge=False)
    parts = viewer._parts
    await Deriver(parts.database, parts.embedder, key=parts.memory_key).derive(viewer.scope.tenant_id, talk)
    (fact,) = (await viewer.memory.facts.list()).items
    return fact.id


async def _written(viewer: Workspace, response_id: UUID) -> None:
    """Wait until a response is in the database as it stays."""
    while (await viewer.responses.get(response_id)).ended_at is None:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


def node(word: str, *, id: str, ref: str) -> TextNode:
    """A LlamaIndex node with a canary in all of its parts."""
    made = TextNode(
        id_=id,
        text=f"The node of {word} tells of the merger and of the warranty.",
        metadata={"topic": word},
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=ref)},
    )
    made.embedding = [1.0, *[0.0] * 255]
    return made


async def ingest(workspace: Workspace, content: str | bytes, filename: str, **options: object) -> list[IngestProgress]:
    """Everything that ingesting one file reports."""
    data = content.encode() if isinstance(content, str) else content
    steps = workspace.documents.ingest(data, filename=filename, **options)  # pyright: ignore[reportArgumentType]
    return [step async for step in steps]


async def add(workspace: Workspace, content: str, filename: str, **options: object) -> DocumentId:
    """The id of a document that is ready."""
    last = (await ingest(workspace, content, filename, **options))[-1]
    assert last.stage is Stage.READY, last
    assert last.document_id is not None
    return last.document_id


# -- what somebody can see ----------------------------------------------------------------------------------------------


async def sight(workspace: Workspace, asked: str) -> str:
    """All that a workspace shows by every way of reading, as one text; without `asked`, which answers repeat."""
    shown = [*await _found(workspace, asked), *await _catalogued(workspace), *await _kept(workspace)]
    return repr(shown).replace(asked, "")


async def _found(workspace: Workspace, asked: str) -> list[object]:
    """By search, answers and LlamaIndex."""
    store = workspace.index.vector_store
    engine = await workspace.query_engine(similarity_top_k=50).aquery(asked)
    return [
        [await workspace.search(asked, limit=100, mode=mode) for mode in ("hybrid", "dense", "bm25")],
        await workspace.ask(asked),
        [event async for event in workspace.stream(asked)],
        [(hit.text, hit.metadata) for hit in await workspace.retriever(limit=100).aretrieve(asked)],
        [(hit.text, hit.metadata) for hit in await workspace.index.as_retriever().aretrieve(asked)],
        (str(engine), [(hit.text, hit.metadata) for hit in engine.source_nodes]),
        [(found.get_content(), found.metadata) for found in await store.aget_nodes()],
    ]


async def _catalogued(workspace: Workspace) -> list[object]:
    """By the list of documents, and each of them in all its forms."""
    listed = (await workspace.documents.list()).items
    shown: list[object] = [listed]
    for document in listed:
        shown += [await workspace.documents.get(document.id), await workspace.documents.chunks(document.id)]
        if document.version:
            shown.append(await workspace.documents.text(document.id))
            shown.append((await workspace.documents.original(document.id)).read_bytes())
    return shown


async def _kept(workspace: Workspace) -> list[object]:
    """What is not documents."""
    talks = (await workspace.conversations.list()).items
    shown: list[object] = [workspace.organisation, talks, (await workspace.collections.list()).items]
    shown += [await workspace.conversations.recent(talk.id) for talk in talks]
    known = (await workspace.memory.facts.list(status="all")).items
    shown += [known, await workspace.memory.summary(), *[await workspace.memory.facts.why(fact.id) for fact in known]]
    shown += [*await _recalled(workspace), await workspace.persona.get()]
    shown += [await drained(workspace.memory.export()), (await workspace.conversations.search(MARK)).items]
    shown.append(await workspace.storage.use())
    if workspace.user is None or workspace.user.may_administer:
        shown += [(await workspace.users.list()).items, await workspace.provider_keys.list()]
        shown += [await workspace.provider_keys.get(key.provider) for key in await workspace.provider_keys.list()]
    return shown


async def _recalled(workspace: Workspace) -> list[object]:
    """By recall: of all that its statements may read, with and without the slots of facts, now and as of a moment."""
    parts = workspace._parts
    recall = Recall(parts.database, workspace.scope, parts.embedder, clock=parts.clock)
    asked, now = ("What is my name?", "merger memo"), parts.clock.now()
    return [
        await recall.recall(question, limit=200, everything=True, as_of=as_of)
        for question in asked
        for as_of in (None, now)
    ]


async def everything(database: Database, side: Side, files: Path) -> list[object]:
    """Every row and every file that an organisation has, as checksums."""
    async with database.tenant(side.programs.scope.as_service()) as session:
        indexes = (await session.execute(select(generations.c.table_name))).scalars().all()
        names = sorted({"organisations", *indexes, *(table.name for table in TENANT_TABLES)})
        sums = " UNION ALL ".join(
            f"SELECT '{name}', count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t" for name in names
        )
        rows: list[object] = [*(await session.execute(text(f"{sums} ORDER BY 1"))).all()]  # UNION ALL has no order
    return [*rows, sorted((str(p), p.read_bytes()) for p in tenant_folder(files, side).rglob("*") if p.is_file())]


def tenant_folder(files: Path, side: Side) -> Path:
    """Where an organisation's files lie."""
    return files / str(side.programs.organisation.id)


# -- whether two answers are the same -----------------------------------------------------------------------------------

Attack = Callable[[Workspace, UUID], Awaitable[object]]


@dataclass(frozen=True)
class Outcome:
    """What came of a call, and the work that the database had with it. The id that was sent is taken out of the text."""

    kind: str
    text: str
    chain: str
    statements: tuple[str, ...]

    @property
    def observable(self) -> tuple[str, str, tuple[str, ...]]:
        """All that its caller can compare with another one."""
        return self.kind, self.text, self.statements


async def outcome(attack: Attack, workspace: Workspace, id: UUID) -> Outcome:
    """What comes of an attack with `id`."""
    chain = ""
    with statements_sent() as sent:
        try:
            result = await attack(workspace, id)
            kind, said = type(result).__name__, repr(result)
        except AuraError as error:
            kind, said = type(error).__name__, str(error)
            chain = "".join(traceback.format_exception(error))
    said = said.replace(str(id), "ID")
    return Outcome(kind=kind, text=said, chain=chain, statements=tuple(statement for statement, _ in sent))


async def drained(steps: object) -> list[object]:
    """What an asynchronous generator yields."""
    return [step async for step in steps]  # pyright: ignore[reportUnknownVariableType, reportGeneralTypeIssues]


def unknown() -> UUID:
    """An id that nothing has."""
    return uuid4()


AUDIENCES: tuple[Audience, ...] = ("org", "programs", "admin", "user", "node", "key")
SEEN: dict[Audience, set[Audience]] = {
    "programs": {"org", "node", "key", "programs"},
    "admin": {"org", "node", "key", "admin"},
    "user": {"org", "node", "user"},
}
"""Which canaries each viewer of an organisation may see."""


def canaries(text: str, *sides: Side) -> set[str]:
    """The canaries of these organisations that stand in `text`."""
    return {side.word(audience) for side in sides for audience in AUDIENCES if side.word(audience) in text}


def asking_for(*sides: Side) -> str:
    """A question that is nearest to what must not be found."""
    return " ".join([QUESTION, *(side.word(audience) for side in sides for audience in AUDIENCES)])
