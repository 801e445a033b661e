"""The user's turn: stretches of speech, each on its way to text, until a silence that ends it."""

from __future__ import annotations

import asyncio

from aura.voice.answers import Prefetch
from aura.voice.ports import Transcript
from aura.voice.reply import Reply
from aura.voice.segment import Segment


class Turn:
    """What the user says before the assistant is to answer.

    Args:
        before: what was said just before, to which an answer was under way that nobody had heard anything of.
    """

    def __init__(self, number: int, *, before: str = "") -> None:
        self.number = number
        self.before = before
        self.segments: list[Segment] = []
        self.speculative: Reply | None = None
        self.speculated = 0
        self.prefetched: Prefetch | None = None
        self.prefetches = 0
        self.prefetch_used = False
        """Whether the answer is made of what was searched for before the turn had ended."""
        self.waiting: asyncio.Task[None] | None = None
        """Waits for the silence to be long enough."""
        self.steady: asyncio.Task[None] | None = None
        """Waits for what is understood to stand still."""
        self.silent_at = 0.0
        """When the user was last heard, on the conversation's timer."""
        self.transcribed_at: float | None = None
        self.is_over = False
        self.answered = False
        self.transcripts: list[Transcript] = []

    async def transcript(self) -> Transcript:
        """All that was said in it, as one.

        Raises:
            AuraError: the speech service failed.
        """
        found = [await segment.transcript() for segment in list(self.segments)]
        spoken = [each for each in found if each.text.strip()]
        text = " ".join(each.text.strip() for each in spoken)
        sure = [each.confidence for each in spoken if each.confidence is not None]
        return Transcript(
            text=text,
            language=next((each.language for each in spoken if each.language), None),
            confidence=min(sure) if sure else None,
            audio_seconds=sum(each.audio_seconds for each in found),
            provider=found[-1].provider if found else "",
            model=found[-1].model if found else "",
        )

    @property
    def understood(self) -> str:
        """All that is understood of it so far."""
        return " ".join(text for segment in self.segments if (text := segment.understood))

    def question(self, text: str) -> str:
        """What is asked when `text` was said in it."""
        return f"{self.before} {text}".strip() if text else ""

    async def close(self) -> None:
        """Nobody wants to know what was said."""
        if self.waiting is not None and self.waiting is not asyncio.current_task():
            self.waiting.cancel()
        if self.steady is not None:
            self.steady.cancel()
        for segment in self.segments:
            await segment.close()
