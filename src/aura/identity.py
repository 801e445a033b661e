"""Who is asking, and the ids that everything is found by."""

from __future__ import annotations

from enum import StrEnum
from typing import NewType
from uuid import UUID

import msgspec

from aura.errors import Denied

TenantId = NewType("TenantId", UUID)
UserId = NewType("UserId", UUID)
CollectionId = NewType("CollectionId", UUID)
DocumentId = NewType("DocumentId", UUID)
ConversationId = NewType("ConversationId", UUID)
GenerationId = NewType("GenerationId", UUID)


class Role(StrEnum):
    """What a member may do; `SERVICE` is AURA's own maintenance of one tenant and is never given to a member."""

    ADMIN = "admin"
    MANAGER = "manager"
    USER = "user"
    SERVICE = "service"


class Verb(StrEnum):
    """What an API key can be limited to. A member who logs in has them all, within the member's role."""

    READ = "read"
    """List, get, search and download."""
    ASK = "ask"
    """Hold conversations."""
    WRITE = "write"
    """Upload, retry, cancel and delete documents; change collections."""
    ADMIN = "admin"
    """Users, keys, settings, analytics, export and erasure: what only an admin may."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant, and the member in whose name a transaction runs. The database shows nothing outside of it.

    With no user, only what the whole organisation may see is visible, unless the role is `SERVICE`. An API key narrows it
    further: `collections` to these alone, and `verbs` to what it may do; None is no such limit.
    """

    tenant_id: TenantId
    user_id: UserId | None = None
    role: Role = Role.USER
    collections: frozenset[CollectionId] | None = None
    verbs: frozenset[Verb] | None = None

    def as_service(self) -> Scope:
        """The same tenant for maintenance that must reach every member's rows: export, erase, re-indexing."""
        return Scope(tenant_id=self.tenant_id, user_id=self.user_id, role=Role.SERVICE)

    def may(self, verb: Verb) -> bool:
        """Whether the key behind this scope, if there is one, was given `verb`. What the role allows is another matter."""
        return self.verbs is None or verb in self.verbs

    def require(self, verb: Verb) -> None:
        """Refuse what the key behind this scope was not given.

        Raises:
            Denied
        """
        if not self.may(verb):
            raise Denied(f"this API key may not {verb.value}: use one that was given the verb {verb.value!r}")
