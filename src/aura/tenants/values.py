"""What is known of an organisation, its members and its collections. Secrets are in none of these values."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar, cast

import msgspec
from msgspec import UNSET, UnsetType

from aura.identity import CollectionId, Role, TenantId, UserId

GIGABYTE = 1024**3
"""Bytes of one gigabyte of `max_storage_gb`."""

T = TypeVar("T")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan allows. Each number can be set per organisation."""

    max_users: int
    max_storage_gb: int
    max_api_calls_monthly: int


class VoiceLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How many conversations by voice may be held at once, and for how many minutes of a calendar month in all."""

    max_sessions: int
    max_minutes_monthly: int


class Tier(StrEnum):
    """A plan that an organisation subscribes to."""

    STANDARD = "standard"
    PREMIUM = "premium"
    ENTERPRISE = "enterprise"

    @property
    def limits(self) -> Limits:
        """What the plan allows where nothing else was agreed."""
        return _LIMITS[self]

    @property
    def voice(self) -> VoiceLimits:
        """What the plan allows of voice where nothing else was agreed."""
        return _VOICE_LIMITS[self]


_LIMITS = {
    Tier.STANDARD: Limits(max_users=10, max_storage_gb=10, max_api_calls_monthly=10_000),
    Tier.PREMIUM: Limits(max_users=100, max_storage_gb=100, max_api_calls_monthly=100_000),
    Tier.ENTERPRISE: Limits(max_users=1_000, max_storage_gb=1_000, max_api_calls_monthly=1_000_000),
}

_VOICE_LIMITS = {
    Tier.STANDARD: VoiceLimits(max_sessions=20, max_minutes_monthly=1_000),
    Tier.PREMIUM: VoiceLimits(max_sessions=100, max_minutes_monthly=10_000),
    Tier.ENTERPRISE: VoiceLimits(max_sessions=500, max_minutes_monthly=100_000),
}


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant. `is_active` and `expires_at` say whether it is served; `Organisations.ensure_active` applies them."""

    id: TenantId
    organization_name: str
    subdomain: str
    admin_email: str
    subscription_tier: Tier
    created_at: datetime
    max_users: int
    max_storage_gb: int
    max_api_calls_monthly: int
    custom_settings: dict[str, object]
    custom_logo: str | None
    brand_colors: dict[str, str]
    is_active: bool
    expires_at: datetime | None
    max_voice_sessions: int | None = None
    max_voice_minutes_monthly: int | None = None

    @property
    def voice_limits(self) -> VoiceLimits:
        """What this organisation may do by voice: what was agreed with it, else what its plan has."""
        sessions, minutes, plan = self.max_voice_sessions, self.max_voice_minutes_monthly, self.subscription_tier.voice
        return VoiceLimits(
            max_sessions=plan.max_sessions if sessions is None else sessions,
            max_minutes_monthly=plan.max_minutes_monthly if minutes is None else minutes,
        )

    @property
    def admins_read_history(self) -> bool:
        """Whether the organisation lets its admins read what its members asked; not unless it says so."""
        return self.custom_settings.get("admins_read_history") is True

    @property
    def allowed_models(self) -> frozenset[str] | None:
        """The models that may answer here (`custom_settings["models"]`: `provider/model`, or a model's name); None: all."""
        models = self.custom_settings.get("models")
        return frozenset(str(each) for each in cast(list[object], models)) if isinstance(models, list) else None

    @property
    def limits(self) -> Limits:
        """What this organisation's plan allows."""
        return Limits(
            max_users=self.max_users,
            max_storage_gb=self.max_storage_gb,
            max_api_calls_monthly=self.max_api_calls_monthly,
        )


class OrganisationChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an organisation's own admin may change of it. A field that is left out stays as it is."""

    organization_name: str | UnsetType = UNSET
    admin_email: str | UnsetType = UNSET
    custom_settings: dict[str, object] | UnsetType = UNSET
    custom_logo: str | UnsetType | None = UNSET
    brand_colors: dict[str, str] | UnsetType = UNSET


class PlanChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the platform alone may change of an organisation. A new tier brings its limits, but for those given with it.

    Of voice, None is what the tier has.
    """

    subscription_tier: Tier | UnsetType = UNSET
    max_users: int | UnsetType = UNSET
    max_storage_gb: int | UnsetType = UNSET
    max_api_calls_monthly: int | UnsetType = UNSET
    max_voice_sessions: int | UnsetType | None = UNSET
    max_voice_minutes_monthly: int | UnsetType | None = UNSET
    is_active: bool | UnsetType = UNSET
    expires_at: datetime | UnsetType | None = UNSET


class Permissions(msgspec.Struct, frozen=True, kw_only=True):
    """What a member may do besides asking questions."""

    can_upload_documents: bool
    can_modify_ai_settings: bool
    can_view_analytics: bool

    @classmethod
    def of(cls, role: Role) -> Permissions:
        """What a new member with `role` may do. An admin may do everything, whatever is set."""
        return cls(
            can_upload_documents=True,
            can_modify_ai_settings=role is Role.ADMIN,
            can_view_analytics=role in (Role.ADMIN, Role.MANAGER),
        )


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A member of an organisation. Ask `may_…`, which knows of roles and of members who were switched off."""

    id: UserId
    email: str
    role: Role
    name: str
    persona_settings: dict[str, object]
    voice_preference: str | None
    can_upload_documents: bool
    can_modify_ai_settings: bool
    can_view_analytics: bool
    is_active: bool
    created_at: datetime

    @property
    def may_administer(self) -> bool:
        """Whether the member may manage users, keys, collections and the organisation itself."""
        return self.is_active and self.role is Role.ADMIN

    @property
    def may_upload_documents(self) -> bool:
        """Whether the member may add documents."""
        return self.is_active and (self.role is Role.ADMIN or self.can_upload_documents)

    @property
    def may_modify_ai_settings(self) -> bool:
        """Whether the member may change models, prompts and the organisation's persona."""
        return self.is_active and (self.role is Role.ADMIN or self.can_modify_ai_settings)

    @property
    def may_view_analytics(self) -> bool:
        """Whether the member may see usage and costs."""
        return self.is_active and (self.role is Role.ADMIN or self.can_view_analytics)


class UserChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an admin may change of a member. A new role brings its permissions, but for those given with it."""

    name: str | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    can_upload_documents: bool | UnsetType = UNSET
    can_modify_ai_settings: bool | UnsetType = UNSET
    can_view_analytics: bool | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class ProfileChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What members may change of themselves. A field that is left out stays as it is."""

    name: str | UnsetType = UNSET
    persona_settings: dict[str, object] | UnsetType = UNSET
    voice_preference: str | UnsetType | None = UNSET


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """A knowledge base inside an organisation."""

    id: CollectionId
    name: str
    description: str
    created_at: datetime


class ProviderKey(msgspec.Struct, frozen=True, kw_only=True):
    """That an organisation has a key of its own for a provider, and since when. Never the key."""

    provider: str
    created_at: datetime


class StorageUse(msgspec.Struct, frozen=True, kw_only=True):
    """How much of an organisation's storage its documents take, in bytes."""

    used_bytes: int
    max_bytes: int

    @property
    def left_bytes(self) -> int:
        """What still fits."""
        return max(0, self.max_bytes - self.used_bytes)


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A piece of a list; `next_cursor` asks for the one behind it, and is None on the last."""

    items: tuple[T, ...]
    next_cursor: str | None = None


def changed(changes: msgspec.Struct) -> dict[str, object]:
    """The fields of a `…Changes` that were given, by name."""
    values = ((name, getattr(changes, name)) for name in changes.__struct_fields__)
    return {name: value for name, value in values if value is not UNSET}
