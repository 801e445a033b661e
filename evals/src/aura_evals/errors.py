"""What ends a run before it has a verdict."""

from __future__ import annotations

from pathlib import Path


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
