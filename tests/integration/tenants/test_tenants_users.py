"""The members of an organisation: seats, roles, changes and leaving."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, update
from tenants_support import PASSWORD, Tenant

from aura.database.engine import Database
from aura.database.tables import conversations, messages, users
from aura.documents.values import Receipt
from aura.errors import Conflict, Denied, InvalidRequest, LimitExceeded, NotFound, Unauthenticated, Unavailable
from aura.identity import Role, UserId
from aura.tenants.limits import lock_limits
from aura.tenants.logins import Logins
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.tenants.users import Users
from aura.tenants.values import Permissions, PlanChanges, ProfileChanges, User, UserChanges


class MeetingPasswords(Passwords):
    """Hashes a new password when two have come this far."""

    def __init__(self) -> None:
        super().__init__(threads=2, memory_kib=8, passes=1, lanes=1)
        self._both = asyncio.Barrier(2)

    async def hash(self, password: str) -> str:
        await self._both.wait()
        return await super().hash(password)


async def test_a_new_user_has_a_lower_case_address_and_what_the_role_brings(acme: Tenant) -> None:
    user = await acme.users.add(email=" Bob@Acme.Test ", password=PASSWORD, name="Bob")
    assert (user.email, user.role, user.name) == ("bob@acme.test", Role.USER, "Bob")
    assert (user.may_upload_documents, user.may_view_analytics, user.may_administer) == (True, False, False)
    assert await acme.users.get(user.id) == user
    assert await acme.users.by_email("BOB@acme.test") == user


async def test_permissions_can_differ_from_what_the_role_brings(acme: Tenant) -> None:
    granted = Permissions(can_upload_documents=False, can_modify_ai_settings=True, can_view_analytics=True)
    user = await acme.users.add(email="bob@acme.test", password=PASSWORD, permissions=granted)
    assert (user.may_upload_documents, user.may_modify_ai_settings, user.may_view_analytics) == (False, True, True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "bob"),
        ("email", "bob@acme.test\0"),
        ("password", "short"),
        ("role", "service"),
        ("role", "root"),
        ("name", "\0"),
    ],
)
async def test_a_refused_field_is_named(acme: Tenant, field: str, value: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await acme.users.add(**{"email": "bob@acme.test", "password": PASSWORD, field: value})
    assert refused.value.field == field
    assert len((await acme.users.list()).items) == 1


async def test_an_address_is_there_once_in_an_organisation_whatever_its_case(acme: Tenant) -> None:
    await acme.users.add(email="bob@acme.test", password=PASSWORD)
    with pytest.raises(Conflict):
        await acme.users.add(email="BOB@acme.test", password=PASSWORD)


async def test_two_organisations_may_know_the_same_address(acme: Tenant, globex: Tenant) -> None:
    here = await acme.users.add(email="bob@both.test", password=PASSWORD, name="here")
    there = await globex.users.add(email="bob@both.test", password=PASSWORD, name="there")
    assert (await acme.users.by_email("bob@both.test")).id == here.id
    assert (await globex.users.by_email("bob@both.test")).id == there.id


async def test_of_twenty_at_once_exactly_the_three_seats_that_are_left_are_taken(
    organisations: Organisations, acme: Tenant
) -> None:
    await organisations.set_plan(acme.id, PlanChanges(max_users=4))
    outcomes = await asyncio.gather(
        *(acme.users.add(email=f"user{n}@acme.test", password=PASSWORD) for n in range(20)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, LimitExceeded)]
    assert sum(isinstance(outcome, User) for outcome in outcomes) == 3
    assert len(refused) == 17
    assert {(error.limit, error.remaining) for error in refused} == {("max_users", 0)}
    assert len((await acme.users.list()).items) == 4


async def test_the_seats_of_one_organisation_are_not_another_s(
    organisations: Organisations, acme: Tenant, globex: Tenant
) -> None:
    await organisations.set_plan(acme.id, PlanChanges(max_users=1))
    with pytest.raises(LimitExceeded):
        await acme.users.add(email="bob@acme.test", password=PASSWORD)
    await globex.users.add(email="bob@globex.test", password=PASSWORD)


async def test_a_deleted_user_frees_the_seat_and_one_who_is_switched_off_does_not(
    organisations: Organisations, acme: Tenant
) -> None:
    await organisations.set_plan(acme.id, PlanChanges(max_users=2))
    bob = await acme.users.add(email="bob@acme.test", password=PASSWORD)
    await acme.users.update(bob.id, UserChanges(is_active=False))
    with pytest.raises(LimitExceeded):
        await acme.users.add(email="eve@acme.test", password=PASSWORD)
    await acme.users.delete(bob.id)
    await acme.users.add(email="eve@acme.test", password=PASSWORD)


async def test_a_list_is_walked_page_by_page_without_gaps_or_repeats(acme: Tenant) -> None:
    for n in range(4):
        await acme.users.add(email=f"user{n}@acme.test", password=PASSWORD)
    found: list[str] = []
    page = await acme.users.list(limit=2)
    found += [user.email for user in page.items]
    while page.next_cursor is not None:
        page = await acme.users.list(limit=2, cursor=page.next_cursor)
        found += [user.email for user in page.items]
    assert found == ["admin@acme.test", *(f"user{n}@acme.test" for n in range(4))]


async def test_a_new_role_brings_its_permissions_but_for_those_given_with_it(acme: Tenant) -> None:
    bob = await acme.users.add(email="bob@acme.test", password=PASSWORD, role=Role.ADMIN)
    manager = await acme.users.update(bob.id, UserChanges(role=Role.MANAGER))
    assert (manager.may_view_analytics, manager.may_modify_ai_settings, manager.may_administer) == (True, False, False)
    user = await acme.users.update(bob.id, UserChanges(role=Role.USER, can_view_analytics=True))
    assert (user.may_view_analytics, user.may_modify_ai_settings) == (True, False)


async def test_a_user_who_is_switched_off_may_nothing(acme: Tenant) -> None:
    bob = await acme.users.add(email="bob@acme.test", password=PASSWORD, role=Role.ADMIN)
    off = await acme.users.update(bob.id, UserChanges(is_active=False))
    rights = [off.may_administer, off.may_upload_documents, off.may_modify_ai_settings, off.may_view_analytics]
    assert rights == [False] * 4


async def test_members_change_their_profile(acme: Tenant) -> None:
    changes = ProfileChanges(name="Ada", persona_settings={"formality": 0.5}, voice_preference="alloy")
    changed = await acme.users.update_profile(acme.admin.id, changes)
    assert (changed.name, changed.persona_settings, changed.voice_preference) == ("Ada", {"formality": 0.5}, "alloy")
    cleared = await acme.users.update_profile(acme.admin.id, ProfileChanges(voice_preference=None))
    assert (cleared.name, cleared.voice_preference) == ("Ada", None)
    assert await acme.users.get(acme.admin.id) == cleared


@pytest.mark.parametrize("changes", [UserChanges(role=Role.USER), UserChanges(is_active=False)])
async def test_the_last_active_admin_stays_one(acme: Tenant, changes: UserChanges) -> None:
    off = await acme.users.add(email="off@acme.test", password=PASSWORD, role=Role.ADMIN)
    await acme.users.update(off.id, UserChanges(is_active=False))
    with pytest.raises(Conflict, match="last active admin"):
        await acme.users.update(acme.admin.id, changes)
    with pytest.raises(Conflict, match="last active admin"):
        await acme.users.delete(acme.admin.id)
    assert (await acme.users.get(acme.admin.id)).may_administer


@pytest.mark.parametrize("change", ["update", "delete"])
async def test_two_admins_who_leave_at_once_leave_one_behind(acme: Tenant, change: str) -> None:
    bob = await acme.users.add(email="bob@acme.test", password=PASSWORD, role=Role.ADMIN)
    async with acme.database.tenant(acme.scope) as connection:
        await lock_limits(connection, acme.id)  # as `update` does, which is not through with it yet
        demoted = update(users).where(users.c.id == acme.admin.id).values(role="user")
        await connection.execute(demoted)
        leaving = (
            acme.users.delete(bob.id) if change == "delete" else acme.users.update(bob.id, UserChanges(role=Role.USER))
        )
        task = asyncio.create_task(leaving)
        done, _ = await asyncio.wait([task], timeout=0.3)
        assert not done
    with pytest.raises(Conflict, match="last active admin"):
        await task
    assert (await acme.users.get(bob.id)).may_administer


async def test_deleting_a_user_takes_the_conversations_along_and_nobody_else_s(acme: Tenant) -> None:
    bob = await acme.users.add(email="bob@acme.test", password=PASSWORD)
    for user_id in (bob.id, acme.admin.id):
        await _converse(acme, user_id, turns=2)
    assert await acme.users.delete(bob.id) == Receipt(users=1, conversations=1, messages=2)
    async with acme.database.tenant(acme.scope.as_service()) as connection:
        left = (await connection.execute(select(messages.c.user_id))).scalars().all()
    assert left == [acme.admin.id, acme.admin.id]
    with pytest.raises(NotFound):
        await acme.users.get(bob.id)


async def test_a_user_is_deleted_though_an_answer_of_theirs_is_being_written(acme: Tenant) -> None:
    """Who writes holds a conversation and wants the user's row; who deletes has the row, and wants the conversation."""
    bob = await acme.users.add(email="bob@acme.test", password=PASSWORD)
    await _converse(acme, bob.id, turns=1)
    with suppress(Unavailable):  # the database chooses one of them to be taken back: mostly who has waited longer
        async with acme.database.tenant(acme.scope.as_service()) as connection:
            await connection.execute(update(conversations).where(conversations.c.user_id == bob.id).values(title="Now"))
            task = asyncio.create_task(acme.users.delete(bob.id))
            done, _ = await asyncio.wait([task], timeout=0.3)
            assert not done
            await connection.execute(select(users.c.id).where(users.c.id == bob.id).with_for_update(key_share=True))
    assert await task == Receipt(users=1, conversations=1, messages=1)


