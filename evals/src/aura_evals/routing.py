"""The suite `routing`: how well questions are told apart that gain by a strong model, on recorded outcomes of two models.

A dataset is a CSV, or a folder of CSVs whose file names are topics: a column of prompts, then true or false for the quick
model, then for the strong one; what else is there is not read. What is learned is measured by five folds: each question is
scored by a classifier that has not seen it.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from aura.router.classify import Rules
from aura.router.learned import Label
from aura.router.quality import (
    LEAST_LABELS,
    Curve,
    Measured,
    Proof,
    curve,
    held_out_scores,
    lengths,
    prove,
    topic_scores,
)
from aura_evals.errors import BadInput
from aura_evals.floors import Broken, Floor, broken_floors

METRICS: Final = ("apgr", "cpt50", "cpt80")
_TRUE: Final = {"true": 1.0, "1": 1.0, "yes": 1.0, "false": 0.0, "0": 0.0, "no": 0.0}
_PROMPTS: Final = ("prompt", "question", "query", "input")
_DECIMALS: Final = 6


class RoutingResult(msgspec.Struct, frozen=True, kw_only=True):
    """A run's numbers: system → metric → value, and as many intervals, in which the value lies nine times of ten.

    `learned` is what was learned where it is better than length, and length where it is not, as the router has it;
    `proof` says whether it is better by more than chance, which is when the router uses it.
    """

    suite: str = "routing"
    dataset: str
    questions: int
    topics: int
    quick_right: float
    strong_right: float
    learned_is: str
    metrics: dict[str, dict[str, float | None]]
    intervals: dict[str, dict[str, tuple[float | None, float | None]]]
    proof: Proof | None = None
    floors: tuple[Floor, ...] = ()


def run_routing(dataset: Path, json: Path | None, floors: Sequence[Floor] = ()) -> list[Broken]:
    """Measure, print the table, and write the JSON; the floors that are broken.

    Raises:
        BadInput: the dataset can not be read, or a floor is on something that is not measured.
    """
    labels = read_labels(dataset)
    result = measure(labels, dataset.name, tuple(floors))
    measured = {system: {name: value or 0.0 for name, value in row.items()} for system, row in result.metrics.items()}
    for floor in floors:
        system, _, metric = floor.measure.partition(".")
        if metric not in measured.get(system, {}):
            raise BadInput(f"a floor is on {floor.measure!r}; measured are {', '.join(sorted(measured))} of {METRICS}")
    broken = broken_floors(floors, measured)
    if json is not None:
        unfinished = json.with_name(json.name + ".tmp")
        unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
        unfinished.replace(json)
    Console().print(as_table(result))
    for each in broken:
        Console(stderr=True, highlight=False).print(f"[red]{each}[/]")
    return broken


def measure(labels: Sequence[Label], name: str, floors: tuple[Floor, ...] = ()) -> RoutingResult:
    """All systems on `labels`. Cost: five trainings, some seconds for 1,000 questions."""
    quick = np.asarray([label.quick_right for label in labels])
    strong = np.asarray([label.strong_right for label in labels])
    rules = Rules()
    systems = {
        "length": lengths(labels),
        "topic": topic_scores(labels),
        "cold": np.asarray([rules.read(label.question, topic=label.topic).score for label in labels]),
        "oracle": strong - quick,
        "random": np.zeros(len(labels)),
    }
    curves = {system: curve(scores, quick, strong) for system, scores in systems.items()}
    proof, learned_is = None, f"length: fewer than {LEAST_LABELS} labels"
    curves["learned"] = curves["length"]
    if len(labels) >= LEAST_LABELS:
        held_out = held_out_scores(labels)
        proof = prove(labels, held_out)
        better = proof.learned >= proof.length
        learned_is = "learned" if better else "length: what was learned is not better"
        curves["learned"] = curve(held_out, quick, strong) if better else curves["length"]
    return RoutingResult(
        dataset=name,
        questions=len(labels),
        topics=len({label.topic for label in labels}),
        quick_right=round(float(quick.mean()), _DECIMALS),
        strong_right=round(float(strong.mean()), _DECIMALS),
        learned_is=learned_is,
        metrics={system: _values(found) for system, found in curves.items()},
        intervals={system: _intervals(found) for system, found in curves.items()},
        proof=proof,
        floors=floors,
    )


def read_labels(path: Path) -> list[Label]:
    """The questions of a CSV, or of all CSVs in a folder, each with the name of its file as topic.

    Raises:
        BadInput: there is none, or a file has not the columns.
    """
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise BadInput("not a CSV, and not a folder with CSVs in it", path=path)
    labels = [label for file in files for label in _labels(file)]
    if not labels:
        raise BadInput("no question is in it", path=path)
    return labels


def _labels(file: Path) -> Iterator[Label]:
    csv.field_size_limit(2**31 - 1)
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = [row for row in csv.reader(lines) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"not a CSV: {error}", path=file) from None
    if not rows:
        raise BadInput("it is empty: it needs a header", path=file)
    header, rows = rows[0], rows[1:]
    prompt, quick, strong = _columns(header, rows, file)
    for number, row in enumerate(rows, 2):
        try:
            yield Label(
                question=row[prompt],
                quick_right=_TRUE[row[quick].strip().lower()],
                strong_right=_TRUE[row[strong].strip().lower()],
                topic=file.stem,
            )
        except (IndexError, KeyError):
            raise BadInput(f"line {number} lacks a prompt, or true or false for each model", path=file) from None


def _columns(header: list[str], rows: list[list[str]], file: Path) -> tuple[int, int, int]:
    """Where the prompt is, and the first two columns of truth values: the quick model's, then the strong one's."""
    truths = [
        n
        for n in range(len(header))
        if rows and all(n < len(row) and row[n].strip().lower() in _TRUE for row in rows[:200])
    ]
    named = [n for n, name in enumerate(header) if name.strip().lower() in _PROMPTS and n not in truths]
    others = [n for n in range(len(header)) if n not in truths]
    if len(truths) < 2 or not others:
        raise BadInput("it needs a column of prompts and a column of true or false for each of two models", path=file)
    return (named or others)[0], truths[0], truths[1]


def as_table(result: RoutingResult) -> Table:
    """The numbers for a terminal, each with its interval."""
    caption = (
        f"{result.questions:,} questions of {result.topics} topics; right: quick {result.quick_right:.1%}, strong"
        f" {result.strong_right:.1%}; learned is {result.learned_is}"
    )
    if result.proof is not None:
        ahead = result.proof.ahead
        caption += f"; ahead of the priors by {ahead.value:+.3f} [{ahead.low:+.3f}, {ahead.high:+.3f}]"
    table = Table(title=f"routing on {result.dataset}", caption=caption)
    table.add_column("router")
    for metric in METRICS:
        table.add_column(metric, justify="right")
    for system in ("random", "length", "topic", "cold", "learned", "oracle"):
        row, intervals = result.metrics[system], result.intervals[system]
        table.add_row(system, *(_cell(row[metric], *intervals[metric]) for metric in METRICS))
    return table


def _cell(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return "never"
    digits = 3 if value < 2 else 1
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _values(found: Curve) -> dict[str, float | None]:
    return {metric: _finite(_of(found, metric).value) for metric in METRICS}


def _intervals(found: Curve) -> dict[str, tuple[float | None, float | None]]:
    return {metric: (_finite(_of(found, metric).low), _finite(_of(found, metric).high)) for metric in METRICS}


def _of(found: Curve, metric: str) -> Measured:
    return {"apgr": found.apgr, "cpt50": found.cpt50, "cpt80": found.cpt80}[metric]


def _finite(value: float) -> float | None:
    return round(value, _DECIMALS) if math.isfinite(value) else None
