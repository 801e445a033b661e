"""The values of organisations and users, and the cipher of provider keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from aura.clock import SystemClock
from aura.errors import BackendError, InvalidRequest
from aura.identity import Role, TenantId, UserId
from aura.tenants.provider_keys import KeyCipher
from aura.tenants.values import (
    Limits,
    OrganisationChanges,
    Permissions,
    PlanChanges,
    StorageUse,
    Tier,
    User,
    UserChanges,
    changed,
)
from aura.testing.clock import FixedClock

SECRET = "a secret of at least thirty-two bytes"


def user(role: Role, *, allowed: bool, is_active: bool = True) -> User:
    return User(
        id=UserId(uuid4()),
        email="ada@acme.test",
        role=role,
        name="",
        persona_settings={},
        voice_preference=None,
        can_upload_documents=allowed,
        can_modify_ai_settings=allowed,
        can_view_analytics=allowed,
        is_active=is_active,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def rights(member: User) -> list[bool]:
    return [member.may_upload_documents, member.may_modify_ai_settings, member.may_view_analytics]


def test_the_standard_plan_has_ten_users_ten_gigabytes_and_ten_thousand_calls() -> None:
    assert Tier.STANDARD.limits == Limits(max_users=10, max_storage_gb=10, max_api_calls_monthly=10_000)


def test_every_plan_allows_more_than_the_one_below() -> None:
    for smaller, larger in ((Tier.STANDARD, Tier.PREMIUM), (Tier.PREMIUM, Tier.ENTERPRISE)):
        below, above = msgspec.structs.astuple(smaller.limits), msgspec.structs.astuple(larger.limits)
        assert all(a < b for a, b in zip(below, above, strict=True))


@pytest.mark.parametrize(
    ("role", "allowed", "expected"),
    [
        (Role.ADMIN, False, [True] * 3),
        (Role.MANAGER, False, [False] * 3),
        (Role.MANAGER, True, [True] * 3),
        (Role.USER, False, [False] * 3),
        (Role.USER, True, [True] * 3),
    ],
)
def test_an_admin_may_everything_and_others_what_they_were_given(
    role: Role, allowed: bool, expected: list[bool]
) -> None:
    assert rights(user(role, allowed=allowed)) == expected


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MANAGER, Role.USER])
def test_only_an_active_admin_may_administer(role: Role) -> None:
    assert user(role, allowed=True).may_administer == (role is Role.ADMIN)
    assert not user(role, allowed=True, is_active=False).may_administer
    assert rights(user(role, allowed=True, is_active=False)) == [False] * 3


def test_a_role_brings_its_permissions() -> None:
    granted = {role: msgspec.structs.astuple(Permissions.of(role)) for role in (Role.ADMIN, Role.MANAGER, Role.USER)}
    assert granted == {
        Role.ADMIN: (True, True, True),
        Role.MANAGER: (True, False, True),
        Role.USER: (True, False, False),
    }


def test_only_the_fields_that_were_given_change() -> None:
    assert changed(OrganisationChanges(custom_logo=None)) == {"custom_logo": None}
    assert changed(msgspec.json.decode(b'{"is_active": false}', type=UserChanges)) == {"is_active": False}


@pytest.mark.parametrize("field", ["max_users", "is_active", "expires_at", "subdomain", "id"])
def test_an_organisation_s_admin_can_not_slip_in_a_change_of_the_plan(field: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode({field: None}), type=OrganisationChanges)


def test_a_plan_is_read_from_json() -> None:
    body = b'{"subscription_tier": "premium", "expires_at": "2030-01-01T00:00:00Z"}'
    assert msgspec.json.decode(body, type=PlanChanges) == PlanChanges(
        subscription_tier=Tier.PREMIUM, expires_at=datetime(2030, 1, 1, tzinfo=UTC)
    )


def test_a_storage_that_is_overfull_has_nothing_left() -> None:
    assert StorageUse(used_bytes=12, max_bytes=10).left_bytes == 0
    assert StorageUse(used_bytes=3, max_bytes=10).left_bytes == 7


def test_a_ciphertext_decrypts_for_its_own_tenant_and_provider_alone() -> None:
    cipher, tenant_id = KeyCipher(SECRET), TenantId(uuid4())
    sealed = cipher.encrypt("sk-1", tenant_id=tenant_id, provider="openai")
    assert cipher.decrypt(sealed, tenant_id=tenant_id, provider="openai") == "sk-1"
    for foreign in (
        {"tenant_id": TenantId(uuid4()), "provider": "openai"},
        {"tenant_id": tenant_id, "provider": "grok"},
    ):
        with pytest.raises(BackendError):
            cipher.decrypt(sealed, **foreign)


def test_a_ciphertext_that_was_touched_anywhere_does_not_decrypt() -> None:
    cipher, tenant_id = KeyCipher(SECRET), TenantId(uuid4())
    sealed = cipher.encrypt("sk-1", tenant_id=tenant_id, provider="openai")
    touched = [sealed[:n] + bytes([sealed[n] ^ 1]) + sealed[n + 1 :] for n in range(len(sealed))]
    cut = [sealed[:n] for n in range(len(sealed))]
    for damaged in (*touched, *cut, sealed + b"x"):
        with pytest.raises(BackendError):
            cipher.decrypt(damaged, tenant_id=tenant_id, provider="openai")


def test_a_secret_that_is_too_short_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidRequest) as refused:
        KeyCipher("hunter2")
    assert refused.value.field == "secret_key"
    assert "hunter2" not in str(refused.value)


def test_a_cipher_does_not_show_its_secret() -> None:
    assert SECRET not in repr(KeyCipher(SECRET))
    assert SECRET not in str(vars(KeyCipher(SECRET)))


def test_a_fixed_clock_stands_still_until_it_is_moved() -> None:
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.now() == clock.now() == datetime(2026, 1, 1, tzinfo=UTC)
    clock.advance(timedelta(hours=1))
    assert clock.now() == datetime(2026, 1, 1, 1, tzinfo=UTC)
    clock.set(datetime(2027, 1, 1, tzinfo=UTC))
    assert clock.now() == datetime(2027, 1, 1, tzinfo=UTC)


def test_the_system_clock_knows_its_time_zone() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
