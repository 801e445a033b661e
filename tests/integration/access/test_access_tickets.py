"""Tickets: good once, for a minute, and only as long as what is behind them is."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from access_support import INTERNAL_KEY, PASSWORD, Side, let_in, new_access, of_tenant, refusal
from sqlalchemy import func, select

from aura.database.engine import Database
from aura.database.scopes import application_filter
from aura.database.tables import tickets
from aura.errors import InvalidRequest
from aura.identity import Scope, Verb
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.tenants.values import UserChanges
from aura.testing.clock import FixedClock


async def test_a_ticket_stands_for_its_caller_once(acme: Side) -> None:
    caller = await acme.caller(acme.member)
    ticket = await acme.access.ticket(caller)
    assert ticket.expires_in_seconds == 60
    assert await acme.access.redeem(ticket.ticket) == caller
    await refusal(acme.access.redeem(ticket.ticket))


async def test_a_ticket_of_a_key_has_the_rights_of_the_key(acme: Side) -> None:
    key, secret = await acme.key(acme.member, verbs=["ask"])
    caller = await acme.access.authenticate(secret)
    redeemed = await acme.access.redeem((await acme.access.ticket(caller)).ticket)
    assert redeemed.api_key is not None
    assert (redeemed.api_key.id, redeemed.grant, redeemed.session_id) == (key.id, caller.grant, None)
    assert redeemed.grant is not None
    assert redeemed.grant.verbs == {Verb.ASK}


async def test_of_fifty_that_redeem_it_at_once_on_two_replicas_one_gets_in(
    acme: Side, database: Database, passwords: Passwords, clock: FixedClock
) -> None:
    ticket = (await acme.access.ticket(await acme.caller(acme.member))).ticket
    replicas = [acme.access, new_access(database, passwords, clock)]
    outcomes = await asyncio.gather(*(replicas[i % 2].redeem(ticket) for i in range(50)), return_exceptions=True)
    assert len(let_in(outcomes)) == 1


async def test_a_ticket_is_good_for_less_than_a_minute(acme: Side, clock: FixedClock) -> None:
    caller = await acme.caller(acme.member)
    early, late = [(await acme.access.ticket(caller)).ticket for _ in range(2)]
    clock.advance(timedelta(seconds=59))
    await acme.access.redeem(early)
    clock.advance(timedelta(seconds=1))
    await refusal(acme.access.redeem(late))


async def test_a_ticket_ends_with_its_session_its_member_and_its_organisation(
    acme: Side, organisations: Organisations
) -> None:
    async def ticket() -> str:
        return (await acme.access.ticket(await acme.caller(acme.member))).ticket

    caller = await acme.caller(acme.member)
    of_session = (await acme.access.ticket(caller)).ticket
    await acme.access.logout(caller)
    await refusal(acme.access.redeem(of_session))

    caller = await acme.caller(acme.member)
    of_password = (await acme.access.ticket(caller)).ticket
    await acme.access.change_password(caller, PASSWORD, PASSWORD + "!")
    await refusal(acme.access.redeem(of_password))
    await acme.users.set_password(acme.member.id, PASSWORD)

    of_member = await ticket()
    await acme.users.update(acme.member.id, UserChanges(is_active=False))
    await refusal(acme.access.redeem(of_member))
    await acme.users.update(acme.member.id, UserChanges(is_active=True))

    of_organisation = await ticket()
    await organisations.set_active(acme.organisation.id, False)
    await refusal(acme.access.redeem(of_organisation))


async def test_a_ticket_ends_with_its_key(acme: Side, clock: FixedClock) -> None:
    key, secret = await acme.key(acme.member)
    ticket = (await acme.access.ticket(await acme.access.authenticate(secret))).ticket
    await acme.keys(acme.member).revoke(key.id)
    await refusal(acme.access.redeem(ticket))
    _, brief = await acme.key(acme.member, expires_at=clock.now() + timedelta(seconds=30))
    ticket = (await acme.access.ticket(await acme.access.authenticate(brief))).ticket
    clock.advance(timedelta(seconds=30))
    await refusal(acme.access.redeem(ticket))


@pytest.mark.parametrize("filtered", [True, False], ids=["both locks", "row-level security alone"])
async def test_a_ticket_opens_no_other_tenant_and_is_still_good_at_its_own(
    acme: Side, globex: Side, filtered: bool
) -> None:
    ticket = (await acme.access.ticket(await acme.caller(acme.member))).ticket
    reset = application_filter.set(filtered)
    try:
        await refusal(acme.access.redeem(of_tenant(ticket, globex.organisation.id)))
    finally:
        application_filter.reset(reset)
    assert (await acme.access.redeem(ticket)).organisation == acme.organisation


async def test_a_ticket_is_refused_at_another_tenants_address(acme: Side, globex: Side) -> None:
    ticket = (await acme.access.ticket(await acme.caller(acme.member))).ticket
    await refusal(acme.access.redeem(ticket, subdomain=globex.organisation.subdomain))


async def test_a_guess_takes_no_ticket_away(acme: Side) -> None:
    ticket = (await acme.access.ticket(await acme.caller(acme.member))).ticket
    await refusal(acme.access.redeem(ticket[:-8] + "AAAAAAAA"))
    await acme.access.redeem(ticket)


async def test_unused_tickets_do_not_pile_up(acme: Side, database: Database, clock: FixedClock) -> None:
    caller = await acme.caller(acme.member)
    for _ in range(5):
        await acme.access.ticket(caller)
    clock.advance(timedelta(minutes=1))
    await acme.access.ticket(caller)
    async with database.tenant(Scope(tenant_id=acme.organisation.id)) as connection:
        assert (await connection.execute(select(func.count()).select_from(tickets))).scalar_one() == 1


async def test_a_service_needs_no_ticket(acme: Side) -> None:
    caller = await acme.access.service(acme.organisation.id, INTERNAL_KEY)
    with pytest.raises(InvalidRequest):
        await acme.access.ticket(caller)
