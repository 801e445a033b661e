"""Server-sent events, apart from any server."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator

from aura.errors import Unavailable
from aura_server.sse import encode, telling


async def broken() -> AsyncGenerator[bytes]:
    yield encode("delta", {"text": "The window"}, id="1:0")
    raise Unavailable("the database is away", retry_after_seconds=2.0)


async def test_a_stream_that_breaks_says_so_as_an_event_without_a_number() -> None:
    first, last = [piece.decode() async for piece in telling(broken())]
    assert first == 'event: delta\nid: 1:0\ndata: {"text":"The window"}\n\n'
    name, data, *_ = last.split("\n")
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: ")) == {
        "kind": "Unavailable",
        "message": "the database is away",
        "retry_after_seconds": 2.0,
    }


async def test_a_line_break_in_the_data_does_not_end_the_event() -> None:
    assert encode("delta", {"text": "one\n\ntwo"}).count(b"\n\n") == 1
