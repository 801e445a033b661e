"""What is made of stored turns, in a job: facts, entries for recall, summaries. At least once, and the same however often.

Everything that the rules find is written in one transaction with the outbox rows that it came from. A model reads what they
left, one call for a batch; while it is away its rows stay in the outbox, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import and_, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.answering.ask import OWN
from aura.answering.terms import language_of
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import memory_entries, memory_outbox, messages
from aura.errors import AuraError
from aura.identity import ConversationId, Role, Scope, TenantId
from aura.index.embedding import EmbeddingModel
from aura.memory import entries, fact_rows, outbox, settings, summaries
from aura.memory.entries import Entry, embedded_text
from aura.memory.extraction import Candidate, Turn, extract
from aura.memory.fact_rows import Seal, without
from aura.memory.learning import learn
from aura.memory.model_extraction import ModelReader, candidates
from aura.memory.settings import Allowed
from aura.memory.turns import question_id
from aura.memory.values import Carried, Summary

logger = logging.getLogger(__name__)

BATCH = 32
"""Messages of one batch, and so of one call of a model."""
RETRY_SECONDS = 5.0
"""Before the first new try of a model that is away; then 2, 4 … times as long."""
_MOST_RAW_TURNS = 400
_EMBEDDED_AT_ONCE = 64


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message that waits. `ruled`: only a model has not read it."""

    id: UUID
    seq: int
    turn: Turn
    learn: bool
    ruled: bool


