"""Progress on standard error: a bar with the time that is left for each part of a run."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Bar:
    """One line of the display."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, by: int = 1) -> None:
        """Say that so much more is done."""
        self._progress.advance(self._task, by)


class Bars:
    """The display of a run."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress or Progress(disable=True)

    def bar(self, what: str, total: int) -> Bar:
        """A new line."""
        return Bar(self._progress, self._progress.add_task(what, total=total))


def progress_on(console: Console) -> Progress:
    """A display with percent, time spent and time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=console,
    )
