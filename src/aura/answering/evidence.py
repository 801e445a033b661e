"""What passages say, statement by statement, and how well a statement answers a question."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aura.answering.expected import Expected, expected
from aura.answering.hygiene import instructs
from aura.answering.lexicon import Language
from aura.answering.prompts import Quoted
from aura.answering.sentences import Span, heads, is_field, units
from aura.answering.terms import Kind, Term, is_light, synonyms, terms

# What a term of the question is worth in the statement itself, in its headings and table header, in the statements
# before it (more when it refers back to them), elsewhere in its passage,
_PLACES = (1.0, 0.85, 0.5, 0.3)
_PLACES_REFERRING_BACK = (1.0, 0.85, 0.7, 0.3)
# and what a word is worth that is not the term itself.
_SYNONYM, _TYPO, _COMPOUND, _COMPOUND_MODIFIER, _COMPOUND_HEAD = 0.75, 0.75, 0.75, 0.5, 0.35

_LIGHT_WEIGHT = 0.25
_LEAST_WEIGHT = 0.5
_SPECIFIC, _EXACT = 1.5, 2.5  # a name or a number, an identifier, against a word
_LEAST_SHARE = 0.25  # of the score that hangs on the least supported term
_YES_NO_LEAST_SHARE = 0.4
_LEAST_CARRIERS = 3  # documents
_WRONG_KIND, _MAYBE_WRONG_KIND, _NOTHING_OWN, _ANOTHER_THING = 0.6, 0.9, 0.7, 0.75
_OUT_OF_FORCE = 0.9  # unless the question names its year or its edition

_REFERS_BACK = re.compile(
    r"(?:(?:in|for|with|at|after|from|to|by|on|and|but|auf|für|mit|bei|pour|avec)\s)?"
    r"(?:it|its|they|their|them|this|these|those|he|his|she|her|both|each|dieser?|dieses|diese[nm]|er|sie|es|ihre?|il|elle"
    r"|ils|elles|celui-ci|celle-ci|cette|ces?|leurs?)\b",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"\b(?:how many|number of|wie ?viele|anzahl der|combien de|nombre de) ", re.IGNORECASE)
_GROUP = re.compile(r"^[\w\[\]/-]+\.(?=[^\s:]*: )")
_CATEGORY = re.compile(
    r"\b(?:which|(?:at|in|on|from|to|for|by|until|with) what|welche[rsnm]?) "
    r"(?:(?:\w+ ){1,3}?(?=(?:is|are|was|were|does|do|did|can|could|must|should|has|have|may|will)\b)|\w+)",
    re.IGNORECASE,
)
_SEPARATORS = re.compile(r"[-_.]+")
"""Of the words of a file's name: `conditions-2024.pdf` is about 2024."""
_OUTDATED = re.compile(
    r"\b(?:superseded|no longer (?:valid|in force)|not in force|obsolete|draft for discussion|nicht mehr gültig|außer kraft"
    r"|abgelöst durch|n['’]est plus (?:valable|en vigueur)|périmée?)\b",
    re.IGNORECASE,
)
_YES_NO = re.compile(
    r"\W*(?:is|are|was|were|do|does|did|can|could|may|must|should|will|has|have|am|ist|sind|kann|können|darf|dürfen|muss"
    r"|gibt|hat|haben|werden|wird|est-ce|peut-on|puis-je|y a-t-il)\b",
    re.IGNORECASE,
)


class Statement(NamedTuple):
    """A sentence, list item or table row of a passage, readable alone.

    `places` are the keys of the terms in it, in its headings, in the statements before it, and in its whole passage.
    `outdated` when its document says of itself that it is no longer, or not yet, in force.
    """

    marker: int
    ordinal: int
    text: str
    refers_back: bool
    places: tuple[frozenset[str], ...]
    outdated: bool = False


