"""Responses in the database: who generates which and for how long, and what was said so far.

What one process generates is written for all responses of a tenant together, by the tenant's own maintenance scope. Every
write names the worker, so that one who was replaced meanwhile finds out and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.answering.ask import Ask
from aura.answering.events import AnswerEvent, AnyEvent
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import response_events, responses
from aura.identity import Scope, TenantId, UserId


class State(StrEnum):
    """Where a response is. `INTERRUPTED`: its process died, and the answer could not be generated alike."""

    RUNNING = "running"
    ENDED = "ended"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """All that is needed to generate a response again. `asked_by` is the admin who asked in the member's name."""

    ask: Ask
    message_id: UUID
    model: str
    asked_by: str | None = None


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """An answer under way, or one that ended. `abandoned`: nobody generates it any more, though it has not ended."""

    id: UUID
    state: State
    request: Request
    abandoned: bool
    stop_requested: bool
    created_at: datetime
    ended_at: datetime | None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is new of one response: its events from `first_seq` on, and how it ended if it did."""

    response_id: UUID
    user_id: UserId | None
    first_seq: int
    events: Sequence[AnswerEvent]
    state: State = State.RUNNING


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What the database says of a response that this worker still has."""

    stop_requested: bool
    unheard_seconds: float


class Records:
    """The responses' tables, for one worker."""

    def __init__(self, database: Database, *, lease_seconds: float) -> None:
        self._database = database
        self._lease_seconds = lease_seconds
        self._worker = uuid4().hex

    async def add(self, scope: Scope, response_id: UUID, request: Request) -> None:
        """Note a response that this worker begins to generate."""
        async with self._database.tenant(scope) as session:
            await session.execute(
                insert(responses).values(
                    tenant_id=scope.tenant_id,
                    id=response_id,
                    user_id=scope.user_id,
                    request=msgspec.to_builtins(request),
                    state=State.RUNNING,
                    worker=self._worker,
                    lease_until=self._lease_end(),
                )
            )

    async def find(self, scope: Scope, response_id: UUID) -> Response | None:
        """One response of the scope, or None."""
        async with self._database.tenant(scope) as session:
            return await _find(session, scope, response_id)

    async def listen(
        self, scope: Scope, response_id: UUID, *, after_seq: int, heard: bool
    ) -> tuple[Response | None, list[AnswerEvent]]:
        """The response, and its stored events behind `after_seq`.

        Args:
            heard: tell its worker that somebody listens here.
        """
        events = (
            select(response_events.c.events)
            .where(
                visible(response_events, scope),
                response_events.c.response_id == response_id,
                response_events.c.last_seq > after_seq,
            )
            .order_by(response_events.c.first_seq)
        )
        async with self._database.tenant(scope) as session:
            found = await _find(session, scope, response_id)  # before the events: when it has ended, they are all there
            if found is None:
                return None, []
            if heard and found.state is State.RUNNING:
                await session.execute(update(responses).where(_one(scope, response_id)).values(heard_at=func.now()))
            rows = (await session.execute(events)).scalars().all()
        stored = [event for row in rows for event in msgspec.convert(row, list[AnyEvent])]
        return found, [event for event in stored if event.seq > after_seq]

    async def claim(self, scope: Scope, response_id: UUID) -> bool:
        """Take over a response that nobody generates any more; False where another worker was faster."""
        free = (_one(scope, response_id), responses.c.state == State.RUNNING, responses.c.lease_until < func.now())
        async with self._database.tenant(scope) as session:
            done = await session.execute(
                update(responses)
                .where(*free)
                .values(worker=self._worker, lease_until=self._lease_end(), heard_at=func.now())
            )
        return done.rowcount == 1

    async def ask_to_stop(self, scope: Scope, response_id: UUID) -> None:
        """Let the worker know, whichever it is, that the response is to be stopped."""
        async with self._database.tenant(scope) as session:
            await session.execute(
                update(responses)
                .where(_one(scope, response_id), responses.c.state == State.RUNNING)
                .values(stop_requested=True)
            )

    async def write(self, tenant_id: TenantId, entries: Sequence[Entry]) -> dict[UUID, Word]:
        """Write what is new of these responses, and renew their leases; of each that is still ours, what others said."""
        scope = Scope(tenant_id=tenant_id).as_service()
        async with self._database.tenant(scope) as session:
            words = await self._renew(session, scope, [entry.response_id for entry in entries])
            ours = [entry for entry in entries if entry.response_id in words]
            if values := [_values(tenant_id, entry) for entry in ours if entry.events]:
                rows = insert(response_events)
                again = {"last_seq": rows.excluded.last_seq, "events": rows.excluded.events}
                # A commit whose confirmation was lost is written once more.
                key = ["tenant_id", "response_id", "first_seq"]
                await session.execute(rows.on_conflict_do_update(index_elements=key, set_=again), values)
            for entry in ours:
                if entry.state is not State.RUNNING:
                    await session.execute(
                        update(responses)
                        .where(_one(scope, entry.response_id))
                        .values(state=entry.state, ended_at=func.now())
                    )
        return words

    async def release(self, tenant_id: TenantId, response_ids: Sequence[UUID]) -> None:
        """Let other workers have these at once."""
        scope = Scope(tenant_id=tenant_id).as_service()
        async with self._database.tenant(scope) as session:
            await session.execute(
                update(responses).where(*self._ours(scope, response_ids)).values(lease_until=func.now())
            )

    async def unheard(self, scope: Scope, *, seconds: float, limit: int = 100) -> list[tuple[UUID, UserId | None]]:
        """Responses of a tenant that nobody generates and nobody has asked for since `seconds`."""
        long_ago = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        query = (
            select(responses.c.id, responses.c.user_id)
            .where(visible(responses, scope), responses.c.state == State.RUNNING)
            .where(responses.c.lease_until < func.now(), responses.c.heard_at < long_ago)
            .limit(limit)
        )
        async with self._database.tenant(scope) as session:
            return [(row.id, row.user_id) for row in await session.execute(query)]

    async def purge(self, scope: Scope, *, hours: float) -> int:
        """Delete a tenant's responses that ended more than `hours` ago, with their events; how many those were."""
        long_ago = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, hours * 3600)
        async with self._database.tenant(scope) as session:
            done = await session.execute(
                delete(responses).where(visible(responses, scope), responses.c.ended_at < long_ago)
            )
        return done.rowcount

    async def _renew(self, session: AsyncConnection, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, Word]:
        unheard = func.extract("epoch", func.now() - responses.c.heard_at)
        rows = await session.execute(
            update(responses)
            .where(*self._ours(scope, ids))
            .values(lease_until=self._lease_end())
            .returning(responses.c.id, responses.c.stop_requested, unheard.label("unheard"))
        )
        return {row.id: Word(stop_requested=row.stop_requested, unheard_seconds=float(row.unheard)) for row in rows}

    def _ours(self, scope: Scope, ids: Sequence[UUID]) -> tuple[ColumnElement[bool], ...]:
        mine = (responses.c.worker == self._worker, responses.c.state == State.RUNNING)
        return (visible(responses, scope), responses.c.id.in_(ids), *mine)

    def _lease_end(self) -> ColumnElement[datetime]:
        return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, self._lease_seconds)


async def _find(session: AsyncConnection, scope: Scope, response_id: UUID) -> Response | None:
    abandoned = responses.c.lease_until < func.now()
    query = select(responses, abandoned.label("abandoned")).where(_one(scope, response_id))
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    return Response(
        id=row.id,
        state=State(row.state),
        request=msgspec.convert(row.request, Request),
        abandoned=row.abandoned and row.state == State.RUNNING,
        stop_requested=row.stop_requested,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def _one(scope: Scope, response_id: UUID) -> ColumnElement[bool]:
    return visible(responses, scope) & (responses.c.id == response_id)


def _values(tenant_id: TenantId, entry: Entry) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "response_id": entry.response_id,
        "user_id": entry.user_id,
        "first_seq": entry.first_seq,
        "last_seq": entry.events[-1].seq,
        "events": msgspec.to_builtins(list(entry.events)),
    }
