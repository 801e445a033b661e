"""A baseline: what a run came to when it was good, query by query, in a file for git.

JSON Lines, so that a change of one query is a change of one line: first what was run and why it counts, then the queries.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from aura_evals.beir import read_records
from aura_evals.errors import BadInput
from aura_evals.result import About, Case, Model, Result, write_whole


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first line. `environment` is what the numbers were made with, not a condition."""

    baseline: str
    dataset: str
    dataset_sha256: str = ""
    split: str
    limit: int | None = None
    reason: str
    model: Model
    environment: dict[str, str]
    metrics: dict[str, dict[str, float]]


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """A baseline that was read."""

    header: Header
    cases: dict[str, Case]
    path: Path


def write_baseline(result: Result, path: Path, reason: str) -> None:
    """Make `result` the new baseline in `path`.

    Raises:
        BadInput: there is no reason.
    """
    if not reason.strip():
        raise BadInput("a new baseline needs a reason: --reason TEXT says why these numbers are the right ones")
    header = Header(
        baseline=result.suite,
        dataset=result.dataset,
        dataset_sha256=result.dataset_sha256,
        split=result.split,
        limit=result.limit,
        reason=reason.strip(),
        model=result.model,
        environment=result.environment,
        metrics=result.metrics,
    )
    lines = [msgspec.json.encode(header), *(msgspec.json.encode(case) for case in result.cases)]
    write_whole(path, b"\n".join(lines) + b"\n")


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file.

    Raises:
        BadInput: with the file, and the line where one is to blame.
    """
    records = read_records(path, msgspec.Raw)
    header: Header | None = None
    cases: dict[str, Case] = {}
    for number, raw in records:
        try:
            if header is None:
                header = msgspec.json.decode(raw, type=Header)
                continue
            case = msgspec.json.decode(raw, type=Case)
        except msgspec.ValidationError as error:
            what = "header" if header is None else "query"
            raise BadInput(f"not the {what} of a baseline: {error}", path=path, line=number) from None
        if case.id in cases:
            raise BadInput(f"query {case.id!r} is there twice", path=path, line=number)
        cases[case.id] = case
    if header is None or not cases:
        raise BadInput("there are no queries in it: write a baseline with --update-baseline", path=path)
    return Baseline(header=header, cases=cases, path=path)


def require_same(baseline: Baseline, suite: str, about: About) -> None:
    """Raise `BadInput` unless the baseline is of this suite on this dataset."""
    header = baseline.header
    for what, now, then in (
        ("suite", suite, header.baseline),
        ("dataset", about.name, header.dataset),
        ("split", about.split, header.split),
        ("--limit", about.limit, header.limit),
        ("content of the dataset (SHA-256)", about.sha256, header.dataset_sha256),
    ):
        if now != then:
            raise BadInput(
                f"the baseline is of another {what}: {then!r}, not {now!r}; --update-baseline --reason … makes a new one",
                path=baseline.path,
                line=1,
            )
