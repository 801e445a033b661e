"""What ends a run before it has a verdict."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console

from aura import AuraError

RED, NO_VERDICT = 1, 2
"""Exit codes, beside 0."""


class BadInput(Exception):
    """A dataset, a suite or an option can not be used; the command exits with 2.

    Attributes:
        path: the file that is wrong, where one is.
        line: its line, counted from 1.
    """

    def __init__(self, message: str, *, path: Path | None = None, line: int | None = None) -> None:
        place = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(place + message)
        self.path = path
        self.line = line


@contextmanager
def no_verdict_on_errors(notes: Console) -> Generator[None]:
    """Say what can not be used, and exit with 2; so too when AURA refuses a setting or its database is away."""
    try:
        yield
    except (BadInput, AuraError) as error:
        notes.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(NO_VERDICT) from None
