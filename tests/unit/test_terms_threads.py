"""Answers are made in threads: what they share must not mix their words up."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from aura.answering.terms import stem

_WORDS = ("organisation", "calibration", "ventilator", "dependability", "hopefulness", "conditional", "relational")


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("hasty_threads")
def test_words_are_stemmed_alike_in_one_thread_and_in_many() -> None:
    words = [f"{prefix}{word}s" for prefix in ("re", "un", "over", "dis") for word in _WORDS for _ in range(3)]

    def fresh(word: str) -> str:
        return stem.__wrapped__(word, "english")

    alone = [fresh(word) for word in words]
    with ThreadPoolExecutor(8) as threads:
        together = [list(threads.map(fresh, words)) for _ in range(10)]

    assert all(stems == alone for stems in together)
