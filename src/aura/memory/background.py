"""What memory gives to an answer: notes that bear on the question, what is pinned, and the conversation's summary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import CompoundSelect, DateTime, Text, Uuid, bindparam, func, literal, null, select, union_all
from sqlalchemy.dialects.postgresql import JSONB

from aura.answering.notes import Background, Note
from aura.database.engine import Database
from aura.database.scopes import Sight
from aura.database.statements import ScopedStatement
from aura.database.tables import facts, memory_entries, summaries
from aura.identity import ConversationId, Scope
from aura.memory.recall import Recall, Remembered
from aura.memory.values import Status
from aura.persona.profile import Profile, stored
from aura.persona.traits import Channel

MOST_NOTES = 8
"""Notes for one answer."""
LONGEST_AROUND = 200
"""Characters of a turn before or after a note."""
_MOST_PINNED = 20
_NO_TEXTS: Final = null().cast(JSONB)
_NO_TIME: Final = null().cast(DateTime(timezone=True))


class RecalledBackground:
    """The background of answers in one scope. Light: it holds no connection.

    Args:
        persona: of the same user.
    """

    def __init__(self, database: Database, scope: Scope, recall: Recall, persona: Profile) -> None:
        self._database = database
        self._scope = scope
        self._recall = recall
        self._persona = persona

    async def background(
        self,
        question: str,
        vector: NDArray[np.float32] | None,
        conversation_id: ConversationId | None,
        *,
        channel: Channel | None = None,
    ) -> Background:
        """Notes on `question` with what is pinned and what sums up the conversation. What is outdated is left out.

        Args:
            channel: whose persona of the user's comes with it; None where it is not asked for.

        Cost: three round trips to the database, in one transaction.
        """
        values = {
            "conversation": conversation_id,
            "live": str(Status.LIVE),
            "most": _MOST_PINNED,
            "channels": [] if channel is None else [channel],
        }
        asked = await self._recall.asked(question, vector=vector)
        async with self._database.tenant(self._scope) as session:
            recalled = await self._recall.within(session, asked, limit=MOST_NOTES, own=True)
            rows = await _KNOWN.run(session, self._scope, values)
        persona = next(row.carried for row in rows if row.kind == "persona")
        return Background(
            notes=tuple(_notes(recalled.found)),
            pinned=tuple(row.text for row in rows if row.kind == "pinned"),
            derived_until=next((row.at for row in rows if row.kind == "derived"), None),
            summary="\n".join(_summary(row.text, row.carried) for row in rows if row.kind == "summary"),
            style=None if channel is None else self._persona.style_of(persona, channel),
        )


def _notes(found: Iterable[Remembered]) -> Iterable[Note]:
    """Each turn once, by what is known to have been told in it."""
    for each in found:
        if each.outdated:
            continue
        yield Note(
            message_id=each.entry.message_id,
            text=each.said or each.entry.text,
            at=each.entry.at,
            about=each.slot or "",
            before=(each.before or "")[:LONGEST_AROUND],
            after=(each.after or "")[:LONGEST_AROUND],
        )


def _summary(text: str, carried: Sequence[Mapping[str, str]]) -> str:
    return "\n".join((*([text] if text else ()), *(f"- {each['text']}" for each in carried)))


def _known(sight: Sight) -> CompoundSelect[Any]:
    pinned = (
        select(literal("pinned", Text).label("kind"), facts.c.text, _NO_TEXTS.label("carried"), _NO_TIME.label("at"))
        .where(sight.sees(facts), facts.c.pinned, facts.c.status == bindparam("live", type_=Text))
        .order_by(facts.c.asserted_at.desc())
        .limit(bindparam("most"))
    )
    summed = select(literal("summary", Text), summaries.c.text, summaries.c.carried, _NO_TIME).where(
        sight.sees(summaries), summaries.c.conversation_id == bindparam("conversation", type_=Uuid)
    )
    turn = memory_entries.c
    derived = select(literal("derived", Text), literal("", Text), _NO_TEXTS, func.max(turn.at)).where(
        sight.sees(memory_entries), turn.conversation_id == bindparam("conversation", type_=Uuid), turn.kind == "turn"
    )
    persona = select(literal("persona", Text), literal("", Text), stored(sight), _NO_TIME)
    return union_all(pinned.subquery().select(), summed, derived, persona)


_KNOWN: Final = ScopedStatement(_known)
