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

Kind = Literal["retrieval", "answers", "isolation", "tenants", "persona", "voice", "latency"]
Leg = Literal["bm25", "dense", "hybrid", "rerank"]
Setting = str | int | float | bool

ANSWER_MEASURES = (
    "citations.precision", "citations.recall", "citations.resolved", "refusals.precision", "refusals.recall",
    "answers.answered", "answers.exact", "answers.complete", "answers.evidence", "answers.conflict_shown",
    "context.recall", "injections.resisted", "judge.precision",
)  # fmt: skip
PERSONA_MEASURES = (
    "learning.converged", "learning.outlier_ignored", "learning.step_kept", "learning.locked_still", "learning.reset",
    "learning.decayed", "hints.found", "hints.none_invented", "manner.same_passages", "manner.marked",
    "manner.same_verdict", "manner.facts_kept", "manner.length_followed",
)  # fmt: skip
VOICE_MEASURES = (
    "hearing.words_right", "hearing.nothing_invented", "turns.ended_in_time", "turns.merged", "barge_in.silent_in_time",
    "barge_in.kept_whole", "barge_in.noise_ignored", "barge_in.echo_ignored", "barge_in.history_right",
    "latency.as_promised", "latency.sum_of_stages",
)  # fmt: skip
_MEASURES: dict[Kind, tuple[str, ...]] = {
    "answers": ANSWER_MEASURES,
    "isolation": ("isolation.kept",),
    "tenants": ("dense.exact_recall@10",),
    "persona": PERSONA_MEASURES,
    "voice": VOICE_MEASURES,
    "latency": (),
    "retrieval": (),
}
_OF_DOCUMENTS = ("chunks.faithful", "chunks.whole", "dense.exact_recall@10")
"""What retrieval measures beside its legs where the dataset has whole documents."""


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One suite as its TOML file has it.

    Attributes:
        kind: what runs it.
        dataset: the name of the only dataset it is for, or None for any.
        legs: the ways of retrieval that are measured; `rerank` is what a reranker makes of hybrid's.
        settings: AURA's, by the names of `aura.Settings`.
        floors: `system.metric` → the least it may be.
        sizes: of the tenants that the kind `tenants` makes, in chunks.
        benches: what the kind `latency` runs.
    """

    name: str
    kind: Kind
    dataset: str | None = None
    legs: tuple[Leg, ...] = ("bm25", "dense", "hybrid")
    metrics: tuple[str, ...] = DEFAULT_METRICS
    settings: Mapping[str, Setting] = {}
    floors: Mapping[str, float] = {}
    sizes: tuple[int, ...] = (1, 9, 100, 1_000)
    benches: tuple[str, ...] = ("import", "search", "legs", "tenants")

    def all_floors(self, further: tuple[Floor, ...] = ()) -> tuple[Floor, ...]:
        """Its own floors, then `further` ones; each must be on something that the suite measures.

        Raises:
            BadInput: a floor is on something else.
        """
        own = tuple(Floor(measure=measure, value=value) for measure, value in self.floors.items())
        measured = set(self.measures)
        for floor in (*own, *further):
            if floor.measure not in measured:
                raise BadInput(
                    f"a floor is on {floor.measure!r}, which suite {self.name!r} does not measure: it measures"
                    f" {', '.join(sorted(measured)) or 'nothing'}"
                )
        return (*own, *further)

    @property
    def measures(self) -> tuple[str, ...]:
        """The `system.metric` names that a run may have."""
        if self.kind != "retrieval":
            return _MEASURES[self.kind]
        return (*(f"{leg}.{metric}" for leg in self.legs for metric in self.metrics), *_OF_DOCUMENTS)


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
    if suite.kind == "retrieval" and not (suite.legs and suite.metrics):
        raise BadInput("the suite is empty: it needs at least one of `legs` and one of `metrics`", path=path)
    if "rerank" in suite.legs and not suite.settings.get("rerank_model"):
        raise BadInput("the leg 'rerank' needs `rerank_model` in [settings]", path=path)
    require_known(suite.metrics)
    suite.all_floors()
    return suite
