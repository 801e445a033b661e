"""What counts as said, and what counts as proven; each case decided by hand."""

from __future__ import annotations

import pytest

from aura_evals.judging import sentences, states, supported

TEXT = """Staff handbook

Everybody has 28 days of paid leave a year. Leave is asked for three weeks ahead.

Service | Time | Price
Standard | 5 days | 4.95
Express | 1 day | 14.50

A lost key is reported to the porter."""


def at(quote: str) -> tuple[int, int]:
    start = TEXT.index(quote)
    return start, start + len(quote)


def test_an_answer_is_parted_into_sentences_with_their_markers() -> None:
    text = "There are 28 days of leave [1]. Ask three weeks ahead [2][3]. And that is all."
    assert sentences(text) == [
        ("There are 28 days of leave", (1,)),
        ("Ask three weeks ahead", (2, 3)),
        ("And that is all", ()),
    ]


def test_a_marker_behind_the_full_stop_belongs_to_the_sentence_before_it() -> None:
    assert sentences("There are 28 days. [1]") == [("There are 28 days", (1,))]


@pytest.mark.parametrize(
    ("sentence", "quote", "expected"),
    [
        ("Everybody has 28 days of paid leave a year", "Everybody has 28 days of paid leave a year.", True),
        ("Everybody has 29 days of paid leave a year", "Everybody has 28 days of paid leave a year.", False),
        ("Everybody has 28 days of paid leave a year", "A lost key is reported to the porter.", False),
        ("Express – Time: 1 day, Price: 14.50", "Express | 1 day | 14.50", True),
        ("Express – Time: 1 day, Price: 14.50", "Standard | 5 days | 4.95", False),
        ("The porter is paid by the hour and sleeps in the house", "A lost key is reported to the porter.", False),
    ],
)
def test_a_citation_proves_a_sentence_only_with_its_numbers_and_most_of_its_words(
    sentence: str, quote: str, expected: bool
) -> None:
    assert supported(sentence, TEXT, *at(quote)) is expected


def test_a_place_outside_of_the_document_proves_nothing() -> None:
    assert not supported("Everybody has 28 days", TEXT, len(TEXT) + 5, len(TEXT) + 20)
    assert not supported("Everybody has 28 days", TEXT, 10, 10)


@pytest.mark.parametrize(
    ("text", "fact", "expected"),
    [
        ("You have 28 days.", ["28 days"], True),
        ("You have 128 days.", ["28 days"], False),
        ("You have 28\ndays.", ["28 days"], True),
        ("It costs 14.50.", ["14.5", "14.50"], True),
        ("It is RB-13b.", ["RB-13"], False),
        ("Only Jory Pell knows.", ["jory pell"], True),
    ],
)
def test_a_fact_is_stated_in_whole_words(text: str, fact: list[str], expected: bool) -> None:
    assert states(text, fact) is expected
