"""The ledger: one row for each call of a model, in whole micro-dollars. A price that is not known is None, never 0."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import bindparam, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.statements import Statement
from aura.database.tables import usage
from aura.identity import Scope

NOBODY: Final = UUID(int=0)
"""Stands for no user and for no key where rows are grouped by them: the organisation's own programs, a login."""


class Kind(StrEnum):
    """What was called."""

    CHAT = "chat"
    EMBEDDING = "embedding"
    TRANSCRIPTION = "transcription"
    SYNTHESIS = "synthesis"
    PROBE = "probe"
    """The platform asked whether a model is back: in no tenant's ledger (`platform_ledger.py`)."""


class Outcome(StrEnum):
    """How a call ended. `STOPPED`: who listened closed the stream; `CANCELLED`: the task that listened was ended;
    `SUPERSEDED`: another attempt of the same call was quicker."""

    OK = "ok"
    REFUSED = "refused"
    STOPPED = "stopped"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One call. Seconds are those that its user waited: from the question, so that retrieval counts.

    Attributes:
        tokens_estimated: the provider did not count, AURA did.
        cost_micro_usd: None where the price is not known.
        own_key: the organisation paid the provider itself.
        response_id: the answer that it was made for.
        call_id, attempt: one call of the router may be tried several times, and each attempt has a row, from 1.
        fault: what it failed of; empty where it did not.
        certainty: `exact`, `estimated`, or `at_least` where more may come of it; None as `tokens_estimated` says.
        price_version: where the price comes from.
    """

    kind: Kind
    provider: str
    model: str
    outcome: Outcome
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    tokens_estimated: bool = False
    characters: int = 0
    audio_seconds: float = 0.0
    cost_micro_usd: int | None = None
    own_key: bool = False
    first_token_seconds: float | None = None
    total_seconds: float = 0.0
    response_id: UUID | None = None
    tokens_reasoning: int = 0
    call_id: UUID | None = None
    attempt: int = 1
    fault: str = ""
    certainty: str | None = None
    price_version: str = ""


class Ledger:
    """Writes what the scope's user, and the API key in whose name it calls, have used."""

    def __init__(self, database: Database, scope: Scope, *, clock: Clock, api_key_id: UUID | None = None) -> None:
        self._database = database
        self._scope = scope
        self._clock = clock
        self._api_key_id = api_key_id

    async def record(self, row: UsageRow) -> UUID:
        """Write one row; its id. Cost: one transaction of one statement."""
        async with self._database.tenant(self._scope) as session:
            return await self.write(session, row)

    async def write(self, session: AsyncConnection, row: UsageRow, *, at: datetime | None = None) -> UUID:
        """As `record`, in a transaction of the scope; `at` is when it was begun, now unless given."""
        id = uuid4()
        values = {
            **msgspec.structs.asdict(row),
            "kind": row.kind.value,
            "outcome": row.outcome.value,
            "tenant_id": self._scope.tenant_id,
            "id": id,
            "created_at": at or self._clock.now(),
            "user_id": self._scope.user_id,
            "api_key_id": self._api_key_id,
        }
        await _insert().run(session, values)
        return id

    async def refused(self, response_id: UUID) -> None:
        """The answer that a model gave for this response was a refusal."""
        answered = update(usage).where(
            visible(usage, self._scope), usage.c.response_id == response_id, usage.c.outcome == Outcome.OK.value
        )
        async with self._database.tenant(self._scope) as session:
            await session.execute(answered.values(outcome=Outcome.REFUSED.value))


@cache
def _insert() -> Statement:
    return Statement(insert(usage).values({column: bindparam(column.name) for column in usage.columns}))
