"""`Aura.open()`: the one place where everything is opened, and closed again in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM

from aura.access.access import Access
from aura.access.callers import Caller
from aura.answering.ask import EXTRACTIVE
from aura.clock import Clock, SystemClock
from aura.composition import build_parts, chosen_embedding, ended, open_database
from aura.documents.recovery import recover_forever
from aura.documents.tasks import queued
from aura.documents.values import Receipt
from aura.erase import erase_tenant
from aura.errors import NotFound
from aura.health import Checks, Health
from aura.identity import Role, Scope, TenantId, UserId
from aura.jobs.housekeeping import Housekeeping
from aura.jobs.unattended import Unattended
from aura.memory.deriving import Deriver
from aura.memory.model_extraction import ModelReader
from aura.router.smart_router import SmartRouter
from aura.settings import Settings
from aura.tenants.organisations import Organisations
from aura.tenants.users import Users
from aura.tenants.values import Organisation, Page, PlanChanges, Tier, User
from aura.usage.ledger import Ledger
from aura.usage.metering import Meter
from aura.usage.platform_ledger import PlatformLedger
from aura.usage.totals import Totals
from aura.voice.parts import VoiceServices
from aura.webhooks.delivery import Deliverer
from aura.workspace import Parts, Principal, Workspace

if TYPE_CHECKING:
    from aura.jobs.worker import Pace, Worker


class Aura:
    """A running platform: its tenants, and the workspaces in which everything else happens.

    async with Aura.open() as aura:
        acme = await aura.tenants.create(organization_name="Acme", subdomain="acme", ...)
        answer = await acme.ask("How long do customers have to return a product?")
    """

    def __init__(self, parts: Parts, organisations: Organisations) -> None:
        self._parts = parts
        self.tenants = Tenants(parts, organisations)
        """The organisations of this platform."""
        self.access = Access(parts.database, passwords=parts.passwords, settings=parts.access, clock=parts.clock)
        """Who is calling: logins, access tokens, API keys, tickets."""

    @property
    def settings(self) -> Settings:
        """What the platform was opened with."""
        return self._parts.settings

    @property
    def clock(self) -> Clock:
        """What tells the platform the time."""
        return self._parts.clock

    async def health(self) -> Health:
        """How the platform's parts are. Cost: one round trip to the database; no call of a model."""
        parts = self._parts
        return await Checks(parts.database, parts.embedder, parts.settings, llm=parts.llm, voice=parts.voice).run()

    @property
    def router(self) -> SmartRouter | None:
        """What chooses among the models, with `get_health_status()`; None where one model answers all."""
        return self._parts.llm if isinstance(self._parts.llm, SmartRouter) else None

    @property
    def totals(self) -> Totals:
        """What this process has answered."""
        return self._parts.totals

    @property
    def own_usage(self) -> PlatformLedger:
        """What the platform has called for itself and pays for, such as probes: `get_cost_summary()`."""
        parts = self._parts
        return PlatformLedger(parts.database, clock=parts.clock, budget=parts.platform_budget, totals=parts.totals)

    async def queued_documents(self) -> int:
        """How many documents of all organisations wait or are worked on. Cost: one round trip to the database."""
        return await queued(self._parts.database)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings | None = None,
        *,
        llm: LLM | None = None,
        embed_model: BaseEmbedding | None = None,
        voice: VoiceServices | None = None,
        clock: Clock | None = None,
        recover: bool = True,
        warm: bool = True,
    ) -> AsyncGenerator[Aura]:
        """Open the platform: the embedded parts by default, what the settings or the environment name otherwise.

        Args:
            llm: any LlamaIndex model, in the place of `AURA_LLM`.
            embed_model: any LlamaIndex embedding, in the place of `AURA_EMBED_MODEL`.
            voice: what hears and speaks, in the place of what the settings and the installed packages say.
            recover: do what a worker would have to: take up documents whose worker died, and, while no worker is alive,
                derive from what users say, after their answers; at the end that may take up to two seconds.
            warm: load the weights of the embedding model now, in a thread; else the first text that is embedded does.

        Raises:
            InvalidRequest: a setting can not be used.
            Unavailable: the database or the embedding model is away.
            Denied: the database does not keep tenants apart.

        Cost: about 2 s in the embedded mode; the embedding weights load meanwhile, in a thread.
        """
        settings = settings or Settings.load()
        async with AsyncExitStack() as stack:
            model = await chosen_embedding(settings, embed_model)
            if model is not embed_model:
                stack.callback(model.close)
            if warm:
                warming = asyncio.create_task(model.warm())
                stack.push_async_callback(ended, warming)
            database, secret_key = await open_database(settings, stack)
            parts = await build_parts(settings, stack, database, model, llm, voice, clock or SystemClock(), secret_key)
            if recover:
                recovery = asyncio.create_task(recover_forever(database, parts.pipeline))
                stack.push_async_callback(ended, recovery)
            aura = cls(parts, Organisations(database, passwords=parts.passwords, clock=parts.clock))
            if recover:
                await stack.enter_async_context(aura._unattended().running(parts.portal))
            yield aura

    def worker(self, *, concurrency: int | None = None, pace: Pace | None = None) -> Worker:
        """A worker for the queue: `await aura.worker().run(stop)`. Any number of processes may have one.

        Args:
            concurrency: turns at once; `AURA_WORKER_CONCURRENCY` unless given.
        """
        from aura.jobs.worker import Pace, Worker

        parts, settings = self._parts, self._parts.settings
        return Worker(
            database=parts.database,
            pipeline=parts.pipeline,
            deliverer=Deliverer(
                parts.database,
                cipher=parts.cipher,
                clock=parts.clock,
                private_hosts=settings.webhook_private_hosts,
            ),
            deriver=self._deriver(),
            housekeeping=Housekeeping(parts.database, clock=parts.clock, duties=parts.duties),
            turns=parts.turns,
            clock=parts.clock,
            concurrency=concurrency or settings.worker_concurrency,
            pace=pace or Pace.of_lease(settings.ingest_lease_seconds),
        )

    def _unattended(self) -> Unattended:
        """What derives from turns in this process while there is no worker."""
        parts, settings = self._parts, self._parts.settings
        return Unattended(
            parts.turns,
            self._deriver(),
            every_seconds=max(0.5, settings.memory_quiet_seconds / 2),
            silent_seconds=settings.ingest_lease_seconds,
        )

    def _deriver(self) -> Deriver:
        """What derives from turns: by rules, and by the model where one is configured that can read."""
        parts = self._parts
        reader = None
        if parts.settings.memory_extraction == "model" and parts.llm.metadata.model_name != EXTRACTIVE:
            reader = ModelReader(self._reading_model, self._meter)
        return Deriver(parts.database, parts.embedder, key=parts.memory_key, reader=reader)

    async def _reading_model(self, scope: Scope) -> LLM:
        """The model, with the books of whose turns it reads."""
        workspace = Workspace(self._parts, Principal.of(await self.tenants.get(scope.tenant_id)))
        workspace.scope = scope
        return workspace.llm

    def _meter(self, scope: Scope) -> Meter:
        parts = self._parts
        ledger = Ledger(parts.database, scope, clock=parts.clock)
        return Meter(ledger, totals=parts.totals)

    async def workspace(
        self, tenant: TenantId | str | Organisation, user: UserId | str | User | None = None
    ) -> Workspace:
        """What one tenant, and one user of it, can do: the only way to anything that belongs to a tenant.

        Args:
            tenant: its id, its sub-domain, or itself.
            user: an id or e-mail address; None is the organisation's own programs, which see what all members see.

        Raises:
            NotFound: there is no such organisation, or no such user in it.
            Denied: the organisation or the user was switched off, or its time is over.
        """
        return await self.tenants.workspace(tenant, user)

    def workspace_of(self, caller: Caller) -> Workspace:
        """What an authenticated caller can do. Cost: nothing: the caller was read from the database a moment ago."""
        return Workspace(self._parts, Principal.of(caller.organisation, caller.user, caller.api_key, caller.grant))


