"""Facts, their evidence and their tombstones as rows: read and written in the caller's transaction."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from hashlib import sha256
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import ColumnElement, and_, exists, func, insert, select, text, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.scopes import visible
from aura.database.tables import fact_evidence, fact_tombstones, facts, messages, summaries
from aura.identity import ConversationId, Scope
from aura.memory import entries, outbox
from aura.memory.entries import Entry
from aura.memory.extraction import Candidate
from aura.memory.slots import Kind
from aura.memory.values import Fact, Status

_OF_FACT = and_(fact_evidence.c.tenant_id == facts.c.tenant_id, fact_evidence.c.fact_id == facts.c.id)
_OF_MESSAGE = and_(messages.c.tenant_id == fact_evidence.c.tenant_id, messages.c.id == fact_evidence.c.message_id)

FACT_COLUMNS = tuple(facts.c[name] for name in Fact.__struct_fields__)

Spans = Mapping[UUID, Sequence[tuple[int, int]]]
"""Places in messages, by the message."""


class Seal:
    """Makes the digests of one user's facts: keyed, so that who reads the table alone can test no guess against it."""

    def __init__(self, key: bytes, scope: Scope) -> None:
        self._key = key
        self._whose = f"{scope.tenant_id}:{scope.user_id}"

    def digest(self, slot: str, value: str, polarity: int) -> bytes:
        """What a fact is known by once it is deleted."""
        said = "\x1f".join((self._whose, slot, value, str(polarity)))
        return hmac.new(self._key, said.encode(), sha256).digest()


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """What a user deleted: digests with the time of the deletion, and the places it had been said at."""

    digests: dict[bytes, datetime]
    spans: dict[UUID, list[tuple[int, int]]]

    def holds(self, candidate: Candidate, digest: bytes) -> bool:
        """Whether the candidate is only what was deleted, said before that."""
        deleted_at = self.digests.get(digest)
        return (deleted_at is not None and candidate.turn.at <= deleted_at) or overlaps(candidate, self.spans)


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a message that a fact of this slot was learned from."""

    slot: str
    start: int
    end: int


async def lock(session: AsyncConnection, scope: Scope) -> None:
    """Keep others from changing this user's facts until the transaction ends."""
    key = f"memory:{scope.tenant_id}:{scope.user_id}"
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


async def live(session: AsyncConnection, scope: Scope) -> list[Fact]:
    """The user's live facts."""
    query = select(*FACT_COLUMNS).where(visible(facts, scope), facts.c.status == Status.LIVE)
    return [fact_of(row) for row in await session.execute(query)]


async def deleted(session: AsyncConnection, scope: Scope) -> Deleted:
    """What the user deleted."""
    found = Deleted(digests={}, spans={})
    for row in await session.execute(select(fact_tombstones).where(visible(fact_tombstones, scope))):
        found.digests[row.digest] = max(row.deleted_at, found.digests.get(row.digest, row.deleted_at))
        if row.message_id is not None:
            found.spans.setdefault(row.message_id, []).append((row.start_offset, row.end_offset))
    return found


async def evidence(session: AsyncConnection, scope: Scope, message_ids: Sequence[UUID]) -> dict[UUID, list[Proof]]:
    """What these messages are evidence of, by message."""
    query = (
        select(fact_evidence, facts.c.slot)
        .join_from(fact_evidence, facts, _OF_FACT)
        .where(visible(fact_evidence, scope), visible(facts, scope), fact_evidence.c.message_id.in_(message_ids))
    )
    found: dict[UUID, list[Proof]] = {}
    for row in await session.execute(query):
        proof = Proof(slot=row.slot, start=row.start_offset, end=row.end_offset)
        found.setdefault(row.message_id, []).append(proof)
    return found


