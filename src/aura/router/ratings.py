"""What users' ratings teach the router: each tells of one question whether one kind of model was right.

A rated answer has a model, and the model a tier; the question is what was said before it. Nobody knows what the other kind
of model would have answered, so the two heads are trained on what each of them knows, and proved by it (`prove_heads`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import select

from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import feedback, messages
from aura.identity import Scope
from aura.router.candidates import Candidate, Tier
from aura.router.learned import Label
from aura.router.models import RoutingCache, RoutingModels
from aura.router.quality import LEAST_LABELS, tells_both

MOST_RATINGS: Final = 2_000
"""The last ones count."""
_GROWTH: Final = 1.2
"""So many times the ratings of the last training must be there for another one."""

Embed = Callable[[str], Awaitable[Iterable[float]]]
"""The embedding of a question, as retrieval computes it."""


def tiers_of(candidates: Sequence[Candidate]) -> dict[str, Tier]:
    """Which kind of model a name stands for; empty where there is but one kind."""
    tiers = {each.model: each.tier for each in candidates if each.tier is not Tier.LAST_RESORT}
    return tiers if len(set(tiers.values())) == 2 else {}


async def rated(database: Database, scope: Scope, tiers: Mapping[str, Tier]) -> list[Label]:
    """The rated questions of an organisation, the newest first, as far as their models are known.

    Args:
        scope: a service's: ratings are their users' own.
    """
    answers = messages.alias("answers")
    question = (
        select(messages.c.text)
        .where(
            visible(messages, scope),
            messages.c.conversation_id == answers.c.conversation_id,
            messages.c.role == "user",
            messages.c.seq < answers.c.seq,
        )
        .order_by(messages.c.seq.desc())
        .limit(1)
        .correlate(answers)
        .scalar_subquery()
    )
    query = (
        select(question.label("question"), answers.c.model, feedback.c.rating)
        .join(answers, (answers.c.tenant_id == feedback.c.tenant_id) & (answers.c.id == feedback.c.message_id))
        .where(visible(feedback, scope), visible(answers, scope), answers.c.model.in_(sorted(tiers)))
        .where(~answers.c.refused, ~answers.c.stopped)
        .order_by(feedback.c.created_at.desc())
        .limit(MOST_RATINGS)
    )
    async with database.tenant(scope) as session:
        rows = (await session.execute(query)).all()
    return [_label(row.question, float(row.rating > 0), tiers[row.model]) for row in rows if row.question]


def _label(question: str, right: float, tier: Tier) -> Label:
    strong = tier is Tier.REASONING
    return Label(question=question, quick_right=None if strong else right, strong_right=right if strong else None)


async def learn(
    database: Database, scope: Scope, *, tiers: Mapping[str, Tier], cache: RoutingCache, embed: Embed | None = None
) -> int:
    """Train the organisation's classifier on its ratings, where there are enough new ones; how many were learned from.

    The share of strong calls stays what it was among the rated answers: ratings say where a strong model is better, not
    what that is worth. For a job. Cost: one statement; then an embedding for each rating and six trainings, in a thread.
    """
    models = RoutingModels(database, scope, cache=cache)
    last = await models.training()
    if last is not None and last.source == "labels":
        return 0
    labels = await rated(database, scope, tiers)
    if len(labels) < max(LEAST_LABELS, _GROWTH * (0 if last is None else last.labels)) or not tells_both(labels):
        return 0
    if embed is not None:
        labels = [await _embedded(label, embed) for label in labels]
    share = sum(label.strong_right is not None for label in labels) / len(labels)
    await models.train(labels, share=share, source="ratings")
    return len(labels)


async def _embedded(label: Label, embed: Embed) -> Label:
    return Label(
        question=label.question,
        quick_right=label.quick_right,
        strong_right=label.strong_right,
        embedding=tuple(float(each) for each in await embed(label.question)),
    )
