"""Whether routes that were open, or that nobody uses, are well: the router asks itself, so that no user's call finds out.

A probe is one word at the platform's own cost: it has a row in the platform's ledger and counts in its budget, and in no
tenant's; a platform whose budget is used up does not probe. They are bounded: one at a time, only of routes whose pause is
over or that have rested for long, and a route that fails is left alone for ever longer.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Final
from uuid import uuid4

import msgspec
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole

from aura.cancellation import finished
from aura.errors import AuraError
from aura.router.attempt import Attempt, CountTokens
from aura.router.candidates import Candidate
from aura.router.counts import finish_reason
from aura.router.faults import FaultKind, StreamFault, fault_of
from aura.router.health import HealthBoard, RouteState
from aura.tokens import estimate_tokens
from aura.usage.budgets import Booking
from aura.usage.ledger import Kind, Outcome
from aura.usage.platform_ledger import PlatformLedger

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

    def __init__(
        self,
        candidates: tuple[Candidate, ...],
        board: HealthBoard,
        probing: Probing,
        *,
        ledger: PlatformLedger | None = None,
        count_tokens: CountTokens = estimate_tokens,
    ) -> None:
        self._candidates = tuple(each for each in candidates if not each.local)
        self._board = board
        self._probing = probing
        self._ledger = ledger
        self._count_tokens = count_tokens

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(self._probing.every_seconds * random.uniform(0.8, 1.2))  # not all replicas at once
            await self.probe_due()

    async def probe_due(self) -> int:
        """Ask every route that is due now, one after the other; how many those were."""
        due = [each for each in self._candidates if self._is_due(each)]
        if not due or not await self._may_spend():
            return 0
        for each in due:
            await self._probe(each)
        return len(due)

    async def _may_spend(self) -> bool:
        try:
            return self._ledger is None or await self._ledger.has_room()
        except AuraError as error:  # nothing is spent that can not be written down
            _log.warning("models are not probed: %s", error)
            return False

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
        attempt = Attempt(candidate, Booking(option=0), _ASKED)
        try:
            async with asyncio.timeout(self._probing.answer_seconds):
                _heard(attempt, await _asked(candidate))
        except asyncio.CancelledError:
            attempt.outcome = Outcome.CANCELLED
            board.ended(route, None, heard=False)
            await finished(self._record(attempt))
            raise
        except TimeoutError:
            attempt.fault = fault_of(StreamFault(FaultKind.FIRST_TOKEN))
        except Exception as error:  # a vendor's own, whatever it is
            attempt.fault = fault_of(error)
        fault = attempt.fault
        if fault is not None and fault.kind is FaultKind.REQUEST:
            fault = None  # it does not like how it was asked, and so it is there
        board.ended(route, fault)
        _log.info("probe of %s: %s", candidate.name, "well" if fault is None else fault.kind.value)
        await self._record(attempt)

    async def _record(self, attempt: Attempt) -> None:
        attempt.close(self._count_tokens)
        if self._ledger is None:
            return
        row = msgspec.structs.replace(attempt.row(call_id=uuid4(), number=1, response_id=None), kind=Kind.PROBE)
        try:
            await self._ledger.record(row)
        except AuraError as error:
            _log.error("a probe of %s was not recorded: %s", attempt.candidate.name, error)


def _heard(attempt: Attempt, response: ChatResponse) -> None:
    """The answer has come. A model that has spent its few tokens on reasoning is well, too."""
    try:
        attempt.answered(response)
    except StreamFault:
        if response.raw is None or finish_reason(response.raw) != "length":
            raise
        attempt.outcome = Outcome.OK


async def _asked(candidate: Candidate) -> ChatResponse:
    ask = getattr(candidate.llm, "bare_achat", candidate.llm.achat)
    return await ask(_ASKED, max_tokens=_OUTPUT_TOKENS)
