"""The gate of the gate: what a careless change would do to AURA turns it red, and it names the right measure.

A baseline is made of AURA as it is; then AURA is changed on purpose, and the same suite runs again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evals_datasets import write_lines
from evals_golden_sets import write_golden
from llama_index.core.llms import ChatMessage, ChatResponse, CompletionResponse, CustomLLM, LLMMetadata, MessageRole
from numpy.typing import NDArray

from aura.answering import proofs
from aura.answering.citations import Reading
from aura.answering.sentences import Span
from aura.answering.task import read_task
from aura.documents.split import ChunkDraft, Splitter
from aura.index import lexical, tenant_index
from aura.index.fusion import Fused
from aura.testing.embeddings import HashEmbedding
from aura_evals.beir import open_dataset
from aura_evals.gate import Verdict, compare, judge
from aura_evals.golden import open_golden
from aura_evals.progress import Bars
from aura_evals.result import About, Result, result_of
from aura_evals.runner import run_suite
from aura_evals.sandbox import Equipment
from aura_evals.suite import Suite
from aura_evals.timings import Timings
from aura_evals.vectors import VectorCache

SUBJECTS = [
    "anchor", "barrel", "candle", "dagger", "engine", "feather", "garden", "hammer", "island", "jacket", "kettle",
    "ladder", "mirror", "needle", "orchard", "pillow", "quarry", "ribbon", "saddle", "timber", "urn", "violin",
    "wagon", "yarn",
]  # fmt: skip
METRICS = ("ndcg@10", "mrr")


class Thesaurus(HashEmbedding):
    """Knows that `syn-anchor` means `anchor`, as a real model knows words that mean the same."""

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        return super().encode([text.replace("syn", "") for text in texts])


class Blind(HashEmbedding):
    """Sees no difference between texts, so that BM25 decides alone."""

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        return super().encode(["the same"] * len(texts))


def corpus(folder: Path, query: str) -> Path:
    (folder / "qrels").mkdir(parents=True)
    documents = [
        {"_id": f"d{n:02}", "text": f"The {subject} is stored in hall {n}, and repairs are done there{' slowly' * n}."}
        for n, subject in enumerate(SUBJECTS)
    ]
    queries = [{"_id": f"q{n:02}", "text": query.format(subject=subject)} for n, subject in enumerate(SUBJECTS)]
    write_lines(folder / "corpus.jsonl", *map(json.dumps, documents))
    write_lines(folder / "queries.jsonl", *map(json.dumps, queries))
    write_lines(folder / "qrels" / "test.tsv", *(f"q{n:02}\td{n:02}\t1" for n in range(len(SUBJECTS))))
    return folder


class Bench:
    """Runs suites in one database, and compares two runs as the gate does."""

    def __init__(self, data_dir: Path, cache: VectorCache) -> None:
        self._data_dir = data_dir
        self._cache = cache

    async def run(self, suite: Suite, data: Path, embed_model: HashEmbedding, llm: CustomLLM | None = None) -> Result:
        dataset = open_dataset(data) if (data / "qrels").is_dir() else open_golden(data)
        (self._data_dir / "aura-evals-place.json").unlink(missing_ok=True)  # a mutation must be indexed anew
        equipment = Equipment(
            cache=self._cache,
            bars=Bars(),
            timings=Timings(),
            data_dir=self._data_dir,
            embed_model=embed_model,
            llm=llm,
        )
        about = About(name="mutations", split="test", documents=0, queries=0)
        return result_of(suite, about, await run_suite(suite, dataset, equipment), suite.all_floors())


def verdict(before: Result, after: Result) -> Verdict:
    moved = tuple(compare({case.id: case for case in before.cases}, {case.id: case for case in after.cases}))
    return Verdict(faults=tuple(str(each) for each in moved if each.regressed) + judge(after).faults, moved=moved)


def named(found: Verdict) -> set[str]:
    return {moved.measure for moved in found.regressions}


@pytest.fixture
def bench(evals_dir: Path, tmp_path: Path) -> Iterator[Bench]:
    with VectorCache(tmp_path / "cache") as cache:
        yield Bench(evals_dir, cache)


@pytest.fixture
def paraphrases(tmp_path: Path) -> Path:
    return corpus(tmp_path / "paraphrases", "in which hall is the syn{subject}")


@pytest.fixture
def plurals(tmp_path: Path) -> Path:
    return corpus(tmp_path / "plurals", "{subject}s")


async def test_a_fusion_that_ignores_the_dense_leg_is_red_in_hybrid(bench: Bench, paraphrases: Path) -> None:
    suite = Suite(name="m", kind="retrieval", metrics=METRICS)
    before = await bench.run(suite, paraphrases, Thesaurus())
    mutated = Suite(name="m", kind="retrieval", metrics=METRICS, settings={"fusion_weight": 0.0})
    found = verdict(before, await bench.run(mutated, paraphrases, Thesaurus()))
    assert named(found) == {"hybrid.ndcg@10", "hybrid.mrr"}
    assert len(found.regressions[0].changes) == 10


async def test_search_without_stemming_is_red_in_bm25(
    bench: Bench, plurals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = Suite(name="m", kind="retrieval", metrics=METRICS)
    before = await bench.run(suite, plurals, Blind())
    monkeypatch.setattr(lexical, "_stem", lambda word: word)
    lexical._terms.cache_clear()  # pyright: ignore[reportPrivateUsage]
    try:
        found = verdict(before, await bench.run(suite, plurals, Blind()))
    finally:
        lexical._terms.cache_clear()  # pyright: ignore[reportPrivateUsage]
    assert {"bm25.ndcg@10", "bm25.mrr"} <= named(found)
    assert not any(measure.startswith("dense.") for measure in named(found))


async def test_passages_in_the_wrong_order_are_red_in_the_measures_of_rank(
    bench: Bench, plurals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = Suite(name="m", kind="retrieval", legs=("hybrid",), metrics=(*METRICS, "recall@100"))
    before = await bench.run(suite, plurals, HashEmbedding())
    fused = tenant_index.fuse

    def reversed_order(*arguments: Any, **options: Any) -> list[Fused]:
        return fused(*arguments, **options)[::-1]

    monkeypatch.setattr(tenant_index, "fuse", reversed_order)
    found = verdict(before, await bench.run(suite, plurals, HashEmbedding()))
    assert named(found) == {"hybrid.ndcg@10", "hybrid.mrr"}  # all are found, but late


async def test_chunks_in_the_wrong_order_are_red_in_chunks(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = Suite(name="m", kind="retrieval", legs=("hybrid",), floors={"chunks.faithful": 1.0})
    before = await bench.run(suite, write_golden(tmp_path / "before"), HashEmbedding())
    assert judge(before).passed, judge(before).faults
    split = Splitter.split

    def shuffled(self: Splitter, out_dir: Path) -> Iterator[ChunkDraft]:
        drafts = list(split(self, out_dir))
        for ordinal, draft in enumerate(reversed(drafts)):
            yield ChunkDraft(**{**{name: getattr(draft, name) for name in draft.__struct_fields__}, "ordinal": ordinal})

    monkeypatch.setattr(Splitter, "split", shuffled)
    found = verdict(before, await bench.run(suite, write_golden(tmp_path / "after"), HashEmbedding()))
    assert any(fault.startswith("chunks.faithful is") for fault in found.faults)


class Liar(CustomLLM):
    """Says what the first passage says, and cites another one."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="liar", is_chat_model=True)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        raise NotImplementedError

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise NotImplementedError

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        passages = read_task(messages).passages
        first = next(line for line in passages[0].text.splitlines() if line.endswith("."))
        text = f"{first.split('. ')[0].rstrip('.')} [{passages[0].marker}][{passages[-1].marker}]."

        async def said() -> AsyncIterator[ChatResponse]:
            yield ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text), delta=text)

        return said()


async def test_citations_that_nobody_checks_are_red_in_citation_precision(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = Suite(name="m", kind="answers", floors={"citations.precision": 0.98})
    data = write_golden(tmp_path / "set")
    before = await bench.run(suite, data, HashEmbedding(), Liar())
    assert judge(before).passed, judge(before).faults

    def everything(sentence: str, reading: Reading) -> Span:
        passage = reading.passage
        return Span(passage.start, passage.end)

    monkeypatch.setattr(proofs, "supports", everything)
    found = verdict(before, await bench.run(suite, data, HashEmbedding(), Liar()))
    assert any(fault.startswith("citations.precision is") for fault in found.faults)
