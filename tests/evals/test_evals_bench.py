"""The benchmarks' made-up chunks are such as AURA itself would have made."""

from __future__ import annotations

import numpy as np

from aura.index.lexical import term_counts
from aura_evals.bench.loading import distinct_terms
from aura_evals.bench.synthetic import VOCABULARY, word


def test_words_that_meet_in_one_hash_are_two_terms() -> None:
    hashed = np.array([term for rank in range(VOCABULARY) for term in term_counts(word(rank))], dtype=np.int64)
    assert len(np.unique(hashed)) < VOCABULARY  # or there is nothing to mend

    distinct = distinct_terms(hashed)

    assert len(np.unique(distinct)) == VOCABULARY
    assert np.count_nonzero(distinct != hashed) == VOCABULARY - len(np.unique(hashed))
    assert distinct.min() >= 1
