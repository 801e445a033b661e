"""What a command writes: to people with rich, or JSON to programs. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence

import msgspec
import typer
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aura.errors import AuraError

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_ROOM_FOR_A_TABLE = 70
"""Characters. An id alone has 36."""
_UNWRAPPED = 1_000
"""Characters in a line that no terminal shows: one item stays one line for `grep`."""

EXIT_CODES = {"InvalidRequest": 2, "NotFound": 4, "Denied": 5, "Conflict": 6, "LimitExceeded": 7, "Unavailable": 8}
"""By the name of the error; every other one ends with 1, and Ctrl-C with 130."""
INTERRUPTED = 130


class Output:
    """Where one command writes."""

    def __init__(self, *, json: bool) -> None:
        self.json = json
        self.console = _console(stderr=False)
        self.notes = _console(stderr=True)

    def result(self, value: object, render: Callable[[], RenderableType]) -> None:
        """Write `value` as JSON, or what `render` makes of it."""
        if self.json:
            self.emit(value)
        else:
            self.console.print(render())

    def emit(self, value: object) -> None:
        """Write `value` as one line of JSON."""
        typer.echo(msgspec.json.encode(value))

    def note(self, text: str, *, style: str = "dim") -> None:
        """Tell a person something that is not the result."""
        self.notes.print(Text(printable(text), style=style))

    def failure(self, kind: str, message: str) -> None:
        """Write why the command can not go on: a line on stderr, or a JSON document in the place of the result."""
        if self.json:
            self.emit({"error": {"type": kind, "message": message}})
        else:
            self.notes.print(Text.assemble(("error: ", "bold red"), printable(message)))


def exit_code(kind: str) -> int:
    """The exit code for an error by its name."""
    return EXIT_CODES.get(kind, 1)


def kind_of(error: AuraError) -> str:
    """The name by which the public error tree knows `error`."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == AuraError.__module__)


def printable(text: str) -> str:
    """`text` without what could command a terminal: control characters, and marks that turn the direction of text.

    Documents are not trusted: an escape sequence in a quote must not reach the terminal.
    """
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


class Listing:
    """A plain table; where there is too little room for one, a card for each row. Nothing is ever cut.

    Args:
        right: columns of numbers.
        unbroken: columns whose cells people copy.
        empty: what to say when there are no rows.
    """

    def __init__(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        right: Sequence[str] = (),
        unbroken: Sequence[str] = (),
        empty: str = "",
    ) -> None:
        self._columns = columns
        self._rows = [[printable("" if cell is None else str(cell)) for cell in row] for row in rows]
        self._right = right
        self._unbroken = unbroken
        self._empty = empty

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What rich renders in the room that there is."""
        if not self._rows:
            yield Text(self._empty)
        elif options.max_width < _ROOM_FOR_A_TABLE:
            yield from self._cards()
        else:
            yield self._table()

    def _table(self) -> Table:
        made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
        for column in self._columns:
            side = "right" if column in self._right else "left"
            made.add_column(column, justify=side, overflow="fold", no_wrap=column in self._unbroken)
        for row in self._rows:
            made.add_row(*row)
        return made

    def _cards(self) -> RenderResult:
        for first, *others in self._rows:
            yield Text(first, style="bold")
            for column, cell in zip(self._columns[1:], others, strict=True):
                if cell:
                    yield Padding(Text(f"{column.lower()}: {cell}", overflow="fold"), (0, 0, 0, 2), expand=False)


def counted(number: int, thing: str) -> str:
    """`1 chunk`, `2,000 chunks`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and values below each other; values that are None are left out."""
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None:
            made.add_row(name, printable(str(value)))
    return made


class StreamedText:
    """Writes a text as it comes; lines break between words at the width of the terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._column = 0
        self._gap = ""
        self._word = ""
        self.empty = True
        """Whether nothing was written yet."""

    def add(self, piece: str) -> None:
        """Write what is complete of the text so far; a word that may go on waits."""
        *complete, self._word = re.split(r"(?<=\s)(?=\S)", self._word + printable(piece))
        for part in complete:
            self._write(part)

    def end(self) -> None:
        """Write what still waits, and end the line."""
        self._write(self._word)
        self._gap = self._word = ""
        if self._column:
            self._out("\n")

    def _write(self, part: str) -> None:
        """Write a word, after the gap before it or on a line of its own; the gap behind it waits."""
        word = part.rstrip()
        if not word:
            self._gap += part
            return
        if "\n" not in self._gap and self._column + cell_len(self._gap) + cell_len(word) > self._console.width:
            self._gap = "\n" if self._column else ""
        self._out(self._gap + word)
        self._gap = part[len(word) :]
        self.empty = False

    def _out(self, text: str) -> None:
        self._console.out(text, end="", highlight=False)
        self._column = cell_len(text.rpartition("\n")[2]) + (0 if "\n" in text else self._column)


def _console(*, stderr: bool) -> Console:
    """Text is never read as markup: it comes from users and documents."""
    console = Console(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _UNWRAPPED
    return console
