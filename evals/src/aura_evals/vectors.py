"""Vectors that outlive a run: a cold run spends nearly all of its time on encoding, at some 26 documents a second."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType

import numpy as np
import platformdirs
from numpy.typing import NDArray

from aura_evals.errors import BadInput

Vectors = NDArray[np.float32]

_TABLE = """
    CREATE TABLE IF NOT EXISTS vectors (
      model_sha256 TEXT NOT NULL, text_sha256 BLOB NOT NULL, vector BLOB NOT NULL,
      PRIMARY KEY (model_sha256, text_sha256)
    ) WITHOUT ROWID
"""
_WAIT_SECONDS = 60.0


class VectorCache:
    """Vectors by the SHA-256 of the model's weights and of the text, in a SQLite file; several runs may share it."""

    def __init__(self, folder: Path | None = None) -> None:
        """Open the cache in `folder`, by default the user's cache folder for `aura-evals`.

        Raises:
            BadInput: the folder can not be written to, or the file there is not such a cache.
        """
        folder = folder or platformdirs.user_cache_path("aura-evals")
        path = folder / "vectors.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path, timeout=_WAIT_SECONDS, check_same_thread=False, isolation_level=None
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise BadInput(f"vectors can not be kept there ({error}); choose another --cache-dir", path=path) from None

    def __enter__(self) -> VectorCache:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._connection.close()

    def embed(
        self, texts: Sequence[str], *, model_sha256: str, dimension: int, encode: Callable[[list[str]], Vectors]
    ) -> Vectors:
        """`(len(texts), dimension) float32`: what the cache has, and `encode` of the rest, which is then kept. Blocks."""
        keys = _keys(texts)
        found = self._read(model_sha256, keys, dimension)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing:
            encoded = np.asarray(encode(list(missing.values())), dtype=np.float32)
            made = dict(zip(missing, encoded, strict=True))
            self._write(model_sha256, made)
            found |= made
        return np.stack([found[key] for key in keys])

    def _read(self, model_sha256: str, keys: Sequence[bytes], dimension: int) -> dict[bytes, Vectors]:
        rows = (
            self._connection.execute(
                "SELECT text_sha256, vector FROM vectors WHERE model_sha256 = ? AND text_sha256 = ?",
                (model_sha256, key),
            ).fetchone()
            for key in keys
        )
        vectors = {row[0]: np.frombuffer(row[1], dtype=np.float32) for row in rows if row is not None}
        return {key: vector for key, vector in vectors.items() if vector.shape == (dimension,)}

    def _write(self, model_sha256: str, vectors: dict[bytes, Vectors]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(
            "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
            [(model_sha256, key, vector.tobytes()) for key, vector in vectors.items()],
        )
        self._connection.execute("COMMIT")


def _keys(texts: Sequence[str]) -> list[bytes]:
    return [sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
