"""What a model call takes, noted while it runs, and its row in the ledger, however the call ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol
from uuid import UUID

from llama_index.core.llms import ChatMessage
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.errors import AuraError
from aura.tokens import estimate_tokens
from aura.usage.ledger import Kind, Ledger, Outcome, UsageRow
from aura.usage.totals import Totals

_log = logging.getLogger(__name__)


class Tokens(Protocol):
    """What a provider says that a call took."""

    @property
    def prompt_tokens(self) -> int: ...
    @property
    def cached_tokens(self) -> int: ...
    @property
    def completion_tokens(self) -> int: ...


class Call:
    """One model call for one response. Until `asked`, nothing was sent and nothing is owed."""

    def __init__(self, response_id: UUID, *, provider: str, model: str, free: bool) -> None:
        self._response_id = response_id
        self._provider = provider
        self._model = model
        self._free = free
        self._started = time.perf_counter()
        self._first_token_seconds: float | None = None
        self._messages: Sequence[ChatMessage] | None = None
        self._said: list[str] = []
        self._counted: Tokens | None = None
        self._outcome: Outcome | None = None
        self.routed = False
        """The router writes a row for each of its attempts."""
        self.recorded = False
        """Its row stands in the ledger."""

    def asked(self, messages: Sequence[ChatMessage]) -> None:
        """The model is called with `messages`."""
        self._messages = messages

    def heard(self, text: str, counted: Tokens | None) -> None:
        """The next piece came, and with the last one perhaps the provider's own count."""
        if self._first_token_seconds is None:
            self._first_token_seconds = time.perf_counter() - self._started
        self._said.append(text)
        self._counted = counted or self._counted

    def ended(self, *, refused: bool) -> None:
        """The response is complete; what happens to its consumer from here on does not change how it ended."""
        self._outcome = Outcome.REFUSED if refused else Outcome.OK

    @property
    def response_id(self) -> UUID:
        """The response that it is made for."""
        return self._response_id

    @property
    def refused(self) -> bool:
        """The response is complete, and a refusal."""
        return self._outcome is Outcome.REFUSED

    def row(self, interrupted: BaseException | None) -> UsageRow:
        """The row for the ledger. Tokens are estimated where the provider did not count them."""
        called = self._messages is not None
        counted = self._counted
        return UsageRow(
            kind=Kind.CHAT,
            provider=self._provider,
            model=self._model,
            outcome=self._outcome or _outcome(interrupted),
            tokens_in=counted.prompt_tokens
            if counted
            else sum(estimate_tokens(message.content or "") for message in self._messages or ()),
            tokens_cached=counted.cached_tokens if counted else 0,
            tokens_out=counted.completion_tokens if counted else estimate_tokens("".join(self._said)),
            tokens_estimated=called and counted is None,
            cost_micro_usd=0 if self._free or not called else None,
            first_token_seconds=self._first_token_seconds,
            total_seconds=time.perf_counter() - self._started,
            response_id=self._response_id,
        )


class Meter:
    """Puts calls into the ledger of one scope."""

    def __init__(self, ledger: Ledger, *, totals: Totals | None = None) -> None:
        """`totals` gets each call, too."""
        self._ledger = ledger
        self._totals = totals or Totals()

    @asynccontextmanager
    async def metered(self, call: Call) -> AsyncGenerator[None]:
        """Write one row for `call` when the body ends: by itself, by an error, closed or cancelled.

        An answer that is there is not taken back because its row could not be written; the loss is logged.
        """
        interrupted: BaseException | None = None
        try:
            yield
        except BaseException as error:
            interrupted = error
            raise
        finally:
            await asyncio.shield(self._record(call, interrupted))

    def row(self, call: Call) -> UsageRow | None:
        """The row of a call that has `ended`, for who writes it with its answer; None where the router has, or it is there.

        `written` says that it is done.
        """
        if call.routed or call.recorded:
            return None
        return call.row(None)

    async def write(self, session: AsyncConnection, row: UsageRow) -> None:
        """Write a row in a transaction of the scope."""
        await self._ledger.write(session, row)

    def written(self, call: Call, row: UsageRow) -> None:
        """The transaction of `write` is committed."""
        call.recorded = True
        self._totals.note(row)

    async def _record(self, call: Call, interrupted: BaseException | None) -> None:
        if call.recorded:
            return
        try:
            if call.routed:
                if call.refused:
                    await self._ledger.refused(call.response_id)
                return
        except AuraError as error:
            _log.error("the refusal of response %s was not recorded: %s", call.response_id, error)
            return
        row = call.row(interrupted)
        self._totals.note(row)
        try:
            await self._ledger.record(row)
        except AuraError as error:
            _log.error("the usage of response %s was not recorded: %s", row.response_id, error)


def _outcome(interrupted: BaseException | None) -> Outcome:
    if isinstance(interrupted, GeneratorExit):
        return Outcome.STOPPED
    if isinstance(interrupted, asyncio.CancelledError):
        return Outcome.CANCELLED
    return Outcome.FAILED
