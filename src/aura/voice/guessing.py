"""What is begun before it is sure that the user has ended: a search on what was probably said, and an answer to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from aura.answering.ahead import same_words
from aura.voice.answers import Answers, SpokenAnswer
from aura.voice.listening import Turn
from aura.voice.reply import Reply
from aura.voice.surroundings import Surroundings
from aura.voice.turns import asks_to_go_on

MOST_PREFETCHES: Final = 3
"""Searches of one turn that may be begun on what was understood so far."""


class Guessing:
    """Begins early, and throws away what turns out to be for other words. Nothing of it is heard, or kept, before.

    Args:
        begin: makes a reply of an answer, and has it run.
        drop: lets nothing of a reply leave any more.
    """

    def __init__(
        self,
        here: Surroundings,
        answers: Answers,
        *,
        begin: Callable[[Turn, str, SpokenAnswer, bool], Reply],
        drop: Callable[[Reply], None],
    ) -> None:
        self._here = here
        self._answers = answers
        self._begin = begin
        self._drop = drop

    async def prefetch(self, turn: Turn, question: str) -> None:
        """Begin to search for what is probably asked. It is used if the final says the same words, and dropped else."""
        if not self._here.options.prefetches or turn.prefetches >= MOST_PREFETCHES or asks_to_go_on(question):
            return
        if turn.prefetched is not None and same_words(turn.prefetched.question, question):
            return
        before, turn.prefetched = turn.prefetched, self._answers.prefetch(question)
        turn.prefetches += turn.prefetched is not None
        if before is not None:
            await before.close()

    async def speculate(self, turn: Turn, question: str) -> None:
        """Begin to answer what was probably all."""
        if self._here.options.speculation == "off" or turn.speculated >= self._here.options.most_speculations:
            return
        if turn.speculative is not None and turn.speculative.question == question:
            return
        if asks_to_go_on(question):
            return
        await self.discard(turn)
        answer = await self._answered(turn, question, speculative=True)
        if answer is None:
            return
        turn.speculated += 1
        turn.speculative = self._begin(turn, question, answer, self._here.options.speculation == "synthesis")

    async def reply(self, turn: Turn, question: str) -> Reply:
        """The reply to what was asked: the one that was guessed right, or another one.

        Raises:
            AuraError: it can not be asked, or not any more.
        """
        reply, turn.speculative = turn.speculative, None
        if reply is not None and reply.question != question:
            turn.speculative = reply
            await self.discard(turn)
            reply = None
        if reply is not None:
            await reply.answer.stands()
            return reply
        answer = await self._answered(turn, question)
        assert answer is not None  # only speculation may be declined
        await answer.stands()
        return self._begin(turn, question, answer, False)

    async def discard(self, turn: Turn) -> None:
        """Throw the speculative answer away."""
        reply, turn.speculative = turn.speculative, None
        if reply is not None:
            turn.prefetch_used = False
            self._drop(reply)
            await stopped(reply)

    async def forget(self, turn: Turn) -> None:
        """Throw away all that was begun for a turn."""
        prefetched, turn.prefetched = turn.prefetched, None
        if prefetched is not None:
            await prefetched.close()
        await self.discard(turn)

    async def _answered(self, turn: Turn, question: str, *, speculative: bool = False) -> SpokenAnswer | None:
        """An answer, of what was searched for already if that was for the same words."""
        prefetched = turn.prefetched
        turn.prefetch_used = prefetched is not None and same_words(prefetched.question, question)
        if not turn.prefetch_used:
            return await self._answers.answer(question, speculative=speculative)
        turn.prefetched = None
        return await self._answers.answer(question, speculative=speculative, prefetched=prefetched)


async def stopped(reply: Reply) -> None:
    """End a reply that is under way."""
    if reply.task is not None:
        reply.task.cancel()
        await asyncio.gather(reply.task, return_exceptions=True)
