"""What a run of a suite comes to: each query with what it scored and what was answered, and the means over them."""

from __future__ import annotations

import platform
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from math import fsum
from pathlib import Path

import msgspec

from aura_evals.floors import Broken, Floor, broken_floors
from aura_evals.suite import Suite

DECIMALS = 6
_PACKAGES = ("aura", "aura-evals", "numpy", "pytrec_eval-terrier", "sentence-transformers", "torch")


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """The embedding model that was used."""

    name: str
    sha256: str


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One query: where it belongs, what was answered, and `system.metric` → value, from 0 (bad) to 1.

    A measure that says nothing about a query is left out of it: citations of a refusal, say.
    """

    id: str
    slice: str = ""
    query: str
    answer: str = ""
    values: dict[str, float]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a suite's code hands back. `violations` are faults that no mean excuses: a leak, a tenant that is not found."""

    model: Model
    cases: tuple[Case, ...]
    violations: tuple[str, ...] = ()
    facts: dict[str, str] = {}
    """What else is worth knowing: how many chunks there were, say. It must not differ between two runs."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """The dataset of a run, as far as its result names it."""

    name: str
    split: str
    documents: int
    queries: int
    limit: int | None = None
    sha256: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run's numbers: system → metric → mean. No times and no paths: the same run gives the same bytes."""

    suite: str
    dataset: str
    split: str
    documents: int
    queries: int
    limit: int | None = None
    dataset_sha256: str = ""
    model: Model
    environment: dict[str, str] = {}
    facts: dict[str, str] = {}
    metrics: dict[str, dict[str, float]]
    slices: dict[str, dict[str, dict[str, float]]] = {}
    floors: tuple[Floor, ...] = ()
    violations: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()

    @property
    def about(self) -> About:
        """The dataset that it is of."""
        return About(
            name=self.dataset,
            split=self.split,
            documents=self.documents,
            queries=self.queries,
            limit=self.limit,
            sha256=self.dataset_sha256,
        )

    @property
    def broken(self) -> list[Broken]:
        """The floors that it is below."""
        return broken_floors(self.floors, self.metrics)


def result_of(suite: Suite, about: About, outcome: Outcome, floors: tuple[Floor, ...]) -> Result:
    """The result of one run."""
    cases = tuple(
        msgspec.structs.replace(case, values={name: round(value, DECIMALS) for name, value in case.values.items()})
        for case in sorted(outcome.cases, key=lambda case: case.id)
    )
    by_slice: defaultdict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if case.slice:
            by_slice[case.slice].append(case)
    return Result(
        suite=suite.name,
        dataset=about.name,
        split=about.split,
        documents=about.documents,
        queries=about.queries,
        limit=about.limit,
        dataset_sha256=about.sha256,
        model=outcome.model,
        environment=environment(),
        facts=dict(sorted(outcome.facts.items())),
        metrics=means(cases),
        slices={name: means(by_slice[name]) for name in sorted(by_slice)},
        floors=floors,
        violations=outcome.violations,
        cases=cases,
    )


def means(cases: Sequence[Case]) -> dict[str, dict[str, float]]:
    """System → metric → mean over the cases that have it, in the order in which measures come first."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for case in cases:
        for name, value in case.values.items():
            values[name].append(value)
    found: dict[str, dict[str, float]] = {}
    for name, each in values.items():
        system, _, metric = name.partition(".")
        found.setdefault(system, {})[metric] = round(fsum(each) / len(each), DECIMALS)
    return found


def environment() -> dict[str, str]:
    """The versions of what numbers depend on."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write_json(result: Result, path: Path) -> None:
    """Write `result` to `path`, whole or not at all."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def flat(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """`system.metric` → value."""
    return {f"{system}.{metric}": value for system, found in metrics.items() for metric, value in found.items()}


def measures(cases: Iterable[Case]) -> list[str]:
    """All measures of some cases, in order of name."""
    return sorted({name for case in cases for name in case.values})
