"""The suite `memory`: whether recall finds the turns that answer a question, and stays silent where there are none.

It goes the way that AURA goes: turns are embedded and stored as entries of a user, under row-level security, and asked for
through `Recall`. Each sample is one user; samples alternate between two organisations.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from statistics import fmean
from typing import Final
from uuid import UUID, uuid5

import msgspec
import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from rich.console import Console
from rich.table import Table

from aura import Aura, Settings, Workspace
from aura.identity import Scope
from aura.memory import entries
from aura.memory.entries import Entry, embedded_text
from aura.memory.recall import Recall, Remembered
from aura.testing.clock import FixedClock
from aura_evals.dialogues import make_dialogues
from aura_evals.embedding import cached_model
from aura_evals.errors import BadInput
from aura_evals.floors import Broken, Floor, broken_floors
from aura_evals.inside import parts_of
from aura_evals.learned import measure_learning
from aura_evals.locomo import Question, Repairs, Sample, read_samples, samples_of
from aura_evals.long_dialogues import make_long_dialogues
from aura_evals.sandbox import new_tenant, open_sandbox
from aura_evals.vectors import VectorCache

LEGS: Final = {"bm25": 0.0, "dense": 1.0, "fused": None}
DEPTHS: Final = (5, 10, 20)
TOKENS: Final = 1_000
METRICS: Final = (*(f"recall@{k}" for k in DEPTHS), f"recall@{TOKENS}tok")
OVERALL: Final = "overall"
LONG: Final = Path("long")
"""In the place of a dataset: the long conversations of our own."""
_FETCHED: Final = 60
_BATCH: Final = 256
_DECIMALS: Final = 6

Values = dict[str, float]


class MemoryResult(msgspec.Struct, frozen=True, kw_only=True):
    """A run's numbers: leg → metric → value, overall and by category.

    `checks` are shares of questions: `off_topic_injection` of those about nothing that was said, for which anything would be
    shown to a model (`kept_by_floor`: of the others, for which the floor leaves evidence); `update_ranked_first` of those
    whose answer changed, where the turn with the new one comes before what it made stale by ranking alone, without facts;
    `isolation` of those for which another user recalls nothing of it. Of the dialogues of our own also
    `update_recalled_first`, the same with all that was learned, `facts_updated` and `facts_dated`, of questions, and
    `facts_once`, `facts_isolated`, `facts_erased`, of dialogues. `fused_keeps_up` is the share of the metrics, overall and
    of each category, in which fusion is not below its better half.
    """

    suite: str = "memory"
    dataset: str
    samples: int
    turns: int
    questions: int
    metrics: dict[str, Values]
    categories: dict[str, dict[str, Values]]
    counts: dict[str, int]
    checks: Values
    repairs: Repairs


class _Tally(msgspec.Struct, kw_only=True):
    """What is added up: leg → category → metric → the value of each question; check → the same."""

    found: dict[str, dict[str, dict[str, list[float]]]] = msgspec.field(
        default_factory=lambda: {leg: defaultdict(lambda: defaultdict(list)) for leg in LEGS}
    )
    checks: defaultdict[str, list[float]] = msgspec.field(default_factory=lambda: defaultdict(list))


async def measure_memory(
    aura: Aura, samples: Sequence[Sample], dataset: str, repairs: Repairs, *, learning: bool = False
) -> MemoryResult:
    """Store the turns of all `samples`, then ask every question of each leg.

    Args:
        learning: they are what a user says to AURA: measure what is learned from it, too.
    """
    tenants = [await new_tenant(aura), await new_tenant(aura)]
    scopes = [
        msgspec.structs.replace(tenants[n % 2].scope, user_id=uuid5(UUID(int=n), sample.id), verbs=None)
        for n, sample in enumerate(samples)
    ]
    tally, strangers = _Tally(), scopes[-1:] + scopes[:-1]
    tellers = [await each.users.add(email="teller@evals.test", password=token_urlsafe(24)) for each in tenants]
    for n, (sample, scope, stranger) in enumerate(zip(samples, scopes, strangers, strict=True)):
        other = stranger if len(samples) > 1 else None
        await _ask(aura, tenants[0], sample, scope, other, tally)
        if learning:
            told_by = msgspec.structs.replace(scope, user_id=tellers[n % 2].id)
            await measure_learning(aura, tenants[0], sample, told_by, other, tally.checks)
    by_category = {
        category: {leg: _means(tally.found[leg][category]) for leg in LEGS} for category in tally.found["fused"]
    }
    overall = by_category.pop(OVERALL, {leg: {} for leg in LEGS})
    return MemoryResult(
        dataset=dataset,
        samples=len(samples),
        turns=sum(len(sample.turns) for sample in samples),
        questions=len(tally.found["fused"][OVERALL]["recall@5"]),
        metrics=overall,
        categories=dict(sorted(by_category.items())),
        counts={category: len(tally.found["fused"][category]["recall@5"]) for category in sorted(by_category)},
        checks={**_means(tally.checks), **_keeping_up([overall, *by_category.values()])},
        repairs=repairs,
    )


async def _ask(
    aura: Aura, workspace: Workspace, sample: Sample, scope: Scope, stranger: Scope | None, tally: _Tally
) -> None:
    database = parts_of(aura).database
    model = workspace.embed_model
    turns = {uuid5(UUID(int=0), f"{scope.user_id} {turn.id}"): turn for turn in sample.turns}
    stored = [
        Entry(
            id=id, kind="turn", user_id=scope.user_id, conversation_id=None, message_id=id, at=turn.at,
            speaker=turn.speaker, text=turn.text,
        )
        for id, turn in turns.items()
    ]  # fmt: skip
    for start in range(0, len(stored), _BATCH):
        batch = stored[start : start + _BATCH]
        vectors = await model.embed([embedded_text(entry) for entry in batch])
        async with database.tenant(scope) as session:
            await entries.put(session, scope, batch, vectors, model_sha256=model.weights_sha256)
    clock = FixedClock(max(turn.at for turn in sample.turns) + timedelta(hours=1))
    recall = Recall(database, scope, model, clock=clock)
    others = None if stranger is None else Recall(database, stranger, model, clock=clock)
    tokens = {id: model.count_tokens(embedded_text(entry)) for id, entry in zip(turns, stored, strict=True)}
    for question in sample.questions:
        vector = await model.embed_query(question.text)
        shown = (await recall.recall(question.text, limit=_FETCHED, vector=vector)).found
        if not question.evidence:
            tally.checks["off_topic_injection"].append(float(bool(shown)))
            continue
        tally.checks["kept_by_floor"].append(float(_holds([turns[each.entry.id].id for each in shown], question)))
        for leg, weight in LEGS.items():
            found = await recall.recall(question.text, limit=_FETCHED, vector=vector, weight=weight, everything=True)
            _score(
                leg, question, [turns[each.entry.id].id for each in found.found], _within(found.found, tokens), tally
            )
        if others is not None:
            foreign = await others.recall(question.text, limit=_FETCHED, vector=vector, everything=True)
            tally.checks["isolation"].append(float(not any(each.entry.id in turns for each in foreign.found)))


def _within(found: Sequence[Remembered], tokens: dict[UUID, int]) -> int:
    """How many of `found` are together no longer than `TOKENS`."""
    sums = np.cumsum([tokens[each.entry.id] for each in found])
    return int((sums <= TOKENS).sum())


def _holds(ids: Sequence[str], question: Question) -> bool:
    return not set(question.evidence).isdisjoint(ids)


def _score(leg: str, question: Question, ids: list[str], within: int, tally: _Tally) -> None:
    depths = {**{f"recall@{k}": k for k in DEPTHS}, f"recall@{TOKENS}tok": within}
    for metric, depth in depths.items():
        share = len(set(ids[:depth]).intersection(question.evidence)) / len(question.evidence)
        for category in (OVERALL, question.category):
            tally.found[leg][category][metric].append(share)
    if question.stale and leg == "fused":
        places = {id: place for place, id in enumerate(ids)}
        newest = min(places.get(id, len(ids)) for id in question.evidence)
        stale = min(places.get(id, len(ids) + 1) for id in question.stale)
        tally.checks["update_ranked_first"].append(float(newest < stale))


def _means(values: dict[str, list[float]]) -> Values:
    return {name: round(fmean(each), _DECIMALS) for name, each in sorted(values.items())}


def _keeping_up(measured: Sequence[dict[str, Values]]) -> Values:
    """In how many of the metrics fusion is at least as good as its better half, overall and in each category."""
    kept = [
        legs["fused"][each] >= max(legs["bm25"][each], legs["dense"][each])
        for legs in measured
        if legs["fused"]
        for each in METRICS
    ]
    return {"fused_keeps_up": round(fmean(kept), _DECIMALS)} if kept else {}


def run_memory(
    dataset: Path | None,
    json: Path | None,
    floors: Sequence[Floor] = (),
    *,
    limit: int | None = None,
    cache_dir: Path | None = None,
    embed_model: BaseEmbedding | None = None,
) -> list[Broken]:
    """Measure, print the table, and write the JSON; the floors that are broken.

    Args:
        dataset: a file in LoCoMo's layout; None: the dialogues of our own; `LONG`: our long conversations.
        limit: take so many samples only.

    Raises:
        BadInput: the dataset can not be read, or a floor is on something that is not measured.
    """
    samples, repairs = _samples(dataset)
    name = "dialogues" if dataset is None else dataset.name
    result = asyncio.run(_opened(samples[:limit], name, repairs, cache_dir, embed_model, learning=dataset is None))
    measured = {**result.metrics, "checks": result.checks}
    for floor in floors:
        system, _, metric = floor.measure.partition(".")
        if metric not in measured.get(system, {}):
            raise BadInput(f"a floor is on {floor.measure!r}; measured are {', '.join(measured)} of {METRICS}")
    broken = broken_floors(floors, measured)
    if json is not None:
        unfinished = json.with_name(json.name + ".tmp")
        unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
        unfinished.replace(json)
    Console().print(as_table(result))
    for each in broken:
        Console(stderr=True, highlight=False).print(f"[red]{each}[/]")
    return broken


def _samples(dataset: Path | None) -> tuple[list[Sample], Repairs]:
    if dataset is None:
        return samples_of(make_dialogues(), Path("dialogues"))
    if dataset == LONG:
        return samples_of(make_long_dialogues(), LONG)
    return read_samples(dataset)


async def _opened(
    samples: Sequence[Sample],
    name: str,
    repairs: Repairs,
    cache_dir: Path | None,
    embed_model: BaseEmbedding | None,
    *,
    learning: bool,
) -> MemoryResult:
    with VectorCache(cache_dir) as cache, ExitStack() as stack:
        model = embed_model
        if model is None:
            model = await asyncio.to_thread(cached_model, Settings.load(), cache)
            stack.callback(model.close)
        async with open_sandbox(embed_model=model) as aura:
            return await measure_memory(aura, samples, name, repairs, learning=learning)


def as_table(result: MemoryResult) -> Table:
    """The numbers for a terminal."""
    checks = ", ".join(f"{name} {value:.1%}" for name, value in result.checks.items())
    repairs = ", ".join(
        f"{count} {name.replace('_', ' ')}" for name, count in msgspec.structs.asdict(result.repairs).items() if count
    )
    caption = f"{result.samples} samples, {result.turns:,} turns, {result.questions:,} questions; {checks}; {repairs}"
    table = Table(title=f"memory on {result.dataset}", caption=caption.rstrip("; "))
    for column in ("category", "leg", *METRICS):
        table.add_column(column, justify="right" if column in METRICS else "left")
    for category, legs in {OVERALL: result.metrics, **result.categories}.items():
        for leg, row in legs.items():
            table.add_row(category, leg, *(f"{row[metric]:.3f}" for metric in METRICS if metric in row))
    return table
