"""Floors: the least that a measure may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

import msgspec

from aura_evals.errors import BadInput


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """`measure`, such as `hybrid.ndcg@10`, may not be below `value`."""

    measure: str
    value: float


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A floor, and the value that is below it."""

    floor: Floor
    value: float

    def __str__(self) -> str:
        return f"{self.floor.measure} is {self.value:.4f}, below its floor of {self.floor.value:g}"


def parse_floor(text: str) -> Floor:
    """The floor that `LEG.METRIC=VALUE` says, such as `hybrid.ndcg@10=0.725`.

    Raises:
        BadInput: it is not of this form.
    """
    measure, equals, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not equals or not measure or not isfinite(value):
        raise BadInput(f"a floor is LEG.METRIC=VALUE, such as hybrid.ndcg@10=0.725, not {text!r}")
    return Floor(measure=measure, value=value)


def broken_floors(floors: Sequence[Floor], metrics: Mapping[str, Mapping[str, float]]) -> list[Broken]:
    """The floors that `metrics` (leg → metric → value) are below."""
    values = {f"{leg}.{metric}": value for leg, measured in metrics.items() for metric, value in measured.items()}
    return [Broken(floor=floor, value=values[floor.measure]) for floor in floors if values[floor.measure] < floor.value]