class Deriver:
    """Derives what one conversation's turns hold; every transaction sees its owner's rows alone."""

    def __init__(
        self, database: Database, embedder: EmbeddingModel, *, key: bytes, reader: ModelReader | None = None
    ) -> None:
        """`key`: of the digests of deleted facts. Without a `reader` the rules alone find facts."""
        self._database = database
        self._embedder = embedder
        self._key = key
        self._reader = reader

    async def derive(self, tenant_id: TenantId, conversation_id: ConversationId) -> int:
        """Work off what waits of a conversation; how many messages were worked on.

        Raises:
            AuraError: the database is away. What is not done is still in the outbox.

        Cost: three transactions for each batch, and with a model one call of it.
        """
        service = Scope(tenant_id=tenant_id, role=Role.SERVICE)
        async with self._database.tenant(service) as session:
            scope = await outbox.owner_of(session, service, conversation_id)
        if scope is None:
            return 0
        done = 0
        while batch := await self._waiting(scope, conversation_id):
            allowed = await self._allowed(scope)
            await self._by_rules(scope, conversation_id, batch, allowed)
            done += len(batch)
            if self._reader is not None and not await self._by_model(scope, conversation_id, batch, allowed):
                break
        await self._embed(scope)
        return done

    # -- one batch -----------------------------------------------------------------------------------------------------

    async def _waiting(self, scope: Scope, conversation_id: ConversationId) -> list[Message]:
        joined = and_(messages.c.tenant_id == memory_outbox.c.tenant_id, messages.c.id == memory_outbox.c.message_id)
        query = (
            select(messages, memory_outbox.c.learn, memory_outbox.c.ruled)
            .join_from(memory_outbox, messages, joined)
            .where(visible(memory_outbox, scope), visible(messages, scope))
            .where(memory_outbox.c.conversation_id == conversation_id, memory_outbox.c.due_at <= func.now())
            .order_by(messages.c.seq)
            .limit(BATCH)
        )
        async with self._database.tenant(scope) as session:
            rows = (await session.execute(query)).all()
        return [
            Message(
                id=row.id,
                seq=row.seq,
                turn=Turn(id=row.id, role=row.role, text=_heard(row.text, row.heard_characters), at=row.created_at),
                learn=row.learn,
                ruled=row.ruled,
            )
            for row in rows
        ]

    async def _allowed(self, scope: Scope) -> Allowed:
        async with self._database.tenant(scope) as session:
            return await settings.allowed(session, scope)

    async def _by_rules(
        self, scope: Scope, conversation_id: ConversationId, batch: Sequence[Message], allowed: Allowed
    ) -> None:
        fresh = [message for message in batch if not message.ruled]
        if not fresh:
            return
        found = await asyncio.to_thread(_extracted, fresh, allowed.zone)
        facts_of = await asyncio.to_thread(self._measured, fresh)
        async with self._database.tenant(scope) as session:
            await fact_rows.lock(session, scope)
            still = await self._take(session, scope, fresh, keep=self._reader is not None)
            ours = [message for message in fresh if message.id in still]
            if not ours:
                return
            mine = [each for each in found if each.turn.id in still]
            await learn(session, scope, Seal(self._key, scope), allowed, mine)
            await self._index(session, scope, conversation_id, ours)
            await _note(session, scope, [facts_of[message.id] | {"id": message.id} for message in ours])
            if self._reader is None:
                await self._summarise(session, scope, conversation_id, "")

    async def _by_model(
        self, scope: Scope, conversation_id: ConversationId, batch: Sequence[Message], allowed: Allowed
    ) -> bool:
        """Have the model read the batch; False where it is away, and the batch is put off."""
        assert self._reader is not None
        readable = [message.turn for message in batch if message.turn.text]
        try:
            before, earlier = await self._summary_before(scope, conversation_id, batch[0].seq)
            reading = await self._reader.read(scope, readable, before=before, earlier=earlier)
        except AuraError as error:
            logger.info("turns of tenant %s wait for the model: %s", scope.tenant_id, error)
            async with self._database.tenant(scope) as session:
                await outbox.postpone(session, scope, [message.id for message in batch], seconds=RETRY_SECONDS)
            return False
        async with self._database.tenant(scope) as session:
            await fact_rows.lock(session, scope)
            still = await self._take(session, scope, batch, keep=False)
            learnt_from = {message.id for message in batch if message.learn and message.id in still}
            mine = [each for each in candidates(reading, readable, allowed.zone) if each.turn.id in learnt_from]
            await learn(session, scope, Seal(self._key, scope), allowed, mine)
            await self._index(session, scope, conversation_id, [each for each in batch if each.id in still])
            await self._summarise(session, scope, conversation_id, reading.found.summary, made_by=reading.extractor)
        return True

    async def _take(self, session: AsyncConnection, scope: Scope, batch: Sequence[Message], *, keep: bool) -> set[UUID]:
        """Take the batch's rows out of the outbox, or note that the rules are done; those that nobody took before."""
        mine = and_(visible(memory_outbox, scope), memory_outbox.c.message_id.in_([message.id for message in batch]))
        if keep:
            ruled = update(memory_outbox).where(mine, ~memory_outbox.c.ruled).values(ruled=True)
            taken = await session.execute(ruled.returning(memory_outbox.c.message_id))
        else:
            taken = await session.execute(delete(memory_outbox).where(mine).returning(memory_outbox.c.message_id))
        return set(taken.scalars())

    # -- entries and summaries -----------------------------------------------------------------------------------------

    async def _index(
        self, session: AsyncConnection, scope: Scope, conversation_id: ConversationId, batch: Sequence[Message]
    ) -> None:
        """Make the turns recallable, without what the user deleted of them, and the facts that they prove."""
        struck = (await fact_rows.deleted(session, scope)).spans
        found = [
            Entry(
                id=message.id,
                kind="turn",
                user_id=scope.user_id,
                conversation_id=conversation_id,
                message_id=message.id,
                at=message.turn.at,
                speaker=message.turn.role,
                text=text,
            )
            for message in batch
            if (text := without(message.turn.text, struck.get(message.id, ())))
        ]
        found += await fact_rows.entries_of(session, scope, [message.id for message in batch])
        await entries.put(session, scope, found, None)

    async def _embed(self, scope: Scope) -> None:
        """Embed what has no vector yet. While the embedding model is down, recall finds it by its words."""
        model = self._embedder
        try:
            while True:
                async with self._database.tenant(scope) as session:
                    missing = await entries.unembedded(
                        session, scope, model_sha256=model.weights_sha256, limit=_EMBEDDED_AT_ONCE
                    )
                if not missing:
                    return
                vectors = await model.embed([embedded_text(entry) for entry in missing])
                async with self._database.tenant(scope) as session:
                    await fact_rows.lock(session, scope)  # what is deleted meanwhile must not come back
                    there = select(memory_entries.c.id, memory_entries.c.text).where(
                        visible(memory_entries, scope), memory_entries.c.id.in_([entry.id for entry in missing])
                    )
                    still = {(row.id, row.text) for row in await session.execute(there)}
                    kept = [n for n, entry in enumerate(missing) if (entry.id, entry.text) in still]
                    await entries.put(
                        session,
                        scope,
                        [missing[n] for n in kept],
                        vectors[kept],
                        model_sha256=model.weights_sha256,
                    )
                if not kept:
                    return
        except AuraError as error:
            logger.info("entries of tenant %s wait for the embedding model: %s", scope.tenant_id, error)

    async def _summary_before(self, scope: Scope, conversation_id: ConversationId, seq: int) -> tuple[str, list[str]]:
        """What the model goes on from; where it is time to begin anew, what the user said before the message `seq`."""
        async with self._database.tenant(scope) as session:
            known = await summaries.find(session, scope, conversation_id)
            if known is not None and (known.rounds + 1) % summaries.REBUILT_EVERY:
                return known.text, []
            turns, _ = await self._said(session, scope, conversation_id, 0)
        return "", [turn.text for turn, number in turns if number < seq]

    async def _summarise(
        self,
        session: AsyncConnection,
        scope: Scope,
        conversation_id: ConversationId,
        written: str,
        *,
        made_by: str = "",
    ) -> None:
        """Roll the summary on to here: by what a model has `written`, or, when enough was said, by the user's sentences."""
        known = await summaries.find(session, scope, conversation_id)
        rounds = 0 if known is None else known.rounds
        rebuild = known is None or (rounds + 1) % summaries.REBUILT_EVERY == 0
        since = 0 if known is None else known.through_seq
        turns, through = await self._said(session, scope, conversation_id, 0 if rebuild else since)
        new = sum(1 for _, seq in turns if seq > since)
        if not turns or (new < summaries.TURNS_OF_A_ROUND and not written):
            return
        said = [turn for turn, _ in turns]
        carried = summaries.carry(known.carried if known and not rebuild else (), said)
        old = "" if known is None else known.text
        if written and summaries.is_better(written, old):
            text, maker = written.strip(), made_by
        elif written and known is not None:
            text, maker = old, known.made_by
        else:
            text, maker = summaries.compose(said, "" if rebuild else old) or old, summaries.EXTRACTIVE
        await summaries.keep(
            session,
            scope,
            Summary(
                conversation_id=conversation_id,
                text=text,
                carried=carried,
                through_seq=through,
                rounds=rounds + 1,
                made_by=maker,
                updated_at=said[-1].said_at,
            ),
        )

    async def _said(
        self, session: AsyncConnection, scope: Scope, conversation_id: ConversationId, after_seq: int
    ) -> tuple[list[tuple[Carried, int]], int]:
        """What the user said behind `after_seq`, with its numbers, and the number of the last message."""
        query = (
            select(*(messages.c[name] for name in ("id", "seq", "role", "text", "created_at", "model")))
            .where(visible(messages, scope), messages.c.conversation_id == conversation_id)
            .where(messages.c.seq > after_seq)
            .order_by(messages.c.seq.desc())
            .limit(_MOST_RAW_TURNS)
        )
        rows = (await session.execute(query)).all()[::-1]
        struck = (await fact_rows.deleted(session, scope)).spans
        unsaid = {question_id(row.id) for row in rows if row.model == OWN}
        turns = [
            (
                Carried(text=without(row.text, struck.get(row.id, ())), message_id=row.id, said_at=row.created_at),
                row.seq,
            )
            for row in rows
            if row.role == "user" and row.id not in unsaid
        ]
        return turns, rows[-1].seq if rows else after_seq

    def _measured(self, batch: Sequence[Message]) -> dict[UUID, dict[str, object]]:
        """The language and the length of each message, which nobody should wait for when it is stored."""
        return {
            message.id: {
                "language": _LANGUAGES[language_of([message.turn.text])],
                "tokens": self._embedder.count_tokens(message.turn.text),
            }
            for message in batch
        }


_LANGUAGES = {"english": "en", "german": "de", "french": "fr"}


def _extracted(batch: Sequence[Message], zone: ZoneInfo) -> list[Candidate]:
    return [each for message in batch if message.learn for each in extract(message.turn, zone)]


def _heard(text: str, characters: int | None) -> str:
    return text if characters is None else text[:characters]


async def _note(session: AsyncConnection, scope: Scope, rows: Sequence[dict[str, object]]) -> None:
    """Note language and tokens at the messages, all in one statement."""
    by_id = {name: {row["id"]: row[name] for row in rows} for name in ("language", "tokens")}
    await session.execute(
        update(messages)
        .where(visible(messages, scope), messages.c.id.in_([row["id"] for row in rows]))
        .values({name: case(values, value=messages.c.id) for name, values in by_id.items()})
    )
