"""What a user lets memory do, and what the organisation lets its users let it do."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.scopes import visible
from aura.database.tables import memory_settings, organisations
from aura.errors import InvalidRequest
from aura.identity import Scope
from aura.memory.values import MemorySettings

SENSITIVE = "memory_sensitive"
"""The custom setting of an organisation that lets its users have sensitive categories remembered; off unless it is true."""
LEARNS = "memory_learns"
"""The custom setting that switches learning off for everybody, when it is false."""

RETENTION = "retention_days"
"""The custom setting that says how many days a conversation that rests is kept; without it, for good."""
_MOST_DAYS = 36_499


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """What may be learned, by both, and the zone that the user's days are in."""

    learns: bool
    sensitive: bool
    zone: ZoneInfo


async def read(session: AsyncConnection, scope: Scope) -> MemorySettings:
    """The user's settings; the defaults where none were made, and for an organisation's programs."""
    query = select(memory_settings).where(visible(memory_settings, scope), memory_settings.c.user_id == scope.user_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return MemorySettings()
    return MemorySettings(learns=row.learns, sensitive=row.sensitive, time_zone=row.time_zone)


async def write(session: AsyncConnection, scope: Scope, settings: MemorySettings) -> None:
    """Replace the user's settings.

    Raises:
        InvalidRequest: there is no such time zone, or no user whose settings they could be.
    """
    zone(settings.time_zone)
    if scope.user_id is None:
        raise InvalidRequest(
            "the organisation's own programs have no settings of memory: act as a member", field="user"
        )
    values = msgspec.structs.asdict(settings)
    key = {"tenant_id": scope.tenant_id, "user_id": scope.user_id}
    await session.execute(
        insert(memory_settings)
        .values(**key, **values)
        .on_conflict_do_update(index_elements=["tenant_id", "user_id"], set_=values)
    )


async def allowed(session: AsyncConnection, scope: Scope) -> Allowed:
    """What may be learned of the scope's user. Cost: two round trips."""
    mine = await read(session, scope)
    query = select(organisations.c.custom_settings).where(organisations.c.id == scope.tenant_id)
    of_all = await session.scalar(query) or {}
    return Allowed(
        learns=mine.learns and of_all.get(LEARNS) is not False,
        sensitive=mine.sensitive and of_all.get(SENSITIVE) is True,
        zone=zone(mine.time_zone),
    )


def checked_of_all(custom_settings: Mapping[str, object]) -> None:
    """Refuse what an organisation's settings of memory can not be, for nobody is to believe that it holds. None is unset.

    Raises:
        InvalidRequest: a switch is neither true nor false, or the days of retention are no number from 1 on.
    """
    for name in (SENSITIVE, LEARNS):
        if not isinstance(custom_settings.get(name), bool | None):
            raise InvalidRequest(f"custom_settings.{name} must be true or false", field=name)
    days = custom_settings.get(RETENTION)
    if days is not None and (not isinstance(days, int) or isinstance(days, bool) or not 0 < days <= _MOST_DAYS):
        raise InvalidRequest(
            f"custom_settings.{RETENTION} must be a whole number of days from 1 to {_MOST_DAYS:,}", field=RETENTION
        )


def zone(name: str) -> ZoneInfo:
    """A time zone by its name. Raises `InvalidRequest`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidRequest(
            f"there is no time zone {name[:60]!r}: write Europe/Berlin, say", field="time_zone"
        ) from None
