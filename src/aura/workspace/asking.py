"""Asking and searching as one principal, in writing and by voice."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from uuid import UUID, uuid4

import msgspec

from aura.answering.ask import Ask, InConversation, Question, Replaced, Said
from aura.answering.events import Answer, AnswerEvent
from aura.answering.own_responses import OwnResponses
from aura.answering.responses import Asker
from aura.errors import InvalidRequest, NotFound
from aura.identity import CollectionId, ConversationId, Verb
from aura.index.passage import Passage, SearchTrial
from aura.index.tenant_index import Mode, Search
from aura.memory.conversations import Conversations
from aura.memory.feedback import Feedback, RatedDown
from aura.persona.rendering import Style
from aura.persona.traits import Channel, Traits
from aura.tenants.collections import Collections
from aura.tenants.provider_keys import ProviderKeys
from aura.voice.answers import WorkspaceAnswers
from aura.voice.service import Voice, vocabulary_of
from aura.voice.sessions import Surface, VoiceSessions
from aura.workspace.llama_index_parts import LlamaIndexParts


class Asking(LlamaIndexParts):
    """What answers, and what is searched, for one principal."""

    # -- ask and search ------------------------------------------------------------------------------------------------

    async def ask(
        self,
        message: str,
        *,
        conversation: InConversation = None,
        history: Sequence[Said] = (),
        collection: str | CollectionId | None = None,
        use_memory: bool = True,
        use_persona: bool = True,
        search_knowledge: bool = True,
        temporary: bool = False,
        channel: Channel = "text",
        replaces: UUID | None = None,
    ) -> Answer:
        """The answer to `message`, cited from this scope's documents, or a refusal where they do not support one.

        Args:
            conversation: what it is a turn of, `"new"` for one that begins with it (the answer has its id); stored there
                unless `temporary`.
            history: what was said before, where the caller keeps that itself; it and the answer are stored nowhere.
            collection: search in this one alone, by name or id.
            use_memory: draw on what the user said before, here and in other conversations; earlier turns also say what a
                follow-up means.
            use_persona: adapt the wording to the user, and learn from the message how the user wants to be answered.
            search_knowledge: draw on documents; without it the model answers alone, and cites nothing.
            channel: how the answer is taken in: each has a persona of its own.
            replaces: a message of the conversation. Its turn, with all after it, makes room for this one as soon as this
                one is stored; until then, and where the answer fails, it stays. It is not drawn on.

        Raises:
            InvalidRequest: the message is empty, both a conversation and a history are given, or there is something to
                replace and no conversation that it is in.
            Denied: an API key acts that may not `ask`, or may not `write` and is to replace something.
            NotFound: there is no such conversation or collection in the scope, or no such message in the conversation.
            Unavailable: the database or the model is away.

        Cost: one call of the model; two or three round trips to the database.
        """
        return await self.answer(
            Question(
                message=message,
                conversation=conversation,
                history=history,
                collection=collection,
                use_memory=use_memory,
                use_persona=use_persona,
                search_knowledge=search_knowledge,
                temporary=temporary,
                channel=channel,
                replaces=replaces,
            )
        )

    async def answer(self, question: Question) -> Answer:
        """As `ask`, for a question that is a value already."""
        return await self._wiring.engine.answer(await self._prepared(question))

    async def stream(
        self,
        message: str,
        *,
        conversation: InConversation = None,
        history: Sequence[Said] = (),
        collection: str | CollectionId | None = None,
        use_memory: bool = True,
        use_persona: bool = True,
        search_knowledge: bool = True,
        temporary: bool = False,
        channel: Channel = "text",
        replaces: UUID | None = None,
    ) -> AsyncGenerator[AnswerEvent]:
        """As `ask`, as it comes: `sources`, `delta` and `citation`, then `final`, `refusal` or `error`.

        Closing the stream stops the model; what it had said is stored.
        """
        ask = await self._prepared(
            Question(
                message=message,
                conversation=conversation,
                history=history,
                collection=collection,
                use_memory=use_memory,
                use_persona=use_persona,
                search_knowledge=search_knowledge,
                temporary=temporary,
                channel=channel,
                replaces=replaces,
            )
        )
        async with aclosing(self._wiring.engine.stream(ask)) as events:
            async for event in events:
                yield event

    async def search(
        self,
        query: str,
        *,
        limit: int = 10,
        collection: str | CollectionId | None = None,
        mode: Mode = "hybrid",
    ) -> list[Passage]:
        """The best passages for `query`, best first: as many as `limit` whenever the scope has so many.

        Args:
            mode: both legs fused, or one of them: `dense`, `bm25`.

        Raises:
            InvalidRequest: the query is empty.
            Denied: an API key acts that may not `read`.
            NotFound: there is no such collection.

        Cost: one query embedding; two round trips to the database.
        """
        return list((await self.try_search(query, limit=limit, collection=collection, mode=mode)).passages)

    async def try_search(
        self,
        query: str,
        *,
        limit: int = 10,
        collection: str | CollectionId | None = None,
        mode: Mode = "hybrid",
    ) -> SearchTrial:
        """As `search`, with the time that each part of it took. Raises and costs what that does."""
        self.scope.require(Verb.READ)
        results = await self._wiring.index.search(
            Search(
                text=query,
                limit=limit,
                mode=mode,
                weight=self._parts.settings.fusion_weight,
                candidates=self._parts.settings.candidates,
                collection_id=await self._collection_id(collection),
            )
        )
        return SearchTrial(
            passages=tuple(found.passage for found in results.found),
            embedding_seconds=results.embedding_seconds,
            search_seconds=results.search_seconds,
        )

    async def try_persona(self, message: str, traits: Traits | None, *, search_knowledge: bool = True) -> Answer:
        """The answer to `message` as a persona of these traits would have it; None is the user's own. Nothing is stored.

        Raises:
            As `ask`.

        Cost: as `ask`.
        """
        ask = await self._prepared(
            Question(
                message=message,
                use_memory=False,
                use_persona=traits is None,
                search_knowledge=search_knowledge,
                temporary=True,
            )
        )
        if traits is not None:
            ask = msgspec.structs.replace(ask, style=Style.of(traits))
        return await self._wiring.engine.answer(ask)

    async def feedback(self, message_id: UUID, rating: int, reason: str = "", comment: str = "") -> None:
        """Rate an answer of the user's: 1 or -1. Rating it again replaces the first opinion.

        Raises:
            InvalidRequest: the rating is another number, or a text is too long.
            NotFound: the user has no answer with this id.
        """
        self.scope.require(Verb.ASK)
        if not self._principal.reads_history:
            raise NotFound("there is no such answer")
        opinions = Feedback(self._parts.database, self._principal.owner, signals=self._wiring.signals)
        await opinions.give(message_id, rating, reason=reason, comment=comment)

    async def rated_down(self, *, limit: int = 100) -> list[RatedDown]:
        """The user's answers that are rated as bad, with what was asked: what an evaluation should hold next.

        An admin, and the organisation's programs, see those of all members, where the organisation lets admins read
        history (`custom_settings["admins_read_history"]`).

        Raises:
            InvalidRequest: `limit` is not between 1 and 1,000.
        """
        self.scope.require(Verb.ASK)
        principal = self._principal
        scope = principal.owner
        limited = scope.collections is not None or not scope.may(Verb.ADMIN)
        if principal.administers and principal.organisation.admins_read_history and not limited:
            scope = scope.as_service()
        if not principal.reads_history:
            return []
        return await Feedback(self._parts.database, scope).rated_down(limit=limit)

    @property
    def responses(self) -> OwnResponses:
        """Answers that go on without their reader, and can be read again from any replica."""
        self.scope.require(Verb.ASK)
        asker = Asker(scope=self._principal.owner, engine=self._wiring.engine, asked_by=self._principal.response_owner)
        return OwnResponses(self._parts.responses, asker, self._prepared)

    # -- voice ---------------------------------------------------------------------------------------------------------

    @property
    def voice(self) -> Voice:
        """Speech in and out, and the answer to what was said."""
        parts = self._parts
        keys = ProviderKeys(parts.database, self.scope.as_service(), cipher=parts.cipher)
        return Voice(
            parts.voice,
            self.scope,
            books=self._wiring.books,
            keys=keys.all,
            answer=self.answer,
            ensure=self._ensure_place,
            vocabulary=vocabulary_of(self.organisation.custom_settings),
        )

    async def spoken_answers(
        self,
        *,
        conversation: ConversationId | None = None,
        begins: bool = False,
        collection: str | CollectionId | None = None,
        admit: Callable[[], Awaitable[None]] | None = None,
    ) -> WorkspaceAnswers:
        """Answers for a conversation by voice, whose turns are kept once they stand.

        Args:
            conversation: what they are turns of; None begins one with the first.
            begins: `conversation` was never used, and begins with the first unless it has begun by now.
            collection: search in this one alone, by name or id.
            admit: counts each question that is answered, or refuses it.

        Raises:
            Denied: an API key acts that may not `ask`.
            NotFound: there is no such conversation or collection in the scope.
        """
        self.scope.require(Verb.ASK)
        try:
            await self._ensure_place(conversation, None)
        except NotFound:
            if not begins:
                raise
        else:
            begins = False
        await self._ensure_place(None, collection)

        async def asked(message: str, of: ConversationId | None) -> Ask:
            return await self._prepared(
                Question(message=message, conversation=of, collection=collection, channel="voice")
            )

        return WorkspaceAnswers(
            self._wiring.engine,
            self._wiring.conversations,
            asked,
            conversation_id=conversation,
            begins=begins,
            admit=admit,
        )

    def voice_sessions(self, surface: Surface) -> VoiceSessions:
        """The caller's open conversations by voice: how many the plan has room for, its minutes, and which can be resumed.

        Args:
            surface: the protocol that they are held in; they are resumed in the same one.
        """
        return VoiceSessions(
            self._parts.database, self.scope, self.organisation, surface=surface, clock=self._parts.clock
        )

    # ----------------------------------------------------------------------------------------------------------------

    async def _prepared(self, question: Question) -> Ask:
        """`question` with all that it names looked up. Raises as `ask`."""
        self.scope.require(Verb.ASK)
        conversation, begins = question.conversation, False
        if conversation is not None and question.history:
            raise InvalidRequest("a conversation has its own history: pass one of the two", field="history")
        replaced = await self._replaced(question)
        if conversation == "new":
            begins = not question.temporary
            conversation = ConversationId(uuid4()) if begins else None
        mine = self._principal.reads_history
        return Ask(
            message=question.message,
            history=tuple(question.history),
            conversation_id=conversation,
            begins=begins,
            history_until=None if replaced is None else replaced.until,
            replaces=replaced,
            collection_id=await self._collection_id(question.collection),
            use_memory=question.use_memory and mine,
            search_knowledge=question.search_knowledge,
            temporary=question.temporary,
            persona=question.channel if question.use_persona and mine else None,
        )

    async def _replaced(self, question: Question) -> Replaced | None:
        """What the question takes the place of, if it is to take any."""
        if question.replaces is None:
            return None
        if question.conversation is None or question.conversation == "new" or question.temporary:
            raise InvalidRequest("replaces is a message of a conversation: say which, and keep it", field="replaces")
        return await self._wiring.conversations.replaceable(question.conversation, question.replaces)

    async def _ensure_place(self, conversation: InConversation, collection: str | CollectionId | None) -> None:
        """Refuse a conversation or a collection that is not there, before anything is spent. Raises `NotFound`."""
        if conversation is not None and conversation != "new":
            await Conversations(self._parts.database, self._principal.inside).require(conversation)
        await self._collection_id(collection)

    async def _collection_id(self, collection: str | CollectionId | None) -> CollectionId | None:
        if collection is None:
            return None
        inside = msgspec.structs.replace(self.scope, verbs=None)  # who may ask may say where
        return (await Collections(self._parts.database, inside).by_name_or_id(collection)).id
