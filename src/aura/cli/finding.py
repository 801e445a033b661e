"""From what people type to what the library takes, and whole lists from pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from aura.identity import TenantId, UserId

if TYPE_CHECKING:
    from aura.platform import Aura
    from aura.tenants.values import Organisation, Page
    from aura.workspace import Workspace

T = TypeVar("T")


async def find_organisation(aura: Aura, name: str) -> Organisation:
    """The organisation with this sub-domain or id, also one that is switched off. Raises `NotFound`."""
    tenant_id = _as_id(name)
    return await (aura.tenants.by_subdomain(name) if tenant_id is None else aura.tenants.get(TenantId(tenant_id)))


async def find_workspace(aura: Aura, tenant: str, user: str | None = None) -> Workspace:
    """The workspace of a tenant, by sub-domain or id, and of a member, by e-mail address or id.

    Raises:
        NotFound: there is no such organisation, or no such member.
        Denied: the organisation was switched off.
    """
    organisation = await find_organisation(aura, tenant)
    user_id = None if user is None else _as_id(user)
    return await aura.workspace(organisation, user if user_id is None else UserId(user_id))


async def every(first: Callable[[str | None], Awaitable[Page[T]]], *, most: int | None = None) -> list[T]:
    """The items of all pages; `first` is asked with each page's cursor. At most `most` of them."""
    items, cursor = list[T](), None
    while True:
        page = await first(cursor)
        items += page.items
        cursor = page.next_cursor
        if cursor is None or (most is not None and len(items) >= most):
            return items[:most]


def _as_id(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
