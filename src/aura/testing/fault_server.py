"""A server behind OpenAI's chat protocol, on loopback and real sockets, whose model name picks what goes wrong.

    async with FaultServer() as server:
        llm = open_endpoint("cut", server.url, "key")      # ends cleanly after a third of its stream
        ...
        assert [hit.model for hit in server.hits] == ["cut"]

A name is a fault of `FAULTS`, and may go on behind an `@`: `ok@a` and `ok@b` are two models that work. `mixed` works but for
a share of calls, whose fault the server draws. A token is a word of the prompt, or a piece of the answer; what was sent is
what is billed, and the prompt from when the answer begins.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from email.utils import format_datetime
from typing import Any, Final, Self, cast

import msgspec

REFUSALS: Final[Mapping[str, tuple[int, str | None]]] = {
    "500": (500, None),
    "503": (503, None),
    "429": (429, "rate_limit_exceeded"),
    "429-date": (429, "rate_limit_exceeded"),
    "quota": (429, "insufficient_quota"),
    "401": (401, "invalid_api_key"),
    "402": (402, None),
    "403": (403, None),
    "404": (404, "model_not_found"),
    "400": (400, None),
    "422": (422, None),
    "context": (400, "context_length_exceeded"),
    "filter-400": (400, "content_filter"),
}
"""Models that refuse: with this status and this code."""
STREAMS: Final = (
    "ok", "filter", "slow-first", "collapse", "empty", "cut", "reset-mid", "stall-mid", "badjson-mid", "error-mid",
    "no-done", "usage-each", "usage-choice", "usage-envelope", "usage-none", "reasoning", "tool", "pause",
)  # fmt: skip
"""Models that begin to answer. `pause` waits after five pieces until the client leaves, `tool` wants one called."""
FAULTS: Final = (*REFUSALS, "reset", "hang", *STREAMS, "mixed")
"""Every model that the server has."""
MIXED: Final = ("500", "503", "429", "reset", "empty", "cut", "badjson-mid", "error-mid")
"""What `mixed` draws from."""
MID: Final = 20
"""Pieces before a fault in the middle."""
PAUSE: Final = 5


class Hit(msgspec.Struct, kw_only=True):
    """One request, as the server has seen it."""

    model: str
    fault: str
    stream: bool
    headers: dict[str, str]
    body: dict[str, Any]
    at: float
    """When its head had come, on `time.perf_counter`."""
    status: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_micro_usd: int = 0
    left_at: float | None = None
    """When the client was seen to have left before the end."""
    left: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    """Set then."""


class FaultServer:
    """Answers on a free port of loopback while it is open.

    Args:
        chunks: pieces of a whole answer.
        delay_seconds: before each piece.
        collapsed_seconds: before each piece of a model whose throughput has collapsed.
        retry_after_seconds: what a rate limit asks for.
        usd: dollars for a million tokens in and out.
        share: how many of a hundred calls of `mixed` fail.
    """

    def __init__(
        self,
        *,
        chunks: int = 60,
        delay_seconds: float = 0.0,
        collapsed_seconds: float = 30.0,
        retry_after_seconds: float = 20.0,
        usd: tuple[str, str] = ("0.15", "0.6"),
        share: int = 5,
        seed: int = 1,
    ) -> None:
        self.hits: list[Hit] = []
        """All requests so far."""
        self.chunks = chunks
        self.delay_seconds = delay_seconds
        self._collapsed_seconds = collapsed_seconds
        self._retry_after_seconds = retry_after_seconds
        self._usd = (Decimal(usd[0]), Decimal(usd[1]))
        self._share = share
        self._chance = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """What to give a client as its base address."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    @property
    def connections(self) -> int:
        """Sockets that are open now."""
        return len(self._tasks)

    @property
    def cost_micro_usd(self) -> int:
        """What all requests together cost."""
        return sum(hit.cost_micro_usd for hit in self.hits)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._serve(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection stays."""
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        body = msgspec.json.decode(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
        model = str(body.get("model", ""))
        fault = self._drawn() if model.partition("@")[0] == "mixed" else model.partition("@")[0]
        hit = Hit(
            model=model,
            fault=fault,
            stream=bool(body.get("stream")),
            headers=headers,
            body=body,
            at=time.perf_counter(),
        )
        self.hits.append(hit)
        exchange = _Exchange(self, hit, reader, writer)
        if fault in REFUSALS or fault not in FAULTS:
            await exchange.refuse(*REFUSALS.get(fault, (404, "model_not_found")), self._retry_after(fault))
            return True
        if fault == "reset":
            exchange.reset()
            return False
        if fault == "hang":
            await exchange.wait_until_left()
            return False
        return await (exchange.stream(self._collapsed_seconds) if hit.stream else exchange.whole())

    def _drawn(self) -> str:
        if self._chance.random() * 100 >= self._share:
            return "ok"
        return self._chance.choice(MIXED)

    def _retry_after(self, fault: str) -> str:
        if fault == "429-date":
            return format_datetime(datetime.now(UTC) + timedelta(seconds=self._retry_after_seconds), usegmt=True)
        return str(self._retry_after_seconds)

    def bill(self, hit: Hit) -> None:
        """Make the price of `hit` anew from its tokens."""
        cost = hit.tokens_in * self._usd[0] + hit.tokens_out * self._usd[1]
        hit.cost_micro_usd = int(cost.to_integral_value(ROUND_HALF_UP))


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, server: FaultServer, hit: Hit, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._hit = hit
        self._reader = reader
        self._writer = writer
        self._prompt = sum(len(_text(message).split()) for message in hit.body.get("messages", []))
        self._id = f"chatcmpl-{len(server.hits)}"

    async def refuse(self, status: int, code: str | None, retry_after: str) -> None:
        self._hit.status = status
        content = msgspec.json.encode({"error": {"message": "no", "type": "fault", "code": code}})
        further = [f"retry-after: {retry_after}"] if status == 429 else []
        await self._send(_head(status, [f"content-length: {len(content)}", *further]) + content)

    def reset(self) -> None:
        """Close with RST in the place of an orderly end."""
        sock = cast(socket.socket, self._writer.get_extra_info("socket"))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def wait_until_left(self) -> None:
        try:
            await self._reader.read(1)  # the client sends nothing more: this ends when it leaves
        finally:
            self._note_left()

    def _note_left(self) -> None:
        self._hit.left_at = time.perf_counter()
        self._hit.left.set()

    async def whole(self) -> bool:
        """The answer in one piece."""
        fault, count = self._hit.fault, self._server.chunks
        if fault in ("slow-first", "stall-mid", "pause", "collapse"):
            await self.wait_until_left()
            return False
        text = "" if fault == "empty" else "".join(_piece(n) for n in range(count))
        self._sent(count if text else 0)
        reason = "content_filter" if fault == "filter" else "stop"
        answer: dict[str, Any] = {
            "id": self._id,
            "object": "chat.completion",
            "created": 0,
            "model": self._hit.model,
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason},
            ],
        }
        if fault != "usage-none":
            answer["usage"] = self._usage()
        content = msgspec.json.encode(answer)
        self._hit.status = 200
        await self._send(_head(200, [f"content-length: {len(content)}"]) + content)
        return True

    async def stream(self, collapsed_seconds: float) -> bool:
        """The answer in pieces; whether the connection stays."""
        fault = self._hit.fault
        self._hit.status = 200
        self._sent(0)
        await self._send(_head(200, ["content-type: text/event-stream", "transfer-encoding: chunked"], json=False))
        if fault == "slow-first":
            await self.wait_until_left()
            return False
        count = {"empty": 0, "cut": MID, "tool": 0}.get(fault, self._server.chunks)
        if fault == "tool":
            await self._call_a_tool()
        for n in range(count):
            if await self._goes_wrong(fault, n):
                return False
            delay = collapsed_seconds if fault == "collapse" and n >= MID else self._server.delay_seconds
            if delay and not await self._stays(delay):
                return False
            self._sent(n + 1)
            usage = self._usage() if fault == "usage-each" else None
            await self._event(self._chunk(_piece(n), usage=usage))
        return await self._end(fault)

    async def _call_a_tool(self) -> None:
        """A call in two pieces, as OpenAI sends it."""
        for n, (head, arguments) in enumerate(
            (({"id": "call_1", "type": "function"}, '{"a": 1,'), ({}, ' "b": 2}')), 1
        ):
            self._sent(n)
            function = {"name": "add", "arguments": arguments} if head else {"arguments": arguments}
            chunk = self._chunk(None)
            chunk["choices"][0]["delta"] = {"tool_calls": [{"index": 0, **head, "function": function}]}
            await self._event(chunk)

    async def _goes_wrong(self, fault: str, n: int) -> bool:
        """Whether the stream ends before piece `n`."""
        if (fault, n) == ("pause", PAUSE) or (fault, n) == ("stall-mid", MID):
            await self.wait_until_left()
        elif (fault, n) == ("reset-mid", MID):
            self.reset()
        elif (fault, n) == ("badjson-mid", MID):
            await self._data(b'data: {"choices": [{"del\n\n')
        elif (fault, n) == ("error-mid", MID):
            await self._data(b'data: {"error": {"message": "overloaded", "code": "server_error"}}\n\n')
        else:
            return False
        return True

    async def _end(self, fault: str) -> bool:
        if fault not in ("empty", "cut"):
            reason = "content_filter" if fault == "filter" else "stop"
            usage = self._usage() if fault == "usage-choice" else None
            end = self._chunk(None, reason=reason, usage=usage)
            if fault == "usage-envelope":
                end["x_groq"] = {"id": "req", "usage": self._usage()}
            await self._event(end)
            if fault not in ("usage-none", "usage-each", "usage-choice", "usage-envelope"):
                await self._event({**self._chunk(None), "choices": [], "usage": self._usage()})
        if fault not in ("no-done", "cut"):
            await self._data(b"data: [DONE]\n\n")
        await self._send(b"0\r\n\r\n")
        return True

    def _chunk(self, text: str | None, *, reason: str | None = None, usage: object = None) -> dict[str, Any]:
        chunk: dict[str, Any] = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": 0,
            "model": self._hit.model,
            "choices": [
                {"index": 0, "delta": {} if text is None else {"content": text}, "finish_reason": reason},
            ],
        }
        return chunk if usage is None else {**chunk, "usage": usage}

    def _usage(self) -> dict[str, Any]:
        into, out = self._hit.tokens_in, self._hit.tokens_out
        if self._hit.fault == "reasoning":  # as xAI counts: the reasoning beside the completion
            return {
                "prompt_tokens": into,
                "completion_tokens": self._server.chunks,
                "total_tokens": into + out,
                "completion_tokens_details": {"reasoning_tokens": out - self._server.chunks},
            }
        return {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out}

    def _sent(self, pieces: int) -> None:
        thoughts = 100 if self._hit.fault == "reasoning" and pieces else 0
        self._hit.tokens_in, self._hit.tokens_out = self._prompt, pieces + thoughts
        self._server.bill(self._hit)

    async def _stays(self, seconds: float) -> bool:
        """Wait; whether the client is still there then."""
        try:
            async with asyncio.timeout(seconds):
                await self._reader.read(1)
        except TimeoutError:
            return True
        self._note_left()
        return False

    async def _event(self, event: dict[str, Any]) -> None:
        await self._data(b"data: " + msgspec.json.encode(event) + b"\n\n")

    async def _data(self, content: bytes) -> None:
        await self._send(f"{len(content):x}\r\n".encode() + content + b"\r\n")

    async def _send(self, content: bytes) -> None:
        self._writer.write(content)
        try:
            await self._writer.drain()
        except ConnectionError:
            self._note_left()
            raise


def _head(status: int, lines: list[str], *, json: bool = True) -> bytes:
    kind = ["content-type: application/json"] if json else []
    return "\r\n".join([f"HTTP/1.1 {status} X", *kind, *lines, "", ""]).encode()


def _piece(n: int) -> str:
    return f"w{n} "


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content or [])
