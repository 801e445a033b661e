"""The platform with keys: who answers what, what it costs, what `/health` says; and without them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from aura.answering.events import Failed, Final
from aura.answering.extractive import ExtractiveLLM
from aura.answering.models import open_model
from aura.database.embedded import EmbeddedServer
from aura.errors import Denied, InvalidRequest, LimitExceeded
from aura.platform import Aura
from aura.router.classify import Reading, Rules
from aura.router.learned import Label
from aura.router.smart_router import SmartRouter
from aura.settings import Settings
from aura.tenants.values import OrganisationChanges
from aura.testing.embeddings import HashEmbedding
from aura.testing.fault_server import FaultServer
from aura.usage.costs import CostLine
from aura.workspace import Workspace

WHOLE = "".join(f"w{n} " for n in range(60)).strip()


@asynccontextmanager
async def platform(
    server: EmbeddedServer, folder: Path, provider: FaultServer, **values: object
) -> AsyncGenerator[tuple[Aura, Workspace]]:
    settings = Settings.load(
        data_dir=folder,
        database_url=server.url("aura_app"),
        system_database_url=server.url("aura_system"),
        secret_key="a-secret-of-32-bytes-and-some-more-0123456789",
        jwt_secret="another-secret-of-32-bytes-and-more-987654321",
        openai_api_key="sk-gpt",
        openai_api_url=provider.url,
        grok_api_key="xai-grok",
        grok_api_url=provider.url,
        **{"fast_model": "ok@gpt", "reasoning_model": "ok@grok", **values},
    )
    async with Aura.open(settings, embed_model=HashEmbedding(), recover=False, warm=False) as aura:
        workspace = await aura.tenants.create(
            organization_name="Acme",
            subdomain=f"acme-{uuid4().hex[:12]}",
            admin_email="admin@acme.test",
            password="correct horse battery",
        )
        yield aura, workspace


async def test_the_platform_pays_for_its_probes_and_says_what_they_cost(server: EmbeddedServer, tmp_path: Path) -> None:
    name = f"ok@{uuid4().hex[:8]}"
    probing = {"fast_model": name, "router_probe_seconds": 0.02, "router_probe_unused_seconds": 0.01}
    async with FaultServer() as provider, platform(server, tmp_path, provider, **probing) as (aura, acme):
        async with asyncio.timeout(60):
            while not (mine := await probes_of(aura, name)):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert mine[0].spent.cost_micro_usd > 0
        assert (await acme.usage.get_cost_summary()).total.calls == 0


async def probes_of(aura: Aura, model: str) -> list[CostLine]:
    summary = await aura.own_usage.get_cost_summary(by=["kind", "model"])
    return [line for line in summary.lines if line.kind == "probe" and line.model == model]


async def test_gpt_answers_quick_questions_and_grok_those_that_take_reasoning(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    async with FaultServer() as provider, platform(server, tmp_path, provider) as (aura, acme):
        quick = await acme.ask("What is the capital of France?", search_knowledge=False)
        deep = await acme.ask("Compare both strategies, step by step.", search_knowledge=False)
        assert (quick.text.strip(), quick.model, deep.model) == (WHOLE, "ok@gpt", "ok@grok")
        assert [hit.headers["authorization"] for hit in provider.hits] == ["Bearer sk-gpt", "Bearer xai-grok"]
        assert isinstance(aura.router, SmartRouter)
        assert {each.provider for each in aura.router.get_health_status()} == {"openai", "grok"}
        summary = await acme.usage.get_cost_summary(by=["provider", "model"])
        assert {(line.provider, line.model) for line in summary.lines} == {("openai", "ok@gpt"), ("grok", "ok@grok")}
        assert summary.total.cost_micro_usd > 0  # a price that nobody knows is the worst one, never 0
        assert quick.cost_usd is not None
        assert deep.cost_usd is not None
        assert round((quick.cost_usd + deep.cost_usd) * 1_000_000) == summary.total.cost_micro_usd


async def test_when_all_providers_are_away_the_keyless_model_answers_and_health_says_so(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    models = {"fast_model": "500@gpt", "reasoning_model": "401@grok"}
    async with FaultServer() as provider, platform(server, tmp_path, provider, **models) as (aura, acme):
        for _ in range(3):
            answer = await acme.ask("What is the capital of France?", search_knowledge=False)
            assert answer.model == "extractive"
        health = await aura.health()
        found = {each.name: (each.status, each.failures) for each in health.providers}
        assert found["openai"] == ("down", 3)
        assert found["grok"][0] == "down"
        assert health.status == "degraded"
        assert "openai/500@gpt: server" in next(part.reason for part in health.parts if part.name == "model")


async def test_a_budget_that_is_used_up_refuses_and_says_when_it_renews(server: EmbeddedServer, tmp_path: Path) -> None:
    async with FaultServer() as provider, platform(server, tmp_path, provider) as (_, acme):
        await acme.budgets.set("tenant", "day", 10)
        with pytest.raises(LimitExceeded, match=r"may spend \$0.00 a day"):
            await acme.ask("What is the capital of France?", search_knowledge=False)
        assert provider.hits == []


async def test_only_an_admin_may_set_budgets(server: EmbeddedServer, tmp_path: Path) -> None:
    async with FaultServer() as provider, platform(server, tmp_path, provider) as (aura, acme):
        member = await acme.users.add(email="m@acme.test", password="correct horse battery", name="M")
        with pytest.raises(Denied):
            assert (await aura.workspace(acme.organisation, member)).budgets


async def test_a_model_that_breaks_off_is_an_error_of_the_stream_and_its_row_is_there(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    async with FaultServer() as provider, platform(server, tmp_path, provider, fast_model="cut") as (_, acme):
        events = [event async for event in acme.stream("What is it?", search_knowledge=False)]
        assert isinstance(events[-1], Failed)
        assert events[-1].kind == "Interrupted"
        assert not any(isinstance(event, Final) for event in events)
        summary = await acme.usage.costs(by=["model"])
        assert (summary.total.calls, summary.total.failures) == (1, 1)


async def test_a_conversation_stays_with_the_model_that_it_began_with(server: EmbeddedServer, tmp_path: Path) -> None:
    async with FaultServer() as provider, platform(server, tmp_path, provider) as (_, acme):
        conversation = await acme.conversations.start()
        for question in ("Explain the difference.", "And the capital of France?"):
            await acme.ask(question, conversation=conversation, search_knowledge=False)
        assert [hit.model for hit in provider.hits] == ["ok@grok", "ok@grok"]


async def test_an_organisation_answers_with_the_models_that_it_allows_alone(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    async with FaultServer() as provider, platform(server, tmp_path, provider) as (aura, acme):
        for models, answered in ((["ok@grok"], "ok@grok"), (["openai/ok@gpt"], "ok@gpt"), ([], "extractive")):
            await acme.configure(OrganisationChanges(custom_settings={"models": models}))
            again = await aura.workspace(acme.organisation)
            for question in ("What is the capital of France?", "Explain it, step by step."):
                assert (await again.ask(question, search_knowledge=False)).model == answered
        assert {hit.model for hit in provider.hits} == {"ok@grok", "ok@gpt"}
        assert len(provider.hits) == 4


async def test_the_classifier_is_given_the_embedding_that_retrieval_has_computed(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    read: list[int] = []

    class Noting(Rules):
        def read(self, question: str, *, topic: str = "", embedding: Sequence[float] = ()) -> Reading:
            read.append(len(embedding))
            return super().read(question, topic=topic, embedding=embedding)

    async with FaultServer() as provider, platform(server, tmp_path, provider) as (aura, acme):
        source = tmp_path / "returns.txt"
        source.write_text("Customers have 30 days to return a product.")
        async for _ in acme.documents.ingest(source):
            pass
        assert aura.router is not None
        aura.router._core.classifier = Noting()  # pyright: ignore[reportPrivateUsage]
        await acme.ask("How many days do customers have to return a product?")
        await acme.ask("How many days?", search_knowledge=False)
        assert read == [256, 0]


async def test_a_query_engine_of_llamaindex_is_charged_as_an_answer_is(server: EmbeddedServer, tmp_path: Path) -> None:
    async with FaultServer() as provider, platform(server, tmp_path, provider) as (_, acme):
        await acme.llm.acomplete("hello")
        assert (await acme.usage.costs(by=["model"])).total.calls == len(provider.hits) == 1


def test_without_keys_the_keyless_model_answers() -> None:
    assert isinstance(open_model(Settings.load()), ExtractiveLLM)
    assert isinstance(open_model(Settings.load(llm="extractive", openai_api_key="sk")), ExtractiveLLM)


def test_a_model_by_name_is_a_router_of_that_one_alone() -> None:
    model = open_model(Settings.load(llm="openai:gpt-4o-mini", openai_api_key=SecretStr("sk")))
    assert isinstance(model, SmartRouter)
    assert [each.name for each in model.candidates] == ["openai/gpt-4o-mini"]
    assert model.metadata.model_name == "gpt-4o-mini"
    assert model.candidates[0].price.known
    with pytest.raises(InvalidRequest, match="GROK_API_KEY"):
        open_model(Settings.load(llm="grok:grok-4"))


def test_one_key_alone_makes_one_model_and_the_last_resort() -> None:
    model = open_model(Settings.load(grok_api_key="xai"))
    assert isinstance(model, SmartRouter)
    assert [(each.name, each.tier) for each in model.candidates] == [
        ("grok/grok-4", "reasoning"),
        ("aura/extractive", "last_resort"),
    ]
    assert model.metadata.context_window == 256_000


async def test_an_organisation_pays_with_its_own_key_where_it_has_one(server: EmbeddedServer, tmp_path: Path) -> None:
    async with FaultServer() as provider, platform(server, tmp_path, provider) as (aura, acme):
        await acme.provider_keys.set("openai", "sk-of-acme")
        other = await aura.tenants.create(
            organization_name="Globex",
            subdomain=f"globex-{uuid4().hex[:12]}",
            admin_email="admin@globex.test",
            password="correct horse battery",
        )
        for workspace in (acme, other, acme):
            await workspace.ask("What is it?", search_knowledge=False)
        keys = [hit.headers["authorization"].removeprefix("Bearer ") for hit in provider.hits]
        assert keys == ["sk-of-acme", "sk-gpt", "sk-of-acme"]
        ours, theirs = [await each.usage.costs(by=["provider"]) for each in (acme, other)]
        assert (ours.total.cost_micro_usd, theirs.total.own_key_micro_usd) == (0, 0)
        assert ours.total.own_key_micro_usd == 2 * theirs.total.cost_micro_usd > 0
        assert aura.router is not None
        assert {each.provider for each in aura.router.get_health_status()} == {"openai", "grok"}
        assert len(aura.router.get_health_status()) == 2  # the platform's own
        await acme.budgets.set("tenant", "day", 0)
        await acme.ask("What is it?", search_knowledge=False)  # its own money


async def test_what_an_organisation_has_taught_is_its_own_and_outlives_the_process(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    labels = [
        Label(question=f"{word} {n % 17} and {n % 23}", quick_right=float(word == "colour"), strong_right=1.0)
        for n in range(80)
        for word in ("colour", "theorem")
    ]
    async with FaultServer() as provider, platform(server, tmp_path, provider) as (aura, acme):
        proof = await acme.routing.train(labels, share=0.5)
        assert proof is not None
        assert proof.proved
        again = await aura.workspace(acme.organisation)
        again._parts.routing._kept.clear()  # pyright: ignore[reportPrivateUsage]
        for question in ("theorem 7 and 11", "colour 7 and 11"):
            await again.ask(question, search_knowledge=False)
        assert [hit.model for hit in provider.hits] == ["ok@grok", "ok@gpt"]
        other = await aura.tenants.create(
            organization_name="Globex",
            subdomain=f"globex-{uuid4().hex[:12]}",
            admin_email="admin@globex.test",
            password="correct horse battery",
        )
        await other.ask("theorem 7 and 11", search_knowledge=False)
        assert provider.hits[-1].model == "ok@gpt"
        assert await acme.routing.train(labels[:20]) is None  # and what was learned is gone
        await again.ask("theorem 7 and 11", search_knowledge=False)
        assert provider.hits[-1].model == "ok@gpt"
