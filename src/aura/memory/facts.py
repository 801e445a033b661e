"""One user's facts: what is known, where it was said, and putting it right."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import and_, func, select, update

from aura.answering.hygiene import instructs, storable
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import fact_evidence, facts, messages
from aura.documents.values import Receipt
from aura.errors import InvalidRequest, NotFound
from aura.identity import ConversationId, Scope, Verb
from aura.memory import entries, fact_rows, outbox, settings
from aura.memory.clauses import tells_a_secret
from aura.memory.extraction import Turn, extract
from aura.memory.fact_rows import FACT_COLUMNS, Seal, fact_of
from aura.memory.slots import SENSITIVE, normal
from aura.memory.values import Fact, Source, Why
from aura.tenants import validation
from aura.tenants.values import Page

LONGEST_FACT = 500
"""Characters of a fact that a user writes."""
_LONGEST_SOURCES = 50
_NO_MESSAGE = UUID(int=0)


class Facts:
    """One user's facts; without a user, those of the organisation's own programs."""

    def __init__(self, database: Database, scope: Scope, *, key: bytes, own: bool = True) -> None:
        """`own`: the user acts; nobody else may change what is known of them."""
        self._database = database
        self._scope = scope
        self._seal = Seal(key, scope)
        self._own = own

    async def list(
        self, *, status: Literal["live", "superseded", "all"] = "live", limit: int = 100, cursor: str | None = None
    ) -> Page[Fact]:
        """What is known: pinned facts first, then the latest, a page at a time.

        Raises:
            InvalidRequest: the cursor is none of ours, or the limit is not between 1 and 1,000.
        """
        self._scope.require(Verb.READ)
        start = validation.offset(cursor)
        query = select(*FACT_COLUMNS).where(visible(facts, self._scope))
        if status != "all":
            query = query.where(facts.c.status == status)
        query = query.order_by(facts.c.pinned.desc(), facts.c.asserted_at.desc(), facts.c.id)
        async with self._database.tenant(self._scope) as session:
            rows = (await session.execute(query.offset(start).limit(validation.page_size(limit) + 1))).all()
        more = len(rows) > limit
        return Page(items=tuple(map(fact_of, rows[:limit])), next_cursor=str(start + limit) if more else None)

    async def get(self, fact_id: UUID) -> Fact:
        """One fact. Raises `NotFound`."""
        self._scope.require(Verb.READ)
        query = select(*FACT_COLUMNS).where(visible(facts, self._scope), facts.c.id == fact_id)
        async with self._database.tenant(self._scope) as session:
            row = (await session.execute(query)).one_or_none()
        if row is None:
            raise _unknown()
        return fact_of(row)

    async def why(self, fact_id: UUID) -> Why:
        """The fact, and the turns that it was learned from. Raises `NotFound`."""
        fact = await self.get(fact_id)
        said = (fact_evidence, messages.c.text, messages.c.conversation_id)
        joined = and_(messages.c.tenant_id == fact_evidence.c.tenant_id, messages.c.id == fact_evidence.c.message_id)
        query = (
            select(*said)
            .join_from(fact_evidence, messages, joined)
            .where(visible(fact_evidence, self._scope), visible(messages, self._scope))
            .where(fact_evidence.c.fact_id == fact_id)
            .order_by(fact_evidence.c.said_at, messages.c.seq)
            .limit(_LONGEST_SOURCES)
        )
        async with self._database.tenant(self._scope) as session:
            rows = (await session.execute(query)).all()
        sources = tuple(
            Source(
                message_id=row.message_id,
                conversation_id=ConversationId(row.conversation_id),
                said_at=row.said_at,
                text=row.text,
                start=row.start_offset,
                end=row.end_offset,
                quote=row.text[row.start_offset : row.end_offset],
            )
            for row in rows
        )
        return Why(fact=fact, sources=sources)

    async def edit(self, fact_id: UUID, *, text: str | None = None, pinned: bool | None = None) -> Fact:
        """Put a fact right, or pin it; it as it is then. What was said before no longer changes it.

        Raises:
            InvalidRequest: the text is empty, too long, no line of text, an instruction, a password or the like, or what is
                sensitive where the organisation or the user does not allow that.
            NotFound: the user has no such fact.
        """
        self._require_own()
        values: dict[str, object] = {}
        if pinned is not None:
            values["pinned"] = pinned
        if text is not None:
            line = validation.name(storable(text), field="text", max_characters=LONGEST_FACT)
            if not normal(line):
                raise InvalidRequest("text has no word in it", field="text")
            await self._refuse_unfit(line)
            values |= self._reworded(await self.get(fact_id), line)
        if not values:
            return await self.get(fact_id)
        mine = (visible(facts, self._scope), facts.c.id == fact_id)
        proofs = select(fact_evidence.c.message_id).where(
            visible(fact_evidence, self._scope), fact_evidence.c.fact_id == fact_id
        )
        async with self._database.tenant(self._scope) as session:
            await fact_rows.lock(session, self._scope)
            row = (
                await session.execute(update(facts).where(*mine).values(**values).returning(*FACT_COLUMNS))
            ).one_or_none()
            if row is None:
                raise _unknown()
            if text is not None:
                await entries.drop(session, self._scope, [fact_id])  # the job puts it there in its new words
                await outbox.put_again(session, self._scope, list(await session.scalars(proofs)))
        return fact_of(row)

    async def delete(self, fact_id: UUID) -> Receipt:
        """Forget a fact for good: saying it anew teaches it again, but no old turn does. Its turns stay in their talks.

        Raises:
            NotFound: the user has no such fact.
        """
        self._require_own()
        async with self._database.tenant(self._scope) as session:
            await fact_rows.lock(session, self._scope)
            vectors = await fact_rows.remove(session, self._scope, fact_id)
        if vectors is None:
            raise _unknown()
        return Receipt(facts=1, vectors=vectors)

    async def _refuse_unfit(self, line: str) -> None:
        """What no turn would teach is not written by hand either: it would reach each answer."""
        if instructs(line):
            raise InvalidRequest("text tells the assistant what to do: write what is true of you", field="text")
        if tells_a_secret(line):
            raise InvalidRequest("text names a password or the like, which memory does not keep", field="text")
        if any(each.category in SENSITIVE for each in extract(_turn(line), UTC)):
            async with self._database.tenant(self._scope) as session:
                allowed = await settings.allowed(session, self._scope)
            if not allowed.sensitive:
                raise InvalidRequest(
                    "text tells of health, belief or politics, say: the organisation and you must allow that first",
                    field="text",
                )

    def _reworded(self, fact: Fact, line: str) -> dict[str, object]:
        """What a fact is in other words: as the rules read them where they can, so that it is compared as others are."""
        read = extract(_turn(line), UTC)
        found = next((each for each in read if each.slot == fact.slot), None)
        value, polarity = (found.value, found.polarity) if found else (normal(line), fact.polarity)
        event = found.event if found else None
        return {
            "text": line,
            "value": value,
            "polarity": polarity,
            "digest": self._seal.digest(fact.slot, value, polarity),
            "edited": True,
            "asserted_at": func.now(),
            "event_from": event[0] if event else None,
            "event_to": event[1] if event else None,
        }

    def _require_own(self) -> None:
        self._scope.require(Verb.WRITE)
        if not self._own:
            raise _unknown()


def _turn(line: str) -> Turn:
    """What a user writes, as if it had been said now."""
    return Turn(id=_NO_MESSAGE, role="user", text=line, at=datetime.now(UTC))


def _unknown() -> NotFound:
    return NotFound("there is no such fact")
