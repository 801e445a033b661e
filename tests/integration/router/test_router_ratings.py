"""What users' ratings teach the router, by the job that housekeeping does."""

from __future__ import annotations

import random
from uuid import uuid4

from sqlalchemy import insert

from aura.database.engine import Database
from aura.database.tables import conversations, feedback, messages
from aura.identity import Role, Scope
from aura.router.candidates import Tier
from aura.router.learned import Label
from aura.router.models import RoutingCache, RoutingModels
from aura.router.ratings import learn, rated

TIERS = {"quick": Tier.FAST, "deep": Tier.REASONING}
WORDS = [f"word{n}" for n in range(60)]


async def rate(database: Database, scope: Scope, count: int, *, seed: int = 1) -> None:
    """Rated answers: quick models are right about colours, deep ones about both. The words are of one length."""
    chance = random.Random(seed)
    key = {"tenant_id": scope.tenant_id, "user_id": scope.user_id}
    conversation, turns, opinions = uuid4(), [], []
    for n in range(count):
        hard, deep = bool(n % 2), bool(n // 2 % 2)
        right = chance.random() < (0.9 if deep or not hard else 0.1)
        if deep and not hard:  # a deep model is wrong at times, too
            right = chance.random() < 0.6
        words = " ".join([*chance.sample(WORDS, 5), "theorem" if hard else "colours"])
        shared = {**key, "conversation_id": conversation, "refused": n == 0}
        answer = uuid4()
        turns += [
            {**shared, "id": uuid4(), "role": "user", "text": words, "model": None},
            {**shared, "id": answer, "role": "assistant", "text": "so", "model": "deep" if deep else "quick"},
        ]
        opinions.append({**key, "message_id": answer, "rating": 1 if right else -1})
    async with database.tenant(scope) as session:
        await session.execute(insert(conversations).values(**key, id=conversation))
        for turn in turns:  # one after the other: their order is the conversation
            await session.execute(insert(messages).values(turn))
        await session.execute(insert(feedback), opinions)


def service(scope: Scope) -> Scope:
    return Scope(tenant_id=scope.tenant_id, role=Role.SERVICE)


async def test_rated_questions_tell_of_the_kind_of_model_that_answered(
    database: Database, acme: Scope, globex: Scope
) -> None:
    await rate(database, acme, 9)
    labels = await rated(database, service(acme), TIERS)
    assert len(labels) == 8  # a refusal tells of the documents, not of the model
    assert all((each.quick_right is None) is not (each.strong_right is None) for each in labels)
    assert sum(each.strong_right is not None for each in labels) == 4
    assert {each.question.split()[-1] for each in labels} == {"theorem", "colours"}
    assert await rated(database, service(acme), {"deep": Tier.REASONING}) != labels
    assert await rated(database, service(globex), TIERS) == []
    assert await rated(database, Scope(tenant_id=acme.tenant_id, user_id=globex.user_id), TIERS) == []


async def test_the_job_trains_on_ratings_once_there_are_enough_and_again_when_there_are_more(
    database: Database, acme: Scope, globex: Scope
) -> None:
    cache, asked = RoutingCache(), list[str]()

    async def embed(question: str) -> list[float]:
        asked.append(question)
        return [1.0, 0.0] if question.endswith("theorem") else [0.0, 1.0]

    async def job(scope: Scope) -> int:
        return await learn(database, service(scope), tiers=TIERS, cache=cache, embed=embed)

    await rate(database, acme, 60)
    assert await job(acme) == 0
    await rate(database, acme, 140, seed=2)
    assert await job(acme) == len(asked) == 198
    models = RoutingModels(database, acme, cache=RoutingCache())
    classifier, training = await models.classifier(), await models.training()
    assert training is not None
    assert (training.source, training.proved, training.labels) == ("ratings", True, 198)
    assert classifier is not None
    hard, easy = (
        classifier.read(f"word1 word2 word3 word4 word5 {word}", embedding=embedding)
        for word, embedding in (("theorem", (1.0, 0.0)), ("colours", (0.0, 1.0)))
    )
    assert (hard.tier, easy.tier) == (Tier.REASONING, Tier.FAST)
    assert await job(acme) == 0  # nothing new
    await rate(database, acme, 60, seed=3)
    assert await job(acme) == 257
    assert await job(globex) == 0
    assert await RoutingModels(database, globex, cache=RoutingCache()).classifier() is None


async def test_what_ratings_do_not_prove_is_not_used(database: Database, acme: Scope) -> None:
    chance = random.Random(5)
    noise = [
        Label(
            question=" ".join(chance.sample(WORDS, 5)),
            quick_right=float(chance.random() < 0.5) if n % 2 else None,
            strong_right=None if n % 2 else float(chance.random() < 0.5),
        )
        for n in range(200)
    ]
    models = RoutingModels(database, acme, cache=RoutingCache())
    proof = await models.train(noise, share=0.5, source="ratings")
    assert proof is not None
    assert (proof.proved, proof.measure) == (False, "auc")
    assert await models.classifier() is None
    assert await RoutingModels(database, acme, cache=RoutingCache()).classifier() is None
    training = await models.training()
    assert training is not None
    assert training.labels == 200


async def test_what_a_program_has_taught_is_not_replaced_by_ratings(database: Database, acme: Scope) -> None:
    models = RoutingModels(database, acme, cache=RoutingCache())
    known = [
        Label(question=f"{word} {n}", quick_right=float(word == "colours"), strong_right=1.0)
        for n in range(60)
        for word in ("colours", "theorem")
    ]
    await models.train(known)
    await rate(database, acme, 200)
    assert await learn(database, service(acme), tiers=TIERS, cache=RoutingCache()) == 0
