"""`Workspace`: what one tenant, and one user of it, can do. Server, CLI, notebooks and evals use this and no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
from llama_index.core import VectorStoreIndex
from llama_index.core.llms import LLM
from llama_index.core.query_engine import RetrieverQueryEngine

from aura.access.access import AccessSettings
from aura.access.api_keys import ApiKeys
from aura.access.callers import Grant
from aura.access.idempotency import Idempotency
from aura.answering.ask import Ask, InConversation, Said
from aura.answering.context import ContextBuilder
from aura.answering.engine import AnswerEngine
from aura.answering.events import Answer, AnswerEvent
from aura.answering.own_responses import OwnResponses
from aura.answering.responses import Asker, Responses
from aura.clock import Clock
from aura.database.engine import Database
from aura.documents.catalogue import Catalogue
from aura.documents.files import Files
from aura.documents.ingest import Documents
from aura.documents.intake import Intake
from aura.documents.pipeline import Pipeline
from aura.documents.values import Receipt
from aura.erase import erase_tenant
from aura.errors import Denied, InvalidRequest, NotFound
from aura.identity import CollectionId, ConversationId, Role, Scope, UserId, Verb
from aura.index.embedding import EmbeddingModel
from aura.index.embeddings import Embeddings
from aura.index.floor import floor_for
from aura.index.generations import Generation, Rebuild
from aura.index.passage import Passage
from aura.index.rerank import CrossEncoderReranker
from aura.index.retriever import HybridRetriever
from aura.index.store import TenantVectorStore
from aura.index.tenant_index import Mode, Search, TenantIndex
from aura.jobs.housekeeping import DUTIES, Duty
from aura.jobs.overview import Jobs
from aura.jobs.turns import Turns
from aura.memory.background import RecalledBackground
from aura.memory.blocks import RecallBlock
from aura.memory.conversations import Conversations
from aura.memory.facts import Facts
from aura.memory.feedback import Feedback
from aura.memory.forgetting import Forgetting
from aura.memory.memory import Memory
from aura.memory.recall import Recall
from aura.persona.profile import Profile
from aura.persona.rendering import NEUTRAL, Style
from aura.persona.signals import Signals
from aura.persona.traits import Channel, Traits, checked_default, default_of
from aura.portal import Portal
from aura.router.context import CallContext, Tenancy
from aura.router.models import RoutingCache, RoutingModels
from aura.router.smart_router import SmartRouter
from aura.settings import Settings
from aura.tenants.collections import Collections
from aura.tenants.limits import Storage
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.tenants.provider_keys import KeyCipher, ProviderKeys
from aura.tenants.users import Users
from aura.tenants.values import Organisation, OrganisationChanges, User
from aura.usage.accounts import Accounts
from aura.usage.audit import Audit
from aura.usage.budgets import Budgets
from aura.usage.ledger import Ledger
from aura.usage.metering import Meter
from aura.usage.platform_budget import PlatformBudget
from aura.usage.quotas import LimitedKey, Quotas
from aura.usage.reports import Reports
from aura.usage.totals import Totals
from aura.voice.parts import VoiceParts
from aura.voice.service import Voice, vocabulary_of
from aura.webhooks import outbox
from aura.webhooks.subscriptions import Webhooks
from aura.webhooks.values import Event


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform has built, and every workspace of it shares."""

    settings: Settings
    database: Database
    files: Files
    embedder: EmbeddingModel
    llm: LLM
    pipeline: Pipeline
    portal: Portal
    passwords: Passwords
    cipher: KeyCipher
    access: AccessSettings
    memory_key: bytes
    reranker: CrossEncoderReranker | None
    responses: Responses
    totals: Totals = msgspec.field(default_factory=Totals)
    clock: Clock
    turns: Turns
    voice: VoiceParts
    duties: tuple[Duty, ...] = DUTIES
    platform_budget: PlatformBudget | None = None
    routing: RoutingCache = msgspec.field(default_factory=RoutingCache)


