"""`bench serve`: many streams at once from one server process, and what a question costs besides its search."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec

from aura.tenants.values import PlanChanges
from aura_evals.bench.measuring import Bench, open_bench, timed
from aura_evals.bench.report import Goal, Recorder, Report, milliseconds
from aura_evals.bench.serve_child import AT_ONCE, FIRST_TOKEN_SECONDS
from aura_evals.bench.synthetic import Corpus

_CHILD = "aura_evals.bench.serve_child"
_CHUNKS = 1_000
_LAG = re.compile(r"^aura_event_loop_lag_seconds (\S+)$", re.MULTILINE)
_NO_ERROR = Goal(limit=0, absolute=True)
_OVERHEAD = Goal(limit=10, absolute=True)
_ENDS = (b"\nevent: final\n", b"\nevent: refusal\n")


class Streamed(msgspec.Struct, frozen=True, kw_only=True):
    """One stream as its client saw it: seconds to the first event and to the first word, and whether it ended well."""

    first_event_seconds: float
    first_word_seconds: float
    ended: bool


async def bench_serve(streams: int, tokens: int, questions: int) -> Report:
    """Time `questions` one after the other, then `streams` at once, of a server process on this machine.

    The clients run beside it and take their share of the processors.
    """
    recorder = Recorder("serve")
    corpus = Corpus()
    async with open_bench(corpus) as bench:
        bench.loader.load(bench.place, _CHUNKS)
        bench.loader.settle()
        token = await _token(bench)
        async with _server(bench.aura.settings.data_dir, tokens) as port:
            asked = [corpus.question() for _ in range(questions)]
            await _overhead(bench, recorder, port, token, asked)
            await _streams(recorder, port, token, [corpus.question() for _ in range(streams)])
    recorder.note(f"{tokens} tokens an answer, the first after {FIRST_TOKEN_SECONDS} s; {_CHUNKS:,} chunks")
    return recorder.report()


async def _token(bench: Bench) -> str:
    """An access token of the tenant's admin, whose plan is no obstacle."""
    organisation = bench.workspace.organisation
    await bench.aura.tenants.set_plan(organisation.id, PlanChanges(max_api_calls_monthly=1_000_000))
    admin = await bench.aura.workspace(organisation.subdomain, "evals@aura.test")
    assert admin.user is not None
    return (await bench.aura.access.open_session(admin.organisation, admin.user)).access_token


@asynccontextmanager
async def _server(data_dir: Path, tokens: int) -> AsyncGenerator[int]:
    """The port of a server process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", _CHILD, str(data_dir), str(tokens), stdout=PIPE
    )
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


async def _overhead(bench: Bench, recorder: Recorder, port: int, token: str, questions: Sequence[str]) -> None:
    """Whole answers of a model that takes no time, each beside a search alone."""
    searches: list[float] = []
    answers: list[float] = []
    words: list[float] = []
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
        for number, question in enumerate(questions):
            search, _ = await timed(bench.workspace.search(question))
            answer, response = await timed(client.post("/chat/", json={"message": f"{AT_ONCE}{question}"}))
            response.raise_for_status()
            streamed = await _stream(port, token, f"{AT_ONCE}{question}")
            if number >= 5:  # the first ones open connections
                searches.append(search)
                answers.append(answer)
                words.append(streamed.first_word_seconds)
    alone = milliseconds(searches)
    recorder.add("search with its embedding, alone, p50", alone, "ms")
    recorder.add("POST /chat/, p50, besides that", milliseconds(answers) - alone, "ms", goal=_OVERHEAD)
    recorder.add("POST /chat/stream to the first word, p50, besides that", milliseconds(words) - alone, "ms")
    recorder.add("POST /chat/, p95", milliseconds(answers, 95), "ms")


async def _streams(recorder: Recorder, port: int, token: str, questions: Sequence[str]) -> None:
    started = time.perf_counter()
    lags = asyncio.create_task(_watch(port))
    results = await asyncio.gather(*(_stream(port, token, each) for each in questions), return_exceptions=True)
    seconds = time.perf_counter() - started
    lags.cancel()
    done = [result for result in results if isinstance(result, Streamed) and result.ended]
    recorder.add(f"{len(questions)} streams at once: those that failed", len(results) - len(done), "", goal=_NO_ERROR)
    if done:
        first, words = [each.first_event_seconds for each in done], [each.first_word_seconds for each in done]
        recorder.add("to the first event, p50", milliseconds(first), "ms")
        recorder.add("to the first event, p95", milliseconds(first, 95), "ms")
        recorder.add("to the first word, p95", milliseconds(words, 95), "ms")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        recorder.add("event loop, most lag in 15 s", await _lag(client) * 1000, "ms")
    recorder.add("all of them", seconds, "s")


async def _watch(port: int) -> None:
    """Ask for the measures now and then, as Prometheus does."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        while True:
            await _lag(client)
            await asyncio.sleep(5)


async def _lag(client: httpx.AsyncClient) -> float:
    found = _LAG.search((await client.get("/metrics")).text)
    return float(found[1]) if found else float("nan")


async def _stream(port: int, token: str, message: str) -> Streamed:
    """One stream, read by hand: what a client library takes is not the server's."""
    body = json.dumps({"message": message, "temporary": False}).encode()
    head = (
        f"POST /chat/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head.encode() + body)
        first_event = first_word = 0.0
        tail, ended = b"", False
        while piece := await reader.read(65_536):
            now = time.perf_counter() - started
            seen = tail + piece
            first_event = first_event or (now if b"event: " in seen else 0.0)
            first_word = first_word or (now if b"event: delta" in seen or b"event: refusal" in seen else 0.0)
            ended = ended or any(end in seen for end in _ENDS)
            tail = seen[-32:]
        return Streamed(first_event_seconds=first_event, first_word_seconds=first_word, ended=ended)
    finally:
        writer.transport.abort()
