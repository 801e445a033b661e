"""A run over a large corpus is streamed, and goes on where it was interrupted."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from evals_datasets import write_lines
from llama_index.core.schema import BaseNode

from aura.index.store import TenantVectorStore
from aura.testing.embeddings import HashEmbedding
from aura_evals.beir import open_dataset
from aura_evals.progress import Bars
from aura_evals.result import Outcome, means
from aura_evals.retrieval import PLACE, run_retrieval
from aura_evals.sandbox import Equipment
from aura_evals.suite import Suite
from aura_evals.timings import Timings
from aura_evals.vectors import VectorCache

COUNT = 1_500
SUITE = Suite(name="large", kind="retrieval", legs=("hybrid",), metrics=("mrr",))


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "large"
    (folder / "qrels").mkdir(parents=True)
    write_lines(
        folder / "corpus.jsonl", *(json.dumps({"_id": f"d{n}", "text": f"row {n} of a book"}) for n in range(COUNT))
    )
    write_lines(folder / "queries.jsonl", *(json.dumps({"_id": f"q{n}", "text": f"row {n}"}) for n in (3, 700, 1499)))
    write_lines(folder / "qrels" / "test.tsv", *(f"q{n}\td{n}\t1" for n in (3, 700, 1499)))
    return folder


async def run(corpus: Path, data_dir: Path, cache: VectorCache) -> Outcome:
    equipment = Equipment(cache=cache, bars=Bars(), timings=Timings(), data_dir=data_dir, embed_model=HashEmbedding())
    return await run_retrieval(SUITE, open_dataset(corpus), equipment)


async def test_an_interrupted_run_goes_on_where_it_was_and_holds_few_documents_at_once(
    corpus: Path, evals_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (evals_dir / PLACE).unlink(missing_ok=True)
    stored: list[str] = []
    given: list[weakref.ref[BaseNode]] = []
    alive: list[int] = []
    add = TenantVectorStore.async_add
    stop_after = 2

    async def counted(self: TenantVectorStore, nodes: Sequence[BaseNode], **options: Any) -> list[str]:
        if len(alive) == stop_after:
            raise Interrupted
        given.extend(weakref.ref(node) for node in nodes)
        gc.collect()
        alive.append(sum(node() is not None for node in given))
        ids = await add(self, nodes, **options)
        stored.extend(ids)
        return ids

    monkeypatch.setattr(TenantVectorStore, "async_add", counted)
    with VectorCache(tmp_path / "cache") as cache:
        with pytest.raises(Interrupted):
            await run(corpus, evals_dir, cache)
        assert len(stored) == 512
        assert json.loads((evals_dir / PLACE).read_text())["documents"] == 512
        stop_after = 100
        outcome = await run(corpus, evals_dir, cache)
    assert stored == [f"d{n}" for n in range(COUNT)]
    assert max(alive) < 3 * 256 + 64  # of 1,500: two batches, whatever the corpus has
    assert means(outcome.cases) == {"hybrid": {"mrr": 1.0}}


async def test_another_corpus_begins_anew(corpus: Path, evals_dir: Path, tmp_path: Path) -> None:
    (evals_dir / PLACE).unlink(missing_ok=True)
    with VectorCache(tmp_path / "cache") as cache:
        await run(corpus, evals_dir, cache)
        first = json.loads((evals_dir / PLACE).read_text())
        with (corpus / "corpus.jsonl").open("a") as file:
            file.write('{"_id": "new", "text": "one more"}\n')
        await run(corpus, evals_dir, cache)
    second = json.loads((evals_dir / PLACE).read_text())
    assert second["documents"] == COUNT + 1
    assert second["subdomain"] != first["subdomain"]
