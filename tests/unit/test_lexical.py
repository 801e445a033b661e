"""BM25: what is a term, and that the sparse inner product is BM25's score."""

from __future__ import annotations

import math
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura.index.lexical import (
    DIMENSIONS,
    MAX_TERM_LENGTH,
    MAX_TERMS,
    Statistics,
    from_sparsevec,
    idf,
    query_counts,
    query_weights,
    term_counts,
    term_id,
    to_sparsevec,
    tokenize,
    tokenize_query,
    weights,
)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("v1.2.3", ["v1.2.3", "1.2.3", "v1", "2", "3"]),
        ("foo_bar", ["foo_bar", "foo", "bar"]),
        ("E-4711", ["e-4711", "e", "4711"]),
        ("O'Brien", ["o'brien", "o", "brien"]),
        ("O’Brien", ["o'brien", "o", "brien"]),
        ("ada.lovelace@acme.test", ["ada.lovelace@acme.test", "ada", "lovelac", "acm", "test"]),
        ("24/7", ["24/7", "24", "7"]),
        ("C++ C#", ["c++", "c", "c#", "c"]),
    ],
)
def test_an_identifier_is_a_term_and_so_are_its_parts(text: str, terms: list[str]) -> None:
    assert tokenize(text) == terms


@pytest.mark.parametrize("text", ["dose-dependent", "dose/dependent", "dose dependent"])
def test_words_that_are_merely_joined_are_terms_alone(text: str) -> None:
    assert tokenize(text) == ["dose", "depend"]


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("müller", "MÜLLER"),
        ("muller", "Müller"),
        ("e\u0301tude", "étude"),
        ("strasse", "Straße"),
        ("fine", "ﬁne"),
        ("E-4711", "E\u20114711"),
        ("Kündigung", "Kün\u00addigung"),
        ("Acme", "Acme™"),
        ("revenue", "revenue¹"),
        ("refunds", "refunded"),
        ("patient", "patient's"),
        ("5000", "5,000"),
        ("ＡＢＣ", "abc"),
    ],
)
def test_spellings_of_one_word_are_one_term(typed: str, written: str) -> None:
    assert tokenize(typed) == tokenize(written)


def test_a_version_is_found_without_its_letter() -> None:
    assert "2.4" in tokenize("released as v2.4")
    assert tokenize("2.4")[0] == "2.4"


@pytest.mark.parametrize("word", ["हिन्दी", "العربية", "நன்றி", "русский", "ελληνικά"])
def test_a_word_of_another_script_is_one_term(word: str) -> None:
    assert len(tokenize(word)) == 1


def test_vowel_signs_belong_to_their_word() -> None:
    assert tokenize("हिन्दी") == ["हिन्दी"]


def test_scripts_without_spaces_are_indexed_by_characters_and_pairs() -> None:
    assert tokenize("东京都") == ["东", "东京", "京", "京都", "都"]


def test_a_word_of_another_script_ends_where_that_script_ends() -> None:
    assert tokenize("模型GPT4") == ["模", "模型", "型", "gpt4"]


def test_a_chunk_is_indexed_under_its_stop_words_too() -> None:
    assert tokenize("to be or not to be") == ["to", "be", "or", "not", "to", "be"]


def test_a_query_drops_its_stop_words() -> None:
    assert tokenize_query("How does the refund work?") == ["refund", "work"]


def test_a_query_of_stop_words_alone_keeps_them() -> None:
    assert tokenize_query("To be or not to be?") == tokenize("to be or not to be")
    assert tokenize_query("THE WHO") == ["the", "who"]


def test_capitals_save_a_word_that_would_be_a_stop_word() -> None:
    assert tokenize_query("our IT rules") == ["it", "rule"]
    assert tokenize_query("WHAT DOES IT SAY") == ["say"]


@pytest.mark.parametrize("text", ["", " \n", "... --- !", "\x00", "\ud800", "🙂", "___"])
def test_a_text_without_words_has_no_terms(text: str) -> None:
    assert tokenize(text) == tokenize_query(text) == []
    assert term_counts(text) == query_counts(text) == {}


def test_a_long_word_is_found_by_its_beginning() -> None:
    assert tokenize("a" * 10_000) == ["a" * MAX_TERM_LENGTH]


