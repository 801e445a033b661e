"""What a caller may still use: requests a minute, uploads an hour, calls a month, counted exactly before the work.

One statement counts a request on all of its quotas, and the transaction goes back where one of them has no room: all are
taken or none. PostgreSQL lets the next one wait for the row that this one has counted on, in this process or another.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Final, Protocol
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, DateTime, Text, Uuid, and_, bindparam, delete, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.statements import Statement
from aura.database.tables import counters, organisations, users
from aura.errors import LimitExceeded
from aura.identity import Scope
from aura.settings import Settings
from aura.tenants.limits import Storage
from aura.tenants.values import Organisation
from aura.usage.periods import Window

ORGANISATION: Final = "tenant"
"""The subject of what all of an organisation use together."""


class Limit(StrEnum):
    """What is limited. Users and storage do not renew: they are given back by deleting. Conversations by voice end."""

    REQUESTS_PER_MINUTE = "requests_per_minute"
    UPLOADS_PER_HOUR = "uploads_per_hour"
    MONTHLY_CALLS = "monthly_calls"
    USERS = "max_users"
    STORAGE = "max_storage_gb"
    VOICE_SECONDS = "voice_seconds_monthly"
    VOICE_SESSIONS = "max_voice_sessions"


class Charge(StrEnum):
    """What a request is counted as. A question is a `REQUEST` and a `CALL`, a file an `UPLOAD`."""

    REQUEST = "request"
    UPLOAD = "upload"
    CALL = "call"


_WINDOWS: Final = {
    Limit.REQUESTS_PER_MINUTE: Window.MINUTE,
    Limit.UPLOADS_PER_HOUR: Window.HOUR,
    Limit.MONTHLY_CALLS: Window.MONTH,
}
_LIMITS: Final = {
    Charge.REQUEST: Limit.REQUESTS_PER_MINUTE,
    Charge.UPLOAD: Limit.UPLOADS_PER_HOUR,
    Charge.CALL: Limit.MONTHLY_CALLS,
}


class LimitedKey(Protocol):
    """An API key that a request came with."""

    @property
    def id(self) -> UUID: ...
    @property
    def monthly_calls(self) -> int | None: ...
    @property
    def requests_per_minute(self) -> int | None: ...


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """At most `maximum` of `limit` in one window, for `subject`: `tenant`, `user:<id>` or `key:<id>`."""

    limit: Limit
    subject: str
    maximum: int


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a quota stands: for a `RateLimit` header, and for who asks what is left.

    `renews_at` is None for what does not renew. Storage is counted in bytes.
    """

    limit: Limit
    subject: str
    maximum: int
    used: int
    renews_at: datetime | None

    @property
    def remaining(self) -> int:
        """What is left of it."""
        return max(0, self.maximum - self.used)


class Quotas:
    """The quotas of one caller: of the organisation, of its member, of the key that is used.

    A key with a number of its own is held to that one, and not to its maker's requests a minute.
    """

    def __init__(
        self,
        database: Database,
        scope: Scope,
        organisation: Organisation,
        *,
        settings: Settings,
        clock: Clock,
        key: LimitedKey | None = None,
    ) -> None:
        self._database = database
        self._scope = scope
        self._organisation = organisation
        self._settings = settings
        self._clock = clock
        self._key = key

    async def take(
        self, *charges: Charge, amount: int = 1, connection: AsyncConnection | None = None
    ) -> tuple[Allowance, ...]:
        """Count `amount` of each of `charges` on every quota that holds for the caller, or on none.

        Args:
            connection: in this transaction of the tenant; without one, in a transaction of its own.

        Returns:
            Where they stand now, the one with the least left first.

        Raises:
            LimitExceeded: one has less than `amount` left; it says what is left and when it renews.

        Cost: one statement, which waits for others of the same subject until their transactions end.
        """
        quotas = sorted(self._quotas(charges), key=lambda quota: (quota.subject, quota.limit))
        if not quotas:
            return ()
        now = self._clock.now()
        values = {
            "tenant": self._scope.tenant_id,
            "subjects": [quota.subject for quota in quotas],
            "names": [quota.limit.value for quota in quotas],
            "starts": [_WINDOWS[quota.limit].start(now) for quota in quotas],
            "amount": amount,
        }
        own = self._database.tenant(self._scope) if connection is None else nullcontext(connection)
        async with own as session:
            used = {(row.subject, row.name): row.used for row in await _count().run(session, values)}
            allowances = [_allowance(quota, used[quota.subject, quota.limit], now) for quota in quotas]
            for allowance in allowances:
                if allowance.used > allowance.maximum:  # the error takes all of the transaction back
                    raise _exceeded(allowance, amount)
        return tuple(sorted(allowances, key=lambda allowance: allowance.remaining))

    async def remaining(self) -> tuple[Allowance, ...]:
        """Where every limit of the caller stands, users and storage included. Cost: two transactions."""
        now = self._clock.now()
        quotas = self._quotas(tuple(Charge))
        keys = [tuple(_key_of(quota, self._scope, now).values())[1:] for quota in quotas]
        query = select(counters.c.subject, counters.c.name, counters.c.used).where(
            visible(counters, self._scope),
            tuple_(counters.c.subject, counters.c.name, counters.c.window_start).in_(keys),
        )
        async with self._database.tenant(self._scope, snapshot=True) as session:
            used = {(row.subject, row.name): row.used for row in await session.execute(query)}
            seats = await self._seats(session)
        storage = await Storage(self._database, self._scope).use()
        stored = Allowance(
            limit=Limit.STORAGE,
            subject=ORGANISATION,
            maximum=storage.max_bytes,
            used=storage.used_bytes,
            renews_at=None,
        )
        counted = [_allowance(quota, used.get((quota.subject, quota.limit), 0), now) for quota in quotas]
        return (*counted, seats, stored)

    async def _seats(self, session: AsyncConnection) -> Allowance:
        taken = select(func.count()).select_from(users).where(visible(users, self._scope)).scalar_subquery()
        query = select(organisations.c.max_users, taken.label("taken")).where(
            organisations.c.id == self._scope.tenant_id
        )
        row = (await session.execute(query)).one()
        return Allowance(limit=Limit.USERS, subject=ORGANISATION, maximum=row.max_users, used=row.taken, renews_at=None)

    def _quotas(self, charges: Sequence[Charge]) -> list[Quota]:
        """What holds for the caller: the organisation's own, then those of the key or of the member."""
        found: list[Quota] = []
        for charge in dict.fromkeys(charges):
            limit = _LIMITS[charge]
            found.append(Quota(limit=limit, subject=ORGANISATION, maximum=self._of_organisation(charge)))
            own = self._of_key(charge) or self._of_user(charge)
            if own is not None:
                found.append(Quota(limit=limit, subject=own[0], maximum=own[1]))
        return found

    def _of_organisation(self, charge: Charge) -> int:
        if charge is Charge.CALL:
            return self._organisation.max_api_calls_monthly
        settings = self._settings
        return settings.requests_per_minute if charge is Charge.REQUEST else settings.uploads_per_hour

    def _of_key(self, charge: Charge) -> tuple[str, int] | None:
        if self._key is None or charge is Charge.UPLOAD:
            return None
        maximum = self._key.monthly_calls if charge is Charge.CALL else self._key.requests_per_minute
        return None if maximum is None else (f"key:{self._key.id}", maximum)

    def _of_user(self, charge: Charge) -> tuple[str, int] | None:
        if self._scope.user_id is None or charge is Charge.CALL:
            return None
        settings = self._settings
        maximum = settings.user_requests_per_minute if charge is Charge.REQUEST else settings.user_uploads_per_hour
        return f"user:{self._scope.user_id}", maximum


