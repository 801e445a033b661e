"""What kind of block a place in a Markdown text is in: one that is read out, or one that is only shown."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Kind = Literal["prose", "code", "table", "nothing"]

_FENCE = re.compile(r"[ \t]*(```+|~~~+)")
_RULE = re.compile(r"[ \t]*(?:-[ \t]*){3,}$|[ \t]*(?:\*[ \t]*){3,}$|[ \t]*(?:_[ \t]*){3,}$|[ \t]*=+[ \t]*$")
_DELIMITERS = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_STARTS_BLOCK = re.compile(r"[ \t]*(?:#{1,6}[ \t]|>|[-*+•][ \t]|\d{1,3}[.)][ \t]|```|~~~|\|)")
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]")
_UNDECIDED = re.compile(r"[ \t]*(?:[#>*+\-•=_~`|:\t ]*|\d{1,3}[.)]?)$")
_MATH = re.compile(r"[ \t]*(?:\$\$|\\\[)")


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """From the place that was asked for to `end`. `whole`: more text can not make it longer."""

    kind: Kind
    end: int
    whole: bool


def block_at(text: str, at: int, *, line_start: bool, final: bool) -> Block | None:
    """The block that `text` goes on with at `at`; None while that can not be told.

    Args:
        line_start: a line begins at `at`; else it is inside of prose.
        final: nothing comes behind `text`.
    """
    if at >= len(text):
        return None
    if not line_start:
        return _prose(text, at, at, final=final)
    line_end = text.find("\n", at)
    complete = line_end >= 0
    line = text[at : line_end if complete else len(text)]
    if not line.strip():
        return Block(kind="nothing", end=line_end + 1, whole=True) if complete else _leftover(text, final)
    if not (complete or final) and _UNDECIDED.fullmatch(line):
        return None
    if fence := _FENCE.match(line):
        return _fenced(text, at, fence[1], final=final)
    if _MATH.match(line):
        return _math(text, at, final=final)
    if "|" in line:
        return _maybe_table(text, at, line, complete, final=final)
    if _RULE.match(line) and (complete or final):
        return Block(kind="nothing", end=line_end + 1 if complete else len(text), whole=True)
    return _prose(text, at, at, final=final)


def _leftover(text: str, final: bool) -> Block | None:
    return Block(kind="nothing", end=len(text), whole=True) if final else None


def _fenced(text: str, at: int, fence: str, *, final: bool) -> Block | None:
    closing = re.compile(rf"^[ \t]*{re.escape(fence[:3])}+[ \t]*$", re.MULTILINE)
    opened = text.find("\n", at)
    found = closing.search(text, opened + 1) if opened >= 0 else None
    if found and (final or found.end() < len(text)):
        return Block(kind="code", end=min(found.end() + 1, len(text)), whole=True)
    return Block(kind="code", end=len(text), whole=True) if final else None


def _math(text: str, at: int, *, final: bool) -> Block | None:
    opening = text[at:].lstrip(" \t")[:2]
    begins = text.index(opening, at) + 2
    closed = text.find("$$" if opening == "$$" else "\\]", begins)
    if closed >= 0:
        return Block(kind="code", end=closed + 2, whole=True)
    return Block(kind="code", end=len(text), whole=True) if final else None


def _maybe_table(text: str, at: int, line: str, complete: bool, *, final: bool) -> Block | None:
    if line.lstrip().startswith("|"):
        return _table(text, at, final=final)
    if not complete:
        return _prose(text, at, at, final=True) if final else None
    following_end = text.find("\n", at + len(line) + 1)
    following = text[at + len(line) + 1 : following_end if following_end >= 0 else len(text)]
    if (
        following_end < 0
        and not final
        and (not following or _DELIMITERS.match(following) or _UNDECIDED.match(following))
    ):
        return None
    if "-" in following and _DELIMITERS.match(following):
        return _table(text, at, final=final)
    return _prose(text, at, at, final=final)


def _table(text: str, at: int, *, final: bool) -> Block | None:
    place = at
    while place < len(text):
        line_end = text.find("\n", place)
        line = text[place : line_end if line_end >= 0 else len(text)]
        if line_end < 0 and not final:
            return None
        if line.strip() and "|" not in line:
            return Block(kind="table", end=place, whole=True)
        if line_end < 0:
            break
        if not line.strip():
            return Block(kind="table", end=line_end + 1, whole=True)
        place = line_end + 1
    return Block(kind="table", end=len(text), whole=True) if final else None


def _prose(text: str, at: int, line: int, *, final: bool) -> Block:
    """Lines go on with each other until one is empty, is a heading, or begins a block of its own."""
    while True:
        line_end = text.find("\n", line)
        if line_end < 0:
            return Block(kind="prose", end=len(text), whole=final)
        following = text[line_end + 1 :]
        if _HEADING.match(text, line) or following[:1] == "\n" or _STARTS_BLOCK.match(following):
            return Block(kind="prose", end=line_end + 1, whole=True)
        if not final and ("\n" not in following and _UNDECIDED.match(following)):
            return Block(kind="prose", end=line_end, whole=False)
        if _RULE.match(following.partition("\n")[0]) and following.strip():
            return Block(kind="prose", end=line_end + 1, whole=True)
        line = line_end + 1
