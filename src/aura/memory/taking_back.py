"""Turns that are taken back: a question that is asked anew in other words, or an answer that is wanted again."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.answering.ask import Replaced
from aura.database.scopes import visible
from aura.database.tables import conversations, messages, summaries
from aura.errors import NotFound
from aura.identity import ConversationId, Scope
from aura.memory import entries, fact_rows, outbox, turns


async def take_back(session: AsyncConnection, scope: Scope, conversation_id: ConversationId, message_id: UUID) -> int:
    """Delete the turn of a message and every turn after it, with what these alone taught; how many messages went.

    A summary that knew of them goes too, and is made again of what is left.

    Raises:
        NotFound: there is no such conversation in the scope, or no such message in it.
    """
    of = and_(visible(messages, scope), messages.c.conversation_id == conversation_id)
    first = await _first(session, scope, conversation_id, message_id, of)
    taken = and_(of, messages.c.seq >= first)
    others = await fact_rows.proven_by(session, scope, taken)
    columns = (messages.c.id, messages.c.seq, messages.c.text)
    gone = (await session.execute(delete(messages).where(taken).returning(*columns))).all()
    await entries.drop_messages(session, scope, [row.id for row in gone])
    opening = min(gone, key=lambda row: row.seq).text[: turns.TITLE_CHARACTERS]
    await session.execute(
        update(conversations)
        .where(visible(conversations, scope), conversations.c.id == conversation_id)
        .where(conversations.c.title == opening, ~exists().where(of))
        .values(title="")  # the question that is asked instead names it
    )
    await session.execute(
        delete(summaries).where(
            visible(summaries, scope),
            summaries.c.conversation_id == conversation_id,
            summaries.c.through_seq >= first,
        )
    )
    await fact_rows.drop_unproven(session, scope)
    await outbox.put_again(session, scope, others)
    return len(gone)


async def replaceable(
    session: AsyncConnection, scope: Scope, conversation_id: ConversationId, message_id: UUID
) -> Replaced:
    """What `take_back` would delete. Raises `NotFound` where there is no such message in the conversation."""
    of = and_(visible(messages, scope), messages.c.conversation_id == conversation_id)
    first = await _begins_at(session, message_id, of)
    gone = (await session.scalars(select(messages.c.id).where(of, messages.c.seq >= first))).all()
    return Replaced(message_id=message_id, until=first - 1, gone=tuple(gone))


async def _first(
    session: AsyncConnection,
    scope: Scope,
    conversation_id: ConversationId,
    message_id: UUID,
    of: ColumnElement[bool],
) -> int:
    """The `seq` that the message's turn begins with. Who adds a turn waits from now on."""
    await fact_rows.lock(session, scope)
    mine = and_(visible(conversations, scope), conversations.c.id == conversation_id)
    if await session.scalar(select(conversations.c.id).where(mine).with_for_update()) is None:
        raise NotFound("there is no such conversation")
    return await _begins_at(session, message_id, of)


async def _begins_at(session: AsyncConnection, message_id: UUID, of: ColumnElement[bool]) -> int:
    turn = messages.c.id.in_((message_id, turns.question_id(message_id)))
    first = await session.scalar(select(func.min(messages.c.seq)).where(of, turn))
    if first is None:
        raise NotFound("there is no such message in the conversation")
    return int(first)
