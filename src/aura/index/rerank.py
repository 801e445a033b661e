"""An optional last look at the best passages by a cross-encoder, within a budget of time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypeAlias

from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from aura.errors import InvalidRequest
from aura.index.embedding import hub_folder, quietly

Scorer: TypeAlias = Callable[[str, list[str]], Sequence[float]]
"""How well each text answers a question; higher is better. It blocks."""

BATCH = 8
"""Pairs that are scored between two looks at the clock."""


class CrossEncoderReranker(BaseNodePostprocessor):
    """Orders passages by a cross-encoder's score, or leaves them as they came when that takes too long.

    All scoring is done in one thread of its own. The first call only starts to load the model; see `warm`.

    Attributes:
        model: a sentence-transformers cross-encoder: a folder, or a name on the Hugging Face hub.
        budget_seconds: from the call to the answer, waiting for other calls included.
        top_n: how many passages are returned; None for all.
        scorer: scores in the place of `model`.
    """

    model: str = ""
    budget_seconds: float = Field(default=0.5, gt=0)
    top_n: int | None = Field(default=None, ge=1)
    scorer: Scorer | None = Field(default=None, exclude=True)
    _thread: ThreadPoolExecutor = PrivateAttr(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="aura-rerank")
    )

    @classmethod
    def class_name(cls) -> str:
        """The name that LlamaIndex stores."""
        return "CrossEncoderReranker"

    async def warm(self) -> None:
        """Load the model now.

        Raises:
            InvalidRequest: there is no such model.
            Unavailable: it would have to be downloaded, and the hub does not answer.
        """
        await asyncio.wrap_future(self._thread.submit(self._loaded))

    def close(self) -> None:
        """End the thread after the batch under way."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if not nodes or query_bundle is None:
            return nodes
        scores = self._start(nodes, query_bundle.query_str)
        done, _ = wait([scores], timeout=self.budget_seconds)
        if not done:
            scores.cancel()
        return self._ordered(nodes, scores.result() if done else None)

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if not nodes or query_bundle is None:
            return nodes
        scores = asyncio.wrap_future(self._start(nodes, query_bundle.query_str))
        done, _ = await asyncio.wait([scores], timeout=self.budget_seconds)
        if not done:
            scores.cancel()
        return self._ordered(nodes, scores.result() if done else None)

    def _start(self, nodes: Sequence[NodeWithScore], query: str) -> Future[list[float] | None]:
        texts = [node.node.get_content(metadata_mode=MetadataMode.EMBED) for node in nodes]
        return self._thread.submit(self._score, query, texts, time.monotonic() + self.budget_seconds)

    def _score(self, query: str, texts: list[str], deadline: float) -> list[float] | None:
        """The scores, or None at the deadline. It is looked at between batches, so that nobody computes for no one."""
        scorer = self._loaded()
        scores: list[float] = []
        for start in range(0, len(texts), BATCH):
            if time.monotonic() > deadline:
                return None
            scores += [float(score) for score in scorer(query, texts[start : start + BATCH])]
        return scores

    def _ordered(self, nodes: list[NodeWithScore], scores: list[float] | None) -> list[NodeWithScore]:
        if scores is not None:
            scored = [NodeWithScore(node=node.node, score=score) for node, score in zip(nodes, scores, strict=True)]
            nodes = sorted(scored, key=lambda node: -(node.score or 0.0))
        return nodes[: self.top_n]

    def _loaded(self) -> Scorer:
        if self.scorer is None:
            self.scorer = _load(self.model)
        return self.scorer


def _load(model: str) -> Scorer:
    if not model:
        raise InvalidRequest("no cross-encoder is named: set AURA_RERANK_MODEL", field="rerank_model")
    folder = Path(model) if Path(model).is_dir() else hub_folder(model, field="rerank_model")
    with quietly():
        from sentence_transformers import CrossEncoder

        encoder = CrossEncoder(str(folder), local_files_only=True, model_kwargs={"use_safetensors": True})

    def score(query: str, texts: list[str]) -> Sequence[float]:
        return encoder.predict([(query, text) for text in texts], show_progress_bar=False).tolist()

    return score
