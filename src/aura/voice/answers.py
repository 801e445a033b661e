"""The answers that are spoken. Nothing of them is stored before it stands that their question was all that was asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Protocol
from uuid import UUID, uuid4

import msgspec

from aura.answering.ahead import Ahead, Material
from aura.answering.ask import Ask
from aura.answering.engine import AnswerEngine
from aura.answering.events import Answer, AnswerEvent, Final, Refusal, Timings
from aura.answering.generation import Generation
from aura.errors import NotFound
from aura.identity import ConversationId
from aura.memory.forgetting import may_concern
from aura.memory.messages import Message
from aura.voice.playback import Heard


class SpokenAnswer(Protocol):
    """One answer on its way to be spoken."""

    @property
    def id(self) -> UUID:
        """The response's id."""
        ...

    @property
    def conversation_id(self) -> ConversationId | None:
        """The conversation that it is a turn of; None where nothing is kept."""
        ...

    def events(self) -> AsyncGenerator[AnswerEvent]:
        """As `Workspace.stream`; an error is raised. Closing it closes the model's call, and stores nothing."""
        ...

    async def stands(self) -> None:
        """Its question is all that was asked: it is counted. Raises `LimitExceeded` where there is no more to count on."""
        ...

    async def keep(self) -> Answer:
        """Store the turn, unless nothing has come of it: what was said until the events ended, or were closed.

        Doing so again changes nothing.
        """
        ...

    async def heard(self, heard: Heard) -> None:
        """Note that no more than this was heard of the turn, which is kept."""
        ...


class Prefetch(Protocol):
    """A search that was begun before it stood that its question is asked."""

    @property
    def question(self) -> str:
        """What is searched for."""
        ...

    async def close(self) -> None:
        """It was in vain."""
        ...


