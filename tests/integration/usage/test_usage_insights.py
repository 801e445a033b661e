"""The dashboard: its numbers are those of a recount, and of this organisation alone."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import msgspec
import numpy as np
import pytest
from sqlalchemy import insert, select
from usage_support import PASSWORD, Tenant, row

from aura.database.scopes import application_filter
from aura.database.tables import (
    chunks,
    collections,
    conversations,
    document_versions,
    documents,
    feedback,
    messages,
)
from aura.identity import UserId
from aura.usage.insights import Answered, Dashboard, Day, Percentiles
from aura.usage.ledger import Kind, Outcome
from aura.usage.periods import Period
from aura.usage.rollup import roll_up_closed

NOW = datetime(2026, 4, 15, 14, 30, tzinfo=UTC)
PERIOD = Period(first=date(2026, 4, 6), last=date(2026, 4, 15))
WORD = "zyfingerprint"


class Filled:
    """What a test has put into an organisation, as it put it there."""

    def __init__(self, tenant: Tenant, seed: int) -> None:
        self.tenant = tenant
        self.rng = random.Random(seed)
        self.people: list[UserId | None] = [None, tenant.admin.id]
        self.started: list[datetime] = []
        self.ratings: list[tuple[datetime, int]] = []
        self.stages: list[str] = []
        self.versions: list[int] = []
        self.came: list[datetime] = []
        self.chunks = 0

    async def fill(self) -> Filled:
        for n in range(3):
            self.people.append((await self.tenant.users.add(email=f"p{n}@x.test", password=PASSWORD)).id)
        for _ in range(120):
            await self._usage()
        for _ in range(25):
            await self._conversation()
        for _ in range(9):
            await self._document()
        self.tenant.clock.set(NOW)
        return self

    def moment(self) -> datetime:
        """Some time of the last two weeks."""
        return NOW - timedelta(seconds=self.rng.uniform(0, 14 * 86_400))

    async def _usage(self) -> None:
        first = self.rng.choice([None, self.rng.uniform(0, 2)])
        self.tenant.clock.set(self.moment())
        await self.tenant.ledger(self.rng.choice(self.people[:-1])).record(
            row(
                kind=self.rng.choice([Kind.CHAT, Kind.CHAT, Kind.EMBEDDING]),
                outcome=self.rng.choice(list(Outcome)),
                model=self.rng.choice(["fast", "strong"]),
                cost_micro_usd=self.rng.choice([None, 5, 70]),
                first_token_seconds=first,
                total_seconds=(first or 0) + self.rng.uniform(0, 5),
            )
        )

    async def _conversation(self) -> None:
        at, rated, user = self.moment(), self.moment(), self.rng.choice(self.people)
        rating = self.rng.choice([1, -1])
        own = {"tenant_id": self.tenant.organisation.id, "user_id": user}
        talk, message = uuid4(), uuid4()
        said = {"id": message, "conversation_id": talk, "role": "assistant", "text": WORD}
        async with self.tenant.database.tenant(self.tenant.service) as session:
            await session.execute(insert(conversations).values(**own, id=talk, title=WORD, created_at=at))
            await session.execute(insert(messages).values(**own, **said))
            opinion = {"message_id": message, "rating": rating, "comment": WORD, "created_at": rated}
            await session.execute(insert(feedback).values(**own, **opinion))
        self.started.append(at)
        self.ratings.append((rated, rating))

    async def _document(self) -> None:
        document, stage = uuid4(), self.rng.choice(["ready", "failed", "queued"])
        private = self.rng.choice(self.people)
        own = {"tenant_id": self.tenant.organisation.id, "private_to": private}
        async with self.tenant.database.tenant(self.tenant.service) as session:
            collection = await session.scalar(
                select(collections.c.id).where(collections.c.tenant_id == own["tenant_id"])
            )
            file = {"collection_id": collection, "filename": f"{WORD}-{document}", "sha256": "0" * 64, "size_bytes": 1}
            await session.execute(insert(documents).values(**own, **file, id=document, stage=stage))
            for version in range(1, self.rng.randrange(2, 4)):
                size = self.rng.randrange(10**10)
                made = {"document_id": document, "version": version, "sha256": "0" * 64, "size_bytes": size}
                self.came.append(self.moment())
                made["created_at"] = self.came[-1]
                await session.execute(insert(document_versions).values(**own, **made))
                self.versions.append(size)
            for n in range(self.rng.randrange(4)):
                piece = {"id": f"{document}-{n}", "document_id": document, "text": WORD, "text_sha256": b"x"}
                await session.execute(insert(chunks).values(**own, **piece))
                self.chunks += 1
        self.stages.append(stage)


async def recounted(filled: Filled) -> dict[str, object]:
    """The same numbers, the long way."""
    rows = await filled.tenant.rows()
    chats = [each for each in rows if each["kind"] == "chat"]
    inside = [each for each in chats if PERIOD.start <= each["created_at"] < PERIOD.end]
    answers = [each for each in inside if each["outcome"] in ("ok", "refused")]
    ratings = [rating for at, rating in filled.ratings if PERIOD.start <= at < PERIOD.end]
    midnight = NOW.replace(hour=0, minute=0)

    def ended(start: datetime, end: datetime) -> Answered:
        return _answered([each["outcome"] for each in chats if start <= each["created_at"] < end])

    def of(day: date) -> list[dict[str, object]]:
        return [each for each in inside if each["created_at"].astimezone(UTC).date() == day]

    return {
        "users": len(filled.people) - 1,
        "stages": {stage: filled.stages.count(stage) for stage in sorted(set(filled.stages))},
        "chunks": filled.chunks,
        "storage": sum(filled.versions),
        "active": len({each["user_id"] for each in inside} - {None}),
        "answered": _answered([each["outcome"] for each in inside]),
        "first": _percentiles([each["first_token_seconds"] for each in answers if each["first_token_seconds"]]),
        "total": _percentiles([each["total_seconds"] for each in answers]),
        "days": tuple(
            Day(
                day=day,
                conversations=sum(at.date() == day for at in filled.started),
                questions=len(of(day)),
                refusals=sum(each["outcome"] == "refused" for each in of(day)),
                active_users=len({each["user_id"] for each in of(day)} - {None}),
                documents=sum(at.date() == day for at in filled.came),
                feedback_up=sum(at.date() == day and rating > 0 for at, rating in filled.ratings),
                feedback_down=sum(at.date() == day and rating < 0 for at, rating in filled.ratings),
                total_seconds=_percentiles([each["total_seconds"] for each in answers if each in of(day)]),
            )
            for day in PERIOD.days
        ),
        "cost": sum(each["cost_micro_usd"] or 0 for each in rows if PERIOD.start <= each["created_at"] < PERIOD.end),
        "feedback": (ratings.count(1), ratings.count(-1)),
        "today": ended(midnight, NOW),
        "last_week": ended(midnight - timedelta(days=7), NOW - timedelta(days=7)),
    }


def told(dashboard: Dashboard) -> dict[str, object]:
    there = dashboard.inventory
    return {
        "users": there.users,
        "stages": there.documents_by_stage,
        "chunks": there.chunks,
        "storage": there.storage_bytes,
        "active": dashboard.active_users,
        "answered": dashboard.answered,
        "first": _rounded(dashboard.first_token_seconds),
        "total": _rounded(dashboard.total_seconds),
        "days": tuple(
            msgspec.structs.replace(day, total_seconds=_rounded(day.total_seconds)) for day in dashboard.days
        ),
        "cost": dashboard.costs.total.cost_micro_usd,
        "feedback": (dashboard.feedback_up, dashboard.feedback_down),
        "today": dashboard.today.today,
        "last_week": dashboard.today.last_week,
    }


def _answered(outcomes: list[str]) -> Answered:
    return Answered(
        questions=len(outcomes),
        answers=outcomes.count("ok") + outcomes.count("refused"),
        refusals=outcomes.count("refused"),
        failures=outcomes.count("failed"),
        interrupted=outcomes.count("stopped") + outcomes.count("cancelled"),
    )


def _percentiles(seconds: list[float]) -> Percentiles:
    if not seconds:
        return Percentiles()
    p50, p95, p99 = (float(np.percentile(seconds, share)) for share in (50, 95, 99))
    return _rounded(Percentiles(p50=p50, p95=p95, p99=p99))


def _rounded(found: Percentiles) -> Percentiles:
    kept = {name: value for name, value in msgspec.structs.asdict(found).items() if value is not None}
    return Percentiles(**{name: round(value, 4) for name, value in kept.items()})


@pytest.mark.parametrize("seed", range(3))
async def test_the_numbers_are_those_of_a_recount(acme: Tenant, seed: int) -> None:
    filled = await Filled(acme, seed).fill()

    assert told(await acme.insights.dashboard(PERIOD)) == await recounted(filled)
    await roll_up_closed(acme.database, acme.service, clock=acme.clock)
    assert told(await acme.insights.dashboard(PERIOD)) == await recounted(filled)


@pytest.mark.parametrize("filtered", [True, False], ids=["both locks", "row-level security alone"])
async def test_what_another_organisation_does_changes_no_number(acme: Tenant, globex: Tenant, filtered: bool) -> None:
    token = application_filter.set(filtered)
    try:
        acme.clock.set(NOW)
        empty = await globex.insights.dashboard(PERIOD)
        filled = await Filled(acme, 7).fill()
        assert await globex.insights.dashboard(PERIOD) == empty

        await Filled(globex, 8).fill()
        assert told(await acme.insights.dashboard(PERIOD)) == await recounted(filled)
    finally:
        application_filter.reset(token)


async def test_an_organisation_in_which_nothing_happened_has_a_dashboard_of_zeros(acme: Tenant) -> None:
    dashboard = await acme.insights.dashboard(PERIOD)

    assert dashboard.answered == Answered()
    assert dashboard.answered.refusal_rate is None
    assert dashboard.total_seconds == Percentiles()
    assert [day.questions for day in dashboard.days] == [0] * 10
    assert dashboard.costs.lines == ()


async def test_the_dashboard_holds_no_content(acme: Tenant) -> None:
    await Filled(acme, 9).fill()
    assert WORD not in repr(await acme.insights.dashboard(PERIOD))


def test_the_share_of_refusals_is_of_answers() -> None:
    assert Answered(questions=10, answers=4, refusals=1, failures=6).refusal_rate == 0.25
