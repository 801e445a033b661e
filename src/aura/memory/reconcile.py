"""What a new statement does to what is known: confirms it, takes its place, or stands beside it. Deterministic, no model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from aura.memory.extraction import Candidate
from aura.memory.slots import Kind, alike, is_single
from aura.memory.values import Fact


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """`confirms` is the live fact that the statement repeats. Otherwise it is a new one, which closes the facts `closes`,
    or is itself closed by `closed_by`, because that was said later."""

    confirms: Fact | None = None
    closes: tuple[Fact, ...] = ()
    closed_by: Fact | None = None


def reconcile(candidate: Candidate, live: Sequence[Fact]) -> Decision:
    """What `candidate` does to the live facts of the same user.

    The same value, or the same in other words, confirms. The opposite of a fact, and another value of a slot that holds one
    at a time, close what was said before. A fact of another slot is never closed, and never two by one another.
    """
    family = [fact for fact in live if fact.slot == candidate.slot]
    same = sorted((fact for fact in family if _same(candidate, fact)), key=lambda fact: fact.value != candidate.value)
    for fact in same:
        if fact.polarity == candidate.polarity:
            return Decision(confirms=fact)
    rivals = [fact for fact in same if fact.polarity != candidate.polarity]
    if is_single(candidate.slot) and candidate.polarity > 0:
        rivals += [fact for fact in family if fact.polarity > 0 and fact not in same]
    later = [fact for fact in rivals if fact.asserted_at > candidate.turn.at]
    if later:
        return Decision(closed_by=max(later, key=_asserted))
    return Decision(closes=tuple(rivals))


def _same(candidate: Candidate, fact: Fact) -> bool:
    """The same thing in the same or in other words; two events of different days are two."""
    if not alike(fact.value, candidate.value):
        return False
    if candidate.kind not in (Kind.EVENT, Kind.PLAN) or candidate.event is None or fact.event_from is None:
        return True
    return (fact.event_from, fact.event_to) == candidate.event


def _asserted(fact: Fact) -> datetime:
    return fact.asserted_at
