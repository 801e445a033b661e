"""The caller's organisation: its settings, its members, its keys; taking it along, and ending it."""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from aura.access.callers import Caller
from aura.identity import UserId
from aura.tenants.values import OrganisationChanges, UserChanges
from aura.usage.audit import Action
from aura.workspace import Workspace
from aura_server.auditing import Record
from aura_server.wire.common import Items, ReceiptResponse, items_of
from aura_server.wire.tenant import (
    KeyRequest,
    KeyResponse,
    NewKeyResponse,
    OrganisationResponse,
    ProviderKeyRequest,
    ProviderKeyResponse,
    UserRequest,
    UserResponse,
)

_TAGS = ["tenant"]


@get("/tenant", tags=_TAGS, sync_to_thread=False)
def read(caller: NamedDependency[Caller]) -> OrganisationResponse:
    """The caller's organisation."""
    return OrganisationResponse.of(caller.organisation)


@patch("/tenant", tags=_TAGS)
async def change(
    data: JSONBody[OrganisationChanges], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> OrganisationResponse:
    """Change the organisation's name, address, settings, logo or colours. Admins only."""
    changed = await workspace.configure(data)
    await record(Action.SETTINGS_CHANGED)
    return OrganisationResponse.of(changed)


@delete("/tenant", status_code=200, tags=_TAGS)
async def erase(workspace: NamedDependency[Workspace], confirm: FromQuery[str]) -> ReceiptResponse:
    """Erase the organisation with everything in it, for good. `confirm` is its sub-domain. Admins only."""
    return ReceiptResponse(receipt=await workspace.erase(confirm=confirm))


# -- members -----------------------------------------------------------------------------------------------------------


@get("/tenant/users", tags=_TAGS)
async def users(
    workspace: NamedDependency[Workspace], limit: FromQuery[int] = 100, cursor: FromQuery[str | None] = None
) -> Items[UserResponse]:
    """The organisation's members. Admins only."""
    return items_of(await workspace.users.list(limit=limit, cursor=cursor), UserResponse.of)


@post("/tenant/users", tags=_TAGS)
async def add_user(
    data: JSONBody[UserRequest], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> UserResponse:
    """Add a member. Admins only."""
    added = await workspace.users.add(email=data.email, password=data.password, role=data.role, name=data.name)
    await record(Action.USER_ADDED, "user", added.id)
    return UserResponse.of(added)


@get("/tenant/users/{user_id:uuid}", tags=_TAGS)
async def user(user_id: FromPath[UUID], workspace: NamedDependency[Workspace]) -> UserResponse:
    """One member. Admins only."""
    return UserResponse.of(await workspace.users.get(UserId(user_id)))


@patch("/tenant/users/{user_id:uuid}", tags=_TAGS)
async def change_user(
    user_id: FromPath[UUID],
    data: JSONBody[UserChanges],
    workspace: NamedDependency[Workspace],
    record: NamedDependency[Record],
) -> UserResponse:
    """Change a member's name, role, permissions, or whether it is let in. Admins only."""
    changed = await workspace.users.update(UserId(user_id), data)
    await record(Action.USER_CHANGED, "user", user_id)
    return UserResponse.of(changed)


@delete("/tenant/users/{user_id:uuid}", status_code=200, tags=_TAGS)
async def delete_user(
    user_id: FromPath[UUID], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> ReceiptResponse:
    """Delete a member with all that is private to it. Admins only."""
    receipt = await workspace.delete_user(UserId(user_id))
    await record(Action.USER_DELETED, "user", user_id)
    return ReceiptResponse(receipt=receipt)


# -- keys --------------------------------------------------------------------------------------------------------------


@get("/tenant/keys", tags=_TAGS)
async def keys(
    workspace: NamedDependency[Workspace], limit: FromQuery[int] = 100, cursor: FromQuery[str | None] = None
) -> Items[KeyResponse]:
    """API keys: all of the organisation for admins, one's own for others."""
    return items_of(await workspace.keys.list(limit=limit, cursor=cursor), KeyResponse.of)


@post("/tenant/keys", tags=_TAGS)
async def make_key(
    data: JSONBody[KeyRequest], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> NewKeyResponse:
    """Make an API key that may do no more than its maker. It is shown this once."""
    key, secret = await workspace.keys.create(
        data.name,
        verbs=data.scopes.verbs,
        collections=data.scopes.only,
        expires_at=data.expires_at,
        monthly_calls=data.monthly_calls,
        requests_per_minute=data.requests_per_minute,
    )
    await record(Action.KEY_MADE, "key", key.id)
    return NewKeyResponse.with_secret(key, secret)


@delete("/tenant/keys/{key_id:uuid}", status_code=204, tags=_TAGS)
async def revoke_key(
    key_id: FromPath[UUID], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> None:
    """Revoke an API key; it is refused from the next request on."""
    await workspace.keys.revoke(key_id)
    await record(Action.KEY_REVOKED, "key", key_id)


@get("/tenant/provider-keys", tags=_TAGS)
async def provider_keys(workspace: NamedDependency[Workspace]) -> Items[ProviderKeyResponse]:
    """Which providers the organisation has keys of its own for, never the keys. Admins only."""
    kept = await workspace.provider_keys.list()
    return Items(items=tuple(msgspec.convert(each, ProviderKeyResponse, from_attributes=True) for each in kept))


@put("/tenant/provider-keys/{provider:str}", tags=_TAGS)
async def set_provider_key(
    provider: FromPath[str],
    data: JSONBody[ProviderKeyRequest],
    workspace: NamedDependency[Workspace],
    record: NamedDependency[Record],
) -> ProviderKeyResponse:
    """Keep the organisation's own key for a provider, encrypted. Admins only."""
    kept = await workspace.provider_keys.set(provider, data.key)
    await record(Action.PROVIDER_KEY_SET, "provider", kept.provider)
    return ProviderKeyResponse(provider=kept.provider, created_at=kept.created_at)


@delete("/tenant/provider-keys/{provider:str}", status_code=204, tags=_TAGS)
async def delete_provider_key(
    provider: FromPath[str], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> None:
    """Forget the organisation's own key for a provider. Admins only."""
    await workspace.provider_keys.delete(provider)
    await record(Action.PROVIDER_KEY_DELETED, "provider", provider)


HANDLERS = (
    read, change, erase, users, add_user, user, change_user, delete_user, keys, make_key, revoke_key, provider_keys,
    set_provider_key, delete_provider_key,
)  # fmt: skip
