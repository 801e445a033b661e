"""What an answer may draw on, and the prompt that holds it: passages of documents, notes of the user, earlier turns."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

import msgspec
import numpy as np
from llama_index.core.llms import ChatMessage
from numpy.typing import NDArray

from aura.answering.ask import OWN
from aura.answering.assembly import Kept, assemble
from aura.answering.context import Context, ContextBuilder
from aura.answering.notes import Background, Note, Remembers, around, as_passages
from aura.answering.oneself import about_oneself, only_asks
from aura.answering.prompts import (
    answer_messages,
    background_messages,
    blunted,
    note_messages,
    quotation,
    rules_of,
    style_messages,
)
from aura.errors import AuraError, Unavailable
from aura.identity import CollectionId, ConversationId
from aura.index.passage import Passage
from aura.persona.rendering import Style, introduction, manner
from aura.persona.traits import Channel

_log = logging.getLogger(__name__)

_One = TypeVar("_One")
_Other = TypeVar("_Other")

_NOTHING = Context(passages=(), embedding_seconds=0.0, retrieval_seconds=0.0)


class Spoken(Protocol):
    """A message of a conversation that is stored."""

    @property
    def id(self) -> UUID: ...
    @property
    def role(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def model(self) -> str | None: ...


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be gathered for a question: as `Ask` has it, with the question made to stand alone.

    `earlier` are the conversation's stored turns, `gone` the messages that this one takes the place of. `quoting`: the model
    only quotes; it reads no earlier turns, and has a use for notes only where a question is about the asker. `persona`: the
    channel whose persona memory is to bring along.
    """

    question: str
    message: str
    knowledge: bool
    memory: bool
    quoting: bool
    collection_id: CollectionId | None = None
    conversation_id: ConversationId | None = None
    earlier: Sequence[Spoken] = ()
    persona: Channel | None = None
    gone: tuple[UUID, ...] = ()


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to a model, the passages that its markers stand for, and the seconds that it took to find them."""

    messages: list[ChatMessage]
    passages: tuple[Passage, ...]
    context: Context


class Gathered(NamedTuple):
    """What was found for a question: in documents, and in memory."""

    context: Context
    background: Background


class Gatherer:
    """Gathers for the answers of one scope.

    Args:
        memory: of the user who asks; None where nobody's may be used.
        budget: tokens of a whole prompt.
    """

    def __init__(self, context: ContextBuilder, memory: Remembers | None, *, budget: int) -> None:
        self._context = context
        self._memory = memory
        self._budget = budget

    def prompt(self, wanted: Wanted, gathered: Gathered, history: Sequence[ChatMessage], style: Style) -> Prompt:
        """The prompt for a question, of what was gathered for it and as much of that as there is room for."""
        context, background = gathered
        notes = self._noted(wanted, background)
        kept = assemble(
            {
                "persona": (told,) if (told := manner(style) + introduction(style)) else (),
                "passages": tuple(map(quotation, context.passages)),
                "pinned": tuple(map(blunted, background.pinned)),
                "notes": tuple(
                    f"{quotation(passage)}\n{blunted(around(note, 0))}"
                    for note, passage in zip(notes, as_passages(notes, wanted.question), strict=True)
                ),
                "history": tuple(message.content or "" for message in reversed(history)),
                "summary": (blunted(background.summary),) if background.summary else (),
            },
            fixed=f"{rules_of(wanted.question)}\n{wanted.question}",
            budget=self._budget,
        )
        return _written(wanted, context, background, notes, history[len(history) - kept["history"] :], kept, style)

    async def gather(self, wanted: Wanted) -> Gathered:
        """What the prompt is made of. Documents and memory are searched at the same time, by one embedding of the question.

        Raises:
            Unavailable: the database or the embedding model is away. Memory that is away is left out.
        """
        memory = self._recalling(wanted)
        if memory is None:
            return Gathered(await self._documents(wanted, None), Background())
        started = time.perf_counter()
        vector = await self._vector(wanted)
        embedding_seconds = time.perf_counter() - started
        context, background = await together(self._documents(wanted, vector), _recalled(memory, wanted, vector))
        return Gathered(msgspec.structs.replace(context, embedding_seconds=embedding_seconds), background)

    def recalls(self, wanted: Wanted) -> bool:
        """Whether memory is asked for it, which brings the persona along."""
        return self._recalling(wanted) is not None

    def _recalling(self, wanted: Wanted) -> Remembers | None:
        if not wanted.memory or (wanted.quoting and not about_oneself(wanted.question)):
            return None
        return self._memory

    async def _vector(self, wanted: Wanted) -> NDArray[np.float32] | None:
        """The question's vector. Without documents there is memory by words while the model is down."""
        try:
            return await self._context.embedded(wanted.question)
        except Unavailable:
            if wanted.knowledge:
                raise
            return None

    async def _documents(self, wanted: Wanted, vector: NDArray[np.float32] | None) -> Context:
        if not wanted.knowledge:
            return _NOTHING
        return await self._context.passages(wanted.question, wanted.collection_id, vector=vector)

    def _noted(self, wanted: Wanted, background: Background) -> list[Note]:
        """The notes to show. A model that reads earlier turns does not need them twice; for one that does not, those are
        notes that memory has not read yet: of the others it knows what the user has deleted since."""
        earlier = {turn.id for turn in wanted.earlier}
        if not wanted.quoting:
            return [note for note in background.notes if note.message_id not in earlier]
        if self._memory is None or not wanted.memory or not about_oneself(wanted.question):
            return list(background.notes)
        until = background.derived_until
        to_aura = {asked.id for asked, reply in pairwise(wanted.earlier) if reply.model == OWN}
        unread = [
            turn for turn in wanted.earlier if turn.id not in to_aura and (until is None or turn.created_at > until)
        ]
        return [
            *background.notes,
            *(
                Note(message_id=turn.id, text=turn.text, at=turn.created_at)
                for turn in reversed(unread)
                if turn.role == "user" and turn.text and not only_asks(turn.text)
            ),
        ]