class Workspace:
    """One scope: a tenant, and the user who acts. Without a user the organisation's own programs act, as an admin does.

    With a `grant` an API key of the user acts: what its verbs do not cover raises `Denied`, and what is not in its
    collections is not there.

    Light: it holds no connection, so make one when it is needed and forget it.
    """

    def __init__(
        self,
        parts: Parts,
        organisation: Organisation,
        user: User | None = None,
        *,
        key: LimitedKey | None = None,
        grant: Grant | None = None,
    ) -> None:
        self._parts = parts
        self._key = key
        self.organisation = organisation
        """The tenant as it was when the workspace was opened."""
        self.user = user
        """Who acts, or None."""
        self.grant = grant
        """What the API key that acts may do, or None."""
        self.scope = Scope(
            tenant_id=organisation.id,
            user_id=None if user is None else user.id,
            role=Role.ADMIN if user is None else user.role,
            collections=None if grant is None else grant.collections,
            verbs=None if grant is None else grant.verbs,
        )
        self._asked_by: str | None = None
        self._owner = self.scope
        """Whose the conversations are. Another's than the documents', where an admin asks in a member's name."""

    def __repr__(self) -> str:
        return f"Workspace({self.organisation.subdomain!r}, user={self.user.email if self.user else None!r})"

    # -- ask and search ------------------------------------------------------------------------------------------------

    async def ask(
        self,
        message: str,
        *,
        conversation: InConversation = None,
        history: Sequence[Said] = (),
        collection: str | CollectionId | None = None,
        use_memory: bool = True,
        use_persona: bool = True,
        search_knowledge: bool = True,
        temporary: bool = False,
        channel: Channel = "text",
    ) -> Answer:
        """The answer to `message`, cited from this scope's documents, or a refusal where they do not support one.

        Args:
            conversation: what it is a turn of, `"new"` for one that begins with it (the answer has its id); stored there
                unless `temporary`.
            history: what was said before, where the caller keeps that itself; it and the answer are stored nowhere.
            collection: search in this one alone, by name or id.
            use_memory: draw on what the user said before, here and in other conversations; earlier turns also say what a
                follow-up means.
            use_persona: adapt the wording to the user, and learn from the message how the user wants to be answered.
            search_knowledge: draw on documents; without it the model answers alone, and cites nothing.
            channel: how the answer is taken in: each has a persona of its own.

        Raises:
            InvalidRequest: the message is empty, or both a conversation and a history are given.
            Denied: an API key acts that may not `ask`.
            NotFound: there is no such conversation or collection in the scope.
            Unavailable: the database or the model is away.

        Cost: one call of the model; two or three round trips to the database.
        """
        ask = await self._asked(
            message, conversation, collection, use_memory, use_persona, search_knowledge, temporary, channel, history
        )
        return await self._engine.answer(ask)

    async def stream(
        self,
        message: str,
        *,
        conversation: InConversation = None,
        history: Sequence[Said] = (),
        collection: str | CollectionId | None = None,
        use_memory: bool = True,
        use_persona: bool = True,
        search_knowledge: bool = True,
        temporary: bool = False,
        channel: Channel = "text",
    ) -> AsyncGenerator[AnswerEvent]:
        """As `ask`, as it comes: `sources`, `delta` and `citation`, then `final`, `refusal` or `error`.

        Closing the stream stops the model; what it had said is stored.
        """
        ask = await self._asked(
            message, conversation, collection, use_memory, use_persona, search_knowledge, temporary, channel, history
        )
        async with aclosing(self._engine.stream(ask)) as events:
            async for event in events:
                yield event

    async def search(
        self,
        query: str,
        *,
        limit: int = 10,
        collection: str | CollectionId | None = None,
        mode: Mode = "hybrid",
    ) -> list[Passage]:
        """The best passages for `query`, best first: as many as `limit` whenever the scope has so many.

        Args:
            mode: both legs fused, or one of them: `dense`, `bm25`.

        Raises:
            InvalidRequest: the query is empty.
            Denied: an API key acts that may not `read`.
            NotFound: there is no such collection.

        Cost: one query embedding; two round trips to the database.
        """
        self.scope.require(Verb.READ)
        results = await self._tenant_index.search(
            Search(
                text=query,
                limit=limit,
                mode=mode,
                weight=self._parts.settings.fusion_weight,
                candidates=self._parts.settings.candidates,
                collection_id=await self._collection_id(collection),
            )
        )
        return [found.passage for found in results.found]

    async def try_persona(self, message: str, traits: Traits | None, *, search_knowledge: bool = True) -> Answer:
        """The answer to `message` as a persona of these traits would have it; None is the user's own. Nothing is stored.

        Raises:
            As `ask`.

        Cost: as `ask`.
        """
        ask = await self._asked(message, None, None, False, traits is None, search_knowledge, True, "text")
        if traits is not None:
            ask = msgspec.structs.replace(ask, style=Style.of(traits))
        return await self._engine.answer(ask)

    async def feedback(self, message_id: UUID, rating: int, reason: str = "", comment: str = "") -> None:
        """Rate an answer of the user's: 1 or -1. Rating it again replaces the first opinion.

        Raises:
            InvalidRequest: the rating is another number, or a text is too long.
            NotFound: the user has no answer with this id.
        """
        self.scope.require(Verb.ASK)
        if not self._reads_history:
            raise NotFound("there is no such answer")
        opinions = Feedback(self._parts.database, self._owner, signals=self._signals)
        await opinions.give(message_id, rating, reason=reason, comment=comment)

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
        users = Users(self._parts.database, self.scope, passwords=self._parts.passwords)
        member = None
        if self._administers and self.scope.may(Verb.ADMIN):
            with suppress(NotFound):
                member = await users.get(user_id)
        if member is None or not member.is_active:
            raise NotFound("there is no such user")
        delegate = Workspace(self._parts, self.organisation, member, key=self._key, grant=self.grant)
        delegate._asked_by = "programs" if self.user is None else str(self.user.id)
        delegate._owner = delegate.scope
        delegate.scope = msgspec.structs.replace(self.scope, user_id=None, role=Role.USER)
        return delegate

    # -- LlamaIndex ----------------------------------------------------------------------------------------------------

    @cached_property
    def index(self) -> VectorStoreIndex:
        """This scope's index as a LlamaIndex `VectorStoreIndex`; its vector store is a `TenantVectorStore`.

        Added nodes are in no collection, so an API key that is limited to some adds none.

        Raises:
            Denied: an API key acts that may not `read`.
        """
        self.scope.require(Verb.READ)
        store = TenantVectorStore(
            self._tenant_index,
            self._parts.portal,
            dimension=self._parts.embedder.dimension,
            may_write=self._may_upload and self.scope.may(Verb.WRITE) and self.scope.collections is None,
        )
        return VectorStoreIndex.from_vector_store(store, embed_model=self._parts.embedder)

    def retriever(self, *, limit: int = 10, mode: Mode = "hybrid", weight: float | None = None) -> HybridRetriever:
        """AURA's retrieval as a LlamaIndex retriever, with both legs' scores in each node's metadata.

        Raises:
            Denied: as `search`.
        """
        self.scope.require(Verb.READ)
        settings = self._parts.settings
        search = Search(
            text="",
            limit=limit,
            mode=mode,
            weight=settings.fusion_weight if weight is None else weight,
            candidates=settings.candidates,
        )
        return HybridRetriever(self._tenant_index, self._parts.portal, search)

    def query_engine(self, **options: Any) -> RetrieverQueryEngine:
        """A LlamaIndex query engine over this scope. `options` are those of `RetrieverQueryEngine.from_args`."""
        options.setdefault("retriever", self.retriever(limit=options.pop("similarity_top_k", 6)))
        options.setdefault("llm", self.llm)
        return RetrieverQueryEngine.from_args(**options)

    def memory_block(self, conversation: ConversationId | None = None) -> RecallBlock:
        """What the user said before, as a block of LlamaIndex's `Memory`. What agents put into it goes to `conversation`.

        Raises:
            Denied: programs act, or somebody in another's name, or an API key that may not `ask`: nobody else has a memory.
        """
        self.scope.require(Verb.ASK)
        background = self._background
        if background is None or self.scope.collections is not None:
            raise Denied("only a user has a memory: open the workspace as one (`aura.workspace(tenant, user)`)")
        return RecallBlock.of(background, self.conversations, self._parts.embedder.embed_query, conversation)

    @property
    def llm(self) -> LLM:
        """The LlamaIndex model that answers. Raises `Denied` where an API key acts that may not `ask`."""
        self.scope.require(Verb.ASK)
        return self._model

    @property
    def embed_model(self) -> EmbeddingModel:
        """The LlamaIndex embedding that the index was made with."""
        return self._parts.embedder

    @property
    def embeddings(self) -> Embeddings:
        """The same embedding for texts of the caller's own, which are not kept."""
        return Embeddings(self.scope, self._parts.embedder)

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
            may_upload=self._may_upload,
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
        return Collections(self._parts.database, self.scope, may_manage=self._administers)

    @property
    def conversations(self) -> Conversations:
        """The user's conversations."""
        return Conversations(
            self._parts.database, self._owner, readable=self._reads_history, learns=self._asked_by is None
        )

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
            self._owner,
            key=parts.memory_key,
            own=self._asked_by is None,
            readable=self._reads_history,
            forget=parts.responses.forget,
        )

    @property
    def persona(self) -> Profile:
        """How the user wants to be answered: chosen, learned, and why."""
        return Profile(
            self._parts.database,
            self._owner,
            clock=self._parts.clock,
            default=default_of(self.organisation.custom_settings),
            readable=self._reads_history,
            writable=self._asked_by is None,
        )

    @property
    def voice(self) -> Voice:
        """Speech in and out, and the answer to what was said."""
        parts = self._parts
        keys = ProviderKeys(parts.database, self.scope.as_service(), cipher=parts.cipher)
        return Voice(
            parts.voice,
            self.scope,
            books=self._books,
            keys=keys.all,
            ask=self.ask,
            ensure=self._ensure_place,
            vocabulary=vocabulary_of(self.organisation.custom_settings),
        )

    @property
    def responses(self) -> OwnResponses:
        """Answers that go on without their reader, and can be read again from any replica."""
        self.scope.require(Verb.ASK)
        # What a key that is limited to collections began is its own: other answers of its maker may quote more.
        limited = None if self._key is None or self.scope.collections is None else f"key:{self._key.id}"
        asked_by = " by ".join(each for each in (self._asked_by, limited) if each) or None
        asker = Asker(scope=self._owner, engine=self._engine, asked_by=asked_by)
        return OwnResponses(self._parts.responses, asker, self._asked)

    @property
    def users(self) -> Users:
        """The tenant's users. Raises `Denied` unless an admin acts."""
        self.require_admin("manage users")
        return Users(self._parts.database, self.scope, passwords=self._parts.passwords)

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
            parts.database, self.scope, self.organisation, settings=parts.settings, clock=parts.clock, key=self._key
        )

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
            may_read=self._administers and self.scope.may(Verb.ADMIN),
        )

    @property
    def budgets(self) -> Budgets:
        """What may be spent on models in a day and a month. Raises `Denied` unless an admin acts."""
        self.require_admin("manage budgets")
        return self._budgets

    @property
    def routing(self) -> RoutingModels:
        """What the router learns of this tenant's own questions. Raises `Denied` unless an admin acts."""
        self.require_admin("train the router")
        return self._routing

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
            dedicated = await self._tenant_index.size() > self._parts.settings.dedicated_index_chunks
        return await Rebuild(self._parts.database, self._parts.embedder).run(self.scope, dedicated=dedicated)

    async def export(self, target: Path) -> Path:
        """Write all that the organisation has into one portable archive: `aura.tenants.restore` reads it anywhere.

        Webhooks hear of it as `export.ready`.

        Raises:
            Denied: not an admin, or an API key acts that sees some collections alone.
        """
        self._require_whole("export the organisation")
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
        return await self._organisations.update(self.organisation.id, changes)

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
        self._require_whole("erase the organisation")
        if confirm not in (None, self.organisation.subdomain):
            raise InvalidRequest(
                f"to erase the organisation, confirm with its sub-domain {self.organisation.subdomain!r}",
                field="confirm",
            )
        return await erase_tenant(self._parts.database, self._parts.files, self._organisations, self.scope)

    # ------------------------------------------------------------------------------------------------------------------

    @cached_property
    def _tenant_index(self) -> TenantIndex:
        return TenantIndex(self._parts.database, self.scope, self._parts.embedder)

    @cached_property
    def _engine(self) -> AnswerEngine:
        embedder = self._parts.embedder
        context = ContextBuilder(
            index=self._tenant_index,
            floor=floor_for(embedder.weights_sha256),
            reranker=self._parts.reranker,
            settings=self._parts.settings,
        )
        # An answer reads what it needs, whether or not the key that asks may read by itself.
        inside = msgspec.structs.replace(self._owner, verbs=None)
        return AnswerEngine(
            context=context,
            conversations=Conversations(
                self._parts.database,
                inside,
                readable=self._reads_history,
                learns=self._asked_by is None,
                signals=self._signals,
            ),
            llm=self._model,
            meter=Meter(self._ledger, totals=self._parts.totals),
            memory=self._background,
            commands=self._forgetting,
            prompt_tokens=self._parts.settings.prompt_tokens,
        )

    @property
    def _forgetting(self) -> Forgetting | None:
        """Nobody but the user has memory forget, and no key that may not read and write all of it."""
        scope = self._owner
        if scope.user_id is None or self._asked_by is not None or scope.collections is not None:
            return None
        if not (scope.may(Verb.READ) and scope.may(Verb.WRITE)):
            return None
        return Forgetting(Facts(self._parts.database, scope, key=self._parts.memory_key))

    @property
    def _background(self) -> RecalledBackground | None:
        """What the user said before, for the user's own answers alone: programs speak for many, an admin for another."""
        if self._owner.user_id is None or not self._reads_history or self._asked_by is not None:
            return None
        inside = msgspec.structs.replace(self._owner, verbs=None)
        recall = Recall(self._parts.database, inside, self._parts.embedder, clock=self._parts.clock)
        return RecalledBackground(self._parts.database, inside, recall)

    @property
    def _model(self) -> LLM:
        """The model that answers; a router is told whose calls it makes."""
        llm = self._parts.llm
        if not isinstance(llm, SmartRouter):
            return llm
        return llm.bound(CallContext(books=self._books, tenancy=self._tenancy))

    @property
    def _books(self) -> Accounts:
        """What calls are paid from, and written into."""
        parts = self._parts
        return Accounts(parts.database, self.scope, budgets=self._budgets, ledger=self._ledger, totals=parts.totals)

    async def _tenancy(self) -> Tenancy:
        """What the organisation brings along to its calls."""
        parts = self._parts
        keys = ProviderKeys(parts.database, self.scope.as_service(), cipher=parts.cipher)
        return Tenancy(
            keys=await keys.all(),
            classifier=await self._routing.classifier(),
            allowed=self.organisation.allowed_models,
        )

    @property
    def _routing(self) -> RoutingModels:
        return RoutingModels(self._parts.database, self.scope, cache=self._parts.routing)

    @property
    def _ledger(self) -> Ledger:
        return Ledger(self._parts.database, self.scope, clock=self._parts.clock, api_key_id=self._key_id)

    @property
    def _budgets(self) -> Budgets:
        parts = self._parts
        return Budgets(
            parts.database, self.scope, clock=parts.clock, api_key_id=self._key_id, platform=parts.platform_budget
        )

    @property
    def _key_id(self) -> UUID | None:
        return None if self._key is None else self._key.id

    @property
    def _organisations(self) -> Organisations:
        return Organisations(self._parts.database, passwords=self._parts.passwords, clock=self._parts.clock)

    @property
    def _administers(self) -> bool:
        return self._asked_by is None and (self.user is None or self.user.may_administer)

    @property
    def _may_upload(self) -> bool:
        return self._asked_by is None and (self.user is None or self.user.may_upload_documents)

    @property
    def _reads_history(self) -> bool:
        return self._asked_by is None or self.organisation.admins_read_history

    @property
    def _signals(self) -> Signals | None:
        """What learns from the user's words; those of others, who ask in the user's name, are not."""
        return Signals(self._owner, self._parts.clock) if self._asked_by is None else None

    async def _asked(
        self,
        message: str,
        conversation: InConversation,
        collection: str | CollectionId | None,
        use_memory: bool,
        use_persona: bool,
        search_knowledge: bool,
        temporary: bool,
        channel: Channel,
        history: Sequence[Said] = (),
    ) -> Ask:
        self.scope.require(Verb.ASK)
        if conversation is not None and history:
            raise InvalidRequest("a conversation has its own history: pass one of the two", field="history")
        begins = conversation == "new" and not temporary
        if conversation == "new":
            conversation = ConversationId(uuid4()) if begins else None
        use_persona = use_persona and self._reads_history
        return Ask(
            message=message,
            history=tuple(history),
            conversation_id=conversation,
            begins=begins,
            collection_id=await self._collection_id(collection),
            use_memory=use_memory and self._reads_history,
            search_knowledge=search_knowledge,
            temporary=temporary,
            style=await self.persona.style(channel) if use_persona else NEUTRAL,
            teaches=channel if use_persona else None,
        )

    async def _ensure_place(self, conversation: InConversation, collection: str | CollectionId | None) -> None:
        """Refuse a conversation or a collection that is not there, before anything is spent. Raises `NotFound`."""
        if conversation is not None and conversation != "new":
            inside = msgspec.structs.replace(self._owner, verbs=None)
            await Conversations(self._parts.database, inside).require(conversation)
        await self._collection_id(collection)

    async def _collection_id(self, collection: str | CollectionId | None) -> CollectionId | None:
        if collection is None:
            return None
        inside = msgspec.structs.replace(self.scope, verbs=None)  # who may ask may say where
        return (await Collections(self._parts.database, inside).by_name_or_id(collection)).id

    def require_admin(self, what: str) -> None:
        """Refuse who is not an admin, or a key that was not given the verb. Raises `Denied`."""
        self.scope.require(Verb.ADMIN)
        if not self._administers:
            raise Denied(f"only an admin may {what}")

    def _require_whole(self, what: str) -> None:
        self.require_admin(what)
        if self.scope.collections is not None:
            raise Denied(f"a key that is limited to collections may not {what}: it reaches all of them")
