"""Budgets: what may be spent in a day or a month, reserved before a call and settled after it, exactly.

The rows of `budget_spent` are the locks: who reserves takes those of all its budgets, in one order, adds up what calls
under way have reserved, and puts its own reservation beside them, in one transaction. So two processes can not both take
what is left. A reservation has a lease: that of a process that died counts no more when it is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import ColumnElement, and_, case, delete, func, insert, or_, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import budget_reservations, budget_spent, usage
from aura.database.tables import budgets as table
from aura.errors import InvalidRequest, LimitExceeded
from aura.identity import Scope, UserId
from aura.usage.ledger import NOBODY
from aura.usage.periods import Window
from aura.usage.platform_budget import PlatformBudget

ORGANISATION: Final = "tenant"
USERS, KEYS = "users", "keys"
SPANS: Final = (Window.DAY, Window.MONTH)
LEASE_SECONDS: Final = 600.0
"""How long a reservation holds without being settled: longer than any call."""
_MICRO: Final = 1_000_000


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """At most `max_micro_usd` in each `span`, for `subject`: `tenant`, `user:<id>`, `key:<id>`, or for each of `users` or
    `keys` that has none of its own."""

    subject: str
    span: Window
    max_micro_usd: int


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """What was reserved for one attempt.

    Attributes:
        option: which of the prices that were offered there was room for, from 0.
        left_micro_usd: what the narrowest budget has left besides; None without a budget.
        id: of the reservation; None where nothing is reserved.
        reserved_at: decides which day and month are charged.
        on_platform: the platform has a budget, too, and a reservation of the same id.
    """

    option: int
    left_micro_usd: int | None = None
    id: UUID | None = None
    reserved_at: datetime | None = None
    on_platform: bool = False


class Budgets:
    """The budgets of one organisation, and of the user and the key in whose name it calls."""

    def __init__(
        self,
        database: Database,
        scope: Scope,
        *,
        clock: Clock,
        api_key_id: UUID | None = None,
        platform: PlatformBudget | None = None,
    ) -> None:
        self._database = database
        self._scope = scope
        self._clock = clock
        self._api_key_id = api_key_id
        self._platform = platform

    async def set(self, subject: str, span: Window | str, max_micro_usd: int) -> Budget:
        """Give `subject` a budget, in place of the one that may be there. What was spent in its span counts already.

        Raises:
            InvalidRequest: there is no such subject or span, or the budget is negative.
        """
        budget = Budget(subject=_subject(subject), span=_span(span), max_micro_usd=max_micro_usd)
        if not 0 <= max_micro_usd < 2**62:
            raise InvalidRequest(f"a budget of {max_micro_usd} micro-dollars can not be kept", field="max_micro_usd")
        values = {**msgspec.structs.asdict(budget), "span": budget.span.value, "tenant_id": self._scope.tenant_id}
        statement = upsert(table).values(values)
        statement = statement.on_conflict_do_update(
            constraint=table.primary_key, set_={"max_micro_usd": statement.excluded.max_micro_usd}
        )
        async with self._database.tenant(self._scope) as session:
            await session.execute(statement)
        return budget

    async def list(self) -> tuple[Budget, ...]:
        """All budgets of the organisation."""
        query = (
            select(table.c.subject, table.c.span, table.c.max_micro_usd)
            .where(visible(table, self._scope))
            .order_by(table.c.subject, table.c.span)
        )
        async with self._database.tenant(self._scope) as session:
            rows = (await session.execute(query)).mappings().all()
        return tuple(msgspec.convert(row, Budget) for row in rows)

    async def remove(self, subject: str, span: Window | str) -> None:
        """Take a budget away, where there is one."""
        gone = delete(table).where(
            visible(table, self._scope), table.c.subject == _subject(subject), table.c.span == _span(span).value
        )
        async with self._database.tenant(self._scope) as session:
            await session.execute(gone)

    async def reserve(self, options: Sequence[int]) -> Booking:
        """Reserve the first of `options` (micro-dollars, best first) that every budget has room for.

        Raises:
            LimitExceeded: there is room for none; it says what is left and when it renews.

        Cost: one transaction; of one statement where there is no budget, else of four.
        """
        now = self._clock.now()
        async with self._database.tenant(self._scope) as session:
            budgets = await self._applying(session)
            left = await self._left(session, budgets, now) if budgets else {}
            narrowest = min(left, key=lambda budget: left[budget], default=None)
            room = None if narrowest is None else left[narrowest]
            option = next((n for n, price in enumerate(options) if room is None or price <= room), None)
            if option is None:
                assert narrowest is not None
                raise _exceeded(narrowest, max(0, left[narrowest]), min(options), now)
            id = uuid4()
            if self._platform is not None:
                option = await self._platform.reserve(session, id, options, first=option, now=now)
            if room is None and self._platform is None:
                return Booking(option=option)
            await session.execute(insert(budget_reservations).values(self._reservation(id, options[option], now)))
        return Booking(
            option=option,
            left_micro_usd=None if room is None else room - options[option],
            id=id,
            reserved_at=now,
            on_platform=self._platform is not None,
        )

    async def settle(self, session: AsyncConnection, booking: Booking, micro_usd: int) -> None:
        """Charge `micro_usd` in the place of what was reserved, in a transaction of the scope."""
        if booking.id is None or booking.reserved_at is None:
            return
        gone = delete(budget_reservations).where(
            visible(budget_reservations, self._scope), budget_reservations.c.id == booking.id
        )
        spans = sorted(
            (subject, span.value, span.start(booking.reserved_at)) for subject in self._subjects() for span in SPANS
        )
        c = budget_spent.c
        mine = and_(visible(budget_spent, self._scope), tuple_(c.subject, c.span, c.starts_at).in_(spans))
        if micro_usd:
            # in the order in which reservations lock them
            await session.execute(select(c.subject).where(mine).order_by(c.subject, c.span).with_for_update())
            await session.execute(update(budget_spent).where(mine).values(micro_usd=c.micro_usd + micro_usd))
        await session.execute(gone)
        if booking.on_platform and self._platform is not None:
            await self._platform.settle(session, booking.id, micro_usd, reserved_at=booking.reserved_at)

    async def _applying(self, session: AsyncConnection) -> list[Budget]:
        """The budgets that hold for the caller, each under the subject that is charged."""
        query = select(table.c.subject, table.c.span, table.c.max_micro_usd).where(
            visible(table, self._scope), table.c.subject.in_([*self._subjects(), USERS, KEYS])
        )
        found = [msgspec.convert(row, Budget) for row in (await session.execute(query)).mappings()]
        own = {(budget.subject, budget.span) for budget in found}
        applying: list[Budget] = []
        for budget in found:
            subject = {USERS: self._user(), KEYS: self._key()}.get(budget.subject, budget.subject)
            if subject is not None and (subject == budget.subject or (subject, budget.span) not in own):
                applying.append(msgspec.structs.replace(budget, subject=subject))
        return sorted(applying, key=lambda budget: (budget.subject, budget.span))

    async def _left(self, session: AsyncConnection, budgets: Sequence[Budget], now: datetime) -> dict[Budget, int]:
        """What each of `budgets` has left now. Nobody else reserves of them until the transaction ends."""
        spent = await self._lock(session, [(budget.subject, budget.span.value) for budget in budgets], now)
        reserved = await self._reserved(session, now)
        return {
            budget: budget.max_micro_usd - spent[budget.subject, budget.span.value] - reserved[budget.subject]
            for budget in budgets
        }

    async def _lock(
        self, session: AsyncConnection, keys: Sequence[tuple[str, str]], now: datetime
    ) -> dict[tuple[str, str], int]:
        """Lock the rows of `keys` (subject, span) and say what was spent.

        A row that is not there begins with what the ledger has of its span.
        """
        found: dict[tuple[str, str], int] = {}
        for subject, span in sorted(keys):
            starts_at = Window(span).start(now)
            key = {"tenant_id": self._scope.tenant_id, "subject": subject, "span": span, "starts_at": starts_at}
            here = (
                select(budget_spent.c.micro_usd)
                .where(
                    visible(budget_spent, self._scope),
                    budget_spent.c.subject == subject,
                    budget_spent.c.span == span,
                    budget_spent.c.starts_at == starts_at,
                )
                .with_for_update()
            )
            amount = (await session.execute(here)).scalar_one_or_none()
            if amount is None:
                before = await self._in_ledger(session, subject, starts_at)
                new = upsert(budget_spent).values({**key, "micro_usd": before})
                await session.execute(new.on_conflict_do_nothing())
                amount = (await session.execute(here)).scalar_one()
            found[subject, span] = amount
        return found

    async def _in_ledger(self, session: AsyncConnection, subject: str, starts_at: datetime) -> int:
        kind, _, id = subject.partition(":")
        whose: ColumnElement[bool] = true()
        if kind != ORGANISATION:
            whose = (usage.c.user_id if kind == "user" else usage.c.api_key_id) == UUID(id)
        query = select(func.coalesce(func.sum(usage.c.cost_micro_usd), 0)).where(
            visible(usage, self._scope), usage.c.created_at >= starts_at, ~usage.c.own_key, whose
        )
        return int((await session.execute(query)).scalar_one())

    async def _reserved(self, session: AsyncConnection, now: datetime) -> dict[str, int]:
        """What calls under way have reserved, by the caller's subjects."""
        c = budget_reservations.c
        user, key = self._scope.user_id or NOBODY, self._api_key_id or NOBODY
        query = select(
            func.coalesce(func.sum(c.micro_usd), 0),
            func.coalesce(func.sum(case((c.user_id == user, c.micro_usd), else_=0)), 0),
            func.coalesce(func.sum(case((c.api_key_id == key, c.micro_usd), else_=0)), 0),
        ).where(visible(budget_reservations, self._scope), c.lease_until > now)
        of_all, of_user, of_key = (await session.execute(query)).one()
        return {ORGANISATION: int(of_all), f"user:{user}": int(of_user), f"key:{key}": int(of_key)}

    def _reservation(self, id: UUID, micro_usd: int, now: datetime) -> dict[str, object]:
        return {
            "tenant_id": self._scope.tenant_id,
            "id": id,
            "user_id": self._scope.user_id,
            "api_key_id": self._api_key_id,
            "micro_usd": micro_usd,
            "reserved_at": now,
            "lease_until": now + timedelta(seconds=LEASE_SECONDS),
        }

    def _user(self) -> str | None:
        return None if self._scope.user_id is None else f"user:{self._scope.user_id}"

    def _key(self) -> str | None:
        return None if self._api_key_id is None else f"key:{self._api_key_id}"

    def _subjects(self) -> list[str]:
        return [subject for subject in (ORGANISATION, self._user(), self._key()) if subject is not None]


