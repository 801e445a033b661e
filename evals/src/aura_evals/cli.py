"""The command `aura-evals`. Exit codes: 0 all is well, 1 the gate is red, 2 there is no verdict (bad input)."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from aura_evals.baseline import read_baseline, require_same, write_baseline
from aura_evals.bench.cli import app as bench
from aura_evals.cli_candidates import candidates
from aura_evals.cli_init import init
from aura_evals.cli_results import compare, report
from aura_evals.dataset import AnyDataset, about, open_data
from aura_evals.errors import RED, BadInput, no_verdict_on_errors
from aura_evals.floors import parse_floor
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
    suite: Annotated[
        str, typer.Argument(help="A suite of the package, `routing`, `memory`, or the path of a .toml file.")
    ],
    dataset: Annotated[
        Path | None,
        typer.Option(
            help="A folder: BEIR's layout, or documents/ and questions.jsonl; for routing, CSVs; for memory, a JSON file."
        ),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the numbers to this file.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="Compare with this one, query by query.")] = None,
    update_baseline: Annotated[bool, typer.Option(help="Make this run the baseline; needs --reason.")] = False,
    reason: Annotated[str, typer.Option(help="Why the new numbers are the right ones.")] = "",
    floor: Annotated[
        list[str] | None, typer.Option(help="SYSTEM.METRIC=VALUE, such as hybrid.ndcg@10=0.725; may be repeated.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Of a dataset of questions: dev or test; else a file of qrels/.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take this many queries only: a quick look.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a summary for a pull request.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page with plots.")] = None,
    history: Annotated[Path | None, typer.Option(help="Keep the history of runs in this SQLite file.")] = None,
    cache_dir: Annotated[Path | None, typer.Option(help="Keep vectors here, not in the user's cache folder.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep the database here; started again, an interrupted run goes on.")
    ] = None,
    http: Annotated[str | None, typer.Option(help="Score the server at this address.")] = None,
    judge_model: Annotated[
        str | None, typer.Option("--judge", help="A second opinion on citations, such as openai:gpt-4o-mini.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Of routing: write what was learned, if it is proved.")] = None,
    strong_share: Annotated[
        float | None, typer.Option(min=0, max=1, help="With --weights: the share of strong calls to aim at.")
    ] = None,
    mean_cost: Annotated[
        str | None,
        typer.Option(
            metavar="MEAN:QUICK:STRONG",
            help="With --weights: the dollars that a call is to cost on average, and what each model's costs.",
        ),
    ] = None,
    key: Annotated[str, typer.Option(envvar="AURA_EVALS_KEY", help="An API key or token for --http.")] = "",
) -> None:
    """Run a suite: exit with 0 when all is well, 1 when the gate is red, 2 when the input can not be used.

    Programs may give any LlamaIndex embedding as the context's object; it stands in for the configured model.
    """
    if suite == ROUTING:
        outputs = RoutingOutputs(
            json=json,
            html=html,
            baseline=baseline,
            weights=weights,
            strong_share=strong_share,
            mean_cost=mean_cost,
            update_reason=reason if update_baseline else None,
        )
        raise typer.Exit(_routing(dataset, outputs, floor or []))
    if suite == MEMORY:
        with no_verdict_on_errors(_notes):
            from aura_evals.remembering import run_memory  # and, behind it, LlamaIndex

            floors = [parse_floor(text) for text in floor or ()]
            broken = run_memory(dataset, json, floors, limit=limit, cache_dir=cache_dir, embed_model=context.obj)
        raise typer.Exit(RED if broken else 0)
    with no_verdict_on_errors(_notes):
        chosen = open_suite(suite)
        if chosen.kind == "latency":
            return _latency(chosen)
        floors = chosen.all_floors(tuple(parse_floor(text) for text in floor or ()))
        reports = Reports(markdown=markdown, junit=junit, html=html)
        for option, path in (("--json", json), ("--history", history), *reports.named()):
            _require_writable(option, path)
        if update_baseline and (baseline is None or not reason.strip()):
            raise BadInput("--update-baseline needs --baseline FILE and --reason TEXT")
        data = open_data(chosen, dataset, split, limit)
        before = None if baseline is None or update_baseline else read_baseline(baseline)
        if before is not None:
            require_same(before, chosen.name, about(chosen, data))
        started, timings = time.perf_counter(), Timings()
        with VectorCache(cache_dir) as cache, progress_on(_notes) as progress:
            from aura_evals.sandbox import Equipment  # and, behind it, torch: not before the input is known good

            equipment = Equipment(
                cache=cache,
                bars=Bars(progress),
                timings=timings,
                data_dir=data_dir,
                embed_model=context.obj,
                judge=_judge(judge_model),
            )
            outcome = _measured(chosen, data, equipment, None if http is None else (http, key))
        result = result_of(chosen, about(chosen, data), outcome, floors)
        verdict = judge(result, before)
        if json is not None:
            write_json(result, json)
        if update_baseline and baseline is not None:
            write_baseline(result, baseline, reason)
        with History(history) as runs:
            runs.add(result, verdict, timings, seconds=time.perf_counter() - started)
            write_reports(reports, result, verdict, timings, runs.of(result.suite, result.dataset))
    show_verdict(Console(), _notes, result, verdict)
    raise typer.Exit(0 if verdict.passed else RED)


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


def _routing(dataset: Path | None, outputs: RoutingOutputs, floors: list[str]) -> int:
    """The router's own suite: outcomes of two models that were recorded, no documents."""
    with no_verdict_on_errors(_notes):
        if dataset is None:
            raise BadInput("suite 'routing' needs --dataset PATH: a CSV of recorded outcomes, or a folder of them")
        if outputs.update_reason is not None and (outputs.baseline is None or not outputs.update_reason.strip()):
            raise BadInput("--update-baseline needs --baseline FILE and --reason TEXT")
        for option, path in (("--json", outputs.json), ("--html", outputs.html), ("--weights", outputs.weights)):
            _require_writable(option, path)
        return RED if run_routing(dataset, outputs, tuple(parse_floor(text) for text in floors)) else 0


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
