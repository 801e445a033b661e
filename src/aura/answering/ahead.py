"""What is gathered for a question before it is known that it will be asked so."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Any, Final

import msgspec

from aura.answering.gathering import Gathered
from aura.errors import AuraError

_WORDS: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """What was found for a question, which had been made to stand alone."""

    question: str
    gathered: Gathered


class Ahead:
    """Gathers for `question` from now on; whoever answers the same words uses what it finds.

    Args:
        work: finds it. It changes nothing, so that it can be thrown away.
    """

    def __init__(self, question: str, work: Coroutine[Any, Any, Material]) -> None:
        self.question = question
        self._task = asyncio.create_task(work)

    async def gathered(self, question: str) -> Gathered | None:
        """What was found for `question`; None where that is another one, or nothing could be found."""
        try:
            material = await self._task
        except AuraError:  # who answers tries again, and tells
            return None
        return material.gathered if same_words(material.question, question) else None

    async def close(self) -> None:
        """Nobody wants to know."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def same_words(one: str, other: str) -> bool:
    """Whether two texts say the same words in the same order, however they are punctuated and written."""
    return _WORDS.findall(one.casefold()) == _WORDS.findall(other.casefold())
