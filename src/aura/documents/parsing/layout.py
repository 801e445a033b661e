"""From the lines of a page to its blocks: paragraphs, headings, list items and the rows of tables.

A PDF holds placed glyphs, not structure. What a line belongs to is told from where it stands, how large and how bold it
is, and how wide the gaps in it are.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from aura.documents.parsing.elements import Block, Category, table_rows

COLUMN_GAP = 0.7
"""A gap of so many times the font size may stand between two columns; if it does, the next row has it in line."""

_COLUMN_STEP = 24.0
"""Points. Lines that begin closer than about this belong to one column."""

PAGE_NUMBER = re.compile(r"(?:page|seite|p\.)?\s*[-–]?\s*\d+\s*[-–]?(?:\s*(?:/|of|von|sur|de)\s*\d+)?", re.IGNORECASE)

_BULLET = re.compile(r"[•◦▪‣●○■–*·-]\s+\S|\(?(?:\d{1,3}|[a-z])[.)]\s+\S")
_SENTENCE_END = (".", "!", "?", ":", ";", "。", "！", "？")
_WORD = re.compile(r"[^\W\d_]{2}")
_NO_HEADING_END = (".", "!", ",", ":", ";", "。", "！", "，")
_EAST_ASIAN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_LINE_END_HYPHEN = re.compile("(\\w)\ufffe(\\w)?")


class Cell(msgspec.Struct, frozen=True):
    """A part of a line between wide gaps, and where it stands."""

    text: str
    left: float
    right: float


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a page. Coordinates are points from the page's lower left; `cells` are its parts between wide gaps.

    Lines that a hyphen joins are one line; `last_bottom` is then the last one's.
    """

    text: str
    left: float
    right: float
    bottom: float
    last_bottom: float
    size: float
    bold: bool = False
    cells: tuple[Cell, ...] = ()


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """What is the same all over a document.

    `body` is the size of its running text, `headings` the larger sizes, largest first: its levels of headings;
    `running` are the lines at the top and bottom of its pages, told by their text and height.
    """

    body: float
    headings: tuple[float, ...] = ()
    running: frozenset[tuple[str, int]] = frozenset()


def style_of(pages: Sequence[Sequence[Line]]) -> Style:
    """The style of a document, told from some of its pages."""
    sizes: Counter[float] = Counter()
    for line in itertools.chain.from_iterable(pages):
        sizes[line.size] += len(line.text)
    if not sizes:
        return Style(body=0.0)
    body = sizes.most_common(1)[0][0]
    headings = tuple(sorted((size for size in sizes if size > body * 1.15), reverse=True)[:6])
    return Style(body=body, headings=headings, running=_running_lines(pages, body))


def _running_lines(pages: Sequence[Sequence[Line]], body: float) -> frozenset[tuple[str, int]]:
    """The page headers and footers: two lines at most at either end that two in five pages, and at least two, share."""
    found: Counter[tuple[str, int]] = Counter()
    for lines in pages:
        if len(lines) >= 3:
            ordered = sorted(lines, key=lambda line: line.bottom)
            keys = {running_key(line, body) for line in ordered[:2] + ordered[-2:]}
            found.update(key for key in keys if key is not None)
    return frozenset(key for key, times in found.items() if times >= max(2, 0.4 * len(pages)))


def running_key(line: Line, body: float) -> tuple[str, int] | None:
    """What makes a line the same header or footer on another page; None for a line that can not be one.

    Only in small print, and where a line is nothing but a page number, may its digits differ: "Clause 7" at the top of
    page 7 is text. The header of a table that goes on is text as well.
    """
    small = line.size < 0.95 * body
    if len(line.cells) > 1 and not small:
        return None
    text = re.sub(r"\d+", "0", line.text) if small or PAGE_NUMBER.fullmatch(line.text) else line.text
    return text, round(line.bottom / 4)


def page_blocks(lines: Sequence[Line], style: Style, page: int) -> Iterator[Block]:
    """The blocks of one page, in the order of its lines."""
    if not lines:
        return
    spacing = _usual_spacing(lines)
    margins = _right_margins(lines)
    position = 0
    while position < len(lines):
        end = _table_end(lines, position)
        if end - position >= 2:
            yield from table_rows(([cell.text for cell in line.cells] for line in lines[position:end]), page=page)
        else:
            right = margins[_column(lines[position])]
            end = _paragraph_end(lines, position, style, spacing, right)
            yield _paragraph(lines[position:end], style, page, right)
        position = end


def _column(line: Line) -> int:
    return round(line.left / _COLUMN_STEP)