async def together(one: Coroutine[Any, Any, _One], other: Coroutine[Any, Any, _Other]) -> tuple[_One, _Other]:
    """Both results. Where one fails, the other is cancelled, and the error is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            first, second = group.create_task(one), group.create_task(other)
    except* AuraError as errors:
        raise errors.exceptions[0] from None
    return first.result(), second.result()


async def _recalled(memory: Remembers, wanted: Wanted, vector: NDArray[np.float32] | None) -> Background:
    """What memory says; nothing while it is away, since an answer does without."""
    try:
        background = await memory.background(wanted.question, vector, wanted.conversation_id, channel=wanted.persona)
    except AuraError as error:
        _log.warning("an answer goes without memory: %s", error)
        return Background()
    notes = tuple(note for note in background.notes if note.message_id not in wanted.gone)
    return msgspec.structs.replace(background, notes=notes)


def _written(
    wanted: Wanted,
    context: Context,
    background: Background,
    notes: Sequence[Note],
    history: Sequence[ChatMessage],
    kept: Kept,
    style: Style,
) -> Prompt:
    documents, notes = context.passages[: kept["passages"]], notes[: kept["notes"]]
    passages = (*documents, *as_passages(notes, wanted.question))
    turns = [turn for n, note in enumerate(notes, len(documents) + 1) if (turn := around(note, n))]
    known = [
        *background.pinned[: kept["pinned"]],
        *([background.summary] if kept["summary"] else []),
        *([] if wanted.quoting else turns),
    ]
    if wanted.knowledge:
        messages = answer_messages(wanted.question, passages, history, background=known, style=style)
    else:
        messages = [
            *style_messages(style),
            *background_messages(known),
            *history,
            *note_messages(wanted.message, passages),
        ]
    return Prompt(messages=messages, passages=passages, context=context)
