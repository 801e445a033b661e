"""The suite of kind `persona`: does it learn what it should and nothing else, and does it change manner alone?

Learning is tried on simulated users: seeded signals over simulated days, and words of users through the library. Manner is
tried on a dataset's own questions: under extreme personas an answer must cite the same passages, state the same facts, and
be refused where it was refused.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from aura import Answer, Aura, Workspace
from aura.persona.evidence import in_message
from aura.persona.learning import LESS, MORE, STEP, Kind, Signal, learned
from aura.persona.rendering import level
from aura.persona.traits import SCALES, PersonaChanges, Scale, Traits
from aura_evals.golden import GoldenSet, Question, folded
from aura_evals.progress import Bars
from aura_evals.result import Case
from aura_evals.sandbox import new_tenant

_USERS = 50
_START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_CLEAR = (Kind.ASKED, Kind.RATED, Kind.REPEATED)
_EVERY_NTH = 4
"""Of the dataset's questions: each is asked once for every extreme, and once without a persona."""
_MEMBER = "member@aura.test"
_PASSWORD = "a passphrase of the evals"

EXTREMES = {
    "brief": Traits(formality=-1, detail=-1, energy=-1, emoji="none"),
    "thorough": Traits(formality=1, detail=1, energy=1, address="Dr. Quill", emoji="some"),
    "German": Traits(detail=0.5, language="de"),
}
_WISHES = (
    ("Shorter please.", "detail", LESS), ("Could you keep it more concise?", "detail", LESS),
    ("That was too long.", "detail", LESS), ("Bitte kürzer.", "detail", LESS), ("Fass dich kurz!", "detail", LESS),
    ("Zu ausführlich.", "detail", LESS), ("More detail, please.", "detail", MORE), ("Too short!", "detail", MORE),
    ("Bitte ausführlicher.", "detail", MORE), ("Geht es genauer? Genauer bitte.", "detail", MORE),
    ("Please be less formal", "formality", LESS), ("Lockerer bitte", "formality", LESS),
    ("A bit more formal, please", "formality", MORE), ("Bitte förmlicher", "formality", MORE),
    ("More enthusiastic please", "energy", MORE), ("Etwas lebhafter, bitte", "energy", MORE),
    ("Calmer, please.", "energy", LESS), ("Sachlicher bitte.", "energy", LESS), ("No emojis please", "emoji", "none"),
    ("Bitte keine Emojis", "emoji", "none"), ("Answer in German, please", "language", "de"),
    ("Auf Englisch bitte", "language", "en"), ("Call me Ada.", "address", "Ada"), ("Nenn mich Ada.", "address", "Ada"),
)  # fmt: skip


def measure_learning() -> list[Case]:
    """What simulated users are learned to be like. Cost: no database, some seconds."""
    return [case for seed in range(_USERS) for case in _simulated(seed)]


def measure_hints(questions: Sequence[Question]) -> list[Case]:
    """Whether wishes are found, and none in questions that are about documents."""
    cases = [
        _case(
            f"wish: {text}", text, {"hints.found": (axis, towards) in {(h.axis, h.towards) for h in in_message(text)}}
        )
        for text, axis, towards in _WISHES
    ]
    for question in questions:
        asked = [hint for hint in in_message(question.question) if hint.kind is Kind.ASKED]
        cases.append(_case(f"no wish: {question.id}", question.question, {"hints.none_invented": not asked}))
    return cases


async def measure_facade(aura: Aura) -> list[Case]:
    """The same by the library, with words: a locked axis stays, what is open moves, and forgetting takes it back."""
    programs = await new_tenant(aura)
    try:
        await programs.users.add(email=_MEMBER, password=_PASSWORD)
        member = await aura.workspace(programs.organisation, _MEMBER)
        await member.persona.set(PersonaChanges(formality=0.5))
        for text in ("Shorter please.", "Less formal please."):
            for _ in range(6):
                await member.ask(text, conversation=await member.conversations.start())
        moved = (await member.persona.get()).traits
        restored = (await member.persona.forget()).traits
        return [
            _case("by words: converged", "Shorter please.", {"learning.converged": level(moved.detail) < 0}),
            _case("by words: locked", "Less formal please.", {"learning.locked_still": moved.formality == 0.5}),
            _case("by words: reset", "forget", {"learning.reset": restored == Traits(formality=0.5)}),
        ]
    finally:
        await programs.erase()


