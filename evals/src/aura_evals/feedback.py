"""Candidates out of production: questions whose answers were rated as bad, for a person to say what the answer should be.

`candidates.jsonl` has a line for each. A rating says that an answer was bad, and not what a good one is: until a person has
judged a line, by its `gold` and `answers` (or none, where the documents do not answer it) and `"judged": true`, no suite
runs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from aura.memory.feedback import RatedDown
from aura_evals.beir import read_records
from aura_evals.errors import BadInput
from aura_evals.golden import QUESTIONS, Place, Question
from aura_evals.result import write_whole

CANDIDATES: Final = "candidates.jsonl"
FEEDBACK: Final = "feedback"
"""The `origin` of questions that come from here."""


class Answered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was answered, and what its asker thought of it."""

    text: str
    refused: bool
    reason: str = ""
    comment: str = ""
    rated_at: str = ""


class Candidate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of `candidates.jsonl`. `gold` and `answers` are a question's, and empty until a person has written them."""

    id: str
    organisation: str
    question: str
    turns: tuple[str, ...] = ()
    gold: tuple[tuple[Place, ...], ...] = ()
    answers: tuple[tuple[str, ...], ...] = ()
    judged: bool = False
    origin: str = FEEDBACK
    answered: Answered

    def as_question(self) -> Question:
        """What a suite asks once it is judged."""
        return Question(
            id=self.id,
            organisation=self.organisation,
            slice="factual" if self.gold else "unanswerable",
            question=self.question,
            turns=self.turns,
            gold=self.gold,
            answers=self.answers,
            origin=self.origin,
        )


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a folder: new candidates, those that wait to be judged, and those that are questions now."""

    added: int
    waiting: int
    accepted: int


def candidate_of(organisation: str, rated: RatedDown) -> Candidate:
    """The candidate of one rated answer. The same answer gives the same id."""
    return Candidate(
        id=f"{organisation}-feedback-{rated.message_id}",
        organisation=organisation,
        question=rated.question,
        turns=rated.turns,
        answered=Answered(
            text=rated.answer,
            refused=rated.refused,
            reason=rated.reason,
            comment=rated.comment,
            rated_at=rated.rated_at.isoformat(),
        ),
    )


def take(folder: Path, organisation: str, rated: Iterable[RatedDown]) -> Taken:
    """Add what is new to the folder's candidates, and move those that are judged to its questions.

    Raises:
        BadInput: a line of one of the files is none, or a judged candidate has evidence and no answers.
    """
    waiting = _read(folder / CANDIDATES, Candidate)
    questions = _read(folder / QUESTIONS, Question)
    known = {each.id for each in (*waiting, *questions)}
    fresh = [each for each in (candidate_of(organisation, one) for one in rated) if each.id not in known]
    judged = [each for each in waiting if each.judged]
    for each in judged:
        if each.gold and not each.answers:
            raise BadInput(f"candidate {each.id!r} has evidence, but no answers", path=folder / CANDIDATES)
    left = [*(each for each in waiting if not each.judged), *fresh]
    if judged:
        _write(folder / QUESTIONS, [*questions, *(each.as_question() for each in judged)])
    _write(folder / CANDIDATES, left)
    return Taken(added=len(fresh), waiting=len(left), accepted=len(judged))


T = TypeVar("T", Candidate, Question)


def _read(path: Path, kind: type[T]) -> list[T]:
    return [record for _, record in read_records(path, kind)] if path.exists() else []


def _write(path: Path, records: Sequence[msgspec.Struct]) -> None:
    write_whole(path, b"".join(msgspec.json.encode(record) + b"\n" for record in records))
