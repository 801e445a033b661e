"""What the keyless model answers to a question about the asker: what the asker said, word for word, with its day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from aura.answering.asked_slots import naming, slots_asked, words_of
from aura.answering.evidence import Question, Statement, density, read_question, read_statements, score, vocabulary
from aura.answering.notes import day_of
from aura.answering.oneself import about_oneself, asked_for, states
from aura.answering.prompts import Quoted
from aura.answering.sentences import units
from aura.answering.terms import language_of

_LEAST = 0.55
"""Of what a statement's words are worth as an answer. Less than a document's must be: recall has chosen already, and the
answer says that it only repeats what the asker said."""
_LEAST_SHARE = 0.8
"""Of the best statement's worth, from which on a later one is taken instead: of two the later one counts."""
_WHEN = re.compile(r"^\W*(?:when|wann|quand|(?:on|at) (?:which|what) (?:day|date)|an welchem tag)\b", re.IGNORECASE)


class Repeated(NamedTuple):
    """A sentence that the asker said: the marker of its note, and `On 7 May 2025 you said` in front of it."""

    marker: int
    said_on: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.said_on}: “{self.sentence}” [{self.marker}]."


def repeat(question: str, notes: Sequence[Quoted]) -> str | None:
    """The answer to a question about the asker out of `notes`, cited; None where none answers it, or nothing is asked."""
    if not notes or not about_oneself(question) or states(question.replace("’", "'")):
        return None
    language = language_of([question, *(note.text for note in notes)])
    sentences = list(_sentences(notes))
    quoted = [Quoted(n, each.about, each.text) for n, each in enumerate(sentences, 1)]
    found = read_statements(quoted, language)
    asked = read_question(_sought(question), found, vocabulary(quoted, language), language)
    ranked = sorted(((_worth(asked, each), each.marker) for each in found), reverse=True) if asked.asked else []
    if not ranked or ranked[0][0] < _LEAST:
        return None
    as_good = [sentences[marker - 1] for worth, marker in ranked if worth >= max(_LEAST, _LEAST_SHARE * ranked[0][0])]
    best = max(as_good, key=lambda each: each.order)
    return str(Repeated(best.note.marker, best.said_on, best.text.strip(" .!")))


class _Sentence(NamedTuple):
    """A sentence of a note. `about` are the words by which one asks for what it tells; `order` rises with its day."""

    note: Quoted
    said_on: str
    about: str
    text: str
    order: tuple[int, int, int]


def _sentences(notes: Sequence[Quoted]) -> Iterator[_Sentence]:
    for note in notes:
        said_on, _, slot = note.title.partition(" › ")[2].partition(" › ")
        for span in units(note.text):
            text = note.text[span.start : span.end]
            if not text.endswith("?"):
                yield _Sentence(note, said_on, words_of(slot), text, day_of(said_on))


def _sought(question: str) -> str:
    """What the note must tell: when it was said is told with it, so that `when` asks for nothing in it.

    Notes may be of another language than the question: what only asks in its own goes, for it stands in none of them.
    """
    sought = asked_for(question)
    sought = _WHEN.sub("", sought) if sought != question else sought
    return naming(sought) if slots_asked(question) else sought


def _worth(asked: Question, statement: Statement) -> float:
    return score(asked, statement) + 0.1 * density(asked, statement)
