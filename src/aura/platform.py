"""`Aura.open()`: the one place where everything is built, and closed again in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM

from aura.access.access import Access, AccessSettings
from aura.access.callers import Caller
from aura.access.tokens import derived_secret
from aura.answering.ask import EXTRACTIVE
from aura.answering.models import open_model, probing_of
from aura.answering.responses import Responses
from aura.clock import Clock, SystemClock
from aura.database import security
from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.database.redis_notices import RedisNotices
from aura.documents.files import Files
from aura.documents.load import Loader
from aura.documents.pipeline import Pipeline
from aura.documents.recovery import recover_forever
from aura.documents.split import Splitter
from aura.documents.tasks import queued
from aura.documents.tokens import token_counter
from aura.documents.values import Receipt
from aura.erase import erase_tenant
from aura.errors import NotFound
from aura.health import Checks, Health
from aura.identity import Role, Scope, TenantId, UserId
from aura.index.embedding import EmbeddingModel, adapt_embedding, open_embedding
from aura.index.rerank import CrossEncoderReranker
from aura.jobs.housekeeping import DUTIES, Duty, Housekeeping, Tenant
from aura.jobs.turns import Turns
from aura.jobs.unattended import Unattended
from aura.memory.conversations import Conversations
from aura.memory.deriving import Deriver
from aura.memory.model_extraction import ModelReader
from aura.portal import Portal
from aura.router.health import HealthBoard
from aura.router.models import RoutingCache
from aura.router.probing import Prober
from aura.router.ratings import learn, tiers_of
from aura.router.sharing import HealthShare
from aura.router.smart_router import SmartRouter
from aura.settings import Settings
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.tenants.provider_keys import KeyCipher
from aura.tenants.users import Users
from aura.tenants.values import Organisation, Page, PlanChanges, Tier, User
from aura.usage.ledger import Ledger
from aura.usage.metering import Meter
from aura.usage.periods import Window
from aura.usage.platform_budget import PlatformBudget
from aura.usage.platform_ledger import PlatformLedger
from aura.usage.totals import Totals
from aura.voice.parts import VoiceParts, VoiceServices
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
        return _own_usage(self._parts.database, self._parts.clock, self._parts.platform_budget, self._parts.totals)

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
            model = await _embedding(settings, embed_model)
            if model is not embed_model:
                stack.callback(model.close)
            if warm:
                warming = asyncio.create_task(model.warm())
                stack.push_async_callback(_ended, warming)
            database, secret_key = await _open_database(settings, stack)
            parts = await _build(settings, stack, database, model, llm, voice, clock or SystemClock(), secret_key)
            if recover:
                recovery = asyncio.create_task(recover_forever(database, parts.pipeline))
                stack.push_async_callback(_ended, recovery)
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


async def _embedding(settings: Settings, given: BaseEmbedding | None) -> EmbeddingModel:
    if given is not None:
        return await adapt_embedding(given)
    return await asyncio.to_thread(open_embedding, settings)


async def _open_database(settings: Settings, stack: AsyncExitStack) -> tuple[Database, str]:
    if settings.database_url is None:
        server = await asyncio.to_thread(EmbeddedServer.start, settings.data_dir)
        stack.push_async_callback(asyncio.to_thread, server.stop)
        app_url, system_url, secret_key = server.url(security.APP), server.url(security.SYSTEM), server.secret_key
    else:
        assert settings.system_database_url is not None
        assert settings.secret_key is not None
        app_url = settings.database_url.get_secret_value()
        system_url = settings.system_database_url.get_secret_value()
        secret_key = settings.secret_key.get_secret_value()
    database = Database(
        app_url=app_url,
        system_url=system_url,
        pool_size=settings.database_pool_size,
        wait_seconds=settings.database_wait_seconds,
    )
    stack.push_async_callback(database.close)
    await database.check()
    return database, secret_key


async def _build(
    settings: Settings,
    stack: AsyncExitStack,
    database: Database,
    model: EmbeddingModel,
    llm: LLM | None,
    voice: VoiceServices | None,
    clock: Clock,
    secret_key: str,
) -> Parts:
    files = Files(settings.data_dir / "files", max_bytes=settings.max_file_bytes)
    loader = await stack.enter_async_context(
        Loader(
            processes=settings.parse_processes,
            timeout_seconds=settings.parse_timeout_seconds,
            max_bytes=settings.max_file_bytes,
        )
    )
    portal = Portal(on_close=database.close_loop)
    stack.push_async_callback(asyncio.to_thread, portal.close)
    passwords = Passwords()
    stack.callback(passwords.close)
    pipeline = Pipeline(
        database=database,
        files=files,
        loader=loader,
        splitter=Splitter(token_counter(model.tokenizer), max_tokens=model.max_tokens),
        embedder=model,
        dedicated_index_chunks=settings.dedicated_index_chunks,
        lease_seconds=settings.ingest_lease_seconds,
        stage_timeout_seconds=settings.ingest_stage_timeout_seconds,
    )
    reranker = _reranker(settings, stack)
    responses = Responses(
        database,
        # What they store was cut off, and may have been asked in another's name: nothing is learned from it.
        lambda scope: Conversations(database, scope, learns=False),
        resume_seconds=settings.response_resume_seconds,
        lease_seconds=settings.response_lease_seconds,
    )
    stack.push_async_callback(responses.close)
    totals, budget = Totals(), _platform_budget(settings)
    own_usage = _own_usage(database, clock, budget, totals)
    answering = await _model(settings, stack, model, llm, portal, own_usage)
    board = answering.board if isinstance(answering, SmartRouter) else HealthBoard()
    speech = VoiceParts(settings, board, given=voice)
    stack.push_async_callback(speech.close)
    if board.statuses() or speech.calls_out:
        _share(settings, stack, database, board)
    routing = RoutingCache()
    return Parts(
        settings=settings,
        database=database,
        files=files,
        embedder=model,
        llm=answering,
        voice=speech,
        platform_budget=budget,
        totals=totals,
        pipeline=pipeline,
        portal=portal,
        passwords=passwords,
        cipher=KeyCipher(secret_key),
        access=_access(settings, secret_key),
        memory_key=bytes.fromhex(derived_secret(secret_key, purpose="memory")),
        reranker=reranker,
        responses=responses,
        routing=routing,
        duties=(*DUTIES, *_duties(responses, answering, routing, model)),
        clock=clock,
        turns=Turns(database, lanes=settings.ingest_lanes, quiet_seconds=settings.memory_quiet_seconds),
    )


def _duties(responses: Responses, llm: LLM, routing: RoutingCache, embedder: EmbeddingModel) -> tuple[Duty, ...]:
    """What housekeeping does besides deleting what has had its time."""
    tiers = tiers_of(llm.candidates) if isinstance(llm, SmartRouter) else {}

    async def settle(_: Database, tenant: Tenant, __: Clock) -> int:
        return await responses.purge(tenant.id)

    async def learn_from_ratings(database: Database, tenant: Tenant, _: Clock) -> int:
        return await learn(database, tenant.scope, tiers=tiers, cache=routing, embed=embedder.embed_query)

    learning = (Duty(name="ratings learned from", run=learn_from_ratings),) if tiers else ()
    return (Duty(name="ended responses", run=settle), *learning)


def _access(settings: Settings, secret_key: str) -> AccessSettings:
    """The embedded mode's own secret comes from the one that it keeps: the same in every process, and after a restore."""
    jwt_secret, internal_key = settings.jwt_secret, settings.internal_api_key
    return AccessSettings(
        jwt_secret=derived_secret(secret_key, purpose="jwt secret")
        if jwt_secret is None
        else jwt_secret.get_secret_value(),
        internal_api_key=None if internal_key is None else internal_key.get_secret_value(),
        access_token_seconds=settings.access_token_seconds,
        session_days=settings.session_days,
    )


