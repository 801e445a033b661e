"""That the three kinds of locks are what they say: the tests behind them would otherwise prove nothing."""

from __future__ import annotations

import asyncio

import pytest
from leaks_support import BOTH, DATABASE_ALONE, FILTER_ALONE, Locks, World
from sqlalchemy import select, text

from aura.database.tables import documents
from sent_statements import statements_sent


def names_its_tenant(statement: str) -> bool:
    return ".tenant_id = %(" in statement


async def test_a_statement_names_its_tenant_unless_the_filter_is_off(
    world: World, locks: Locks, request: pytest.FixtureRequest
) -> None:
    mode = request.node.callspec.params["locks"]
    acme = locks(world.acme.user)
    with statements_sent() as sent:
        await acme.documents.list()
        await acme.index.vector_store.aget_nodes()
        await asyncio.to_thread(acme.index.vector_store.get_nodes)
    assert len(sent) == 3
    assert [names_its_tenant(statement) for statement, _ in sent] == [mode != DATABASE_ALONE] * 3


async def test_row_level_security_binds_unless_it_is_the_filter_that_is_on_trial(
    world: World, locks: Locks, request: pytest.FixtureRequest
) -> None:
    mode = request.node.callspec.params["locks"]
    acme = locks(world.acme.user)
    async with acme._parts.database.tenant(acme.scope) as session:
        seen = set((await session.execute(select(documents.c.tenant_id))).scalars())
        role = await session.scalar(text("SELECT current_user::text"))
    assert (world.globex.programs.organisation.id in seen) is (mode == FILTER_ALONE)
    assert role == ("postgres" if mode == FILTER_ALONE else "aura_app")
    assert mode in (BOTH, DATABASE_ALONE, FILTER_ALONE)
