"""What every entry says to a question becomes one ranking."""

from __future__ import annotations

import numpy as np

from aura.memory.ranking import Asked, Candidates, rank

NOW = 1_800_000_000.0


def candidates(length: list[int], counts: list[list[int]], dense: list[float]) -> Candidates:
    n = len(length)
    return Candidates(
        ids=np.array([bytes([i]) * 16 for i in range(n)], "V16"),
        at=np.full(n, NOW - 86_400.0),
        length=np.array(length, np.int32),
        counts=np.array(counts, np.uint8).reshape(len(counts), n),
        dense=np.array(dense, np.float32),
    )


def order(found: Candidates, *, weight: float | None = None, asked: int | None = None) -> list[int]:
    counts = tuple([1] * (len(found.counts) if asked is None else asked))
    return rank(found, Asked(counts=counts, now=NOW, weight=weight, everything=True), limit=len(found.at)).order


def test_a_name_that_half_of_the_turns_share_does_not_outweigh_what_is_near() -> None:
    """Of the question's words one is in some entries and the rest in none: that is little, though nothing has more."""
    name, never_said = [1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]
    found = candidates([20] * 6, [name, never_said, never_said], [0.1, 0.12, 0.6, 0.15, 0.2, 0.1])
    assert order(found)[0] == 2


def test_an_entry_with_every_word_of_the_question_comes_before_one_that_is_a_little_nearer() -> None:
    every = [[1, 0, 0, 0, 0, 0]] * 3
    found = candidates([20] * 6, every, [0.5, 0.6, 0.1, 0.15, 0.2, 0.1])
    assert order(found)[0] == 0


def test_what_says_little_comes_after_what_says_more_and_is_as_near() -> None:
    found = candidates([5, 20, 200, 20], [[0, 0, 0, 0]], [0.5, 0.49, 0.48, 0.1])
    assert order(found) == [1, 2, 0, 3]


def test_the_legs_alone_know_nothing_of_lengths() -> None:
    found = candidates([5, 20], [[0, 0]], [0.5, 0.49])
    assert order(found, weight=1) == [0, 1]
    worded = candidates([5, 20], [[1, 1]], [0.1, 0.9])
    assert order(worded, weight=0) == [0, 1]


def test_without_vectors_words_decide() -> None:
    found = candidates([20] * 4, [[0, 1, 0, 0], [0, 1, 1, 0]], [float("nan")] * 4)
    assert order(found)[:2] == [1, 2]