async def _model(
    settings: Settings,
    stack: AsyncExitStack,
    embedder: EmbeddingModel,
    given: LLM | None,
    portal: Portal,
    own_usage: PlatformLedger,
) -> LLM:
    """The model that answers."""
    llm = given or await asyncio.to_thread(open_model, settings, embedder, portal=portal)
    if isinstance(llm, SmartRouter) and llm.board.statuses():
        stack.push_async_callback(llm.close)
        portal.before_closing(llm.close_loop)
        if (probing := probing_of(settings)) is not None:
            probes = asyncio.create_task(Prober(llm.candidates, llm.board, probing, ledger=own_usage).run())
            stack.push_async_callback(_ended, probes)
    return llm


def _share(settings: Settings, stack: AsyncExitStack, database: Database, board: HealthBoard) -> None:
    """Tell other replicas how the services on `board` are, and hear it from them."""
    redis = None if settings.redis_url is None else RedisNotices(settings.redis_url.get_secret_value())
    if redis is not None:
        stack.push_async_callback(redis.close)
    share = asyncio.create_task(HealthShare(database, board, redis=redis).run())
    stack.push_async_callback(_ended, share)


def _own_usage(database: Database, clock: Clock, budget: PlatformBudget | None, totals: Totals) -> PlatformLedger:
    return PlatformLedger(database, clock=clock, budget=budget, totals=totals)


def _platform_budget(settings: Settings) -> PlatformBudget | None:
    limits = {
        span: round(usd * 1_000_000)
        for span, usd in ((Window.DAY, settings.daily_budget_usd), (Window.MONTH, settings.monthly_budget_usd))
        if usd is not None
    }
    return PlatformBudget(limits) if limits else None


def _reranker(settings: Settings, stack: AsyncExitStack) -> CrossEncoderReranker | None:
    if settings.rerank_model is None:
        return None
    reranker = CrossEncoderReranker(model=settings.rerank_model, budget_seconds=settings.rerank_budget_seconds)
    stack.push_async_callback(asyncio.to_thread, reranker.close)
    return reranker


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
