"""Who is asking, and the ids that everything is found by."""

from __future__ import annotations

from enum import StrEnum
from typing import NewType
from uuid import UUID

import msgspec

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


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant, and the member in whose name a transaction runs. The database shows nothing outside of it.

    With no user, only what the whole organisation may see is visible, unless the role is `SERVICE`.
    """

    tenant_id: TenantId
    user_id: UserId | None = None
    role: Role = Role.USER

    def as_service(self) -> Scope:
        """The same tenant for maintenance that must reach every member's rows: export, erase, re-indexing."""
        return Scope(tenant_id=self.tenant_id, user_id=self.user_id, role=Role.SERVICE)
