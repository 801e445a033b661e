"""One attempt: one call of one speech service, its place in the circuit breaker, and its row in the ledger."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

from aura.errors import AuraError
from aura.router.context import Books
from aura.router.faults import Fault, FaultKind, StreamFault, fault_of
from aura.router.health import HealthBoard
from aura.router.price import Certainty
from aura.usage.budgets import Booking
from aura.usage.ledger import Kind, Outcome, UsageRow
from aura.voice.errors import SpeechFault
from aura.voice.ports import Synthesizer, Transcriber
from aura.voice.prices import FREE, SpeechPrice, price_of

P = TypeVar("P", Transcriber, Synthesizer)


class Route(msgspec.Struct, Generic[P], frozen=True, kw_only=True, eq=False):
    """One part, with the facts that it is chosen by. Make it with `route_to`.

    Attributes:
        key_id: a digest of its key; empty without one.
        own_key: the organisation pays its provider itself.
    """

    part: P
    price: SpeechPrice
    key_id: str = ""
    own_key: bool = False

    @property
    def name(self) -> str:
        """Provider and model, for people."""
        return f"{self.part.provider}/{self.part.model}"

    @property
    def route(self) -> str:
        """What health is kept of."""
        return f"{self.name}#{self.key_id}"

    @property
    def local(self) -> bool:
        """Whether nothing leaves this machine."""
        return self.part.capabilities.local


def route_to(part: P, *, key_id: str = "", own_key: bool = False, price: SpeechPrice | None = None) -> Route[P]:
    """The route to `part`; its price is the list's."""
    if price is None:
        price = FREE if part.capabilities.local else price_of(part.provider, part.model)
    return Route(part=part, price=price, key_id=key_id, own_key=own_key)


class Ledgered(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What the attempts of one caller share: the breaker, the books, and the response that is spoken, if any."""

    board: HealthBoard
    books: Books
    response_id: UUID | None = None


class Attempt:
    """An attempt, as a context: what its body raises becomes `fault`, and is swallowed where another one may be tried.

    An attempt is in the ledger once, however it ends; one that a budget has no room for was never made.

    Args:
        seconds, characters: what it is expected to take, to reserve for.
    """

    def __init__(
        self, route: Route[P], of: Ledgered, kind: Kind, *, call_id: UUID, number: int, seconds: float, characters: int
    ) -> None:
        self.fault: Fault | None = None
        """What it failed of."""
        self.seconds = 0.0
        """Of audio, heard or spoken so far."""
        self.characters = 0
        """Of text that the service was given so far."""
        self._route, self._of, self._kind = route, of, kind
        self._call_id, self._number = call_id, number
        self._expected = (seconds, characters)
        self._booking = Booking(option=0)
        self._first_seconds: float | None = None
        self._started = 0.0
        self._ended = False

    @property
    def began(self) -> bool:
        """Whether something has come of it."""
        return self._first_seconds is not None

    def heard(self) -> None:
        """A piece has come."""
        if self._first_seconds is None:
            self._first_seconds = time.perf_counter() - self._started

    def ended(self) -> None:
        """It is complete; what happens to its consumer from here on does not change how it ended."""
        self._ended = True

    async def __aenter__(self) -> Attempt:
        route, board = self._route, self._of.board
        if not route.local:
            board.add(route.route, provider=route.part.provider, model=route.part.model)
            seconds, characters = self._expected
            expected = 0 if route.own_key else route.price.micro_usd(seconds=seconds, characters=characters)
            self._booking = await self._of.books.reserve([expected])
            if not board.admit(route.route):
                board.force(route.route)
        self._started = time.perf_counter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        outcome, swallowed = self._judged(error)
        if not self._route.local:
            heard = outcome is Outcome.OK or self.began
            self._of.board.ended(self._route.route, self.fault, heard=heard)
        await asyncio.shield(self._of.books.settle(self._booking, self._row(outcome)))
        return swallowed

    def _judged(self, error: BaseException | None) -> tuple[Outcome, bool]:
        if error is None or self._ended:
            return Outcome.OK, False
        if isinstance(error, GeneratorExit):
            return Outcome.STOPPED, False
        if not isinstance(error, Exception):
            return Outcome.CANCELLED, False
        if isinstance(error, AuraError) and not isinstance(error, SpeechFault):
            return Outcome.FAILED, False  # the request's own fault, or a part's that is no service
        self.fault = _fault(error)
        return Outcome.FAILED, True

    def _row(self, outcome: Outcome) -> UsageRow:
        route = self._route
        charged = self.began or outcome is Outcome.OK
        cost = route.price.micro_usd(seconds=self.seconds, characters=self.characters) if charged else 0
        certain = Certainty.EXACT if outcome is Outcome.OK or route.local else Certainty.AT_LEAST
        return UsageRow(
            kind=self._kind,
            provider=route.part.provider,
            model=route.part.model,
            outcome=outcome,
            characters=self.characters,
            audio_seconds=round(self.seconds, 3),
            cost_micro_usd=cost,
            certainty=(certain if route.price.known else Certainty.ESTIMATED).value,
            price_version=route.price.version,
            own_key=route.own_key,
            first_token_seconds=self._first_seconds,
            total_seconds=time.perf_counter() - self._started,
            response_id=self._of.response_id,
            call_id=self._call_id,
            attempt=self._number,
            fault="" if self.fault is None else self.fault.kind.value,
        )


def _fault(error: Exception) -> Fault:
    if isinstance(error, SpeechFault):
        return error.fault
    return fault_of(StreamFault(FaultKind.FIRST_TOKEN) if isinstance(error, TimeoutError) else error)