class CutOff(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of the conversation that was interrupted, and how much of it was heard."""

    answer: SpokenAnswer
    whole: Answer
    heard: Heard


class Answers(Protocol):
    """What answers in one conversation."""

    def answer(
        self, question: str, *, speculative: bool = False, prefetched: Prefetch | None = None
    ) -> Awaitable[SpokenAnswer | None]:
        """An answer to `question`, not begun yet; None where it can not be given on speculation.

        Args:
            speculative: it may turn out that more is asked; then it is closed, and nothing of it was kept.
            prefetched: what was begun for the same words.

        Raises:
            AuraError: it can not be asked.
        """
        ...

    def prefetch(self, question: str) -> Prefetch | None:
        """Begin to search for an answer; None where nothing can be begun. It asks no model, and leaves no trace."""
        ...

    def cut_off(self) -> Awaitable[CutOff | None]:
        """The conversation's last answer, where it was interrupted before this connection; None where it was not."""
        ...


class Heeds(Protocol):
    """Where it is kept what was heard."""

    async def note_heard(
        self, conversation_id: ConversationId, message_id: UUID, characters: int | None, *, audio_ms: int | None = None
    ) -> None: ...
    async def recent(self, conversation_id: ConversationId, *, limit: int = 10) -> Sequence[Message]: ...


class WorkspaceAnswers:
    """The answers of one workspace, in one conversation: that which is given, or one that begins with the first turn.

    Args:
        asked: makes an `Ask` of a question, in the conversation or in none.
        begins: the conversation that is given is not there before its first turn.
        admit: counts a question that stands, or refuses it.
        keeps: False leaves no trace of the turns.
    """

    def __init__(
        self,
        engine: AnswerEngine,
        heeds: Heeds,
        asked: Callable[[str, ConversationId | None], Awaitable[Ask]],
        *,
        conversation_id: ConversationId | None = None,
        begins: bool = False,
        admit: Callable[[], Awaitable[None]] | None = None,
        keeps: bool = True,
    ) -> None:
        self._engine = engine
        self._heeds = heeds
        self._asked = asked
        self._begins = keeps and (begins or conversation_id is None)
        self._keeps = keeps
        self.conversation_id = conversation_id if conversation_id is not None or not keeps else ConversationId(uuid4())
        """The conversation that the turns are of."""
        self._admit = admit

    async def answer(
        self, question: str, *, speculative: bool = False, prefetched: Prefetch | None = None
    ) -> WorkspaceAnswer | None:
        """As its port."""
        if speculative and may_concern(question):  # what would be done for it can not be undone
            return None
        ask = await self._ask(question)
        ask = msgspec.structs.replace(ask, held=True, temporary=ask.temporary or speculative)
        return WorkspaceAnswer(self, ask, prefetched if isinstance(prefetched, Ahead) else None)

    def prefetch(self, question: str) -> Ahead | None:
        """As its port."""
        return None if may_concern(question) else Ahead(question, self._gather(question))

    async def cut_off(self) -> CutOff | None:
        """As its port. Cost: one transaction."""
        if self._begins or not self._keeps or self.conversation_id is None:
            return None
        asked, answered = (None, *await self._heeds.recent(self.conversation_id, limit=2))[-2:]
        if answered is None or answered.full is None:
            return None
        whole = _whole(answered, "" if asked is None else asked.text)
        heard = Heard(spoken=answered.text, full=answered.full, interrupted=True, audio_ms=answered.audio_ms or 0)
        return CutOff(answer=StoredAnswer(self, whole), whole=whole, heard=heard)

    async def _ask(self, question: str) -> Ask:
        return await self._asked(question, None if self._begins else self.conversation_id)

    async def _gather(self, question: str) -> Material:
        return await self._engine.gather(await self._ask(question))

    async def admit(self) -> None:
        """Count one more question."""
        if self._admit is not None:
            await self._admit()

    async def store(self, ask: Ask, answer: Answer, message_id: UUID, generation: Generation) -> None:
        """Write the turn; the first one begins its conversation."""
        if not self._keeps or self.conversation_id is None:
            return
        kept = msgspec.structs.replace(
            ask, held=False, temporary=False, conversation_id=self.conversation_id, begins=self._begins
        )
        await self._engine.store(kept, answer, message_id, generation.call)
        self._begins = False

    async def note(self, message_id: UUID, heard: Heard) -> None:
        """Write what was heard of a turn."""
        if self._keeps and self.conversation_id is not None:
            characters = heard.characters if heard.interrupted else None
            try:
                await self._heeds.note_heard(
                    self.conversation_id, message_id, characters, audio_ms=heard.audio_ms or None
                )
            except NotFound:  # a conversation that was deleted meanwhile needs no note
                return

    def begin(self, ask: Ask, ahead: Ahead | None) -> Generation:
        """The generation of an answer."""
        return self._engine.begin(ask, message_id=uuid4(), ahead=ahead)


class WorkspaceAnswer:
    """One of `WorkspaceAnswers`."""

    def __init__(self, answers: WorkspaceAnswers, ask: Ask, ahead: Ahead | None) -> None:
        self._answers = answers
        self._ask = ask
        self._ahead = ahead
        self._generation = answers.begin(ask, ahead)
        self._message_id = uuid4()
        self._answer: Answer | None = None
        self._kept = False

    @property
    def id(self) -> UUID:
        """As its port."""
        return self._generation.id

    @property
    def conversation_id(self) -> ConversationId | None:
        """As its port."""
        return self._answers.conversation_id

    async def events(self) -> AsyncGenerator[AnswerEvent]:
        """As its port."""
        try:
            async with aclosing(self._generation.events()) as events:
                async for event in events:
                    if isinstance(event, Final | Refusal):
                        self._answer = event.answer
                    yield event
        finally:
            if self._ahead is not None:
                await self._ahead.close()

    async def stands(self) -> None:
        """As its port."""
        await self._answers.admit()

    async def keep(self) -> Answer:
        """As its port."""
        answer = self._answer or self._generation.answer(stopped=True)
        if not self._kept and self._generation.began:
            answer = msgspec.structs.replace(answer, conversation_id=self._answers.conversation_id)
            await self._answers.store(self._ask, answer, self._message_id, self._generation)
            self._answer = answer = msgspec.structs.replace(answer, message_id=self._message_id)
            self._kept = True
        return answer

    async def heard(self, heard: Heard) -> None:
        """As its port."""
        if self._kept:
            await self._answers.note(self._message_id, heard)


class StoredAnswer:
    """A `SpokenAnswer` that was given before, and is kept already."""

    def __init__(self, answers: WorkspaceAnswers, whole: Answer) -> None:
        self.id = whole.response_id
        self.conversation_id = whole.conversation_id
        self._answers = answers
        self._whole = whole

    async def events(self) -> AsyncGenerator[AnswerEvent]:
        """As its port: it was told."""
        return
        yield

    async def stands(self) -> None:
        """As its port: it was counted."""

    async def keep(self) -> Answer:
        """As its port: it is."""
        return self._whole

    async def heard(self, heard: Heard) -> None:
        """As its port."""
        await self._answers.note(self.id, heard)


def _whole(answered: Message, question: str) -> Answer:
    """An answer as the history has it: what it drew on, and what it took, is not known any more."""
    return Answer(
        response_id=answered.id,
        question=question,
        text=answered.text if answered.full is None else answered.full,
        citations=answered.citations,
        sources=(),
        refused=answered.refused,
        model=answered.model or "",
        cost_usd=None,
        timings=Timings(),
        conversation_id=answered.conversation_id,
        message_id=answered.id,
        stopped=answered.stopped,
    )
