"""The suite `routing`: how well questions are told apart that gain by a strong model, on recorded outcomes of two models.

A dataset is a CSV, or a folder of CSVs whose file names are topics: a column of prompts, then true or false for the quick
model, then for the strong one; what else is there is not read. Or it is a file of MT-Bench's judgements. What is learned is
measured by five folds: each question is scored by a classifier that has not seen it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from aura.router.classify import Rules
from aura.router.learned import Label, share_for_cost, train
from aura.router.quality import (
    LEAST_LABELS,
    Curve,
    Measured,
    Proof,
    curve,
    held_out_scores,
    lengths,
    outcomes,
    prove,
    recovered,
    topic_scores,
)
from aura_evals.errors import BadInput
from aura_evals.floors import Floor, broken_floors
from aura_evals.result import write_whole
from aura_evals.routing_baseline import compare, read, write
from aura_evals.routing_choice import chosen
from aura_evals.routing_labels import read_labels
from aura_evals.routing_page import SHARES, as_html
from aura_evals.routing_result import METRICS, RoutingResult

Floats = NDArray[np.float64]

_DECIMALS: Final = 6


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """Each system's score of each question; a higher one asks for the strong model."""

    scores: dict[str, Floats]
    learned_is: str
    proof: Proof | None = None


class RoutingOutputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is compared with, and where it is written."""

    json: Path | None = None
    html: Path | None = None
    baseline: Path | None = None
    weights: Path | None = None
    """Where a classifier of all questions is written, for `AURA_ROUTER_WEIGHTS`."""
    strong_share: float | None = None
    """How many of such questions it gives to the strong model; None: all that gain by it."""
    mean_cost: str | None = None
    """`MEAN:QUICK:STRONG`, in dollars a call: in the place of a share, what a call is to cost on average."""
    update_reason: str | None = None
    """Why this run is to be the baseline; None: it is compared with the one that is there."""


def run_routing(dataset: Path, outputs: RoutingOutputs, floors: Sequence[Floor] = ()) -> list[str]:
    """Measure, print the table, and write what is asked for; what makes the run red.

    Raises:
        BadInput: the dataset can not be read, a floor is on something that is not measured, or the baseline is another's.
    """
    labels, share = read_labels(dataset), share_of(outputs)
    before = None if outputs.baseline is None or outputs.update_reason is not None else read(outputs.baseline)
    scored = score(labels)
    result = result_of(labels, scored, dataset.name, tuple(floors))
    measured = {system: {name: value or 0.0 for name, value in row.items()} for system, row in result.metrics.items()}
    for floor in floors:
        system, _, metric = floor.measure.partition(".")
        if metric not in measured.get(system, {}):
            raise BadInput(f"a floor is on {floor.measure!r}; measured are {', '.join(sorted(measured))} of {METRICS}")
    faults = [str(broken) for broken in broken_floors(floors, measured)]
    if before is not None:
        faults += compare(before, labels, scored.scores)
    if outputs.baseline is not None and outputs.update_reason is not None:
        write(outputs.baseline, result.dataset, labels, scored.scores, result.metrics, outputs.update_reason)
    if outputs.weights is not None:
        write_whole(outputs.weights, _trained(labels, scored, share))
    if outputs.json is not None:
        write_whole(outputs.json, msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    if outputs.html is not None:
        write_whole(outputs.html, as_html(result, cost_curves(labels, scored.scores), faults).encode())
    Console().print(as_table(result))
    for fault in faults:
        Console(stderr=True, highlight=False).print(f"[red]{fault}[/]")
    return faults


def share_of(outputs: RoutingOutputs) -> float | None:
    """The share of strong calls that is aimed at, as it was stated: as such, or as what a call is to cost.

    Raises:
        BadInput: both were stated, or the costs are no three amounts.
    """
    if outputs.mean_cost is None:
        return outputs.strong_share
    if outputs.strong_share is not None:
        raise BadInput("--mean-cost and --strong-share state the same: give one of them")
    try:
        mean, quick, strong = (float(amount) for amount in outputs.mean_cost.split(":"))
    except ValueError:
        raise BadInput(f"--mean-cost is MEAN:QUICK:STRONG in dollars a call, not {outputs.mean_cost!r}") from None
    return share_for_cost(mean, quick_usd=quick, strong_usd=strong)


def _trained(labels: Sequence[Label], scored: Scored, share: float | None) -> bytes:
    if scored.proof is None or not scored.proof.proved:
        raise BadInput(f"no weights are written: what is learned does not beat the priors ({scored.learned_is})")
    return train(labels, share=share).to_json()


def score(labels: Sequence[Label]) -> Scored:
    """The scores of all systems on `labels`. Cost: five trainings, some seconds for 1,000 questions."""
    quick, strong = outcomes(labels)
    rules = Rules()
    scores = {
        "random": np.zeros(len(labels)),
        "length": lengths(labels),
        "topic": topic_scores(labels),
        "cold": np.asarray([rules.read(label.question, topic=label.topic).score for label in labels]),
        "learned": lengths(labels),
        "oracle": strong - quick,
    }
    if len(labels) < LEAST_LABELS:
        return Scored(scores=scores, learned_is=f"length: fewer than {LEAST_LABELS} labels")
    held_out = held_out_scores(labels)
    proof = prove(labels, held_out)
    if proof.learned < proof.length:
        return Scored(scores=scores, learned_is="length: what was learned is not better", proof=proof)
    return Scored(scores={**scores, "learned": held_out}, learned_is="learned", proof=proof)


def result_of(labels: Sequence[Label], scored: Scored, name: str, floors: tuple[Floor, ...] = ()) -> RoutingResult:
    """What the scores come to."""
    quick, strong = outcomes(labels)
    curves = {system: curve(scores, quick, strong) for system, scores in scored.scores.items()}
    return RoutingResult(
        dataset=name,
        questions=len(labels),
        topics=len({label.topic for label in labels}),
        quick_right=round(float(quick.mean()), _DECIMALS),
        strong_right=round(float(strong.mean()), _DECIMALS),
        learned_is=scored.learned_is,
        metrics={system: _values(found) for system, found in curves.items()},
        intervals={system: _intervals(found) for system, found in curves.items()},
        proof=scored.proof,
        ranked=chosen(scored.scores["learned"], quick, strong) if scored.learned_is == "learned" else (),
        floors=floors,
    )


def cost_curves(labels: Sequence[Label], scores: Mapping[str, Floats]) -> dict[str, list[float]]:
    """For each system the share of right answers at every share of strong calls of `SHARES`."""
    quick, strong = outcomes(labels)
    gap = float(strong.mean() - quick.mean())
    return {
        system: [float(quick.mean()) + gap * each for each in recovered(found, quick, strong, SHARES)]
        for system, found in scores.items()
    }


def as_table(result: RoutingResult) -> Table:
    """The numbers for a terminal, each with its interval."""
    caption = (
        f"{result.questions:,} questions of {result.topics} topics; right: quick {result.quick_right:.1%}, strong"
        f" {result.strong_right:.1%}; learned is {result.learned_is}"
    )
    if result.proof is not None:
        ahead = result.proof.ahead
        caption += f"; ahead of the priors by {ahead.value:+.3f} [{ahead.low:+.3f}, {ahead.high:+.3f}]"
    caption += "".join(
        f"\n{each.stated:.0%} strong calls stated: {each.given:.1%} given, {each.recovered:.1%} of the gain recovered"
        for each in result.ranked
    )
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
