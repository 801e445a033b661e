"""The parts of one principal, made from what the platform has built: index, model, engine, books."""

from __future__ import annotations

from functools import cached_property

from llama_index.core.llms import LLM

from aura.answering.context import ContextBuilder
from aura.answering.engine import AnswerEngine
from aura.identity import Verb
from aura.index.floor import floor_for
from aura.index.tenant_index import TenantIndex
from aura.memory.background import RecalledBackground
from aura.memory.conversations import Conversations
from aura.memory.facts import Facts
from aura.memory.forgetting import Forgetting
from aura.memory.noting import Noting
from aura.memory.recall import Recall
from aura.persona.profile import Profile
from aura.persona.signals import Signals
from aura.persona.traits import default_of
from aura.router.context import CallContext, Tenancy
from aura.router.models import RoutingModels
from aura.router.smart_router import SmartRouter
from aura.tenants.organisations import Organisations
from aura.tenants.provider_keys import ProviderKeys
from aura.tenants.users import Users
from aura.usage.accounts import Accounts
from aura.usage.budgets import Budgets
from aura.usage.ledger import Ledger
from aura.usage.metering import Meter
from aura.workspace.parts import Parts
from aura.workspace.principal import Principal


class Wiring:
    """Makes what a workspace needs, when it needs it. Light: nothing of it holds a connection."""

    def __init__(self, parts: Parts, principal: Principal) -> None:
        self._parts = parts
        self._principal = principal

    @cached_property
    def index(self) -> TenantIndex:
        """What is searched."""
        parts = self._parts
        return TenantIndex(parts.database, self._principal.scope, parts.embedder, places=parts.places)

    @cached_property
    def engine(self) -> AnswerEngine:
        """What answers."""
        parts = self._parts
        context = ContextBuilder(
            index=self.index,
            floor=floor_for(parts.embedder.weights_sha256),
            reranker=parts.reranker,
            settings=parts.settings,
        )
        conversations = Conversations(
            parts.database,
            self._principal.inside,
            readable=self._principal.reads_history,
            learns=self._principal.is_owner,
            signals=self.signals,
        )
        return AnswerEngine(
            context=context,
            conversations=conversations,
            llm=self.model,
            meter=Meter(self.ledger, totals=parts.totals),
            persona=self.persona,
            memory=self.background,
            commands=self._forgetting,
            notes=self._noting,
            prompt_tokens=parts.settings.prompt_tokens,
        )

    @property
    def model(self) -> LLM:
        """The model that answers; a router is told whose calls it makes."""
        parts = self._parts
        if not isinstance(parts.llm, SmartRouter):
            return parts.llm
        return parts.llm.bound(CallContext(books=self.books, tenancy=self._tenancy))

    @property
    def books(self) -> Accounts:
        """What calls are paid from, and written into."""
        parts = self._parts
        return Accounts(
            parts.database, self._principal.scope, budgets=self.budgets, ledger=self.ledger, totals=parts.totals
        )

    @property
    def background(self) -> RecalledBackground | None:
        """What the user said before, for the user's own answers alone: programs speak for many, an admin for another."""
        principal, parts = self._principal, self._parts
        if principal.owner.user_id is None or not principal.reads_history or not principal.is_owner:
            return None
        recall = Recall(parts.database, principal.inside, parts.embedder, clock=parts.clock)
        return RecalledBackground(parts.database, principal.inside, recall, self.persona)

    @property
    def conversations(self) -> Conversations:
        """What was said, as who acts may see it."""
        principal = self._principal
        return Conversations(
            self._parts.database, principal.owner, readable=principal.reads_history, learns=principal.is_owner
        )

    @property
    def persona(self) -> Profile:
        """How the owner wants to be answered."""
        return Profile(
            self._parts.database,
            self._principal.owner,
            clock=self._parts.clock,
            default=default_of(self._principal.organisation.custom_settings),
            readable=self._principal.reads_history,
            writable=self._principal.is_owner,
        )

    @property
    def signals(self) -> Signals | None:
        """What learns from the user's words; those of others, who ask in the user's name, are not."""
        return Signals(self._principal.owner, self._parts.clock) if self._principal.is_owner else None

    @property
    def routing(self) -> RoutingModels:
        """What the router has learned of the tenant."""
        return RoutingModels(self._parts.database, self._principal.scope, cache=self._parts.routing)

    @property
    def ledger(self) -> Ledger:
        """Where the calls of the principal are written."""
        return Ledger(
            self._parts.database, self._principal.scope, clock=self._parts.clock, api_key_id=self._principal.key_id
        )

    @property
    def budgets(self) -> Budgets:
        """What the principal may spend."""
        parts = self._parts
        return Budgets(
            parts.database,
            self._principal.scope,
            clock=parts.clock,
            api_key_id=self._principal.key_id,
            platform=parts.platform_budget,
        )

    @property
    def users(self) -> Users:
        """The tenant's users, whoever asks for them."""
        return Users(self._parts.database, self._principal.scope, passwords=self._parts.passwords)

    @property
    def organisations(self) -> Organisations:
        """All organisations of the platform, of which this is one."""
        return Organisations(self._parts.database, passwords=self._parts.passwords, clock=self._parts.clock)

    @property
    def _forgetting(self) -> Forgetting | None:
        """Nobody but the user has memory forget, and no key that may not read and write all of it."""
        scope = self._principal.owner
        if scope.user_id is None or not self._principal.is_owner or scope.collections is not None:
            return None
        if not (scope.may(Verb.READ) and scope.may(Verb.WRITE)):
            return None
        return Forgetting(Facts(self._parts.database, scope, key=self._parts.memory_key))

    @property
    def _noting(self) -> Noting | None:
        """Tells the user what is learned of their own words; of others' nothing is."""
        principal = self._principal
        if principal.owner.user_id is None or not principal.is_owner:
            return None
        return Noting(self._parts.database, principal.owner, self._parts.clock)

    async def _tenancy(self) -> Tenancy:
        """What the organisation brings along to its calls."""
        parts = self._parts
        keys = ProviderKeys(parts.database, self._principal.scope.as_service(), cipher=parts.cipher)
        return Tenancy(
            keys=await keys.all(),
            classifier=await self.routing.classifier(),
            allowed=self._principal.organisation.allowed_models,
        )
