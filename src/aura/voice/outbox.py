"""What waits to be written to one client: in order, bounded, and nothing of a reply that was cancelled."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

from aura.voice.events import Over, ReplyAudio, TalkEvent
from aura.voice.ports import BYTES_PER_SAMPLE

MOST_AUDIO_SECONDS: Final = 2.0
"""Audio that may wait: a reply does not run further ahead of a slow client."""
MOST_EVENTS: Final = 2_000
"""Other events that may wait: a client that is further behind is given up."""


class Outbox:
    """A queue from one conversation to the one task that writes to its client.

    An event of a reply (`TalkEvent.reply`) leaves only while that reply is under way: `cancel` drops those that wait, and
    whatever its tasks still post.
    """

    def __init__(self) -> None:
        self._events: deque[TalkEvent] = deque()
        self._cancelled: set[int] = set()
        self._audio_seconds = 0.0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._closed = False

    def post(self, event: TalkEvent) -> None:
        """Have `event` written, unless its reply was cancelled."""
        if self._closed or event.reply in self._cancelled:
            return
        if isinstance(event, ReplyAudio):
            self._audio_seconds += _seconds(event)
            if self._audio_seconds >= MOST_AUDIO_SECONDS:
                self._room.clear()
        elif len(self._events) >= MOST_EVENTS:
            self._events.clear()
            self._events.append(Over(reason="slow_client"))
            self._closed = True
            self._news.set()
            return
        self._events.append(event)
        self._news.set()

    def cancel(self, reply: int) -> None:
        """Drop what waits of `reply`, and whatever is posted of it from here on."""
        self._cancelled.add(reply)
        kept = deque(event for event in self._events if event.reply != reply)
        self._audio_seconds = sum(_seconds(event) for event in kept if isinstance(event, ReplyAudio))
        self._events = kept
        self._make_room()

    async def room(self) -> None:
        """Wait until there is room for more audio."""
        await self._room.wait()

    def close(self) -> None:
        """No more events come; those that wait are still written."""
        self._closed = True
        self._news.set()

    async def events(self) -> AsyncGenerator[TalkEvent]:
        """What is to be written, as it comes; ends when the box is closed and empty."""
        while True:
            while self._events:
                event = self._events.popleft()
                if isinstance(event, ReplyAudio):
                    self._audio_seconds -= _seconds(event)
                    self._make_room()
                yield event
            if self._closed:
                return
            self._news.clear()
            await self._news.wait()

    def _make_room(self) -> None:
        if self._audio_seconds < MOST_AUDIO_SECONDS:
            self._room.set()


def _seconds(event: ReplyAudio) -> float:
    return len(event.pcm) / BYTES_PER_SAMPLE / event.sample_rate_hz
