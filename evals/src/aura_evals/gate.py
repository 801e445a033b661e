"""The gate: a run against its baseline, query by query. It names what became worse, where, and which queries changed.

A run fails when a measure's mean drops by more than 0.005 and the 95 % interval of its paired differences lies wholly
below 0; when a floor is broken; and for every violation, whatever the means say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from aura_evals.baseline import Baseline, require_same
from aura_evals.bootstrap import Difference, paired_difference
from aura_evals.result import Case, Result, measures

LEAST_DROP = 0.005
SHOWN = 10


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A query whose value changed, with both answers."""

    id: str
    slice: str
    query: str
    before: float
    after: float
    answer_before: str
    answer_after: str


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """One measure, then and now. `slices` are those that moved, the worst first; `changes` the ten largest."""

    measure: str
    before: float
    after: float
    difference: Difference
    slices: dict[str, float] = {}
    changes: tuple[Change, ...] = ()

    @property
    def regressed(self) -> bool:
        """Whether the drop is real and large enough to stop a change."""
        return self.difference.high < 0 and -self.difference.mean > LEAST_DROP

    def __str__(self) -> str:
        where = ", ".join(f"{name} {by:+.4f}" for name, by in list(self.slices.items())[:3])
        return (
            f"{self.measure} fell from {self.before:.4f} to {self.after:.4f}"
            f" ({self.difference.mean:+.4f}, 95 % {self.difference.low:+.4f} to {self.difference.high:+.4f}"
            f" over {self.difference.queries} queries)" + (f"; by slice: {where}" if where else "")
        )


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate says of a run. `moved` has every measure that both runs know, `faults` each reason to fail."""

    faults: tuple[str, ...]
    moved: tuple[Moved, ...] = ()
    gone: tuple[str, ...] = ()
    """Queries of the baseline that the run lacks; each counts as 0."""

    @property
    def passed(self) -> bool:
        """Whether the change may go on."""
        return not self.faults

    @property
    def regressions(self) -> tuple[Moved, ...]:
        """The measures that fell."""
        return tuple(moved for moved in self.moved if moved.regressed)


def judge(result: Result, baseline: Baseline | None = None) -> Verdict:
    """The verdict on a run.

    Raises:
        BadInput: the baseline is of another suite or dataset.
    """
    faults = [*result.violations, *(str(broken) for broken in result.broken)]
    if baseline is None:
        return Verdict(faults=tuple(faults))
    require_same(baseline, result.suite, result.about)
    moved = compare(baseline.cases, {case.id: case for case in result.cases})
    gone = tuple(sorted(set(baseline.cases) - {case.id for case in result.cases}))
    faults += [str(each) for each in moved if each.regressed]
    return Verdict(faults=tuple(faults), moved=tuple(moved), gone=gone)


def compare(before: Mapping[str, Case], after: Mapping[str, Case]) -> list[Moved]:
    """Every measure of `before`, paired by query.

    A query that the run lacks altogether counts as 0. One that both have, but where a measure says nothing in one of
    them (citations of an answer that is now a refusal), is left out of that measure: others see that change.
    """
    return [_moved(measure, before, after) for measure in measures(before.values())]


def _moved(measure: str, before: Mapping[str, Case], after: Mapping[str, Case]) -> Moved:
    pairs: list[tuple[Case, Case | None, float, float]] = []
    for case_id in sorted(before):
        then, now = before[case_id], after.get(case_id)
        if measure not in then.values or (now is not None and measure not in now.values):
            continue
        pairs.append((then, now, then.values[measure], 0.0 if now is None else now.values[measure]))
    differences: defaultdict[str, list[float]] = defaultdict(list)
    for then, _, old, new in pairs:
        if then.slice:
            differences[then.slice].append(new - old)
    slices = {name: sum(each) / len(each) for name, each in differences.items()}
    return Moved(
        measure=measure,
        before=_mean([old for _, _, old, _ in pairs]),
        after=_mean([new for _, _, _, new in pairs]),
        difference=paired_difference([old for _, _, old, _ in pairs], [new for _, _, _, new in pairs]),
        slices={name: by for name, by in sorted(slices.items(), key=lambda item: (item[1], item[0])) if by},
        changes=_largest(pairs),
    )


def _largest(pairs: Sequence[tuple[Case, Case | None, float, float]]) -> tuple[Change, ...]:
    changed = [pair for pair in pairs if pair[2] != pair[3]]
    changed.sort(key=lambda pair: (-abs(pair[3] - pair[2]), pair[0].id))
    return tuple(
        Change(
            id=then.id,
            slice=then.slice,
            query=then.query,
            before=old,
            after=new,
            answer_before=then.answer,
            answer_after="" if now is None else now.answer,
        )
        for then, now, old, new in changed[:SHOWN]
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
