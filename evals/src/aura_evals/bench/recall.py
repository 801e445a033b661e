"""`bench recall`: recall in the memory of one user, within a table of many; storing a turn; forgetting that user."""

from __future__ import annotations

from secrets import token_urlsafe
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray

from aura import Answer, Workspace
from aura.answering.events import Timings
from aura.identity import Scope
from aura.index.embedding import EmbeddingModel
from aura.memory.recall import Recall
from aura_evals.bench.loading import MemoryLoader
from aura_evals.bench.measuring import Bench, open_bench, timed
from aura_evals.bench.report import Goal, Recorder, Report, milliseconds
from aura_evals.bench.synthetic import Corpus, TopicEmbedding
from aura_evals.inside import parts_of

_RECALL_GOAL = Goal(limit=60, absolute=True)
_STORE_GOAL = Goal(limit=20, absolute=True)
_ERASE_GOAL = Goal(limit=5, absolute=True)
_WORDS_OF_A_TURN = 25
_SITTINGS = 40
"""How often the user comes back: between the sittings others write, so that the rows do not lie side by side."""
_WARM_UP = 10


async def bench_recall(rows: int, turns: int, facts: int, queries: int) -> Report:
    """Time recall, less the query's embedding, one question after the other; then turns that are stored; then the erasure.

    The user's `turns` and `facts` are written in sittings, between which other users' are, until the table has `rows`.
    """
    recorder = Recorder("recall")
    corpus = Corpus(terms_per_chunk=_WORDS_OF_A_TURN)
    async with open_bench(corpus) as bench:
        user = await _member(bench)
        scope = await _loaded(bench, corpus, rows, turns, facts, user.scope)
        recall = Recall(parts_of(bench.aura).database, scope, _embedder(bench))
        for _ in range(_WARM_UP):
            await _asked(recall, corpus)
        times = [await _asked(recall, corpus) for _ in range(queries)]
        name = f"{turns:,} turns + {facts:,} facts of {rows:,} rows"
        recorder.add(f"recall, {name}, p50", milliseconds(times), "ms")
        recorder.add(f"recall, {name}, p95", milliseconds(times, 95), "ms", goal=_RECALL_GOAL)
        times = await _stored(user, corpus, queries)
        recorder.add("storing a turn of that user, p50", milliseconds(times), "ms")
        recorder.add("storing a turn of that user, p95", milliseconds(times, 95), "ms", goal=_STORE_GOAL)
        seconds, receipt = await timed(user.memory.erase())
        assert (receipt.vectors, receipt.facts) == (turns + facts, facts), f"{receipt} is not all of {scope.user_id}"
        recorder.add(f"erasing that user, {receipt.messages:,} messages", seconds, "s", goal=_ERASE_GOAL)
    return recorder.report()


async def _member(bench: Bench) -> Workspace:
    member = await bench.workspace.users.add(email="talker@bench.test", password=token_urlsafe(24))
    return await bench.aura.workspace(bench.workspace.organisation, member)


async def _stored(user: Workspace, corpus: Corpus, count: int) -> list[float]:
    """The seconds of each of `count` turns, one after the other in one conversation, as an answer stores them."""
    conversation_id = await user.conversations.start()
    times: list[float] = []
    for _ in range(_WARM_UP + count):
        question = corpus.question()
        answer = Answer(
            response_id=uuid4(), question=question, text=corpus.question(words=60), citations=(), sources=(),
            refused=False, model="bench", cost_usd=0.0, timings=Timings(),
        )  # fmt: skip
        storing = user.conversations.add_turn(conversation_id, question, answer, teaches="text")
        times.append((await timed(storing))[0])
    return times[_WARM_UP:]


async def _loaded(bench: Bench, corpus: Corpus, rows: int, turns: int, facts: int, user: Scope) -> Scope:
    """Fill the table; the scope of `user` for its recall."""
    tenant_id, user_id, own = user.tenant_id, user.user_id, turns + facts
    assert user_id is not None
    loader = MemoryLoader(bench.loader, tenant_id, _embedder(bench).weights_sha256)
    random = np.random.default_rng(0)
    others = [uuid4() for _ in range(max(1, (rows - own) // own))]
    for sitting in range(_SITTINGS):
        loader.load(corpus.chunks(_part(own, sitting)), _users([user_id], _part(own, sitting), random))
        count = _part(rows - own, sitting)
        for start in range(0, count, 5_000):
            size = min(5_000, count - start)
            loader.load(corpus.chunks(size), _users(others, size, random))
    loader.make_history(user_id, facts)
    bench.loader.settle()
    return Scope(tenant_id=tenant_id, user_id=user_id, role=user.role)


def _part(total: int, sitting: int) -> int:
    return total * (sitting + 1) // _SITTINGS - total * sitting // _SITTINGS


def _users(users: list[UUID], count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """`count` of `users` at random: `(count, 16) uint8`."""
    ids = np.frombuffer(b"".join(user.bytes for user in users), np.uint8).reshape(-1, 16)
    return ids[random.integers(len(users), size=count)]


async def _asked(recall: Recall, corpus: Corpus) -> float:
    question = corpus.question()
    vector = TopicEmbedding.vector(question)
    seconds, recalled = await timed(recall.recall(question, limit=20, vector=vector, everything=True))
    assert len(recalled.found) == 20
    return seconds


def _embedder(bench: Bench) -> EmbeddingModel:
    return bench.workspace.embed_model
