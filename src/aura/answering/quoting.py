"""The statements of its passages that answer a task, put together as a text with citations; or a refusal.

How well a statement is supported by words is in `aura.answering.evidence`; likeness, where an embedding model measures it,
is added here, which is what finds a paraphrase.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from llama_index.core.llms import ChatMessage, MessageRole

from aura.answering.evidence import (
    Asked,
    Question,
    Statement,
    density,
    names_everywhere,
    read_question,
    read_statements,
    score,
    support,
    vocabulary,
)
from aura.answering.extent import LEAST_GAIN, Found, distinct, gain, of_detail
from aura.answering.lexicon import Language
from aura.answering.own_words import repeat
from aura.answering.prompts import refusal, standalone
from aura.answering.task import Task
from aura.answering.terms import language_of
from aura.index.likeness import likeness

MAX_EMBEDDED = 16
"""Statements that are embedded for one question: those that lexical evidence puts first."""
_LEAST_EMBEDDED = 8  # likeness may lift what words do not
MAX_STATEMENTS = 3
MAX_QUESTION_CHARS = 1_000
"""Of a longer question the end is read: what is asked mostly follows what it is about."""

# Set on the `dev` halves of tests/unit/data/extractive_questions.jsonl and of the golden set; test_extractive.py and
# evals/README.md say what they reach.
_LEAST_EVIDENCE = 0.76
_LEAST_WITH_LIKENESS = 0.69  # for the best statement of all, in the language that the embedding model knows
_LIKENESS_SHARE = 0.6
_UNKNOWN_LIKENESS = 0.35  # without an embedding model
_DENSITY_SHARE = 0.1
_EARLY_SHARE = 0.02  # for the passages that retrieval puts first

_NEXT_QUESTION = re.compile(
    r"\?\s+(?=\S)|,?\s+(?:and|und|et)\s+(?=(?:what|which|who|when|where|why|how|is|are|do|does|can|was|welche\w*|wer|wann|wo"
    r"|warum|wie|que|quel\w*|qui|quand|où|comment|combien)\b)",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"\W*\b(?:and|or|und|oder|et|ou)\b\W*(?:(?:the|der|die|das|den|le|la|les)\s)?(?:l['’])?$", re.IGNORECASE
)


class Reply(NamedTuple):
    """An answer. `in_style`: without the task's style it would have been another."""

    text: str
    in_style: bool


class Part(NamedTuple):
    """A question asked on its own, and the statements that may answer it.

    `halves` are the question without the one and without the other of two joined terms ("the Team and Business plans"),
    for when no statement speaks of both.
    """

    question: Question
    joined: tuple[Asked, ...]
    halves: tuple[Question, ...]
    statements: tuple[Statement, ...]
    texts: tuple[str, ...]
    language: Language


def parts_of(task: Task) -> list[Part]:
    """The questions of a task that a statement may answer."""
    language = language_of([task.question], *(passage.text for passage in task.passages))
    found = read_statements(task.passages, language)
    words = vocabulary(task.passages, language)
    everywhere = names_everywhere(task.passages, language)
    titles = {passage.marker: passage.title.rpartition(" › ")[2] for passage in task.passages}
    parts: list[Part] = []
    for text in _questions(task.question):
        question = read_question(text, found, words, language, everywhere)
        if not question.asked or not found:
            continue
        joined, halves = _halves(question)
        kept = _promising(found, (question, *halves))
        texts = tuple(f"{titles[each.marker]}: {each.text}" for each in kept)
        if kept:
            parts.append(Part(question, joined, halves, kept, texts, language))
    return parts


def _promising(found: Sequence[Statement], questions: Sequence[Question]) -> tuple[Statement, ...]:
    """The statements that may answer, the best first: none when likeness could not lift any of them far enough."""
    scored = [(max(_lexical(question, each) for question in questions), each) for each in found]
    scored.sort(key=lambda each: -each[0])
    hopeful = sum(evidence >= _LEAST_EVIDENCE - _LIKENESS_SHARE for evidence, _ in scored)
    count = min(MAX_EMBEDDED, max(_LEAST_EMBEDDED, hopeful)) if hopeful else 0
    return tuple(each for _, each in scored[:count])


def _questions(text: str) -> list[str]:
    """The questions of a message; a later one that leans on the first is completed from it."""
    text = text[-MAX_QUESTION_CHARS:]
    first, *others = [part for part in _NEXT_QUESTION.split(text) if part.strip()] or [text]
    asked = [ChatMessage(role=MessageRole.USER, content=first)]
    return [first, *(standalone(asked, other) for other in others)][:MAX_STATEMENTS]


