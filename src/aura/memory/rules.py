"""What a rule of extraction is, and the pieces that rules of every language share."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from aura.memory.slots import Category, Kind


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern over a whole clause. Its group `v` is the value, `n` a negation, `k` a kind that names the slot, too."""

    slot: str
    pattern: re.Pattern[str]
    category: Category
    kind: Kind = Kind.STATE
    polarity: int = 1
    confidence: float = 0.9
    many: bool = False
    """The value may list several things, each a fact of its own."""
    exact: bool = False
    """The value is what the pattern found, to the letter."""


UPPER: Final = "A-ZÀ-ÖØ-Þ"
"""Capital letters, inside of the brackets of a pattern."""
_AND_SO_ON: Final = rf"(?: (?:van |von |de |der |del |du |des |di |la |las |los |le |bin |al-)*[{UPPER}][\w'-]*){{0,3}}"
_NO_NAME: Final = (
    r"(?!(?:\w+(?:ed|ing|ant|ful|ble|ous|ish|ly|lich|isch|tig|bar|ig)|in|on|at|the|an?|not|wrong|right|long|short|hard|easy|so"
    r"|secret|private|taken|written|below|above|here|hier|falsch|lang|kurz|egal|geheim|bekannt|programm|mal|bien|mon|ma|en|dans"
    r"|sur|está|muy|largo|corto|raro|rare|court|difficile|simple|compliqué|connu|confidentiel|écrit|das|die|der|es|sie|ihn|ihr"
    r"|dich|uns|nicht)\b)"
)
"""Before a word without a capital that is to be a name."""
NAME: Final = rf"(?P<v>(?-i:(?=[{UPPER}])[\w'-]+{_AND_SO_ON}|{_NO_NAME}[^\W\d_][\w'-]*))"
PROPER: Final = rf"(?P<v>(?-i:[{UPPER}][\w'-]*(?: (?:van |von |de |del |de la )*[{UPPER}][\w'-]*){{0,3}}))"
VALUE: Final = r"(?P<v>.+)"
EMAIL: Final = r"(?P<v>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
PHONE: Final = r"(?P<v>[+(]?\d[\d ()/.-]{4,}\d)"
CODE: Final = r"(?P<v>(?-i:[A-Z]{1,4} )?(?=[\w/-]*\d)[\w/-]+)"


def rule(
    slot: str,
    pattern: str,
    category: Category,
    kind: Kind = Kind.STATE,
    *,
    polarity: int = 1,
    confidence: float = 0.9,
    many: bool = False,
) -> Rule:
    """A rule; `pattern` must match the clause from its beginning to its end, and spaces in it are any white space."""
    count = itertools.count(1)
    numbered = re.sub(r"\(\?P<n>", lambda _: f"(?P<n{next(count)}>", pattern)  # a group of each name may be there once
    spaced = numbered.replace(" ", r"\s+")
    return Rule(
        slot=slot,
        pattern=re.compile(spaced, re.IGNORECASE),
        category=category,
        kind=kind,
        polarity=polarity,
        confidence=confidence,
        many=many,
        exact=slot == "birthday" or any(piece in pattern for piece in (EMAIL, PHONE, CODE)),
    )


def uncapitalised(pattern: str) -> str:
    """`pattern` for those who write without capitals, in whose clauses they tell no name from another word."""
    return rf"(?-i:(?=[^{UPPER}]+$)){pattern}"


def negated(match: re.Match[str]) -> bool:
    """Whether a rule's pattern met one of its negations."""
    return any(said for name, said in match.groupdict().items() if name.startswith("n"))


class Grammar(msgspec.Struct, frozen=True, kw_only=True):
    """What extraction knows of a language."""

    language: str
    rules: tuple[Rule, ...]
    event: re.Pattern[str]
    """The clause tells what its speaker did or will do; with a date in it, that is an event."""
    opening: re.Pattern[str]
    """Words of time in front of a clause that keep a rule from its beginning."""
    subject: str
    """What a clause begins with that shares the subject of the one before."""
    stop: re.Pattern[str]
    """Where a value ends."""
    trailing: re.Pattern[str]
    """Words at the end of a value that are not of it."""
    ended: re.Pattern[str]
    """Words that say that something is no more."""
    refused: frozenset[str]
    """Words that no value begins with."""
    conjunction: re.Pattern[str]
    addressee: re.Pattern[str]
    """Words for whom one speaks to: what holds one tells of the talk, and not of who speaks."""
    at_hand: re.Pattern[str]
    """What a value must not be: a thing of the talk or of the work at hand, such as "the second version" or "this form"."""
    fillers: frozenset[str] = frozenset()
    """Words that tell no two values apart, besides those that are left out of values of every language."""
    subordinate: re.Pattern[str] | None = None
    """A clause with its verb (`verb`) at the end, as "dass ich in Rom wohne" has it, behind `subject` and before nothing."""


def sensitive_words(categories: Iterable[tuple[Category, str]]) -> tuple[tuple[Category, re.Pattern[str]], ...]:
    """Words that make any fact one of a sensitive category."""
    return tuple((category, re.compile(rf"(?<!\w)(?:{pattern})", re.IGNORECASE)) for category, pattern in categories)
