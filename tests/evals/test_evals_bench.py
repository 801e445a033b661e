"""The benchmarks' made-up chunks are such as AURA itself would have made."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aura.index.lexical import term_counts
from aura_evals.beir import open_dataset
from aura_evals.bench.corpus import write_corpus
from aura_evals.bench.loading import distinct_terms
from aura_evals.bench.synthetic import VOCABULARY, word


def test_words_that_meet_in_one_hash_are_two_terms() -> None:
    hashed = np.array([term for rank in range(VOCABULARY) for term in term_counts(word(rank))], dtype=np.int64)
    assert len(np.unique(hashed)) < VOCABULARY  # or there is nothing to mend

    distinct = distinct_terms(hashed)

    assert len(np.unique(distinct)) == VOCABULARY
    assert np.count_nonzero(distinct != hashed) == VOCABULARY - len(np.unique(hashed))
    assert distinct.min() >= 1


def test_the_corpus_of_the_memory_benchmark_is_a_dataset_whose_every_question_has_its_document(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", 100)
    dataset = open_dataset(tmp_path / "corpus")
    assert dataset.documents == 100
    by_id = {document.id: document.content for document in dataset.corpus()}
    for query in dataset.queries:
        assert query.text in by_id[query.id.replace("q", "d")].split()
    assert len(dataset.queries) == 5
