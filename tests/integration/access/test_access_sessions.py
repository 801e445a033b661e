"""Refresh tokens: each works once, a copied one ends its session, and no session outlives its days."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from access_support import Side, let_in, new_access, of_tenant, refusal
from sqlalchemy import select, text

from aura.database.engine import Database
from aura.database.scopes import application_filter
from aura.database.tables import TENANT_TABLES, login_attempts, sessions
from aura.identity import Role, Scope
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.tenants.values import UserChanges
from aura.testing.clock import FixedClock


async def test_a_refresh_token_brings_the_next_login_of_the_same_session(acme: Side) -> None:
    first = await acme.login(acme.member)
    second = await acme.access.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert (second.user, second.organisation) == (acme.member, acme.organisation)
    one, two = [await acme.access.authenticate(login.access_token) for login in (first, second)]
    assert one.session_id == two.session_id


async def test_a_refresh_token_works_once(acme: Side) -> None:
    login = await acme.login(acme.member)
    await acme.access.refresh(login.refresh_token)
    await refusal(acme.access.refresh(login.refresh_token))


async def test_of_fifty_refreshes_at_once_exactly_one_gets_through_and_the_session_lives(
    acme: Side, database: Database, passwords: Passwords, clock: FixedClock
) -> None:
    token = (await acme.login(acme.member)).refresh_token
    replicas = [acme.access, new_access(database, passwords, clock)]
    outcomes = await asyncio.gather(*(replicas[i % 2].refresh(token) for i in range(50)), return_exceptions=True)
    (winner,) = let_in(outcomes)
    await acme.access.authenticate(winner.access_token)  # pyright: ignore[reportAttributeAccessIssue]
    await acme.access.refresh(winner.refresh_token)  # pyright: ignore[reportAttributeAccessIssue]


async def test_two_tabs_that_refresh_within_ten_seconds_end_no_session(acme: Side, clock: FixedClock) -> None:
    first = await acme.login(acme.member)
    second = await acme.access.refresh(first.refresh_token)
    clock.advance(timedelta(seconds=10))
    await refusal(acme.access.refresh(first.refresh_token))
    await acme.access.authenticate(second.access_token)
    await acme.access.refresh(second.refresh_token)


async def test_a_token_that_comes_again_later_was_copied_and_ends_the_session_for_both(
    acme: Side, clock: FixedClock
) -> None:
    first = await acme.login(acme.member)
    other = await acme.login(acme.member)
    second = await acme.access.refresh(first.refresh_token)
    clock.advance(timedelta(seconds=10, microseconds=1))
    plain = await refusal(acme.access.refresh(first.refresh_token))
    assert await refusal(acme.access.refresh(second.refresh_token)) == plain
    assert await refusal(acme.access.authenticate(second.access_token)) == plain
    await acme.access.authenticate(other.access_token)


async def test_a_token_of_two_rotations_ago_was_copied_too(acme: Side, clock: FixedClock) -> None:
    first = await acme.login(acme.member)
    second = await acme.access.refresh(first.refresh_token)
    third = await acme.access.refresh(second.refresh_token)
    await refusal(acme.access.refresh(first.refresh_token))
    await refusal(acme.access.refresh(third.refresh_token))


async def test_a_token_that_somebody_made_up_ends_no_session(acme: Side, clock: FixedClock) -> None:
    login = await acme.login(acme.member)
    forged = login.refresh_token[:-8] + ("A" * 8 if not login.refresh_token.endswith("A" * 8) else "B" * 8)
    clock.advance(timedelta(minutes=1))
    await refusal(acme.access.refresh(forged))
    await acme.access.refresh(login.refresh_token)


async def test_a_session_ends_after_thirty_days_however_often_it_is_continued(acme: Side, clock: FixedClock) -> None:
    login = await acme.login(acme.member)
    for _ in range(29):
        clock.advance(timedelta(days=1))
        login = await acme.access.refresh(login.refresh_token)
    clock.advance(timedelta(days=1) - timedelta(seconds=1))
    login = await acme.access.refresh(login.refresh_token)
    clock.advance(timedelta(seconds=1))
    await refusal(acme.access.authenticate(login.access_token))
    await refusal(acme.access.refresh(login.refresh_token))


async def test_a_new_session_sweeps_the_members_old_ones_away(
    acme: Side, database: Database, clock: FixedClock
) -> None:
    await acme.login(acme.member)
    clock.advance(timedelta(days=30))
    await acme.login(acme.member)
    scope = Scope(tenant_id=acme.organisation.id, role=Role.SERVICE)
    async with database.tenant(scope) as connection:
        assert len((await connection.execute(select(sessions.c.id))).all()) == 1


async def test_a_member_or_an_organisation_that_is_switched_off_can_not_go_on(
    acme: Side, organisations: Organisations
) -> None:
    login = await acme.login(acme.member)
    await acme.users.update(acme.member.id, UserChanges(is_active=False))
    await refusal(acme.access.refresh(login.refresh_token))
    await acme.users.update(acme.member.id, UserChanges(is_active=True))
    await organisations.set_active(acme.organisation.id, False)
    await refusal(acme.access.refresh(login.refresh_token))
    await organisations.set_active(acme.organisation.id, True)
    await acme.access.refresh(login.refresh_token)  # nothing of it was used up


async def test_a_refresh_token_is_refused_at_another_tenants_address_and_not_used_up(acme: Side, globex: Side) -> None:
    login = await acme.login(acme.member)
    await refusal(acme.access.refresh(login.refresh_token, subdomain=globex.organisation.subdomain))
    await acme.access.refresh(login.refresh_token, subdomain=acme.organisation.subdomain)


@pytest.mark.parametrize("filtered", [True, False], ids=["both locks", "row-level security alone"])
async def test_a_refresh_token_opens_no_other_tenant(acme: Side, globex: Side, filtered: bool) -> None:
    login = await acme.login(acme.member)
    reset = application_filter.set(filtered)
    try:
        await refusal(acme.access.refresh(of_tenant(login.refresh_token, globex.organisation.id)))
    finally:
        application_filter.reset(reset)


async def test_one_kind_of_credential_does_not_pass_for_another(acme: Side) -> None:
    login = await acme.login(acme.member)
    caller = await acme.access.authenticate(login.access_token)
    ticket = (await acme.access.ticket(caller)).ticket
    _, key = await acme.key(acme.member)
    for shown in (login.refresh_token, ticket):
        await refusal(acme.access.authenticate(shown))
        await refusal(acme.access.authenticate("aura_sk_" + shown[8:]))
    for shown in (login.access_token, login.refresh_token, key):
        await refusal(acme.access.redeem(shown))
        await refusal(acme.access.redeem("aura_tk_" + shown[8:]))
    for shown in (login.access_token, ticket, key):
        await refusal(acme.access.refresh(shown))
        await refusal(acme.access.refresh("aura_rt_" + shown[8:]))


async def test_no_credential_password_or_address_stands_in_the_database_or_in_a_repr(
    acme: Side, database: Database
) -> None:
    login = await acme.login(acme.member, address="203.0.113.99")
    caller = await acme.access.authenticate(login.access_token)
    ticket = await acme.access.ticket(caller)
    _, key = await acme.key(acme.member)
    secrets = [login.refresh_token, login.access_token, ticket.ticket, key]
    stored = ""
    scope = Scope(tenant_id=acme.organisation.id, role=Role.SERVICE)
    async with database.tenant(scope) as connection:
        for table in TENANT_TABLES:
            stored += str((await connection.execute(text(f"SELECT t::text FROM {table.name} t"))).all())
    async with database.system() as connection:
        stored += str((await connection.execute(select(login_attempts))).all())
        stored += str((await connection.execute(text("SELECT t::text FROM login_attempts t"))).all())
    for secret in secrets:
        assert secret not in stored
        assert secret[20:] not in stored
        assert secret.encode().hex() not in stored
    assert "203.0.113.99" not in stored
    assert b"203.0.113.99".hex() not in stored
    shown = repr([login, ticket, caller, acme.access])
    assert not [secret for secret in secrets if secret[20:] in shown]
