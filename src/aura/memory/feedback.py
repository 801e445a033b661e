"""What users think of the answers they got."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, and_, func, select
from sqlalchemy.dialects.postgresql import insert

from aura.answering.hygiene import storable
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import feedback, messages
from aura.errors import InvalidRequest, NotFound
from aura.identity import Scope
from aura.persona.signals import Signals

LONGEST_REASON = 200
"""Characters of a reason: a word or a line."""
LONGEST_COMMENT = 5_000
"""Characters of a comment."""
MOST_RATED = 1_000
"""Answers that can be read at once."""


class RatedDown(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that its asker thought bad. `turns` is what the asker had said before in the conversation, oldest first."""

    message_id: UUID
    question: str
    turns: tuple[str, ...]
    answer: str
    refused: bool
    reason: str
    comment: str
    rated_at: datetime


class Feedback:
    """One user's opinions, one for each answer.

    Args:
        signals: takes note of what their reasons say of how the user wants to be answered; None where nobody does.
    """

    def __init__(self, database: Database, scope: Scope, *, signals: Signals | None = None) -> None:
        self._database = database
        self._scope = scope
        self._signals = signals

    async def give(self, message_id: UUID, rating: int, *, reason: str = "", comment: str = "") -> None:
        """Rate an answer, or rate it anew: the last opinion counts.

        Args:
            rating: 1 for a good answer, -1 for a bad one.

        Raises:
            InvalidRequest: the rating is another number, or a text is too long.
            NotFound: the scope has no answer with this id. A question is none.
        """
        if rating not in (1, -1):
            raise InvalidRequest(f"rating is {rating}, and must be 1 or -1", field="rating")
        for field, text, most in (("reason", reason, LONGEST_REASON), ("comment", comment, LONGEST_COMMENT)):
            if len(text) > most:
                raise InvalidRequest(f"{field} has {len(text)} characters, and {most} are allowed", field=field)
        opinion = {"rating": rating, "reason": storable(reason), "comment": storable(comment)}
        answer = select(messages.c.id).where(
            visible(messages, self._scope), messages.c.id == message_id, messages.c.role == "assistant"
        )
        key = {"tenant_id": self._scope.tenant_id, "message_id": message_id, "user_id": self._scope.user_id}
        async with self._database.tenant(self._scope) as session:
            if await session.scalar(answer) is None:
                raise NotFound("there is no such answer")
            await session.execute(
                insert(feedback)
                .values(**key, **opinion)
                .on_conflict_do_update(
                    index_elements=["tenant_id", "message_id"], set_={**opinion, "created_at": func.now()}
                )
            )
            if self._signals is not None:
                await self._signals.of_rating(session, message_id, rating, reason, comment)

    async def rated_down(self, *, limit: int = 100) -> list[RatedDown]:
        """The answers of the scope that are rated as bad, the latest rating first. Cost: two statements.

        Raises:
            InvalidRequest: `limit` is not between 1 and 1,000.
        """
        if not 1 <= limit <= MOST_RATED:
            raise InvalidRequest(f"limit is {limit}, and must be between 1 and {MOST_RATED}", field="limit")
        c = messages.c
        rated = (
            select(c.id, c.conversation_id, c.seq, c.text, c.refused, feedback.c.reason, feedback.c.comment)
            .add_columns(feedback.c.created_at)
            .join(feedback, and_(feedback.c.tenant_id == c.tenant_id, feedback.c.message_id == c.id))
            .where(visible(feedback, self._scope), visible(messages, self._scope), feedback.c.rating < 0)
            .order_by(feedback.c.created_at.desc(), c.id)
            .limit(limit)
        )
        async with self._database.tenant(self._scope, snapshot=True) as session:
            answers = (await session.execute(rated)).all()
            said = (
                select(c.conversation_id, c.seq, c.text)
                .where(visible(messages, self._scope), c.role == "user")
                .where(c.conversation_id.in_({answer.conversation_id for answer in answers}))
                .order_by(c.seq)
            )
            asked = (await session.execute(said)).all()
        found = (_rated_down(answer, [each for each in asked if _is_before(each, answer)]) for answer in answers)
        return [each for each in found if each is not None]


def _is_before(said: Row[Any], answer: Row[Any]) -> bool:
    return said.conversation_id == answer.conversation_id and said.seq < answer.seq


def _rated_down(answer: Row[Any], asked: list[Row[Any]]) -> RatedDown | None:
    """An answer with what the user had `asked` until then; None where that is gone."""
    if not asked:
        return None
    *turns, question = (each.text for each in asked)
    return RatedDown(
        message_id=answer.id,
        question=question,
        turns=tuple(turns),
        answer=answer.text,
        refused=answer.refused,
        reason=answer.reason,
        comment=answer.comment,
        rated_at=answer.created_at,
    )
