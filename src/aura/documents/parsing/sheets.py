"""CSV and XLSX, row by row.

`unstructured` reads both, but not as one wants them here (measured with 0.27): a sheet of 20,000 rows takes 12 s, rows
with one filled cell fall out of their table, dates gain a midnight, and "NA" becomes empty; a CSV is one block of text
in which rows can not be told apart. Reading them ourselves is short, streams, and keeps every cell as it is shown.
"""

from __future__ import annotations

import csv
import itertools
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import TextIO

from aura.documents.parsing.elements import Block, Category, table_rows
from aura.errors import InvalidRequest

_LONGEST_LINE = 1024 * 1024
_SAMPLE_LINES = 30
_DELIMITERS = ",;\t|"


def csv_blocks(path: Path, encoding: str) -> Iterator[Block]:
    """The rows of a CSV file; the delimiter is the one that splits its first lines most evenly."""
    csv.field_size_limit(_LONGEST_LINE)
    with path.open(encoding=encoding, newline="") as stream:
        sample = list(itertools.islice(_lines(stream), _SAMPLE_LINES))
        stream.seek(0)
        reader = csv.reader(_lines(stream), delimiter=_delimiter(sample))
        yield from table_rows(_filled(reader))


def _filled(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise InvalidRequest("the CSV has a field without end; check its quotes") from error
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield row


def _lines(stream: TextIO) -> Iterator[str]:
    while line := stream.readline(_LONGEST_LINE):
        if len(line) >= _LONGEST_LINE:
            raise InvalidRequest(f"the CSV has a line longer than {_LONGEST_LINE} characters; check its line ends")
        yield line.replace("\0", "")


def _delimiter(sample: Sequence[str]) -> str:
    def evenness(delimiter: str) -> tuple[int, int]:
        widths = Counter(len(row) for row in csv.reader(sample, delimiter=delimiter) if row)
        width, rows = max(widths.items(), key=lambda item: (item[0] > 1, item[1]), default=(0, 0))
        return (rows if width > 1 else 0, width)

    return max(_DELIMITERS, key=evenness)


def xlsx_blocks(path: Path) -> Iterator[Block]:
    """Each sheet's name as a heading, then its rows; blank rows and rows with a single cell part the tables."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    with path.open("rb") as stream:  # a path must end in .xlsx, and a stored original has no ending
        try:
            workbook = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as error:
            raise InvalidRequest(
                "the workbook is damaged; open it, save it again as .xlsx, and try once more"
            ) from error
        try:
            for sheet in workbook.worksheets:
                # A sheet may declare fewer rows than it has; without this the rest is not read.
                sheet.reset_dimensions()
                rows = (
                    [_shown(cell.value, str(cell.number_format or "")) for cell in row] for row in sheet.iter_rows()
                )
                blocks = _sheet_blocks(rows)
                first = next(blocks, None)
                if first is not None:
                    yield Block(category=Category.TITLE, text=sheet.title, depth=1)
                    yield first
                    yield from blocks
        finally:
            workbook.close()


def _sheet_blocks(rows: Iterable[list[str]]) -> Iterator[Block]:
    for filled, group in itertools.groupby(rows, key=any):
        if filled:
            yield from _region_blocks(group)


def _region_blocks(rows: Iterator[list[str]]) -> Iterator[Block]:
    """What stands between blank rows: notes of one cell each, a table, more notes."""
    for row in rows:
        if _is_wide(row):
            below: list[list[str]] = []
            yield from table_rows(itertools.chain([row], _table(rows, below)))
            for note in below:
                yield _note(note)
        else:
            yield _note(row)


def _table(rows: Iterator[list[str]], below: list[list[str]]) -> Iterator[list[str]]:
    """The rest of a table. Rows with one cell belong to it if a wider one follows; else they are left in `below`."""
    for row in rows:
        if _is_wide(row):
            yield from below
            below.clear()
            yield row
        else:
            below.append(row)


def _is_wide(row: list[str]) -> bool:
    return sum(bool(cell) for cell in row) >= 2


def _note(row: list[str]) -> Block:
    return Block(category=Category.TEXT, text=next(cell for cell in row if cell), separator="\n")


def _shown(value: object, number_format: str) -> str:
    """A cell's value as the sheet shows it, as far as that matters for reading."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (int, float)):
        if "%" in number_format:
            return f"{round(value * 100, 6):g} %"
        return f"{value:.12g}" if isinstance(value, float) else str(value)
    return str(value).strip()
