"""Budgets and provider keys over HTTP: an admin's, of one organisation, and on the record."""

from __future__ import annotations

from asgi_support import ask
from server_support import Served, bearer

from aura.identity import Role

BUDGET = {"subject": "tenant", "span": "month", "max_micro_usd": 50_000_000}


async def test_a_budget_is_set_replaced_and_taken_away_in_one_organisation(world: Served) -> None:
    admin, other = (bearer(tenant.tokens[Role.ADMIN]) for tenant in (world.acme, world.globex))
    assert (await ask(world.app, "PUT", "/tenant/budgets", json=BUDGET, headers=admin)).json() == BUDGET
    smaller = {**BUDGET, "max_micro_usd": 7}
    assert (await ask(world.app, "PUT", "/tenant/budgets", json=smaller, headers=admin)).json() == smaller
    assert (await ask(world.app, "GET", "/tenant/budgets", headers=admin)).json()["items"] == [smaller]
    assert (await ask(world.app, "GET", "/tenant/budgets", headers=other)).json()["items"] == []
    query = {"subject": "tenant", "span": "month"}
    assert (await ask(world.app, "DELETE", "/tenant/budgets", params=query, headers=other)).status_code == 204
    assert (await ask(world.app, "GET", "/tenant/budgets", headers=admin)).json()["items"] == [smaller]
    assert (await ask(world.app, "DELETE", "/tenant/budgets", params=query, headers=admin)).status_code == 204
    assert (await ask(world.app, "GET", "/tenant/budgets", headers=admin)).json()["items"] == []
    audited = (await ask(world.app, "GET", "/admin/audit", params={"limit": 3}, headers=admin)).json()["items"]
    assert [(each["action"], each["target_id"]) for each in audited] == [
        ("budget_removed", "tenant"), ("budget_set", "tenant"), ("budget_set", "tenant"),
    ]  # fmt: skip


async def test_provider_keys_are_listed_without_the_keys(world: Served) -> None:
    admin, other = (bearer(tenant.tokens[Role.ADMIN]) for tenant in (world.acme, world.globex))
    kept = await ask(world.app, "PUT", "/tenant/provider-keys/openai", json={"key": "sk-zyzzyva-secret"}, headers=admin)
    listed = await ask(world.app, "GET", "/tenant/provider-keys", headers=admin)
    assert listed.json()["items"] == [kept.json()]
    assert "zyzzyva" not in listed.text
    assert (await ask(world.app, "GET", "/tenant/provider-keys", headers=other)).json()["items"] == []
    assert (await ask(world.app, "DELETE", "/tenant/provider-keys/openai", headers=admin)).status_code == 204
