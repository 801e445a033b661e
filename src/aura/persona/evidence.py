"""Finds in a user's own words how they want to be answered: by rules, the same every time, in English, German, French
and Spanish.

A sentence counts as asked for only when nothing else is in it, so that a question about documents ("is the warranty longer
for members?") teaches nothing. Text of documents, of answers or of other people is never read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

import msgspec

from aura.errors import InvalidRequest
from aura.persona.learning import LESS, MORE, Kind
from aura.persona.phrases import ASKED, CASUAL, FORMAL, INLINE, NAMED, PICTOGRAM, PLAIN, core
from aura.persona.traits import Axis, checked

LONGEST_READ = 2_000
"""Characters of a message that are read: what is longer is a text, not a wish."""
_LONGEST_WISH = 120
_SENTENCE = re.compile(r"[^.!?;\n]+[.!?;\n]*")
_POLITE_QUESTION = re.compile(
    r"\s*(?:please|can|could|would|will|bitte|kannst|könntest|können|könnten|würdest|würden"
    r"|(?:tu )?peux|peut|pourrais|pouvez|pourriez|¿?\s*(?:me )?(?:puedes?|podrías?))\b",
    re.I,
)
_CLAUSE = re.compile(r"[!?;\n]+|(?<=[a-zäöüß])(?<!Dr)(?<!Mr)(?<!Ms)(?<!Mrs)(?<!Prof)\.\s")
_ALIKE = 0.9
_SAME_SUBJECT = 0.6
_SHORT_ANSWER, _LONG_ANSWER = 160, 700
"""Characters: who asks again after a short answer wanted more, after a long one less."""


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that words say of how to answer; `towards` is as in `Signal`."""

    axis: Axis
    towards: str
    kind: Kind


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and answered just before, in the same conversation."""

    asked: str
    answered: str
    refused: bool = False


def in_message(text: str, before: Exchange | None = None) -> list[Hint]:
    """What a user's message says, at most one hint for each axis: the plainest. Cost: under 1 ms."""
    text = text[:LONGEST_READ]
    return _plainest([*_asked(text), *_named(text), *_repeated(text, before), *_mirrored(text)])


def only_wishes(text: str) -> bool:
    """Whether `text` says nothing but how answers are to be, and so asks nothing that could be answered."""
    sentences = [each for each in _SENTENCE.findall(text) if each.strip()]
    return bool(sentences) and all(any(_asked(each)) for each in sentences)


def in_feedback(rating: int, *texts: str) -> list[Hint]:
    """What the reason and the comment of a rating say. Praise for an answer's manner is a wish for more of it."""
    hints: list[Hint] = []
    for text in texts:
        for sentence in _SENTENCE.findall(text[:LONGEST_READ]):
            words = core(sentence)
            found = ASKED.get(words) or (PLAIN.get(words) if rating > 0 else None)
            if found:
                hints.append(Hint(axis=found[0], towards=found[1], kind=Kind.RATED))
    return _plainest(hints)


def _asked(text: str) -> Iterator[Hint]:
    for sentence in _SENTENCE.findall(text):
        # "Is it longer?" asks about a document; "can you make it longer?" does not.
        if len(sentence) > _LONGEST_WISH or ("?" in sentence and not _POLITE_QUESTION.match(sentence)):
            continue
        words = core(sentence)
        if found := ASKED.get(words) or PLAIN.get(words):
            yield Hint(axis=found[0], towards=found[1], kind=Kind.ASKED)


def _named(text: str) -> Iterator[Hint]:
    """The name in "call me Ada": whatever follows must be one, or it is no form of address."""
    for sentence in _CLAUSE.split(text):
        start = sentence.strip()
        match = NAMED.search(start[:1].lower() + start[1:]) if len(start) <= _LONGEST_WISH else None
        if match is None:
            continue
        try:
            yield Hint(axis="address", towards=str(checked("address", match[1])), kind=Kind.ASKED)
        except InvalidRequest:
            continue


def _repeated(text: str, before: Exchange | None) -> Iterator[Hint]:
    """The same question again says that the answer's length was wrong; with other words about how, those say more."""
    if before is None or before.refused:
        return
    likeness = SequenceMatcher(None, _bare(text), _bare(before.asked), autojunk=False).ratio()
    wished = [
        key for key, words in INLINE.items() if words.search(text.lower()) and not words.search(before.asked.lower())
    ]
    if likeness >= _SAME_SUBJECT and wished:
        yield Hint(axis=wished[0][0], towards=wished[0][1], kind=Kind.REPEATED)
    elif likeness >= _ALIKE and len(before.answered) < _SHORT_ANSWER:
        yield Hint(axis="detail", towards=MORE, kind=Kind.REPEATED)
    elif likeness >= _ALIKE and len(before.answered) > _LONG_ANSWER:
        yield Hint(axis="detail", towards=LESS, kind=Kind.REPEATED)


def _mirrored(text: str) -> Iterator[Hint]:
    """How the user writes; what points both ways says nothing."""
    casual, formal = CASUAL.search(text), FORMAL.search(text)
    if bool(casual) != bool(formal):
        yield Hint(axis="formality", towards=MORE if formal else LESS, kind=Kind.MIRRORED)
    if text.count("!") >= 2:
        yield Hint(axis="energy", towards=MORE, kind=Kind.MIRRORED)
    if PICTOGRAM.search(text):
        yield Hint(axis="emoji", towards="some", kind=Kind.MIRRORED)
    wished = [key for key, words in INLINE.items() if words.search(text.lower())]
    if len(wished) == 1:
        yield Hint(axis=wished[0][0], towards=wished[0][1], kind=Kind.MIRRORED)


def _plainest(hints: list[Hint]) -> list[Hint]:
    """One hint for each axis; where the plainest contradict each other, none."""
    kinds = list(Kind)
    found: dict[str, Hint] = {}
    for axis in dict.fromkeys(hint.axis for hint in hints):
        mine = [hint for hint in hints if hint.axis == axis]
        first = min(kinds.index(hint.kind) for hint in mine)
        plainest = [hint for hint in mine if kinds.index(hint.kind) == first]
        if len({hint.towards for hint in plainest}) == 1:
            found[axis] = plainest[0]
    return list(found.values())


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text[:300].lower()).strip()
