"""A run as Markdown, for the description of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from aura_evals.gate import Moved, Verdict
from aura_evals.result import Result

_SHOWN = 160


def as_markdown(result: Result, verdict: Verdict) -> str:
    """The verdict first, then the numbers, then what moved."""
    return "\n".join(_lines(result, verdict)) + "\n"


def _lines(result: Result, verdict: Verdict) -> Iterator[str]:
    yield f"## {result.suite} on {result.dataset}: {'passed' if verdict.passed else 'FAILED'}"
    yield ""
    for fault in verdict.faults:
        yield f"- **{_text(fault)}**"
    if verdict.faults:
        yield ""
    yield f"{result.documents:,} documents, {result.queries:,} queries ({result.split}), {result.model.name}"
    yield ""
    moved = {each.measure: each for each in verdict.moved}
    floors = {floor.measure: f"{floor.value:g}" for floor in result.floors}
    yield "| measure | value | floor | baseline | change (95 %) |"
    yield "|---|---:|---:|---:|---:|"
    for system, values in result.metrics.items():
        for metric, value in values.items():
            name = f"{system}.{metric}"
            yield f"| {name} | {value:.4f} | {floors.get(name, '')} | {_then(moved.get(name))} |"
    for each in verdict.regressions:
        yield ""
        yield from _changes(each)


def _then(moved: Moved | None) -> str:
    if moved is None:
        return " | "
    by = moved.difference
    return f"{moved.before:.4f} | {by.mean:+.4f} ({by.low:+.4f} … {by.high:+.4f})"


def _changes(moved: Moved) -> Iterator[str]:
    yield f"### {moved.measure}: {moved.before:.4f} → {moved.after:.4f}"
    yield ""
    if moved.slices:
        yield "By slice: " + ", ".join(f"{name} {by:+.4f}" for name, by in moved.slices.items())
        yield ""
    yield "| query | slice | then | now | answer then | answer now |"
    yield "|---|---|---:|---:|---|---|"
    for change in moved.changes:
        yield (
            f"| {_text(change.query)} | {change.slice} | {change.before:.3f} | {change.after:.3f}"
            f" | {_text(change.answer_before)} | {_text(change.answer_after)} |"
        )


def _text(text: str) -> str:
    """One line that opens no markup of its own: answers are not ours."""
    one_line = " ".join(text.split())[:_SHOWN]
    for mark in "\\`*_{}[]<>|#!":
        one_line = one_line.replace(mark, f"\\{mark}" if mark not in "<>" else {"<": "&lt;", ">": "&gt;"}[mark])
    return one_line
