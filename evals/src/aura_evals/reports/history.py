"""The history of runs in a SQLite file: when, of what commit, with which numbers, and what the gate said."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import msgspec
import platformdirs

from aura_evals.errors import BadInput
from aura_evals.gate import Verdict
from aura_evals.result import Result, flat
from aura_evals.timings import Timings

_TABLE = """
    CREATE TABLE IF NOT EXISTS runs (
      id INTEGER PRIMARY KEY, at TEXT NOT NULL, commit_id TEXT NOT NULL, suite TEXT NOT NULL, dataset TEXT NOT NULL,
      split TEXT NOT NULL, passed INTEGER NOT NULL, seconds REAL NOT NULL, metrics TEXT NOT NULL, latency TEXT NOT NULL
    )
"""


class PastRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the history has it."""

    at: str
    commit: str
    passed: bool
    seconds: float
    metrics: Mapping[str, float]
    latency: Mapping[str, Mapping[str, float]]


class History:
    """The runs that were kept, in the user's data folder unless a file is named."""

    def __init__(self, path: Path | None = None) -> None:
        """Open it.

        Raises:
            BadInput: the file is not such a history, or can not be written.
        """
        path = path or platformdirs.user_data_path("aura-evals") / "history.sqlite"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, isolation_level=None)
            self._connection.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise BadInput(
                f"the history can not be kept there ({error}); choose another --history", path=path
            ) from None

    def __enter__(self) -> History:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._connection.close()

    def add(self, result: Result, verdict: Verdict, timings: Timings, *, seconds: float) -> None:
        """Keep a run."""
        self._connection.execute(
            "INSERT INTO runs (at, commit_id, suite, dataset, split, passed, seconds, metrics, latency)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                datetime.now(UTC).isoformat(timespec="seconds"),
                _commit(),
                result.suite,
                result.dataset,
                result.split,
                verdict.passed,
                round(seconds, 2),
                msgspec.json.encode(flat(result.metrics)).decode(),
                msgspec.json.encode(timings.percentiles()).decode(),
            ),
        )

    def of(self, suite: str, dataset: str, *, limit: int = 50) -> list[PastRun]:
        """The last runs of a suite on a dataset, the oldest first."""
        rows = self._connection.execute(
            "SELECT at, commit_id, passed, seconds, metrics, latency FROM runs WHERE suite = ? AND dataset = ?"
            " ORDER BY id DESC LIMIT ?",
            (suite, dataset, limit),
        ).fetchall()
        return [
            PastRun(
                at=at,
                commit=commit,
                passed=bool(passed),
                seconds=seconds,
                metrics=msgspec.json.decode(metrics, type=dict[str, float]),
                latency=msgspec.json.decode(latency, type=dict[str, dict[str, float]]),
            )
            for at, commit, passed, seconds, metrics, latency in reversed(rows)
        ]


def _commit() -> str:
    """The commit that is checked out where the command runs, or nothing."""
    git = shutil.which("git")
    if git is None:
        return ""
    found = subprocess.run([git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else ""