def _right_margins(lines: Sequence[Line]) -> dict[int, float]:
    """How far the lines of each column reach. Columns are told by where lines begin, give or take an indent."""
    reach: dict[int, float] = {}
    for line in lines:
        reach[_column(line)] = max(line.right, reach.get(_column(line), 0.0))
    return {column: max(reach.get(column + near, 0.0) for near in (-1, 0, 1)) for column in reach}


def _usual_spacing(lines: Sequence[Line]) -> float:
    """The distance from one line of a paragraph to the next; at most 1.6 times the font size."""
    steps = [a.last_bottom - b.bottom for a, b in itertools.pairwise(lines)]
    near = [step for step, line in zip(steps, lines, strict=False) if 0.5 * line.size < step < 2.5 * line.size]
    largest = 1.6 * max(line.size for line in lines)
    return min(statistics.median_low(near), largest) if near else largest


def _table_end(lines: Sequence[Line], start: int) -> int:
    end = start
    while end < len(lines) and len(lines[end].cells) >= 2 and not _BULLET.match(lines[end].text):
        if end > start and not _in_line(lines[end - 1], lines[end]):
            break
        end += 1
    return end


def _in_line(row: Line, following: Line) -> bool:
    """Whether two rows share a column beyond the first: its left or its right edge. Gaps in justified text do not."""
    return any(
        abs(cell.left - other.left) < 3 or abs(cell.right - other.right) < 3
        for cell in row.cells[1:]
        for other in following.cells[1:]
    )


def _paragraph_end(lines: Sequence[Line], start: int, style: Style, spacing: float, right: float) -> int:
    end = start + 1
    while end < len(lines) and _goes_on(lines[end - 1], lines[end], style, spacing, right):
        if _table_end(lines, end) - end >= 2:
            break
        end += 1
    return end


def _goes_on(line: Line, following: Line, style: Style, spacing: float, right: float) -> bool:
    """Whether `following` continues the paragraph, heading or list item of `line`."""
    step = line.last_bottom - following.bottom
    if abs(line.size - following.size) > 0.1 * line.size or _depth(line, style) != _depth(following, style):
        return False
    if step > 1.35 * max(spacing, line.size) or _BULLET.match(following.text):
        return False
    ends_early = line.right < right - 0.25 * (right - line.left)
    if ends_early and line.text.endswith(_SENTENCE_END):
        return False
    indented = following.left - line.left > line.size and following.left < right - 0.5 * (right - line.left)
    return not (indented and step > 0 and not _BULLET.match(line.text))


def _depth(line: Line, style: Style) -> int | None:
    """The level of the heading that a line is, or None: headings are larger than the text, or bold all along."""
    depth = next((depth for depth, size in enumerate(style.headings, start=1) if line.size >= size), None)
    if depth is None and line.bold and line.size >= style.body and line.text[0].isalnum():
        depth = len(style.headings) + 1
    if depth is None or line.text.endswith(_NO_HEADING_END) or len(line.text) > 150 or not _WORD.search(line.text):
        return None
    return depth


def _paragraph(lines: Sequence[Line], style: Style, page: int, right: float) -> Block:
    text = lines[0].text
    for line, following in itertools.pairwise(lines):
        text = _joined(text, following.text, breaks=line.right < right - 0.4 * (right - line.left))
    text = _LINE_END_HYPHEN.sub(_without_hyphen, text).replace("\ufffe", "-")
    depth = _depth(lines[0], style) if len(lines) <= 3 else None
    if depth is not None:
        return Block(category=Category.TITLE, text=" ".join(text.split()), page=page, depth=depth)
    if _BULLET.match(lines[0].text):
        return Block(category=Category.LIST_ITEM, text=text, page=page, separator="\n")
    return Block(category=Category.TEXT, text=text, page=page)


def _joined(text: str, following: str, *, breaks: bool) -> str:
    if text.endswith("\ufffe"):
        return text + following
    if text.endswith("-") and text[-2:-1].isalpha() and following[:1].islower():
        return text[:-1] + following
    if _EAST_ASIAN.match(text[-1:]) and _EAST_ASIAN.match(following[:1]):
        return text + following
    # A line that ends far from the margin was ended on purpose: an address, a verse, a form.
    return text + ("\n" if breaks else " ") + following


def _without_hyphen(match: re.Match[str]) -> str:
    """pdfium marks a hyphen at a line's end with U+FFFE and drops the break after it."""
    before, after = match[1], match[2] or ""
    return before + after if before.isalpha() and after.islower() else f"{before}-{after}"