def _halves(question: Question) -> tuple[tuple[Asked, ...], tuple[Question, ...]]:
    for left, right in pairwise(question.asked):
        if _JOINED.match(question.text[left.term.end : right.term.start]):
            without = (tuple(each for each in question.asked if each is not gone) for gone in (right, left))
            return (left, right), tuple(question._replace(asked=asked) for asked in without)
    return (), ()


def _lexical(question: Question, statement: Statement) -> float:
    early = _EARLY_SHARE / max(1, statement.marker)
    return score(question, statement) + _DENSITY_SHARE * density(question, statement) + early


def texts_of(parts: Sequence[Part]) -> list[str]:
    """What is to be embedded for them, each text once. `reply_to` takes the vectors in this order."""
    return list(dict.fromkeys(text for part in parts for text in (part.question.text, *part.texts)))


def reply_to(
    task: Task, parts: Sequence[Part], vectors: Sequence[Sequence[float]] | None, unrelated: float = 0.0
) -> Reply:
    """The answer to a task of these parts.

    Args:
        vectors: those of `texts_of(parts)`; None where no embedding model is there.
        unrelated: how alike texts that have nothing to do with each other are to the model.
    """
    if task.answer is not None:
        return Reply(task.answer, in_style=False)
    by_text = dict(zip(texts_of(parts), vectors, strict=True)) if vectors is not None else None
    found = [
        Found(part.question, _chosen(part, _likeness(part, by_text, unrelated), _least(part, by_text)), part.statements)
        for part in parts
    ]
    chosen = distinct(statement for each in found for statement in each.chosen)[:MAX_STATEMENTS]
    if not chosen:
        if own := repeat(task.question, task.notes):
            return Reply(own, in_style=False)
        no = refusal(task.question, task.style.forced_language)
        return Reply(no, in_style=no != refusal(task.question))
    said = of_detail(task.style.detail, chosen, found)
    return Reply(_said(said), in_style=_said(said) != _said(chosen))


def _said(statements: Sequence[Statement]) -> str:
    return " ".join(_cited(each) for each in sorted(statements, key=lambda each: _place(each, statements)))


def _likeness(part: Part, vectors: Mapping[str, Sequence[float]] | None, unrelated: float) -> list[float]:
    """How alike the question and each statement are; see `aura.index.likeness`.

    In another language than English, which the model may not know, it can only speak for a statement.
    """
    if vectors is None:
        return [_UNKNOWN_LIKENESS] * len(part.texts)
    least = 0.0 if part.language == "english" else _UNKNOWN_LIKENESS
    return likeness([vectors[text] for text in (part.question.text, *part.texts)], unrelated, least=least)


def _least(part: Part, vectors: Mapping[str, Sequence[float]] | None) -> float:
    """The evidence without which there is no answer: less where likeness is measured and not assumed."""
    return _LEAST_EVIDENCE if vectors is None or part.language != "english" else _LEAST_WITH_LIKENESS


def _chosen(part: Part, likeness: Sequence[float], least: float) -> list[Statement]:
    """The statements that answer a question, the best first; none when the evidence is thin."""
    whole = _best(part, part.question, likeness, least)
    if whole and all(support(asked, whole[0]) >= 0.5 for asked in part.joined):
        return whole
    halves = [statement for half in part.halves for statement in _best(part, half, likeness, least)[:1]]
    return halves or whole


def _best(part: Part, question: Question, likeness: Sequence[float], least: float) -> list[Statement]:
    ranked = sorted(
        (
            (_lexical(question, each) + _LIKENESS_SHARE * alike, each)
            for each, alike in zip(part.statements, likeness, strict=True)
        ),
        key=lambda each: -each[0],
    )
    if ranked[0][0] < least:
        return []
    chosen = [ranked[0][1]]
    for evidence, statement in ranked[1:]:
        if evidence >= _LEAST_EVIDENCE and gain(question, chosen, statement) >= LEAST_GAIN:
            chosen.append(statement)
    return chosen[:MAX_STATEMENTS]


def _place(statement: Statement, chosen: Sequence[Statement]) -> tuple[int, int]:
    """Passages in the order in which they were chosen, the statements of one passage in its order."""
    return next(n for n, each in enumerate(chosen) if each.marker == statement.marker), statement.ordinal


def _cited(statement: Statement) -> str:
    if not statement.marker:
        return statement.text
    text, end = (statement.text[:-1], statement.text[-1]) if statement.text[-1] in ".!?" else (statement.text, ".")
    return f"{text} [{statement.marker}]{end}"
