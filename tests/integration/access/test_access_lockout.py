"""The back-off after failed logins: it slows guessing down, exactly, and locks no victim out for good."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from access_support import PASSWORD, WRONG, Side, new_access

from aura.access.lockout import FREE_ACCOUNT, FREE_ADDRESS, FREE_TOGETHER, LONGEST_DELAY, TRICKLE, Lockout
from aura.database.engine import Database
from aura.errors import LimitExceeded, Unauthenticated
from aura.tenants.passwords import Passwords, Verdict
from aura.testing.clock import FixedClock
from aura.usage.audit import Audit

HERE, THERE = "198.51.100.7", "198.51.100.8"


def addresses() -> Iterator[str]:
    """Different ones for ever, of IPv6 in networks of their own."""
    for number in range(1, 60_000):
        yield f"2001:db8:0:{number:x}::1"


@pytest.fixture
def elsewhere() -> Iterator[str]:
    return addresses()


async def fails(side: Side, address: str, *, email: str | None = None) -> None:
    with pytest.raises(Unauthenticated):
        await side.access.login(side.organisation.subdomain, email or side.member.email, WRONG, address=address)


async def blocked(side: Side, address: str, *, email: str | None = None, password: str = PASSWORD) -> LimitExceeded:
    with pytest.raises(LimitExceeded) as raised:
        await side.access.login(side.organisation.subdomain, email or side.member.email, password, address=address)
    return raised.value


async def test_after_some_failures_even_the_right_password_has_to_wait(acme: Side, clock: FixedClock) -> None:
    for _ in range(FREE_TOGETHER):
        await fails(acme, HERE)
    error = await blocked(acme, HERE)
    assert (error.limit, error.remaining, error.renews_at) == ("logins", 0, clock.now() + timedelta(seconds=1))
    clock.advance(timedelta(seconds=1))
    assert (await acme.login(acme.member, address=HERE)).user == acme.member


async def test_delays_double_up_to_a_quarter_of_an_hour(acme: Side, clock: FixedClock) -> None:
    for _ in range(FREE_TOGETHER):
        await fails(acme, HERE)
    delays: list[timedelta] = []
    for _ in range(13):
        until = (await blocked(acme, HERE)).renews_at
        assert until is not None
        delays.append(until - clock.now())
        clock.set(until)
        await fails(acme, HERE)
    assert delays[:5] == [timedelta(seconds=2**n) for n in range(5)]
    assert delays[-1] == LONGEST_DELAY
    assert max(delays) == LONGEST_DELAY


async def test_knocking_while_it_is_blocked_makes_nothing_longer(acme: Side, clock: FixedClock) -> None:
    for _ in range(FREE_TOGETHER):
        await fails(acme, HERE)
    first = [(await blocked(acme, HERE)).renews_at for _ in range(20)]
    assert set(first) == {clock.now() + timedelta(seconds=1)}


async def test_failures_are_forgotten_by_halves(acme: Side, clock: FixedClock) -> None:
    for _ in range(FREE_TOGETHER):
        await fails(acme, HERE)
    clock.advance(timedelta(minutes=30))
    for _ in range(FREE_TOGETHER // 2):
        await fails(acme, HERE)
    await blocked(acme, HERE)


async def test_a_login_that_succeeds_forgets_what_failed_before_it_from_there(acme: Side) -> None:
    for _ in range(3):
        for _ in range(FREE_TOGETHER - 1):
            await fails(acme, HERE)
        await acme.login(acme.member, address=HERE)
    await fails(acme, HERE)


async def test_many_successful_logins_from_one_address_are_never_held_up(acme: Side) -> None:
    for _ in range(FREE_ADDRESS + 5):
        await acme.login(acme.member, address=HERE)


async def test_failures_at_one_address_do_not_hold_up_another(acme: Side) -> None:
    for _ in range(FREE_TOGETHER):
        await fails(acme, HERE)
    await blocked(acme, HERE)
    await acme.login(acme.member, address=THERE)


async def test_an_address_that_tries_many_accounts_is_held_up_at_all_of_them(acme: Side, globex: Side) -> None:
    for number in range(FREE_ADDRESS):
        await fails(acme if number % 2 else globex, HERE, email=f"guess{number}@acme.test")
    await blocked(acme, HERE)
    await blocked(globex, HERE)
    await acme.login(acme.member, address=THERE)


async def test_the_addresses_of_one_ipv6_network_are_one(acme: Side) -> None:
    for number in range(FREE_TOGETHER):
        await fails(acme, f"2001:db8:1:2::{number:x}")
    await blocked(acme, "2001:db8:1:2:ffff::1")
    await acme.login(acme.member, address="2001:db8:1:3::1")


async def test_an_ipv4_address_is_the_same_in_both_spellings(acme: Side) -> None:
    for _ in range(FREE_TOGETHER):
        await fails(acme, HERE)
    await blocked(acme, f"::ffff:{HERE}")


async def test_a_flood_from_everywhere_leaves_a_try_to_an_address_that_has_not_failed(
    acme: Side, clock: FixedClock, elsewhere: Iterator[str]
) -> None:
    for _ in range(FREE_ACCOUNT + 8):
        clock.advance(TRICKLE)
        await fails(acme, next(elsewhere))
    until = (await blocked(acme, HERE)).renews_at
    assert until is not None
    assert until - clock.now() <= TRICKLE
    clock.set(until)
    await acme.login(acme.member, address=HERE)


async def test_under_a_flood_fresh_addresses_share_one_try_in_a_while(
    acme: Side, clock: FixedClock, elsewhere: Iterator[str]
) -> None:
    for _ in range(FREE_ACCOUNT + 8):
        clock.advance(TRICKLE)
        await fails(acme, next(elsewhere))
    through = 0
    for _ in range(60):  # a minute
        clock.advance(timedelta(seconds=1))
        try:
            await fails(acme, next(elsewhere))
            through += 1
        except LimitExceeded:
            continue
    assert through == 6


async def test_an_address_that_failed_waits_for_the_whole_lock_of_a_flooded_account(
    acme: Side, clock: FixedClock, elsewhere: Iterator[str]
) -> None:
    attacker = next(elsewhere)
    await fails(acme, attacker)
    for _ in range(FREE_ACCOUNT + 8):
        clock.advance(TRICKLE)
        await fails(acme, next(elsewhere))
    until = (await blocked(acme, attacker)).renews_at
    assert until is not None
    assert until - clock.now() > TRICKLE


async def test_where_the_account_was_entered_before_a_flood_holds_nobody_up(
    acme: Side, clock: FixedClock, elsewhere: Iterator[str]
) -> None:
    await acme.login(acme.member, address=HERE)
    for _ in range(FREE_ACCOUNT + 8):
        clock.advance(TRICKLE)
        await fails(acme, next(elsewhere))
    for _ in range(5):
        await acme.login(acme.member, address=HERE)


async def test_whether_there_is_such_an_account_makes_no_difference(acme: Side, clock: FixedClock) -> None:
    answers: list[list[object]] = []
    for subdomain, email, address in (
        (acme.organisation.subdomain, acme.member.email, "192.0.2.1"),
        (acme.organisation.subdomain, "nobody@acme.test", "192.0.2.2"),
        (f"no-{acme.organisation.subdomain[-12:]}", acme.member.email, "192.0.2.3"),
    ):
        seen: list[object] = []
        for _ in range(FREE_TOGETHER + 3):
            try:
                await acme.access.login(subdomain, email, WRONG, address=address)
            except (Unauthenticated, LimitExceeded) as error:
                seen.append((type(error), str(error), getattr(error, "renews_at", None)))
        answers.append(seen)
    assert answers[0] == answers[1] == answers[2]


async def test_a_failure_stands_in_the_audit_of_the_account_and_in_no_other(acme: Side, globex: Side) -> None:
    await fails(acme, HERE)
    await fails(acme, HERE, email="nobody@acme.test")
    audit = Audit(acme.database, acme.scope(acme.admin), clock=acme.clock, may_read=True)
    [entry] = (await audit.list()).items
    assert (entry.action, entry.actor_kind, entry.target_id) == ("login_failed", "unknown", str(acme.member.id))
    assert entry.address == HERE
    others = Audit(globex.database, globex.scope(globex.admin), clock=globex.clock, may_read=True)
    assert (await others.list()).items == ()


async def test_an_account_is_the_same_in_upper_and_lower_case(acme: Side) -> None:
    for number in range(FREE_TOGETHER):
        await fails(acme, HERE, email=acme.member.email.upper() if number % 2 else f" {acme.member.email}")
    await blocked(acme, HERE)


class CountingPasswords(Passwords):
    """Counts how many passwords were looked at."""

    looked_at = 0

    async def verify(self, password: str, stored_hash: str | None) -> Verdict:
        self.looked_at += 1
        return await super().verify(password, stored_hash)


async def test_of_fifty_guesses_at_once_no_more_are_looked_at_than_one_after_the_other(
    acme: Side, database: Database, clock: FixedClock
) -> None:
    counting = CountingPasswords(threads=2, memory_kib=8, passes=1, lanes=1)
    replicas = [new_access(database, counting, clock) for _ in range(2)]
    outcomes = await asyncio.gather(
        *(
            replicas[i % 2].login(acme.organisation.subdomain, acme.member.email, WRONG, address=HERE)
            for i in range(50)
        ),
        return_exceptions=True,
    )
    counting.close()
    assert counting.looked_at == FREE_TOGETHER
    assert sum(isinstance(outcome, Unauthenticated) for outcome in outcomes) == FREE_TOGETHER
    assert sum(isinstance(outcome, LimitExceeded) for outcome in outcomes) == 50 - FREE_TOGETHER


class AwayPasswords(Passwords):
    async def verify(self, password: str, stored_hash: str | None) -> Verdict:
        raise ConnectionError


async def test_what_was_never_decided_is_not_counted(acme: Side, database: Database, clock: FixedClock) -> None:
    away = AwayPasswords(threads=1)
    access = new_access(database, away, clock)
    for _ in range(FREE_TOGETHER + 1):
        with pytest.raises(ConnectionError):
            await access.login(acme.organisation.subdomain, acme.member.email, WRONG, address=HERE)
    away.close()
    await acme.login(acme.member, address=HERE)


async def test_a_stolen_session_is_no_place_to_guess_the_password_either(acme: Side) -> None:
    caller = await acme.caller(acme.member)
    for _ in range(FREE_TOGETHER):
        with pytest.raises(Exception, match="current password is wrong"):
            await acme.access.change_password(caller, WRONG, "a new good password")
    with pytest.raises(LimitExceeded):
        await acme.access.change_password(caller, PASSWORD, "a new good password")
    await acme.login(acme.member)  # the member's own login is not held up by it


async def test_the_nightly_job_forgets_what_counts_no_more(database: Database, clock: FixedClock) -> None:
    lockout = Lockout(database, secret="x" * 32, clock=clock)
    clock.set(clock.now() - timedelta(days=3650))  # so that no other test's rows are old
    await lockout.attempt("somebody", "somewhere")
    assert await lockout.purge() == 0
    clock.advance(timedelta(days=31))
    assert await lockout.purge() == 3