async def test_the_private_documents_of_a_user_can_be_found_before_the_user_goes(acme: Tenant) -> None:
    bob = await acme.users.add(email="bob@acme.test", password=PASSWORD)
    general = await acme.collections.default()
    private = await acme.add_document(general.id, private_to=bob.id)
    await acme.add_document(general.id, private_to=acme.admin.id)
    await acme.add_document(general.id)
    assert await acme.users.private_documents(bob.id) == (private,)


async def test_a_password_is_changed_on_proof_of_the_current_one(acme: Tenant, logins: Logins) -> None:
    subdomain, email = acme.organisation.subdomain, acme.admin.email
    with pytest.raises(Denied):
        await acme.users.change_password(acme.admin.id, current="not the password", new="another good password")
    await logins.verify(subdomain, email, PASSWORD)
    await acme.users.change_password(acme.admin.id, current=PASSWORD, new="another good password")
    await logins.verify(subdomain, email, "another good password")
    with pytest.raises(Unauthenticated):
        await logins.verify(subdomain, email, PASSWORD)


async def test_of_two_password_changes_at_once_one_wins(acme: Tenant, logins: Logins) -> None:
    meeting = MeetingPasswords()
    members = Users(acme.database, acme.scope, passwords=meeting)
    new = ["the first new password", "the second new password"]
    outcomes = await asyncio.gather(
        *(members.change_password(acme.admin.id, current=PASSWORD, new=password) for password in new),
        return_exceptions=True,
    )
    meeting.close()
    assert sum(isinstance(outcome, Denied) for outcome in outcomes) == 1
    winner = new[outcomes.index(None)]
    await logins.verify(acme.organisation.subdomain, acme.admin.email, winner)


