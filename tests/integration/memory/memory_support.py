"""What the tests of memory share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import msgspec
from llama_index.core.llms import LLM

from aura import Answer, Aura, Workspace
from aura.answering.events import Timings
from aura.identity import ConversationId, Scope
from aura.memory.deriving import Deriver
from aura.memory.model_extraction import ModelReader
from aura.usage.ledger import Ledger
from aura.usage.metering import Meter

PASSWORD = "correct horse battery staple"
QUESTION = "Within how many days of delivery may customers return a product?"
PRIVATE_QUESTION = "What is the salary of Maximilian?"
ANSWER = Answer(
    response_id=UUID(int=0),
    question="",
    text="Noted.",
    citations=(),
    sources=(),
    refused=False,
    model="scripted",
    cost_usd=0.0,
    timings=Timings(),
)


@dataclass(frozen=True)
class Company:
    """An organisation, and those who act in it."""

    aura: Aura
    name: str
    programs: Workspace
    admin: Workspace
    member: Workspace


async def say(
    workspace: Workspace, *texts: str, talk: ConversationId | None = None, answer: str = "Noted."
) -> ConversationId:
    """Say something in a conversation, each text in a turn of its own."""
    talk = talk or await workspace.conversations.start()
    for text in texts:
        said = msgspec.structs.replace(ANSWER, text=answer)
        await workspace.conversations.add_turn(talk, text, said, message_id=uuid4())
    return talk


def deriver(workspace: Workspace, reader: ModelReader | None = None) -> Deriver:
    """What the worker derives with, and a model as the test wants it."""
    parts = workspace._parts
    return Deriver(parts.database, parts.embedder, key=parts.memory_key, reader=reader)


async def derive(workspace: Workspace, talk: ConversationId, reader: ModelReader | None = None) -> int:
    """Work off what waits of a conversation, as the job does."""
    return await deriver(workspace, reader).derive(workspace.scope.tenant_id, talk)


async def tell(workspace: Workspace, *texts: str, talk: ConversationId | None = None) -> ConversationId:
    """Say it, and have it derived from."""
    talk = await say(workspace, *texts, talk=talk)
    await derive(workspace, talk)
    return talk


async def known(workspace: Workspace, status: str = "live") -> Sequence[str]:
    """The texts of the user's facts, in the order of the alphabet."""
    page = await workspace.memory.facts.list(status=status)  # pyright: ignore[reportArgumentType]
    return sorted(fact.text for fact in page.items)


def reader_of(workspace: Workspace, llm: LLM) -> ModelReader:
    """What reads turns by this model."""
    parts = workspace._parts

    async def model(_: Scope) -> LLM:
        return llm

    def meter(scope: Scope) -> Meter:
        return Meter(Ledger(parts.database, scope, clock=parts.clock))

    return ModelReader(model, meter)


def reply(*facts: tuple[int, str, str, str], summary: str = "") -> str:
    """What a model says: for each fact the number of its turn, a quote, its slot and value."""
    found = [{"turn": turn, "quote": quote, "slot": slot, "value": value} for turn, quote, slot, value in facts]
    return msgspec.json.encode({"facts": found, "summary": summary}).decode()
