"""A run in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aura_evals.gate import Moved, Verdict
from aura_evals.result import Result, flat

_SHOWN = 200
_MOST_COLUMNS = 7


def show_verdict(console: Console, notes: Console, result: Result, verdict: Verdict) -> None:
    """Print the numbers; what is wrong goes to `notes`, with the queries that changed most."""
    console.print(as_table(result))
    if result.slices:
        console.print(slices_table(result))
    for fault in verdict.faults:
        notes.print(fault, style="red", markup=False, soft_wrap=True)
    for moved in verdict.regressions:
        notes.print(changes_table(moved))
    if verdict.gone:
        notes.print(f"{len(verdict.gone)} queries of the baseline were not asked: {', '.join(verdict.gone[:10])}")


def as_table(result: Result) -> Table:
    """The means; a value below its floor is red, with the floor beside it. Systems of one kind are rows of one table."""
    part = "" if result.limit is None else f", a part of it (--limit {result.limit})"
    caption = f"{result.documents:,} documents, {result.queries:,} queries of {result.split!r}, {result.model.name}"
    table = Table(title=f"{result.suite} on {result.dataset}{part}", caption=caption)
    floors = {floor.measure: floor.value for floor in result.floors}
    metrics = list(dict.fromkeys(metric for values in result.metrics.values() for metric in values))
    if len(metrics) > _MOST_COLUMNS:
        table.add_column("measure")
        table.add_column("mean", justify="right")
        for measure, value in flat(result.metrics).items():
            table.add_row(measure, _cell(value, floors.get(measure)))
        return table
    table.add_column("system")
    for metric in metrics:
        table.add_column(metric, justify="right")
    for system, values in result.metrics.items():
        table.add_row(system, *(_cell(values.get(metric), floors.get(f"{system}.{metric}")) for metric in metrics))
    return table


def slices_table(result: Result) -> Table:
    """The means of each slice: one column for each measure that has a floor, or all of the best-known ones."""
    wanted = [floor.measure for floor in result.floors]
    names = wanted or [f"{system}.{metric}" for system, values in result.metrics.items() for metric in list(values)[:1]]
    table = Table(title="by slice")
    table.add_column("slice")
    for name in names:
        table.add_column(name, justify="right")
    for slice_name, systems in result.slices.items():
        values = {f"{system}.{metric}": value for system, found in systems.items() for metric, value in found.items()}
        table.add_row(slice_name, *(f"{values[name]:.4f}" if name in values else "" for name in names))
    return table


def changes_table(moved: Moved) -> Table:
    """The queries that changed most, with both answers."""
    table = Table(title=f"{moved.measure}: what changed most", show_lines=True)
    for column in ("query", "slice", "then", "now", "answer then", "answer now"):
        table.add_column(column, overflow="fold")
    for change in moved.changes:
        table.add_row(
            escape(f"{change.id}: {change.query}"[:_SHOWN]),
            change.slice,
            f"{change.before:.3f}",
            f"{change.after:.3f}",
            escape(change.answer_before[:_SHOWN]),
            escape(change.answer_after[:_SHOWN]),
        )
    return table


def _cell(value: float | None, floor: float | None) -> str:
    if value is None:
        return ""
    if floor is None:
        return f"{value:.4f}"
    return f"[green]{value:.4f} ≥ {floor:g}[/]" if value >= floor else f"[red]{value:.4f} < {floor:g}[/]"
