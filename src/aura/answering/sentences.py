"""Where one statement of a text ends and the next begins: sentences, list items and table rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from aura.answering.lexicon import words


class Span(NamedTuple):
    """The characters `[start, end)` of a text; `row` when they are a row of a table."""

    start: int
    end: int
    row: bool = False


# A full stop after one of these does not end a sentence,
_ABBREVIATIONS = words("""
    dr prof mr mrs ms st messrs col capt rev hon vs cf e.g i.e viz est dept jan feb apr jun jul aug sept oct nov dec
    z.b d.h u.a o.ä bzw ggf evtl vgl inkl exkl zzgl tel hr bspw ing dipl mm mme mlle env p.ex av réf tél
    """)
# after one of these only before a number,
_BEFORE_NUMBERS = words("no nos nr p pp s fig figs art abs vol ch sec ed n° ext approx ca max min mind")
# and after one of these only when no function word shows that a new sentence begins.
_MAYBE_ABBREVIATIONS = words("a.m p.m etc inc ltd co corp jr sr u.s u.k e.v usw")
_OPENERS = words("""
    the a an this that these those it its he she they we you i there if when after before in on at for from to with by
    all each every no not any as while once please our your their
    der die das ein eine er sie es wir ihr ich wenn nach vor im in am auf für von mit bei alle jede kein keine bitte
    le la les l un une il elle nous vous ils elles on si après avant en dans pour avec chaque ce cette ces
    """)
_MONTH = re.compile(
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|januar|februar|märz|mai|juni|juli|oktober|dezember"
    r"|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre)\b",
    re.IGNORECASE,
)
_STOP = re.compile(r"""([.!?…]+|[。！？])((?:["'”’»)\]]|\s?\[\^?[\d,\s]+\])*)""")
_LAST_WORD = re.compile(r"[\w.°-]+$")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*•–‣◦]|\(?\d{1,3}[.)]|\(?[a-z]\))[ \t]+")
_FIELD = re.compile(r"([\w.\[\]/-]{1,60}): (?=\S)")
_RULE = re.compile(r"[\s|:=_*-]+")
_REMARK = re.compile(r"\([^()\n]{1,40}\)[.\s]*(?:\n|$)")
_FULL_LINE_SHARE = 0.7  # of the longest line: a line this long was probably wrapped, not ended
_FULL_LINE_MIN = 40


def units(text: str) -> list[Span]:
    """The statements of `text` in order, without the white space and list markers around them.

    A line break ends a statement at a blank line, around a list item or a table row (`cell | cell`), and after a line
    that is too short to have been wrapped; otherwise it is a space.
    """
    spans: list[Span] = []
    for block in _blocks(text):
        spans.extend([block] if block.row else _sentences(text, block))
    return spans


def heads(text: str, spans: Sequence[Span]) -> list[int | None]:
    """For each of `units(text)`, which one it must be read with: a row's table header, a field's first of its record.

    The fields of a record (`price: 5.90`) stand in lines of their own without a blank one between them; those whose
    names begin alike (`codes[0].meaning`) are a record within it.
    """
    found: list[int | None] = []
    first: dict[str, int] = {}
    for n, span in enumerate(spans):
        between = text[spans[n - 1].end : span.start] if n else "\n\n"
        field = None if span.row else _FIELD.match(text, span.start, span.end)
        if "\n\n" in between or span.row != spans[n - 1].row:
            first = {}
        if field is None and not span.row:
            # A field's second sentence belongs to the same record.
            goes_on = bool(first) and "\n" not in between
            found.append((n - 1 if found[-1] is None else found[-1]) if goes_on else None)
            continue
        group = field[1].rpartition(".")[0] if field else "row"
        found.append(first.get(group))
        first.setdefault(group, n)
    return found


def is_field(statement: str) -> bool:
    """Whether a statement is a field of a record: `price: 5.90`."""
    return _FIELD.match(statement) is not None


