"""The cache of vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aura_evals.errors import BadInput
from aura_evals.vectors import VectorCache, Vectors


class Encoder:
    """Encodes a text as its length, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, texts: list[str]) -> Vectors:
        self.asked.append(texts)
        return np.array([[len(text), 0.5] for text in texts], dtype=np.float32)


def embed(folder: Path, encode: Encoder, *texts: str, model: str = "m", dimension: int = 2) -> list[list[float]]:
    with VectorCache(folder) as cache:
        found = cache.embed(texts, model_sha256=model, dimension=dimension, encode=encode)
    return found.tolist()


def test_a_text_is_encoded_once_for_all_runs(tmp_path: Path) -> None:
    encode = Encoder()
    first = embed(tmp_path, encode, "a", "bb")
    assert embed(tmp_path, encode, "bb", "ccc", "a") == [first[1], [3.0, 0.5], first[0]]
    assert encode.asked == [["a", "bb"], ["ccc"]]


def test_a_text_that_is_there_twice_is_encoded_once(tmp_path: Path) -> None:
    encode = Encoder()
    assert embed(tmp_path, encode, "a", "a") == [[1.0, 0.5], [1.0, 0.5]]
    assert encode.asked == [["a"]]


def test_another_model_has_other_vectors(tmp_path: Path) -> None:
    encode = Encoder()
    embed(tmp_path, encode, "a", model="m1")
    embed(tmp_path, encode, "a", model="m2")
    assert encode.asked == [["a"], ["a"]]


def test_a_vector_of_another_dimension_is_made_anew(tmp_path: Path) -> None:
    encode = Encoder()
    with VectorCache(tmp_path) as cache:
        cache._write("m", {b"": np.zeros(1, dtype=np.float32)})  # pyright: ignore[reportPrivateUsage]
    embed(tmp_path, encode, "a")
    with VectorCache(tmp_path) as cache:
        cache._connection.execute("UPDATE vectors SET vector = x'00000000'")  # pyright: ignore[reportPrivateUsage]
    assert embed(tmp_path, encode, "a") == [[1.0, 0.5]]


def test_half_a_surrogate_pair_can_be_a_key(tmp_path: Path) -> None:
    assert embed(tmp_path, Encoder(), "\ud800") == [[1.0, 0.5]]


def test_a_file_that_is_no_cache_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vectors.sqlite").write_text("not a database at all, but long enough to look like one" * 40)
    with pytest.raises(BadInput, match="vectors can not be kept there"):
        VectorCache(tmp_path)
