"""Reranking: better order if there is time, the order as it was if there is none."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from aura.errors import InvalidRequest, Unavailable
from aura.index.rerank import BATCH, CrossEncoderReranker


class Overlap:
    """Scores a text by the words it shares with the question; waits at the gate if that is closed."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.threads: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, query: str, texts: list[str]) -> list[float]:
        self.calls.append(texts)
        self.threads.add(threading.current_thread().name)
        assert self.gate.wait(10)
        return [float(len(set(query.split()) & set(text.split()))) for text in texts]


@pytest.fixture
def overlap() -> Iterator[Overlap]:
    overlap = Overlap()
    yield overlap
    overlap.gate.set()


def nodes(*texts: str) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text), score=1.0 - place / 10) for place, text in enumerate(texts)]


def texts(found: list[NodeWithScore]) -> list[str]:
    return [node.node.get_content() for node in found]


async def test_passages_are_put_in_the_order_of_their_scores(overlap: Overlap) -> None:
    reranker = CrossEncoderReranker(scorer=overlap)
    found = await reranker.apostprocess_nodes(nodes("none", "a b c", "a"), query_str="a b c d")
    assert texts(found) == ["a b c", "a", "none"]
    assert [node.score for node in found] == [3.0, 1.0, 0.0]


async def test_equal_scores_stay_in_the_order_they_came_in(overlap: Overlap) -> None:
    found = await CrossEncoderReranker(scorer=overlap).apostprocess_nodes(nodes("z", "y", "x"), query_str="a")
    assert texts(found) == ["z", "y", "x"]


def test_the_sync_door_gives_the_same(overlap: Overlap) -> None:
    reranker = CrossEncoderReranker(scorer=overlap, top_n=1)
    assert texts(reranker.postprocess_nodes(nodes("none", "a"), query_str="a")) == ["a"]


@pytest.mark.parametrize("top_n", [1, 2, 9])
async def test_at_most_top_n_are_returned(overlap: Overlap, top_n: int) -> None:
    found = await CrossEncoderReranker(scorer=overlap, top_n=top_n).apostprocess_nodes(nodes("x", "a"), query_str="a")
    assert texts(found) == ["a", "x"][:top_n]


async def test_without_passages_or_question_nothing_is_scored(overlap: Overlap) -> None:
    reranker = CrossEncoderReranker(scorer=overlap)
    assert await reranker.apostprocess_nodes([], query_str="a") == []
    assert texts(await reranker.apostprocess_nodes(nodes("x", "a"))) == ["x", "a"]
    assert overlap.calls == []


async def test_over_budget_the_order_stays_and_the_loop_goes_on(overlap: Overlap) -> None:
    overlap.gate.clear()
    reranker = CrossEncoderReranker(scorer=overlap, budget_seconds=0.05, top_n=2)
    given = nodes("none", "a", "a b")
    started = time.monotonic()
    found = await reranker.apostprocess_nodes(given, query_str="a b")
    assert time.monotonic() - started < 2
    assert found == given[:2]
    assert reranker.postprocess_nodes(given, query_str="a b") == given[:2]


async def test_nobody_computes_for_a_caller_who_left(overlap: Overlap) -> None:
    overlap.gate.clear()
    reranker = CrossEncoderReranker(scorer=overlap, budget_seconds=0.05)
    await reranker.apostprocess_nodes(nodes(*["a"] * (3 * BATCH)), query_str="first")
    await reranker.apostprocess_nodes(nodes("a"), query_str="second")
    overlap.gate.set()
    await asyncio.to_thread(reranker.close)
    assert [len(call) for call in overlap.calls] == [BATCH]


async def test_all_scoring_is_done_in_one_thread_that_is_not_the_loops(overlap: Overlap) -> None:
    reranker = CrossEncoderReranker(scorer=overlap)
    calls = [reranker.apostprocess_nodes(nodes("a", "b"), query_str="a") for _ in range(10)]
    await asyncio.gather(*calls)
    assert len(overlap.threads) == 1
    assert threading.current_thread().name not in overlap.threads


async def test_a_failing_scorer_is_not_taken_for_a_slow_one() -> None:
    def failing(query: str, texts: list[str]) -> list[float]:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await CrossEncoderReranker(scorer=failing).apostprocess_nodes(nodes("a"), QueryBundle("a"))


async def test_a_missing_model_is_named_when_it_is_warmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(Unavailable, match="AURA_RERANK_MODEL"):
        await CrossEncoderReranker(model="no-such-organisation/no-such-model").warm()
    with pytest.raises(InvalidRequest, match="AURA_RERANK_MODEL"):
        await CrossEncoderReranker().warm()
