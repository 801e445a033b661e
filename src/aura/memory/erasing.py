"""Erasing all that is kept of one user's talks, with a receipt."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import ColumnElement, Table, and_, delete
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.scopes import visible
from aura.database.tables import (
    conversations,
    fact_tombstones,
    facts,
    memory_settings,
    messages,
    persona_signals,
    personas,
    responses,
    summaries,
    tickets,
    voice_sessions,
)
from aura.documents.values import Receipt
from aura.identity import Scope
from aura.memory import entries, fact_rows

_COUNTED = (
    (facts, "facts"),
    (fact_tombstones, ""),
    (summaries, "summaries"),
    (memory_settings, ""),
    (persona_signals, "persona"),
    (personas, "persona"),
    (responses, "responses"),
    (messages, "messages"),
    (conversations, "conversations"),
    (voice_sessions, ""),
)
"""In the order of their foreign keys. Evidence, what waits in the outbox, feedback and events go with what they belong to;
tombstones have rows of their own here, since one of a fact that no message says belongs to nothing else. The settings of
an open voice session may hold the user's words (instructions); without its row it ends with its next beat."""


async def erase(session: AsyncConnection, scope: Scope) -> Receipt:
    """Delete the talks, facts, summaries, settings, persona, answers under way and vectors of the scope's user, counted.

    Of the persona both go, what was learned and what was chosen: a form of address is personal, too.

    Nothing of it is in the queue, the usage or the audit: these hold ids and numbers. What a job derives at the same time
    waits for this transaction, and then finds nothing to write.

    Cost: about ten round trips.
    """
    await fact_rows.lock(session, scope)
    counted = defaultdict[str, int](int)
    counted["vectors"] = await entries.drop_user(session, scope, scope.user_id)
    for table, name in _COUNTED:
        gone = await session.execute(delete(table).where(_theirs(table, scope)))
        if name:
            counted[name] += gone.rowcount
    # What a voice session is to begin with may be the user's words, too; other tickets hold nothing of anybody.
    await session.execute(delete(tickets).where(_theirs(tickets, scope), tickets.c.settings.is_not(None)))
    return Receipt(**counted)


def _theirs(table: Table, scope: Scope) -> ColumnElement[bool]:
    return and_(visible(table, scope), table.c.user_id.is_not_distinct_from(scope.user_id))
