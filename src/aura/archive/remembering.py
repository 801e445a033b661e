"""What was remembered, out of an archive: facts, what must not come back, and what recall is to be made of again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
from sqlalchemy import Table, Uuid, all_, false, insert, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.answering.ask import OWN
from aura.archive.format import (
    EVIDENCE,
    FACTS,
    FEEDBACK,
    FORGOTTEN,
    MEMORY_SETTINGS,
    WAITING,
    EvidenceRecord,
    FactRecord,
    FeedbackRecord,
    ForgottenRecord,
    MemorySettingsRecord,
    WaitingRecord,
)
from aura.archive.reading import ArchiveReader, damaged
from aura.database.tables import (
    fact_evidence,
    fact_tombstones,
    facts,
    feedback,
    memory_outbox,
    memory_settings,
    messages,
)
from aura.errors import InvalidRequest
from aura.identity import Scope, TenantId, UserId
from aura.memory.fact_rows import Seal
from aura.memory.settings import zone
from aura.memory.turns import question_id

Execute = Callable[[AsyncConnection, Table, Sequence[Mapping[str, object]]], Awaitable[None]]
"""Inserts rows, and refuses the archive where they can not be."""

_ELSEWHERE = b""
"""Stands for the digest of a forgotten fact, which was keyed for another tenant. The places that said it stay struck."""


class Remembering:
    """The memory of one tenant under way. Its messages are there already."""

    def __init__(self, session: AsyncConnection, archive: ArchiveReader, tenant_id: TenantId, execute: Execute) -> None:
        self._session = session
        self._archive = archive
        self._tenant_id = tenant_id
        self._execute = execute

    async def run(self, key: bytes) -> None:
        """Bring it in. `key` seals the facts anew: the digests of one tenant mean nothing in another."""
        async for rated in self._archive.rows(FEEDBACK, FeedbackRecord):
            await self._insert(feedback, rated)
        async for learned in self._archive.rows(FACTS, FactRecord):
            await self._execute(self._session, facts, [self._fact(key, row) for row in learned])
        async for proofs in self._archive.rows(EVIDENCE, EvidenceRecord):
            await self._insert(fact_evidence, proofs)
        async for forgotten in self._archive.rows(FORGOTTEN, ForgottenRecord):
            await self._insert(fact_tombstones, forgotten, digest=_ELSEWHERE)
        async for chosen in self._archive.rows(MEMORY_SETTINGS, MemorySettingsRecord):
            for row in chosen:
                _check_zone(row.time_zone)
            await self._insert(memory_settings, chosen)
        await self._wait()

    async def _wait(self) -> None:
        """Have recall made of every message again, and facts only of those that waited for it."""
        mine = messages.c.tenant_id == self._tenant_id
        own = (await self._session.scalars(select(messages.c.id).where(mine, messages.c.model == OWN))).all()
        unsaid = [*own, *map(question_id, own)]  # what is said about forgetting is not remembered
        said = select(
            messages.c.tenant_id, messages.c.id, messages.c.conversation_id, messages.c.user_id, false()
        ).where(mine, messages.c.id != all_(literal(unsaid, ARRAY(Uuid))))
        columns = ["tenant_id", "message_id", "conversation_id", "user_id", "learn"]
        await self._session.execute(insert(memory_outbox).from_select(columns, said))
        async for rows in self._archive.rows(WAITING, WaitingRecord):
            these = memory_outbox.c.message_id.in_([row.message_id for row in rows])
            to_learn = update(memory_outbox).where(memory_outbox.c.tenant_id == self._tenant_id, these)
            await self._session.execute(to_learn.values(learn=True))

    def _fact(self, key: bytes, row: FactRecord) -> dict[str, object]:
        owner = Scope(tenant_id=self._tenant_id, user_id=None if row.user_id is None else UserId(row.user_id))
        digest = Seal(key, owner).digest(row.slot, row.value, row.polarity)
        return {**msgspec.structs.asdict(row), "tenant_id": self._tenant_id, "digest": digest}

    async def _insert(self, table: Table, rows: Sequence[msgspec.Struct], **more: object) -> None:
        common = {"tenant_id": self._tenant_id, **more}
        await self._execute(self._session, table, [{**msgspec.structs.asdict(row), **common} for row in rows])


def _check_zone(name: str) -> None:
    try:
        zone(name)
    except InvalidRequest as error:
        raise damaged("a member has a time zone that is none") from error
