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
from typing import Self

import httpx
import msgspec

from aura.tenants.values import PlanChanges
from aura_evals.bench.measuring import Bench, open_bench, timed
from aura_evals.bench.report import Goal, Recorder, Report, milliseconds
from aura_evals.bench.serve_child import AT_ONCE, FIRST_TOKEN_SECONDS, IN_PIECES
from aura_evals.bench.synthetic import Corpus
from aura_evals.errors import BadInput

_CHILD = "aura_evals.bench.serve_child"
_CHUNKS = 1_000
_WARM_UP = 5
"""Questions that open connections."""
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
    times: dict[str, list[float]] = {name: [] for name in ("search", "answer", "pieces", "word")}
    async with _Line.open(port, token) as line:
        for number, question in enumerate(questions):
            search, _ = await timed(bench.workspace.search(question))
            answer, _ = await timed(line.ask(f"{AT_ONCE}{question}"))
            pieces, _ = await timed(line.ask(f"{IN_PIECES}{question}"))
            streamed = await _stream(port, token, f"{AT_ONCE}{question}")
            if number >= _WARM_UP:
                for name, seconds in zip(times, (search, answer, pieces, streamed.first_word_seconds), strict=True):
                    times[name].append(seconds)
    alone, answers = milliseconds(times["search"]), times["answer"]
    recorder.add("search with its embedding, alone, p50", alone, "ms")
    recorder.add("POST /chat/, p50, besides that", milliseconds(answers) - alone, "ms", goal=_OVERHEAD)
    recorder.add("POST /chat/, of a model that says it in pieces", milliseconds(times["pieces"]) - alone, "ms")
    recorder.add("POST /chat/stream to the first word, p50, besides that", milliseconds(times["word"]) - alone, "ms")
    recorder.add("POST /chat/, p95", milliseconds(answers, 95), "ms")


class _Line:
    """A connection that is kept, read by hand: what a client library takes is not the server's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader = reader
        self._writer = writer
        self._token = token

    @classmethod
    @asynccontextmanager
    async def open(cls, port: int, token: str) -> AsyncGenerator[Self]:
        """One to the server at `port`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield cls(reader, writer, token)
        finally:
            writer.transport.abort()

    async def ask(self, message: str) -> None:
        """A whole answer."""
        self._writer.write(_request("/chat/", self._token, message))
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = re.search(rb"content-length: (\d+)", head)
        if b" 200 " not in head.partition(b"\r\n")[0] or length is None:
            raise BadInput(f"the server answered {head.decode(errors='replace')!r}")
        await self._reader.readexactly(int(length[1]))


def _request(path: str, token: str, message: str, *, last: bool = False) -> bytes:
    body = json.dumps({"message": message, "temporary": False}).encode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Connection: {'close' if last else 'keep-alive'}\r\n\r\n"
    ).encode() + body


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
    """One stream, read by hand, too."""
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_request("/chat/stream", token, message, last=True))
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
