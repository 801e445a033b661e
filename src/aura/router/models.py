"""What the router has learned for one organisation: trained, proved, stored, and read again."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, Literal, cast

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import routing_models
from aura.identity import Scope, TenantId
from aura.router.learned import Label, LearnedClassifier, Weights
from aura.router.quality import Proof, train_proved

KEPT_SECONDS: Final = 60.0
"""How long a process answers by what it has read: a new training is in force everywhere after that."""
_KEPT: Final = 1_000


Source = Literal["labels", "ratings"]


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """What the last training came to: of how many labels, from where, and whether it is used."""

    labels: int
    proved: bool
    source: Source = "labels"


class RoutingCache:
    """The classifiers that one process has read, by tenant; None where a tenant has none."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: OrderedDict[TenantId, tuple[float, LearnedClassifier | None]] = OrderedDict()

    def get(self, tenant: TenantId) -> tuple[LearnedClassifier | None] | None:
        """What is known of `tenant`, in a tuple; None where it must be read."""
        kept = self._kept.get(tenant)
        return None if kept is None or self._now() - kept[0] > KEPT_SECONDS else (kept[1],)

    def put(self, tenant: TenantId, classifier: LearnedClassifier | None) -> None:
        """Keep what was read."""
        self._kept[tenant] = (self._now(), classifier)
        self._kept.move_to_end(tenant)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)


class RoutingModels:
    """The classifier of the scope's organisation. Who may train it is the caller's to decide."""

    def __init__(self, database: Database, scope: Scope, *, cache: RoutingCache) -> None:
        self._database = database
        self._scope = scope
        self._cache = cache

    async def train(
        self, labels: Sequence[Label], *, share: float | None = None, source: Source = "labels"
    ) -> Proof | None:
        """Train on `labels`, and use what was learned from now on, if it beats the priors; else go back to the rules.

        Args:
            share: how many of such questions are to go to the strong model; None: those that gain by it.
            source: where the labels come from. What a program has taught is not replaced by what ratings teach.

        Returns:
            How good it is; None of fewer labels than can be learned from.

        Cost: six trainings in a thread, some seconds for 1,000 labels; one transaction.
        """
        classifier, proof = await asyncio.to_thread(train_proved, labels, share=share)
        async with self._database.tenant(self._scope) as session:
            if proof is None:
                await session.execute(delete(routing_models).where(visible(routing_models, self._scope)))
            else:
                weights = {} if classifier is None else msgspec.to_builtins(classifier.weights)
                quality = {**msgspec.to_builtins(proof), "source": source}
                row = {"tenant_id": self._scope.tenant_id, "weights": weights, "quality": quality}
                statement = insert(routing_models).values(row)
                fresh = {name: statement.excluded[name] for name in ("weights", "quality")}
                statement = statement.on_conflict_do_update(
                    constraint=routing_models.primary_key, set_={**fresh, "trained_at": func.now()}
                )
                await session.execute(statement)
        self._cache.put(self._scope.tenant_id, classifier)
        return proof

    async def training(self) -> Training | None:
        """What the last training came to; None where there was none."""
        query = select(routing_models.c.quality).where(visible(routing_models, self._scope))
        async with self._database.tenant(self._scope) as session:
            quality = (await session.execute(query)).scalar_one_or_none()
        return None if quality is None else msgspec.convert(cast(object, quality), Training)

    async def classifier(self) -> LearnedClassifier | None:
        """What was learned, or None. Cost: one statement a minute."""
        kept = self._cache.get(self._scope.tenant_id)
        if kept is not None:
            return kept[0]
        query = select(routing_models.c.weights).where(visible(routing_models, self._scope))
        async with self._database.tenant(self._scope) as session:
            weights = (await session.execute(query)).scalar_one_or_none()
        found = None if not weights else LearnedClassifier(msgspec.convert(cast(object, weights), Weights))
        self._cache.put(self._scope.tenant_id, found)
        return found
