"""Which of the asker's own sentences answers a question about the asker."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aura.answering.notes import day_of, said_on
from aura.answering.oneself import states
from aura.answering.own_words import repeat
from aura.answering.prompts import Quoted

NOTES = (
    Quoted(4, "memory › On 7 May 2025 you said › name", "My name is Ana. I work for Danube Press!", True),
    Quoted(5, "memory › On 3 March 2025 you said › home", "I have moved to Rome", True),
    Quoted(6, "memory › On 9 June 2025 you said › home", "We have moved to Porto, it is lovely", True),
    Quoted(7, "memory › On 1 June 2025 you said", "Please shorten the report on returns. What is my name?", True),
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is my name?", "On 7 May 2025 you said: “My name is Ana” [4]."),
        ("Where do I live?", "On 9 June 2025 you said: “We have moved to Porto, it is lovely” [6]."),
        ("When did I say that I work for Danube Press?", "On 7 May 2025 you said: “I work for Danube Press” [4]."),
    ],
)
def test_the_sentence_that_answers_is_repeated_with_its_day_and_its_marker(question: str, answer: str) -> None:
    assert repeat(question, NOTES) == answer


@pytest.mark.parametrize(
    "question", ["What is my shoe size?", "Which volcano destroyed Pompeii?", "How do I return it?"]
)
def test_what_nobody_said_is_not_answered(question: str) -> None:
    assert repeat(question, NOTES) is None


@pytest.mark.parametrize(
    "said", ["I work for nobody at present.", "My name is Eva", "Ich wohne in Rom", "I don't live in Porto any more."]
)
def test_who_tells_something_is_not_told_what_they_said_before(said: str) -> None:
    assert repeat(said, NOTES) is None


@pytest.mark.parametrize("asked", ["what is my name", "Tell me my name.", "my name", "and what is my name."])
def test_a_question_without_its_mark_is_still_one(asked: str) -> None:
    assert repeat(asked, NOTES) == "On 7 May 2025 you said: “My name is Ana” [4]."


@pytest.mark.parametrize(
    "asked",
    [
        "Give me my address.",
        "My address, thanks.",
        "I need my room number.",
        "Meine Adresse bitte.",
        "I'd like my size",
    ],
)
def test_what_asks_for_something_states_nothing(asked: str) -> None:
    assert not states(asked)


def test_no_notes_no_answer() -> None:
    assert repeat("What is my name?", ()) is None


@pytest.mark.parametrize("language", ["english", "german", "french"])
def test_the_day_is_read_back_from_its_line(language: str) -> None:
    at = datetime(2025, 8, 31, tzinfo=UTC)
    assert day_of(said_on(at, language)) == (2025, 8, 31)  # pyright: ignore[reportArgumentType]
    assert day_of("Returns") == (0, 0, 0)
