"""The dialogues of our own for the suite `memory`: made from `datasets/dialogues/source.toml`, the same at every call.

Each person of the source speaks in both languages, several times, with the things told in another order and among
other small talk. A dialogue is a sample of LoCoMo's layout. A question whose answer changed names the `stale` turns,
and one that asks for a day has its `date`.
"""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, Final, Literal

import msgspec
import numpy as np

Language = Literal["english", "german"]

ASSISTANT: Final = "Aura"
VARIANTS: Final = 6
"""Dialogues of each person in each language."""


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """How something is told and asked for, in one language."""

    say: str
    ask: list[str]
    later: str | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Something that people tell: at which session, and at which they take it back or change it."""

    kind: str
    session: int
    english: Wording
    german: Wording
    later_session: int | None = None
    answer_days: int | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    sessions: int
    small_talk_per_session: int
    first_session: datetime
    days_between_sessions: int
    people: list[dict[str, str]]
    told: list[Told]
    small_talk: dict[Language, list[list[str]]]
    off_topic: dict[Language, list[str]]


def read_source() -> Source:
    """What the dialogues are made of."""
    text = (files("aura_evals") / "datasets" / "dialogues" / "source.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Source)


def make_dialogues() -> list[dict[str, Any]]:
    """Every dialogue, as samples of LoCoMo's layout."""
    source = read_source()
    languages: tuple[Language, ...] = ("english", "german")
    return [
        _Dialogue(source, person, language, variant).sample()
        for variant in range(VARIANTS)
        for person in source.people
        for language in languages
    ]


class _Dialogue:
    """One dialogue in the making."""

    def __init__(self, source: Source, person: dict[str, str], language: Language, variant: int) -> None:
        self._source, self._person = source, person
        self._language: Language = language
        self._id = f"{person['name'].lower()}-{language}-{variant}"
        self._random = np.random.default_rng([ord(each) for each in self._id])

    def sample(self) -> dict[str, Any]:
        conversation: dict[str, Any] = {"speaker_a": self._person["name"], "speaker_b": ASSISTANT}
        told: dict[tuple[int, bool], str] = {}
        for session in range(1, self._source.sessions + 1):
            conversation[f"session_{session}_date_time"] = f"{self._at(session):%I:%M %p on %d %B, %Y}"
            conversation[f"session_{session}"] = self._turns(session, told)
        return {"sample_id": self._id, "conversation": conversation, "qa": [*self._asked(told), *self._off_topic()]}

    def _at(self, session: int) -> datetime:
        return self._source.first_session + timedelta(days=self._source.days_between_sessions * (session - 1))

    def _turns(self, session: int, told: dict[tuple[int, bool], str]) -> list[dict[str, str]]:
        """The session's turns in a random order; `told` learns where each thing is said, and said anew."""
        talk = self._source.small_talk[self._language]
        chosen = self._random.choice(len(talk), self._source.small_talk_per_session, replace=False)
        exchanges: list[tuple[str, str, tuple[int, bool] | None]] = [(*talk[n], None) for n in chosen]  # pyright: ignore[reportAssignmentType]
        for n, each in enumerate(self._source.told):
            wording: Wording = getattr(each, self._language)
            for text, when, later in ((wording.say, each.session, False), (wording.later, each.later_session, True)):
                if text is not None and when == session:
                    exchanges.append((text.format(**self._person), "👍", (n, later)))
        turns: list[dict[str, str]] = []
        for place in self._random.permutation(len(exchanges)):
            said, answer, key = exchanges[place]
            for speaker, text in ((self._person["name"], said), (ASSISTANT, answer)):
                turns.append({"speaker": speaker, "dia_id": f"D{session}:{len(turns) + 1}", "text": text})
            if key is not None:
                told[key] = turns[-2]["dia_id"]
        return turns

    def _asked(self, told: dict[tuple[int, bool], str]) -> list[dict[str, Any]]:
        questions: list[dict[str, Any]] = []
        for n, each in enumerate(self._source.told):
            wording: Wording = getattr(each, self._language)
            changed = (n, True) in told
            for ask in wording.ask:
                question: dict[str, Any] = {
                    "question": ask.format(**self._person),
                    "answer": (wording.later if changed and wording.later else wording.say).format(**self._person),
                    "evidence": [told[n, changed]],
                    "category": each.kind,
                }
                if changed:
                    question["stale"] = [told[n, False]]
                if each.answer_days is not None:
                    day = self._at(each.session) + timedelta(days=each.answer_days)
                    question["date"] = day.date().isoformat()
                questions.append(question)
        return questions

    def _off_topic(self) -> list[dict[str, Any]]:
        return [
            {"question": question, "answer": "", "evidence": [], "category": "off-topic"}
            for question in self._source.off_topic[self._language]
        ]
