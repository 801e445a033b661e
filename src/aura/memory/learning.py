"""From what turns state to what is known: what may be learned is reconciled with the facts that are there."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from aura.identity import Scope
from aura.memory import fact_rows
from aura.memory.extraction import Candidate
from aura.memory.fact_rows import Proof, Seal
from aura.memory.reconcile import reconcile
from aura.memory.settings import Allowed
from aura.memory.slots import SENSITIVE


async def learn(
    session: AsyncConnection, scope: Scope, seal: Seal, allowed: Allowed, found: Sequence[Candidate]
) -> int:
    """Bring the user's facts up to what `found` states; how many were added or confirmed. The caller holds the lock.

    A place in a turn teaches a fact once, however often it is read and by whom; nothing that was deleted comes back from it.
    """
    usable = [each for each in found if allowed.learns and (allowed.sensitive or each.category not in SENSITIVE)]
    if not usable:
        return 0
    deleted = await fact_rows.deleted(session, scope)
    known = await fact_rows.evidence(session, scope, [each.turn.id for each in usable])
    live = await fact_rows.live(session, scope)
    count = 0
    for candidate in sorted(usable, key=lambda each: (each.turn.at, each.start)):
        digest = seal.digest(candidate.slot, candidate.value, candidate.polarity)
        if deleted.holds(candidate, digest):
            await fact_rows.strike(session, scope, deleted, candidate, digest)
            continue
        if _is_read(candidate, known.get(candidate.turn.id, ())):
            continue
        count += 1
        decision = reconcile(candidate, live)
        if decision.confirms is not None:
            confirmed = await fact_rows.confirm(session, scope, decision.confirms, candidate)
            live = [confirmed if fact.id == confirmed.id else fact for fact in live]
            continue
        fact = await fact_rows.add(session, scope, seal, candidate, allowed.zone)
        if decision.closed_by is not None:
            await fact_rows.close(session, scope, fact, decision.closed_by)
            continue
        for rival in decision.closes:
            await fact_rows.close(session, scope, rival, fact)
        gone = {rival.id for rival in decision.closes}
        live = [each for each in live if each.id not in gone] + [fact]
    return count


def _is_read(candidate: Candidate, known: Sequence[Proof]) -> bool:
    """Whether this place in the turn has taught its fact already. From one clause the rules may fill several slots."""
    by_rules = candidate.extractor.startswith("rules/")
    return any(
        candidate.start < proof.end and proof.start < candidate.end and (not by_rules or proof.slot == candidate.slot)
        for proof in known
    )
