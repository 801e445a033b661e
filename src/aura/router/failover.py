"""One call from its first attempt to its last: the only place where anything is tried again.

Until a piece of an answer is released to the consumer, a failure is followed by the next candidate unseen. From then on
nobody's text goes on behind another's: the consumer gets `Interrupted` with what was said, or, where the router is told to
restart, a piece marked `restarted` by which all before it is void.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar, cast

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.llms.function_calling import FunctionCallingLLM

from aura.cancellation import finished
from aura.errors import AuraError, LimitExceeded, Unavailable
from aura.router.attempt import Attempt
from aura.router.candidates import Candidate, Tier, estimated_tokens, needs_of
from aura.router.context import CallContext, Tenancy
from aura.router.core import Core
from aura.router.deadlines import Watch
from aura.router.faults import Fault, FaultKind, Interrupted, error_of, fault_of
from aura.router.hedging import HedgeAllowance, Lane, close_lanes, first_of, race
from aura.router.trace import Trace
from aura.usage.ledger import Outcome

_log = logging.getLogger(__name__)

RESTARTED: Final = "restarted"
"""In the `additional_kwargs` of a piece by which all pieces before it are void."""
_REPEAT_SECONDS: Final = 0.2
T = TypeVar("T")


class Call:
    """One call of a router."""

    def __init__(
        self, core: Core, context: CallContext, messages: Sequence[ChatMessage], options: dict[str, Any]
    ) -> None:
        self.trace = Trace()
        self._core = core
        self._context = context
        self._messages = messages
        self._options = options
        self._started = time.perf_counter()
        self._ends_at = asyncio.get_running_loop().time() + core.deadlines.total_seconds
        self._tried: list[str] = []
        self._failed: _Failed | None = None
        self._attempt: Attempt
        """The one that speaks."""
        self._left: list[Candidate] = []
        self._most: dict[str, int] = {}

    async def _decide(self) -> None:
        tenancy = await self._context.tenancy() if self._context.tenancy is not None else Tenancy()
        question = self._context.question
        if question is None:
            question = next((m.content or "" for m in reversed(self._messages) if m.role is MessageRole.USER), "")
        classifier = self._context.classifier or tenancy.classifier or self._core.classifier
        reading = classifier.read(question, topic=self._context.topic, embedding=self._context.embedding)
        needs = needs_of(self._messages, self._options, estimated_tokens(self._messages))
        choice = self._core.chooser.choose(reading, needs, self._context, self.trace, tenancy)
        self._left, self._most = choice.order, choice.most_micro_usd
        self.trace.decide_seconds = time.perf_counter() - self._started

    # --- the two ways to ask ------------------------------------------------------------------------------------------

    async def whole(self) -> ChatResponse:
        """The answer at once."""
        try:
            await self._decide()
            while True:
                self._attempt = await self._begin()
                try:
                    response = await self._answer(self._attempt)
                except Exception as error:  # a vendor's own, whatever it is
                    await self._after(self._attempt, fault_of(error), error)
                else:
                    self._mark(self._attempt)
                    return response
        finally:
            self._finish()

    async def stream(self) -> AsyncGenerator[ChatResponse]:
        """The answer as it comes."""
        try:
            await self._decide()
            while True:
                self._attempt = await self._begin()
                hedged = self._core.hedges is not None
                pieces = self._hedged(self._attempt) if hedged else self._pieces(self._attempt)
                try:
                    async for piece in pieces:
                        yield piece
                except (GeneratorExit, asyncio.CancelledError):
                    raise
                except Exception as error:  # a vendor's own, whatever it is
                    await self._after(self._attempt, fault_of(error), error)
                    if self._attempt.released:
                        yield _restarted()
                else:
                    return
                finally:
                    await pieces.aclose()
        finally:
            self._finish()

    # --- with a second attempt beside the first -----------------------------------------------------------------------

    async def _answer(self, attempt: Attempt) -> ChatResponse:
        """One attempt's answer, or that of another beside it where the router hedges."""
        if self._core.hedges is None:
            return await self._ask(attempt)
        lanes = [self._asking(attempt)]
        try:
            return await self._quicker(self._core.hedges, lanes, self._asking)
        finally:
            await finished(close_lanes(lanes))

    async def _hedged(self, attempt: Attempt) -> AsyncGenerator[ChatResponse]:
        """The pieces of `attempt`, or of another beside it: of one of them alone."""
        assert self._core.hedges is not None
        lanes = [self._listening(attempt)]
        try:
            first = await self._quicker(self._core.hedges, lanes, self._listening)
            spoke = next(lane for lane in lanes if lane.attempt is self._attempt)
            await finished(close_lanes([lane for lane in lanes if lane is not spoke]))
            assert spoke.pieces is not None
            yield first
            async for piece in spoke.pieces:
                yield piece
        finally:
            await finished(close_lanes(lanes))

    async def _quicker(self, hedges: HedgeAllowance, lanes: list[Lane[T]], begin: Callable[[Attempt], Lane[T]]) -> T:
        hedges.called()
        lane = await race(lanes, partial(self._beside, hedges, begin), after=hedges.after_seconds)
        self._attempt = lane.attempt
        result = lane.task.result()
        self._mark(lane.attempt)
        return result

    async def _beside(self, hedges: HedgeAllowance, begin: Callable[[Attempt], Lane[T]]) -> Lane[T] | None:
        """A second lane, where another model is well, the budgets have room for it, and the cap is not reached."""
        board, books = self._core.board, self._context.books
        well = [each for each in self._left if not each.local and board.takes_calls(each.route)]
        if not well or not hedges.take():
            return None
        try:
            booking = await books.reserve([self._may_cost(each) for each in well])
        except LimitExceeded:
            return None
        candidate = well[booking.option]
        if not board.admit(candidate.route):
            await finished(books.release(booking))
            return None
        self._left.remove(candidate)
        self._tried.append(candidate.route)
        self.trace.reasons.append(f"hedged with {candidate.name} after {hedges.after_seconds:g} s")
        return begin(Attempt(candidate, booking, self._messages))

    def _asking(self, attempt: Attempt) -> Lane[ChatResponse]:
        return Lane(attempt, self._ask(attempt))

    def _listening(self, attempt: Attempt) -> Lane[ChatResponse]:
        pieces = self._pieces(attempt)
        return Lane(attempt, first_of(pieces), pieces)

    # --- one attempt --------------------------------------------------------------------------------------------------

    async def _ask(self, attempt: Attempt) -> ChatResponse:
        core, watch = self._core, Watch(ends_at=self._ends_at)
        try:
            watch.begin(core.deadlines.answer_seconds, FaultKind.FIRST_TOKEN)
            llm = attempt.candidate.llm
            ask = getattr(llm, "bare_achat", llm.achat)
            response = await ask(self._messages, **self._options_for(attempt))
            watch.end()
            attempt.answered(response)
        except BaseException as error:
            cause = watch.fault() or error
            _note(attempt, cause)
            if cause is not error:
                raise cause from None
            raise
        else:
            return response
        finally:
            watch.close()
            await finished(self._settle(attempt))

    async def _pieces(self, attempt: Attempt) -> AsyncGenerator[ChatResponse]:
        """One attempt's pieces, the first ones held until one says something."""
        deadlines, watch = self._core.deadlines, Watch(ends_at=self._ends_at)
        stream: AsyncIterator[ChatResponse] | None = None
        held: list[ChatResponse] = []
        first, stall = deadlines.first_token_seconds, deadlines.stall_seconds
        try:
            watch.begin(first, FaultKind.FIRST_TOKEN)
            opening = await attempt.candidate.llm.astream_chat(self._messages, **self._options_for(attempt))
            stream = aiter(opening)
            attempt.opened = attempt.candidate.opens_at_once
            while True:
                try:
                    piece = await anext(stream)
                except StopAsyncIteration:
                    break
                watch.end()
                attempt.opened = True
                says = attempt.heard(piece)
                if attempt.released:
                    yield piece
                elif says:
                    attempt.released = True
                    self._mark(attempt)
                    for early in held:
                        yield early
                    held.clear()
                    yield piece
                else:
                    held.append(piece)
                watch.begin(stall, FaultKind.STALL)
            watch.end()
            attempt.ended()
        except BaseException as error:
            cause = watch.fault() or error
            _note(attempt, cause)
            if cause is not error:
                raise cause from None
            raise
        finally:
            watch.close()
            await finished(self._closed(attempt, stream))

    # --- attempts -----------------------------------------------------------------------------------------------------

    async def _begin(self) -> Attempt:
        """The next attempt, admitted by its route and paid for by the books."""
        while True:
            if not self._left:
                raise self._nothing_left()
            fitting = [each for each in self._left if each.tier is not Tier.LAST_RESORT] or self._left
            try:
                booking = await self._context.books.reserve([self._may_cost(each) for each in fitting])
            except LimitExceeded:
                if not self._tried or fitting is self._left or len(fitting) == len(self._left):
                    raise
                self._left = [each for each in self._left if each.tier is Tier.LAST_RESORT]
                continue
            candidate = fitting[booking.option]
            if booking.option:
                self.trace.reasons.append(
                    f"the budget has no room for {fitting[0].name}: {candidate.name} in its place"
                )
            attempt = Attempt(candidate, booking, self._messages)
            self._left.remove(candidate)
            if candidate.local or self._core.board.admit(candidate.route):
                break
            if not self._left and not self._tried:  # all are open, and this one recovers first
                self._core.board.force(candidate.route)
                break
            await finished(self._unused(attempt))
        self._tried.append(candidate.route)
        return attempt

    def _may_cost(self, candidate: Candidate) -> int:
        """What is reserved of the budgets: nothing where the organisation pays the provider itself."""
        return 0 if candidate.key_owner == "tenant" else self._most[candidate.route]

    async def _after(self, attempt: Attempt, fault: Fault, error: Exception) -> None:
        """What follows a failed attempt: nothing, so that the next is begun, or the caller's error."""
        candidate = attempt.candidate
        self._failed = _Failed(candidate, fault)
        if (
            attempt.released
            and fault.kind is not FaultKind.CONTENT_FILTER
            and (fault.final or self._core.policy == "error")
        ):
            raise Interrupted(
                f"{candidate.name} broke off in the middle of its answer ({fault.kind.value}): ask again",
                partial_text=attempt.text,
            ) from error
        if fault.final:
            raise self._failed.error(error) from error
        if fault.kind is FaultKind.CONTEXT_LENGTH:
            larger = candidate.context_window
            self._left = [each for each in self._left if each.context_window > larger and not each.local]
        siblings = [each for each in self._left if each.tier is not Tier.LAST_RESORT]
        once = self._tried.count(candidate.route) == 1
        if not siblings and fault.repeatable and once and self._core.board.takes_calls(candidate.route):
            self._left.insert(0, candidate)
            await asyncio.sleep(_REPEAT_SECONDS)
        if not self._left:
            raise self._failed.error(error) from error

    async def _settle(self, attempt: Attempt) -> None:
        core, candidate = self._core, attempt.candidate
        attempt.close(core.count_tokens)
        if not candidate.local:
            fault = attempt.fault
            core.board.ended(candidate.route, fault, heard=attempt.outcome is Outcome.OK or attempt.released)
        if attempt.outcome is Outcome.OK:
            core.chooser.answered(self._context, candidate)
            if attempt.first_token_seconds is not None:
                core.latencies.note(
                    candidate.route,
                    first_token_seconds=attempt.first_token_seconds,
                    total_seconds=attempt.total_seconds,
                    tokens=attempt.tokens.output,
                )
        tried = attempt.tried()
        self.trace.attempts.append(tried)
        core.telemetry.ended(self.trace, tried)
        self.trace.price_known = self.trace.price_known and candidate.price.known
        row = attempt.row(
            call_id=self.trace.call_id, number=len(self.trace.attempts), response_id=self._context.response_id
        )
        try:
            await self._context.books.settle(attempt.booking, row)
        except AuraError as error:  # an answer that is there is not taken back for it
            _log.error("the usage of call %s was not recorded: %s", self.trace.call_id, error)

    async def _closed(self, attempt: Attempt, stream: AsyncIterator[ChatResponse] | None) -> None:
        if isinstance(stream, AsyncGenerator):
            await cast(AsyncGenerator[ChatResponse], stream).aclose()
        await self._settle(attempt)

    async def _unused(self, attempt: Attempt) -> None:
        """Give back what was reserved for an attempt that its route did not take."""
        attempt.outcome = Outcome.CANCELLED
        await self._context.books.release(attempt.booking)

    def _options_for(self, attempt: Attempt) -> dict[str, Any]:
        """The vendor's options; tools are put by each model's own adapter into its vendor's form."""
        tools = self._options.get("aura_tools")
        if tools is None:
            return self._options
        options = {name: value for name, value in self._options.items() if name not in ("aura_tools", "aura_how")}
        llm = attempt.candidate.llm
        if not isinstance(llm, FunctionCallingLLM):
            return options
        prepare = llm._prepare_chat_with_tools_compat  # pyright: ignore[reportPrivateUsage]
        prepared = prepare(tools, chat_history=list(self._messages), **self._options["aura_how"])
        return {**options, **{name: value for name, value in prepared.items() if name != "messages"}}

    # --- the end ------------------------------------------------------------------------------------------------------

    def _mark(self, attempt: Attempt) -> None:
        """Note who answers."""
        self.trace.answered_by = attempt.candidate.name
        self.trace.model, self.trace.provider = attempt.candidate.model, attempt.candidate.provider

    def _finish(self) -> None:
        self.trace.total_seconds = time.perf_counter() - self._started
        if self._context.on_trace is not None:
            self._context.on_trace(self.trace)

    def _nothing_left(self) -> AuraError:
        if self._failed is not None:
            return error_of(self._failed.fault, what=self._failed.candidate.name)
        refused = "; ".join(f"{each.name}: {each.refused}" for each in self.trace.considered if each.refused)
        return Unavailable(f"no model can take this call ({refused or 'there is none'})", retry_after_seconds=5.0)


class _Failed(NamedTuple):
    """The last attempt that failed, and why."""

    candidate: Candidate
    fault: Fault

    def error(self, error: Exception) -> AuraError:
        """`error`, in our own terms."""
        return error if isinstance(error, AuraError) else error_of(self.fault, what=self.candidate.name)


def _note(attempt: Attempt, error: BaseException) -> None:
    if attempt.superseded and isinstance(error, GeneratorExit | asyncio.CancelledError):
        attempt.outcome = Outcome.SUPERSEDED
    elif isinstance(error, GeneratorExit):
        attempt.outcome = Outcome.STOPPED
    elif isinstance(error, asyncio.CancelledError):
        attempt.outcome = Outcome.CANCELLED
    elif isinstance(error, Exception):
        attempt.outcome, attempt.fault = Outcome.FAILED, fault_of(error)


def _restarted() -> ChatResponse:
    message = ChatMessage(role=MessageRole.ASSISTANT, content="")
    return ChatResponse(message=message, delta="", additional_kwargs={RESTARTED: True})
