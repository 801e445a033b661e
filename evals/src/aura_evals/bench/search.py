"""`bench search`: what AURA adds to the SQL of a hybrid search."""

from __future__ import annotations

from collections.abc import Sequence

from aura_evals.bench.hand import HandSearch, open_hand_search
from aura_evals.bench.measuring import Bench, open_bench, timed
from aura_evals.bench.report import Goal, Recorder, Report, milliseconds
from aura_evals.bench.synthetic import Corpus, TopicEmbedding

_GOAL = Goal(limit=1.3)
_WARM_UP = 10


async def bench_search(sizes: Sequence[int], queries: int) -> Report:
    """Compare `workspace.search`, less the query's embedding, with the statements of both legs sent by hand.

    Every question is asked of both in turn, by one caller on one connection. AURA also looks up the index, fuses the legs
    and fetches the ten best passages.
    """
    recorder = Recorder("search")
    for size in sizes:
        corpus = Corpus()
        async with open_bench(corpus) as bench:
            bench.loader.load(bench.place, size)
            bench.loader.settle()
            async with open_hand_search(bench.server, bench.place) as hand:
                await _compare(bench, hand, [corpus.question() for _ in range(_WARM_UP)])
                times = await _compare(bench, hand, [corpus.question() for _ in range(queries)])
        ours = milliseconds([searched - embedded for searched, embedded, _, _ in times])
        legs, all_three = milliseconds([t[2] for t in times]), milliseconds([t[3] for t in times])
        recorder.add(f"{size:,} chunks: search / both legs by hand, p50", ours, "ms", against=legs, goal=_GOAL)
        recorder.add(
            f"{size:,} chunks: search / legs + passages by hand, p50", ours, "ms", against=all_three, goal=_GOAL
        )
    return recorder.report()


async def _compare(bench: Bench, hand: HandSearch, questions: Sequence[str]) -> list[tuple[float, float, float, float]]:
    """Seconds of each question: search, its embedding, both legs by hand, the same with the passages.

    They take turns at being first: who comes later finds the rows in the processor's caches.
    """
    times: list[tuple[float, float, float, float]] = []
    for n, question in enumerate(questions):
        vector = TopicEmbedding.vector(question)
        found = [passage.chunk_id for passage in await bench.workspace.search(question, limit=10)]
        assert set(found) <= set(await hand.legs(question, vector)), "the statements by hand no longer find the same"
        taken = [0.0] * 4
        for turn in range(4):
            match (n + turn) % 4:
                case 0:
                    taken[0], _ = await timed(bench.workspace.search(question, limit=10))
                case 1:
                    taken[1], _ = await timed(bench.workspace.embed_model.embed_query(question))
                case 2:
                    taken[2], _ = await timed(hand.legs(question, vector))
                case _:
                    taken[3], _ = await timed(hand.legs_and_passages(question, vector, found))
        times.append((taken[0], taken[1], taken[2], taken[3]))
    return times