async def test_an_admin_sets_a_password_that_was_forgotten(acme: Tenant, logins: Logins) -> None:
    bob = await acme.users.add(email="bob@acme.test", password=PASSWORD)
    await acme.users.set_password(bob.id, "a brand new password")
    await logins.verify(acme.organisation.subdomain, "bob@acme.test", "a brand new password")


async def test_a_new_password_has_to_keep_the_policy(acme: Tenant) -> None:
    for attempt in (
        acme.users.change_password(acme.admin.id, current=PASSWORD, new="short"),
        acme.users.set_password(acme.admin.id, "short"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            await attempt
        assert refused.value.field == "password"


async def test_a_password_is_stored_as_an_argon2id_hash_alone(acme: Tenant, database: Database) -> None:
    async with database.tenant(acme.scope) as connection:
        row = (await connection.execute(select(users))).one()
    assert row.password_hash.startswith("$argon2id$")
    assert PASSWORD not in repr(row)


async def test_an_unknown_user_is_not_found(acme: Tenant) -> None:
    unknown = UserId(uuid4())
    for attempt in (
        acme.users.get(unknown),
        acme.users.by_email("nobody@acme.test"),
        acme.users.by_email("\0"),
        acme.users.update(unknown, UserChanges(role=Role.USER)),
        acme.users.update_profile(unknown, ProfileChanges(name="x")),
        acme.users.change_password(unknown, current=PASSWORD, new=PASSWORD),
        acme.users.set_password(unknown, PASSWORD),
        acme.users.delete(unknown),
    ):
        with pytest.raises(NotFound):
            await attempt


async def _converse(tenant: Tenant, user_id: UserId, *, turns: int) -> None:
    owner = {"tenant_id": tenant.id, "user_id": user_id}
    conversation_id = uuid4()
    async with tenant.database.tenant(tenant.scope.as_service()) as connection:
        await connection.execute(insert(conversations).values(**owner, id=conversation_id))
        for _ in range(turns):
            said = {"id": uuid4(), "conversation_id": conversation_id, "role": "user", "text": "hello"}
            await connection.execute(insert(messages).values(**owner, **said))