class Asked(NamedTuple):
    """A term of the question: how much an answer depends on it, and which keys of the passages stand for it."""

    term: Term
    word: str
    weight: float
    near: Mapping[str, float]
    category: bool = False


class Question(NamedTuple):
    """A question, read against the passages that may answer it."""

    text: str
    asked: tuple[Asked, ...]
    expected: Expected | None


def read_statements(passages: Sequence[Quoted], language: Language) -> list[Statement]:
    """The statements of all passages in order. Headings and table headers are context, instructions are dropped."""
    outdated = {_document(passage) for passage in passages if _OUTDATED.search(f"{passage.title}\n{passage.text}")}
    return [
        statement._replace(outdated=_document(passage) in outdated)
        for passage in passages
        for statement in _read_passage(passage, language)
    ]


def _read_passage(passage: Quoted, language: Language) -> list[Statement]:
    title = _keys(passage.title, language) | _keys(_SEPARATORS.sub(" ", passage.title.partition(" › ")[0]), language)
    section: frozenset[str] = frozenset()
    continued = passage.title.rpartition(" › ")[2]  # the header of a table that began in an earlier passage
    spans = units(passage.text)
    texts = [re.sub(r"\s+", " ", passage.text[span.start : span.end]) for span in spans]
    headed_by = heads(passage.text, spans)
    found: list[Statement] = []
    for n, (span, text, head) in enumerate(zip(spans, texts, headed_by, strict=True)):
        header = texts[head] if head is not None else ""
        if span.row and continued.count("|") == text.count("|"):
            header = continued
        if instructs(text) or (n in headed_by and header != continued) or (span.row and not header):
            continue
        if not span.row and _is_heading(passage.text, spans, n):
            section = _keys(text, language)
            continue
        own, above = _keys(text, language), title | section | _keys(header, language)
        if len(own) < 2 and not header:
            continue
        before = [] if span.row else found[-2:] if header else found[:1] + found[-2:]
        places = (own, above, frozenset[str]().union(*(each.places[0] for each in before)))
        refers_back = (head is not None and not span.row) or _REFERS_BACK.match(text) is not None
        found.append(Statement(passage.marker, n, _alone(header, text, span.row), refers_back, places))
    everything = title.union(*(statement.places[0] for statement in found))
    return [statement._replace(places=(*statement.places, everything)) for statement in found]


def _is_heading(text: str, spans: Sequence[Span], n: int) -> bool:
    """Whether a statement only names what follows: it ends in a colon, or is a short line without an end, not in a list."""
    span = spans[n]
    own = text[span.start : span.end]
    if own[0] == "#" or (own[-1] == ":" and len(own) < 80):
        return True
    line = text[text.rfind("\n", 0, span.start) + 1 : span.start]
    ends_line = text[span.end : span.end + 1] in ("\n", "\r")
    return (
        len(own) < 60
        and own[-1] not in ".!?…"
        and not line.strip()
        and ends_line
        and ": " not in own
        and n + 1 < len(spans)
    )


def _alone(header: str, text: str, row: bool) -> str:
    """A row or field so that it can be read alone: `Express – Time: 1 day, Price: $14.50`, `E-104 – meaning: …`."""
    if not header or not (row or is_field(text)):
        return text
    if not row:
        return f"{header.partition(': ')[2]} – {re.sub(_GROUP, '', text)}"
    names, cells = ([cell.strip() for cell in line.strip("| ").split("|")] for line in (header, text))
    pairs = [f"{name}: {cell}" for name, cell in zip(names[1:], cells[1:], strict=False) if cell.strip("-–— ")]
    return f"{cells[0]} – {', '.join(pairs)}" if pairs else cells[0]


def _keys(text: str, language: Language) -> frozenset[str]:
    return frozenset(term.key for term in terms(text, language))


