"""Which questions are about the one who asks."""

from __future__ import annotations

import pytest

from aura.answering.oneself import about_oneself, asked_for, asks_what_was_said, asks_who_one_is


@pytest.mark.parametrize(
    "question",
    [
        "What is my name?", "Where do I live?", "When did I say I travel?", "Do you remember the name of the dog?",
        "Wie heiße ich?", "Wo wohnt meine Schwester?", "Wann habe ich gesagt, dass ich reise?",
        "Comment s'appelle mon chien ?",
        "Am I allergic to nuts?",
    ],
)  # fmt: skip
def test_these_are_about_oneself(question: str) -> None:
    assert about_oneself(question)


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?", "How can I return a product?", "May I bring a dog?", "Tell me the opening hours",
        "Kann ich kündigen?", "Wie setze ich das Passwort zurück?", "Do I have to sign?", "What is mined in Chile?",
    ],
)  # fmt: skip
def test_these_are_not(question: str) -> None:
    assert not about_oneself(question)


def test_a_question_for_a_statement_is_searched_for_by_its_content() -> None:
    assert asks_what_was_said("When did I say I travel?")
    assert not asks_what_was_said("What is my name?")
    assert asked_for("When did I tell you that I travel?").split() == ["When", "that", "I", "travel?"]
    assert asked_for("Do you remember?") == "Do you remember?"


@pytest.mark.parametrize(
    "question", ["What is my name?", "Where do I live again?", "Wie heiße ich?", "Wann ist mein Geburtstag?"]
)
def test_who_one_is_stands_in_no_document(question: str) -> None:
    assert asks_who_one_is(question)


@pytest.mark.parametrize(
    "question",
    [
        "How many days of vacation do I have?",
        "What is the name of the product?",
        "Where can I live?",
        "What is my notice period?",
    ],
)
def test_what_a_document_may_tell_is_asked_of_it(question: str) -> None:
    assert not asks_who_one_is(question)
