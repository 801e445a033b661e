"""What waits to be derived from turns, noted in the transaction that stores a turn: neither is there without the other.

A row names a message and holds no text. The sweep of the workers finds it; a job for its conversation works it off.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from uuid import UUID

from sqlalchemy import and_, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.scopes import visible
from aura.database.statements import Statement
from aura.database.tables import conversations, memory_outbox, messages
from aura.identity import ConversationId, Scope


async def put(
    session: AsyncConnection,
    scope: Scope,
    conversation_id: ConversationId,
    message_ids: Sequence[UUID],
    *,
    learn: bool = True,
) -> None:
    """Have the messages derived from. Cost: one round trip.

    Args:
        learn: False for what somebody else said in the user's name: it is remembered as a turn, and no fact is made of it.
    """
    values = {
        "tenant": scope.tenant_id,
        "user": scope.user_id,
        "conversation": conversation_id,
        "learn": learn,
        "messages": list(message_ids),
    }
    await _put().run(session, values)


async def put_again(session: AsyncConnection, scope: Scope, message_ids: Sequence[UUID] | None = None) -> int:
    """Have stored messages of the scope derived from once more: these, or all; how many. What is known already stays one."""
    columns = ("tenant_id", "message_id", "conversation_id", "user_id")
    query = select(messages.c.tenant_id, messages.c.id, messages.c.conversation_id, messages.c.user_id).where(
        visible(messages, scope)
    )
    if message_ids is not None:
        query = query.where(messages.c.id.in_(message_ids))
    again = insert(memory_outbox).from_select(columns, query)
    waiting = {"ruled": False, "due_at": func.now()}
    done = await session.execute(again.on_conflict_do_update(index_elements=["tenant_id", "message_id"], set_=waiting))
    return done.rowcount


async def postpone(session: AsyncConnection, scope: Scope, message_ids: Sequence[UUID], *, seconds: float) -> None:
    """Try these later, each time later than before: at most after an hour."""
    later = func.least(seconds * func.power(2, memory_outbox.c.failures), 3600.0)
    await session.execute(
        update(memory_outbox)
        .where(visible(memory_outbox, scope), memory_outbox.c.message_id.in_(message_ids))
        .values(failures=memory_outbox.c.failures + 1, due_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, later))
    )


async def owner_of(session: AsyncConnection, scope: Scope, conversation_id: ConversationId) -> Scope | None:
    """The scope of who holds a conversation, for work that must see nothing else; None where it is gone."""
    query = select(conversations.c.user_id).where(
        and_(visible(conversations, scope), conversations.c.id == conversation_id)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else Scope(tenant_id=scope.tenant_id, user_id=row.user_id)


@cache
def _put() -> Statement:
    return Statement(
        text(
            """
            INSERT INTO memory_outbox (tenant_id, user_id, conversation_id, learn, message_id)
            SELECT CAST(:tenant AS uuid), CAST(:user AS uuid), CAST(:conversation AS uuid), CAST(:learn AS boolean),
              unnest(CAST(:messages AS uuid[]))
            ON CONFLICT DO NOTHING
            """
        )
    )