async def add(session: AsyncConnection, scope: Scope, seal: Seal, candidate: Candidate, zone: ZoneInfo) -> Fact:
    """A new live fact with its evidence."""
    at, event = candidate.turn.at, candidate.event
    since = datetime.combine(event[0], time(), zone).astimezone(UTC) if event and candidate.kind is Kind.STATE else at
    fact = Fact(
        id=uuid4(),
        subject="user",
        slot=candidate.slot,
        value=candidate.value,
        text=candidate.text,
        language=candidate.language,
        category=candidate.category,
        kind=candidate.kind,
        polarity=candidate.polarity,
        confidence=candidate.confidence,
        evidence=1,
        status=Status.LIVE,
        superseded_by=None,
        pinned=False,
        edited=False,
        extractor=candidate.extractor,
        event_from=event[0] if event else None,
        event_to=event[1] if event else None,
        learned_at=at,
        asserted_at=at,
        valid_from=min(since, at),
        valid_to=None,
    )
    row = {**msgspec.structs.asdict(fact), "tenant_id": scope.tenant_id, "user_id": scope.user_id}
    digest = seal.digest(fact.slot, fact.value, fact.polarity)
    await session.execute(insert(facts).values(**row, digest=digest))
    await prove(session, scope, fact.id, candidate)
    return fact


async def prove(session: AsyncConnection, scope: Scope, fact_id: UUID, candidate: Candidate) -> None:
    """Note that the candidate's turn says the fact; once for each turn."""
    row = {
        "tenant_id": scope.tenant_id,
        "fact_id": fact_id,
        "message_id": candidate.turn.id,
        "user_id": scope.user_id,
        "start_offset": candidate.start,
        "end_offset": candidate.end,
        "said_at": candidate.turn.at,
    }
    await session.execute(upsert(fact_evidence).values(row).on_conflict_do_nothing())


async def confirm(session: AsyncConnection, scope: Scope, fact: Fact, candidate: Candidate) -> Fact:
    """One evidence more; the fact as it is then."""
    await prove(session, scope, fact.id, candidate)
    first, last = min(fact.learned_at, candidate.turn.at), max(fact.asserted_at, candidate.turn.at)
    values = {"evidence": facts.c.evidence + 1, "learned_at": first, "asserted_at": last}
    await session.execute(update(facts).where(visible(facts, scope), facts.c.id == fact.id).values(values))
    return msgspec.structs.replace(fact, evidence=fact.evidence + 1, learned_at=first, asserted_at=last)


async def close(session: AsyncConnection, scope: Scope, fact: Fact, by: Fact) -> None:
    """End a fact where the one that takes its place begins. It is kept, and recall as of a moment before still finds it."""
    ended = max(fact.valid_from, by.valid_from)
    await session.execute(
        update(facts)
        .where(visible(facts, scope), facts.c.id == fact.id)
        .values(status=Status.SUPERSEDED, superseded_by=by.id, valid_to=ended)
    )
    await entries.close(session, scope, [fact.id], ended)


async def remove(session: AsyncConnection, scope: Scope, fact_id: UUID) -> int | None:
    """Delete a fact for good, so that no old turn brings it back; how many entries went. None where there is no such fact.

    Its turns stay in their conversations, and are recalled without what said it.
    """
    query = select(facts.c.digest).where(visible(facts, scope), facts.c.id == fact_id)
    digest = await session.scalar(query)
    if digest is None:
        return None
    said = (
        await session.execute(
            select(fact_evidence).where(visible(fact_evidence, scope), fact_evidence.c.fact_id == fact_id)
        )
    ).all()
    nowhere = (None, None, None)
    places = [(row.message_id, row.start_offset, row.end_offset) for row in said] or [nowhere]
    common = {"tenant_id": scope.tenant_id, "user_id": scope.user_id, "digest": digest}
    await session.execute(
        insert(fact_tombstones),
        [
            {**common, "id": uuid4(), "message_id": message_id, "start_offset": start, "end_offset": end}
            for message_id, start, end in places
        ],
    )
    await session.execute(sql_delete(facts).where(visible(facts, scope), facts.c.id == fact_id))
    turns = [row.message_id for row in said]
    talks = select(messages.c.conversation_id).where(visible(messages, scope), messages.c.id.in_(turns))
    await session.execute(  # they may quote it; the job makes them anew
        sql_delete(summaries).where(visible(summaries, scope), summaries.c.conversation_id.in_(talks))
    )
    gone = await entries.drop(session, scope, [fact_id, *turns])
    await outbox.put_again(session, scope, turns)
    return gone


