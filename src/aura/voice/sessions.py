"""Conversations by voice that are open, over all replicas: how many at once, for how many minutes, and which can be resumed.

Every connection has a row. While it is open its row is kept up by beats; what it has paid for is counted ahead, a little at
a time, on the organisation's month, and what was not used is given back. Who loses the connection has half a minute to come
back with the token that they were given, to whichever replica; it is good once, and the next one is another.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, cast
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.access.credentials import Credential, Kind
from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import counters, voice_sessions, voice_turns
from aura.errors import LimitExceeded, NotFound, Unauthenticated
from aura.identity import ConversationId, Scope, Verb
from aura.tenants import validation
from aura.tenants.values import Organisation
from aura.usage.periods import Window
from aura.usage.quotas import ORGANISATION, Allowance, Limit
from aura.voice.events import TurnMeasured

Surface = Literal["realtime", "continuous"]
"""Which protocol a session is held in; it is resumed in the same one."""

RESUME: Final = timedelta(seconds=30)
"""How long after its connection was lost a session can be resumed."""
BEAT: Final = timedelta(seconds=10)
"""How often an open session says so."""
_LEASE: Final = 3 * BEAT
"""A session that has not said so for so long is not open any more."""
_AHEAD: Final = 2 * BEAT
"""How much time is paid for at once."""


class SessionState(msgspec.Struct, frozen=True, kw_only=True):
    """What a session is resumed with: its conversation, and its settings as the surface wrote them."""

    id: UUID
    conversation_id: ConversationId | None
    settings: Mapping[str, object]
    began_at: datetime


class VoiceSession:
    """One open session. `token` resumes it, once, after its connection was lost."""

    def __init__(
        self,
        sessions: VoiceSessions,
        state: SessionState,
        credential: Credential,
        *,
        paid_until: datetime,
        now: datetime,
    ) -> None:
        self.state = state
        self.paid_seconds = (paid_until - now).total_seconds()
        """For how long it was paid for when it was opened: longer than a beat, unless the minutes are used up."""
        self._sessions = sessions
        self._credential = credential
        self._now = now

    @property
    def token(self) -> str:
        """What resumes it. Only its holder is to see it."""
        return self._credential.text

    @property
    def lasted_seconds(self) -> float:
        """How long it had lasted when this connection began: 0, unless it was resumed."""
        return (self._now - self.state.began_at).total_seconds()

    async def beat(self) -> float | None:
        """It is still open; for how many seconds more it is paid for. None where it was resumed over another connection, or
        is gone. Cost: one transaction.
        """
        return await self._sessions.beat(self.state.id, self._credential.sha256)

    async def configure(self, settings: Mapping[str, object]) -> None:
        """What it is resumed with, from here on. Raises `InvalidRequest`. Cost: one transaction."""
        settings = _storable(settings)
        await self._sessions.configure(self.state.id, self._credential.sha256, settings)
        self.state = msgspec.structs.replace(self.state, settings=settings)

    async def end(self) -> None:
        """Its connection has ended: it can be resumed for a while. Cost: one transaction."""
        await self._sessions.end(self.state.id, self._credential.sha256)

    async def record(self, measured: TurnMeasured) -> None:
        """Write how long the stages of a turn took. Cost: one transaction."""
        await self._sessions.record(measured)


class VoiceSessions:
    """The open sessions of one caller, within the limits of the organisation.

    Args:
        surface: the protocol that the sessions are held in.
    """

    def __init__(
        self, database: Database, scope: Scope, organisation: Organisation, *, surface: Surface, clock: Clock
    ) -> None:
        self._database = database
        self._scope = scope
        self._service = scope.as_service()
        self._limits = organisation.voice_limits
        self._surface: Surface = surface
        self._clock = clock

    async def open(
        self, conversation_id: ConversationId | None, settings: Mapping[str, object] | None = None
    ) -> VoiceSession:
        """A new session.

        Raises:
            LimitExceeded: as many are open as the plan allows, or its minutes of this month are used up.
            InvalidRequest: the settings can not be stored.
            Denied: an API key acts that may not `ask`.

        Cost: one transaction, in which those of the same organisation wait for each other.
        """
        self._scope.require(Verb.ASK)
        now, credential = self._clock.now(), Credential.new(Kind.RESUMPTION, self._scope.tenant_id)
        state = SessionState(
            id=credential.id, conversation_id=conversation_id, settings=_storable(settings or {}), began_at=now
        )
        async with self._database.tenant(self._service) as session:
            paid_until = await self._pay(session, now, paid_until=now)
            await self._ensure_room(session, now)
            row = {
                "tenant_id": self._scope.tenant_id,
                "id": state.id,
                "user_id": self._scope.user_id,
                "surface": self._surface,
                "conversation_id": conversation_id,
                "settings": state.settings,
                "token_sha256": credential.sha256,
                "began_at": now,
                "paid_until": paid_until,
                **_open(now),
            }
            await session.execute(insert(voice_sessions).values(row))
        return VoiceSession(self, state, credential, paid_until=paid_until, now=now)

    async def resume(self, token: str) -> VoiceSession:
        """The session of `token`, over a new connection; one that still seems open elsewhere ends there.

        Raises:
            NotFound: it was used, is somebody else's, or its time is over: they are never told apart.
            LimitExceeded, Denied: as `open`.

        Cost: as `open`.
        """
        self._scope.require(Verb.ASK)
        now = self._clock.now()
        try:
            shown = Credential.read(Kind.RESUMPTION, token)
        except Unauthenticated:
            raise _not_resumable() from None
        if shown.tenant_id != self._scope.tenant_id:
            raise _not_resumable()
        new = msgspec.structs.replace(Credential.new(Kind.RESUMPTION, shown.tenant_id), id=shown.id)
        async with self._database.tenant(self._service) as session:
            await self._lock(session, now)
            found = await session.execute(
                select(voice_sessions)
                .where(
                    *self._mine(shown.id, shown.sha256),
                    voice_sessions.c.surface == self._surface,
                    voice_sessions.c.resumable_until > now,
                )
                .with_for_update()
            )
            row = found.one_or_none()
            if row is None:
                raise _not_resumable()
            paid_until = await self._pay(session, now, paid_until=row.paid_until)
            await self._ensure_room(session, now, but=shown.id)
            values = {"token_sha256": new.sha256, "paid_until": paid_until, **_open(now)}
            await session.execute(update(voice_sessions).where(*self._mine(shown.id)).values(values))
        return VoiceSession(self, _state(row), new, paid_until=paid_until, now=now)

    async def remaining(self) -> tuple[Allowance, ...]:
        """Where the organisation's limits stand: sessions at once, and seconds of this month. Cost: one transaction."""
        now = self._clock.now()
        spent = select(counters.c.used).where(*self._counter(now))
        async with self._database.tenant(self._service, snapshot=True) as session:
            used = await session.scalar(spent) or 0
            held = await session.scalar(self._open_now(now)) or 0
        return (self._seconds(now, used), self._sessions(held))

    # -- what a session asks for ---------------------------------------------------------------------------------------

    async def beat(self, session_id: UUID, token_sha256: bytes) -> float | None:
        """See `VoiceSession.beat`."""
        now = self._clock.now()
        async with self._database.tenant(self._service) as session:
            await self._lock(session, now)
            held = select(voice_sessions.c.paid_until).where(*self._mine(session_id, token_sha256)).with_for_update()
            before: datetime | None = await session.scalar(held)
            if before is None:
                return None
            paid_until = before
            if before - now < 1.5 * BEAT:
                granted = await self._grant(session, now, _AHEAD)
                paid_until = max(before, now) + granted
            values = {"paid_until": paid_until, **_open(now)}
            await session.execute(update(voice_sessions).where(*self._mine(session_id)).values(values))
        return (paid_until - now).total_seconds()

    async def configure(self, session_id: UUID, token_sha256: bytes, settings: Mapping[str, object]) -> None:
        """See `VoiceSession.configure`."""
        change = update(voice_sessions).where(*self._mine(session_id, token_sha256)).values(settings=settings)
        async with self._database.tenant(self._service) as session:
            await session.execute(change)

    async def end(self, session_id: UUID, token_sha256: bytes) -> None:
        """See `VoiceSession.end`. What was paid for and not used is given back; sessions that are over go."""
        now = self._clock.now()
        over = delete(voice_sessions).where(
            visible(voice_sessions, self._service), voice_sessions.c.resumable_until <= now
        )
        async with self._database.tenant(self._service) as session:
            await self._lock(session, now)
            held = select(voice_sessions.c.paid_until).where(*self._mine(session_id, token_sha256)).with_for_update()
            paid_until: datetime | None = await session.scalar(held)
            if paid_until is not None:
                await self._give_back(session, now, paid_until)
                ended = {"paid_until": now, "open_until": now, "resumable_until": now + RESUME}
                await session.execute(update(voice_sessions).where(*self._mine(session_id)).values(ended))
            await session.execute(over)

    async def record(self, measured: TurnMeasured) -> None:
        """See `VoiceSession.record`."""
        row = {
            "tenant_id": self._scope.tenant_id,
            "id": uuid4(),
            "created_at": self._clock.now(),
            "surface": self._surface,
            **{name: getattr(measured, name) for name in _MEASURED},
        }
        async with self._database.tenant(self._service) as session:
            await session.execute(insert(voice_turns).values(row))

    # -- counting ------------------------------------------------------------------------------------------------------

    async def _pay(self, session: AsyncConnection, now: datetime, *, paid_until: datetime) -> datetime:
        """Pay for the next seconds of a session that is not paid for beyond `now`; up to when it is then.

        Raises:
            LimitExceeded: there are none left this month.
        """
        await self._give_back(session, now, paid_until)
        granted = await self._grant(session, now, _AHEAD)
        if granted <= timedelta(0):
            raise _exceeded(self._seconds(now, self._limits.max_minutes_monthly * 60))
        return now + granted

    async def _grant(self, session: AsyncConnection, now: datetime, wanted: timedelta) -> timedelta:
        """Count `wanted` on the month, or as much as is left of it."""
        used = await self._lock(session, now)
        seconds = min(round(wanted.total_seconds()), max(0, self._limits.max_minutes_monthly * 60 - used))
        if seconds:
            await session.execute(update(counters).where(*self._counter(now)).values(used=counters.c.used + seconds))
        return timedelta(seconds=seconds)

    async def _give_back(self, session: AsyncConnection, now: datetime, paid_until: datetime) -> None:
        seconds = int((paid_until - now).total_seconds())  # a second that has begun is used
        if seconds > 0:
            less = func.greatest(0, counters.c.used - seconds)
            await session.execute(update(counters).where(*self._counter(now)).values(used=less))

    async def _lock(self, session: AsyncConnection, now: datetime) -> int:
        """Let the others of the organisation wait until the transaction ends; how many seconds are used this month."""
        row = {
            "tenant_id": self._scope.tenant_id,
            "subject": ORGANISATION,
            "name": Limit.VOICE_SECONDS.value,
            "window_start": Window.MONTH.start(now),
            "used": 0,
        }
        locked = insert(counters).values(row)
        locked = locked.on_conflict_do_update(constraint=counters.primary_key, set_={"used": counters.c.used})
        used: int = (await session.execute(locked.returning(counters.c.used))).scalar_one()
        return used

    async def _ensure_room(self, session: AsyncConnection, now: datetime, *, but: UUID | None = None) -> None:
        """Refuse one more session where the plan has no room. The counter's row is locked."""
        held = await session.scalar(self._open_now(now, but=but)) or 0
        if held >= self._limits.max_sessions:
            raise _exceeded(self._sessions(held))

    def _open_now(self, now: datetime, *, but: UUID | None = None):
        query = (
            select(func.count())
            .select_from(voice_sessions)
            .where(visible(voice_sessions, self._service), voice_sessions.c.open_until > now)
        )
        return query if but is None else query.where(voice_sessions.c.id != but)

    def _counter(self, now: datetime):
        return (
            visible(counters, self._service),
            counters.c.subject == ORGANISATION,
            counters.c.name == Limit.VOICE_SECONDS.value,
            counters.c.window_start == Window.MONTH.start(now),
        )

    def _mine(self, session_id: UUID, token_sha256: bytes | None = None):
        """One session of the caller's own, though the transaction sees all of the organisation, to count them."""
        own = (
            visible(voice_sessions, self._service),
            voice_sessions.c.id == session_id,
            voice_sessions.c.user_id.is_not_distinct_from(self._scope.user_id),
        )
        return own if token_sha256 is None else (*own, voice_sessions.c.token_sha256 == token_sha256)

    def _seconds(self, now: datetime, used: int) -> Allowance:
        return Allowance(
            limit=Limit.VOICE_SECONDS,
            subject=ORGANISATION,
            maximum=self._limits.max_minutes_monthly * 60,
            used=used,
            renews_at=Window.MONTH.end(now),
        )

    def _sessions(self, held: int) -> Allowance:
        maximum = self._limits.max_sessions
        return Allowance(limit=Limit.VOICE_SESSIONS, subject=ORGANISATION, maximum=maximum, used=held, renews_at=None)


