"""Open conversations by voice over all replicas: resumed once and by whom they belong to, counted to the second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from aura.access.credentials import Credential, Kind
from aura.database.engine import Database
from aura.database.tables import voice_sessions, voice_turns
from aura.errors import Denied, LimitExceeded, NotFound
from aura.identity import ConversationId, Role, Scope, Verb
from aura.jobs.housekeeping import DUTIES, Housekeeping
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.tenants.users import Users
from aura.tenants.values import Organisation, PlanChanges, User
from aura.testing.clock import FixedClock, FixedTimer
from aura.testing.speech import LoudnessActivity, ScriptedTranscriber
from aura.testing.voice import ScriptedAnswers
from aura.usage.insights import Insights
from aura.usage.percentiles import Percentiles
from aura.usage.periods import Period, utc_day
from aura.usage.quotas import Limit
from aura.voice.attending import attended
from aura.voice.conversation import Conversation
from aura.voice.events import Over, TalkEvent, TurnMeasured
from aura.voice.options import Ears
from aura.voice.sessions import BEAT, RESUME, VoiceSession, VoiceSessions

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Side:
    """An organisation with an admin and a member."""

    database: Database
    clock: FixedClock
    organisation: Organisation
    admin: User
    member: User

    def scope(self, user: User) -> Scope:
        return Scope(tenant_id=self.organisation.id, user_id=user.id, role=user.role)

    @property
    def sessions(self) -> VoiceSessions:
        return self.of(self.member)

    def of(self, user: User, *, surface: str = "realtime") -> VoiceSessions:
        return VoiceSessions(
            self.database,
            self.scope(user),
            self.organisation,
            surface=surface,  # pyright: ignore[reportArgumentType]
            clock=self.clock,
        )

    async def used(self, limit: Limit) -> int:
        return next(each.used for each in await self.sessions.remaining() if each.limit is limit)


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    passwords = Passwords(threads=2, memory_kib=8, passes=1, lanes=1)
    yield passwords
    passwords.close()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def acme(database: Database, passwords: Passwords, clock: FixedClock) -> Side:
    return await side(database, passwords, clock, PlanChanges(max_voice_sessions=3, max_voice_minutes_monthly=2))


@pytest.fixture
async def globex(database: Database, passwords: Passwords, clock: FixedClock) -> Side:
    return await side(database, passwords, clock, PlanChanges())


async def side(database: Database, passwords: Passwords, clock: FixedClock, plan: PlanChanges) -> Side:
    organisations = Organisations(database, passwords=passwords, clock=clock)
    name = f"voice-{uuid4().hex[:12]}"
    made, admin = await organisations.create(
        organization_name=name, subdomain=name, admin_email=f"admin@{name}.test", password=PASSWORD
    )
    organisation = await organisations.set_plan(made.id, plan)
    scope = Scope(tenant_id=made.id, user_id=admin.id, role=Role.ADMIN)
    users = Users(database, scope, passwords=passwords)
    member = await users.add(email=f"user@{name}.test", password=PASSWORD, role=Role.USER)
    return Side(database=database, clock=clock, organisation=organisation, admin=admin, member=member)


async def test_a_session_goes_on_with_its_conversation_and_settings_within_half_a_minute(acme: Side) -> None:
    conversation_id = ConversationId(uuid4())
    first = await acme.sessions.open(conversation_id, {"voice": "rachel"})
    await first.configure({"voice": "adam"})
    acme.clock.advance(timedelta(seconds=8))
    await first.end()
    acme.clock.advance(RESUME - timedelta(seconds=1))
    second = await acme.sessions.resume(first.token)
    assert (second.state.id, second.state.conversation_id) == (first.state.id, conversation_id)
    assert second.state.settings == {"voice": "adam"}
    assert second.lasted_seconds == 37
    assert second.token != first.token


async def test_after_half_a_minute_it_is_over_and_says_what_to_do(acme: Side) -> None:
    session = await acme.sessions.open(None)
    await session.end()
    acme.clock.advance(RESUME)
    with pytest.raises(NotFound, match=r"for 30 s after the connection was lost; begin again, with \?conversation=ID"):
        await acme.sessions.resume(session.token)


async def test_a_token_is_good_once_and_kept_as_a_hash(acme: Side) -> None:
    first = await acme.sessions.open(None)
    second = await acme.sessions.resume(first.token)
    with pytest.raises(NotFound):
        await acme.sessions.resume(first.token)
    third = await acme.sessions.resume(second.token)
    async with acme.database.tenant(acme.scope(acme.member)) as session:
        [row] = (await session.execute(select(voice_sessions))).mappings().all()
    assert row["token_sha256"] == Credential.read(Kind.RESUMPTION, third.token).sha256
    shown = third.token.encode()
    assert not any(shown in value for value in row.values() if isinstance(value, bytes))


async def test_of_ten_who_come_back_with_one_token_one_goes_on(acme: Side) -> None:
    session = await acme.sessions.open(None)
    came = await asyncio.gather(*(acme.sessions.resume(session.token) for _ in range(10)), return_exceptions=True)
    assert [type(each) for each in came].count(VoiceSession) == 1
    assert [type(each) for each in came].count(NotFound) == 9


async def test_a_token_of_somebody_else_is_as_one_that_never_was(acme: Side, globex: Side) -> None:
    session = await acme.sessions.open(None)
    await session.end()
    stranger = Credential.new(Kind.RESUMPTION, globex.organisation.id)
    forged = Credential(kind=Kind.RESUMPTION, id=session.state.id, tenant_id=globex.organisation.id, secret=bytes(32))
    told = set[str]()
    for who, shown in (
        (globex.sessions, session.token),
        (globex.sessions, stranger.text),
        (globex.sessions, forged.text),
        (acme.of(acme.admin), session.token),
        (acme.of(acme.member, surface="continuous"), session.token),
        (acme.sessions, "aura_rv_nonsense"),
    ):
        with pytest.raises(NotFound) as refused:
            await who.resume(shown)
        told.add(str(refused.value))
    assert len(told) == 1
    assert (await acme.sessions.resume(session.token)).state.id == session.state.id  # nobody has used it up


async def test_row_level_security_shows_a_session_to_its_user_alone(acme: Side, globex: Side) -> None:
    await acme.sessions.open(None, {"canary": "zyacme"})
    for scope, seen in (
        (acme.scope(acme.member), 1),
        (acme.scope(acme.admin), 0),
        (globex.scope(globex.member), 0),
    ):
        async with acme.database.tenant(scope) as session:
            assert await session.scalar(select(func.count()).select_from(voice_sessions)) == seen


async def test_who_is_resumed_over_another_connection_hears_of_it_there(acme: Side) -> None:
    first = await acme.sessions.open(None)
    assert await first.beat() is not None
    second = await acme.sessions.resume(first.token)
    assert await first.beat() is None
    await first.end()  # which takes nothing from the one that goes on
    assert await second.beat() is not None


async def test_as_many_are_open_at_once_as_the_plan_allows_whoever_is_first(acme: Side) -> None:
    came = await asyncio.gather(*(acme.sessions.open(None) for _ in range(20)), return_exceptions=True)
    opened = [each for each in came if isinstance(each, VoiceSession)]
    refused = [each for each in came if isinstance(each, LimitExceeded)]
    assert (len(opened), len(refused)) == (3, 17)
    assert {(each.limit, each.maximum, each.remaining) for each in refused} == {("max_voice_sessions", 3, 0)}
    assert await acme.used(Limit.VOICE_SESSIONS) == 3
    await opened[0].end()
    assert await acme.used(Limit.VOICE_SESSIONS) == 2
    await acme.sessions.open(None)
    with pytest.raises(LimitExceeded):  # who comes back counts, too
        await acme.sessions.resume(opened[0].token)
    with pytest.raises(LimitExceeded):  # the limit is everybody's together
        await acme.of(acme.admin).open(None)


async def test_a_connection_that_was_lost_with_its_server_frees_its_place(acme: Side) -> None:
    for _ in range(3):
        await acme.sessions.open(None)
    acme.clock.advance(3 * BEAT)
    await acme.sessions.open(None)
    assert await acme.used(Limit.VOICE_SESSIONS) == 1


async def test_time_is_counted_to_the_second_that_has_begun(acme: Side) -> None:
    session = await acme.sessions.open(None)
    for _ in range(3):
        acme.clock.advance(BEAT)
        assert await session.beat() is not None
    acme.clock.advance(timedelta(seconds=3.2))
    await session.end()
    assert await acme.used(Limit.VOICE_SECONDS) == 34
    again = await acme.sessions.resume(session.token)
    acme.clock.advance(timedelta(seconds=6))
    await again.end()
    assert await acme.used(Limit.VOICE_SECONDS) == 40


async def test_the_minutes_of_a_month_are_never_exceeded_and_renew_with_it(acme: Side) -> None:
    async def talk() -> int:
        """Seconds that one connection was paid for, beat by beat, in the time that stands still."""
        with suppress(LimitExceeded):
            session = await acme.sessions.open(None)
            return round(session.paid_seconds)
        return 0

    paid = [await talk() for _ in range(3)]
    assert paid == [20, 20, 20]
    acme.clock.advance(3 * BEAT)
    paid = [await talk() for _ in range(3)]
    assert paid == [20, 20, 20]
    acme.clock.advance(3 * BEAT)
    with pytest.raises(LimitExceeded, match="2 minutes a month, and 0 are left") as refused:
        await acme.sessions.open(None)
    assert refused.value.limit == "voice_seconds_monthly"
    assert refused.value.renews_at is not None
    acme.clock.set(refused.value.renews_at)
    assert (await acme.sessions.open(None)).paid_seconds == 20


async def test_a_conversation_ends_with_the_last_minute_and_says_so(acme: Side) -> None:
    for _ in range(2):
        for _ in range(2):
            await acme.sessions.open(None)
        acme.clock.advance(3 * BEAT)
    session = await acme.sessions.open(None)  # 40 of 120 seconds are left
    await acme.sessions.open(None)
    assert await told_while(session, lambda: acme.clock.advance(BEAT)) == [Over(reason="minutes_limit")]


async def test_a_conversation_that_goes_on_over_another_connection_ends_here_and_says_so(acme: Side) -> None:
    session = await acme.sessions.open(None)
    second = await acme.sessions.resume(session.token)
    assert await told_while(session, lambda: None) == [Over(reason="taken_over")]
    assert await second.beat() is not None


async def told_while(session: VoiceSession, after_a_beat: Callable[[], None]) -> list[TalkEvent]:
    """What the client of an open session is told until its conversation is over, as beat follows beat."""
    timer = FixedTimer()
    ears = Ears(transcriber=ScriptedTranscriber(timer=timer), activity=LoudnessActivity())
    conversation = Conversation(ears, ScriptedAnswers(timer=timer), timer=timer)

    async def listen() -> list[TalkEvent]:
        return [event async for event in conversation.events()]

    async with attended(conversation, session, timer=timer):
        listening = asyncio.create_task(listen())
        while not listening.done():
            await timer.advance(BEAT.total_seconds())
            await asyncio.wait([listening], timeout=0.05)  # the beat is one of the database
            after_a_beat()
        return await listening


async def test_a_key_that_may_not_ask_opens_and_resumes_nothing(acme: Side) -> None:
    session = await acme.sessions.open(None)
    scope = Scope(tenant_id=acme.organisation.id, user_id=acme.member.id, verbs=frozenset({Verb.READ}))
    limited = VoiceSessions(acme.database, scope, acme.organisation, surface="realtime", clock=acme.clock)
    for refused in (limited.open(None), limited.resume(session.token)):
        with pytest.raises(Denied):
            await refused


async def test_sessions_that_are_over_go_with_the_next_one_and_with_the_nightly_job(acme: Side) -> None:
    first, second = await acme.sessions.open(None), await acme.sessions.open(None)
    await first.end()
    acme.clock.advance(RESUME)
    await second.end()
    async with acme.database.tenant(acme.scope(acme.member)) as session:
        assert await session.scalar(select(voice_sessions.c.id)) == second.state.id
    acme.clock.advance(2 * RESUME)
    duties = [duty for duty in DUTIES if duty.name.startswith("voice")]
    assert (await Housekeeping(acme.database, clock=acme.clock, duties=duties).run())["voice sessions"] >= 1
    async with acme.database.tenant(acme.scope(acme.member)) as session:
        assert await session.scalar(select(func.count()).select_from(voice_sessions)) == 0


async def test_the_stages_of_turns_are_in_the_dashboard_of_their_organisation_alone(
    acme: Side, globex: Side, clock: FixedClock
) -> None:
    session = await acme.sessions.open(None)
    for n in range(1, 5):
        await session.record(
            TurnMeasured(
                endpoint=0.5,
                transcript=0.1,
                retrieval=0.1 * n,
                first_audio=float(n),
                client_buffer=None if n < 4 else 0.25,
                speculated=1,
                prefetched=2,
                prefetch_used=n > 1,
                interrupted=n == 1,
            )
        )
    today = Period.ending(utc_day(clock.now()), days=7)
    numbers = (await Insights(acme.database, acme.scope(acme.admin), clock=clock).dashboard(today)).voice
    assert (numbers.turns, numbers.interrupted, numbers.speculated) == (4, 1, 4)
    assert (numbers.prefetched, numbers.prefetches_used, numbers.prefetches_dropped) == (8, 3, 5)
    first = numbers.stages.first_audio
    assert (first.p50, first.p95, first.p99) == (2.5, pytest.approx(3.85), pytest.approx(3.97))
    assert numbers.stages.client_buffer.p50 == pytest.approx(0.25)
    assert numbers.stages.first_token == Percentiles()
    theirs = (await Insights(globex.database, globex.scope(globex.admin), clock=clock).dashboard(today)).voice
    assert (theirs.turns, theirs.stages.first_audio) == (0, Percentiles())
    async with globex.database.tenant(globex.scope(globex.admin)) as session_:
        assert await session_.scalar(select(func.count()).select_from(voice_turns)) == 0
