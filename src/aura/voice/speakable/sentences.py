"""Where a text that is still being written can be cut, so that what is read out sounds whole."""

from __future__ import annotations

import re

from aura.voice.speakable.cardinals import Language
from aura.voice.speakable.readings import ABBREVIATIONS, ENDING_ABBREVIATIONS

_CLOSERS = r"[\"'”’»)\]*_`~]*"
_MARKERS = r"(?: ?[\[【]\d+(?: ?[,;–-] ?\d+)*[\]】])*"
_END = re.compile(rf"(?P<stop>[.!?…]+|[。！？])(?P<tail>{_CLOSERS}{_MARKERS}{_CLOSERS})(?P<gap>\s+|(?<=[。！？])|$)")
_CLAUSE = re.compile(r"(?:[,;:](?=\s)| [–—](?=\s)|—)\s*")
_LAST_WORD = re.compile(r"[^\s(\[\"'„“]*$")
_INITIAL = re.compile(r"[A-ZÄÖÜ]|(?:[A-Za-z]\.)+[A-Za-z]")
_OPEN = re.compile(
    r"!?\[[^\]\n]*(?:\](?:\([^)\n]*)?)?$|【[^】\n]*$|`[^`\n]*$|<[A-Za-z/][^>\n]*$|(?:https?://|www\.)\S*$"
)
_FEWEST_WORDS = 3
_LONGEST_OPEN = 300


def sentence_end(text: str, at: int, end: int, language: Language | None, *, final: bool) -> int | None:
    """The place behind the first sentence of `text[at:end]`; None while it can not be told, or none ends there.

    Args:
        final: nothing comes behind `end`; before that, what a full stop means is told by what follows it.
    """
    for match in _END.finditer(text, at, end):
        behind = match.end()
        if _OPEN.search(text, max(at, match.start() - _LONGEST_OPEN), match.start()):
            continue
        if behind == end and not final:
            return None
        if match["stop"] != "." or behind == end or not _is_no_end(text, at, match, end, language):
            return behind
    return None


def clause_end(text: str, at: int, end: int) -> int | None:
    """The place behind the first clause that has some words and something behind it, where a first piece may be cut."""
    for match in _CLAUSE.finditer(text, at, end):
        before = text[at : match.start()]
        if match.end() == end or len(before.split()) < _FEWEST_WORDS or before[-1].isdigit():
            continue
        if not _OPEN.search(text, max(at, match.start() - _LONGEST_OPEN), match.start()):
            return match.end()
    return None


def forced_cut(text: str, at: int, end: int) -> int | None:
    """The best place to cut `text[at:end]` when it can not wait: behind the last clause, else behind the last whole word.

    Never inside of a link, an address or code that is still open, nor between a number and its unit. None: nowhere.
    """
    open_from = _OPEN.search(text, max(at, end - _LONGEST_OPEN), end)
    limit = open_from.start() if open_from else end
    clauses = [each.end() for each in _CLAUSE.finditer(text, at, limit) if each.end() < limit]
    if clauses and clauses[-1] - at > (limit - at) / 2:
        return clauses[-1]
    for gap in reversed(list(re.finditer(r"\s+", text[at:limit]))):
        before = text[at : at + gap.start()]
        if before.strip() and not before[-1].isdigit():
            return at + gap.end()
    return None


def _is_no_end(text: str, at: int, match: re.Match[str], end: int, language: Language | None) -> bool:
    """Whether the one full stop that `match` found ends no sentence."""
    found = _LAST_WORD.search(text, at, match.start())
    word = found[0] if found else ""
    following = text[match.end()]
    if following.islower() and following.isalpha():
        return True
    written = f"{word}.".lower()
    abbreviations = ABBREVIATIONS[language or "en"]
    if written in ENDING_ABBREVIATIONS:
        return False
    if written in abbreviations or (language == "en" and written == "no." and following.isdigit()):
        return True
    # "z. B." is written with a space, which makes two words of it
    parts = text[at : match.start()].split()
    if len(parts) > 1 and f"{parts[-2]}{parts[-1]}.".lower() in abbreviations:
        return True
    if any(each.startswith(written) and each != written for each in abbreviations) and len(word) == 1:
        return True
    if word.isdigit() and language == "de" and len(word) <= 2:
        return True  # an ordinal
    return bool(_INITIAL.fullmatch(word)) and word != "I"
