"""`/metrics`: what it says, to whom, and of whom it says nothing."""

from __future__ import annotations

import re

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from server_support import INTERNAL_API_KEY, QUESTION, Served, Tenant, bearer, client_of

from aura.identity import Role
from aura.usage.ledger import Kind, Outcome, UsageRow
from aura_server import create_app


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Each sample's value, by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def labelled(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


async def test_requests_are_counted_by_method_template_and_status(world: Served, acme: Tenant) -> None:
    async with client_of(create_app(world.aura)) as client:
        document = f"/documents/{acme.documents['handbook']}"
        for _ in range(3):
            await client.get(document, headers=bearer(acme.tokens[Role.USER]))
        await client.get(document)
        await client.get("/no/such/route")
        await client.request("BREW", "/health")
        measured = await client.get("/metrics")
    assert measured.headers["content-type"].startswith("text/plain; version=")
    found, route = samples(measured.text), "/documents/{document_id}"
    assert found[labelled("aura_http_requests_total", method="GET", route=route, status="200")] == 3
    assert found[labelled("aura_http_requests_total", method="GET", route=route, status="401")] == 1
    assert found[labelled("aura_http_requests_total", method="GET", route="none", status="404")] == 1
    assert found[labelled("aura_http_request_seconds_count", method="GET", route=route)] == 4
    assert any(("method", "OTHER") in labels for _, labels in found)
    assert found[labelled("aura_documents_queued")] >= 0
    assert found[labelled("aura_event_loop_lag_seconds")] >= 0
    assert found[labelled("aura_http_streams_open")] == 0


async def test_an_application_counts_for_itself(world: Served) -> None:
    first, second = create_app(world.aura), create_app(world.aura)
    async with client_of(first) as one, client_of(second) as other:
        await one.get("/health")
        text = (await other.get("/metrics")).text
    assert 'route="/health"' not in text


async def test_probes_are_counted_apart_from_answers_with_what_they_cost(world: Served) -> None:
    row = UsageRow(kind=Kind.PROBE, provider="p", model="m", outcome=Outcome.OK, cost_micro_usd=7)
    async with client_of(create_app(world.aura)) as client:
        before = samples((await client.get("/metrics")).text)
        await world.aura.own_usage.record(row)
        after = samples((await client.get("/metrics")).text)
    probes, cost = labelled("aura_probes_total", outcome="ok"), labelled("aura_probe_cost_usd_total")
    assert after[probes] == before[probes] + 1
    assert after[cost] == pytest.approx(before[cost] + 7e-6)
    answers = labelled("aura_answers_total", outcome="ok")
    assert after[answers] == before[answers]


async def test_answers_and_their_tokens_are_counted_by_outcome(world: Served, acme: Tenant) -> None:
    async with client_of(create_app(world.aura), headers=bearer(acme.keys[Role.USER])) as client:
        before = samples((await client.get("/metrics")).text)
        for question in (QUESTION, "Who won the chess championship of 1972?"):
            body = {"model": "aura", "messages": [{"role": "user", "content": question}]}
            assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
        after = samples((await client.get("/metrics")).text)
    for outcome in ("ok", "refused"):
        sample = labelled("aura_answers_total", outcome=outcome)
        assert after[sample] == before[sample] + 1
    assert (
        after[labelled("aura_tokens_total", direction="out")] > before[labelled("aura_tokens_total", direction="out")]
    )


async def test_a_stream_is_open_while_it_is_read(address: str, acme: Tenant) -> None:
    body = {"model": "aura", "messages": [{"role": "user", "content": QUESTION}], "stream": True}

    async with httpx.AsyncClient(base_url=address, headers=bearer(acme.keys[Role.USER]), timeout=60) as client:
        async with client.stream("POST", "/v1/chat/completions", json=body) as stream:
            text = (await stream.aread()).decode()
        measured = samples((await client.get("/metrics")).text)
    assert text.endswith("data: [DONE]\n\n")
    assert measured[labelled("aura_http_streams_open")] == 0


async def test_no_label_names_a_tenant_a_member_or_an_id(world: Served, acme: Tenant, globex: Tenant) -> None:
    async with client_of(create_app(world.aura)) as client:
        for tenant in (acme, globex):
            for path in (f"/documents/{tenant.documents['memo']}", "/v1/models", f"/x/{tenant.name}", "/tenant/users"):
                await client.get(path, headers=bearer(tenant.keys[Role.USER]))
            await client.post("/mcp", headers=bearer(tenant.keys[Role.USER]))
        text = (await client.get("/metrics")).text
    assert "/documents/{document_id}" in text
    for tenant in (acme, globex):
        assert tenant.name not in text
        assert tenant.keys[Role.USER] not in text
    assert "@" not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", text)


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
async def test_behind_a_proxy_everybody_needs_the_key(world: Served, header: str) -> None:
    async with client_of(world.app) as client:
        assert (await client.get("/metrics", headers={header: "for=203.0.113.9"})).status_code == 401
        shown = {header: "for=203.0.113.9", **bearer(INTERNAL_API_KEY)}
        assert (await client.get("/metrics", headers=shown)).status_code == 200


async def test_from_elsewhere_only_the_operator_reads_it(world: Served, acme: Tenant) -> None:
    async with client_of(world.app, address="203.0.113.9") as client:
        assert (await client.get("/metrics")).status_code == 401
        for credential in (acme.tokens[Role.ADMIN], acme.keys[Role.ADMIN], INTERNAL_API_KEY[:-1], ""):
            assert (await client.get("/metrics", headers=bearer(credential))).status_code == 401
        assert (await client.get("/metrics", headers=bearer(INTERNAL_API_KEY))).status_code == 200


async def test_an_address_of_loopback_in_the_new_form_is_this_machine(world: Served) -> None:
    async with client_of(world.app, address="::1") as client:
        assert (await client.get("/metrics")).status_code == 200
