"""Where signals are written: in the transaction that stores the turn or the rating, by rules alone, so it costs no call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID, uuid5

from sqlalchemy import Select, Uuid, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.clock import Clock
from aura.database.scopes import Sight, visible
from aura.database.statements import ScopedStatement
from aura.database.tables import messages, persona_signals, users
from aura.identity import ConversationId, Scope
from aura.persona.evidence import Exchange, Hint, in_feedback, in_message
from aura.persona.learning import Kind
from aura.persona.traits import Channel


def _before(sight: Sight) -> Select[tuple[object, ...]]:
    """The two messages before a question, the latest first."""
    this = select(messages.c.seq).where(sight.sees(messages), messages.c.id == bindparam("question_id", type_=Uuid))
    return (
        select(messages.c.role, messages.c.text, messages.c.refused)
        .where(sight.sees(messages), messages.c.conversation_id == bindparam("conversation_id", type_=Uuid))
        .where(messages.c.seq < this.scalar_subquery())
        .order_by(messages.c.seq.desc())
        .limit(2)
    )


_BEFORE: Final = ScopedStatement(_before)


class Signals:
    """Notes what one user's messages and ratings say of how to answer. Programs without a user teach nothing."""

    def __init__(self, scope: Scope, clock: Clock) -> None:
        self._scope = scope
        self._clock = clock

    async def of_turn(
        self,
        session: AsyncConnection,
        question_id: UUID,
        asked: str,
        channel: Channel,
        *,
        after: ConversationId | None = None,
    ) -> None:
        """Note what a question says that was just stored. Cost: a short query, and two where it says anything.

        Args:
            after: the conversation in which something may have been said before; None where the question begins it.
        """
        if self._scope.user_id is None:
            return
        before = None if after is None else await self._before(session, after, question_id)
        await self._add(session, question_id, in_message(asked, before), channel)

    async def of_rating(
        self, session: AsyncConnection, message_id: UUID, rating: int, reason: str, comment: str
    ) -> None:
        """Note what the reason of a rating says, in the place of what an earlier rating of the same answer said."""
        if self._scope.user_id is None:
            return
        earlier = persona_signals.c.message_id == message_id, persona_signals.c.kind == Kind.RATED
        await session.execute(delete(persona_signals).where(visible(persona_signals, self._scope), *earlier))
        await self._add(session, message_id, in_feedback(rating, reason, comment), "text")

    async def _before(
        self, session: AsyncConnection, conversation_id: ConversationId, question_id: UUID
    ) -> Exchange | None:
        """The exchange before this question."""
        asked = {"conversation_id": conversation_id, "question_id": question_id}
        rows = await _BEFORE.run(session, self._scope, asked)
        if [row.role for row in rows] != ["assistant", "user"]:
            return None
        return Exchange(asked=rows[1].text, answered=rows[0].text, refused=rows[0].refused)

    async def _add(self, session: AsyncConnection, message_id: UUID, hints: Sequence[Hint], channel: Channel) -> None:
        scope = self._scope
        if not hints:
            return
        # Whoever was deleted meanwhile teaches nothing; the lock keeps that true until the signals are there.
        known = select(users.c.id).where(visible(users, scope), users.c.id == scope.user_id)
        if await session.scalar(known.with_for_update(read=True, key_share=True)) is None:
            return
        rows = [
            {
                "tenant_id": scope.tenant_id,
                "id": uuid5(message_id, f"{hint.kind}:{hint.axis}"),
                "user_id": scope.user_id,
                "channel": channel,
                "axis": hint.axis,
                "towards": hint.towards,
                "kind": hint.kind,
                "message_id": message_id,
                "created_at": self._clock.now(),
            }
            for hint in hints
        ]
        await session.execute(insert(persona_signals).on_conflict_do_nothing(), rows)
