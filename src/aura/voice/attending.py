"""A conversation that is kept up while its connection is open: it says that it is, pays for its time, and ends with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aura.clock import SystemTimer, Timer
from aura.errors import AuraError
from aura.voice.conversation import Conversation
from aura.voice.sessions import BEAT, VoiceSession

logger = logging.getLogger(__name__)


@asynccontextmanager
async def attended(
    conversation: Conversation, session: VoiceSession, *, timer: Timer | None = None
) -> AsyncGenerator[Conversation]:
    """`conversation`, entered, as the open `session`, which can be resumed behind it.

    Its client is told where another connection has taken it over, or where the organisation has no minutes left.
    """
    async with conversation:
        beating = asyncio.create_task(_beat(conversation, session, timer or SystemTimer()))
        try:
            yield conversation
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            await conversation.close()  # first: what was heard is kept before it can be resumed
            await asyncio.shield(_ended(session))


async def _beat(conversation: Conversation, session: VoiceSession, timer: Timer) -> None:
    beat = BEAT.total_seconds()
    left: float | None = session.paid_seconds
    while left is not None:
        await timer.sleep(min(beat, left))
        if left <= beat:
            conversation.end("minutes_limit")
            return
        try:
            left = await session.beat()
        except AuraError as error:  # its lease is longer than a beat
            logger.warning("a conversation by voice could not say that it is open: %s", error)
            left = 2 * beat
    conversation.end("taken_over")


async def _ended(session: VoiceSession) -> None:
    try:
        await session.end()
    except AuraError as error:
        logger.warning("a conversation by voice could not say that it has ended: %s", error)
