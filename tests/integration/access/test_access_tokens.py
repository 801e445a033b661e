"""Access tokens and who they let in: signed by us, for us, in time, and only as long as all behind them is served."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import jwt
import pytest
from access_support import INTERNAL_KEY, JWT_SECRET, PASSWORD, Side, claims, new_access, refusal, signed

from aura.access.access import Access
from aura.access.tokens import derived_secret
from aura.database.engine import Database
from aura.database.scopes import application_filter
from aura.errors import Denied, InvalidRequest
from aura.identity import Role
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.tenants.values import PlanChanges, UserChanges
from aura.testing.clock import FixedClock
from sent_statements import statements_sent


async def test_a_login_is_known_at_the_next_request(acme: Side) -> None:
    login = await acme.login(acme.member)
    caller = await acme.access.authenticate(login.access_token)
    assert (caller.organisation, caller.user) == (acme.organisation, acme.member)
    assert (caller.api_key, caller.grant, caller.name) == (None, None, f"user:{acme.member.id}")
    assert (login.organisation, login.user, login.expires_in_seconds) == (acme.organisation, acme.member, 900)


async def test_a_token_says_what_the_contract_promises(acme: Side, clock: FixedClock) -> None:
    said = claims((await acme.login(acme.member)).access_token)
    now = int(clock.now().timestamp())
    assert said.keys() == {
        "user_id", "tenant_id", "organization", "role", "sid", "iss", "aud", "jti", "iat", "exp",
    }  # fmt: skip
    assert (said["user_id"], said["tenant_id"]) == (str(acme.member.id), str(acme.organisation.id))
    assert (said["organization"], said["role"]) == (acme.organisation.subdomain, "user")
    assert (said["iat"], said["exp"]) == (now, now + 900)


async def test_a_request_costs_one_statement(acme: Side) -> None:
    login = await acme.login(acme.member)
    with statements_sent() as sent:
        await acme.access.authenticate(login.access_token)
    assert len(sent) == 1


async def test_a_token_is_good_until_its_time_is_over_by_our_clock(acme: Side, clock: FixedClock) -> None:
    login = await acme.login(acme.member)
    clock.advance(timedelta(seconds=899))
    await acme.access.authenticate(login.access_token)
    clock.advance(timedelta(seconds=1))
    await refusal(acme.access.authenticate(login.access_token))


FORGERIES: dict[str, dict[str, object]] = {
    "another issuer": {"iss": "elsewhere"},
    "another audience": {"aud": "elsewhere"},
    "several audiences": {"aud": ["elsewhere", "other"]},
    "no audience": {"aud": None},
    "no session": {"sid": None},
    "an unknown session": {"sid": str(uuid4())},
    "an unknown user": {"user_id": str(uuid4())},
    "an unknown tenant": {"tenant_id": str(uuid4())},
    "a role that is none": {"role": "emperor"},
    "no end": {"exp": None},
    "an end that is no number": {"exp": "tomorrow"},
    "SQL for a user": {"user_id": "' OR true --"},
    "a number for a user": {"user_id": 1},
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_token_with_anything_wrong_is_refused(acme: Side, forgery: str) -> None:
    said = claims((await acme.login(acme.member)).access_token) | FORGERIES[forgery]
    plain = await refusal(acme.access.authenticate("nonsense"))
    assert await refusal(acme.access.authenticate(signed(said))) == plain
    without = {name: value for name, value in said.items() if value is not None}
    assert await refusal(acme.access.authenticate(signed(without))) == plain


async def test_a_token_of_another_secret_or_algorithm_or_without_a_signature_is_refused(acme: Side) -> None:
    token = (await acme.login(acme.member)).access_token
    said = claims(token)
    head, body, _ = token.split(".")
    forged = [
        signed(said, secret="another secret of more than thirty-two bytes"),
        signed(said, secret=JWT_SECRET + "-for-64-bytes-as-hs512-wants-it-0123456789", algorithm="HS512"),
        signed(said, secret=JWT_SECRET * 2, algorithm="HS384"),
        jwt.encode(said, None, algorithm="none"),
        f"{head}.{body}.",
        f"{head}.{body}",
        token[:-4] + "AAAA",
    ]
    for each in forged:
        await refusal(acme.access.authenticate(each))
    await acme.access.authenticate(token)


async def test_who_claims_to_be_an_admin_in_a_token_is_what_the_database_says(acme: Side) -> None:
    said = claims((await acme.login(acme.member)).access_token) | {"role": "admin"}
    caller = await acme.access.authenticate(signed(said))
    assert caller.user is not None
    assert caller.user.role is Role.USER


async def test_a_token_is_of_no_use_for_another_tenant_even_when_it_is_signed_so(acme: Side, globex: Side) -> None:
    mine, theirs = [claims((await side.login(side.member)).access_token) for side in (acme, globex)]
    for swapped in (
        mine | {"tenant_id": theirs["tenant_id"]},
        mine | {"user_id": theirs["user_id"]},
        mine | {"sid": theirs["sid"]},
        mine | {"tenant_id": theirs["tenant_id"], "user_id": theirs["user_id"]},
        mine | {"tenant_id": theirs["tenant_id"], "sid": theirs["sid"]},
    ):
        await refusal(acme.access.authenticate(signed(swapped)))


async def test_a_session_of_another_member_of_the_same_organisation_is_no_session(acme: Side) -> None:
    mine, admins = [claims((await acme.login(user)).access_token) for user in (acme.member, acme.admin)]
    await refusal(acme.access.authenticate(signed(admins | {"sid": mine["sid"]})))


async def test_row_level_security_alone_keeps_the_tenants_apart(acme: Side, globex: Side) -> None:
    mine, theirs = [claims((await side.login(side.member)).access_token) for side in (acme, globex)]
    reset = application_filter.set(False)
    try:
        await refusal(acme.access.authenticate(signed(mine | {"sid": theirs["sid"]})))
        await refusal(acme.access.authenticate(signed(mine | {"tenant_id": theirs["tenant_id"]})))
    finally:
        application_filter.reset(reset)


async def test_a_token_is_refused_at_another_tenants_address(acme: Side, globex: Side) -> None:
    token = (await acme.login(acme.member)).access_token
    here = acme.organisation.subdomain
    assert (await acme.access.authenticate(token, subdomain=here.upper())).user == acme.member
    await refusal(acme.access.authenticate(token, subdomain=globex.organisation.subdomain))


async def test_whoever_is_switched_off_is_out_at_the_next_request(
    acme: Side, organisations: Organisations, clock: FixedClock
) -> None:
    token = (await acme.login(acme.member)).access_token
    await acme.users.update(acme.member.id, UserChanges(is_active=False))
    plain = await refusal(acme.access.authenticate(token))
    await acme.users.update(acme.member.id, UserChanges(is_active=True))
    await organisations.set_active(acme.organisation.id, False)
    assert await refusal(acme.access.authenticate(token)) == plain
    soon = clock.now() + timedelta(seconds=60)
    await organisations.set_plan(acme.organisation.id, PlanChanges(is_active=True, expires_at=soon))
    await acme.access.authenticate(token)
    clock.advance(timedelta(seconds=60))
    assert await refusal(acme.access.authenticate(token)) == plain


async def test_a_deleted_member_and_an_erased_organisation_are_out(acme: Side, organisations: Organisations) -> None:
    member, admin = (await acme.login(acme.member)).access_token, (await acme.login(acme.admin)).access_token
    await acme.users.delete(acme.member.id)
    await refusal(acme.access.authenticate(member))
    await organisations.delete(acme.organisation.id)
    await refusal(acme.access.authenticate(admin))


async def test_a_changed_role_counts_at_the_next_request(acme: Side) -> None:
    token = (await acme.login(acme.member)).access_token
    await acme.users.update(acme.member.id, UserChanges(role=Role.MANAGER))
    caller = await acme.access.authenticate(token)
    assert caller.user is not None
    assert caller.user.role is Role.MANAGER


async def test_a_logout_ends_the_access_token_too_and_no_other_session(acme: Side) -> None:
    first, second = await acme.login(acme.member), await acme.login(acme.member)
    await acme.access.logout(await acme.access.authenticate(first.access_token))
    await refusal(acme.access.authenticate(first.access_token))
    await refusal(acme.access.refresh(first.refresh_token))
    await acme.access.authenticate(second.access_token)


async def test_a_password_change_ends_every_session_of_the_member_and_no_other(acme: Side) -> None:
    logins = [await acme.login(acme.member) for _ in range(3)]
    admin = await acme.login(acme.admin)
    caller = await acme.access.authenticate(logins[0].access_token)
    with pytest.raises(Denied):
        await acme.access.change_password(caller, "not the password", "a new good password")
    with pytest.raises(InvalidRequest):
        await acme.access.change_password(caller, PASSWORD, "short")
    await acme.access.authenticate(logins[0].access_token)
    await acme.access.change_password(caller, PASSWORD, "a new good password")
    for login in logins:
        await refusal(acme.access.authenticate(login.access_token))
        await refusal(acme.access.refresh(login.refresh_token))
    await acme.access.authenticate(admin.access_token)
    await acme.login(acme.member, "a new good password")


async def test_a_password_that_an_admin_sets_ends_the_members_sessions(acme: Side) -> None:
    login, admin = await acme.login(acme.member), await acme.login(acme.admin)
    await acme.users.set_password(acme.member.id, "a new good password")
    await refusal(acme.access.authenticate(login.access_token))
    await acme.access.authenticate(admin.access_token)


async def test_an_api_key_and_a_service_change_no_password(acme: Side) -> None:
    _, secret = await acme.key(acme.member)
    by_key = await acme.access.authenticate(secret)
    with pytest.raises(Denied):
        await acme.access.change_password(by_key, PASSWORD, "a new good password")


async def test_another_process_with_the_same_secret_knows_the_token_and_one_with_another_does_not(
    acme: Side, database: Database, passwords: Passwords, clock: FixedClock
) -> None:
    token = (await acme.login(acme.member)).access_token
    assert (await new_access(database, passwords, clock).authenticate(token)).user == acme.member


async def test_the_internal_key_opens_any_tenant_by_id_or_sub_domain(acme: Side, access: Access) -> None:
    for tenant in (acme.organisation.id, str(acme.organisation.id), acme.organisation.subdomain):
        caller = await access.service(tenant, INTERNAL_KEY)
        assert (caller.organisation, caller.user, caller.name) == (acme.organisation, None, "service")


async def test_a_wrong_internal_key_an_unknown_tenant_and_one_that_is_not_served_are_refused_alike(
    acme: Side, access: Access, organisations: Organisations
) -> None:
    plain = await refusal(access.authenticate("nonsense"))
    for key in ("", INTERNAL_KEY[:-1], INTERNAL_KEY + "x", "\ud800"):
        assert await refusal(access.service(acme.organisation.id, key)) == plain
    for tenant in (uuid4(), "nobody-here", "", "\0"):
        assert await refusal(access.service(tenant, INTERNAL_KEY)) == plain  # pyright: ignore[reportArgumentType]
    await organisations.set_active(acme.organisation.id, False)
    assert await refusal(access.service(acme.organisation.id, INTERNAL_KEY)) == plain


async def test_without_an_internal_key_nobody_gets_in_that_way(
    acme: Side, database: Database, passwords: Passwords, clock: FixedClock
) -> None:
    closed = new_access(database, passwords, clock)
    for key in ("", "None", "null"):
        await refusal(closed.service(acme.organisation.id, key))


def test_the_embedded_secret_is_always_the_same_and_not_the_one_it_comes_from() -> None:
    kept = "kept-in-the-data-directory-of-this-platform"
    first, second = (derived_secret(kept, purpose="jwt secret") for _ in range(2))
    assert first == second
    assert len(first.encode()) >= 32
    assert kept not in first
    assert derived_secret(kept, purpose="another") != first
    assert UUID(first[:32])  # hexadecimal
