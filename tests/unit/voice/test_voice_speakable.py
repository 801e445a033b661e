"""What an answer sounds like: nothing that is only for eyes, numbers in words, cut where it sounds whole."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aura.voice.speakable.cardinals import Language, cardinal, ordinal, year
from aura.voice.speakable.speakable import LONGEST_PIECE, Speakable
from aura.voice.speakable.words import Spoken, spoken


def pieces(text: str, language: Language | None = "en", *, step: int = 1) -> list[Spoken]:
    """The pieces of `text`, which comes `step` characters at a time."""
    speakable = Speakable(language)
    found = [piece for at in range(0, len(text), step) for piece in speakable.feed(text[at : at + step])]
    return found + speakable.finish()


def said(text: str, language: Language | None = "en") -> str:
    return " ".join(piece.text for piece in pieces(text, language))


@pytest.mark.parametrize(
    ("number", "english", "german"),
    [
        (0, "zero", "null"),
        (1, "one", "eins"),
        (21, "twenty-one", "einundzwanzig"),
        (101, "one hundred one", "einhunderteins"),
        (1_999, "one thousand nine hundred ninety-nine", "eintausendneunhundertneunundneunzig"),
        (2_000_001, "two million one", "zwei Millionen eins"),
        (1_000_000_000, "one billion", "eine Milliarde"),
    ],
)
def test_numbers_are_counted_in_both_languages(number: int, english: str, german: str) -> None:
    assert (cardinal(number, "en"), cardinal(number, "de")) == (english, german)


def test_places_and_years_have_words_of_their_own() -> None:
    assert [ordinal(n, "en") for n in (1, 12, 20, 21, 100)] == [
        "first", "twelfth", "twentieth", "twenty-first", "one hundredth",
    ]  # fmt: skip
    assert [ordinal(n, "de") for n in (1, 3, 7, 19, 20, 103)] == [
        "erste", "dritte", "siebte", "neunzehnte", "zwanzigste", "einhundertdritte",
    ]  # fmt: skip
    assert [year(n, "en") for n in (1900, 1905, 2005, 2026)] == [
        "nineteen hundred", "nineteen oh five", "two thousand five", "twenty twenty-six",
    ]  # fmt: skip
    assert year(1999, "de") == "neunzehnhundertneunundneunzig"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("It costs $29.99.", "It costs twenty-nine dollars and ninety-nine cents."),
        ("It costs $1.", "It costs one dollar."),
        ("$3 million was spent.", "three million dollars was spent."),
        ("€1,250.50 in all.", "one thousand two hundred fifty euros and fifty cents in all."),
        ("USD 20 more.", "twenty dollars more."),
        ("On 2026-01-31 it ends.", "On January thirty-first, twenty twenty-six it ends."),
        ("On January 3, 2026 it ends.", "On January third, twenty twenty-six it ends."),
        ("On 12/24/2025 it ends.", "On December twenty-fourth, twenty twenty-five it ends."),
        ("At 14:30 or 9:05.", "At fourteen thirty or nine oh five."),
        ("At 3 p.m. we meet.", "At three p m we meet."),
        ("At 3:30 pm we meet.", "At three thirty p m we meet."),
        ("It runs 5 km at 60 km/h.", "It runs five kilometers at sixty kilometers per hour."),
        ("It is -5 °C and 20% damp.", "It is minus five degrees Celsius and twenty percent damp."),
        ("Use v1.2.3 or 2.0.1.", "Use version one point two point three or two point zero point one."),
        ("Dr. Smith, e.g., came.", "Doctor Smith, for example, came."),
        ("Pages 4-6 of 1,234.", "Pages four to six of one thousand two hundred thirty-four."),
        ("The 3rd of 21.", "The third of twenty-one."),
        ("In 1999 it began.", "In nineteen ninety-nine it began."),
        ("Dial 0049 & wait.", "Dial zero zero four nine and wait."),
    ],
)
def test_english_is_read_as_it_is_spoken(written: str, read: str) -> None:
    assert said(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Das kostet 29,99 €.", "Das kostet neunundzwanzig Euro neunundneunzig."),
        ("Das kostet 1 €.", "Das kostet ein Euro."),
        ("Er wiegt 1.234,5 kg.", "Er wiegt eintausendzweihundertvierunddreißig Komma fünf Kilogramm."),
        ("Am 3. Januar 2026 endet es.", "Am dritten Januar zweitausendsechsundzwanzig endet es."),
        ("Seit 31.12.1999 gilt es.", "Seit einunddreißigsten Dezember neunzehnhundertneunundneunzig gilt es."),
        ("Um 14:30 Uhr, z. B. heute.", "Um vierzehn Uhr dreißig, zum Beispiel heute."),
        ("Dr. Müller nutzt v1.2.3.", "Doktor Müller nutzt Version eins Punkt zwei Punkt drei."),
        ("Bis zu 20 % bei 5 °C.", "Bis zu zwanzig Prozent bei fünf Grad Celsius."),
        (
            "Es sind 1.234.567 Stück.",
            "Es sind eine Million zweihundertvierunddreißigtausendfünfhundertsiebenundsechzig Stück.",
        ),
    ],
)
def test_german_is_read_as_it_is_spoken(written: str, read: str) -> None:
    assert said(written, "de") == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("**Bold** and _thin_ and ~~gone~~.", "Bold and thin and gone."),
        ("## Returns\n\nThirty days.", "Returns Thirty days."),
        ("- one\n- two\n", "one two"),
        ("> Quoted words.", "Quoted words."),
        ("Thirty days [1]. Free [2, 3].", "Thirty days. Free."),
        ("See [the page](https://a.example/b?c=d) now.", "See the page now."),
        ("It is at https://a.example/b.html today.", "It is at today."),
        ("![A plan](https://a.example/plan.png)Seen.", "Seen."),
        ("Edit `config.yaml` first.", "Edit config.yaml first."),
        ("Run `x = {a: [1, 2]}` first.", "Run first."),
        ("Before.\n\n```python\nprint(1)\n```\n\nAfter.", "Before. The code is on your screen. After."),
        ("Before.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nAfter.", "Before. The table is on your screen. After."),
        ("Before.\n\na | b\n--|--\n1 | 2\n\nAfter.", "Before. The table is on your screen. After."),
        ("Either a | b\nis fine.", "Either a b is fine."),
        ("Above\n\n---\n\nbelow.", "Above below."),
        ("A <b>strong</b> word.", "A strong word."),
    ],
)
def test_markup_is_never_read_out(written: str, read: str) -> None:
    assert said(written, None) == read


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It costs $29.99 today. Buy it.", ["It costs $29.99 today.", "Buy it."]),
        ("Ask Dr. Smith about it. He knows.", ["Ask Dr. Smith about it.", "He knows."]),
        ("Use v1.2.3 now. It is new.", ["Use v1.2.3 now.", "It is new."]),
        ("Fruit, e.g. Apples. More fruit.", ["Fruit, e.g. Apples.", "More fruit."]),
        ("J. R. Smith came. He left.", ["J. R. Smith came.", "He left."]),
        ("Really?! Yes… “Good.” Fine.", ["Really?!", "Yes…", "“Good.”", "Fine."]),
        ("Thirty days. [1] More.", ["Thirty days.", "More."]),
    ],
)
def test_sentences_end_where_they_do(text: str, sentences: list[str]) -> None:
    speakable = Speakable(None)
    speakable._first = False  # the first piece alone may be a clause
    found = [piece for each in text for piece in speakable.feed(each)] + speakable.finish()
    assert [piece.text for piece in found] == sentences


def test_a_sentence_is_said_as_soon_as_the_next_one_begins() -> None:
    speakable = Speakable("en")
    assert speakable.feed("Thirty days.") == []  # it might be "30.5"
    assert [piece.text for piece in speakable.feed(" A")] == ["Thirty days."]


def test_the_first_piece_may_end_at_a_clause_and_later_ones_do_not() -> None:
    found = pieces("Within the first month, you can return it. After that, you can exchange it.")
    assert [piece.text for piece in found] == [
        "Within the first month,", "you can return it.", "After that, you can exchange it.",
    ]  # fmt: skip


def test_a_text_without_an_end_is_cut_after_so_many_characters() -> None:
    found = pieces("word " * 200, None, step=7)
    assert len(found) > 3
    assert all(len(piece.text) <= LONGEST_PIECE for piece in found)
    assert " ".join(piece.text for piece in found) == " ".join(["word"] * 200)


def test_a_pause_brings_out_what_can_be_said_and_no_half_word_link_or_number() -> None:
    speakable = Speakable("en")
    speakable.feed("The price that we ask is 29")
    assert [piece.text for piece in speakable.flush()] == ["The price that we ask is"]
    assert speakable.flush() == []
    speakable.feed(".99 kg of [the hand")
    assert [piece.text for piece in speakable.flush()] == ["twenty-nine point nine nine kilograms of"]
    speakable.feed("book](https://a.example) now")
    assert [piece.text for piece in speakable.finish()] == ["the handbook now"]


def test_what_was_heard_is_told_from_how_much_was_played() -> None:
    text = "It costs **$29.99** [1], plus tax."
    piece = spoken(text, 0, len(text), "en")
    heard = len("It costs twenty-nine dollars and ninety-nine cents")
    assert text[: piece.heard_until(heard)] == "It costs **$29.99** [1],"
    assert text[: piece.heard_until(len("It costs tw"))] == "It costs"
    assert piece.heard_until(0) == 0
    assert piece.heard_until(10_000) == len(text)


def test_going_on_from_a_cut_says_what_was_not_heard_alone() -> None:
    speakable = Speakable("en", start=len("Thirty days. Then "))
    found = speakable.feed("Thirty days. Then it is over. ") + speakable.finish()
    assert [piece.text for piece in found] == ["it is over."]


_MARKDOWN = st.text(alphabet="ab .,!1[]()`*_#|-\n$", max_size=60)


@given(_MARKDOWN, st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_pieces_follow_each_other_and_end_however_the_text_comes(text: str, step: int) -> None:
    found = pieces(text, "en", step=step)
    places = [place for piece in found for place in (piece.start, piece.end)]
    assert places == sorted(places)
    assert all(0 <= place <= len(text) for place in places)
    for piece in found:
        assert all(piece.text[word.at : word.at + len(word.text)] == word.text for word in piece.words)
        assert [word.end for word in piece.words] == sorted(word.end for word in piece.words)
