"""A run as one page that stands alone: no script, no style sheet, no picture from anywhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from aura_evals.gate import Moved, Verdict
from aura_evals.reports.history import PastRun
from aura_evals.reports.plots import bars, histogram, lines
from aura_evals.result import Result, flat
from aura_evals.timings import Timings

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2420}
table{border-collapse:collapse;margin:1rem 0}th,td{border:1px solid #ccc;padding:.25rem .6rem;text-align:left;
vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}svg text{font:12px system-ui,sans-serif}
.red{color:#a4201c}.green{color:#2f6f4f}
"""
_PLOTTED = 8


def as_html(result: Result, verdict: Verdict, timings: Timings | None = None, past: Sequence[PastRun] = ()) -> str:
    """The page: the verdict, the numbers, plots over runs and slices, how scores spread, how long it took."""
    title = escape(f"{result.suite} on {result.dataset}")
    body = "\n".join(_parts(result, verdict, timings, past))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f'</head>\n<body><h1>{title}: <span class="{"green" if verdict.passed else "red"}">'
        f"{'passed' if verdict.passed else 'failed'}</span></h1>\n{body}\n</body></html>\n"
    )


def _parts(result: Result, verdict: Verdict, timings: Timings | None, past: Sequence[PastRun]) -> Iterator[str]:
    if verdict.faults:
        yield "<ul>" + "".join(f'<li class="red">{escape(fault)}</li>' for fault in verdict.faults) + "</ul>"
    yield (
        f"<p>{result.documents:,} documents, {result.queries:,} queries ({escape(result.split)}),"
        f" {escape(result.model.name)}</p>"
    )
    yield _numbers(result, verdict)
    names = _chosen(result)
    if len(past) > 1:
        yield "<h2>Over runs</h2>"
        series = {name: [run.metrics.get(name, 0.0) for run in past] for name in names}
        yield lines(series, [f"{run.at} {run.commit}" for run in past])
    for name in names:
        by_slice = {
            slice_name: flat(systems)[name] for slice_name, systems in result.slices.items() if name in flat(systems)
        }
        values = [case.values[name] for case in result.cases if name in case.values]
        yield f"<h2>{escape(name)}</h2><h3>By slice</h3>{bars(by_slice)}<h3>Queries by score</h3>{histogram(values)}"
    if timings is not None and (found := timings.percentiles()):
        yield "<h2>Latency</h2>"
        times = {f"{what} {share}": value for what, shares in found.items() for share, value in shares.items()}
        yield bars(times, most=max(times.values()), unit=" ms")
    for moved in verdict.regressions:
        yield _changes(moved)


def _chosen(result: Result) -> list[str]:
    """What is plotted: the measures with floors, else the first few."""
    floors = list(dict.fromkeys(floor.measure for floor in result.floors))
    return (floors or list(flat(result.metrics)))[:_PLOTTED]


def _numbers(result: Result, verdict: Verdict) -> str:
    moved = {each.measure: each for each in verdict.moved}
    floors = {floor.measure: floor.value for floor in result.floors}
    rows = "".join(_row(name, value, floors.get(name), moved.get(name)) for name, value in flat(result.metrics).items())
    head = "".join(f"<th>{name}</th>" for name in ("measure", "value", "floor", "baseline", "change, 95 %"))
    return f"<table><tr>{head}</tr>{rows}</table>"


def _row(name: str, value: float, floor: float | None, moved: Moved | None) -> str:
    colour = "" if floor is None else "green" if value >= floor else "red"
    then = "" if moved is None else f"{moved.before:.4f}"
    by = (
        ""
        if moved is None
        else f"{moved.difference.mean:+.4f} ({moved.difference.low:+.4f} … {moved.difference.high:+.4f})"
    )
    limit = "" if floor is None else f"{floor:g}"
    return (
        f'<tr><td>{escape(name)}</td><td class="n {colour}">{value:.4f}</td><td class="n">{limit}</td>'
        f'<td class="n">{then}</td><td class="n">{by}</td></tr>'
    )


def _changes(moved: Moved) -> str:
    rows = "".join(
        f"<tr><td>{escape(each.query)}</td><td>{escape(each.slice)}</td><td class='n'>{each.before:.3f}</td>"
        f"<td class='n'>{each.after:.3f}</td><td>{escape(each.answer_before)}</td><td>{escape(each.answer_after)}</td></tr>"
        for each in moved.changes
    )
    return (
        f"<h2>{escape(moved.measure)}: what changed most</h2><p>{escape(str(moved))}</p><table><tr><th>query</th>"
        f"<th>slice</th><th>then</th><th>now</th><th>answer then</th><th>answer now</th></tr>{rows}</table>"
    )
