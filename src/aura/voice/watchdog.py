"""Finds what should be heard and is not: a reply that owes speech and is silent, a microphone that has fallen silent in a
word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aura.clock import Timer
from aura.voice.ear import Ear
from aura.voice.reply import Reply
from aura.voice.waiting import first_of

STUCK_SECONDS: Final = 20.0
"""A reply with a text to speak, of which nothing was heard for so long, is given up."""
LOST_SECONDS: Final = 2.0
"""Who speaks, and of whom no audio comes for so long, has paused: muted, or on a line that is dead."""


async def watch_reply(reply: Reply, timer: Timer, *, give_up: Callable[[], None]) -> None:
    """Call `give_up` when `reply` is stuck. Where it is only held back it goes on: whoever held it has forgotten it."""
    assert reply.task is not None
    while not reply.task.done():
        silent = reply.silent_seconds(timer.seconds())
        if silent >= STUCK_SECONDS:
            if reply.is_released:
                give_up()
                return
            reply.release()
        if await first_of(timer, max(1.0, STUCK_SECONDS - silent), reply.task):
            return


async def watch_microphone(ear: Ear, timer: Timer, *, last: Callable[[], float], lost: Callable[[], None]) -> None:
    """Call `lost` when no audio comes any more while somebody speaks. `last` is when there was some."""
    while ear.speaking:
        silent = timer.seconds() - last()
        if silent >= LOST_SECONDS:
            lost()
            return
        await timer.sleep(LOST_SECONDS - silent)
