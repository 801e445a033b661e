"""The command `aura-evals`. Exit codes: 0 all is well, 1 the gate is red, 2 there is no verdict (bad input)."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer
from rich.console import Console

from aura_evals import cli_options as options
from aura_evals.baseline import read_baseline, require_same, write_baseline
from aura_evals.bench.cli import app as bench
from aura_evals.cli_candidates import candidates
from aura_evals.cli_init import init
from aura_evals.cli_results import compare, report
from aura_evals.dataset import AnyDataset, about, open_data
from aura_evals.errors import RED, BadInput, no_verdict_on_errors
from aura_evals.floors import Floor, parse_floor
from aura_evals.gate import judge
from aura_evals.progress import Bars, progress_on
from aura_evals.reports import Reports, write_reports
from aura_evals.reports.history import History
from aura_evals.reports.terminal import show_verdict
from aura_evals.result import Outcome, result_of, write_json
from aura_evals.routing import RoutingOutputs, run_routing
from aura_evals.suite import Suite, open_suite
from aura_evals.timings import Timings
from aura_evals.vectors import VectorCache

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding

    from aura_evals.model_judge import ModelJudge
    from aura_evals.sandbox import Equipment

app = typer.Typer(
    help="Measure AURA: suites of quality on pinned data with a gate, benchmarks of speed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(bench, name="bench")
app.command()(compare)
app.command()(report)
app.command()(init)
app.command()(candidates)

ROUTING = "routing"
MEMORY = "memory"

_notes = Console(stderr=True, highlight=False)


def main() -> None:
    """Run the command. A polite kill is an interrupt: what was opened is closed, the database's server too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()


