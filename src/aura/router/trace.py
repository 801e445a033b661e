"""How one call was decided and what became of it, without a word of the prompt or of a key."""

from __future__ import annotations

from uuid import UUID, uuid4

import msgspec

from aura.router.faults import FaultKind
from aura.router.price import Certainty


class Considered(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate as it was seen; `refused` says why it could not be taken, and is empty where it could.

    Attributes:
        answer_seconds: what an answer takes there now; None where nobody knows.
        gain: of this question there, beside a quick model's answer and less what is asked for it.
        doublings: of its price times its seconds, over what is usual in its tier.
        value: what it is ranked by, of both; None where it could not do it.
    """

    name: str
    tier: str
    refused: str = ""
    price_micro_usd: int = 0
    answer_seconds: float | None = None
    gain: float = 0.0
    doublings: float = 0.0
    value: float | None = None


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt: one request that left for a provider."""

    name: str
    outcome: str
    fault: FaultKind | None = None
    described: str = ""
    first_token_seconds: float | None = None
    total_seconds: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_micro_usd: int = 0
    certainty: Certainty = Certainty.EXACT


class Trace(msgspec.Struct, kw_only=True):
    """What is known of one call so far; complete when the call has ended."""

    call_id: UUID = msgspec.field(default_factory=uuid4)
    tier: str = ""
    classifier: str = ""
    reasons: list[str] = msgspec.field(default_factory=list[str])
    considered: list[Considered] = msgspec.field(default_factory=list[Considered])
    attempts: list[Tried] = msgspec.field(default_factory=list[Tried])
    decide_seconds: float = 0.0
    total_seconds: float = 0.0
    answered_by: str = ""
    model: str = ""
    provider: str = ""
    price_known: bool = True

    @property
    def cost_micro_usd(self) -> int:
        """What all attempts together cost."""
        return sum(attempt.cost_micro_usd for attempt in self.attempts)
