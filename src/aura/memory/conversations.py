"""Conversations, turn by turn and verbatim. They belong to one user, and nobody else's scope shows them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import ColumnElement, FromClause, delete, func, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.answering.events import Answer, Citation
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import conversations, messages
from aura.errors import InvalidRequest, NotFound
from aura.identity import ConversationId, Scope, Verb
from aura.tenants import validation
from aura.tenants.values import Page

_TITLE_CHARACTERS = 80


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One turn's half: what the user asked, or what was answered."""

    id: UUID
    conversation_id: ConversationId
    role: Literal["user", "assistant"]
    text: str
    created_at: datetime
    citations: tuple[Citation, ...] = ()
    model: str | None = None
    refused: bool = False


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation as a list shows it."""

    id: ConversationId
    title: str
    created_at: datetime
    updated_at: datetime


class Conversations:
    """One user's conversations; without a user, those that the organisation's own programs hold."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self._scope = scope

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

    async def recent(self, conversation_id: ConversationId, *, limit: int = 10) -> Sequence[Message]:
        """The last messages, oldest first.

        Raises:
            NotFound: there is no such conversation in the scope.
        """
        self._scope.require(Verb.READ)
        async with self._database.tenant(self._scope) as session:
            await self._require(session, conversation_id)
            rows = await session.execute(
                select(messages)
                .where(self._mine(messages), messages.c.conversation_id == conversation_id)
                .order_by(messages.c.seq.desc())
                .limit(limit)
            )
            return [_message(row) for row in reversed(rows.all())]

    async def add_turn(self, conversation_id: ConversationId, asked: str, answer: Answer) -> UUID:
        """Store a question and its answer; the id of the answer's message."""
        self._scope.require(Verb.ASK)
        message_id = uuid4()
        common = {
            "tenant_id": self._scope.tenant_id,
            "user_id": self._scope.user_id,
            "conversation_id": conversation_id,
        }
        async with self._database.tenant(self._scope) as session:
            await self._require(session, conversation_id)
            await session.execute(insert(messages).values(**common, id=uuid4(), role="user", text=_storable(asked)))
            await session.execute(
                insert(messages).values(
                    **common,
                    id=message_id,
                    role="assistant",
                    text=_storable(answer.text),
                    citations=msgspec.to_builtins(answer.citations),
                    model=answer.model,
                    cost_usd=answer.cost_usd or 0,
                    refused=answer.refused,
                )
            )
            title = func.coalesce(func.nullif(conversations.c.title, ""), _storable(asked)[:_TITLE_CHARACTERS])
            await session.execute(
                update(conversations)
                .where(self._mine(conversations), conversations.c.id == conversation_id)
                .values(updated_at=func.now(), title=title)
            )
        return message_id

    async def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Conversation]:
        """Conversations, the latest first, a page at a time.

        Raises:
            InvalidRequest: the cursor is none of ours, or the limit is not between 1 and 1,000.
        """
        self._scope.require(Verb.READ)
        start = _offset(cursor)
        query = (
            select(conversations)
            .where(self._mine(conversations))
            .order_by(conversations.c.updated_at.desc(), conversations.c.id)
            .limit(validation.page_size(limit) + 1)
            .offset(start)
        )
        async with self._database.tenant(self._scope) as session:
            rows = (await session.execute(query)).all()
        items = tuple(
            Conversation(id=r.id, title=r.title, created_at=r.created_at, updated_at=r.updated_at) for r in rows[:limit]
        )
        more = len(rows) > limit
        return Page(items=items, next_cursor=str(start + limit) if more else None)

    async def delete(self, conversation_id: ConversationId) -> None:
        """Delete a conversation with its messages.

        Raises:
            NotFound: there is no such conversation in the scope.
        """
        self._scope.require(Verb.WRITE)
        async with self._database.tenant(self._scope) as session:
            await self._require(session, conversation_id)
            await session.execute(
                delete(conversations).where(self._mine(conversations), conversations.c.id == conversation_id)
            )

    async def _require(self, session: AsyncConnection, conversation_id: ConversationId) -> None:
        query = select(conversations.c.id).where(self._mine(conversations), conversations.c.id == conversation_id)
        if await session.scalar(query) is None:
            raise NotFound("there is no such conversation")

    def _mine(self, table: FromClause) -> ColumnElement[bool]:
        return visible(table, self._scope)


def _message(row: Row[tuple[object, ...]]) -> Message:
    return Message(
        id=row.id,
        conversation_id=row.conversation_id,
        role=row.role,
        text=row.text,
        created_at=row.created_at,
        citations=msgspec.convert(row.citations, tuple[Citation, ...]),
        model=row.model,
        refused=row.refused,
    )


def _offset(cursor: str | None) -> int:
    if not cursor:
        return 0
    if not re.fullmatch("[0-9]{1,9}", cursor):
        raise InvalidRequest("this cursor is none of ours: pass `next_cursor` on as it came", field="cursor")
    return int(cursor)


def _storable(text: str) -> str:
    """Without what PostgreSQL's text can not hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()