@app.command()
def run(
    context: typer.Context,
    suite: options.SuiteName,
    dataset: options.DatasetPath = None,
    json: options.Json = None,
    baseline: options.Baseline = None,
    update_baseline: options.UpdateBaseline = False,
    reason: options.Reason = "",
    floor: options.Floors = None,
    split: options.Split = None,
    limit: options.Limit = None,
    markdown: options.Markdown = None,
    junit: options.Junit = None,
    html: options.Html = None,
    history: options.HistoryFile = None,
    cache_dir: options.CacheDir = None,
    data_dir: options.DataDir = None,
    http: options.Http = None,
    judge_model: options.JudgeModel = None,
    weights: options.Weights = None,
    strong_share: options.StrongShare = None,
    mean_cost: options.MeanCost = None,
    key: options.Key = "",
) -> None:
    """Run a suite: exit with 0 when all is well, 1 when the gate is red, 2 when the input can not be used."""
    # Programs may give any LlamaIndex embedding as the context's object; it stands in for the configured model.
    asked = Asked(
        dataset=dataset,
        split=split,
        limit=limit,
        floors=tuple(floor or ()),
        json=json,
        reports=Reports(markdown=markdown, junit=junit, html=html),
        history=history,
        baseline=baseline,
        update_reason=reason if update_baseline else None,
        cache_dir=cache_dir,
        data_dir=data_dir,
        server=None if http is None else (http, key),
        judge=judge_model,
        weights=weights,
        strong_share=strong_share,
        mean_cost=mean_cost,
    )
    raise typer.Exit(_run(suite, asked, context.obj))


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What `run` was told: what to measure, against what, and where to write it."""

    dataset: Path | None
    split: str | None
    limit: int | None
    floors: tuple[str, ...]
    json: Path | None
    reports: Reports
    history: Path | None
    baseline: Path | None
    update_reason: str | None
    cache_dir: Path | None
    data_dir: Path | None
    server: tuple[str, str] | None
    judge: str | None
    weights: Path | None
    strong_share: float | None
    mean_cost: str | None

    def require_usable(self, *outputs: tuple[str, Path | None]) -> None:
        """Raise `BadInput` for what could only fail after the run. `outputs` are what it writes, by their options."""
        for option, path in outputs:
            _require_writable(option, path)
        if self.update_reason is not None and (self.baseline is None or not self.update_reason.strip()):
            raise BadInput("--update-baseline needs --baseline FILE and --reason TEXT")

    @property
    def parsed_floors(self) -> tuple[Floor, ...]:
        """The floors of the command line. Raises `BadInput`."""
        return tuple(parse_floor(text) for text in self.floors)


def _run(suite: str, asked: Asked, embed_model: BaseEmbedding | None) -> int:
    """Run a suite; the exit code."""
    if suite == ROUTING:
        return _routing(asked)
    if suite == MEMORY:
        return _memory(asked, embed_model)
    return _suite(suite, asked, embed_model)


def _suite(name: str, asked: Asked, embed_model: BaseEmbedding | None) -> int:
    """Run a suite that has a TOML file; the exit code."""
    with no_verdict_on_errors(_notes):
        chosen = open_suite(name)
        if chosen.kind == "latency":
            _latency(chosen)
            return 0
        floors = chosen.all_floors(asked.parsed_floors)
        asked.require_usable(("--json", asked.json), ("--history", asked.history), *asked.reports.named())
        data = open_data(chosen, asked.dataset, asked.split, asked.limit)
        before = None if asked.baseline is None or asked.update_reason is not None else read_baseline(asked.baseline)
        if before is not None:
            require_same(before, chosen.name, about(chosen, data))
        started, timings = time.perf_counter(), Timings()
        result = result_of(chosen, about(chosen, data), _outcome(chosen, data, asked, timings, embed_model), floors)
        verdict = judge(result, before)
        if asked.json is not None:
            write_json(result, asked.json)
        if asked.update_reason is not None and asked.baseline is not None:
            write_baseline(result, asked.baseline, asked.update_reason)
        with History(asked.history) as runs:
            runs.add(result, verdict, timings, seconds=time.perf_counter() - started)
            write_reports(asked.reports, result, verdict, timings, runs.of(result.suite, result.dataset))
    show_verdict(Console(), _notes, result, verdict)
    return 0 if verdict.passed else RED


def _outcome(
    suite: Suite, data: AnyDataset | None, asked: Asked, timings: Timings, embed_model: BaseEmbedding | None
) -> Outcome:
    with VectorCache(asked.cache_dir) as cache, progress_on(_notes) as progress:
        from aura_evals.sandbox import Equipment  # and, behind it, torch: not before the input is known good

        equipment = Equipment(
            cache=cache,
            bars=Bars(progress),
            timings=timings,
            data_dir=asked.data_dir,
            embed_model=embed_model,
            judge=_judge(asked.judge),
        )
        return _measured(suite, data, equipment, asked.server)


def _memory(asked: Asked, embed_model: BaseEmbedding | None) -> int:
    """The suite of conversations, which are no documents."""
    with no_verdict_on_errors(_notes):
        from aura_evals.remembering import run_memory  # and, behind it, LlamaIndex

        broken = run_memory(
            asked.dataset,
            asked.json,
            asked.parsed_floors,
            limit=asked.limit,
            cache_dir=asked.cache_dir,
            embed_model=embed_model,
        )
    return RED if broken else 0


def _measured(suite: Suite, data: AnyDataset | None, equipment: Equipment, server: tuple[str, str] | None) -> Outcome:
    if server is not None:
        from aura_evals.http_target import run_http

        return asyncio.run(run_http(suite, data, *server, equipment))
    from aura_evals.runner import run_suite

    return asyncio.run(run_suite(suite, data, equipment))


def _judge(spec: str | None) -> ModelJudge | None:
    if spec is None:
        return None
    from aura import Settings
    from aura.answering.llms import open_llm
    from aura_evals.model_judge import ModelJudge

    return ModelJudge(open_llm(Settings.load(llm=spec)))


def _routing(asked: Asked) -> int:
    """The router's own suite: outcomes of two models that were recorded, no documents."""
    with no_verdict_on_errors(_notes):
        if asked.dataset is None:
            raise BadInput("suite 'routing' needs --dataset PATH: a CSV of recorded outcomes, or a folder of them")
        html = asked.reports.html
        asked.require_usable(("--json", asked.json), ("--html", html), ("--weights", asked.weights))
        outputs = RoutingOutputs(
            json=asked.json,
            html=html,
            baseline=asked.baseline,
            weights=asked.weights,
            strong_share=asked.strong_share,
            mean_cost=asked.mean_cost,
            update_reason=asked.update_reason,
        )
        return RED if run_routing(asked.dataset, outputs, asked.parsed_floors) else 0


def _latency(suite: Suite) -> None:
    from aura_evals.bench.cli import run_bench

    for name in suite.benches:
        run_bench(name)


def _require_writable(option: str, path: Path | None) -> None:
    """Better now than after the run."""
    if path is not None and (path.is_dir() or not os.access(path.parent, os.W_OK)):
        raise BadInput(
            f"{option} can not be written there: the folder must exist, and be this user's to write", path=path
        )
