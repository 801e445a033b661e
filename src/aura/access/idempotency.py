"""Requests that may be repeated: the same `Idempotency-Key` with the same request is answered as it was before.

Source: the IETF draft "The Idempotency-Key HTTP Header Field".
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import idempotency_keys
from aura.errors import Conflict, InvalidRequest
from aura.identity import Scope
from aura.tenants import validation

LIFE: Final = timedelta(hours=24)
"""How long an answer is kept."""
ABANDONED: Final = timedelta(minutes=15)
"""A request that was neither answered nor given up for so long died with its process, and may be sent again."""
MAX_CHARACTERS: Final = 255


class Idempotency:
    """The repeated requests of one organisation, each caller's for itself."""

    def __init__(self, database: Database, scope: Scope, *, clock: Clock) -> None:
        self._database = database
        self._scope = scope
        self._clock = clock

    async def claim(self, caller: str, key: str, request_sha256: bytes) -> dict[str, object] | None:
        """What this request was answered with before; None: it is new, and the caller answers it now, and then stores.

        Of many that come at once one gets None.

        Args:
            caller: `Caller.name`.
            request_sha256: of all that makes the request what it is: its path and its body.

        Raises:
            InvalidRequest: the key is empty, too long or no line of text.
            Conflict: the key was used for another request, or the first one is still being answered.
        """
        now = self._clock.now()
        row = {
            "tenant_id": self._scope.tenant_id,
            "caller": caller,
            "key_sha256": _hash(key),
            "request_sha256": request_sha256,
            "created_at": now,
        }
        claim = insert(idempotency_keys).values(row)
        # The row of another stays as it is, but it is locked and seen.
        fresh = {"request_sha256": request_sha256, "created_at": now, "response": None}
        anew = claim.on_conflict_do_update(
            index_elements=["tenant_id", "caller", "key_sha256"], set_=fresh, where=self._void()
        )
        async with self._database.tenant(self._scope) as connection:
            if (await connection.execute(anew.returning(idempotency_keys.c.caller))).one_or_none() is not None:
                return None
            query = select(idempotency_keys.c.request_sha256, idempotency_keys.c.response)
            found = (await connection.execute(query.where(*self._of(caller, key)))).one_or_none()
        return _repeated(found, request_sha256)

    async def store(self, caller: str, key: str, response: dict[str, object]) -> None:
        """Keep what a claimed request was answered with."""
        change = update(idempotency_keys).where(*self._of(caller, key), idempotency_keys.c.response.is_(None))
        async with self._database.tenant(self._scope) as connection:
            await connection.execute(change.values(response=response))

    async def give_up(self, caller: str, key: str) -> None:
        """Let a claimed request that came to nothing be sent again at once."""
        unanswered = (*self._of(caller, key), idempotency_keys.c.response.is_(None))
        async with self._database.tenant(self._scope) as connection:
            await connection.execute(delete(idempotency_keys).where(*unanswered))

    async def purge(self) -> int:
        """Forget what is too old to be repeated; how many that were. For the nightly job."""
        old = idempotency_keys.c.created_at <= self._clock.now() - LIFE
        async with self._database.tenant(self._scope) as connection:
            done = await connection.execute(delete(idempotency_keys).where(visible(idempotency_keys, self._scope), old))
            return done.rowcount

    def _of(self, caller: str, key: str) -> tuple[ColumnElement[bool], ...]:
        return (
            visible(idempotency_keys, self._scope),
            idempotency_keys.c.caller == caller,
            idempotency_keys.c.key_sha256 == _hash(key),
        )

    def _void(self) -> ColumnElement[bool]:
        now, created_at = self._clock.now(), idempotency_keys.c.created_at
        abandoned = idempotency_keys.c.response.is_(None) & (created_at <= now - ABANDONED)
        return (created_at <= now - LIFE) | abandoned


def _repeated(found: Row[tuple[bytes, dict[str, object] | None]] | None, request_sha256: bytes) -> dict[str, object]:
    if found is not None and bytes(found.request_sha256) != request_sha256:
        raise Conflict("this Idempotency-Key was used for another request: choose a new one")
    if found is None or found.response is None:  # None: it was given up a moment ago
        raise Conflict("the first request with this Idempotency-Key is still being answered: try again in a second")
    return found.response


def _hash(key: str) -> bytes:
    if not key or len(key) > MAX_CHARACTERS or not validation.is_line(key):
        raise InvalidRequest(
            f"an Idempotency-Key has 1 to {MAX_CHARACTERS} characters, such as a UUID", field="Idempotency-Key"
        )
    return sha256(key.encode()).digest()
