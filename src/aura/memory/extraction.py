"""What a user says of themselves, found in a turn by rules: deterministic, and each fact with its place in the turn."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, tzinfo
from typing import Final
from uuid import UUID

import msgspec

from aura.answering.hygiene import instructs
from aura.memory.clauses import Clause, stated
from aura.memory.dates import Days, resolve
from aura.memory.english import ENGLISH
from aura.memory.french import FRENCH
from aura.memory.german import GERMAN
from aura.memory.rules import Grammar, Rule, negated, sensitive_words
from aura.memory.slots import Category, Kind, normal
from aura.memory.spanish import SPANISH

RULES: Final = "rules/3"
"""The extractor's name and version, kept with every fact."""

GRAMMARS: Final = (ENGLISH, GERMAN, FRENCH, SPANISH)
"""Those that a clause is tried with, in this order."""

_LONGEST_VALUE = 12
"""Words of a value; what is longer is a story."""
_LONGEST_ITEM = 3
"""Words of an item of a list."""
_SENSITIVE: Final = sensitive_words(
    (
        (
            Category.HEALTH,
            r"diab[eéè]t\w+|c[aá]ncer|krebs\b|(?:hiv|vih|sida)\b|(?:anti)?d[eé]pres+\w+|therap(?:y|ie)\b|th[eé]rapie\b"
            r"|terapia\b|chemo\w*|chimio\w*|quimio\w*|al+[eé]rg\w+",
        ),
        (
            Category.BELIEF,
            r"church|mosque|synagogue|kirche|moschee|synagoge|religi[oó]\w+|glauben? an gott|église|mosquée|iglesia|mezquita"
            r"|sinagoga|croire en dieu|creo en dios",
        ),
        (
            Category.POLITICS,
            r"(?:cdu|spd|afd|fdp|grünen|republicans?|democrats?|labour|tory|tories|psoe|parti socialiste"
            r"|rassemblement national)\b",
        ),
        (Category.UNION, r"trade union|labou?r union|gewerkschaft|syndicat\b|sindicato"),
    )
)
_MARKUP = re.compile(r"[<>{}\[\]|`\\]|https?://|www\.")


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A message to learn from."""

    id: UUID
    role: str
    text: str
    at: datetime


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A fact as one turn states it, at `[start, end)` of that turn's text."""

    turn: Turn
    start: int
    end: int
    slot: str
    value: str
    """Normalised, to be compared."""
    text: str
    language: str
    category: Category
    kind: Kind
    polarity: int
    confidence: float
    extractor: str
    event: tuple[date, date] | None = None


def extract(turn: Turn, zone: tzinfo) -> list[Candidate]:
    """The facts of a turn in its order; none of what an assistant, a document or a tool says.

    Args:
        zone: where the user is: "yesterday" is a day there.

    Cost: pure computation, some milliseconds for a turn of 500 characters.
    """
    if turn.role != "user":
        return []
    found: list[Candidate] = []
    for clause in stated(turn.text):
        found.extend(_of_clause(turn, clause, zone))
    return _distinct(found)


def _of_clause(turn: Turn, clause: Clause, zone: tzinfo) -> list[Candidate]:
    days = resolve(clause.text, turn.at, zone)
    for grammar in GRAMMARS:
        for text in _readings(clause, days, grammar):
            if found := [] if grammar.addressee.search(text) else list(_matches(turn, clause, text, days, grammar)):
                return found
    for grammar in GRAMMARS:
        if event := _event(turn, clause, days, grammar):
            return [event]
    return []


def _readings(clause: Clause, days: Sequence[Days], grammar: Grammar) -> Iterator[str]:
    """The clause as its rules may begin: with its subject, and without words of time around it."""
    text = clause.text
    if clause.follows and grammar.subject:
        yield grammar.subject + text
        return
    yield text
    if grammar.subordinate and (turned := grammar.subordinate.fullmatch(text)):
        yield f"{grammar.subject}{turned['verb']} {turned['rest']}"
    opening = grammar.opening.match(text)
    if opening:
        yield text[opening.end() :]
    if days and days[0].start == 0:
        yield (
            text[days[0].end :].lstrip(" ,").removeprefix("que ")
        )  # "il y a deux ans que j'habite", "hace dos años que"
    if days and days[-1].end == len(text):
        yield text[: days[-1].start].rstrip(" ,")
    if ", " in text:
        yield text[: text.index(", ")]  # "Je m'appelle Zoé, enchantée"


def _matches(turn: Turn, clause: Clause, text: str, days: Sequence[Days], grammar: Grammar) -> Iterator[Candidate]:
    filled = set[str]()
    for each in grammar.rules:
        match = each.pattern.fullmatch(text)
        if match is None:
            continue
        slot = each.slot.format(k=_key(match)) if "{k}" in each.slot else each.slot
        if slot in filled:  # the first rule of a slot reads best
            continue
        filled.add(slot)
        yield from _values(turn, clause, match, each, slot, days, grammar)


