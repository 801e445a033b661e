"""Every answer leaves exactly one row of usage, however it ends; and who may see what was used."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from uuid import uuid4

import httpx
import pytest
from facade_support import Scripted
from sqlalchemy import RowMapping, select

from aura import Aura, Workspace
from aura.answering.events import Delta, Final
from aura.database.tables import usage
from aura.errors import Denied, InvalidRequest, LimitExceeded, NotFound, Unavailable
from aura.identity import ConversationId
from aura.tenants.values import PlanChanges, UserChanges
from aura.usage.audit import Action, Actor
from aura.usage.quotas import Charge
from aura.workspace import Principal

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "How many days do customers have to return an unopened product?"
PASSWORD = "correct horse battery staple"


async def rows(workspace: Workspace) -> list[RowMapping]:
    async with workspace._parts.database.tenant(workspace.scope.as_service()) as session:
        return list((await session.execute(select(usage).order_by(usage.c.created_at))).mappings())


async def as_member(aura: Aura, acme: Workspace, **changes: bool) -> Workspace:
    user = await acme.users.add(email=f"{uuid4().hex[:8]}@acme.test", password=PASSWORD)
    if changes:
        await acme.users.update(user.id, UserChanges(**changes))
    return await aura.workspace(acme.organisation, user.id)


async def test_an_answer_of_the_keyless_model_costs_nothing_and_is_counted(acme: Workspace) -> None:
    answer = await acme.ask(QUESTION)

    [row] = await rows(acme)
    assert (row["kind"], row["provider"], row["model"], row["outcome"]) == ("chat", "aura", "extractive", "ok")
    assert (row["cost_micro_usd"], row["tokens_estimated"]) == (0, True)
    assert row["response_id"] == answer.response_id
    assert row["tokens_in"] > row["tokens_out"] > 0
    assert 0 < row["first_token_seconds"] <= row["total_seconds"]
    assert (row["user_id"], row["api_key_id"]) == (None, None)


async def test_what_the_provider_counted_is_what_the_row_says(scripted: tuple[Workspace, Scripted]) -> None:
    acme, model = scripted
    model.says("47 days of delivery [1]", {"prompt_tokens": 1234, "completion_tokens": 56, "cached_tokens": 1000})

    await acme.ask(QUESTION)

    [row] = await rows(acme)
    assert (row["tokens_in"], row["tokens_cached"], row["tokens_out"]) == (1234, 1000, 56)
    assert (row["tokens_estimated"], row["cost_micro_usd"]) == (False, None)


async def test_a_refusal_without_the_model_owes_nothing_and_one_with_it_does(
    scripted: tuple[Workspace, Scripted],
) -> None:
    acme, model = scripted
    await acme.collections.create("empty")
    await acme.ask(QUESTION, collection="empty")
    model.says("The refund window is 90 days [1].")
    await acme.ask(QUESTION)

    without, with_model = await rows(acme)
    assert (without["outcome"], without["cost_micro_usd"], without["tokens_in"]) == ("refused", 0, 0)
    assert (without["first_token_seconds"], without["tokens_estimated"]) == (None, False)
    assert (with_model["outcome"], with_model["cost_micro_usd"]) == ("refused", None)
    assert with_model["tokens_in"] > 0


@pytest.mark.parametrize("error", [httpx.ConnectError("no route"), RuntimeError("broken")])
async def test_a_call_that_fails_is_one_row_with_what_was_sent_and_heard(
    scripted: tuple[Workspace, Scripted], error: Exception
) -> None:
    acme, model = scripted
    model.says("Within 47 days ", error)

    events = [event async for event in acme.stream(QUESTION)]

    assert events
    [row] = await rows(acme)
    assert (row["outcome"], row["cost_micro_usd"], row["tokens_estimated"]) == ("failed", None, True)
    assert row["tokens_in"] > row["tokens_out"] > 0


async def test_ask_that_raises_leaves_one_row(scripted: tuple[Workspace, Scripted]) -> None:
    acme, model = scripted
    model.says(httpx.ConnectError("no route"))
    with pytest.raises(Unavailable):
        await acme.ask(QUESTION)
    assert [row["outcome"] for row in await rows(acme)] == ["failed"]


async def test_a_stream_that_is_closed_is_one_row_of_what_was_said_until_then(
    scripted: tuple[Workspace, Scripted],
) -> None:
    acme, model = scripted
    model.says("Within 47 days of delivery ", 30.0, "never")

    async with aclosing(acme.stream(QUESTION)) as events:
        async for event in events:
            if isinstance(event, Delta):
                break

    [row] = await rows(acme)
    assert (row["outcome"], row["cost_micro_usd"]) == ("stopped", None)
    assert 0 < row["tokens_out"] < 12


async def test_a_task_that_is_cancelled_is_one_row_before_the_cancellation_goes_on(
    scripted: tuple[Workspace, Scripted],
) -> None:
    acme, model = scripted
    model.says("Within 47 days of delivery ", 30.0, "never")
    heard = asyncio.Event()

    async def listen() -> None:
        async for event in acme.stream(QUESTION):
            if isinstance(event, Delta):
                heard.set()

    task = asyncio.create_task(listen())
    await heard.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert [row["outcome"] for row in await rows(acme)] == ["cancelled"]


async def test_a_stream_that_is_left_behind_its_end_was_answered(scripted: tuple[Workspace, Scripted]) -> None:
    acme, model = scripted
    model.says("47 days of delivery [1]")
    async with aclosing(acme.stream(QUESTION)) as events:
        async for event in events:
            if isinstance(event, Final):
                break
    assert [row["outcome"] for row in await rows(acme)] == ["ok"]


async def test_what_was_no_question_is_no_row(acme: Workspace) -> None:
    with pytest.raises(InvalidRequest):
        await acme.ask(" ")
    with pytest.raises(NotFound):
        await acme.ask(QUESTION, conversation=ConversationId(uuid4()))
    assert await rows(acme) == []


async def test_a_temporary_question_is_counted_without_its_words(acme: Workspace) -> None:
    await acme.ask(QUESTION, temporary=True)
    [row] = await rows(acme)
    assert QUESTION not in str(dict(row))


async def test_a_row_names_the_user_and_the_key_that_asked(aura: Aura, acme: Workspace) -> None:
    class Key:
        id = uuid4()
        monthly_calls = 1
        requests_per_minute = None

    member = await as_member(aura, acme)
    with_key = Workspace(acme._parts, Principal.of(acme.organisation, member.user, Key()))

    await with_key.ask(QUESTION)
    await with_key.quotas.take(Charge.CALL)
    with pytest.raises(LimitExceeded):
        await with_key.quotas.take(Charge.CALL)

    [row] = await rows(acme)
    assert (row["user_id"], row["api_key_id"]) == (member.scope.user_id, Key.id)
    [line] = (await acme.usage.costs(by=["user", "key"])).lines
    assert (line.user_id, line.api_key_id, line.spent.calls) == (member.scope.user_id, Key.id, 1)


async def test_costs_and_dashboard_are_for_who_may_view_analytics(aura: Aura, acme: Workspace) -> None:
    member = await as_member(aura, acme)
    with pytest.raises(Denied):
        _ = member.usage
    analyst = await as_member(aura, acme, can_view_analytics=True)
    await member.ask(QUESTION)

    dashboard = await analyst.usage.dashboard()

    assert (dashboard.answered.answers, dashboard.active_users) == (1, 1)
    assert (await analyst.usage.costs()).total.calls == 1
    assert dashboard.inventory.chunks > 0
    assert dashboard.inventory.documents_by_stage == {"ready": 1}
    assert dashboard.today.today.questions == 1


async def test_everybody_sees_what_is_left_and_only_admins_the_audit(aura: Aura, acme: Workspace) -> None:
    member = await as_member(aura, acme)
    assert {allowance.limit for allowance in await member.quotas.remaining()} == {
        "requests_per_minute", "uploads_per_hour", "monthly_calls", "max_users", "max_storage_gb",
    }  # fmt: skip
    await member.audit.record(Actor(kind="user", id=member.scope.user_id), Action.LOGIN)
    with pytest.raises(Denied):
        await member.audit.list()
    assert len((await acme.audit.list()).items) == 1


async def test_the_plan_s_calls_are_those_of_the_organisation(aura: Aura, acme: Workspace) -> None:
    await aura.tenants.set_plan(acme.organisation.id, PlanChanges(max_api_calls_monthly=1))
    acme = await aura.workspace(acme.organisation)
    await acme.quotas.take(Charge.CALL)
    with pytest.raises(LimitExceeded):
        await acme.quotas.take(Charge.CALL)
