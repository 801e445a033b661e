"""Either kind of dataset: what a suite is run on, by the path or the suite's own name for it."""

from __future__ import annotations

from pathlib import Path

from aura_evals.beir import Dataset, open_dataset
from aura_evals.errors import BadInput
from aura_evals.golden import GoldenSet, is_golden, open_golden, shipped
from aura_evals.result import About
from aura_evals.suite import Suite

AnyDataset = Dataset | GoldenSet

_MAKE_THEIR_OWN = ("isolation", "tenants", "voice", "latency")


def open_data(suite: Suite, path: Path | None, split: str | None, limit: int | None) -> AnyDataset | None:
    """The dataset to run `suite` on; None where the suite makes its own data.

    Raises:
        BadInput: there is none, it is broken, or it is not one for this suite.
    """
    if suite.kind in _MAKE_THEIR_OWN:
        if path is not None:
            raise BadInput(f"suite {suite.name!r} makes its own data: leave --dataset out")
        return None
    path = path or (shipped(suite.dataset) if suite.dataset else None)
    if path is None:
        raise BadInput(f"suite {suite.name!r} needs --dataset PATH")
    if is_golden(path):
        data: AnyDataset = open_golden(path, split=split, limit=limit)
    elif suite.kind in ("answers", "persona"):
        raise BadInput(f"a dataset for {suite.kind} is a folder with documents/ and questions.jsonl", path=path)
    else:
        data = open_dataset(path, split=split, limit=limit)
    if suite.dataset not in (None, data.name):
        raise BadInput(f"suite {suite.name!r} is for the dataset {suite.dataset!r}, not {data.name!r}")
    return data


def about(suite: Suite, data: AnyDataset | None) -> About:
    """What a result says of its dataset."""
    if data is None:
        return About(name=suite.name, split="all", documents=0, queries=0)
    if isinstance(data, GoldenSet):
        return About(
            name=data.name,
            split=data.split,
            documents=sum(len(data.documents(organisation)) for organisation in data.organisations),
            queries=len(data.questions),
            limit=data.limit,
            sha256=data.fingerprint(),
        )
    return About(
        name=data.name, split=data.split, documents=data.documents, queries=len(data.queries), limit=data.limit
    )
