"""The same run for each reader: a terminal, a pull request, a CI server, a browser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from aura_evals.gate import Verdict
from aura_evals.reports.history import PastRun
from aura_evals.reports.html import as_html
from aura_evals.reports.junit import as_junit
from aura_evals.reports.markdown import as_markdown
from aura_evals.result import Result, write_whole
from aura_evals.timings import Timings


class Reports(msgspec.Struct, frozen=True, kw_only=True):
    """Which reports are wanted, and where."""

    markdown: Path | None = None
    junit: Path | None = None
    html: Path | None = None

    def named(self) -> Iterator[tuple[str, Path | None]]:
        """Each with the name of its option."""
        yield "--markdown", self.markdown
        yield "--junit", self.junit
        yield "--html", self.html


def write_reports(
    reports: Reports, result: Result, verdict: Verdict, timings: Timings | None = None, past: Sequence[PastRun] = ()
) -> None:
    """Write those that are wanted, each whole or not at all."""
    if reports.markdown is not None:
        write_whole(reports.markdown, as_markdown(result, verdict).encode())
    if reports.junit is not None:
        write_whole(reports.junit, as_junit(result, verdict))
    if reports.html is not None:
        write_whole(reports.html, as_html(result, verdict, timings, past).encode())