def _blocks(text: str) -> list[Span]:
    """Table rows, and runs of lines that read on into each other."""
    lines = _lines(text)
    longest = max((line.end - line.start for line in lines), default=0)
    blocks: list[Span] = []
    for line in lines:
        marker = None if line.row else _LIST_ITEM.match(text, line.start, line.end)
        trimmed = _trim(text, marker.end() if marker else line.start, line.end)
        if trimmed is None or _RULE.fullmatch(text, trimmed.start, trimmed.end):
            continue
        if line.row:
            blocks.append(trimmed._replace(row=True))
        elif blocks and marker is None and not blocks[-1].row and _reads_on(text, blocks[-1], line, longest):
            blocks[-1] = Span(blocks[-1].start, trimmed.end)
        else:
            blocks.append(trimmed)
    return blocks


def _lines(text: str) -> list[Span]:
    """The lines that hold anything. Two neighbours with as many cell borders each are rows of a table."""
    lines = [Span(*match.span()) for match in re.finditer(r"[^\n]+", text)]
    borders = [text.count("|", line.start, line.end) for line in lines]
    return [
        line._replace(row=borders[n] > 0 and borders[n] in (borders[n - 1 : n] + borders[n + 1 : n + 2]))
        for n, line in enumerate(lines)
    ]


def _reads_on(text: str, block: Span, line: Span, longest: int) -> bool:
    if text.count("\n", block.end, line.start) != 1:
        return False
    last = text[text.rfind("\n", 0, block.end) + 1 : block.end]
    following = text[line.start : line.end].lstrip()
    if following[:1] in "#>" or last.lstrip()[:1] == "#" or _FIELD.match(following):
        return False
    if following[0].islower():
        return not last.endswith(":") or len(last) >= _FULL_LINE_MIN
    return last[-1] not in ".!?:;" and len(last) >= max(_FULL_LINE_MIN, _FULL_LINE_SHARE * longest)


def _sentences(text: str, block: Span) -> list[Span]:
    cuts = [block.start]
    for stop in _STOP.finditer(text, block.start, block.end):
        if _ends_sentence(text, cuts[-1], stop, block.end):
            cuts.append(stop.end())
    cuts.append(block.end)
    return [span for start, end in pairwise(cuts) if (span := _trim(text, start, end))]


def _ends_sentence(text: str, start: int, stop: re.Match[str], limit: int) -> bool:
    if stop.group(1)[0] in "。！？":
        return True
    rest = text[stop.end() : min(limit, stop.end() + 60)]
    following = rest.lstrip()
    if not following or len(following) == len(rest) or following[0].islower():
        return False
    if _REMARK.match(following):  # what stands in brackets at the end belongs to the sentence
        return False
    if stop.group(1) != "." or stop.group(2):
        return True
    return not _abbreviated(text[max(start, stop.start() - 40) : stop.start()], following)


def _abbreviated(before: str, following: str) -> bool:
    """Whether the full stop after `before` belongs to an abbreviation, an initial or an ordinal number."""
    match = _LAST_WORD.search(before)
    if match is None:
        return False
    word = match.group().lower()
    if word in _MAYBE_ABBREVIATIONS:
        return re.split(r"\W", following, maxsplit=1)[0].lower() not in _OPENERS
    if word.isdigit():
        return len(word) <= 2 and (match.start() == 0 or _MONTH.match(following) is not None)
    if word in _BEFORE_NUMBERS:
        return following[0].isdigit()
    if len(word) == 1 and word.isalpha():  # J. Smith is a name, desk B. ends a sentence
        return (
            re.search(r"(?:^|\b(?:by|with|and|from|to|of|von|und|mit|par|et|de)|[A-ZÀ-Þ][\w.]*)\s*$", before[:-1])
            is not None
        )
    return word in _ABBREVIATIONS


def _trim(text: str, start: int, end: int) -> Span | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end) if start < end else None
