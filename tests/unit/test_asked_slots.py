"""Which slots of facts a question asks for, whatever its language."""

from __future__ import annotations

import pytest

from aura.answering.asked_slots import keys_of, slots_asked, words_of


@pytest.mark.parametrize(
    ("slot", "questions"),
    [
        ("home", "Where do I live?/In which city do I live?/Wo wohne ich?/Où est-ce que j'habite?/¿Dónde vivo?"),
        ("name", "What is my name?/Wie heiße ich?/Comment je m'appelle?/¿Cómo me llamo?"),
        ("employer", "Who do I work for?/Wer ist mein Arbeitgeber?/Bei welcher Firma arbeite ich?/¿Dónde trabajo yo?"),
        ("age", "How old am I?/Wie alt bin ich?/Quel est mon âge?"),
        ("pet", "What is my dog's name?/Wie heißt mein Hund?"),
        ("home", "Can you remember where I live?/Weißt du noch, wo ich wohne?"),
    ],
)
def test_a_question_for_a_slot_names_it_in_every_language(slot: str, questions: str) -> None:
    for question in questions.split("/"):
        assert slot in slots_asked(question)


@pytest.mark.parametrize(
    "question",
    [
        "When is my work deadline?",
        "Am I allowed to work from home?",
        "Where does the company have its office?",
        "What did I say about my old car?",
        "How many days of vacation do I have?",
        "Wo ist das Büro?",
        "",
    ],
)
def test_a_question_that_asks_for_more_or_for_others_names_none(question: str) -> None:
    assert slots_asked(question) == ()


def test_a_slot_is_known_by_its_words_and_by_those_of_its_kind() -> None:
    assert {"wohne", "live", "city"} <= set(words_of("home").split())
    assert "city" not in keys_of("home").split()
    assert words_of("number:case_id") == "case id"
    assert "biscuit" not in words_of("pet:dog")
    assert words_of("pet:dog").endswith("dog")
    assert keys_of("plan") == "plan"
