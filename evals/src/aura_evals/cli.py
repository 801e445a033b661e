"""The command `aura-evals`. Exit codes: 0 all is well, 1 a floor is broken, 2 there is no verdict (bad input)."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from aura import AuraError
from aura_evals.beir import Dataset, open_dataset
from aura_evals.bench.cli import app as bench
from aura_evals.errors import BadInput
from aura_evals.floors import parse_floor
from aura_evals.result import Result, as_table, result_of, write_json
from aura_evals.routing import run_routing
from aura_evals.suite import Suite, open_suite
from aura_evals.vectors import VectorCache

app = typer.Typer(
    help="Measure AURA: suites of quality on pinned data, benchmarks of speed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

app.add_typer(bench, name="bench")

BROKEN, NO_VERDICT = 1, 2

_notes = Console(stderr=True, highlight=False)


def main() -> None:
    """Run the command. A polite kill is an interrupt: what was opened is closed, the database's server too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()


@app.command()
def run(
    context: typer.Context,
    suite: Annotated[
        str, typer.Argument(help="`retrieval`, `scifact`, `routing`, or the path of a suite's .toml file.")
    ],
    dataset: Annotated[
        Path, typer.Option(help="A folder in BEIR's layout; of routing a CSV, or a folder of them.", show_default=False)
    ],
    json: Annotated[Path | None, typer.Option(help="Write the numbers to this file.")] = None,
    floor: Annotated[
        list[str] | None, typer.Option(help="LEG.METRIC=VALUE, such as hybrid.ndcg@10=0.725; may be repeated.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Which file of qrels/; `test`, or the only one there is.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Take this many queries only, and as many documents beside their own.")
    ] = None,
    cache_dir: Annotated[Path | None, typer.Option(help="Keep vectors here, not in the user's cache folder.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Keep the database here, not in a temporary folder.")] = None,
) -> None:
    """Run a suite: exit with 0 when every floor holds, 1 when one is broken, 2 when the input can not be used.

    Programs may give any LlamaIndex embedding as the context's object; it stands in for the configured model.
    """
    if suite == "routing":
        with _no_verdict_on_errors():
            _require_writable(json)
            broken = run_routing(dataset, json, tuple(parse_floor(text) for text in floor or ()))
        raise typer.Exit(BROKEN if broken else 0)
    with _no_verdict_on_errors():
        chosen = open_suite(suite)
        floors = chosen.all_floors(tuple(parse_floor(text) for text in floor or ()))
        _require_writable(json)
        data = open_dataset(dataset, split=split, limit=limit)
        _require_its_dataset(chosen, data)
        from aura_evals.retrieval import (
            run_retrieval,
        )  # LlamaIndex and, behind it, torch: not before the input is known good

        with VectorCache(cache_dir) as cache, _progress() as progress:
            retrieved = asyncio.run(
                run_retrieval(chosen, data, cache=cache, progress=progress, data_dir=data_dir, embed_model=context.obj)
            )
        result = result_of(chosen, data, retrieved, floors)
        if json is not None:
            write_json(result, json)
    _report(result)
    raise typer.Exit(BROKEN if result.broken else 0)


def _report(result: Result) -> None:
    Console().print(as_table(result))
    for broken in result.broken:
        _notes.print(f"[red]{broken}[/]")


def _require_its_dataset(suite: Suite, dataset: Dataset) -> None:
    if suite.dataset not in (None, dataset.name):
        raise BadInput(f"suite {suite.name!r} is for the dataset {suite.dataset!r}, not {dataset.name!r}")


def _require_writable(path: Path | None) -> None:
    """Better now than after the run."""
    if path is not None and (path.is_dir() or not os.access(path.parent, os.W_OK)):
        raise BadInput("--json can not be written there: the folder must exist, and be this user's to write", path=path)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=_notes,
    )


@contextmanager
def _no_verdict_on_errors() -> Generator[None]:
    try:
        yield
    except (BadInput, AuraError) as error:
        _notes.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(NO_VERDICT) from None