def _values(
    turn: Turn, clause: Clause, match: re.Match[str], rule: Rule, slot: str, days: Sequence[Days], grammar: Grammar
) -> Iterator[Candidate]:
    denied = negated(match) or grammar.ended.search(match.string)
    polarity = -1 if denied or rule.polarity < 0 else 1
    head = match.string[: match.start("v")]
    parts = _parts(match["v"], rule, days, clause, grammar)
    for part in parts:
        value = _birthday(part, days) if slot == "birthday" else _compared(part, grammar)
        if not _usable(part, value, grammar) or (not rule.exact and grammar.at_hand.search(_rest_of(match, part))):
            continue
        whole = len(parts) == 1
        place = -1 if whole else turn.text.find(part, clause.start, clause.end)
        yield Candidate(
            turn=turn,
            start=clause.start if place < 0 else place,
            end=clause.end if place < 0 else place + len(part),
            slot=slot,
            value=value,
            text=_shown(clause, match, grammar) if whole else f"{head}{part}".strip(),
            language=grammar.language,
            category=_category(rule.category, clause.text),
            kind=rule.kind,
            polarity=polarity,
            confidence=rule.confidence,
            extractor=RULES,
            event=_event_of(days),
        )


def _parts(value: str, rule: Rule, days: Sequence[Days], clause: Clause, grammar: Grammar) -> list[str]:
    """The things that a value names: the items of a list where the rule allows one, and they are short."""
    if rule.exact:
        return [value.strip()]
    items = [_trimmed(each, days, clause, grammar) for each in grammar.conjunction.split(value)] if rule.many else []
    if len(items) > 1 and all(0 < len(item.split()) <= _LONGEST_ITEM for item in items):
        return items
    return [_trimmed(value, days, clause, grammar)]


def _rest_of(match: re.Match[str], part: str) -> str:
    """A value's part with the kind that names its slot: "my favourite part" is as little a fact as "I like that part"."""
    return f"{match['k']} {part}" if "k" in match.re.groupindex else part


def _compared(part: str, grammar: Grammar) -> str:
    kept = [word for word in re.findall(r"[^\W_][\w+#.@-]*", part) if word.casefold() not in grammar.fillers]
    return normal(" ".join(kept) or part)


def _birthday(part: str, days: Sequence[Days]) -> str:
    """Month and day, and the year where it was said: however it was written."""
    if not days:
        return normal(part)
    return f"{days[0].first:%Y-%m-%d}" if re.search(r"\d{4}", part) else f"{days[0].first:%m-%d}"


def _shown(clause: Clause, match: re.Match[str], grammar: Grammar) -> str:
    turned = grammar.subordinate is not None and grammar.subordinate.fullmatch(clause.text)
    return match.string if clause.follows or turned else clause.text


def _trimmed(value: str, days: Sequence[Days], clause: Clause, grammar: Grammar) -> str:
    """A value without what follows it in the clause: reasons, times, and words that belong to the verb."""
    for each in days:
        said = clause.text[each.start : each.end]
        if value.casefold() != said.casefold() and not any(map(str.isdigit, value.replace(said, ""))):
            before, _, after = value.partition(said)
            value = before if before.strip() else after
    value = grammar.stop.sub("", value.strip()).strip()
    while (shorter := grammar.trailing.sub("", value)) != value:
        value = shorter
    return value.strip(" \"'")


def _usable(shown: str, value: str, grammar: Grammar) -> bool:
    first, *rest = shown.casefold().split() or [""]
    return (
        bool(value)
        and grammar.refused.isdisjoint((first, first.partition("'")[0]))
        and len(rest) < _LONGEST_VALUE
        and not _MARKUP.search(shown)
        and not instructs(shown)
    )


def _event(turn: Turn, clause: Clause, days: Sequence[Days], grammar: Grammar) -> Candidate | None:
    """A clause with a date that tells what its speaker did or will do."""
    text = grammar.subject + clause.text if clause.follows else clause.text
    bare = _without(clause.text, days)
    if (
        not days
        or grammar.addressee.search(text)
        or not grammar.event.match(bare if not clause.follows else grammar.subject + bare)
    ):
        return None
    value = normal(bare)
    if not value or _MARKUP.search(text) or len(text.split()) > 2 * _LONGEST_VALUE:
        return None
    return Candidate(
        turn=turn,
        start=clause.start,
        end=clause.end,
        slot="event",
        value=value,
        text=text,
        language=grammar.language,
        category=_category(Category.EVENT, text),
        kind=Kind.EVENT,
        polarity=1,
        confidence=0.8,
        extractor=RULES,
        event=_event_of(days),
    )


def _without(text: str, days: Sequence[Days]) -> str:
    for each in reversed(days):
        text = text[: each.start] + text[each.end :]
    return " ".join(text.split()).strip(" ,")


def _event_of(days: Sequence[Days]) -> tuple[date, date] | None:
    return (days[0].first, days[0].last) if days else None


def _category(category: Category, text: str) -> Category:
    """The rule's, unless the words are of a sensitive one."""
    return next((sensitive for sensitive, pattern in _SENSITIVE if pattern.search(text)), category)


def _key(match: re.Match[str]) -> str:
    return "_".join(re.findall(r"\w+", match["k"].casefold()))


def _distinct(found: Sequence[Candidate]) -> list[Candidate]:
    """One candidate for each slot and value: a turn that says a thing twice is one evidence."""
    return list({(each.slot, each.value, each.polarity): each for each in found}.values())
