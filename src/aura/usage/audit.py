"""The audit: who did what to which id, from where. Rows are added and read; the database lets nobody change them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import RowMapping, insert, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import audit
from aura.errors import Denied, InvalidRequest
from aura.identity import Scope
from aura.tenants import validation
from aura.tenants.values import Page

Detail = UUID | StrEnum | bool | int | float | None
"""What details may hold: ids, numbers and members of closed sets. A text could be content, and is refused."""

_LONGEST = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"(-?[0-9]{1,18})_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class Action(StrEnum):
    """Everything that is audited."""

    SIGNED_UP = "signed_up"
    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGOUT = "logout"
    PASSWORD_CHANGED = "password_changed"
    SESSIONS_REVOKED = "sessions_revoked"
    USER_ADDED = "user_added"
    USER_CHANGED = "user_changed"
    USER_DELETED = "user_deleted"
    KEY_MADE = "key_made"
    KEY_REVOKED = "key_revoked"
    PROVIDER_KEY_SET = "provider_key_set"
    PROVIDER_KEY_DELETED = "provider_key_deleted"
    BUDGET_SET = "budget_set"
    BUDGET_REMOVED = "budget_removed"
    WEBHOOK_ADDED = "webhook_added"
    WEBHOOK_CHANGED = "webhook_changed"
    WEBHOOK_DELETED = "webhook_deleted"
    DOCUMENT_ADDED = "document_added"
    DOCUMENT_SHARED = "document_shared"
    DOCUMENT_RETRIED = "document_retried"
    DOCUMENT_CANCELLED = "document_cancelled"
    DOCUMENT_DELETED = "document_deleted"
    COLLECTION_ADDED = "collection_added"
    COLLECTION_CHANGED = "collection_changed"
    COLLECTION_DELETED = "collection_deleted"
    MEMORY_ERASED = "memory_erased"
    ASKED_ON_BEHALF = "asked_on_behalf"
    HISTORY_READ_ON_BEHALF = "history_read_on_behalf"
    SETTINGS_CHANGED = "settings_changed"
    PLAN_CHANGED = "plan_changed"
    EXPORTED = "exported"
    IMPORTED = "imported"
    REINDEXED = "reindexed"
    ERASED = "erased"


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who did it: a member, an API key, a service with the internal key, AURA's own jobs, or somebody not known."""

    kind: Literal["user", "key", "service", "job", "unknown"]
    id: UUID | None = None


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What it was done to: the kind of thing, and its id or its technical name, never what somebody called it."""

    kind: str = ""
    id: UUID | str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the audit."""

    id: UUID
    at: datetime
    actor_kind: str
    actor_id: UUID | None
    action: str
    target_kind: str
    target_id: str
    address: str
    request_id: str
    details: dict[str, str | bool | int | float | None]


class Audit:
    """The audit of one organisation. What anybody does is recorded; reading it is for those who may."""

    def __init__(self, database: Database, scope: Scope, *, clock: Clock, may_read: bool = False) -> None:
        self._database = database
        self._scope = scope
        self._clock = clock
        self._may_read = may_read

    async def record(
        self,
        actor: Actor,
        action: Action,
        target: Target | None = None,
        *,
        address: str = "",
        request_id: str = "",
        details: Mapping[str, Detail] | None = None,
        connection: AsyncConnection | None = None,
    ) -> None:
        """Add a row.

        Args:
            address: the network address that the request came from.
            details: ids, numbers and members of closed sets.
            connection: a transaction of this scope, so that what was done and its row are there together or not at all.

        Raises:
            TypeError: the details hold something that could be content.
        """
        target = target or Target()
        values = {
            "tenant_id": self._scope.tenant_id,
            "id": uuid4(),
            "at": self._clock.now(),
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "action": Action(action).value,
            "target_kind": _short(target.kind),
            "target_id": _short(str(target.id)),
            "address": _short(address),
            "request_id": _short(request_id),
            "details": {name: _plain(name, value) for name, value in (details or {}).items()},
        }
        if connection is not None:
            await connection.execute(insert(audit).values(values))
            return
        async with self._database.tenant(self._scope) as session:
            await session.execute(insert(audit).values(values))

    async def list(
        self,
        *,
        limit: int = 100,
        cursor: str | None = None,
        action: Action | str | None = None,
        actor: UUID | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Page[Entry]:
        """The rows, newest first, `limit` at a time; rows that are added meanwhile move no page.

        Args:
            actor: only what this member or key has done.
            since, until: from then on, and before then.

        Raises:
            Denied: not an admin.
            InvalidRequest: the limit, the cursor, the action or a time can not be used.
        """
        if not self._may_read:
            raise Denied("only an admin may read the audit")
        size = validation.page_size(limit)
        query = select(*(audit.c[name] for name in Entry.__struct_fields__)).where(visible(audit, self._scope))
        if action is not None:
            query = query.where(audit.c.action == _action(action).value)
        if actor is not None:
            query = query.where(audit.c.actor_id == actor)
        if since is not None:
            query = query.where(audit.c.at >= validation.moment(since, field="since"))
        if until is not None:
            query = query.where(audit.c.at < validation.moment(until, field="until"))
        if cursor is not None:
            at, id = _behind(cursor)
            behind = tuple_(literal(at, audit.c.at.type), literal(id, audit.c.id.type))
            query = query.where(tuple_(audit.c.at, audit.c.id) < behind)
        query = query.order_by(audit.c.at.desc(), audit.c.id.desc()).limit(size + 1)
        async with self._database.tenant(self._scope) as session:
            rows = (await session.execute(query)).mappings().all()
        found = tuple(_entry(row) for row in rows[:size])
        return Page(items=found, next_cursor=_cursor(found[-1]) if len(rows) > size else None)


def _entry(row: RowMapping) -> Entry:
    return msgspec.convert(row, Entry)


def _plain(name: str, value: object) -> str | bool | int | float | None:
    """A detail as JSON holds it."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, StrEnum):
        return value.value
    if value is None or isinstance(value, bool | int | float):
        return value
    raise TypeError(f"the detail {name!r} of the audit is a {type(value).__name__}: ids, numbers and closed sets only")


def _short(value: str) -> str:
    """`value` as a short line: what a client sends as its request's id may be anything."""
    return "".join(character for character in value[:_LONGEST] if validation.is_line(character))


def _action(value: str) -> Action:
    try:
        return Action(value)
    except ValueError:
        raise InvalidRequest(f"nothing is audited as {value[:40]!r}", field="action") from None


def _cursor(entry: Entry) -> str:
    return f"{(entry.at - _EPOCH) // timedelta(microseconds=1)}_{entry.id}"


def _behind(cursor: str) -> tuple[datetime, UUID]:
    parts = _CURSOR.fullmatch(cursor)
    if parts is None:
        raise InvalidRequest("this cursor is none of ours: pass `next_cursor` on as it came", field="cursor")
    try:
        return _EPOCH + timedelta(microseconds=int(parts[1])), UUID(parts[2])
    except OverflowError:
        raise InvalidRequest("this cursor is none of ours: pass `next_cursor` on as it came", field="cursor") from None
