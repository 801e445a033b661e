"""What a benchmark found, as a table and as JSON."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What a row should reach: `limit` is on the ratio, or on the measured value itself (`absolute`)."""

    limit: float
    at_least: bool = False
    absolute: bool = False


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One comparison of one run. `against` is what `measured` is held against, in the same `unit`."""

    what: str
    measured: float
    unit: str
    against: float | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """`measured` in units of `against`."""
        return self.measured / self.against if self.against else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        value = self.measured if self.goal is not None and self.goal.absolute else self.ratio
        if self.goal is None or value is None:
            return None
        return value >= self.goal.limit if self.goal.at_least else value <= self.goal.limit


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark's rows, and how busy the machine was (load averages of one minute): shared machines disturb."""

    bench: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    cpus: int
    load_before: float
    load_after: float


class Recorder:
    """Collects the rows of one benchmark."""

    def __init__(self, bench: str) -> None:
        self._bench = bench
        self._rows: list[Row] = []
        self._notes: list[str] = []
        self._load_before = os.getloadavg()[0]

    def add(
        self, what: str, measured: float, unit: str, *, against: float | None = None, goal: Goal | None = None
    ) -> None:
        """Add one row."""
        self._rows.append(Row(what=what, measured=measured, unit=unit, against=against, goal=goal))

    def note(self, text: str) -> None:
        """Add a line that is printed under the table."""
        self._notes.append(text)

    def report(self) -> Report:
        """What was collected."""
        return Report(
            bench=self._bench,
            rows=tuple(self._rows),
            notes=tuple(self._notes),
            cpus=os.cpu_count() or 1,
            load_before=self._load_before,
            load_after=os.getloadavg()[0],
        )


def milliseconds(seconds: Sequence[float], percentile: float = 50.0) -> float:
    """A percentile of `seconds`, in milliseconds."""
    return float(np.percentile(seconds, percentile)) * 1000


def show(report: Report, json: Path | None = None) -> None:
    """Print `report`, and write it to `json`."""
    Console().print(as_table(report))
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def as_table(report: Report) -> Table:
    """The rows for a terminal."""
    load = f"{report.cpus} CPUs, load {report.load_before:.1f} before and {report.load_after:.1f} after"
    table = Table(title=f"bench {report.bench}", caption="\n".join((*report.notes, load)))
    for heading in ("", "measured", "against", "ratio", "goal", "verdict"):
        table.add_column(heading, justify="left" if heading in ("", "verdict") else "right")
    for row in report.rows:
        table.add_row(
            row.what,
            _number(row.measured, row.unit),
            "" if row.against is None else _number(row.against, row.unit),
            "" if row.ratio is None else f"{row.ratio:.2f} ×",
            "" if row.goal is None else _goal(row.goal, row.unit),
            {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[row.met],
        )
    return table


def _number(value: float, unit: str) -> str:
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    return f"{value:,.{digits}f} {unit}".strip()


def _goal(goal: Goal, unit: str) -> str:
    return f"{'≥' if goal.at_least else '≤'} {goal.limit:g} {unit if goal.absolute else '×'}".strip()
