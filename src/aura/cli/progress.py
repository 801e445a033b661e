"""Bars for files that are being ingested: one for each that is under way, one for all."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from aura.cli.output import counted, printable

if TYPE_CHECKING:
    from aura.documents.values import IngestProgress

_NARROW = 70
"""Below so many characters there are no bars, only percents."""
_OVERALL = "all files"


class IngestBars:
    """Shows how far each file is. Without a terminal, a line says when one is finished.

    Args:
        total: how many files there are, where the reports do not know.
    """

    def __init__(self, console: Console, *, total: int | None = None) -> None:
        self._console = console
        self._bars = Progress(*_columns(console), console=console, expand=True, transient=True)
        self._overall = self._bars.add_task(_OVERALL, total=total, stage="", left="")
        self._tasks: dict[UUID, TaskID] = {}
        self._total = total
        self._finished = 0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def update(self, progress: IngestProgress) -> None:
        """Show one step of one file."""
        self._finished += progress.stage.final
        total = self._total if self._total is not None else progress.files_total
        count = f"{self._finished} of {'?' if total is None else total}"
        self._bars.update(self._overall, completed=self._finished, total=total, stage=count)
        if progress.stage.final:
            self._finish(progress)
        elif progress.document_id is not None:
            self._advance(progress.document_id, progress)

    def _advance(self, document_id: UUID, progress: IngestProgress) -> None:
        if document_id not in self._tasks:
            self._tasks[document_id] = self._bars.add_task(printable(progress.filename), total=100, stage="", left="")
        self._bars.update(
            self._tasks[document_id],
            completed=progress.percent,
            stage=progress.stage.value,
            left="" if progress.eta_seconds is None else f"{progress.eta_seconds:.0f} s left",
        )

    def _finish(self, progress: IngestProgress) -> None:
        if progress.document_id is not None and progress.document_id in self._tasks:
            self._bars.remove_task(self._tasks.pop(progress.document_id))
        if progress.stage != "ready":
            self._console.print(
                Text.assemble(("✗ ", "red"), printable(f"{progress.filename}: {progress.reason or progress.stage}"))
            )
        elif not self._console.is_terminal:
            what = "already there" if progress.duplicate else counted(progress.chunks, "chunk")
            self._console.print(Text(printable(f"✓ {progress.filename}: {what}")))


def _columns(console: Console) -> list[ProgressColumn]:
    name = Column(ratio=1, no_wrap=True, overflow="ellipsis", min_width=8)
    columns: list[ProgressColumn] = [
        TextColumn("{task.description}", markup=False, table_column=name),
        TextColumn("{task.fields[stage]}", style="cyan", markup=False),
    ]
    if console.width >= _NARROW:
        columns.append(BarColumn(bar_width=20))
    columns.append(TextColumn("{task.percentage:>3.0f} %", markup=False))
    columns.append(TextColumn("{task.fields[left]}", style="dim", markup=False))
    return columns
