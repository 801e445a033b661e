"""The options of `aura-evals run`, each with what its help says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aura_evals.suite import suite_names

SuiteName = Annotated[
    str, typer.Argument(help=f"One of {', '.join(suite_names())}, routing, memory; or the path of a .toml file.")
]
DatasetPath = Annotated[
    Path | None,
    typer.Option(
        help="A folder: BEIR's layout, or documents/ and questions.jsonl; for routing, CSVs; for memory, a JSON file."
    ),
]
Json = Annotated[Path | None, typer.Option(help="Write the numbers to this file.")]
Baseline = Annotated[Path | None, typer.Option(help="Compare with this one, query by query.")]
UpdateBaseline = Annotated[bool, typer.Option(help="Make this run the baseline; needs --reason.")]
Reason = Annotated[str, typer.Option(help="Why the new numbers are the right ones.")]
Floors = Annotated[
    list[str] | None, typer.Option(help="SYSTEM.METRIC=VALUE, such as hybrid.ndcg@10=0.725; may be repeated.")
]
Split = Annotated[str | None, typer.Option(help="Of a dataset of questions: dev or test; else a file of qrels/.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Take this many queries only: a quick look.")]
Markdown = Annotated[Path | None, typer.Option(help="Write a summary for a pull request.")]
Junit = Annotated[Path | None, typer.Option(help="Write JUnit XML.")]
Html = Annotated[Path | None, typer.Option(help="Write one self-contained page with plots.")]
HistoryFile = Annotated[Path | None, typer.Option(help="Keep the history of runs in this SQLite file.")]
CacheDir = Annotated[Path | None, typer.Option(help="Keep vectors here, not in the user's cache folder.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Keep the database here; started again, an interrupted run goes on.")
]
Http = Annotated[str | None, typer.Option(help="Score the server at this address.")]
JudgeModel = Annotated[
    str | None, typer.Option("--judge", help="A second opinion on citations, such as openai:gpt-4o-mini.")
]
Weights = Annotated[Path | None, typer.Option(help="Of routing: write what was learned, if it is proved.")]
StrongShare = Annotated[
    float | None, typer.Option(min=0, max=1, help="With --weights: the share of strong calls to aim at.")
]
MeanCost = Annotated[
    str | None,
    typer.Option(
        metavar="MEAN:QUICK:STRONG",
        help="With --weights: the dollars that a call is to cost on average, and what each model's costs.",
    ),
]
Key = Annotated[str, typer.Option(envvar="AURA_EVALS_KEY", help="An API key or token for --http.")]
