"""What `Aura.open` builds: the database, the models, and all that the workspaces of a platform share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM

from aura.access.access import AccessSettings
from aura.access.tokens import derived_secret
from aura.answering.models import open_model, probing_of
from aura.answering.responses import Responses
from aura.clock import Clock
from aura.database import security
from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.database.redis_notices import RedisNotices
from aura.documents.files import Files
from aura.documents.load import Loader
from aura.documents.pipeline import Pipeline
from aura.documents.split import Splitter
from aura.documents.tokens import token_counter
from aura.index.embedding import EmbeddingModel, adapt_embedding, open_embedding
from aura.index.rerank import CrossEncoderReranker
from aura.jobs.housekeeping import DUTIES, Duty, Tenant
from aura.jobs.turns import Turns
from aura.memory.conversations import Conversations
from aura.portal import Portal
from aura.router.health import HealthBoard
from aura.router.models import RoutingCache
from aura.router.probing import Prober
from aura.router.ratings import learn, tiers_of
from aura.router.sharing import HealthShare
from aura.router.smart_router import SmartRouter
from aura.settings import Settings
from aura.tenants.passwords import Passwords
from aura.tenants.provider_keys import KeyCipher
from aura.usage.periods import Window
from aura.usage.platform_budget import PlatformBudget
from aura.usage.platform_ledger import PlatformLedger
from aura.usage.totals import Totals
from aura.voice.parts import VoiceParts, VoiceServices
from aura.workspace import Parts


async def chosen_embedding(settings: Settings, given: BaseEmbedding | None) -> EmbeddingModel:
    """The embedding model that is given, else the one of the settings."""
    if given is not None:
        return await adapt_embedding(given)
    return await asyncio.to_thread(open_embedding, settings)


async def open_database(settings: Settings, stack: AsyncExitStack) -> tuple[Database, str]:
    """The database, ours or the configured one, and the key of the platform's secrets."""
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
        prepared_statements=settings.prepares_statements,
    )
    stack.push_async_callback(database.close)
    await database.check()
    return database, secret_key


async def build_parts(
    settings: Settings,
    stack: AsyncExitStack,
    database: Database,
    model: EmbeddingModel,
    llm: LLM | None,
    voice: VoiceServices | None,
    clock: Clock,
    secret_key: str,
) -> Parts:
    """All that workspaces share, in the order in which one needs the other; `stack` closes it in reverse."""
    composer = _Composer(settings, stack, database, model)
    files = Files(settings.data_dir / "files", max_bytes=settings.max_file_bytes)
    pipeline = await composer.pipeline(files)
    portal, passwords = composer.portal(), composer.passwords()
    reranker, responses = composer.reranker(), composer.responses()
    totals, budget, routing = Totals(), _platform_budget(settings), RoutingCache()
    own_usage = PlatformLedger(database, clock=clock, budget=budget, totals=totals)
    answering = await composer.answering(llm, portal, own_usage)
    return Parts(
        settings=settings,
        database=database,
        files=files,
        embedder=model,
        llm=answering,
        voice=composer.voice(voice, answering),
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


class _Composer:
    """Builds the parts that have something to close, and has `stack` close it."""

    def __init__(self, settings: Settings, stack: AsyncExitStack, database: Database, embedder: EmbeddingModel) -> None:
        self._settings = settings
        self._stack = stack
        self._database = database
        self._embedder = embedder

    async def pipeline(self, files: Files) -> Pipeline:
        """What makes passages of files."""
        settings, embedder = self._settings, self._embedder
        loader = Loader(
            processes=settings.parse_processes,
            timeout_seconds=settings.parse_timeout_seconds,
            max_bytes=settings.max_file_bytes,
        )
        return Pipeline(
            database=self._database,
            files=files,
            loader=await self._stack.enter_async_context(loader),
            splitter=Splitter(token_counter(embedder.tokenizer), max_tokens=embedder.max_tokens),
            embedder=embedder,
            dedicated_index_chunks=settings.dedicated_index_chunks,
            lease_seconds=settings.ingest_lease_seconds,
            stage_timeout_seconds=settings.ingest_stage_timeout_seconds,
        )

    def portal(self) -> Portal:
        """The loop of callers that have none."""
        portal = Portal(on_close=self._database.close_loop)
        self._stack.push_async_callback(asyncio.to_thread, portal.close)
        return portal

    def passwords(self) -> Passwords:
        """What hashes passwords."""
        passwords = Passwords()
        self._stack.callback(passwords.close)
        return passwords

    def reranker(self) -> CrossEncoderReranker | None:
        """The model that ranks passages once more, if one is configured."""
        settings = self._settings
        if settings.rerank_model is None:
            return None
        reranker = CrossEncoderReranker(model=settings.rerank_model, budget_seconds=settings.rerank_budget_seconds)
        self._stack.push_async_callback(asyncio.to_thread, reranker.close)
        return reranker

    def responses(self) -> Responses:
        """Answers that go on without their reader."""
        responses = Responses(
            self._database,
            # What they store was cut off, and may have been asked in another's name: nothing is learned from it.
            lambda scope: Conversations(self._database, scope, learns=False),
            resume_seconds=self._settings.response_resume_seconds,
            lease_seconds=self._settings.response_lease_seconds,
        )
        self._stack.push_async_callback(responses.close)
        return responses

    async def answering(self, given: LLM | None, portal: Portal, own_usage: PlatformLedger) -> LLM:
        """The model that answers."""
        settings = self._settings
        llm = given or await asyncio.to_thread(open_model, settings, self._embedder, portal=portal)
        if isinstance(llm, SmartRouter) and llm.board.statuses():
            self._stack.push_async_callback(llm.close)
            portal.before_closing(llm.close_loop)
            if (probing := probing_of(settings)) is not None:
                self._in_background(Prober(llm.candidates, llm.board, probing, ledger=own_usage).run())
        return llm

    def voice(self, given: VoiceServices | None, answering: LLM) -> VoiceParts:
        """What hears and speaks. How its services are, and those of the model, is shared with other replicas."""
        board = answering.board if isinstance(answering, SmartRouter) else HealthBoard()
        speech = VoiceParts(self._settings, board, given=given)
        self._stack.push_async_callback(speech.close)
        if board.statuses() or speech.calls_out:
            self._share(board)
        return speech

    def _share(self, board: HealthBoard) -> None:
        """Tell other replicas how the services on `board` are, and hear it from them."""
        url = self._settings.redis_url
        redis = None if url is None else RedisNotices(url.get_secret_value())
        if redis is not None:
            self._stack.push_async_callback(redis.close)
        self._in_background(HealthShare(self._database, board, redis=redis).run())

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        self._stack.push_async_callback(ended, asyncio.create_task(work))


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


def _platform_budget(settings: Settings) -> PlatformBudget | None:
    limits = {
        span: round(usd * 1_000_000)
        for span, usd in ((Window.DAY, settings.daily_budget_usd), (Window.MONTH, settings.monthly_budget_usd))
        if usd is not None
    }
    return PlatformBudget(limits) if limits else None


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task of the background, and wait until it has gone."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
