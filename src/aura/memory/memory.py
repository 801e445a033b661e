"""`Memory`: what AURA knows of one user from their own words, to be seen, put right, taken along and erased."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from aura.database.engine import Database
from aura.documents.values import Receipt
from aura.errors import InvalidRequest, NotFound
from aura.identity import Scope, TenantId, UserId, Verb
from aura.memory import erasing, exporting, outbox, settings, summaries
from aura.memory.exporting import Format
from aura.memory.facts import Facts
from aura.memory.values import MemorySettings, Summary

Forget = Callable[[TenantId, UserId | None], None]
"""Lets go of what this process generates for a user."""


class Memory:
    """One user's memory; without a user, that of the organisation's own programs."""

    def __init__(
        self,
        database: Database,
        scope: Scope,
        *,
        key: bytes,
        own: bool = True,
        readable: bool = True,
        forget: Forget | None = None,
    ) -> None:
        """
        Args:
            key: of the digests that deleted facts are known by.
            own: the user acts; nobody else may change or erase what is known of them.
            readable: False for an admin whom the organisation does not let read what members say.
            forget: what else an erasure must reach.
        """
        self._database = database
        self._scope = scope
        self._key = key
        self._own = own
        self._readable = readable
        self._forget = forget

    @property
    def facts(self) -> Facts:
        """What the user said of themselves. Raises `NotFound` where it may not be read."""
        self._refuse_unreadable()
        return Facts(self._database, self._scope, key=self._key, own=self._own)

    async def summaries(self, *, limit: int = 10) -> Sequence[Summary]:
        """What the latest conversations were about, the latest first. Cost: one round trip."""
        self._refuse_unreadable()
        self._scope.require(Verb.READ)
        async with self._database.tenant(self._scope) as session:
            return await summaries.latest(session, self._scope, limit=limit)

    async def summary(self) -> str:
        """What the last three conversations were about, as one text; empty before there was enough to sum up."""
        return "\n\n".join(str(each) for each in await self.summaries(limit=3))

    async def settings(self) -> MemorySettings:
        """What the user lets memory do."""
        self._refuse_unreadable()
        self._scope.require(Verb.READ)
        async with self._database.tenant(self._scope) as session:
            return await settings.read(session, self._scope)

    async def configure(self, changes: MemorySettings) -> MemorySettings:
        """Change what the user lets memory do; it holds for what is said from now on.

        Raises:
            InvalidRequest: there is no such time zone, or no user acts.
        """
        self._require_own()
        async with self._database.tenant(self._scope) as session:
            await settings.write(session, self._scope, changes)
        return changes

    async def learn_again(self) -> int:
        """Have all stored turns derived from anew, as after a change of the embedding model; how many messages wait.

        What is known already is not learned twice, and what was deleted does not come back.
        """
        self._require_own()
        async with self._database.tenant(self._scope) as session:
            return await outbox.put_again(session, self._scope)

    async def export(self, format: Format = "jsonl") -> AsyncGenerator[bytes]:
        """All of it in pieces, the persona too: JSON Lines, or HTML to be read.

        Raises:
            InvalidRequest: there is no such format.
        """
        self._refuse_unreadable()
        self._scope.require(Verb.READ)
        if format not in ("jsonl", "html"):
            raise InvalidRequest(f"format is {format!r}, and must be jsonl or html", field="format")
        async with aclosing(exporting.export(self._database, self._scope, format)) as pieces:
            async for piece in pieces:
                yield piece

    async def erase(self) -> Receipt:
        """Erase it all for good, conversations and persona too; what was removed, counted. Documents stay.

        Raises:
            NotFound: it is not the caller's own.
        """
        self._require_own()
        if self._forget is not None:
            self._forget(self._scope.tenant_id, self._scope.user_id)
        async with self._database.tenant(self._scope) as session:
            return await erasing.erase(session, self._scope)

    def _refuse_unreadable(self) -> None:
        if not self._readable:
            raise NotFound("there is no such memory")

    def _require_own(self) -> None:
        self._scope.require(Verb.WRITE)
        if not self._own:
            raise NotFound("there is no such memory")
