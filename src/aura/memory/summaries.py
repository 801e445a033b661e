"""Summaries of conversations: they roll on with the turns, carry what must not be lost word for word, and never get worse.

Without a model, a summary is made of the user's own sentences that say the most. A model writes a better one; it is taken
only where it keeps what the old one had. Every few rounds a summary is made from the raw turns again, so that what one
round lost or made up does not live on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.answering.hygiene import instructs, storable
from aura.answering.sentences import units
from aura.database.scopes import visible
from aura.database.tables import summaries
from aura.identity import ConversationId, Scope
from aura.memory.clauses import stated, tells_a_secret
from aura.memory.values import Carried, Summary

EXTRACTIVE: Final = "extractive/1"
"""Who makes summaries where no model does."""
REBUILT_EVERY: Final = 5
"""Rounds between two that begin from the raw turns."""
TURNS_OF_A_ROUND: Final = 4
"""The user's new turns that are worth a round."""
LONGEST: Final = 2_000
"""Characters of a summary's text."""
MOST_CARRIED: Final = 60
"""Sentences that are carried; the oldest go first."""
_LONGEST_CARRIED = 240
_SENTENCES = 6
_KEPT_SHARE = 0.6

_NUMBER = re.compile(r"[$€£]?\d[\d.,:/-]*\d|\d+")
_CODE = re.compile(r"\b(?=\w*\d)(?=\w*[^\W\d])[\w-]{4,}\b|\b[A-Z]{2,}-?\d+\b|\b[\w.+-]+@[\w-]+\.\w+\b")
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-ZÄÖÜ][\w'-]+(?: [A-ZÄÖÜ][\w'-]+)*", re.MULTILINE)


def anchors(text: str) -> frozenset[str]:
    """The names, numbers, dates and ids in `text`: what a summary must not lose. In German, every noun looks like a name."""
    return frozenset(
        match.group().strip(".,:").casefold() for pattern in (_NUMBER, _CODE, _NAME) for match in pattern.finditer(text)
    )


def carry(known: Sequence[Carried], turns: Sequence[Carried]) -> tuple[Carried, ...]:
    """`known` with what must be carried of `turns`: the user's sentences that state something with an anchor in it."""
    found = {each.text.casefold(): each for each in known}
    for turn in turns:
        for clause in stated(turn.text):
            if anchors(clause.text) and len(clause.text) <= _LONGEST_CARRIED:
                found.setdefault(
                    clause.text.casefold(),
                    Carried(text=clause.text, message_id=turn.message_id, said_at=turn.said_at),
                )
    return tuple(sorted(found.values(), key=lambda each: each.said_at)[-MOST_CARRIED:])


def compose(turns: Sequence[Carried], before: str = "") -> str:
    """A summary of the user's own sentences: of what it was about before, and of the turns that say the most now."""
    lines = before.splitlines()[-_SENTENCES:]
    ranked = sorted(range(len(turns)), key=lambda n: (len(anchors(turns[n].text)), n), reverse=True)[:_SENTENCES]
    for n in sorted(ranked):
        spans = units(turns[n].text)
        if spans:
            line = turns[n].text[spans[0].start : spans[0].end][:_LONGEST_CARRIED].strip()
            if line and line not in lines and not instructs(line) and not tells_a_secret(line):
                lines.append(line)
    return "\n".join(lines)[-LONGEST:]


def is_better(new: str, old: str) -> bool:
    """Whether `new` may take the place of `old`: it says something, is no instruction, and keeps most of the anchors."""
    text = new.strip()
    if len(text) < 10 or len(text) > LONGEST or instructs(text):
        return False
    wanted = anchors(old)
    return not wanted or len(wanted & anchors(text)) / len(wanted) >= _KEPT_SHARE


async def find(session: AsyncConnection, scope: Scope, conversation_id: ConversationId) -> Summary | None:
    """The summary of a conversation, or None."""
    query = select(summaries).where(visible(summaries, scope), summaries.c.conversation_id == conversation_id)
    row = (await session.execute(query)).mappings().one_or_none()
    return None if row is None else summary_of(dict(row))


async def latest(session: AsyncConnection, scope: Scope, *, limit: int) -> list[Summary]:
    """The summaries of the conversations that went on last, the latest first."""
    query = (
        select(summaries)
        .where(visible(summaries, scope))
        .order_by(summaries.c.updated_at.desc(), summaries.c.conversation_id)
        .limit(limit)
    )
    return [summary_of(dict(row)) for row in (await session.execute(query)).mappings()]


async def keep(session: AsyncConnection, scope: Scope, summary: Summary) -> None:
    """Write a summary in the place of the one that was there; never one of fewer turns than that."""
    values = {
        "text": storable(summary.text),
        "carried": msgspec.to_builtins(summary.carried),
        "through_seq": summary.through_seq,
        "rounds": summary.rounds,
        "made_by": summary.made_by,
    }
    key = {"tenant_id": scope.tenant_id, "conversation_id": summary.conversation_id, "user_id": scope.user_id}
    await session.execute(
        insert(summaries)
        .values(**key, **values)
        .on_conflict_do_update(
            index_elements=["tenant_id", "conversation_id"],
            set_={**values, "updated_at": func.now()},
            where=summaries.c.through_seq <= summary.through_seq,
        )
    )


def summary_of(row: dict[str, object]) -> Summary:
    """The summary of a row."""
    return msgspec.convert({name: row[name] for name in Summary.__struct_fields__}, Summary)