class Tenants:
    """The organisations of a platform."""

    def __init__(self, parts: Parts, organisations: Organisations) -> None:
        self._parts = parts
        self._organisations = organisations

    async def create(
        self,
        *,
        organization_name: str,
        subdomain: str,
        admin_email: str,
        password: str,
        name: str = "",
        subscription_tier: Tier | str = Tier.STANDARD,
        plan: PlanChanges | None = None,
    ) -> Workspace:
        """A new organisation with its first admin; its workspace.

        Raises:
            InvalidRequest: a field can not be used; `field` names it.
            Conflict: the sub-domain is taken.
        """
        organisation, _ = await self._organisations.create(
            organization_name=organization_name,
            subdomain=subdomain,
            admin_email=admin_email,
            password=password,
            name=name,
            subscription_tier=subscription_tier,
            plan=plan,
        )
        return await self.workspace(organisation)

    async def get(self, tenant_id: TenantId) -> Organisation:
        """One organisation. Raises `NotFound`."""
        return await self._organisations.get(tenant_id)

    async def by_subdomain(self, subdomain: str) -> Organisation:
        """One organisation. Raises `NotFound`."""
        return await self._organisations.by_subdomain(subdomain)

    async def list(self, *, limit: int = 100, cursor: str | None = None) -> Page[Organisation]:
        """All organisations, a page at a time."""
        return await self._organisations.list(limit=limit, cursor=cursor)

    async def set_plan(self, tenant_id: TenantId, changes: PlanChanges) -> Organisation:
        """Change an organisation's plan, limits or state. Raises `NotFound`."""
        return await self._organisations.set_plan(tenant_id, changes)

    async def erase(self, tenant_id: TenantId) -> Receipt:
        """Erase an organisation with everything it has, for good; what was removed, counted. Raises `NotFound`."""
        scope = Scope(tenant_id=tenant_id, role=Role.SERVICE)
        return await erase_tenant(self._parts.database, self._parts.files, self._organisations, scope)

    async def restore(self, archive: Path, *, subdomain: str | None = None, tier: Tier | None = None) -> Workspace:
        """A new organisation from a portable archive (`workspace.export`), under another sub-domain if one is named.

        Args:
            tier: the plan of the new organisation, with no end; the archive's own plan and limits, when left out.

        Raises:
            InvalidRequest: the file is not such an archive, or is damaged.
            Conflict: the sub-domain is taken.
        """
        from aura.archive import Archive

        parts = self._parts
        reader = Archive(parts.database, parts.files, parts.embedder, memory_key=parts.memory_key)
        tenant_id = await reader.restore(archive, subdomain=subdomain, tier=tier)
        return await self.workspace(tenant_id)

    async def workspace(
        self, tenant: TenantId | str | Organisation, user: UserId | str | User | None = None
    ) -> Workspace:
        """As `Aura.workspace`."""
        organisation = await self._find(tenant)
        self._organisations.ensure_active(organisation)
        member = None if user is None else await self._member(organisation.id, user)
        return Workspace(self._parts, Principal.of(organisation, member))

    async def _find(self, tenant: TenantId | str | Organisation) -> Organisation:
        """The organisation as it stands now: the caller's value may be from before it was switched off."""
        if isinstance(tenant, str):
            return await self._organisations.by_subdomain(tenant)
        return await self._organisations.get(tenant.id if isinstance(tenant, Organisation) else tenant)

    async def _member(self, tenant_id: TenantId, user: UserId | str | User) -> User:
        users = Users(self._parts.database, Scope(tenant_id=tenant_id), passwords=self._parts.passwords)
        if isinstance(user, User):
            user = user.id
        member = await (users.by_email(user) if isinstance(user, str) else users.get(user))
        if not member.is_active:
            raise NotFound("there is no such user")
        return member
