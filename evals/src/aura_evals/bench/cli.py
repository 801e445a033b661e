"""The commands `aura-evals bench …`. Times never fail a run: the exit code is 0 when the benchmark ran to its end."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from aura_evals.bench.report import show
from aura_evals.errors import BadInput

app = typer.Typer(help="Ratios taken in one run, against the goals of the design.", no_args_is_help=True)

Json = Annotated[Path | None, typer.Option("--json", help="Write the rows to this file.")]


@app.command("search")
def search(
    size: Annotated[list[int] | None, typer.Option(min=100, help="Chunks of the tenant; may be repeated.")] = None,
    queries: Annotated[int, typer.Option(min=10)] = 100,
    json: Json = None,
) -> None:
    """Hybrid search, less the query's embedding, against the same SQL sent by hand with psycopg."""
    from aura_evals.bench.search import bench_search

    show(asyncio.run(bench_search(size or [1_000, 10_000], queries)), json)


@app.command("tenants")
def tenants(
    tenants: Annotated[int, typer.Option(min=2, help="The goal is set for 1,000.")] = 200,
    chunks: Annotated[int, typer.Option(min=100, help="Chunks of each tenant.")] = 1_000,
    queries: Annotated[int, typer.Option(min=20)] = 400,
    at_once: Annotated[int, typer.Option(min=1)] = 20,
    json: Json = None,
) -> None:
    """Search among many tenants against one tenant alone; recall against the exact answer."""
    from aura_evals.bench.tenants import bench_tenants

    show(asyncio.run(bench_tenants(tenants, chunks, queries, at_once)), json)


@app.command("legs")
def legs(
    size: Annotated[list[int] | None, typer.Option(min=100, help="Chunks of the tenant; may be repeated.")] = None,
    queries: Annotated[int, typer.Option(min=5)] = 40,
    dedicated_from: Annotated[int, typer.Option(help="Measure HNSW too from this many chunks.")] = 20_000,
    json: Json = None,
) -> None:
    """BM25 and dense as a tenant grows; exact scan against HNSW."""
    from aura_evals.bench.legs import bench_legs

    show(asyncio.run(bench_legs(size or [1_000, 20_000], queries, dedicated_from)), json)


@app.command("ingest")
def ingest(
    files: Annotated[int, typer.Option(min=1)] = 8,
    words: Annotated[int, typer.Option(min=50, help="Words of each file.")] = 4_000,
    rounds: Annotated[int, typer.Option(min=1)] = 2,
    json: Json = None,
) -> None:
    """Ingest of text against the embedding model alone on the same chunks."""
    from aura_evals.bench.ingest import bench_ingest

    show(asyncio.run(bench_ingest(files, words, rounds)), json)


@app.command("import")
def imports(repetitions: Annotated[int, typer.Option(min=1)] = 7, json: Json = None) -> None:
    """`python -c "import aura"`: its time, and what it loads."""
    from aura_evals.bench.imports import bench_import

    show(bench_import(repetitions), json)


@app.command("memory")
def memory(
    pages: Annotated[int, typer.Option(min=1)] = 1_000,
    words: Annotated[int, typer.Option(min=1, help="Words of each page.")] = 60,
    json: Json = None,
) -> None:
    """Peak memory of the ingest of a long PDF with the model loaded."""
    from aura_evals.bench.memory import bench_memory

    show(bench_memory(pages, words), json)


@app.command("corpus")
def corpus(
    documents: Annotated[int, typer.Option(min=1_000, help="The goal is set for 100,000.")] = 20_000, json: Json = None
) -> None:
    """Resident memory of a run of evals as its corpus grows, interrupted once and taken up again."""
    from aura_evals.bench.corpus import bench_corpus

    show(bench_corpus(documents), json)


@app.command("recall")
def recall(
    rows: Annotated[int, typer.Option(min=1_000, help="Of the whole table; the goal is set for 1,000,000.")] = 200_000,
    turns: Annotated[int, typer.Option(min=100, help="Of the user.")] = 10_000,
    facts: Annotated[int, typer.Option(min=1, help="Of the user.")] = 2_000,
    queries: Annotated[int, typer.Option(min=20)] = 100,
    json: Json = None,
) -> None:
    """Recall in one user's memory, less the query's embedding; storing a turn; erasing that user."""
    from aura_evals.bench.recall import bench_recall

    show(asyncio.run(bench_recall(rows, turns, facts, queries)), json)


@app.command("serve")
def serve(
    streams: Annotated[int, typer.Option(min=1, help="Answers that are streamed at once.")] = 200,
    tokens: Annotated[int, typer.Option(min=1, help="Of each answer, at 20 ms each.")] = 150,
    questions: Annotated[int, typer.Option(min=10, help="Asked one after the other.")] = 100,
    json: Json = None,
) -> None:
    """A server process: many streams at once, and what a question costs besides its search."""
    from aura_evals.bench.serve import bench_serve

    show(asyncio.run(bench_serve(streams, tokens, questions)), json)


@app.command("voice")
def voice(
    conversations: Annotated[int, typer.Option(min=1, help="At once; the goal is set for 20.")] = 20,
    turns: Annotated[int, typer.Option(min=1, help="Of each conversation.")] = 3,
    json: Json = None,
) -> None:
    """Conversations by voice on fakes: what the orchestrator adds to the sum of their delays."""
    from aura_evals.bench.voice import bench_voice

    show(asyncio.run(bench_voice(conversations, turns)), json)


@app.command("router")
def router(
    calls: Annotated[int, typer.Option(min=5, help="Calls of each round.")] = 40,
    rounds: Annotated[int, typer.Option(min=2)] = 7,
    litellm: Annotated[Path | None, typer.Option(help="The Python of an environment with LiteLLM.")] = None,
    json: Json = None,
) -> None:
    """SmartRouter against the bare `openai` client, and LiteLLM's Router: CPU for each call and each piece of a stream."""
    from aura_evals.bench.router import measure_router, print_overhead

    found = asyncio.run(measure_router(calls=calls, rounds=rounds, litellm=litellm))
    print_overhead(found)
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")


def run_bench(name: str) -> None:
    """Run a benchmark by its name with its usual sizes, and show it.

    Raises:
        BadInput: there is none of this name.
    """
    benches = {
        "search": search,
        "tenants": tenants,
        "legs": legs,
        "ingest": ingest,
        "import": imports,
        "memory": memory,
        "corpus": corpus,
        "recall": recall,
        "serve": serve,
        "voice": voice,
        "router": router,
    }
    if name not in benches:
        raise BadInput(f"there is no benchmark {name!r}: known are {', '.join(benches)}")
    bench = benches[name]
    defaults = {key: each.default for key, each in inspect.signature(bench).parameters.items()}
    bench(**defaults)
