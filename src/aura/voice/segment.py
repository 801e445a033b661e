"""One stretch of speech on its way to text: streamed as it is spoken where the transcriber can, else sent when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from aura.errors import AuraError
from aura.voice.ports import Audio, Hints, Transcriber, Transcript

PROBE_SECONDS = 0.5
"""How much more must be heard before a transcriber without partial results is asked again what it is."""


class Segment:
    """What is said from a beginning to a pause.

    Args:
        told: called with what is understood so far, whenever that changes.
    """

    def __init__(self, transcriber: Transcriber, hints: Hints, told: Callable[[str], None]) -> None:
        self._transcriber = transcriber
        self._hints = hints
        self.told = told
        self._pieces: asyncio.Queue[Audio | None] = asyncio.Queue()
        self._streams = transcriber.capabilities.partials
        self._task: asyncio.Task[Transcript] | None = None
        self._probe: asyncio.Task[None] | None = None
        self._probed = 0.0
        self.partial = ""

    def feed(self, audio: Audio) -> None:
        """More of it was heard. Nothing is sent where the transcriber wants it whole."""
        if not self._streams:
            return
        if self._task is None:
            self._task = asyncio.create_task(self._stream())
        self._pieces.put_nowait(audio)

    def probe(self, seconds: float, so_far: Callable[[], Audio]) -> None:
        """Find out what it is so far, which is `seconds` long, for a decision that can not wait for its end."""
        if self._streams or self._probe is not None or seconds - self._probed < PROBE_SECONDS:
            return
        self._probed = seconds
        self._probe = asyncio.create_task(self._ask(so_far()))

    def finish(self, whole: Audio) -> None:
        """It has ended: `whole` is all of it."""
        if self._streams and self._task is not None:
            self._pieces.put_nowait(None)
        elif self._task is None:
            self._task = asyncio.create_task(self._transcriber.transcribe(whole, self._hints))

    async def transcript(self) -> Transcript:
        """What was said, once it is known.

        Raises:
            AuraError: the speech service failed.
        """
        assert self._task is not None
        return await asyncio.shield(self._task)

    @property
    def understood(self) -> str:
        """What is understood of it by now."""
        done = self._task is not None and self._task.done() and not self._task.cancelled()
        if done and self._task is not None and self._task.exception() is None:
            return self._task.result().text.strip()
        return self.partial.strip()

    @property
    def is_open(self) -> bool:
        """Whether a call for it is under way."""
        return any(task is not None and not task.done() for task in (self._task, self._probe))

    async def close(self) -> None:
        """Nobody wants to know any more. Ends the call at the vendor."""
        for task in (self._task, self._probe):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _stream(self) -> Transcript:
        last = Transcript(text="")
        async with aclosing(self._transcriber.stream(self._arriving(), self._hints)) as transcripts:
            async for last in transcripts:
                if not last.final:
                    self._understood(last.text)
        return last

    async def _arriving(self) -> AsyncGenerator[Audio]:
        while (piece := await self._pieces.get()) is not None:
            yield piece

    async def _ask(self, so_far: Audio) -> None:
        try:
            self._understood((await self._transcriber.transcribe(so_far, self._hints)).text)
        except AuraError:
            return  # its end will tell
        finally:
            self._probe = None

    def _understood(self, text: str) -> None:
        if text != self.partial:
            self.partial = text
            self.told(text)
