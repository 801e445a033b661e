"""What every embedding model keeps: the shipped fake, the packaged weights, and an adapted one of LlamaIndex."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from llama_index.core.base.embeddings.base import BaseEmbedding

from aura.errors import Unavailable
from aura.index.embedding import EmbeddingModel, adapt_embedding, open_embedding
from aura.settings import Settings
from aura.testing.embeddings import HashEmbedding

RETURNS = "Customers have 45 days to return a product."
VACATION = "Employees get 26 days of paid vacation."
TEXTS = [RETURNS, VACATION, "", "v1.2.3", "Rückgabe und Umtausch", "退货", RETURNS * 200]


class Foreign(BaseEmbedding):
    """An embedding as others write one: LlamaIndex's base class, lists of floats, any length."""

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        raise AssertionError("the synchronous method blocks no loop, as it is called in a thread")

    def _get_text_embedding(self, text: str) -> list[float]:
        return (3 * HashEmbedding(64).encode([text])[0]).tolist()


async def opened(name: str) -> EmbeddingModel:
    if name == "fake":
        return HashEmbedding()
    if name == "adapted":
        return await adapt_embedding(Foreign(model_name="foreign"))
    return await asyncio.to_thread(open_embedding, Settings())


@pytest.fixture(params=["fake", "packaged", "adapted"])
async def model(request: pytest.FixtureRequest) -> AsyncIterator[EmbeddingModel]:
    model = await opened(request.param)
    yield model
    model.close()


async def test_passages_are_float32_rows_of_unit_length(model: EmbeddingModel) -> None:
    vectors = await model.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), model.dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-4)


async def test_no_texts_are_no_rows(model: EmbeddingModel) -> None:
    assert (await model.embed([])).shape == (0, model.dimension)


async def test_a_text_has_the_same_vector_alone_and_in_a_batch(model: EmbeddingModel) -> None:
    together = await model.embed(TEXTS)
    alone = np.concatenate([await model.embed([text]) for text in TEXTS])
    assert np.abs(together - alone).max() < 1e-4


async def test_a_question_is_nearer_to_what_answers_it(model: EmbeddingModel) -> None:
    asked = await model.embed_query("How many days do customers have to return a product?")
    near, far = (await model.embed([RETURNS, VACATION])) @ asked
    assert near > far


async def test_llama_index_gets_the_same_vectors_from_every_method(model: EmbeddingModel) -> None:
    expected = (await model.embed([RETURNS]))[0]
    sync = await asyncio.to_thread(model.get_text_embedding, RETURNS)
    assert np.abs(expected - np.asarray(sync)).max() < 1e-4
    assert np.abs(expected - np.asarray(await model.aget_text_embedding(RETURNS))).max() < 1e-4
    asked = await model.embed_query(RETURNS)
    assert np.abs(asked - np.asarray(await model.aget_query_embedding(RETURNS))).max() < 1e-4


async def test_a_model_says_what_an_index_must_know_of_it(model: EmbeddingModel) -> None:
    assert len(bytes.fromhex(model.weights_sha256)) == 32
    assert model.max_tokens >= 8
    assert model.count_tokens("") == 0
    assert model.count_tokens(RETURNS) >= len(RETURNS.split())


async def test_opened_twice_it_is_the_same_model(model: EmbeddingModel, request: pytest.FixtureRequest) -> None:
    again = await opened(request.node.callspec.params["model"])
    assert (again.weights_sha256, again.dimension) == (model.weights_sha256, model.dimension)
    again.close()


async def test_a_closed_model_is_unavailable(model: EmbeddingModel) -> None:
    model.close()
    with pytest.raises(Unavailable):
        await model.embed([RETURNS])


def test_different_models_are_told_apart() -> None:
    async def identities() -> list[str]:
        models = [await opened(name) for name in ("fake", "packaged", "adapted")]
        for model in models:
            model.close()
        return [model.weights_sha256 for model in models]

    assert len(set(asyncio.run(identities()))) == 3
