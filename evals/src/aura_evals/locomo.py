"""Conversations in LoCoMo's layout: a JSON list of samples, each with dated sessions of turns, and questions with evidence.

Source: Maharana et al., "Evaluating Very Long-Term Conversational Memory of LLM Agents" (2024), whose file has evidence ids
that are malformed; they are repaired where one can tell what is meant, else dropped, and both are counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from aura_evals.errors import BadInput

_SESSION: Final = re.compile(r"session_(\d+)")
_EVIDENCE: Final = re.compile(r"D\s*:?\s*(\d+)\s*:\s*(\d+)", re.IGNORECASE)
_WELL_FORMED: Final = re.compile(r"D\d+:\d+")
_DATES: Final = ("%I:%M %p on %d %B, %Y", "%H:%M on %d %B, %Y", "%d %B, %Y", "%B %d, %Y", "%Y-%m-%d", "%Y/%m/%d")
_TURN_SECONDS: Final = 20
_NEVER_SAID: Final = ("5", "off-topic")
"""Categories whose questions may name no evidence, because there is none: LoCoMo's adversarial one, and our dialogues' own.
In another category, whoever wrote the question named none, and nothing can be scored by it."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said. A picture that was shared is there by its caption."""

    id: str
    speaker: str
    text: str
    at: datetime


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question with the turns that answer it; `stale` are those that an update took back. None of both: off topic.

    `date`: the day that it asks for, in ISO 8601, where that is known.
    """

    text: str
    category: str
    evidence: tuple[str, ...]
    stale: tuple[str, ...] = ()
    date: str = ""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation and the questions on it."""

    id: str
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]


class Repairs(msgspec.Struct, kw_only=True):
    """What was malformed in a file. A question is skipped when none of the evidence that it names is a turn, or when it
    names none although its answer was said."""

    evidence_repaired: int = 0
    evidence_dropped: int = 0
    questions_skipped: int = 0
    dates_unread: int = 0


def read_samples(path: Path) -> tuple[list[Sample], Repairs]:
    """The samples of a file, and what had to be repaired.

    Raises:
        BadInput: it is no JSON list of samples with `conversation` and `qa`.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInput(f"not a JSON file: {error}", path=path) from None
    return samples_of(content, path)


def samples_of(content: object, path: Path) -> tuple[list[Sample], Repairs]:
    """As `read_samples`, of what such a file holds."""
    repairs = Repairs()
    found = [content] if isinstance(content, dict) else content
    if not isinstance(found, list) or not found:
        raise BadInput("it must be a list of samples, each with `conversation` and `qa`", path=path)
    samples = [_sample(sample, number, repairs, path) for number, sample in enumerate(found, 1)]
    return samples, repairs


def _sample(sample: Any, number: int, repairs: Repairs, path: Path) -> Sample:
    conversation = sample.get("conversation") if isinstance(sample, dict) else None
    if not isinstance(conversation, dict) or not isinstance(sample.get("qa"), list):
        raise BadInput(f"sample {number} lacks `conversation` or `qa`", path=path)
    turns = tuple(_turns(conversation, repairs))
    if not turns:
        raise BadInput(f"sample {number} has no turns", path=path)
    known = {turn.id for turn in turns}
    questions = tuple(q for each in sample["qa"] if (q := _question(each, known, repairs)) is not None)
    return Sample(id=str(sample.get("sample_id", number)), turns=turns, questions=questions)


def _turns(conversation: Mapping[str, Any], repairs: Repairs) -> Iterator[Turn]:
    sessions = sorted((int(m[1]), key) for key in conversation if (m := _SESSION.fullmatch(key)))
    last = datetime(2023, 1, 1, tzinfo=UTC)
    for number, key in sessions:
        moment = _moment(str(conversation.get(f"{key}_date_time", "")))
        repairs.dates_unread += moment is None
        last = moment or last + timedelta(days=1)
        for place, turn in enumerate(conversation[key] or (), 1):
            yield Turn(
                id=str(turn.get("dia_id") or f"D{number}:{place}").strip(),
                speaker=str(turn.get("speaker", "")),
                text=_text(turn),
                at=last + timedelta(seconds=_TURN_SECONDS * (place - 1)),
            )


def _text(turn: Mapping[str, Any]) -> str:
    caption = turn.get("blip_caption")
    picture = f"[shares {caption}]" if caption else ""
    return " ".join(part for part in (str(turn.get("text", "")).strip(), picture) if part)


def _moment(text: str) -> datetime | None:
    text = re.sub(r"\s+", " ", text).strip()
    for form in _DATES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _question(asked: Mapping[str, Any], known: set[str], repairs: Repairs) -> Question | None:
    named = asked.get("evidence") or []
    texts = [str(each) for each in (named if isinstance(named, list) else [named])]
    evidence = tuple(dict.fromkeys(id for text in texts for id in _ids(text, known, repairs)))
    category = str(asked.get("category", ""))
    if not evidence and (texts or category not in _NEVER_SAID):
        repairs.questions_skipped += 1
        return None
    stale = tuple(id for id in map(str, asked.get("stale", ())) if id in known)
    return Question(
        text=str(asked["question"]),
        category=category,
        evidence=evidence,
        stale=stale,
        date=str(asked.get("date", "")),
    )


def _ids(text: str, known: set[str], repairs: Repairs) -> list[str]:
    """The turns that one entry of an evidence list names: `D1:3`; also `D1:3; D2:4`, `D:1:3`, `D01:03`."""
    ids = [f"D{int(m[1])}:{int(m[2])}" for m in _EVIDENCE.finditer(text)]
    found = [text] if text in known else [id for id in ids if id in known]
    if not found:
        repairs.evidence_dropped += 1
    elif not _WELL_FORMED.fullmatch(text):
        repairs.evidence_repaired += 1
    return found
