"""The suites that make their own data: leak probes, and recall in a database of many tenants."""

from __future__ import annotations

from pathlib import Path

import pytest

from aura import Passage, Workspace
from aura.testing.embeddings import HashEmbedding
from aura_evals.gate import judge
from aura_evals.progress import Bars
from aura_evals.result import About, Result, result_of
from aura_evals.runner import run_suite
from aura_evals.sandbox import Equipment
from aura_evals.suite import Suite, open_suite
from aura_evals.timings import Timings
from aura_evals.vectors import VectorCache


async def run(suite: Suite, data_dir: Path, tmp_path: Path) -> Result:
    with VectorCache(tmp_path) as cache:
        equipment = Equipment(
            cache=cache, bars=Bars(), timings=Timings(), data_dir=data_dir, embed_model=HashEmbedding()
        )
        outcome = await run_suite(suite, None, equipment)
    return result_of(suite, About(name=suite.name, split="all", documents=0, queries=0), outcome, suite.all_floors())


async def test_no_probe_of_the_library_gets_through(evals_dir: Path, tmp_path: Path) -> None:
    result = await run(open_suite("isolation"), evals_dir, tmp_path)
    assert judge(result).passed, judge(result).faults
    assert result.metrics == {"isolation": {"kept": 1.0}}
    assert len(result.cases) == 34


async def test_a_cache_whose_key_lacks_the_tenant_turns_the_gate_red(
    evals_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = Workspace.search
    kept: dict[str, list[Passage]] = {}

    async def leaky(self: Workspace, query: str, **options: object) -> list[Passage]:
        if query not in kept:
            kept[query] = await searched(self, query, **options)  # pyright: ignore[reportArgumentType]
        return kept[query]

    monkeypatch.setattr(Workspace, "search", leaky)
    result = await run(open_suite("isolation"), evals_dir, tmp_path)
    verdict = judge(result)
    assert not verdict.passed
    assert result.metrics["isolation"]["kept"] < 1
    assert "isolation: search hybrid, north to south: the other tenant's content came back" in verdict.faults
    assert any(fault.startswith("isolation.kept is") for fault in verdict.faults)


async def test_every_tenant_finds_what_an_exact_scan_of_its_own_rows_finds(evals_dir: Path, tmp_path: Path) -> None:
    suite = Suite(name="tenants", kind="tenants", sizes=(1, 9, 60), floors={"dense.exact_recall@10": 0.95})
    result = await run(suite, evals_dir, tmp_path)
    assert judge(result).passed
    assert result.metrics == {"dense": {"exact_recall@10": 1.0}}
    assert set(result.slices) == {"1 chunks", "9 chunks", "60 chunks"}


async def test_a_tenant_that_loses_rows_turns_the_gate_red_even_where_the_mean_holds(
    evals_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryResult

    from aura.index.store import TenantVectorStore

    asked = TenantVectorStore.aquery

    async def lossy(self: TenantVectorStore, query: VectorStoreQuery, **options: object) -> VectorStoreQueryResult:
        result = await asked(self, query, **options)
        return result if len(result.ids or ()) < 9 else VectorStoreQueryResult(ids=(result.ids or [])[:8])

    monkeypatch.setattr(TenantVectorStore, "aquery", lossy)
    suite = Suite(name="tenants", kind="tenants", sizes=(1, 2, 3, 4, 5, 6, 60))
    verdict = judge(await run(suite, evals_dir, tmp_path))
    assert verdict.faults == ("dense.exact_recall@10 of tenant '60 chunks' is 0.8000, below 0.95 of the exact scan",)
