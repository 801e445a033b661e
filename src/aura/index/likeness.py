"""How alike an embedding model finds two texts, on a scale that means the same for every model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

UNRELATED = (
    "The cellist tuned her instrument before the concert.",
    "Volcanic ash settled on the roofs of the village.",
    "A parser turns tokens into a tree.",
    "Bake the bread until its crust is brown.",
    "The striker missed a penalty in the second half.",
    "Whales sing in the cold water of the bay.",
)
"""Texts that have nothing in common: how alike a model finds them is where its likeness begins."""

Vectors = Sequence[Sequence[float]]


def crowding(vectors: Vectors) -> float:
    """The average cosine of texts that have nothing in common: 0.04 for MiniLM, far higher for others."""
    rows = _directions(vectors)
    count = len(rows)
    return (float(np.square(rows.sum(axis=0)).sum()) - count) / (count * (count - 1))


def likeness(vectors: Vectors, unrelated: float, *, least: float = 0.0) -> list[float]:
    """How alike the first text and each of the others are: 0 as unrelated texts are, 1 for the same text.

    Args:
        unrelated: the model's `crowding`.
        least: nothing is less alike than this.
    """
    rows = _directions(vectors)
    return np.clip((rows[1:] @ rows[0] - unrelated) / max(1e-6, 1 - unrelated), least, 1).tolist()


def _directions(vectors: Vectors) -> NDArray[np.float32]:
    rows = np.array(vectors, dtype=np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
