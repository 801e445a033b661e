"""`aura-evals compare` and `report`: what runs that were kept say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from aura_evals.baseline import read_baseline
from aura_evals.errors import RED, BadInput, no_verdict_on_errors
from aura_evals.gate import Moved, Verdict, judge
from aura_evals.gate import compare as compared
from aura_evals.reports import Reports, write_reports
from aura_evals.reports.history import History
from aura_evals.reports.terminal import changes_table, show_verdict
from aura_evals.result import Case, Result

_notes = Console(stderr=True, highlight=False)

ResultFile = Annotated[Path, typer.Argument(help="What `run --json` wrote, or a baseline.", show_default=False)]


def compare(a: ResultFile, b: ResultFile) -> None:
    """Compare two runs, query by query: exit with 1 when B is worse than A by the gate's rules."""
    with no_verdict_on_errors(_notes):
        before, after = _cases(a), _cases(b)
        if not before.keys() & after.keys():
            raise BadInput(f"it has no query in common with {a}", path=b)
        moved = compared(before, after)
    Console().print(_table(moved, a.name, b.name))
    worse = [each for each in moved if each.regressed]
    for each in worse:
        _notes.print(str(each), style="red", markup=False, soft_wrap=True)
        _notes.print(changes_table(each))
    raise typer.Exit(RED if worse else 0)


def report(
    result: Annotated[Path, typer.Argument(help="What `run --json` wrote.", show_default=False)],
    baseline: Annotated[Path | None, typer.Option(help="Compare with this one.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a summary for a pull request.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page with plots.")] = None,
    history: Annotated[Path | None, typer.Option(help="Plot the runs of this SQLite file.")] = None,
) -> None:
    """Write reports on a run that was kept. Exit codes are those of the run."""
    with no_verdict_on_errors(_notes):
        found = read_result(result)
        verdict: Verdict = judge(found, None if baseline is None else read_baseline(baseline))
        past = []
        if history is not None:
            with History(history) as runs:
                past = runs.of(found.suite, found.dataset)
        write_reports(Reports(markdown=markdown, junit=junit, html=html), found, verdict, past=past)
    show_verdict(Console(), _notes, found, verdict)
    raise typer.Exit(0 if verdict.passed else RED)


def read_result(path: Path) -> Result:
    """What `run --json` wrote.

    Raises:
        BadInput: it is something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Result)
    except OSError as error:
        raise BadInput(f"it can not be read: {error.strerror}", path=path) from None
    except msgspec.DecodeError as error:
        raise BadInput(f"not the result of a run: {error}", path=path) from None


def _cases(path: Path) -> dict[str, Case]:
    """The queries of a result or a baseline, told apart by their content."""
    try:
        first = path.read_bytes()[:20]
    except OSError as error:
        raise BadInput(f"it can not be read: {error.strerror}", path=path) from None
    if first.startswith(b'{"baseline"'):
        return read_baseline(path).cases
    return {case.id: case for case in read_result(path).cases}


def _table(moved: list[Moved], a: str, b: str) -> Table:
    table = Table(title=f"{a} → {b}")
    for column in ("measure", a, b, "change", "95 %", "queries changed most"):
        table.add_column(column, justify="left" if column in ("measure", "queries changed most") else "right")
    for each in moved:
        by = each.difference
        colour = "red" if each.regressed else "green" if by.low > 0 else "none"
        table.add_row(
            each.measure,
            f"{each.before:.4f}",
            f"{each.after:.4f}",
            f"[{colour}]{by.mean:+.4f}[/]",
            f"{by.low:+.4f} … {by.high:+.4f}",
            ", ".join(change.id for change in each.changes[:3]),
        )
    return table
