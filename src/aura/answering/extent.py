"""How much of the evidence an answer says: less or more of it as the persona wishes, from the same passages.

Less is never less than the question needs, and no passage that would be cited is left out; more comes from the passages
that are cited anyway. So a persona changes the length of an answer, and neither its facts nor its citations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from aura.answering.evidence import Question, Statement, score, support
from aura.answering.terms import is_light, language_of
from aura.persona.rendering import Level

LEAST_GAIN: Final = 0.15
"""The share of its question that one more statement must support better, to be said at all."""
_NEEDED: Final = 0.2
"""The same where the answer is to be short, however short: from 0.3 on, facts of the golden set's answers are lost."""
_FURTHER: Final[Mapping[Level, int]] = {1: 1, 2: 3}
"""Statements more for each passage."""
_LEAST_WORDS = 3
_LEAST_EVIDENCE = 0.25  # of a further statement that does not stand beside one that is said


class Found(NamedTuple):
    """A question, the statements that answer it, the best first, and all that may."""

    question: Question
    chosen: Sequence[Statement]
    promising: Sequence[Statement]


def of_detail(detail: Level, chosen: Sequence[Statement], found: Sequence[Found]) -> list[Statement]:
    """What to say of `chosen` at this level of detail; at 0 all of it."""
    if detail < 0:
        return _needed(chosen, found)
    return [*chosen, *_further(chosen, found, _FURTHER[detail])] if detail > 0 else list(chosen)


def distinct(statements: Iterable[Statement]) -> list[Statement]:
    """The statements without those that say what one before them says."""
    kept: list[Statement] = []
    for statement in statements:
        if not any(_same(statement, other) for other in kept):
            kept.append(statement)
    return kept


def gain(question: Question, chosen: Sequence[Statement], statement: Statement) -> float:
    """The share of the question that a statement supports better than all that are chosen."""
    total = sum(asked.weight for asked in question.asked)
    gained = sum(
        asked.weight * max(0.0, support(asked, statement) - max(support(asked, each) for each in chosen))
        for asked in question.asked
    )
    return gained / total


def _needed(chosen: Sequence[Statement], found: Sequence[Found]) -> list[Statement]:
    """Without the statements that add little to others and whose passage is cited for another."""
    kept = list(chosen)
    for each in found:
        for statement in reversed(each.chosen[1:]):
            others = [other for other in kept if other is not statement]
            cited = any(other.marker == statement.marker for other in others)
            if statement in kept and cited and gain(each.question, others, statement) < _NEEDED:
                kept = others
    return kept


def _further(chosen: Sequence[Statement], found: Sequence[Found], count: int) -> list[Statement]:
    """More of what the cited passages say about it: first what stands beside the answer, then the best supported."""
    said = {(statement.marker, statement.ordinal) for statement in chosen}
    more: list[Statement] = []
    for marker in dict.fromkeys(statement.marker for statement in chosen):
        ranked: list[tuple[bool, float, Statement]] = []
        for each in found:
            for statement in each.promising:
                beside = any((marker, statement.ordinal + step) in said for step in (-1, 1))
                evidence = score(each.question, statement)
                if statement.marker == marker and (beside or evidence >= _LEAST_EVIDENCE) and _says_enough(statement):
                    ranked.append((not beside, -evidence, statement))
        new = distinct([*chosen, *more, *(each for *_, each in sorted(ranked, key=lambda each: each[:2]))])
        more = [*more, *new[len(chosen) + len(more) :][:count]]
    return more


def _says_enough(statement: Statement) -> bool:
    """Whether it has so many words of its own that its marker will prove it, and not some other statement."""
    language = language_of([statement.text])
    return sum(not is_light(key, language) for key in statement.places[0]) >= _LEAST_WORDS


def _same(a: Statement, b: Statement) -> bool:
    mine, others = a.places[0], b.places[0]
    return a.text == b.text or len(mine & others) > 0.8 * len(mine | others)