async def purge_budgets(database: Database, scope: Scope, *, clock: Clock) -> int:
    """Remove reservations whose lease is over and spans before the last month, for a job; how many rows."""
    now = clock.now()
    last_month = Window.MONTH.start(Window.MONTH.start(now) - timedelta(days=1))
    dead = and_(visible(budget_reservations, scope), budget_reservations.c.lease_until <= now)
    old = and_(visible(budget_spent, scope), or_(budget_spent.c.starts_at < last_month))
    async with database.tenant(scope) as session:
        removed = (await session.execute(delete(budget_reservations).where(dead))).rowcount
        return removed + (await session.execute(delete(budget_spent).where(old))).rowcount


def of_user(user_id: UserId) -> str:
    """The subject of one member."""
    return f"user:{user_id}"


def of_key(key_id: UUID) -> str:
    """The subject of one API key."""
    return f"key:{key_id}"


def _subject(value: str) -> str:
    kind, _, id = value.partition(":")
    if value in (ORGANISATION, USERS, KEYS):
        return value
    try:
        if kind in ("user", "key"):
            return f"{kind}:{UUID(id)}"
    except ValueError:
        pass
    raise InvalidRequest(
        f"a budget is for `tenant`, `users`, `keys`, `user:<id>` or `key:<id>`, not {value[:60]!r}", field="subject"
    )


def _span(value: Window | str) -> Window:
    if value in SPANS:
        return Window(value)
    raise InvalidRequest(f"a budget is for a `day` or a `month`, not {str(value)[:20]!r}", field="span")


def _exceeded(budget: Budget, left: int, wanted: int, now: datetime) -> LimitExceeded:
    return exceeded(
        {ORGANISATION: "the organisation", "user": "this user", "key": "this key"}[budget.subject.partition(":")[0]],
        budget.span,
        maximum=budget.max_micro_usd,
        left=left,
        wanted=wanted,
        now=now,
    )


def exceeded(who: str, span: Window, *, maximum: int, left: int, wanted: int, now: datetime) -> LimitExceeded:
    """The error of a budget that has no room; amounts are micro-dollars."""
    renews_at = span.end(now)
    return LimitExceeded(
        f"{who} may spend ${maximum / _MICRO:,.2f} a {span}; ${left / _MICRO:,.6f} are left, and this call may cost"
        f" ${wanted / _MICRO:,.6f}; the budget begins anew at {renews_at:%Y-%m-%dT%H:%M:%SZ}",
        limit=f"{span}_budget_micro_usd",
        remaining=left,
        renews_at=renews_at,
    )