@pytest.mark.parametrize("text", ["1.2." * 60_000, "word " * 40_000, "猫" * 40_000, "a_b-" * 60_000])
def test_the_terms_of_a_text_are_bounded(text: str) -> None:
    assert len(tokenize(text)) == MAX_TERMS
    assert len(tokenize_query(text)) == MAX_TERMS


@given(st.text())
def test_any_text_has_short_terms_with_valid_ids(text: str) -> None:
    for term in tokenize(text):
        assert 0 < len(term) <= MAX_TERM_LENGTH
        assert 1 <= term_id(term) <= DIMENSIONS


@given(st.text())
def test_a_query_asks_only_for_terms_that_a_chunk_of_its_text_has(text: str) -> None:
    assert query_counts(text).keys() <= term_counts(text).keys()


def test_term_ids_never_change() -> None:
    # An index holds these numbers: another value here makes every stored vector worthless.
    assert term_id("refund") == 581_999_578
    assert term_id("東京") == 215_949_809


def test_threads_share_the_tokenizer() -> None:
    texts = [f"generously {i} organisations relational conditional {i}x" for i in range(200)]
    alone = [tokenize(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(tokenize, texts)) == alone


def test_counts_say_how_often_a_term_occurs() -> None:
    assert term_counts("Refund the refund") == {term_id("refund"): 2, term_id("the"): 1}


def test_the_average_length_of_an_empty_collection_is_zero() -> None:
    assert Statistics(chunks=0, total_length=0).average_length == 0
    assert Statistics(chunks=4, total_length=10).average_length == 2.5


def test_idf_falls_as_a_term_gets_common_and_stays_positive() -> None:
    values = [idf(1000, frequency) for frequency in (1, 10, 100, 500, 999, 1000)]
    assert values == sorted(values, reverse=True)
    assert values[-1] > 0
    assert idf(1000, 1001) == values[-1]


def test_idf_is_lucenes() -> None:
    assert idf(10, 3) == pytest.approx(math.log(1 + 7.5 / 3.5))


def test_weights_of_an_empty_collection_are_defined() -> None:
    assert weights({1: 1}, 1, 0.0) == {1: pytest.approx(1 / 2.2)}


def test_a_term_that_no_chunk_has_weighs_nothing() -> None:
    assert query_weights({1: 1, 2: 1}, {2: 5}, 10).keys() == {2}


def reference_bm25(query: list[str], document: list[str], corpus: list[list[str]]) -> float:
    """BM25 as the textbooks write it, over lists of words."""
    average = sum(len(d) for d in corpus) / len(corpus)
    score = 0.0
    for word in query:
        frequency = sum(word in d for d in corpus)
        rarity = math.log(1 + (len(corpus) - frequency + 0.5) / (frequency + 0.5))
        count = document.count(word)
        score += rarity * count * 2.2 / (count + 1.2 * (1 - 0.75 + 0.75 * len(document) / average))
    return score


def test_the_inner_product_is_bm25() -> None:
    random.seed(7)
    words = [f"w{i}" for i in range(60)]
    corpus = [random.choices(words, weights=range(60, 0, -1), k=random.randint(3, 40)) for _ in range(80)]
    chunks = [term_counts(" ".join(document)) for document in corpus]
    statistics = Statistics(chunks=len(chunks), total_length=sum(sum(c.values()) for c in chunks))
    frequencies = Counter(term for counts in chunks for term in counts)
    for query in (random.choices(words, k=4) for _ in range(20)):
        asked = query_weights(query_counts(" ".join(query)), frequencies, statistics.chunks)
        for document, counts in zip(corpus, chunks, strict=True):
            held = weights(counts, sum(counts.values()), statistics.average_length)
            score = sum(weight * held.get(term, 0.0) for term, weight in asked.items())
            assert 2.2 * score == pytest.approx(reference_bm25(query, document, corpus))


def test_a_sparse_vector_is_written_by_index() -> None:
    assert to_sparsevec({30: 0.5, 7: 1.25, 9: 0.0}) == "{7:1.25,30:0.5}/1000000000"
    assert to_sparsevec({}) == "{}/1000000000"


@given(st.dictionaries(st.integers(1, DIMENSIONS), st.floats(2.0**-60, 2.0**60, width=32)))
def test_a_sparse_vector_reads_back_as_written(vector: dict[int, float]) -> None:
    assert from_sparsevec(to_sparsevec(vector)) == {i: pytest.approx(v, rel=1e-8) for i, v in vector.items()}
