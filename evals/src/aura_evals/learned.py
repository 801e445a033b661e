"""What becomes of a dialogue that a user has with AURA: facts that follow what changes, with the right days, once each.

The turns are stored with their own times, the job derives from them as it does in a worker, and what is then known is
compared with what the dialogue's questions say. The rules are measured, no model.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from uuid import UUID, uuid4, uuid5

from sqlalchemy import func, insert, select

from aura import Aura, Workspace
from aura.database.engine import Database
from aura.database.tables import conversations, fact_evidence, facts, memory_entries, messages
from aura.identity import ConversationId, Scope
from aura.memory import outbox
from aura.memory.deriving import Deriver
from aura.memory.memory import Memory
from aura.memory.recall import Recall
from aura.memory.values import Fact
from aura.testing.clock import FixedClock
from aura_evals.inside import parts_of
from aura_evals.locomo import Question, Sample

Checks = defaultdict[str, list[float]]
_RECALLED = 20


async def measure_learning(
    aura: Aura, workspace: Workspace, sample: Sample, scope: Scope, stranger: Scope | None, checks: Checks
) -> None:
    """Add to `checks` what holds of the facts of `sample`, told by the user of `scope` to AURA; then erase that user."""
    parts = parts_of(aura)
    conversation_id, ids = ConversationId(uuid4()), _message_ids(sample, scope)
    await _store(parts.database, sample, scope, conversation_id, ids)
    deriver = Deriver(parts.database, workspace.embed_model, key=parts.memory_key)
    await deriver.derive(scope.tenant_id, conversation_id)
    memory = Memory(parts.database, scope, key=parts.memory_key)
    known = await _known(memory)
    told_in = await _told_in(parts.database, scope)
    for question in sample.questions:
        _judge(question, known, told_in, ids, checks)
    await _recalled_first(parts.database, workspace, sample, scope, ids, checks)
    await memory.learn_again()
    await deriver.derive(scope.tenant_id, conversation_id)
    again = await _known(memory)
    slots = [(fact.slot, fact.value) for fact in again]
    checks["facts_once"].append(float(len(slots) == len(set(slots)) == len(known)))
    if stranger is not None:
        others = await _known(Memory(parts.database, stranger, key=parts.memory_key))
        checks["facts_isolated"].append(float(not {fact.id for fact in others} & {fact.id for fact in known}))
    await memory.erase()
    checks["facts_erased"].append(float(await _left(parts.database, scope) == 0))


def _judge(
    question: Question, known: list[Fact], told_in: dict[UUID, set[UUID]], ids: dict[str, UUID], checks: Checks
) -> None:
    """An update is right when a live fact comes from the new turn and none from what it made stale."""
    proofs = {ids[turn] for turn in question.evidence}
    sources = [(fact, told_in.get(fact.id, set())) for fact in known]
    if question.category == "update":
        stale = {ids[turn] for turn in question.stale}
        new = any(proofs & said for _, said in sources)
        old = any(stale & said and not proofs & said for _, said in sources)
        checks["facts_updated"].append(float(new and not old))
    if question.date:
        days = [fact.event_from for fact, said in sources if proofs & said]
        checks["facts_dated"].append(float(date.fromisoformat(question.date) in days))


async def _recalled_first(
    database: Database, workspace: Workspace, sample: Sample, scope: Scope, ids: dict[str, UUID], checks: Checks
) -> None:
    """What changed is recalled, by fact or by turn, before what it made stale, with all that was learned."""
    clock = FixedClock(max(turn.at for turn in sample.turns) + timedelta(hours=1))
    recall = Recall(database, scope, workspace.embed_model, clock=clock)
    for question in sample.questions:
        if not question.stale:
            continue
        found = (await recall.recall(question.text, limit=_RECALLED, own=True, everything=True)).found
        places = {each.entry.message_id: place for place, each in reversed(list(enumerate(found)))}
        newest = min(places.get(ids[turn], _RECALLED) for turn in question.evidence)
        stale = min(places.get(ids[turn], _RECALLED + 1) for turn in question.stale)
        checks["update_recalled_first"].append(float(newest < stale))


def _message_ids(sample: Sample, scope: Scope) -> dict[str, UUID]:
    return {turn.id: uuid5(UUID(int=1), f"{scope.user_id} {turn.id}") for turn in sample.turns}


async def _store(
    database: Database, sample: Sample, scope: Scope, conversation_id: ConversationId, ids: dict[str, UUID]
) -> None:
    owner = {"tenant_id": scope.tenant_id, "user_id": scope.user_id}
    speaker = sample.turns[0].speaker
    rows = [
        {
            **owner,
            "id": ids[turn.id],
            "conversation_id": conversation_id,
            "role": "user" if turn.speaker == speaker else "assistant",
            "text": turn.text,
            "created_at": turn.at,
        }
        for turn in sample.turns
    ]
    async with database.tenant(scope) as session:
        await session.execute(insert(conversations).values(**owner, id=conversation_id))
        await session.execute(insert(messages).values(rows))  # one statement: their order is that of their numbers
        await outbox.put(session, scope, conversation_id, list(ids.values()))


async def _known(memory: Memory) -> list[Fact]:
    return list((await memory.facts.list(limit=1_000)).items)


async def _told_in(database: Database, scope: Scope) -> dict[UUID, set[UUID]]:
    """By fact, the messages that it was said in."""
    found: dict[UUID, set[UUID]] = defaultdict(set)
    async with database.tenant(scope) as session:
        query = select(fact_evidence.c.fact_id, fact_evidence.c.message_id).where(
            fact_evidence.c.tenant_id == scope.tenant_id
        )
        for fact_id, message_id in await session.execute(query):
            found[fact_id].add(message_id)
    return found


async def _left(database: Database, scope: Scope) -> int:
    """Rows that are still the user's."""
    left = 0
    async with database.tenant(scope) as session:
        for table in (messages, memory_entries, facts, fact_evidence):
            mine = (table.c.tenant_id == scope.tenant_id, table.c.user_id == scope.user_id)
            left += await session.scalar(select(func.count()).select_from(table).where(*mine)) or 0
    return left