_MEASURED: Final = (
    *("endpoint", "transcript", "retrieval", "first_token", "first_sentence", "first_audio", "client_buffer"),
    *("speculated", "prefetched", "prefetch_used", "interrupted"),
)


def _storable(settings: Mapping[str, object]) -> dict[str, object]:
    return validation.json_object(settings, field="session")


def _open(now: datetime) -> dict[str, datetime]:
    return {"open_until": now + _LEASE, "resumable_until": now + BEAT + RESUME}


def _state(row: Row[tuple[object, ...]]) -> SessionState:
    return SessionState(
        id=row.id,
        conversation_id=row.conversation_id,
        settings=cast("dict[str, object]", row.settings),
        began_at=row.began_at,
    )


def _not_resumable() -> NotFound:
    return NotFound(
        f"there is nothing to resume: a token is good once, for who was given it, and for {RESUME.seconds} s after the"
        " connection was lost; begin again, with ?conversation=ID to go on in the same conversation"
    )


def _exceeded(allowance: Allowance) -> LimitExceeded:
    if allowance.limit is Limit.VOICE_SESSIONS:
        message = (
            f"the organisation may hold {allowance.maximum:,} conversations by voice at once, and 0 more are left: try"
            " again when one of them has ended"
        )
    else:
        message = (
            f"the organisation may talk for {allowance.maximum // 60:,} minutes a month, and 0 are left; the count begins"
            f" anew at {allowance.renews_at:%Y-%m-%dT%H:%M:%SZ}"
        )
    return LimitExceeded(
        message, limit=allowance.limit, remaining=0, maximum=allowance.maximum, renews_at=allowance.renews_at
    )