def vocabulary(passages: Sequence[Quoted], language: Language) -> dict[str, str]:
    """Every word of the passages, lower-case, with its key: what a misspelt word of a question may have meant."""
    found: dict[str, str] = {}
    for text in (text for passage in passages for text in (passage.title, passage.text)):
        for term in terms(text, language):
            if term.kind in (Kind.WORD, Kind.NAME):
                found[text[term.start : term.end].lower()] = term.key
    return found


def names_everywhere(passages: Sequence[Quoted], language: Language) -> frozenset[str]:
    """The keys of names that at least three documents carry, and half of all: who speaks, not what is spoken of."""
    carried: defaultdict[str, set[str]] = defaultdict(set)
    documents = {_document(passage) for passage in passages}
    for passage in passages:
        for term in terms(f"{passage.title}\n{passage.text}", language):
            if term.kind is Kind.NAME:
                carried[term.key].add(_document(passage))
    least = max(_LEAST_CARRIERS, len(documents) / 2)
    return frozenset(key for key, names in carried.items() if len(names) >= least)


def _document(passage: Quoted) -> str:
    """The file that a passage's title names."""
    return passage.title.partition(" › ")[0].partition(" p. ")[0]


def read_question(
    question: str,
    found: Sequence[Statement],
    words: Mapping[str, str],
    language: Language,
    everywhere: frozenset[str] = frozenset(),
) -> Question:
    """The question's terms, weighed: rare in the passages is specific, names and numbers are more so.

    A name that many documents carry is `everywhere`, the organisation's own above all: missing it says nothing.

    What "how many" counts is never light. The word after "which" names a category that answers seldom repeat ("which
    city": "in Porto"), so missing it weighs half. The words of one name share its weight.
    """
    counts = Counter(key for statement in found for key in statement.places[0] | statement.places[1])
    keys = frozenset(words.values()) | frozenset(counts)
    counted, category = _COUNTED.search(question), _CATEGORY.search(question)
    asked: dict[str, Asked] = {}
    for term in terms(question, language):
        if term.part or term.key in asked:
            continue
        word = question[term.start : term.end]
        near = _near(term, word.lower(), keys, words, language)
        share = sum(counts[key] for key, worth in near.items() if worth >= _SYNONYM) / max(1, len(found))
        weight = max(_LEAST_WEIGHT, math.log(1 + 1 / (share + 0.02)) / math.log(51))
        if term.kind is Kind.NAME and term.key in everywhere:
            term, weight = term._replace(kind=Kind.WORD), _LIGHT_WEIGHT
        elif term.kind is not Kind.WORD:
            weight *= (_EXACT if term.kind is Kind.IDENTIFIER else _SPECIFIC) / _words_of_name(question, term)
        elif is_light(term.key, language) and not (counted and counted.end() == term.start):
            weight = _LIGHT_WEIGHT
        is_category = category is not None and category.start() < term.start < category.end()
        asked[term.key] = Asked(term, word, weight, near, is_category)
    return Question(question, tuple(asked.values()), expected(question))


def _words_of_name(question: str, term: Term) -> int:
    if term.kind is not Kind.NAME:
        return 1
    capital = r"[^\W\d_a-zß-öø-ÿ][\w'’]*"
    for name in re.finditer(rf"{capital}(?: {capital})*", question):
        if name.start() <= term.start < name.end():
            return len(name.group().split())
    return 1


def _near(
    term: Term, word: str, keys: frozenset[str], words: Mapping[str, str], language: Language
) -> dict[str, float]:
    """The keys of the passages that stand for a term of the question, with what each is worth."""
    if term.kind is Kind.NUMBER:
        return {term.key: 1.0}
    if term.kind is Kind.IDENTIFIER:
        return {term.key: 1.0} | {key: 1.0 for key in keys if key.startswith(term.key + ".")}
    near = dict.fromkeys(synonyms(language).get(term.key, frozenset()) & keys, _SYNONYM)
    if term.key in keys:
        return near | {term.key: 1.0}
    if len(word) >= 5:
        near |= {key: _TYPO for other, key in words.items() if other[0] == word[0] and one_edit(word, other)}
    if language == "german" and not near:
        for other, key in words.items():
            if min(len(other), len(word)) >= 4:
                near |= _compound(word, other, key)
    return near


