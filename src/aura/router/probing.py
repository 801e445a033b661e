"""Whether routes that were open, or that nobody uses, are well: the router asks itself, so that no user's call finds out.

A probe is one word at the platform's own cost: it is in no tenant's ledger and in no budget. They are bounded: one at a
time, only of routes whose pause is over or that have rested for long, and a route that fails is left alone for ever longer.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Final

import msgspec
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole

from aura.router.candidates import Candidate
from aura.router.faults import FaultKind, StreamFault, fault_of
from aura.router.health import HealthBoard, RouteState

_log = logging.getLogger(__name__)

_ASKED: Final = (ChatMessage(role=MessageRole.USER, content="Say ok."),)
_OUTPUT_TOKENS: Final = 16
"""The least that every vendor takes."""


class Probing(msgspec.Struct, frozen=True, kw_only=True):
    """When routes are probed.

    Attributes:
        every_seconds: how often it is looked whether one is due.
        unused_seconds: how long a route may rest until it is asked; None: however long.
        answer_seconds: how long a probe may take.
    """

    every_seconds: float = 5.0
    unused_seconds: float | None = None
    answer_seconds: float = 20.0


class Prober:
    """Asks the routes of `candidates` that are due. One for each process; `run` it as a task."""

    def __init__(self, candidates: tuple[Candidate, ...], board: HealthBoard, probing: Probing) -> None:
        self._candidates = tuple(each for each in candidates if not each.local)
        self._board = board
        self._probing = probing

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(self._probing.every_seconds * random.uniform(0.8, 1.2))  # not all replicas at once
            await self.probe_due()

    async def probe_due(self) -> int:
        """Ask every route that is due now, one after the other; how many those were."""
        due = [each for each in self._candidates if self._is_due(each)]
        for each in due:
            await self._probe(each)
        return len(due)

    def _is_due(self, candidate: Candidate) -> bool:
        state = self._board.status(candidate.route).state
        if state is RouteState.HALF_OPEN:
            return True
        rest = self._probing.unused_seconds
        return state is RouteState.CLOSED and rest is not None and self._board.rested(candidate.route) > rest

    async def _probe(self, candidate: Candidate) -> None:
        board, route = self._board, candidate.route
        if not board.admit(route):
            return
        fault = None
        try:
            async with asyncio.timeout(self._probing.answer_seconds):
                await _asked(candidate)
        except asyncio.CancelledError:
            board.ended(route, None, heard=False)
            raise
        except TimeoutError:
            fault = fault_of(StreamFault(FaultKind.FIRST_TOKEN))
        except Exception as error:  # a vendor's own, whatever it is
            fault = fault_of(error)
            if fault.kind is FaultKind.REQUEST:  # it does not like how it was asked, and so it is there
                fault = None
        board.ended(route, fault)
        _log.info("probe of %s: %s", candidate.name, "well" if fault is None else fault.kind.value)


async def _asked(candidate: Candidate) -> ChatResponse:
    ask = getattr(candidate.llm, "bare_achat", candidate.llm.achat)
    return await ask(_ASKED, max_tokens=_OUTPUT_TOKENS)
