"""The organisation, its members and its keys."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from aura.access.api_keys import ApiKey
from aura.identity import CollectionId, Role, Verb
from aura.tenants.values import Organisation, User
from aura_server.wire.common import Secretive


class OrganisationResponse(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation as its members see it, with what its plan allows."""

    id: UUID
    organization_name: str
    subdomain: str
    admin_email: str
    subscription_tier: str
    created_at: datetime
    max_users: int
    max_storage_gb: int
    max_api_calls_monthly: int
    max_voice_sessions: int
    max_voice_minutes_monthly: int
    custom_settings: dict[str, object]
    custom_logo: str | None
    brand_colors: dict[str, str]
    is_active: bool
    expires_at: datetime | None

    @classmethod
    def of(cls, organisation: Organisation) -> OrganisationResponse:
        """`organisation` on the wire."""
        voice = organisation.voice_limits
        shown = msgspec.structs.replace(
            organisation,
            max_voice_sessions=voice.max_sessions,
            max_voice_minutes_monthly=voice.max_minutes_monthly,
        )
        return msgspec.convert(shown, cls, from_attributes=True)


class UserRequest(Secretive, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new member. `role` is `admin`, `manager` or `user`."""

    email: str
    password: str
    role: str = "user"
    name: str = ""


class UserResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A member."""

    id: UUID
    email: str
    role: Role
    name: str
    can_upload_documents: bool
    can_modify_ai_settings: bool
    can_view_analytics: bool
    is_active: bool
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> UserResponse:
        """`user` on the wire."""
        return msgspec.convert(user, cls, from_attributes=True)


class KeyScopes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a key may do: `verbs` in `collections`; null is all that its maker may, and sees."""

    verbs: frozenset[Verb] | None = None
    collections: frozenset[UUID] | None = None

    @property
    def only(self) -> list[CollectionId] | None:
        """The collections by their ids, or None."""
        return None if self.collections is None else [CollectionId(id) for id in sorted(self.collections)]


class KeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new API key. Without `scopes` it may do what its maker may."""

    name: str
    scopes: KeyScopes = KeyScopes()
    expires_at: datetime | None = None
    monthly_calls: int | None = None
    requests_per_minute: int | None = None


class KeyResponse(msgspec.Struct, frozen=True, kw_only=True):
    """An API key without its secret. `prefix` is how it begins."""

    id: UUID
    name: str
    prefix: str
    user_id: UUID
    scopes: KeyScopes
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    monthly_calls: int | None
    requests_per_minute: int | None

    @classmethod
    def of(cls, key: ApiKey) -> KeyResponse:
        """`key` on the wire."""
        scopes = KeyScopes(verbs=key.verbs, collections=key.collections)
        return msgspec.convert(msgspec.structs.asdict(key) | {"scopes": scopes}, cls)


class NewKeyResponse(KeyResponse, frozen=True, kw_only=True):
    """A new API key. `key` is shown this once."""

    key: str

    def __repr__(self) -> str:
        return "NewKeyResponse(...)"

    @classmethod
    def with_secret(cls, key: ApiKey, secret: str) -> NewKeyResponse:
        """`key` on the wire, with its secret."""
        scopes = KeyScopes(verbs=key.verbs, collections=key.collections)
        return msgspec.convert(msgspec.structs.asdict(key) | {"scopes": scopes, "key": secret}, cls)


class ProviderKeyRequest(Secretive, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The organisation's own key for a provider. It is never shown again."""

    key: str


class ProviderKeyResponse(msgspec.Struct, frozen=True, kw_only=True):
    """That there is a key, and since when."""

    provider: str
    created_at: datetime
