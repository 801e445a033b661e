"""What proves a sentence, and what only looks like it."""

from __future__ import annotations

import time
from uuid import UUID

import pytest

from aura.answering.citations import read, supports
from aura.index.passage import Passage

START = 1000  # where the passages begin in their document


def passage(text: str, heading: tuple[str, ...] = (), filename: str = "handbook.md") -> Passage:
    return Passage(
        chunk_id="c",
        document_id=UUID(int=1),
        version=1,
        filename=filename,
        page=3,
        start=START,
        end=START + len(text),
        heading=heading,
        text=text,
        score=1.0,
    )


RETURNS = passage(
    "Customers may return unused items within 45 days of delivery, but not clearance items. Refunds are issued within 5"
    " business days. Climbing ropes can not be returned once the seal is broken. Gift cards never expire. The store"
    " manager is Priya Raman. The form is WR-12 of version v2.4.0.",
    ("Returns",),
)
RATES = passage("Service | Time | Price\nStandard | 3-5 days | $4.95\nExpress | 1 day | $14.50", ("Shipping",))
LUMEN = passage("The Lumen 400 headlamp has a warranty of 24 months; the Lumen 250 has one of 12 months.")
GERMAN = passage("Beschäftigte haben 30 Urlaubstage im Jahr. Überstunden werden nicht ausbezahlt.")


def quote(sentence: str, of: Passage) -> str | None:
    span = supports(sentence, of)
    return None if span is None else of.text[span.start - of.start : span.end - of.start]


def test_a_quote_is_whole_statements_in_the_coordinates_of_the_document() -> None:
    span = supports("Refunds take 5 business days.", RETURNS)
    assert span is not None
    assert span.start == START + RETURNS.text.index("Refunds")
    assert RETURNS.text[span.start - START : span.end - START] == "Refunds are issued within 5 business days."


@pytest.mark.parametrize(
    "sentence",
    [
        "Customers may return unused items within 45 days of delivery.",
        "You can return unused items within 45 days.",
        "Climbing ropes can not be returned once the seal is broken.",
        "Gift cards do not expire.",
        "Priya Raman manages the store.",
        "The form is WR-12.",
        "Version 2.4.0 has the form WR-12.",
    ],
)
def test_a_sentence_that_the_passage_says_is_supported(sentence: str) -> None:
    assert quote(sentence, RETURNS) is not None


@pytest.mark.parametrize(
    "sentence",
    [
        "Customers may return unused items within 30 days of delivery.",  # another number
        "Customers may not return unused items within 45 days of delivery.",  # a negation added
        "Climbing ropes can be returned once the seal is broken.",  # a negation lost
        "The store manager is Tom Okafor.",  # another name
        "The form is WR-15.",  # another identifier
        "Version v2.4.1 has the form WR-12.",
        "Refunds take 45 business days.",  # the number of another statement
        "Customers love the friendly service of our store in winter.",  # nothing of it
        "Yes.",
        "",
        "[]",
    ],
)
def test_a_sentence_that_the_passage_does_not_say_is_not_supported(sentence: str) -> None:
    assert quote(sentence, RETURNS) is None


def test_a_table_row_proves_what_its_header_and_cells_say() -> None:
    assert quote("Express shipping has a price of $14.50.", RATES) == "Express | 1 day | $14.50"


def test_the_cell_of_one_row_does_not_prove_another() -> None:
    assert quote("Express shipping has a price of $4.95.", RATES) is None


def test_two_rows_are_quoted_for_a_sentence_that_names_both() -> None:
    found = quote("The price is $4.95 for Standard and $14.50 for Express.", RATES)
    assert found == "Standard | 3-5 days | $4.95\nExpress | 1 day | $14.50"


def test_numbers_on_either_side_of_a_semicolon_are_not_exchanged() -> None:
    assert quote("The Lumen 400 headlamp has a warranty of 24 months.", LUMEN) is not None
    assert quote("The Lumen 400 headlamp has a warranty of 12 months.", LUMEN) is None


def test_a_field_is_proved_together_with_the_name_of_its_record() -> None:
    codes = passage(
        "codes[0].code: E-104\ncodes[0].meaning: The door is open.\ncodes[1].code: E-131\ncodes[1].meaning: No charge."
    )
    assert quote("E-104 – meaning: The door is open.", codes) == "codes[0].meaning: The door is open."
    assert quote("E-131 – meaning: The door is open.", codes) is None


def test_headings_complete_a_quote_but_prove_nothing_alone() -> None:
    rates = passage("The price is $9.", ("Lumen headlamp",))
    assert quote("The price of the Lumen headlamp is $9.", rates) == "The price is $9."
    assert quote("Lumen headlamp.", rates) is None


def test_a_number_may_be_written_out() -> None:
    assert quote("The warranty is 3 years on tents.", passage("The warranty on tents is three years.")) is not None


def test_german_is_checked_with_german_stems_and_negations() -> None:
    assert quote("Die Beschäftigten haben 30 Urlaubstage.", GERMAN) is not None
    assert quote("Überstunden werden ausbezahlt.", GERMAN) is None


def test_a_check_of_a_read_passage_takes_about_a_millisecond() -> None:
    text = " ".join(f"Parcel type {n} is delivered by carrier {n + 3} within {n + 10} days." for n in range(25))
    reading = read(passage(text))
    best = min(_seconds(lambda: supports("Parcel type 7 is delivered within 17 days.", reading)) for _ in range(20))
    assert best < 0.003  # 250 words; 0.4 ms measured, with room for slow machines


def _seconds(run: object) -> float:
    started = time.perf_counter()
    assert callable(run)
    run()
    return time.perf_counter() - started
