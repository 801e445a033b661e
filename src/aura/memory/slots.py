"""The slots that facts fill, and how a value is compared: what is one value in other words, and what is another one."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from aura.answering.lexicon import words
from aura.answering.terms import stem


class Kind(StrEnum):
    """What sort of thing a fact is."""

    STATE = "state"
    PREFERENCE = "preference"
    EVENT = "event"
    PLAN = "plan"


class Category(StrEnum):
    """What a fact is about. The sensitive ones are learned only where organisation and user allow it."""

    IDENTITY = "identity"
    CONTACT = "contact"
    PLACE = "place"
    WORK = "work"
    FAMILY = "family"
    PREFERENCE = "preference"
    POSSESSION = "possession"
    SKILL = "skill"
    EVENT = "event"
    PLAN = "plan"
    OTHER = "other"
    HEALTH = "health"
    BELIEF = "belief"
    POLITICS = "politics"
    ORIENTATION = "orientation"
    UNION = "union"


SENSITIVE: Final = frozenset(
    {Category.HEALTH, Category.BELIEF, Category.POLITICS, Category.ORIENTATION, Category.UNION}
)
"""Source: GDPR, article 9, as far as people say such things of themselves in a chat."""

_SINGLE: Final = frozenset(
    words("""
        name home origin employer workplace role team birthday age email phone native_language diet marital_status children
        """)
)


def is_single(slot: str) -> bool:
    """Whether a slot holds one value at a time, so that a new value takes the place of the old one."""
    return slot in _SINGLE or slot.startswith(("favourite:", "number:", "pet:"))


def normal(value: str) -> str:
    """`value` as it is compared: lower case, without articles, fillers and the endings of words."""
    found = [_stem(word) for word in re.findall(r"[^\W_][\w+#.@-]*", value.casefold())]
    kept = [word for word in found if word not in _FILLERS]
    return " ".join(kept or found)


def alike(one: str, other: str) -> bool:
    """Whether two normal values are the same in other words. Numbers and ids must be equal."""
    mine, theirs = set(one.split()), set(other.split())
    if {word for word in mine if any(map(str.isdigit, word))} != {
        word for word in theirs if any(map(str.isdigit, word))
    }:
        return False
    return one == other or len(mine & theirs) / max(len(mine | theirs), 1) >= _ALIKE


_ALIKE: Final = 0.6
"""Shared words over all words."""
_FILLERS: Final = words("""
    a an the my our some any of in at on to for with and do doing go going be is are very much really lot all new
    der die das den dem des ein eine einen einem einer mein meine meinen meiner unser unsere in im am an auf zu zum zur von
    vom mit und sehr gern gerne neu neue neuen
    """)


def _stem(word: str) -> str:
    word = word.strip(".-")
    return word if any(map(str.isdigit, word)) or "@" in word else stem(stem(word, "english"), "german")
