"""API keys: what a program shows instead of a member's password, limited to what it needs.

A key is its maker in small. At each use it may do what it was given and its maker may still do; a maker who is demoted,
switched off or deleted takes the key along. It is shown once and kept as a hash; its prefix is there to find it by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, select, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.access.credentials import Credential, Kind
from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import api_keys
from aura.errors import Denied, InvalidRequest, LimitExceeded, NotFound
from aura.identity import CollectionId, Role, Scope, TenantId, UserId, Verb
from aura.tenants import validation
from aura.tenants.collections import Collections
from aura.tenants.limits import lock_limits
from aura.tenants.values import Page, User

MOST_KEYS: Final = 100
"""Keys of one member."""
NOTED_EVERY: Final = timedelta(minutes=1)
"""How exact `last_used_at` is: a key that is used all the time shall not write all the time."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key; never the key. `collections` None is all that its maker, `user_id`, sees."""

    id: UUID
    user_id: UserId
    name: str
    prefix: str
    verbs: frozenset[Verb]
    collections: frozenset[CollectionId] | None
    monthly_calls: int | None
    requests_per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


FIELDS: Final = tuple(api_keys.c[name] for name in ApiKey.__struct_fields__)


def verbs_of(user: User) -> frozenset[Verb]:
    """What `user` may do at all, and so the most that a key of theirs may."""
    return frozenset(Verb) if user.may_administer else frozenset(Verb) - {Verb.ADMIN}


