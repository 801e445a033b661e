"""Server-sent events with numbers, and a heartbeat where there is nothing to send."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import msgspec

from aura.answering.events import AnswerEvent
from aura.documents.values import Change
from aura.errors import AuraError, Unavailable
from aura_server.wire.chat import ErrorData, event_on_the_wire
from aura_server.wire.documents import DocumentResponse

T = TypeVar("T")

HEARTBEAT_SECONDS = 10.0
MEDIA_TYPE = "text/event-stream"
Still = Callable[[], Awaitable[bool]]
"""Whether who reads a stream may still read it: it was opened a while ago. Cost: one round trip to the database."""
PING = b"event: ping\ndata: {}\n\n"


def encode(name: str, data: object, *, id: str | None = None) -> bytes:
    """One event. JSON has no line breaks, so one `data:` line holds it."""
    numbered = f"id: {id}\n".encode() if id is not None else b""
    return b"event: %s\n%sdata: %s\n\n" % (name.encode(), numbered, msgspec.json.encode(data))


async def answer_stream(
    events: AsyncGenerator[AnswerEvent], still: Still, *, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> AsyncGenerator[bytes]:
    """`events` as server-sent events, all but errors with the id `<response_id>:<seq>`; for as long as `still` says."""
    asked = time.monotonic()
    async with aclosing(beating(events, heartbeat_seconds)) as beats:
        async for event in beats:
            if time.monotonic() - asked >= heartbeat_seconds:  # not for each word of an answer
                if not await still():
                    return
                asked = time.monotonic()
            if event is None:
                yield PING
            else:
                name, data = event_on_the_wire(event)
                # An error may be this reading's alone: without an id, a client goes on from the event before it.
                yield encode(name, data, id=None if name == "error" else f"{event.response_id}:{event.seq}")


async def change_stream(
    changes: AsyncGenerator[Change], still: Still, *, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> AsyncGenerator[bytes]:
    """`changes` of documents as server-sent events, each if `still` says so; its id is the time to go on from."""
    async with aclosing(beating(changes, heartbeat_seconds)) as beats:
        async for change in beats:
            if not await still():
                return
            if change is None:
                yield PING
            else:
                document = DocumentResponse.of(change.document)
                name = "deleted" if change.deleted else "document"
                yield encode(name, document, id=document.updated_at.isoformat())


async def telling(stream: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """`stream`, and an `error` event where it breaks: its status was sent long ago."""
    try:
        async with aclosing(stream) as pieces:
            async for piece in pieces:
                yield piece
    except AuraError as error:
        retry_after_seconds = error.retry_after_seconds if isinstance(error, Unavailable) else None
        said = ErrorData(kind=type(error).__name__, message=str(error), retry_after_seconds=retry_after_seconds)
        yield encode("error", said)


async def beating(events: AsyncGenerator[T], seconds: float) -> AsyncGenerator[T | None]:
    """What `events` yield, and None whenever nothing came for `seconds`. Closes `events` at its end."""
    coming: asyncio.Task[T] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait({coming}, timeout=seconds)
            if not done:
                yield None
                continue
            finished, coming = coming, None
            try:
                yield finished.result()
            except StopAsyncIteration:
                return
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.wait({coming})
        await events.aclose()
