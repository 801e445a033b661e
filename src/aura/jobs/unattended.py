"""Memory where no worker runs: a process by itself, a script or a notebook, derives from its talks in the background.

It does so on the portal's event loop, in a thread of its own: answers do not wait for it, and it goes on where the process's
own loop is blocked, as by a person who thinks before the prompt of `aura chat`. What it has not done stays in the outbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aura.errors import AuraError
from aura.jobs.turns import Turns
from aura.memory.deriving import Deriver
from aura.portal import Portal

logger = logging.getLogger(__name__)

CLOSING_SECONDS = 2.0
"""How long the end waits for talks that are derived from."""


class Unattended:
    """Derives in this process as long as no worker is alive anywhere, and no other process does."""

    def __init__(self, turns: Turns, deriver: Deriver, *, every_seconds: float, silent_seconds: float) -> None:
        """`silent_seconds`: after so long without a sign of life a worker counts as gone."""
        self._turns = turns
        self._deriver = deriver
        self._every_seconds = every_seconds
        self._silent_seconds = silent_seconds

    @asynccontextmanager
    async def running(self, portal: Portal) -> AsyncGenerator[None]:
        """Derive while the body runs; what still waits then is derived, too, as far as `CLOSING_SECONDS` suffice."""
        going_on = await asyncio.to_thread(portal.start, self._forever)
        try:
            yield
        finally:
            going_on.cancel()
            await asyncio.to_thread(portal.call, self._finish)

    async def derive(self, *, rested: bool = True) -> int:
        """Derive from what waits, also from what has not rested unless `rested`; how many messages that were.

        Raises:
            AuraError: the database is away.
        """
        done = 0
        async with self._turns.unattended(self._silent_seconds, rested=rested) as talks:
            for talk in talks:
                done += await self._deriver.derive(talk.tenant_id, talk.conversation_id)
        return done

    async def _forever(self) -> None:
        while True:
            try:
                await self.derive()
            except AuraError as error:
                logger.info("talks wait to be derived from: %s", error)
            except Exception:  # the edge of the task: a talk that can not be read must not end memory
                logger.exception("talks were not derived from")
            await asyncio.sleep(self._every_seconds)

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self.derive(rested=False)
        except (AuraError, TimeoutError) as error:
            logger.info("talks are derived from at the next start: %s", error)
        except Exception:  # the edge of the process's work: it ends all the same
            logger.exception("talks were not derived from")
