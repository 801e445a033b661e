"""Conversations, turn by turn and verbatim. They belong to one user, and nobody else's scope shows them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, FromClause, and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.answering.ask import OWN, Replaced
from aura.answering.events import Answer
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import conversations, messages
from aura.errors import InvalidRequest, NotFound
from aura.identity import ConversationId, Scope, Verb
from aura.memory import exporting, fact_rows, outbox, taking_back, turns
from aura.memory.exporting import Format
from aura.memory.messages import Conversation, Hit, Message, conversation_of, message_of
from aura.memory.turns import Turn
from aura.persona.signals import Signals
from aura.persona.traits import Channel
from aura.tenants import validation
from aura.tenants.values import Page

_MOST_WORDS = 12


class Conversations:
    """One user's conversations; without a user, those that the organisation's own programs hold.

    Args:
        readable: False for who may begin them and add to them, but not read them: an admin who asks for a member.
        learns: False where what is said is not said by their user: nothing is learned of the user from it.
        signals: takes note of what turns say of how the user wants to be answered; None where nobody does.
    """

    def __init__(
        self,
        database: Database,
        scope: Scope,
        *,
        readable: bool = True,
        learns: bool = True,
        signals: Signals | None = None,
    ) -> None:
        self._database = database
        self._scope = scope
        self._readable = readable
        self._learns = learns
        self._signals = signals

    async def start(self) -> ConversationId:
        """A new, empty conversation. An API key that is limited to collections sees those alone that such a key began."""
        self._scope.require(Verb.ASK)
        within = self._scope.collections
        conversation_id = ConversationId(uuid4())
        async with self._database.tenant(self._scope) as session:
            await session.execute(
                insert(conversations).values(
                    tenant_id=self._scope.tenant_id,
                    id=conversation_id,
                    user_id=self._scope.user_id,
                    collections=None if within is None else sorted(within),
                )
            )
        return conversation_id

    async def require(self, conversation_id: ConversationId) -> None:
        """Raise `NotFound` unless there is such a conversation in the scope."""
        async with self._database.tenant(self._scope) as session:
            await self._require(session, conversation_id)

    async def get(self, conversation_id: ConversationId) -> Conversation:
        """One conversation. Raises `NotFound`."""
        self._scope.require(Verb.READ)
        self._refuse_unreadable()
        query = select(conversations).where(self._mine(conversations), conversations.c.id == conversation_id)
        async with self._database.tenant(self._scope) as session:
            row = (await session.execute(query)).one_or_none()
        if row is None:
            raise NotFound("there is no such conversation")
        return conversation_of(row)

    async def rename(self, conversation_id: ConversationId, title: str) -> Conversation:
        """Give a conversation another title.

        Raises:
            InvalidRequest: the title is empty, too long, or no line of text.
            NotFound: there is no such conversation in the scope.
        """
        self._scope.require(Verb.WRITE)
        self._refuse_unreadable()
        return await self._change(conversation_id, title=validation.name(title, field="title"))

    async def pin(self, conversation_id: ConversationId, pinned: bool = True) -> Conversation:
        """Keep a conversation at the top of the list, or no longer. Raises `NotFound`."""
        self._scope.require(Verb.WRITE)
        self._refuse_unreadable()
        return await self._change(conversation_id, pinned=pinned)

    async def _change(self, conversation_id: ConversationId, **values: object) -> Conversation:
        change = (
            update(conversations)
            .where(self._mine(conversations), conversations.c.id == conversation_id)
            .values(**values)
            .returning(conversations)
        )
        async with self._database.tenant(self._scope) as session:
            row = (await session.execute(change)).one_or_none()
        if row is None:
            raise NotFound("there is no such conversation")
        return conversation_of(row)

    async def recent(
        self, conversation_id: ConversationId, *, limit: int = 10, until: int | None = None
    ) -> Sequence[Message]:
        """The last messages, oldest first.

        Args:
            until: the `seq` of the last one that counts (`last_seq`); None is the conversation as it stands.

        Raises:
            NotFound: there is no such conversation in the scope.
        """
        self._scope.require(Verb.READ)
        self._refuse_unreadable()
        query = (
            select(messages)
            .where(self._mine(messages), messages.c.conversation_id == conversation_id)
            .order_by(messages.c.seq.desc())
            .limit(limit)
        )
        if until is not None:
            query = query.where(messages.c.seq <= until)
        async with self._database.tenant(self._scope) as session:
            await self._require(session, conversation_id)
            rows = await session.execute(query)
            return [message_of(row) for row in reversed(rows.all())]

    async def last_seq(self, conversation_id: ConversationId) -> int:
        """The number of a conversation's latest message, 0 when it has none. Raises `NotFound`."""
        query = select(func.coalesce(func.max(messages.c.seq), 0)).where(
            self._mine(messages), messages.c.conversation_id == conversation_id
        )
        async with self._database.tenant(self._scope) as session:
            await self._require(session, conversation_id)
            return int(await session.scalar(query) or 0)

    async def history(
        self, conversation_id: ConversationId | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Message]:
        """Messages, the newest first, a page at a time: of one conversation, or of all.

        Raises:
            InvalidRequest: the cursor is none of ours, or the limit is not between 1 and 1,000.
            NotFound: there is no such conversation in the scope.
        """
        self._scope.require(Verb.READ)
        self._refuse_unreadable()
        before = validation.offset(cursor)
        query = (
            select(messages)
            .where(self._mine(messages))
            .order_by(messages.c.seq.desc())
            .limit(validation.page_size(limit) + 1)
        )
        if before:
            query = query.where(messages.c.seq < before)
        if conversation_id is not None:
            query = query.where(messages.c.conversation_id == conversation_id)
        async with self._database.tenant(self._scope) as session:
            if conversation_id is not None:
                await self._require(session, conversation_id)
            rows = (await session.execute(query)).all()
        more = len(rows) > limit
        items = tuple(message_of(row) for row in rows[:limit])
        return Page(items=items, next_cursor=str(rows[limit - 1].seq) if more else None)

    async def add_turn(
        self,
        conversation_id: ConversationId,
        asked: str,
        answer: Answer,
        *,
        message_id: UUID | None = None,
        begins: bool = False,
        also: Callable[[AsyncConnection], Awaitable[None]] | None = None,
        teaches: Channel | None = None,
        replaces: UUID | None = None,
    ) -> UUID:
        """Store a question and its answer; the id of the answer's message.

        Args:
            message_id: the id that it gets. A turn that is there already under it stays as it is.
            begins: begin the conversation with it, under an id that was never used.
            also: what else belongs into the transaction.
            teaches: let the user's persona of this channel learn from the question.
            replaces: a message whose turn goes as `take_back` has it, in the same transaction, unless it is gone already.

        Raises:
            NotFound: there is no such conversation in the scope.
        """
        self._scope.require(Verb.ASK)
        turn = Turn(
            conversation_id=conversation_id,
            message_id=message_id or uuid4(),
            asked=asked,
            answer=answer,
            begins=begins,
        )
        async with self._database.tenant(self._scope) as session:
            if replaces is not None:
                with suppress(NotFound):
                    await taking_back.take_back(session, self._scope, conversation_id, replaces)
            remembers = answer.model != OWN  # what is said about forgetting is not
            new = await turns.write(session, self._scope, turn, remembers=remembers, learns=self._learns)
            if new and self._signals is not None and teaches is not None:
                after = None if begins else conversation_id
                await self._signals.of_turn(session, turn.question_id, asked, teaches, after=after)
            if also is not None:
                await also(session)
        return turn.message_id

    async def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Conversation]:
        """Conversations: the pinned ones first, then the latest, a page at a time.

        Raises:
            InvalidRequest: the cursor is none of ours, or the limit is not between 1 and 1,000.
        """
        self._scope.require(Verb.READ)
        self._refuse_unreadable()
        start = validation.offset(cursor)
        query = (
            select(conversations)
            .where(self._mine(conversations))
            .order_by(conversations.c.pinned.desc(), conversations.c.updated_at.desc(), conversations.c.id)
            .limit(validation.page_size(limit) + 1)
            .offset(start)
        )
        async with self._database.tenant(self._scope) as session:
            rows = (await session.execute(query)).all()
        items = tuple(conversation_of(row) for row in rows[:limit])
        more = len(rows) > limit
        return Page(items=items, next_cursor=str(start + limit) if more else None)

    async def delete(self, conversation_id: ConversationId) -> None:
        """Delete a conversation with its messages.

        Raises:
            NotFound: there is no such conversation in the scope.
        """
        self._scope.require(Verb.WRITE)
        self._refuse_unreadable()
        async with self._database.tenant(self._scope) as session:
            await self._require(session, conversation_id)
            await fact_rows.lock(session, self._scope)
            others = await fact_rows.proven_by(session, self._scope, messages.c.conversation_id == conversation_id)
            await session.execute(
                delete(conversations).where(self._mine(conversations), conversations.c.id == conversation_id)
            )
            await fact_rows.drop_unproven(session, self._scope)
            await outbox.put_again(session, self._scope, others)

    async def take_back(self, conversation_id: ConversationId, message_id: UUID) -> int:
        """Delete the turn of a message and every turn after it, with what these alone taught; how many messages went.

        Raises:
            NotFound: there is no such conversation in the scope, or no such message in it.
        """
        self._scope.require(Verb.WRITE)
        self._refuse_unreadable()
        async with self._database.tenant(self._scope) as session:
            return await taking_back.take_back(session, self._scope, conversation_id, message_id)

    async def replaceable(self, conversation_id: ConversationId, message_id: UUID) -> Replaced:
        """What another turn takes the place of, which begins with the turn of a message. Raises as `take_back`."""
        self._scope.require(Verb.WRITE)
        self._refuse_unreadable()
        async with self._database.tenant(self._scope) as session:
            await self._require(session, conversation_id)
            return await taking_back.replaceable(session, self._scope, conversation_id, message_id)

    async def export(self, conversation_id: ConversationId, format: Format = "jsonl") -> AsyncGenerator[bytes]:
        """A conversation with its messages in pieces: JSON Lines, or HTML to be read.

        Raises:
            InvalidRequest: there is no such format.
            NotFound: there is no such conversation in the scope.
        """
        self._scope.require(Verb.READ)
        if format not in ("jsonl", "html"):
            raise InvalidRequest(f"format is {format!r}, and must be jsonl or html", field="format")
        await self.get(conversation_id)
        async with aclosing(exporting.export(self._database, self._scope, format, conversation_id)) as pieces:
            async for piece in pieces:
                yield piece

    async def search(self, query: str, *, limit: int = 20, cursor: str | None = None) -> Page[Hit]:
        """The user's messages that hold every word of `query`, the latest first, a page at a time.

        Raises:
            InvalidRequest: the query has no word, the cursor is none of ours, or the limit is not between 1 and 1,000.

        Cost: one round trip, which reads all of the user's messages.
        """
        self._scope.require(Verb.READ)
        self._refuse_unreadable()
        words = query.casefold().split()[:_MOST_WORDS]
        if not words:
            raise InvalidRequest("q has no word in it: say what to search for", field="q")
        before = validation.offset(cursor)
        joined = and_(
            conversations.c.tenant_id == messages.c.tenant_id, conversations.c.id == messages.c.conversation_id
        )
        found = (
            select(messages, conversations.c.title)
            .join_from(messages, conversations, joined)
            .where(self._mine(messages), self._mine(conversations))
            .where(*(func.strpos(func.lower(messages.c.text), word) > 0 for word in words))
            .order_by(messages.c.seq.desc())
            .limit(validation.page_size(limit) + 1)
        )
        if before:
            found = found.where(messages.c.seq < before)
        async with self._database.tenant(self._scope) as session:
            rows = (await session.execute(found)).all()
        hits = tuple(
            Hit(message=message_of(row), title=row.title, start=max(row.text.casefold().find(words[0]), 0))
            for row in rows[:limit]
        )
        return Page(items=hits, next_cursor=str(rows[limit - 1].seq) if len(rows) > limit else None)

    async def note_heard(
        self, conversation_id: ConversationId, message_id: UUID, characters: int | None, *, audio_ms: int | None = None
    ) -> None:
        """Note that only so much of a spoken answer was heard: what its listener did not hear is not in the history.

        Args:
            characters: None where it was heard to its end.
            audio_ms: how much of its speech was played.

        Raises:
            InvalidRequest: the number is negative.
            NotFound: there is no such conversation in the scope, or no such answer in it.
        """
        self._scope.require(Verb.ASK)
        self._refuse_unreadable()
        for name, number in (("characters", characters), ("audio_ms", audio_ms)):
            if number is not None and number < 0:
                raise InvalidRequest(f"{name} is {number}, and must not be negative", field=name)
        mine = (self._mine(messages), messages.c.conversation_id == conversation_id, messages.c.id == message_id)
        answer = (*mine, messages.c.role == "assistant")
        before = select(messages.c.heard_characters).where(*answer).with_for_update()
        heard = update(messages).where(*answer).values(heard_characters=characters, audio_ms=audio_ms)
        async with self._database.tenant(self._scope) as session:
            await self._require(session, conversation_id)
            known = (await session.execute(before)).one_or_none()
            if known is None:
                raise NotFound("there is no such answer")
            await session.execute(heard)
            if known.heard_characters != characters:  # what was derived from it is not true any more
                await outbox.put_again(session, self._scope, [message_id])

    async def _require(self, session: AsyncConnection, conversation_id: ConversationId) -> None:
        query = select(conversations.c.id).where(self._mine(conversations), conversations.c.id == conversation_id)
        if await session.scalar(query) is None:
            raise NotFound("there is no such conversation")

    def _refuse_unreadable(self) -> None:
        """What may not be read is not there: an admin learns nothing of a member's conversations."""
        if not self._readable:
            raise NotFound("there is no such conversation")

    def _mine(self, table: FromClause) -> ColumnElement[bool]:
        return visible(table, self._scope)