async def measure_manner(workspaces: dict[str, Workspace], dataset: GoldenSet, bars: Bars) -> list[Case]:
    """Every extreme persona against none, on the dataset's questions that need no conversation."""
    asked = [question for question in dataset.questions if not question.turns][::_EVERY_NTH]
    bar = bars.bar("asking as extreme personas", len(asked))
    cases: list[Case] = []
    for question in asked:
        workspace = workspaces[question.organisation]
        plain = await workspace.ask(question.question, use_persona=False)
        for name, traits in EXTREMES.items():
            styled = await workspace.try_persona(question.question, traits)
            cases.append(_manner(question, name, traits, plain, styled))
        bar.advance()
    return cases


def _manner(question: Question, name: str, traits: Traits, plain: Answer, styled: Answer) -> Case:
    values = {"manner.same_verdict": plain.refused == styled.refused}
    if not plain.refused:
        facts = [ways for ways in question.answers if _states(plain.text, ways)]
        longer = len(styled.text) - len(plain.text)
        values |= {
            "manner.same_passages": _passages(plain) == _passages(styled),
            "manner.marked": all(re.search(r"\[\d+\]", each) for each in _sentences(styled.text)),
            "manner.facts_kept": all(_states(styled.text, ways) for ways in facts),
            "manner.length_followed": longer <= 0 if traits.detail < 0 else longer >= 0,
        }
    return _case(f"{name}: {question.id}", question.question, values, answer=styled.text)


def _passages(answer: Answer) -> set[str]:
    return {citation.chunk_id for citation in answer.citations}


def _sentences(text: str) -> list[str]:
    """What stands up to each group of markers."""
    return [each for each in re.findall(r".+?(?:(?:\s*\[\d+\])+[.!?]?|$)", text, re.DOTALL) if each.strip(" .\n")]


def _states(text: str, ways: Sequence[str]) -> bool:
    return any(folded(way) in folded(text) for way in ways)


# -- simulated users ---------------------------------------------------------------------------------------------------


def _simulated(seed: int) -> Iterator[Case]:
    chance = random.Random(seed)
    axis, towards = chance.choice(SCALES), chance.choice([MORE, LESS])
    default = Traits().replaced({axis: round(chance.uniform(-0.4, 0.4), 2)})
    times = sorted(chance.uniform(0, 20) for _ in range(6))
    signals = [_signal(chance, axis, towards, time, n) for n, time in enumerate(times)]
    outlier = _signal(chance, axis, LESS if towards == MORE else MORE, chance.uniform(0, 20), 99)

    def value(given: Sequence[Signal], day: float) -> float:
        found = learned(given, default, _START + timedelta(days=day))
        return float(found[axis].value) if axis in found else float(default.value(axis))

    pole = 1 if towards == MORE else -1
    days = [value([*signals, outlier], day) for day in range(-1, 40)]
    trials: dict[str, Callable[[], bool]] = {
        "learning.converged": lambda: pole * level(value(signals, 24)) >= 1,
        "learning.outlier_ignored": lambda: all(
            abs(value([*signals, outlier], day) - value(signals, day)) < 1e-6 for day in range(0, 40, 3)
        ),
        "learning.step_kept": lambda: all(abs(b - a) <= STEP + 1e-6 for a, b in pairwise(days)),
        "learning.reset": lambda: value([], 24) == default.value(axis),
        "learning.decayed": lambda: abs(value(signals, 20 + 181) - float(default.value(axis))) < 1e-6,
    }
    for name, trial in trials.items():
        yield _case(f"{name}, user {seed:02d}", f"{axis} {towards}", {name: trial()})


def _signal(chance: random.Random, axis: Scale, towards: str, day: float, n: int) -> Signal:
    at = _START + timedelta(days=day)
    return Signal(axis=axis, towards=towards, kind=chance.choice(_CLEAR), at=at, message_id=UUID(int=n))


def _case(id: str, query: str, values: dict[str, bool], answer: str = "") -> Case:
    numbers = {name: float(value) for name, value in values.items()}
    return Case(id=id, slice=next(iter(values)).partition(".")[0], query=query, answer=answer, values=numbers)
