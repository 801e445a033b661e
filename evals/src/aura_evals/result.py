"""What a run of a suite comes to: a table to read, and a JSON document to keep."""

from __future__ import annotations

from pathlib import Path

import msgspec
from rich.table import Table

from aura_evals.beir import Dataset
from aura_evals.floors import Broken, Floor, broken_floors
from aura_evals.metrics import Scores
from aura_evals.suite import Leg, Suite

_DECIMALS = 6


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """The embedding model that was used."""

    name: str
    sha256: str


class Retrieved(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found: the scores of each leg, and the model that the dense one is made with."""

    model: Model
    scores: dict[Leg, Scores]


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run's numbers: leg → metric → mean over the queries. No times and no paths: the same run gives the same bytes."""

    suite: str
    dataset: str
    split: str
    documents: int
    queries: int
    limit: int | None = None
    model: Model
    metrics: dict[str, dict[str, float]]
    floors: tuple[Floor, ...] = ()

    @property
    def broken(self) -> list[Broken]:
        """The floors that it is below."""
        return broken_floors(self.floors, self.metrics)


def result_of(suite: Suite, dataset: Dataset, retrieved: Retrieved, floors: tuple[Floor, ...]) -> Result:
    """The result of one run."""
    return Result(
        suite=suite.name,
        dataset=dataset.name,
        split=dataset.split,
        documents=dataset.documents,
        queries=len(dataset.queries),
        limit=dataset.limit,
        model=retrieved.model,
        metrics={
            leg: {metric: round(value, _DECIMALS) for metric, value in scores.means.items()}
            for leg, scores in retrieved.scores.items()
        },
        floors=floors,
    )


def write_json(result: Result, path: Path) -> None:
    """Write `result` to `path`, whole or not at all."""
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    unfinished.replace(path)


def as_table(result: Result) -> Table:
    """The numbers for a terminal; a value below its floor is red, with the floor beside it."""
    metrics = list(next(iter(result.metrics.values())))
    part = "" if result.limit is None else f", a part of it (--limit {result.limit})"
    caption = f"{result.documents:,} documents, {result.queries:,} queries of {result.split!r}, {result.model.name}"
    table = Table(title=f"{result.suite} on {result.dataset}{part}", caption=caption)
    table.add_column("leg")
    for metric in metrics:
        table.add_column(metric, justify="right")
    floors = {floor.measure: floor.value for floor in result.floors}
    for leg, values in result.metrics.items():
        table.add_row(leg, *(_cell(values[metric], floors.get(f"{leg}.{metric}")) for metric in metrics))
    return table


def _cell(value: float, floor: float | None) -> str:
    if floor is None:
        return f"{value:.4f}"
    return f"[green]{value:.4f} ≥ {floor:g}[/]" if value >= floor else f"[red]{value:.4f} < {floor:g}[/]"
