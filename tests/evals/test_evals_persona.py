"""The suite `persona` turns red for a persona that learns what it should not, or that changes more than manner."""

from __future__ import annotations

from uuid import UUID

import pytest

from aura import Answer
from aura.answering.events import Timings
from aura.persona import learning
from aura_evals.golden import open_golden, shipped
from aura_evals.persona import EXTREMES, _manner, measure_hints, measure_learning
from aura_evals.result import Case, means
from aura_evals.suite import open_suite


def short_of_one(cases: list[Case]) -> set[str]:
    return {f"{system}.{name}" for system, found in means(cases).items() for name, mean in found.items() if mean < 1}


def answer(text: str, *, refused: bool = False) -> Answer:
    return Answer(
        response_id=UUID(int=1),
        question="q",
        text=text,
        citations=(),
        sources=(),
        refused=refused,
        model="m",
        cost_usd=0.0,
        timings=Timings(),
    )


def test_simulated_users_are_learned_as_they_are() -> None:
    cases = measure_learning()
    assert len(cases) == 250
    assert short_of_one(cases) == set()


def test_wishes_are_found_and_the_golden_questions_are_none() -> None:
    path = shipped("golden")
    assert path is not None
    cases = measure_hints(open_golden(path, split=None, limit=None).questions)
    assert len(cases) > 350
    assert short_of_one(cases) == set()


@pytest.mark.parametrize(
    ("name", "value", "broken"),
    [
        ("CONFIRMED_WITHIN", -learning.CONFIRMED_WITHIN, "learning.converged"),
        ("STEP", 0.5, "learning.step_kept"),
        ("SILENCE", 9 * learning.SILENCE, "learning.decayed"),
    ],
)
def test_another_learning_breaks_a_floor(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object, broken: str
) -> None:
    monkeypatch.setattr(learning, name, value)
    found = short_of_one(measure_learning())
    assert broken in found
    assert broken in open_suite("persona").floors


def test_a_persona_that_changes_more_than_manner_is_told() -> None:
    path = shipped("golden")
    assert path is not None
    question = next(q for q in open_golden(path, split=None, limit=None).questions if q.answers)
    fact = question.answers[0][0]
    plain, brief = answer(f"It is {fact} [1]."), EXTREMES["brief"]
    for styled, broken in (
        (answer(f"It is {fact} [1]."), set[str]()),
        (answer("It is [1]."), {"manner.facts_kept"}),
        (answer(f"It is {fact}."), {"manner.marked"}),
        (answer(f"It is {fact} [1]. So it is [1]."), {"manner.length_followed"}),
    ):
        assert short_of_one([_manner(question, "brief", brief, plain, styled)]) == broken
    refused = answer("No.", refused=True)
    assert "manner.same_verdict" in short_of_one([_manner(question, "brief", brief, plain, refused)])
