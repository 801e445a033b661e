"""A run of the suite `routing` as one page that stands alone, with its cost curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from aura_evals.reports.html import STYLE
from aura_evals.reports.plots import lines
from aura_evals.routing_result import METRICS, RoutingResult

SHARES: Final = tuple(n / 20 for n in range(21))
"""Where the cost curve is drawn."""


def as_html(result: RoutingResult, curves: Mapping[str, Sequence[float]], faults: Sequence[str]) -> str:
    """The page: the verdict, the numbers with their intervals, and what each share of strong calls comes to."""
    title = escape(f"routing on {result.dataset}")
    verdict = '<span class="red">failed</span>' if faults else '<span class="green">passed</span>'
    listed = "".join(f'<li class="red">{escape(fault)}</li>' for fault in faults)
    about = (
        f"{result.questions:,} questions of {result.topics} topics; right: the quick model {result.quick_right:.1%}, the"
        f" strong one {result.strong_right:.1%}; learned is {result.learned_is}"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style></head>'
        f"\n<body><h1>{title}: {verdict}</h1>\n<ul>{listed}</ul><p>{escape(about)}</p>\n{_numbers(result)}\n"
        f"<h2>Right answers by the share of strong calls</h2>\n{_plot(curves)}\n</body></html>\n"
    )


def _numbers(result: RoutingResult) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("router", *METRICS))
    rows = "".join(
        f"<tr><td>{escape(system)}</td>"
        + "".join(f'<td class="n">{_cell(row[metric], result.intervals[system][metric])}</td>' for metric in METRICS)
        + "</tr>"
        for system, row in result.metrics.items()
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def _cell(value: float | None, interval: tuple[float | None, float | None]) -> str:
    low, high = interval
    return "never" if value is None or low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _plot(curves: Mapping[str, Sequence[float]]) -> str:
    values = [value for each in curves.values() for value in each]
    margin = 0.05 * (max(values) - min(values)) or 0.05
    bounds = (min(values) - margin, max(values) + margin)
    return lines(curves, [f"at {share:.0%} strong calls" for share in SHARES], bounds=bounds)
