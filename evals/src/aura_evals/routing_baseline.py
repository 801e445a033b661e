"""The gate of the suite `routing`: a run against what it was when it was good, question by question.

A baseline is JSON Lines without a word of any question: first what was run and why it counts, then for each question the
hash of its text and the scores of the routers that can change. A run is red when a router's APGR fell by more than 0.005,
and the 95 % interval of the difference over the same resampled questions lies wholly below 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from aura.router.learned import Label
from aura.router.quality import outcomes, paired_difference
from aura_evals.beir import read_records
from aura_evals.errors import BadInput
from aura_evals.gate import LEAST_DROP
from aura_evals.result import write_whole

Floats = NDArray[np.float64]

GATED: Final = ("cold", "learned")
_DECIMALS: Final = 6


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line."""

    baseline: str = "routing"
    dataset: str
    dataset_sha256: str
    reason: str
    metrics: dict[str, dict[str, float | None]]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One question: the beginning of its text's SHA-256, and the score of each router."""

    id: str
    scores: dict[str, float]


class RoutingBaseline(msgspec.Struct, frozen=True, kw_only=True):
    """A baseline that was read."""

    header: Header
    lines: tuple[Line, ...]
    path: Path


def write(
    path: Path,
    dataset: str,
    labels: Sequence[Label],
    scores: Mapping[str, Floats],
    metrics: dict[str, dict[str, float | None]],
    reason: str,
) -> None:
    """Make a run the new baseline in `path`. Raises `BadInput` without a reason."""
    if not reason.strip():
        raise BadInput("a new baseline needs a reason: --reason TEXT says why these numbers are the right ones")
    header = Header(dataset=dataset, dataset_sha256=_sha256(labels), reason=reason.strip(), metrics=metrics)
    lines = [
        Line(id=_id(label), scores={name: round(float(scores[name][n]), _DECIMALS) for name in GATED})
        for n, label in enumerate(labels)
    ]
    write_whole(path, b"\n".join(msgspec.json.encode(each) for each in (header, *lines)) + b"\n")


def read(path: Path) -> RoutingBaseline:
    """The baseline in a file. Raises `BadInput` where it is none."""
    header: Header | None = None
    lines: list[Line] = []
    for number, raw in read_records(path, msgspec.Raw):
        try:
            if header is None:
                header = msgspec.json.decode(raw, type=Header)
            else:
                lines.append(msgspec.json.decode(raw, type=Line))
        except msgspec.ValidationError as error:
            raise BadInput(f"not a line of a routing baseline: {error}", path=path, line=number) from None
    if header is None or not lines:
        raise BadInput("there are no questions in it: write a baseline with --update-baseline", path=path)
    return RoutingBaseline(header=header, lines=tuple(lines), path=path)


def compare(before: RoutingBaseline, labels: Sequence[Label], scores: Mapping[str, Floats]) -> list[str]:
    """What has become worse.

    Raises:
        BadInput: the baseline is of other questions or outcomes.
    """
    if before.header.dataset_sha256 != _sha256(labels) or [each.id for each in before.lines] != [*map(_id, labels)]:
        raise BadInput(
            "the baseline is of other questions: --update-baseline --reason … makes a new one", path=before.path
        )
    quick, strong = outcomes(labels)
    faults: list[str] = []
    for name in GATED:
        then = np.asarray([line.scores[name] for line in before.lines])
        moved = paired_difference(then, scores[name], quick, strong)
        if moved.high < 0 and -moved.value > LEAST_DROP:
            faults.append(
                f"{name}.apgr fell by {-moved.value:.4f} (95 % {moved.low:+.4f} to {moved.high:+.4f} over"
                f" {len(labels)} questions)"
            )
    return faults


def _id(label: Label) -> str:
    return sha256(label.question.encode()).hexdigest()[:12]


def _sha256(labels: Sequence[Label]) -> str:
    rows = [(label.question, label.topic, label.quick_right, label.strong_right) for label in labels]
    return sha256(msgspec.json.encode(rows)).hexdigest()
