"""Retrieval on whole documents: parsing and chunking are part of what is measured, since gold are words, not chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aura import Workspace
from aura_evals.golden import GoldenSet, Question, find_quote
from aura_evals.metrics import score
from aura_evals.progress import Bars
from aura_evals.result import Case
from aura_evals.suite import Leg
from aura_evals.target import Found, Target, covers
from aura_evals.working import in_turns

DEPTH = 100
EXACT_DEPTH = 10
LEAST_EXACT_RECALL = 0.95
"""Of what the exact scan finds: a tenant below it is a violation, however large it is."""
_SAME = 1e-3
"""Half-precision vectors are off by so much: a passage as near as the last of the exact ten counts as one of them."""


async def measure_retrieval(
    targets: Mapping[str, Target],
    questions: Sequence[Question],
    legs: Sequence[Leg],
    metrics: Sequence[str],
    bars: Bars,
) -> list[Case]:
    """Search for every question that has an answer, in every leg. Each piece of evidence is one relevant document.

    Follow-ups are left out: a search knows no conversation. The kind `answers` measures what they retrieve.
    """
    asked = [question for question in questions if question.answerable and not question.turns]
    qrels = {question.id: {str(n): 1 for n in range(len(question.gold))} for question in asked}
    values: dict[str, dict[str, float]] = {question.id: {} for question in asked}
    shown: dict[str, str] = {}
    for leg in legs:
        bar = bars.bar(f"searching, {leg}", len(asked))

        async def search(question: Question, leg: Leg = leg) -> list[Found]:
            return await targets[question.organisation].search(question.question, limit=DEPTH, leg=leg)

        rankings: dict[str, list[str]] = {}
        for question, found in zip(asked, await in_turns(asked, search, done=bar.advance), strict=True):
            rankings[question.id] = _ranking(question, found)
            shown[question.id] = " | ".join(f"{each.document}: {each.text[:60]!r}" for each in found[:3])
        for question_id, scored in score(qrels, rankings, metrics).per_query.items():
            values[question_id] |= {f"{leg}.{metric}": value for metric, value in scored.items()}
    return [
        Case(id=q.id, slice=q.slice, query=q.question, answer=shown.get(q.id, ""), values=values[q.id]) for q in asked
    ]


def _ranking(question: Question, found: Sequence[Found]) -> list[str]:
    """The pieces of evidence in the order in which they are found; what is none keeps its place."""
    ranking: list[str] = []
    for place, passage in enumerate(found):
        held = [
            str(n)
            for n, places in enumerate(question.gold)
            if any(covers(passage, each.document, each.quote) for each in places)
        ]
        new = [each for each in held if each not in ranking]
        if new or not held:  # a second passage of the same evidence neither helps nor harms
            ranking += new or [f"other-{place}"]
    return ranking


class Chunks:
    """The chunks of one tenant, as its index has them."""

    def __init__(self, ids: list[str], vectors: NDArray[np.float32]) -> None:
        self.ids = ids
        self.vectors = vectors


async def measure_chunks(workspace: Workspace, organisation: str, dataset: GoldenSet) -> tuple[list[Case], Chunks]:
    """Whether each document's chunks are its text, in order; whether each piece of evidence lies in one chunk whole."""
    cases: list[Case] = []
    ids: list[str] = []
    embedded: list[str] = []
    spans: dict[str, list[str]] = {}
    for document in (await workspace.documents.list(limit=1_000)).items:
        text = await workspace.documents.text(document.id)
        chunks = await workspace.documents.chunks(document.id, limit=10_000)
        starts = [chunk.start for chunk in chunks]
        faithful = (
            bool(chunks)
            and starts == sorted(starts)
            and [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
            and all(chunk.text == text[chunk.start : chunk.end] for chunk in chunks)
        )
        name = f"document {organisation}/{document.filename}"
        cases.append(Case(id=name, slice="documents", query=name, values={"chunks.faithful": float(faithful)}))
        spans[document.filename] = [chunk.text for chunk in chunks]
        ids += [chunk.id for chunk in chunks]
        embedded += [f"{' > '.join(chunk.heading)}\n{chunk.text}" if chunk.heading else chunk.text for chunk in chunks]
    for question in dataset.of(organisation):
        if question.answerable and not question.turns:
            whole = [
                any(find_quote(chunk, place.quote) for place in places for chunk in spans.get(place.document, ()))
                for places in question.gold
            ]
            cases.append(Case(id=question.id, query="", values={"chunks.whole": sum(whole) / len(whole)}))
    return cases, Chunks(ids, await workspace.embed_model.embed(embedded))


async def measure_exactness(workspace: Workspace, questions: Sequence[Question], chunks: Chunks) -> list[Case]:
    """How much of what an exact scan finds the dense leg finds: `dense.exact_recall@10`, in a database of many tenants."""

    async def compare(question: Question) -> Case:
        asked = await workspace.embed_model.embed_query(question.question)
        passages = await workspace.search(question.question, limit=EXACT_DEPTH, mode="dense")
        recall = exact_recall([passage.chunk_id for passage in passages], asked, chunks)
        return Case(id=question.id, query="", values={f"dense.exact_recall@{EXACT_DEPTH}": recall})

    asked = [question for question in questions if question.answerable and not question.turns]
    return await in_turns(asked, compare, done=lambda: None)


def exact_recall(found: Sequence[str], asked: NDArray[np.float32], chunks: Chunks, depth: int = EXACT_DEPTH) -> float:
    """The share of the `depth` nearest chunks that `found` has; a chunk as near as the last of them is as good."""
    cosines = chunks.vectors @ asked
    count = min(depth, len(chunks.ids))
    least = float(np.sort(cosines)[-count]) - _SAME
    near = {chunk_id for chunk_id, cosine in zip(chunks.ids, cosines, strict=True) if cosine >= least}
    return min(count, len(near.intersection(found[:depth]))) / count


def merged(cases: Sequence[Case]) -> tuple[Case, ...]:
    """Cases of the same query as one; what the first of them says about the query stays."""
    by_id: dict[str, Case] = {}
    for case in cases:
        first = by_id.get(case.id)
        by_id[case.id] = (
            case
            if first is None
            else Case(
                id=case.id, slice=first.slice, query=first.query, answer=first.answer, values=first.values | case.values
            )
        )
    return tuple(by_id.values())


def too_inexact(cases: Sequence[Case], organisation: str) -> list[str]:
    """A violation when the tenant's dense leg misses too much of the exact answer."""
    name = f"dense.exact_recall@{EXACT_DEPTH}"
    values = [case.values[name] for case in cases if name in case.values]
    mean = sum(values) / len(values) if values else 1.0
    if mean >= LEAST_EXACT_RECALL:
        return []
    return [f"{name} of tenant {organisation!r} is {mean:.4f}, below {LEAST_EXACT_RECALL:g} of the exact scan"]
