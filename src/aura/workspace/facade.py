"""`Workspace`: what one tenant, and one user of it, can do. Server, CLI, notebooks and evals use this and no more."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import msgspec

from aura.access.api_keys import ApiKeys
from aura.access.idempotency import Idempotency
from aura.documents.catalogue import Catalogue
from aura.documents.ingest import Documents
from aura.documents.intake import Intake
from aura.documents.values import Receipt
from aura.erase import erase_tenant
from aura.errors import Denied, InvalidRequest, NotFound
from aura.identity import CollectionId, Scope, UserId, Verb
from aura.index.generations import Generation, Rebuild
from aura.jobs.overview import Jobs
from aura.memory.conversations import Conversations
from aura.memory.memory import Memory
from aura.memory.settings import checked_of_all
from aura.persona.profile import Profile
from aura.persona.traits import checked_default
from aura.router.models import RoutingModels
from aura.tenants.collections import Collections
from aura.tenants.limits import Storage
from aura.tenants.provider_keys import ProviderKeys
from aura.tenants.users import Users
from aura.tenants.values import Organisation, OrganisationChanges
from aura.usage.audit import Audit
from aura.usage.budgets import Budgets
from aura.usage.quotas import Allowance, Quotas
from aura.usage.reports import Reports
from aura.webhooks import outbox
from aura.webhooks.subscriptions import Webhooks
from aura.webhooks.values import Event
from aura.workspace.asking import Asking


class Workspace(Asking):
    """One scope: a tenant, and the user who acts. Without a user the organisation's own programs act, as an admin does.

    With a `grant` an API key of the user acts: what its verbs do not cover raises `Denied`, and what is not in its
    collections is not there.

    Light: it holds no connection, so make one when it is needed and forget it.
    """

    def __repr__(self) -> str:
        return f"Workspace({self.organisation.subdomain!r}, user={self.user.email if self.user else None!r})"

    async def on_behalf_of(self, user_id: UserId) -> Workspace:
        """This workspace for its own user; for an admin, one that asks in the name of a member.

        There, questions and answers go to the member's conversations, which the admin can not read unless the organisation
        says so (`custom_settings["admins_read_history"]`); memory is not used then either. Answers draw on what the whole
        organisation may see, never on the member's private documents. The caller writes it into the audit.

        Raises:
            NotFound: there is no such member, or the caller is no admin: the two are never told apart.
        """
        if self.user is not None and self.user.id == user_id:
            return self
        users = self._wiring.users
        member = None
        if self._principal.administers and self.scope.may(Verb.ADMIN):
            with suppress(NotFound):
                member = await users.get(user_id)
        if member is None or not member.is_active:
            raise NotFound("there is no such user")
        return Workspace(self._parts, self._principal.in_the_name_of(member))

    def require_admin(self, what: str) -> None:
        """Refuse who is not an admin, or a key that was not given the verb. Raises `Denied`."""
        self._principal.require_admin(what)

    # -- what belongs to the tenant ------------------------------------------------------------------------------------

    @property
    def documents(self) -> Documents:
        """Files in, and what is there."""
        parts = self._parts
        return Documents(
            scope=self.scope,
            catalogue=Catalogue(parts.database, parts.files, self.scope),
            intake=Intake(parts.database, parts.files, self.scope, max_bytes=parts.settings.max_file_bytes),
            pipeline=parts.pipeline,
            collections=Collections(parts.database, msgspec.structs.replace(self.scope, verbs=None)),
            concurrency=parts.settings.ingest_concurrency,
            may_upload=self._principal.may_upload,
            wake=parts.turns.wake,
        )

    @property
    def jobs(self) -> Jobs:
        """The tenant's work in the background. Raises `Denied` unless an admin acts."""
        self.require_admin("see jobs")
        return Jobs(self._parts.database, self.scope)

    @property
    def webhooks(self) -> Webhooks:
        """Addresses that hear of events. Raises `Denied` unless an admin acts."""
        self.require_admin("manage webhooks")
        parts = self._parts
        return Webhooks(
            parts.database,
            self.scope,
            cipher=parts.cipher,
            clock=parts.clock,
            private_hosts=parts.settings.webhook_private_hosts,
        )

    @property
    def collections(self) -> Collections:
        """The knowledge bases inside the tenant; admins alone may change them."""
        return Collections(self._parts.database, self.scope, may_manage=self._principal.administers)

    @property
    def conversations(self) -> Conversations:
        """The user's conversations."""
        return self._wiring.conversations

    @property
    def memory(self) -> Memory:
        """What AURA knows of the user: facts, summaries, export, erasure.

        Raises:
            Denied: an API key acts that is limited to collections: summaries may quote answers from all of them.
        """
        if self.scope.collections is not None:
            raise Denied("a key that is limited to collections may not use memory: it reaches all of them")
        parts = self._parts
        return Memory(
            parts.database,
            self._principal.owner,
            key=parts.memory_key,
            own=self._principal.is_owner,
            readable=self._principal.reads_history,
            forget=parts.responses.forget,
        )

    @property
    def persona(self) -> Profile:
        """How the user wants to be answered: chosen, learned, and why."""
        return self._wiring.persona

    @property
    def users(self) -> Users:
        """The tenant's users. Raises `Denied` unless an admin acts."""
        self.require_admin("manage users")
        return self._wiring.users

    @property
    def keys(self) -> ApiKeys:
        """The user's API keys, and to an admin everybody's. Raises `Denied` where an API key acts that may not `admin`."""
        self.scope.require(Verb.ADMIN)
        return ApiKeys(self._parts.database, self.scope, clock=self._parts.clock)

    @property
    def idempotency(self) -> Idempotency:
        """The requests that callers of this tenant may repeat."""
        return Idempotency(self._parts.database, self.scope, clock=self._parts.clock)

    @property
    def provider_keys(self) -> ProviderKeys:
        """The tenant's own keys for model providers, encrypted. Raises `Denied` unless an admin acts."""
        self.require_admin("manage provider keys")
        return ProviderKeys(self._parts.database, self.scope, cipher=self._parts.cipher)

    @property
    def storage(self) -> Storage:
        """What the tenant's files take of its plan. Raises `Denied` where an API key acts that may not `read`."""
        self.scope.require(Verb.READ)
        return Storage(self._parts.database, self.scope)

    @property
    def quotas(self) -> Quotas:
        """What the caller may still use: `take` before the work, `remaining` for all limits."""
        parts = self._parts
        return Quotas(
            parts.database,
            self.scope,
            self.organisation,
            settings=parts.settings,
            clock=parts.clock,
            key=self._principal.key,
        )

    async def allowances(self) -> tuple[Allowance, ...]:
        """Where every limit of the caller stands, those of voice included. Cost: three transactions."""
        return (*await self.quotas.remaining(), *await self.voice_sessions("realtime").remaining())

    @property
    def usage(self) -> Reports:
        """What the tenant has used, what it cost, and its dashboard. Raises `Denied` unless the user may view analytics."""
        self.scope.require(Verb.ADMIN)
        if self.user is not None and not self.user.may_view_analytics:
            raise Denied("only who may view analytics sees usage and costs: ask an admin")
        return Reports(self._parts.database, self.scope, clock=self._parts.clock)

    @property
    def audit(self) -> Audit:
        """Who did what: everybody's acts are recorded, admins alone may list them."""
        return Audit(
            self._parts.database,
            self.scope,
            clock=self._parts.clock,
            may_read=self._principal.administers and self.scope.may(Verb.ADMIN),
        )

    @property
    def budgets(self) -> Budgets:
        """What may be spent on models in a day and a month. Raises `Denied` unless an admin acts."""
        self.require_admin("manage budgets")
        return self._wiring.budgets

    @property
    def routing(self) -> RoutingModels:
        """What the router learns of this tenant's own questions. Raises `Denied` unless an admin acts."""
        self.require_admin("train the router")
        return self._wiring.routing

    async def reindex(self, *, dedicated: bool | None = None) -> Generation | None:
        """Build the index anew with the configured embedding model; the old one answers until the new one is complete.

        Args:
            dedicated: give the tenant a table of its own with HNSW, or the shared one; None: as its size asks.

        Raises:
            Denied: not an admin.
            Conflict: it is being rebuilt already.
        """
        self.require_admin("rebuild the index")
        if dedicated is None:
            dedicated = await self._wiring.index.size() > self._parts.settings.dedicated_index_chunks
        return await Rebuild(self._parts.database, self._parts.embedder).run(self.scope, dedicated=dedicated)

    async def export(self, target: Path) -> Path:
        """Write all that the organisation has into one portable archive: `aura.tenants.restore` reads it anywhere.

        Webhooks hear of it as `export.ready`.

        Raises:
            Denied: not an admin, or an API key acts that sees some collections alone.
        """
        self._principal.require_whole("export the organisation")
        from aura.archive import Archive

        parts = self._parts
        archive = Archive(parts.database, parts.files, parts.embedder, memory_key=parts.memory_key)
        path = await archive.export(self.scope, target)
        about = {"bytes": (await asyncio.to_thread(path.stat)).st_size}
        async with parts.database.tenant(self.scope.as_service()) as session:
            await outbox.put(session, self.scope.tenant_id, Event.EXPORT_READY, about)
        return path

    async def configure(self, changes: OrganisationChanges) -> Organisation:
        """Change the organisation's own settings; it as it is then.

        Raises:
            Denied: not an admin.
            InvalidRequest: a value can not be used; `field` names it.
        """
        self.require_admin("change the organisation")
        if changes.custom_settings is not msgspec.UNSET:
            checked_default(changes.custom_settings)
            checked_of_all(changes.custom_settings)
        return await self._wiring.organisations.update(self.organisation.id, changes)

    async def delete_user(self, user_id: UserId) -> Receipt:
        """Delete a member with the member's conversations and private documents; what was removed, counted.

        Raises:
            Denied: not an admin.
            NotFound: there is no such member.
            Conflict: it is the last active admin.
        """
        members, parts = self.users, self._parts
        private = await members.private_documents(user_id)
        receipt = await members.delete(user_id)  # first: who is the last admin keeps everything
        receipt += await self._forgotten(user_id)
        service = Catalogue(parts.database, parts.files, self.scope.as_service())
        for document_id in private:
            with suppress(NotFound):  # its owner was quicker
                receipt += await service.delete(document_id)
        return receipt

    async def _forgotten(self, user_id: UserId) -> Receipt:
        """Erase what no row of the member takes along, and what came in meanwhile."""
        theirs = Scope(tenant_id=self.scope.tenant_id, user_id=user_id)
        parts = self._parts
        return await Memory(parts.database, theirs, key=parts.memory_key, forget=parts.responses.forget).erase()

    async def delete_collection(self, collection_id: CollectionId, *, documents: bool = False) -> Receipt:
        """Delete a collection; one that still holds documents only with them.

        Raises:
            Denied: not an admin.
            NotFound: there is no such collection.
            Conflict: documents are in the way, or it is the default collection.
        """
        service = Catalogue(self._parts.database, self._parts.files, self.scope.as_service())
        return await self.collections.delete(collection_id, erase=service.delete if documents else None)

    async def erase(self, *, confirm: str | None = None) -> Receipt:
        """Erase the organisation with everything it has, for good; what was removed, counted.

        Args:
            confirm: the organisation's sub-domain, where a person is to have typed it.

        Raises:
            Denied: not an admin, or an API key acts that sees some collections alone.
            InvalidRequest: `confirm` is something else.
        """
        self._principal.require_whole("erase the organisation")
        if confirm not in (None, self.organisation.subdomain):
            raise InvalidRequest(
                f"to erase the organisation, confirm with its sub-domain {self.organisation.subdomain!r}",
                field="confirm",
            )
        return await erase_tenant(self._parts.database, self._parts.files, self._wiring.organisations, self.scope)
