"""Answers that a test wrote, sent to a browser as the server sends its own: event by event, over a real connection."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Page, Route

RESPONSE_ID = "22222222-0000-4000-8000-000000000001"
TIMINGS = {"embedding_seconds": 0.0, "retrieval_seconds": 0.0, "first_token_seconds": 0.0, "total_seconds": 1.0}

Event = tuple[str, Mapping[str, Any]]


def citation(marker: int, **changes: Any) -> dict[str, Any]:
    """A citation of a document that there is not."""
    place = {"document_id": RESPONSE_ID, "version": 1, "filename": "handbook.txt", "page": None, "start": 0, "end": 9}
    return {"marker": marker, **place, "quote": "Forty-seven days.", "remembered": False, **changes}


def answer(pieces: Sequence[str], citations: Sequence[Mapping[str, Any]] = ()) -> list[Event]:
    """The events of a whole answer; a citation comes with the first piece that has its marker."""
    waiting = list(citations)
    events: list[Event] = [("sources", {"passages": []})]
    for piece in pieces:
        events.append(("delta", {"text": piece}))
        for cited in [each for each in waiting if f"[{each['marker']}]" in piece]:
            waiting.remove(cited)
            events.append(("citation", cited))
    return [*events, ("final", _final("".join(pieces), citations))]


def _final(text: str, citations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    told = {"session_id": None, "message_id": None, "model_used": "scripted", "response_time": 1.0, "cost": None}
    kind = {"persona_applied": False, "knowledge_used": True, "refused": False, "stopped": False}
    sources = [each["filename"] for each in citations]
    return {"response": text, **told, **kind, "sources": sources, "citations": list(citations), "timings": TIMINGS}


@asynccontextmanager
async def answered_with(
    page: Page, events: Sequence[Event], *, pause_seconds: float = 0.0
) -> AsyncGenerator[asyncio.Event]:
    """Whatever is asked on `page` is answered with `events`, `pause_seconds` apart; who comes back gets the rest.

    What it gives is set as soon as all of an answer was sent.
    """
    sent = asyncio.Event()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        last = re.search(rb"last-event-id: [^:]+:(\d+)", asked.lower())
        begin = int(last[1]) + 1 if last else 0
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
            b"X-Response-Id: " + RESPONSE_ID.encode() + b"\r\n\r\n"
        )
        for number, (name, data) in enumerate(events[begin:], begin):
            writer.write(f"event: {name}\nid: {RESPONSE_ID}:{number}\ndata: {json.dumps(data)}\n\n".encode())
            await writer.drain()
            await asyncio.sleep(pause_seconds)
        sent.set()
        writer.close()
        await writer.wait_closed()

    async def elsewhere(route: Route) -> None:
        await route.continue_(url=address)

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/chat/stream"
    await page.route("**/chat/stream", elsewhere)
    try:
        yield sent
    finally:
        await page.unroute("**/chat/stream", elsewhere)
        server.close()
