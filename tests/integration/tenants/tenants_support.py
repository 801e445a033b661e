"""What the tests of tenants share besides their fixtures."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import insert

from aura.database.engine import Database
from aura.database.tables import document_versions, documents
from aura.identity import CollectionId, DocumentId, Scope, TenantId, UserId
from aura.tenants.collections import Collections
from aura.tenants.limits import Storage
from aura.tenants.provider_keys import ProviderKeys
from aura.tenants.users import Users
from aura.tenants.values import Organisation, User

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Tenant:
    """An organisation of a test, with everything that acts in its scope."""

    organisation: Organisation
    admin: User
    scope: Scope
    users: Users
    collections: Collections
    provider_keys: ProviderKeys
    storage: Storage
    database: Database

    @property
    def id(self) -> TenantId:
        return self.organisation.id

    async def add_document(
        self, collection_id: CollectionId, *, size_bytes: int = 1, private_to: UserId | None = None
    ) -> DocumentId:
        """A row of the catalogue, as ingest would leave it."""
        document_id = DocumentId(uuid4())
        shared = {"tenant_id": self.id, "private_to": private_to, "sha256": "0" * 64, "size_bytes": size_bytes}
        document = {
            "id": document_id,
            "collection_id": collection_id,
            "filename": f"{document_id}.txt",
            "stage": "ready",
        }
        async with self.database.tenant(self.scope.as_service()) as connection:
            await connection.execute(insert(documents).values(**shared, **document))
            await connection.execute(insert(document_versions).values(**shared, document_id=document_id, version=1))
        return document_id


def without(message: BaseException, foreign: UUID) -> str:
    """A message with the id taken out that its caller had sent."""
    return str(message.args[0]).replace(str(foreign), "ID")