def _compound(word: str, other: str, key: str) -> dict[str, float]:
    """German writes compounds as one word: the text's may hold the question's word, or be a part of it."""
    if other.startswith(word[:-1]) or other.endswith(word):
        return {key: _COMPOUND}
    if word.startswith(other):
        return {key: _COMPOUND_MODIFIER}
    return {key: _COMPOUND_HEAD} if word.endswith(other) else {}


def one_edit(a: str, b: str) -> bool:
    """Whether one insertion, deletion, replacement or swap of neighbours turns `a` into `b`."""
    if len(a) > len(b):
        a, b = b, a
    if len(b) - len(a) > 1:
        return False
    i = 0
    while i < len(a) and a[i] == b[i]:
        i += 1
    if len(a) < len(b):
        return a[i:] == b[i + 1 :]
    return a[i + 1 :] == b[i + 1 :] or (a[i : i + 2] == b[i : i + 2][::-1] and a[i + 2 :] == b[i + 2 :])


def support(asked: Asked, statement: Statement) -> float:
    """How far the statement, with what stands around it, says a term of the question: 0 … 1."""
    best = modifier = head = 0.0
    places = _PLACES_REFERRING_BACK if statement.refers_back else _PLACES
    for keys, worth in zip(statement.places, places, strict=True):
        if worth <= best:
            break
        for key in asked.near.keys() & keys:
            near = asked.near[key]
            if near == _COMPOUND_MODIFIER:
                modifier = max(modifier, worth * near)
            elif near == _COMPOUND_HEAD:
                head = max(head, worth * near)
            else:
                best = max(best, worth * near)
    return max(best, modifier + head)


def score(question: Question, statement: Statement) -> float:
    """How well a statement answers a question: 0 … 1.

    The weighted share of the question's terms that it supports, mixed with the support of the least supported one (an
    answer about something else lacks just one word), and cut when it is not the kind of answer that is asked for, when
    a name or number of the question is missing, or when only what stands around it supports anything. Words that ask
    for a kind ("how long", "price") are answered by an answer of that kind.
    """
    kind = question.expected
    typed = kind is None or kind.found.search(statement.text) is not None
    total = covered = own = 0.0
    least, right_thing = 1.0, True
    for asked in question.asked:
        value, weight = support(asked, statement), asked.weight
        if kind and kind.words.match(asked.word):
            weight *= 0.5
            value = max(value, 0.8) if typed else value
        else:
            own = max(own, value if value > _PLACES[2] or statement.refers_back else 0.0)
            if asked.category and value < 0.5:
                weight *= 0.5
            elif weight > _LIGHT_WEIGHT:
                least = min(least, value)
            right_thing = right_thing and (asked.term.kind is Kind.WORD or value > _PLACES[3])
        total += weight
        covered += weight * value
    mean = covered / total if total else 0.0
    share = _YES_NO_LEAST_SHARE if _YES_NO.match(question.text) else _LEAST_SHARE
    result = (1 - share) * mean + share * min(least, mean)
    if kind and not typed:
        result *= _WRONG_KIND if kind.strict else _MAYBE_WRONG_KIND
    if not right_thing:
        result *= _ANOTHER_THING
    if statement.outdated and not any(
        asked.term.kind is not Kind.WORD and asked.term.key in statement.places[1] for asked in question.asked
    ):
        result *= _OUT_OF_FORCE
    return result if own else _NOTHING_OWN * result


def density(question: Question, statement: Statement) -> float:
    """The share of the statement's own terms that the question asks for: a tie goes to the shorter answer."""
    own = statement.places[0]
    return sum(1 for asked in question.asked if asked.near.keys() & own) / max(4, len(own))
