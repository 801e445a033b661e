"""Whom a credential belongs to: the organisation and the member as they are now, read in the statement that finds it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, FromClause, RowMapping, and_

from aura.access.credentials import refused
from aura.clock import Clock
from aura.database.tables import organisations, users
from aura.errors import Denied
from aura.identity import TenantId
from aura.tenants.organisations import ensure_active
from aura.tenants.values import Organisation, User

_ORGANISATION, _USER = "organisation_", "member_"

COLUMNS = (
    *(organisations.c[name].label(_ORGANISATION + name) for name in Organisation.__struct_fields__),
    *(users.c[name].label(_USER + name) for name in User.__struct_fields__),
)
"""What a statement selects besides its own columns; `principal` reads it back."""


def members_of(tenant_id: TenantId | ColumnElement[UUID]) -> FromClause:
    """Organisation and members to select from, joined; `of_tenant` names the tenant."""
    return organisations.join(users, and_(users.c.tenant_id == organisations.c.id, users.c.tenant_id == tenant_id))


def of_tenant(tenant_id: TenantId | ColumnElement[UUID]) -> ColumnElement[bool]:
    """That the organisation is this one."""
    return organisations.c.id == tenant_id


def principal(row: RowMapping | None, *, clock: Clock, subdomain: str | None = None) -> tuple[Organisation, User]:
    """The organisation and the member of a row with `COLUMNS`, if both are served now.

    Args:
        subdomain: where the request arrived, if that was at an organisation's own address.

    Raises:
        Unauthenticated: there is no row, the organisation is another one, was switched off or its time is over, or the
            member was switched off.
    """
    if row is None:
        raise refused()
    organisation = msgspec.convert(_named(row, _ORGANISATION, Organisation), Organisation)
    user = msgspec.convert(_named(row, _USER, User), User)
    refuse_unserved(organisation, clock=clock, subdomain=subdomain)
    if not user.is_active:
        raise refused()
    return organisation, user


def refuse_unserved(organisation: Organisation, *, clock: Clock, subdomain: str | None) -> None:
    """Refuse an organisation that is not served now, or not at the address where the request arrived.

    Raises:
        Unauthenticated
    """
    if subdomain is not None and subdomain.lower() != organisation.subdomain:
        raise refused()
    try:
        ensure_active(organisation, clock)
    except Denied:
        raise refused() from None


def is_over(expires_at: datetime | None, clock: Clock) -> bool:
    """Whether that time has come. None never comes."""
    return expires_at is not None and expires_at <= clock.now()


def _named(row: RowMapping, prefix: str, kind: type[msgspec.Struct]) -> dict[str, object]:
    return {name: row[prefix + name] for name in kind.__struct_fields__}
