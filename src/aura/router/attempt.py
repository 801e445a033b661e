"""One attempt: one request to one provider, what came of it, and its row in the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from uuid import UUID

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock

from aura.router.candidates import Candidate
from aura.router.counts import finish_reason, tokens_of, usage_in
from aura.router.faults import Fault, FaultKind, StreamFault
from aura.router.price import Certainty, Tokens
from aura.router.trace import Tried
from aura.usage.budgets import Booking
from aura.usage.ledger import Kind, Outcome, UsageRow

CountTokens = Callable[[str], int]


class Attempt:
    """What one attempt has come to so far."""

    def __init__(self, candidate: Candidate, booking: Booking, messages: Sequence[ChatMessage]) -> None:
        self.candidate = candidate
        self.booking = booking
        self.opened = False
        """The provider has begun to answer, and so to charge."""
        self.released = False
        """The consumer has got a piece of it."""
        self.superseded = False
        """Another attempt of the same call was quicker."""
        self.outcome = Outcome.FAILED
        self.fault: Fault | None = None
        self.first_token_seconds: float | None = None
        self.total_seconds = 0.0
        self.tokens = Tokens()
        self.certainty = Certainty.EXACT
        self._messages = messages
        self._started = time.perf_counter()
        self._pieces: list[str] = []
        self._usage: object = None
        self._finish_reason: str | None = None
        self._last: ChatResponse | None = None
        self._has_content = False

    @property
    def text(self) -> str:
        """What was said so far."""
        return "".join(self._pieces)

    def heard(self, response: ChatResponse) -> bool:
        """The next piece of a stream has come; whether it says something."""
        delta, raw = response.delta, response.raw
        if raw is not None:
            if (usage := usage_in(raw)) is not None:
                self._usage = usage
            if (reason := finish_reason(raw)) is not None:
                self._finish_reason = reason
        self._last = response
        if delta:
            self._pieces.append(delta)
        elif not _calls_tools(response):
            return False
        if not self._has_content:
            self._has_content = True
            self.first_token_seconds = time.perf_counter() - self._started
        return True

    def ended(self) -> None:
        """The stream has ended by itself. Raises `StreamFault` where it should not have ended so."""
        if self._finish_reason == "content_filter":
            raise StreamFault(FaultKind.CONTENT_FILTER)
        if self._finish_reason is None and self.candidate.says_how_it_ends:
            raise StreamFault(FaultKind.CUT if self._has_content else FaultKind.EMPTY)
        if not self._has_content:
            raise StreamFault(FaultKind.EMPTY)
        self.outcome = Outcome.OK

    def answered(self, response: ChatResponse) -> None:
        """The whole answer has come at once. Raises `StreamFault` where it is none."""
        self.opened = True
        self._last = response
        self._usage = usage_in(response.raw) if response.raw is not None else None
        self._pieces = [response.message.content or ""]
        self._has_content = bool(self._pieces[0] or _calls_tools(response))
        self._finish_reason = finish_reason(response.raw) if response.raw is not None else None
        self.first_token_seconds = time.perf_counter() - self._started
        if self._finish_reason == "content_filter":
            raise StreamFault(FaultKind.CONTENT_FILTER)
        if not self._has_content:
            raise StreamFault(FaultKind.EMPTY)
        self.outcome = Outcome.OK

    def close(self, count_tokens: CountTokens) -> None:
        """The attempt is over: count what it took. Cost: it counts tokens itself where the provider did not."""
        self.total_seconds = time.perf_counter() - self._started
        found = tokens_of(self._usage) if self._usage is not None else None
        if found is None and self._last is not None:
            found = _of_counts(self._last)
        whole = self.outcome is Outcome.OK
        if found is not None:
            self.tokens = found
            self.certainty = Certainty.EXACT if whole else Certainty.AT_LEAST
        elif self.opened or self._has_content:
            into = sum(count_tokens(message.content or "") for message in self._messages)
            self.tokens = Tokens(input=into, output=count_tokens(self.text) if self._pieces else 0)
            self.certainty = Certainty.ESTIMATED if whole else Certainty.AT_LEAST
        elif self.fault is None or self.fault.kind in (FaultKind.FIRST_TOKEN, FaultKind.TOTAL, FaultKind.STALL):
            self.certainty = Certainty.AT_LEAST  # nothing came, and nobody knows what is charged for it
        if self.candidate.local:
            self.certainty = Certainty.EXACT

    @property
    def cost_micro_usd(self) -> int:
        """What it costs, once it is closed."""
        return self.candidate.price.micro_usd(self.tokens)

    def row(self, *, call_id: UUID, number: int, response_id: UUID | None) -> UsageRow:
        """Its row in the ledger."""
        candidate = self.candidate
        return UsageRow(
            kind=Kind.CHAT,
            provider=candidate.provider,
            model=candidate.model,
            outcome=self.outcome,
            tokens_in=self.tokens.input,
            tokens_cached=self.tokens.cached,
            tokens_out=self.tokens.output,
            tokens_reasoning=self.tokens.reasoning,
            tokens_estimated=self.certainty is not Certainty.EXACT,
            cost_micro_usd=self.cost_micro_usd,
            certainty=self.certainty.value,
            price_version=candidate.price.version,
            own_key=candidate.key_owner == "tenant",
            first_token_seconds=self.first_token_seconds,
            total_seconds=self.total_seconds,
            response_id=response_id,
            call_id=call_id,
            attempt=number,
            fault="" if self.fault is None else self.fault.kind.value,
        )

    def tried(self) -> Tried:
        """Its line in the trace."""
        return Tried(
            name=self.candidate.name,
            outcome=self.outcome.value,
            fault=None if self.fault is None else self.fault.kind,
            described="" if self.fault is None else self.fault.described,
            first_token_seconds=self.first_token_seconds,
            total_seconds=self.total_seconds,
            tokens_in=self.tokens.input,
            tokens_out=self.tokens.output,
            cost_micro_usd=self.cost_micro_usd,
            certainty=self.certainty,
        )


def _calls_tools(response: ChatResponse) -> bool:
    message = response.message
    return bool(message.additional_kwargs.get("tool_calls")) or any(
        isinstance(block, ToolCallBlock) for block in message.blocks
    )


def _of_counts(response: ChatResponse) -> Tokens | None:
    """The counts that LlamaIndex's adapters put beside a response."""
    counts = response.additional_kwargs
    return tokens_of(counts) if counts.get("prompt_tokens") or counts.get("completion_tokens") else None
