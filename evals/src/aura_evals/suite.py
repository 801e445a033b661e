"""Suites: declarative files that say what is measured, with which settings, and what must be reached."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec

from aura_evals.errors import BadInput
from aura_evals.floors import Floor
from aura_evals.metrics import DEFAULT_METRICS, require_known

Leg = Literal["bm25", "dense", "hybrid"]
Setting = str | int | float | bool


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One suite as its TOML file has it.

    Attributes:
        kind: what runs it; more kinds come with what there is to measure.
        dataset: the name of the only dataset it is for, or None for any.
        legs: the ways of retrieval that are measured.
        settings: AURA's, by the names of `aura.Settings`.
        floors: `leg.metric` → the least it may be.
    """

    name: str
    kind: Literal["retrieval"]
    dataset: str | None = None
    legs: tuple[Leg, ...] = ("bm25", "dense", "hybrid")
    metrics: tuple[str, ...] = DEFAULT_METRICS
    settings: Mapping[str, Setting] = {}
    floors: Mapping[str, float] = {}

    def all_floors(self, further: tuple[Floor, ...] = ()) -> tuple[Floor, ...]:
        """Its own floors, then `further` ones; each must be on something that the suite measures.

        Raises:
            BadInput: a floor is on another leg or metric.
        """
        own = tuple(Floor(measure=measure, value=value) for measure, value in self.floors.items())
        measured = {f"{leg}.{metric}" for leg in self.legs for metric in self.metrics}
        for floor in (*own, *further):
            if floor.measure not in measured:
                raise BadInput(
                    f"a floor is on {floor.measure!r}, which suite {self.name!r} does not measure: it measures"
                    f" {', '.join(sorted(measured))}"
                )
        return (*own, *further)


def open_suite(name: str) -> Suite:
    """The suite that comes with this package under `name`, or the one in the file of that path.

    Raises:
        BadInput: there is no such suite, or its file is not one.
    """
    shipped = files("aura_evals") / "suites" / f"{name}.toml"
    if shipped.is_file():
        return _decoded(shipped.read_bytes(), Path(f"{name}.toml"))
    path = Path(name)
    if path.suffix != ".toml" or not path.is_file():
        raise BadInput(f"there is no suite {name!r}: known are {', '.join(suite_names())}, or the path of a .toml file")
    return _decoded(path.read_bytes(), path)


def suite_names() -> list[str]:
    """The suites that come with this package."""
    return sorted(file.name.removesuffix(".toml") for file in (files("aura_evals") / "suites").iterdir())


def _decoded(content: bytes, path: Path) -> Suite:
    try:
        suite = msgspec.toml.decode(content, type=Suite)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not a suite: {error}", path=path) from None
    if not suite.legs or not suite.metrics:
        raise BadInput("the suite is empty: it needs at least one of `legs` and one of `metrics`", path=path)
    require_known(suite.metrics)
    suite.all_floors()
    return suite