async def strike(session: AsyncConnection, scope: Scope, known: Deleted, candidate: Candidate, digest: bytes) -> None:
    """Note where a turn that was read late says what was deleted before it was read: recall is to find it without that."""
    deleted_at = known.digests.get(digest)
    if deleted_at is None or overlaps(candidate, known.spans):
        return
    row = {
        "tenant_id": scope.tenant_id,
        "user_id": scope.user_id,
        "id": uuid4(),
        "digest": digest,
        "message_id": candidate.turn.id,
        "start_offset": candidate.start,
        "end_offset": candidate.end,
        "deleted_at": deleted_at,  # not now: what was said anew since then is to be learned
    }
    await session.execute(insert(fact_tombstones).values(row))


async def drop_unproven(session: AsyncConnection, scope: Scope) -> int:
    """Delete the facts whose every turn is gone; how many. Those that other turns still prove are made recallable anew."""
    proven = exists().where(_OF_FACT)
    gone = await session.execute(sql_delete(facts).where(visible(facts, scope), ~proven).returning(facts.c.id))
    ids = [row.id for row in gone]
    await entries.drop(session, scope, ids)
    return len(ids)


async def proven_by(session: AsyncConnection, scope: Scope, condition: ColumnElement[bool]) -> list[UUID]:
    """The other messages that prove the facts which a message of `condition` proves as well."""
    mine, other = fact_evidence.alias("mine"), fact_evidence.alias("other")
    query = (
        select(other.c.message_id)
        .join_from(mine, other, (mine.c.tenant_id == other.c.tenant_id) & (mine.c.fact_id == other.c.fact_id))
        .join(messages, (messages.c.tenant_id == mine.c.tenant_id) & (messages.c.id == mine.c.message_id))
        .where(mine.c.tenant_id == scope.tenant_id, visible(messages, scope), condition)
        .where(other.c.message_id != mine.c.message_id)
        .distinct()
    )
    return list(await session.scalars(query))


async def entries_of(session: AsyncConnection, scope: Scope, message_ids: Sequence[UUID]) -> list[Entry]:
    """The live facts that these messages prove, as recall finds them: at the first turn that says each."""
    first = func.row_number().over(partition_by=fact_evidence.c.fact_id, order_by=fact_evidence.c.said_at)
    proven = (
        select(fact_evidence.c.fact_id)
        .where(visible(fact_evidence, scope), fact_evidence.c.message_id.in_(message_ids))
        .scalar_subquery()
    )
    columns = (facts.c.id, facts.c.text, facts.c.valid_from, fact_evidence.c.message_id, messages.c.conversation_id)
    ranked = (
        select(*columns, first.label("place"))
        .join_from(
            facts,
            fact_evidence,
            _OF_FACT,
        )
        .join(
            messages,
            _OF_MESSAGE,
        )
        .where(visible(facts, scope), facts.c.status == Status.LIVE, facts.c.id.in_(proven))
        .subquery()
    )
    rows = await session.execute(select(ranked).where(ranked.c.place == 1))
    return [
        Entry(
            id=row.id,
            kind="fact",
            user_id=scope.user_id,
            conversation_id=ConversationId(row.conversation_id),
            message_id=row.message_id,
            at=row.valid_from,
            speaker="user",
            text=row.text,
        )
        for row in rows
    ]


def fact_of(row: Row[tuple[object, ...]]) -> Fact:
    """The fact of a row with at least `FACT_COLUMNS`."""
    return msgspec.convert({name: getattr(row, name) for name in Fact.__struct_fields__}, Fact)


def overlaps(candidate: Candidate, spans: Spans) -> bool:
    """Whether the candidate was said where one of these places is."""
    return any(candidate.start < end and start < candidate.end for start, end in spans.get(candidate.turn.id, ()))


def without(said: str, spans: Sequence[tuple[int, int]]) -> str:
    """A turn's text without what stood at these places."""
    if not spans:
        return said
    for start, end in sorted(spans, reverse=True):
        said = f"{said[:start].rstrip()} {said[end:].lstrip(' ,;')}".strip()
    return said.strip(" .,;")
