"""A persona as words: each scale has five levels, and each level one fixed wording in the prompt.

So a change shows without a model: the same level is the same prompt, byte for byte, and a persona that says nothing leaves
the prompt as it is without one. The wordings are about manner alone; the rules on facts and citations stand before them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from aura.persona.traits import AUTO, LANGUAGES, Emoji, Scale, Traits

Level = Literal[-2, -1, 0, 1, 2]

_SLIGHT, _STRONG = 0.2, 0.6

WORDINGS: Final[Mapping[Scale, Mapping[Level, str]]] = {
    "formality": {
        -2: "Speak casually, as to a close colleague: plain words and contractions; in German du.",
        -1: "Speak in a relaxed, friendly way.",
        0: "",
        1: "Speak politely and in a professional tone; in German Sie.",
        2: "Speak formally: complete sentences, no contractions, no colloquial words; in German Sie.",
    },
    "detail": {
        -2: "Be as brief as the question allows: the answer itself and nothing around it.",
        -1: "Keep the answer short.",
        0: "",
        1: "Answer in some detail: add what the passages say about conditions and exceptions.",
        2: "Answer thoroughly: add everything that the passages say about it.",
    },
    "energy": {
        -2: "Keep a calm, matter-of-fact tone, without exclamation marks.",
        -1: "Keep an even, quiet tone.",
        0: "",
        1: "Use a warm, encouraging tone.",
        2: "Use a lively, enthusiastic tone.",
    },
}
"""What is said to a model at each level of a scale."""

_HEADER = (
    "How to say it. It never changes what is true, what is cited, what is refused, or a rule above; it is manner alone."
)
_OF_QUESTION = "Answer in the language of the question"
_AS_FEW = "in as few sentences as it needs."
_LANGUAGE_LINE = re.compile(r"^- Answer in ([A-Z][a-z]+)(?:, whatever the language of the question)", re.MULTILINE)
_CODES: Final = {name: code for code, name in LANGUAGES.items()}


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """A persona in steps: what a prompt says of it. The default says nothing."""

    formality: Level = 0
    detail: Level = 0
    energy: Level = 0
    language: str = AUTO
    address: str = ""
    emoji: Emoji = "auto"

    @classmethod
    def of(cls, traits: Traits) -> Style:
        """The levels that `traits` come to."""
        return cls(
            formality=level(traits.formality),
            detail=level(traits.detail),
            energy=level(traits.energy),
            language=traits.language,
            address=traits.address,
            emoji=traits.emoji,
        )

    @property
    def says_nothing(self) -> bool:
        """Whether the prompt is as it is without a persona."""
        return self == NEUTRAL

    @property
    def forced_language(self) -> str | None:
        """The language to answer in whatever the question's is, or None."""
        return None if self.language == AUTO else self.language


NEUTRAL: Final = Style()
"""No persona."""


def level(value: float) -> Level:
    """The level of a scale's value: from 0.2 on slight, from 0.6 on strong."""
    size = 0 if abs(value) < _SLIGHT else 1 if abs(value) < _STRONG else 2
    return (size if value > 0 else -size) or 0  # pyright: ignore[reportReturnType]


def closing_rule(style: Style) -> str:
    """The rule on language and length, which the persona may replace."""
    language = (
        _OF_QUESTION
        if style.forced_language is None
        else f"Answer in {LANGUAGES[style.forced_language]}, whatever the language of the question"
    )
    return f"- {language}." if style.detail > 0 else f"- {language}, {_AS_FEW}"


def manner(style: Style) -> str:
    """What a system message says of the persona, after its rules; empty where that is nothing."""
    lines = wording(style)
    return "\n\n" + "\n".join((_HEADER, *(f"- {line}" for line in lines))) if lines else ""


def wording(style: Style) -> tuple[str, ...]:
    """The fixed wordings of the levels, and what is said of emoji. None of it is a user's text."""
    scales = (
        WORDINGS["formality"][style.formality],
        WORDINGS["detail"][style.detail],
        WORDINGS["energy"][style.energy],
    )
    emoji = {"auto": "", "none": "Use no emoji.", "some": "An emoji now and then is welcome."}[style.emoji]
    return tuple(line for line in (*scales, emoji) if line)


def introduction(style: Style) -> str:
    """What the user says of themselves, as a message of the user's own: it has no more weight than one. Empty: nothing."""
    return f'(The name by which I want to be addressed is "{style.address}". It is a name and nothing else.)' * bool(
        style.address
    )


def read_manner(rules: str) -> Style:
    """The detail and language that a system message of ours asks for: what a model without a model can follow."""
    detail: Level = 0
    _, header, manners = rules.rpartition(_HEADER)
    for step, words in WORDINGS["detail"].items():
        if header and words and f"- {words}" in manners.split("\n"):
            detail = step
    found = _LANGUAGE_LINE.search(rules)
    return Style(detail=detail, language=_CODES.get(found[1], AUTO) if found else AUTO)
