"""What users think of the answers they got."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select
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
