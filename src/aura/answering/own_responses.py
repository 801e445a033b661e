"""One user's answers that survive their connection, as a workspace offers them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from uuid import UUID

from aura.answering.ask import Ask, InConversation, Question
from aura.answering.events import AnswerEvent
from aura.answering.response_records import Response
from aura.answering.responses import Asker, Responses
from aura.identity import CollectionId
from aura.persona.traits import Channel


class OwnResponses:
    """Answers that go on when their reader is gone: started, read from any replica, and stopped.

    Args:
        prepare: looks up what a question names; raises as `Workspace.ask`.
    """

    def __init__(self, responses: Responses, asker: Asker, prepare: Callable[[Question], Awaitable[Ask]]) -> None:
        self._responses = responses
        self._asker = asker
        self._prepare = prepare

    async def start(
        self,
        message: str,
        *,
        conversation: InConversation = None,
        collection: str | CollectionId | None = None,
        use_memory: bool = True,
        use_persona: bool = True,
        search_knowledge: bool = True,
        temporary: bool = False,
        channel: Channel = "text",
        replaces: UUID | None = None,
    ) -> UUID:
        """Begin to answer; the response's id, which `read` takes. The arguments are those of `Workspace.ask`.

        Nobody who reads for `AURA_RESPONSE_RESUME_SECONDS` stops it. A `temporary` one is kept in this process alone.

        Raises:
            InvalidRequest: the message is empty, or there is something to replace and no conversation that it is in.
            NotFound: there is no such conversation or collection in the scope, or no such message in the conversation.
            Unavailable: the database is away.
        """
        return await self.begin(
            Question(
                message=message,
                conversation=conversation,
                collection=collection,
                use_memory=use_memory,
                use_persona=use_persona,
                search_knowledge=search_knowledge,
                temporary=temporary,
                channel=channel,
                replaces=replaces,
            )
        )

    async def begin(self, question: Question) -> UUID:
        """As `start`, for a question that is a value already."""
        ask = await self._asker.engine.styled(await self._prepare(question))  # who takes it over says it in that manner
        return await self._responses.start(self._asker, ask)

    async def get(self, response_id: UUID) -> Response:
        """What is known of a response. Raises `NotFound`."""
        return await self._responses.get(self._asker, response_id)

    async def read(self, response_id: UUID, after_seq: int = -1) -> AsyncGenerator[AnswerEvent]:
        """The events behind `after_seq`, those to come too; closing it stops nothing. Raises `NotFound` at once."""
        async with aclosing(self._responses.read(self._asker, response_id, after_seq)) as events:
            async for event in events:
                yield event

    async def stop(self, response_id: UUID) -> None:
        """Stop the model, on whichever replica it runs; what was said is stored. Raises `NotFound`."""
        await self._responses.stop(self._asker, response_id)
