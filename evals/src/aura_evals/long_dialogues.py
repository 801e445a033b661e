"""Long conversations of our own, made from `datasets/dialogues/long.toml`, the same at every call.

Two people, twenty sessions, some 500 turns, and questions about what either told, in other words. They are what the ranking
of recall is chosen on, beside the shorter dialogues of `dialogues.py`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, Final

import msgspec
import numpy as np

_CHOICE: Final = re.compile(r"\{([^{}]*\|[^{}]*)\}")

Spoken = list[tuple[str, str]]
"""Who says what, in order."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person tells the other."""

    lead: str
    say: str
    reply: str
    ask: list[str]
    both: bool = False


class SmallTalk(msgspec.Struct, frozen=True, kw_only=True):
    """Turns about nothing that anybody asks for, by one and the other."""

    turns: list[str]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    sessions: int
    small_talk_per_session: int
    first_session: datetime
    days_between_sessions: int
    couples: list[tuple[str, str]]
    event: list[Event]
    small_talk: list[SmallTalk]


def make_long_dialogues() -> list[dict[str, Any]]:
    """Every conversation, as samples of LoCoMo's layout: category 1 asks for two turns, 4 for one."""
    text = (files("aura_evals") / "datasets" / "dialogues" / "long.toml").read_text(encoding="utf-8")
    source = msgspec.convert(tomllib.loads(text), Source)
    return [_LongDialogue(source, couple, number).sample() for number, couple in enumerate(source.couples)]


class _LongDialogue:
    """One conversation in the making."""

    def __init__(self, source: Source, couple: tuple[str, str], number: int) -> None:
        self._source, self._couple, self._number = source, couple, number
        self._random = np.random.default_rng(number)
        self._questions: list[dict[str, Any]] = []

    def sample(self) -> dict[str, Any]:
        source, (first, second) = self._source, self._couple
        told = [(event, teller) for event in source.event for teller in (0, 1)]
        order = self._random.permutation(len(told))
        conversation: dict[str, Any] = {"speaker_a": first, "speaker_b": second}
        for session in range(1, source.sessions + 1):
            at = source.first_session + timedelta(days=source.days_between_sessions * (session - 1))
            conversation[f"session_{session}_date_time"] = f"{at:%I:%M %p on %d %B, %Y}"
            mine = [told[n] for n in order[session - 1 :: source.sessions]]
            conversation[f"session_{session}"] = self._turns(session, mine)
        return {"sample_id": f"{first}-{second}", "conversation": conversation, "qa": self._questions}

    def _turns(self, session: int, told: list[tuple[Event, int]]) -> list[dict[str, str]]:
        talk = self._source.small_talk
        chosen = self._random.choice(len(talk), self._source.small_talk_per_session, replace=False)
        parts: list[tuple[Event, int] | SmallTalk] = [*told, *(talk[n] for n in chosen)]
        turns: list[dict[str, str]] = []
        for place in self._random.permutation(len(parts)):
            part = parts[place]
            if isinstance(part, SmallTalk):
                begins = int(self._random.integers(2))
                spoken = [(self._couple[(begins + n) % 2], text) for n, text in enumerate(part.turns)]
            else:
                event, teller = part
                spoken = self._telling(event, teller, f"D{session}:{len(turns) + 1}", f"D{session}:{len(turns) + 2}")
            for speaker, text in spoken:
                turns.append({"speaker": speaker, "dia_id": f"D{session}:{len(turns) + 1}", "text": text})
        return turns

    def _telling(self, event: Event, teller: int, lead_id: str, said_id: str) -> Spoken:
        """The exchange in which an event is told; its questions are noted."""
        name, other = self._couple[teller], self._couple[1 - teller]
        evidence = [lead_id, said_id] if event.both else [said_id]
        for ask in event.ask:
            question: Mapping[str, object] = {
                "question": ask.format(name=name), "answer": self._chosen(event.say, teller), "evidence": evidence,
                "category": 1 if event.both else 4,
            }  # fmt: skip
            self._questions.append(dict(question))
        return [(other, event.lead), (name, self._chosen(event.say, teller)), (other, event.reply)]

    def _chosen(self, text: str, teller: int) -> str:
        """`text` with the choices of this speaker in this conversation: never those of the other."""

        def choose(match: re.Match[str]) -> str:
            choices = match[1].split("|")
            return choices[(self._number + teller) % len(choices)]

        return _CHOICE.sub(choose, text)