class ApiKeys:
    """The keys of the scope's member; of all members, where an admin acts."""

    def __init__(self, database: Database, scope: Scope, *, clock: Clock) -> None:
        self._database = database
        self._scope = scope
        self._clock = clock

    async def create(
        self,
        name: str,
        *,
        verbs: Iterable[Verb | str] | None = None,
        collections: Sequence[str | CollectionId] | None = None,
        expires_at: datetime | None = None,
        monthly_calls: int | None = None,
        requests_per_minute: int | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key of the scope's member, and the secret itself, which nobody can be shown again.

        Args:
            verbs: what it may do; all that its maker may, when left out.
            collections: the only ones that it sees, by name or id; all, when left out.
            monthly_calls, requests_per_minute: limits of its own, below those of the organisation.

        Raises:
            InvalidRequest: a field can not be used, or no member acts.
            Denied: it would be stronger than its maker, or a key is about to make it.
            NotFound: there is no such collection.
            LimitExceeded: the member has `MOST_KEYS`.
        """
        credential = Credential.new(Kind.API_KEY, self._scope.tenant_id)
        row = {
            "tenant_id": self._scope.tenant_id,
            "id": credential.id,
            "user_id": self._maker(),
            "name": validation.name(name, field="name", max_characters=100),
            "prefix": credential.prefix,
            "secret_sha256": credential.sha256,
            "verbs": sorted(self._verbs(verbs)),
            "collections": await self._collections(collections),
            "monthly_calls": _limit(monthly_calls, field="monthly_calls"),
            "requests_per_minute": _limit(requests_per_minute, field="requests_per_minute"),
            "created_at": self._clock.now(),
            "expires_at": self._expiry(expires_at),
        }
        async with self._database.tenant(self._scope) as connection:
            await self._refuse_too_many(connection)
            made = (await connection.execute(insert(api_keys).values(row).returning(*FIELDS))).mappings().one()
        return msgspec.convert(made, ApiKey), credential.text

    async def list(self, *, prefix: str = "", limit: int = 100, cursor: str | None = None) -> Page[ApiKey]:
        """Keys, the oldest first, `limit` at a time.

        Args:
            prefix: the beginning of a key, as a log or a repository shows it; as much of it as there is.
        """
        size = validation.page_size(limit)
        query = self._select().order_by(api_keys.c.created_at, api_keys.c.id).limit(size + 1)
        if prefix:
            query = query.where(api_keys.c.prefix == prefix[: len(Kind.API_KEY) + 8])
        async with self._database.tenant(self._scope) as connection:
            if cursor is not None:
                last = await self._get(connection, _id(cursor))
                query = query.where(tuple_(api_keys.c.created_at, api_keys.c.id) > tuple_(last.created_at, last.id))  # pyright: ignore[reportArgumentType]
            rows = (await connection.execute(query)).mappings().all()
        found = tuple(msgspec.convert(row, ApiKey) for row in rows[:size])
        return Page(items=found, next_cursor=str(found[-1].id) if len(rows) > size else None)

    async def get(self, key_id: UUID) -> ApiKey:
        """One key.

        Raises:
            NotFound: there is none, or it is another member's and no admin asks.
        """
        async with self._database.tenant(self._scope) as connection:
            return await self._get(connection, key_id)

    async def revoke(self, key_id: UUID) -> None:
        """Remove a key: the next request that shows it is refused.

        Raises:
            NotFound: there is none, or it is another member's and no admin asks.
        """
        gone = delete(api_keys).where(self._reachable(), api_keys.c.id == key_id).returning(api_keys.c.id)
        async with self._database.tenant(self._scope) as connection:
            if (await connection.execute(gone)).one_or_none() is None:
                raise _unknown()

    def _maker(self) -> UserId:
        if self._scope.verbs is not None:
            raise Denied("an API key makes no API keys: log in as the member whose key it is to be")
        if self._scope.user_id is None:
            raise InvalidRequest("an API key belongs to a member: open the workspace with one", field="user")
        return self._scope.user_id

    def _verbs(self, verbs: Iterable[Verb | str] | None) -> frozenset[Verb]:
        mine = frozenset(Verb) if self._scope.role is Role.ADMIN else frozenset(Verb) - {Verb.ADMIN}
        if verbs is None:
            return mine
        asked = frozenset(_verb(verb) for verb in verbs)
        if not asked:
            raise InvalidRequest(f"verbs is empty: name some of {', '.join(Verb)}", field="verbs")
        if not asked <= mine:
            raise Denied(f"only an admin's key may have the verb {Verb.ADMIN.value!r}")
        return asked

    async def _collections(self, collections: Sequence[str | CollectionId] | None) -> list[CollectionId] | None:
        if collections is None:
            return None
        if not collections:
            raise InvalidRequest("collections is empty: name some, or leave it out for all", field="collections")
        known = Collections(self._database, self._scope)
        return sorted({(await known.by_name_or_id(value)).id for value in collections})

    def _expiry(self, expires_at: datetime | None) -> datetime | None:
        found = validation.moment(expires_at, field="expires_at")
        if found is not None and found <= self._clock.now():
            raise InvalidRequest("expires_at is over already: choose a time to come", field="expires_at")
        return found

    async def _refuse_too_many(self, connection: AsyncConnection) -> None:
        await lock_limits(connection, self._scope.tenant_id)  # so that the next one counts this one's
        mine = (visible(api_keys, self._scope), api_keys.c.user_id == self._scope.user_id)
        count = (await connection.execute(select(func.count()).select_from(api_keys).where(*mine))).scalar_one()
        if count >= MOST_KEYS:
            raise LimitExceeded(f"a member has at most {MOST_KEYS} API keys: revoke one first", limit="api_keys")

    async def _get(self, connection: AsyncConnection, key_id: UUID) -> ApiKey:
        row = (await connection.execute(self._select().where(api_keys.c.id == key_id))).mappings().one_or_none()
        if row is None:
            raise _unknown()
        return msgspec.convert(row, ApiKey)

    def _select(self) -> Select[tuple[object, ...]]:
        return select(*FIELDS).where(self._reachable())

    def _reachable(self) -> ColumnElement[bool]:
        everybodys = self._scope.role is Role.ADMIN
        return and_(visible(api_keys, self._scope), true() if everybodys else api_keys.c.user_id == self._scope.user_id)


async def note_use(connection: AsyncConnection, tenant_id: TenantId, key: ApiKey, now: datetime) -> None:
    """Write down that a key was used, where that was not written in the last minute. Cost: nothing, or one round trip."""
    stale = now - NOTED_EVERY
    if key.last_used_at is not None and key.last_used_at > stale:
        return
    mine = (api_keys.c.tenant_id == tenant_id, api_keys.c.id == key.id)
    noted = api_keys.c.last_used_at.is_(None) | (
        api_keys.c.last_used_at <= stale
    )  # another request may have come first
    await connection.execute(update(api_keys).where(*mine, noted).values(last_used_at=now))


def _verb(value: Verb | str) -> Verb:
    try:
        return Verb(value)
    except ValueError:
        raise InvalidRequest(
            f"there is no verb {value[:80]!r}: choose some of {', '.join(Verb)}", field="verbs"
        ) from None


def _limit(value: int | None, *, field: str) -> int | None:
    return None if value is None else validation.limit(value, field=field)


def _id(cursor: str) -> UUID:
    try:
        return UUID(cursor)
    except ValueError:
        raise InvalidRequest("this cursor is none of ours: pass `next_cursor` on as it came", field="cursor") from None


def _unknown() -> NotFound:
    return NotFound("there is no such API key")
