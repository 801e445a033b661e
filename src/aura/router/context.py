"""Whose call it is and what it is for; and the books that it is charged to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from aura.router.classify import Classifier
from aura.router.trace import Trace
from aura.usage.budgets import Booking
from aura.usage.ledger import UsageRow


class Books(Protocol):
    """Where attempts are paid for: reserved before, settled after, one row each."""

    async def reserve(self, options: Sequence[int]) -> Booking:
        """Reserve the first of `options` (micro-dollars, in the order of preference) that every budget has room for.

        Raises:
            LimitExceeded: there is room for none; it says what is left and when it renews.
        """
        ...

    async def settle(self, booking: Booking, row: UsageRow) -> None:
        """Write the row of the attempt, and charge its cost in the place of what was reserved."""
        ...

    async def release(self, booking: Booking) -> None:
        """Give back what was reserved for an attempt that was never made."""
        ...


class NoBooks:
    """Reserves nothing and keeps nothing: for a router outside of a platform."""

    async def reserve(self, options: Sequence[int]) -> Booking:
        """The first option, always."""
        return Booking(option=0)

    async def settle(self, booking: Booking, row: UsageRow) -> None:
        """Nothing."""

    async def release(self, booking: Booking) -> None:
        """Nothing."""


class Tenancy(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What an organisation brings along: keys of its own by provider, and a classifier that has proved itself.

    `allowed` are the models that it may use, by `provider/model` or by the model's name alone; None: all.
    """

    keys: Mapping[str, str] = {}
    classifier: Classifier | None = None
    allowed: frozenset[str] | None = None


class CallContext(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What the router is told besides the messages.

    Attributes:
        conversation: calls of one conversation stay with one model while its prompt cache is warm.
        question: what is classified, where the messages hold more than the user's words; None: the last user message.
        topic: where it is asked, such as a collection; what was learned can tell topics apart.
        embedding: of the question, where retrieval has computed it.
        allowed: names of the candidates that this call may take, as the tenant's own (`Tenancy.allowed`); None: all.
        classifier: takes the place of the tenant's and of the router's.
        tenancy: asked at the beginning of each call; None: the platform's keys and the router's classifier.
        on_trace: is given the trace of every call when the call has ended.
    """

    books: Books = msgspec.field(default_factory=NoBooks)
    conversation: str | None = None
    response_id: UUID | None = None
    question: str | None = None
    topic: str = ""
    embedding: Sequence[float] = ()
    allowed: frozenset[str] | None = None
    classifier: Classifier | None = None
    tenancy: Callable[[], Awaitable[Tenancy]] | None = None
    on_trace: Callable[[Trace], None] | None = None