@cache
def _count() -> Statement:
    asked = (
        func.unnest(
            bindparam("subjects", type_=ARRAY(Text)),
            bindparam("names", type_=ARRAY(Text)),
            bindparam("starts", type_=ARRAY(DateTime(timezone=True))),
        )
        .table_valued("subject", "name", "window_start", name="asked")
        .render_derived()
    )
    tenant_id, amount = bindparam("tenant", type_=Uuid), bindparam("amount", type_=BigInteger)
    new = select(tenant_id, asked.c.subject, asked.c.name, asked.c.window_start, amount)
    taken = insert(counters).from_select(["tenant_id", "subject", "name", "window_start", "used"], new)
    return Statement(
        taken.on_conflict_do_update(
            constraint=counters.primary_key, set_={"used": counters.c.used + taken.excluded.used}
        ).returning(counters.c.subject, counters.c.name, counters.c.used)
    )


async def purge_counters(database: Database, scope: Scope, *, clock: Clock) -> int:
    """Remove the counters of windows that are over, for a job: months before the last one, the others after a day."""
    now = clock.now()
    last_month = Window.MONTH.start(Window.MONTH.start(now) - timedelta(days=1))
    monthly = counters.c.name.in_((Limit.MONTHLY_CALLS, Limit.VOICE_SECONDS))
    old = or_(
        and_(monthly, counters.c.window_start < last_month),
        and_(~monthly, counters.c.window_start < now - timedelta(days=1)),
    )
    async with database.tenant(scope) as session:
        return (await session.execute(delete(counters).where(visible(counters, scope), old))).rowcount


def _key_of(quota: Quota, scope: Scope, now: datetime) -> dict[str, object]:
    return {
        "tenant_id": scope.tenant_id,
        "subject": quota.subject,
        "name": quota.limit.value,
        "window_start": _WINDOWS[quota.limit].start(now),
    }


def _allowance(quota: Quota, used: int, now: datetime) -> Allowance:
    renews_at = _WINDOWS[quota.limit].end(now)
    return Allowance(limit=quota.limit, subject=quota.subject, maximum=quota.maximum, used=used, renews_at=renews_at)


def _exceeded(allowance: Allowance, amount: int) -> LimitExceeded:
    left = max(0, allowance.maximum - (allowance.used - amount))
    whose = "the organisation" if allowance.subject == ORGANISATION else f"this {allowance.subject.partition(':')[0]}"
    return LimitExceeded(
        f"{whose} may use {allowance.maximum:,} {allowance.limit.replace('_', ' ')}, and {left:,} are left; the count"
        f" begins anew at {allowance.renews_at:%Y-%m-%dT%H:%M:%SZ}",
        limit=allowance.limit,
        remaining=left,
        maximum=allowance.maximum,
        renews_at=allowance.renews_at,
    )
