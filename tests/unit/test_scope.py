"""A scope as the statement that opens it."""

from __future__ import annotations

from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura.database.engine import scope_statement
from aura.errors import InvalidRequest
from aura.identity import Role, Scope, TenantId, UserId

TENANT, USER = TenantId(uuid4()), UserId(uuid4())


def test_a_scope_names_its_tenant_its_member_and_the_role_for_this_transaction_alone() -> None:
    scope = Scope(tenant_id=TENANT, user_id=USER, role=Role.MANAGER)
    assert scope_statement(scope).split("; ") == [
        f"SET LOCAL aura.tenant_id = '{TENANT}'",
        f"SET LOCAL aura.user_id = '{USER}'",
        "SET LOCAL aura.role = 'manager'",
    ]


def test_a_scope_without_a_member_sets_it_to_nobody() -> None:
    assert "SET LOCAL aura.user_id = '';" in scope_statement(Scope(tenant_id=TENANT))


@given(st.uuids(), st.uuids() | st.none(), st.sampled_from(Role))
def test_every_scope_of_uuids_is_three_statements(tenant: UUID, user: UUID | None, role: Role) -> None:
    scope = Scope(tenant_id=TenantId(tenant), user_id=None if user is None else UserId(user), role=role)
    statement = scope_statement(scope)
    assert statement.count(";") == 2
    assert statement.count("'") == 6


@given(st.text())
def test_no_text_becomes_part_of_the_statement(text: str) -> None:
    for scope in (Scope(tenant_id=text), Scope(tenant_id=TENANT, user_id=text)):  # pyright: ignore[reportArgumentType]
        if text or scope.tenant_id == text:
            with pytest.raises(InvalidRequest):
                scope_statement(scope)


@pytest.mark.parametrize(
    "value",
    [
        f"{TENANT}\n",
        f" {TENANT}",
        f"{TENANT}'",
        str(TENANT).upper().replace("0", "A"),
        str(TENANT).replace("-", ""),
        "{" + str(TENANT) + "}",
        str(TENANT).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")),
        f"urn:uuid:{TENANT}",
        "",
    ],
)
def test_what_only_looks_like_a_uuid_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest, match="UUIDs"):
        scope_statement(Scope(tenant_id=value))  # pyright: ignore[reportArgumentType]


def test_a_role_that_is_none_of_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="'owner'"):
        scope_statement(Scope(tenant_id=TENANT, role="owner"))  # pyright: ignore[reportArgumentType]


def test_a_scope_can_not_be_changed() -> None:
    scope = Scope(tenant_id=TENANT)
    with pytest.raises(AttributeError):
        scope.tenant_id = TenantId(uuid4())  # pyright: ignore[reportAttributeAccessIssue]


def test_maintenance_stays_in_the_tenant_and_keeps_the_member() -> None:
    scope = Scope(tenant_id=TENANT, user_id=USER)
    assert scope.as_service() == msgspec.structs.replace(scope, role=Role.SERVICE)
