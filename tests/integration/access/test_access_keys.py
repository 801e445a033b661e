"""API keys: shown once, found by their prefix, limited as they were made, and never above their maker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import pytest
from access_support import Side, of_tenant, refusal
from sqlalchemy import insert, select

from aura.access.api_keys import MOST_KEYS, ApiKeys
from aura.access.callers import Grant
from aura.database.engine import Database
from aura.database.scopes import application_filter
from aura.database.tables import api_keys
from aura.errors import Denied, InvalidRequest, LimitExceeded, NotFound
from aura.identity import Role, Scope, Verb
from aura.tenants.collections import Collections
from aura.tenants.organisations import Organisations
from aura.tenants.values import UserChanges
from aura.testing.clock import FixedClock
from sent_statements import Sent, statements_sent

EVERYDAY = {Verb.READ, Verb.ASK, Verb.WRITE}


async def test_a_key_acts_for_its_maker(acme: Side) -> None:
    key, secret = await acme.key(acme.member)
    caller = await acme.access.authenticate(secret)
    assert (caller.organisation, caller.user, caller.session_id) == (acme.organisation, acme.member, None)
    assert caller.api_key is not None
    assert (caller.api_key.id, caller.name) == (key.id, f"key:{key.id}")
    assert caller.grant == Grant(verbs=frozenset(EVERYDAY), collections=None)
    assert (caller.may(Verb.ASK), caller.may(Verb.ADMIN)) == (True, False)


async def test_a_key_has_what_it_was_made_with(acme: Side, clock: FixedClock) -> None:
    shelf = await Collections(acme.database, acme.scope(acme.admin)).create("shelf")
    expires_at = clock.now() + timedelta(days=1)
    key, secret = await acme.keys(acme.admin).create(
        "a build",
        verbs=["read", Verb.ASK],
        collections=["shelf", shelf.id],
        expires_at=expires_at,
        monthly_calls=100,
        requests_per_minute=3,
    )
    assert (key.name, key.verbs, key.collections) == ("a build", {Verb.READ, Verb.ASK}, {shelf.id})
    assert (key.expires_at, key.monthly_calls, key.requests_per_minute) == (expires_at, 100, 3)
    assert (key.user_id, key.created_at, key.last_used_at) == (acme.admin.id, clock.now(), None)
    assert await acme.keys(acme.admin).get(key.id) == key
    caller = await acme.access.authenticate(secret)
    assert caller.grant == Grant(verbs=frozenset({Verb.READ, Verb.ASK}), collections=frozenset({shelf.id}))


async def test_a_key_is_shown_once_and_found_by_its_prefix(acme: Side) -> None:
    for _ in range(3):
        await acme.key(acme.member)
    key, secret = await acme.key(acme.member)
    assert secret.startswith("aura_sk_")
    assert secret.startswith(key.prefix)
    assert len(key.prefix) == 16
    assert secret[20:] not in repr(key)
    for shown in (key.prefix, secret[:30], secret):
        assert (await acme.keys(acme.admin).list(prefix=shown)).items == (key,)


async def test_a_key_is_over_at_its_time(acme: Side, clock: FixedClock) -> None:
    _, secret = await acme.key(acme.member, expires_at=clock.now() + timedelta(hours=1))
    clock.advance(timedelta(minutes=59))
    await acme.access.authenticate(secret)
    clock.advance(timedelta(minutes=1))
    await refusal(acme.access.authenticate(secret))


async def test_a_revoked_key_is_out_at_once(acme: Side) -> None:
    key, secret = await acme.key(acme.member)
    await acme.access.authenticate(secret)
    await acme.keys(acme.member).revoke(key.id)
    await refusal(acme.access.authenticate(secret))
    with pytest.raises(NotFound):
        await acme.keys(acme.member).revoke(key.id)


async def test_what_differs_from_a_key_in_one_character_is_none(acme: Side) -> None:
    _, secret = await acme.key(acme.member)
    for place in (8, 20, 40, 60, len(secret) - 1):
        other = "A" if secret[place] != "A" else "B"
        await refusal(acme.access.authenticate(secret[:place] + other + secret[place + 1 :]))
    for changed in (secret + "=", secret + "A", secret[:-1], secret.upper(), " " + secret, secret + "\n"):
        await refusal(acme.access.authenticate(changed))
    await acme.access.authenticate(secret)


# -- never above its maker ----------------------------------------------------------------------------------------------


async def test_only_an_admin_makes_a_key_that_may_administer(acme: Side) -> None:
    with pytest.raises(Denied):
        await acme.key(acme.member, verbs=["read", "admin"])
    key, _ = await acme.key(acme.admin)
    assert key.verbs == set(Verb)


async def test_a_maker_who_is_demoted_takes_the_key_along(acme: Side) -> None:
    other = await acme.users.add(email=f"other-{uuid4().hex[:8]}@acme.test", password="correct horse", role="admin")
    _, secret = await acme.key(other)
    assert (await acme.access.authenticate(secret)).may(Verb.ADMIN)
    await acme.users.update(other.id, UserChanges(role=Role.USER))
    caller = await acme.access.authenticate(secret)
    assert caller.grant is not None
    assert caller.grant.verbs == EVERYDAY
    assert caller.user is not None
    assert caller.user.role is Role.USER


async def test_a_key_that_says_more_in_the_database_than_its_maker_may_does_no_more(
    acme: Side, database: Database
) -> None:
    key, secret = await acme.key(acme.member, verbs=["read"])
    async with database.tenant(acme.scope(acme.member)) as connection:
        await connection.execute(api_keys.update().where(api_keys.c.id == key.id).values(verbs=["read", "admin"]))
    caller = await acme.access.authenticate(secret)
    assert caller.grant is not None
    assert caller.grant.verbs == {Verb.READ}


async def test_a_maker_who_is_switched_off_or_deleted_takes_the_key_along(acme: Side) -> None:
    _, secret = await acme.key(acme.member)
    await acme.users.update(acme.member.id, UserChanges(is_active=False))
    await refusal(acme.access.authenticate(secret))
    await acme.users.update(acme.member.id, UserChanges(is_active=True))
    await acme.access.authenticate(secret)
    await acme.users.delete(acme.member.id)
    await refusal(acme.access.authenticate(secret))
    assert (await acme.keys(acme.admin).list()).items == ()


async def test_the_keys_of_an_organisation_that_is_switched_off_open_nothing(
    acme: Side, organisations: Organisations
) -> None:
    _, secret = await acme.key(acme.member)
    await organisations.set_active(acme.organisation.id, False)
    await refusal(acme.access.authenticate(secret))


async def test_a_key_makes_no_keys(acme: Side, clock: FixedClock) -> None:
    scope = Scope(tenant_id=acme.organisation.id, user_id=acme.admin.id, role=Role.ADMIN, verbs=frozenset(Verb))
    with pytest.raises(Denied):
        await ApiKeys(acme.database, scope, clock=clock).create("another")


async def test_the_organisations_programs_have_no_keys_of_their_own(acme: Side, clock: FixedClock) -> None:
    scope = Scope(tenant_id=acme.organisation.id, role=Role.ADMIN)
    with pytest.raises(InvalidRequest):
        await ApiKeys(acme.database, scope, clock=clock).create("another")


# -- whose keys they are ------------------------------------------------------------------------------------------------


async def test_members_see_and_revoke_their_own_keys_and_admins_everybodys(acme: Side) -> None:
    admins, _ = await acme.key(acme.admin)
    members, secret = await acme.key(acme.member)
    assert (await acme.keys(acme.member).list()).items == (members,)
    assert {key.id for key in (await acme.keys(acme.admin).list()).items} == {admins.id, members.id}
    for reach in (acme.keys(acme.member).get, acme.keys(acme.member).revoke):
        with pytest.raises(NotFound):
            await reach(admins.id)
    with pytest.raises(NotFound):
        await acme.keys(acme.member).list(cursor=str(admins.id))
    await acme.keys(acme.admin).revoke(members.id)
    await refusal(acme.access.authenticate(secret))


@pytest.mark.parametrize("filtered", [True, False], ids=["both locks", "row-level security alone"])
async def test_the_keys_of_another_tenant_do_not_exist(acme: Side, globex: Side, filtered: bool) -> None:
    key, secret = await acme.key(acme.admin)
    reset = application_filter.set(filtered)
    try:
        theirs = globex.keys(globex.admin)
        for reach in (theirs.get, theirs.revoke):
            with pytest.raises(NotFound) as foreign:
                await reach(key.id)
            with pytest.raises(NotFound) as unknown:
                await reach(uuid4())
            assert str(foreign.value) == str(unknown.value)
        assert (await theirs.list()).items == (await theirs.list(prefix=key.prefix)).items == ()
        await refusal(acme.access.authenticate(of_tenant(secret, globex.organisation.id)))
        with pytest.raises(NotFound):
            await theirs.create("stolen", collections=[(await _shelf(acme))])
    finally:
        application_filter.reset(reset)
    await refusal(acme.access.authenticate(secret, subdomain=globex.organisation.subdomain))
    await acme.access.authenticate(secret, subdomain=acme.organisation.subdomain)


async def _shelf(side: Side):
    return (await Collections(side.database, side.scope(side.admin)).default()).id


async def test_a_key_can_not_be_planted_in_another_tenant(acme: Side, globex: Side, database: Database) -> None:
    """By the database, should a statement of ours ever try."""
    await acme.key(acme.member)
    async with database.tenant(acme.scope(acme.member)) as connection:
        row = dict((await connection.execute(select(api_keys))).mappings().one())
    planted = insert(api_keys).values(row | {"tenant_id": globex.organisation.id, "user_id": globex.admin.id})
    with pytest.raises(Exception, match="InsufficientPrivilege"):
        async with database.tenant(acme.scope(acme.member)) as connection:
            await connection.execute(planted)


async def test_a_list_goes_on_behind_its_cursor(acme: Side, clock: FixedClock) -> None:
    made = []
    for _ in range(5):
        clock.advance(timedelta(seconds=1))
        made.append((await acme.key(acme.member))[0])
    first = await acme.keys(acme.member).list(limit=3)
    second = await acme.keys(acme.member).list(limit=3, cursor=first.next_cursor)
    assert [*first.items, *second.items] == made
    assert second.next_cursor is None


async def test_a_member_has_so_many_keys_and_no_more_however_many_are_made_at_once(acme: Side) -> None:
    for _ in range(MOST_KEYS - 3):
        await acme.key(acme.member)
    outcomes = await asyncio.gather(*(acme.key(acme.member) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(outcome, LimitExceeded) for outcome in outcomes) == 5
    await acme.key(acme.admin)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"verbs": ["fly"]}, "verbs"),
        ({"verbs": []}, "verbs"),
        ({"collections": []}, "collections"),
        ({"monthly_calls": -1}, "monthly_calls"),
        ({"requests_per_minute": 2**31}, "requests_per_minute"),
    ],
)
async def test_a_key_that_could_do_nothing_or_nonsense_is_not_made(
    acme: Side, options: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        await acme.key(acme.member, **options)
    assert raised.value.field == field


async def test_a_key_has_a_name_and_a_time_to_come(acme: Side, clock: FixedClock) -> None:
    with pytest.raises(InvalidRequest):
        await acme.keys(acme.member).create(" ")
    with pytest.raises(InvalidRequest):
        await acme.key(acme.member, expires_at=clock.now())
    with pytest.raises(InvalidRequest):
        await acme.key(acme.member, expires_at=clock.now().replace(tzinfo=None) + timedelta(days=1))
    with pytest.raises(NotFound):
        await acme.key(acme.member, collections=["no such collection"])


# -- its use ------------------------------------------------------------------------------------------------------------


async def test_when_it_was_last_used_is_written_at_most_once_a_minute(acme: Side, clock: FixedClock) -> None:
    key, secret = await acme.key(acme.member)
    with statements_sent() as sent:
        first = clock.now()
        for _ in range(6):  # 50 seconds
            await acme.access.authenticate(secret)
            clock.advance(timedelta(seconds=10))
        assert len(notes_of_use(sent)) == 1
        assert (await acme.keys(acme.member).get(key.id)).last_used_at == first
        await acme.access.authenticate(secret)
        assert len(notes_of_use(sent)) == 2
        assert (await acme.keys(acme.member).get(key.id)).last_used_at == first + timedelta(minutes=1)


def notes_of_use(sent: Sequence[Sent]) -> list[Sent]:
    return [each for each in sent if each[0].startswith("UPDATE") and "last_used_at" in each[0]]
