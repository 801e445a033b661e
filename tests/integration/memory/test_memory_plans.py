"""The plans that PostgreSQL keeps for recall: they find by index, and work out nothing anew for each entry of a user."""

from __future__ import annotations

import re
from typing import Any

import pytest
from memory_support import Company
from sqlalchemy import Select

from aura.database.engine import driver_of
from aura.database.scopes import Sight
from aura.database.statements import Statement
from aura.memory import scan


@pytest.fixture
def company(bare_company: Company) -> Company:
    """A plan is made without a row."""
    return bare_company


async def kept_plan(company: Company, built: Select[Any]) -> list[str]:
    """The lines of the plan that serves for all values, as if the tables were large."""
    statement = Statement(built)
    names: dict[str, str] = {}

    def numbered(match: re.Match[str]) -> str:
        return names.setdefault(match[1], f"${len(names) + 1}")

    numbers = re.sub(r"%\((\w+)\)s", numbered, statement._text.decode())
    async with company.aura._parts.database.tenant(company.member.scope) as session:
        await session.exec_driver_sql("SET LOCAL enable_seqscan = off")
        # Only a simple query, which psycopg's cursors do not send here, may leave the numbers without values.
        plan = driver_of(session).pgconn.exec_(f"EXPLAIN (GENERIC_PLAN, VERBOSE) {numbers}".encode())
    assert plan.ntuples, plan.error_message
    return [(plan.get_value(row, 0) or b"").decode() for row in range(plan.ntuples)]


def sight(company: Company) -> Sight:
    return Sight.of(company.member.scope)


async def test_what_a_turn_taught_is_found_by_index(company: Company) -> None:
    plan = "\n".join(await kept_plan(company, scan._fetching(sight(company))))
    assert "memory_entries_fact_idx" in plan
    assert "Seq Scan" not in plan


async def test_a_question_is_read_once_and_not_for_each_entry(company: Company) -> None:
    plan = await kept_plan(company, scan._scanning(2, True, False, False, sight(company)))
    for kind in ("halfvec", "sparsevec"):
        assert [line for line in plan if f"::{kind}" in line and "Output: (" in line], f"a {kind} is made somewhere"
    compared = [line for line in plan if "<#>" in line]
    assert compared
    assert not [line for line in compared if "::halfvec" in line or "::sparsevec" in line]


async def test_whose_entries_they_are_is_worked_out_once(company: Company) -> None:
    plan = await kept_plan(company, scan._scanning(1, True, False, False, sight(company)))
    filters = [line for line in plan if "Filter: " in line]
    assert any("user_id" in line and "InitPlan" in line for line in filters), "the policy is in the plan"
    assert not [line for line in filters if re.search(r"InitPlan \d+\)\.col1, |NULLIF|InitPlan \d+\)\.col1\)::", line)]


async def test_the_entries_of_a_user_come_in_the_order_of_the_table(company: Company) -> None:
    plan = "\n".join(await kept_plan(company, scan._scanning(1, True, False, False, sight(company))))
    assert "memory_entries_user_idx" in plan
    async with company.aura._parts.database.tenant(company.member.scope) as session:
        query = "SELECT indexdef FROM pg_indexes WHERE indexname = 'memory_entries_user_idx'"
        (index,) = (await session.exec_driver_sql(query)).one()
    assert str(index).endswith("(tenant_id, user_id)")
