"""Recall: what a user said, and what is known of the user, that bears on a question.

One statement reads what every entry of the user says to the question (its cosine, which of the question's words it has, how
old it is) as packed arrays, and numpy makes the ranking of them; a second one fetches the few that are shown. It is exact,
there is no index besides the rows to keep in step, and nobody else's entries have a say: BM25 counts this user's alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.answering.asked_slots import slots_asked
from aura.answering.lexicon import STOP_WORDS
from aura.answering.oneself import about_oneself, asked_for, only_asks
from aura.answering.terms import language_of
from aura.clock import Clock, SystemClock
from aura.database.engine import Database
from aura.errors import InvalidRequest, Unavailable
from aura.identity import Scope
from aura.index import lexical
from aura.index.embedding import MINILM_SHA256
from aura.index.generations import Embedder
from aura.memory.entries import Entry
from aura.memory.ranking import MINILM_CROWDING, Asked, Candidates, rank
from aura.memory.scan import MOST_TERMS, fetch, scan
from aura.memory.windows import window_of

_MARKS = ".,;:!?¿¡…\"'()"
LONGEST_QUESTION = 2_000
"""Characters of a question that recall reads: the end of a longer one."""


class Embeds(Embedder, Protocol):
    """An embedding model that says how crowded its space is."""

    async def crowding(self) -> float: ...


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that was recalled.

    `score` orders one recall and compares with no other. `dense` is the cosine, None where the entry or the question has no
    vector; `bm25` is 0 where no word is shared. `slot` is a fact's. `said` is the turn it is, or was learned from, if that
    still exists, and `before` and `after` are the turns around it, as `role: text`. `outdated`: what was learned from it
    holds no more, or did not as of the moment that was asked for; such turns come last.
    """

    entry: Entry
    score: float
    dense: float | None
    bm25: float
    slot: str | None = None
    said: str | None = None
    before: str | None = None
    after: str | None = None
    outdated: bool = False


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """What was recalled, best first. `facts` and `turns` are the two kinds of it."""

    found: tuple[Remembered, ...] = ()

    @property
    def facts(self) -> tuple[Remembered, ...]:
        return tuple(each for each in self.found if each.entry.kind == "fact")

    @property
    def turns(self) -> tuple[Remembered, ...]:
        return tuple(each for each in self.found if each.entry.kind == "turn")


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What a recall looks for: terms, slots of facts and a vector, and how what is found is ranked."""

    ranking: Asked
    terms: tuple[int, ...]
    slots: tuple[str, ...]
    vector: NDArray[np.float32] | None


class Recall:
    """Recalls in one scope: that user's memory, and nobody else's. Light: it holds no connection."""

    def __init__(self, database: Database, scope: Scope, embedder: Embeds, *, clock: Clock | None = None) -> None:
        self._database = database
        self._scope = scope
        self._embedder = embedder
        self._clock = clock or SystemClock()

    async def recall(
        self,
        question: str,
        *,
        limit: int = 10,
        as_of: datetime | None = None,
        vector: NDArray[np.float32] | None = None,
        weight: float | None = None,
        everything: bool = False,
        own: bool = False,
    ) -> Recalled:
        """The entries that bear on `question`, best first; a fact and the turn that it was learned from are one.

        While the embedding model is down, and for entries that it has not embedded yet, BM25 decides alone.

        Args:
            as_of: what was known, and held to be true, at that moment.
            vector: the question's, where the caller has it already.
            weight: the dense ranking's share; None: the measured one. 0 and 1 are BM25 and dense alone.
            everything: as many as `limit`, also what is not plausibly about the question.
            own: only what the user said, and no mere questions.

        Raises:
            InvalidRequest: the question is empty, or the limit is below 1.
            Unavailable: the database is away.

        Cost: one query embedding without `vector`; two round trips to the database, one where there is nothing to recall.
        """
        if limit < 1:
            raise InvalidRequest("recall takes a limit of at least 1", field="limit")
        asked = await self.asked(question, vector=vector, as_of=as_of, weight=weight, everything=everything)
        async with self._database.tenant(self._scope, one_plan=True) as session:
            return await self.within(session, asked, limit=limit, as_of=as_of, own=own)

    async def asked(
        self,
        question: str,
        *,
        vector: NDArray[np.float32] | None = None,
        as_of: datetime | None = None,
        weight: float | None = None,
        everything: bool = False,
    ) -> Looked:
        """What recall looks for, as `within` takes it; the arguments are those of `recall`.

        Raises:
            InvalidRequest: the question is empty.

        Cost: one query embedding without `vector`.
        """
        if not question.strip():
            raise InvalidRequest("recall takes a question", field="question")
        question = question[-LONGEST_QUESTION:]
        terms = dict(list(lexical.query_counts(_telling(asked_for(question))).items())[:MOST_TERMS])
        now = as_of or self._clock.now()
        ranking = Asked(
            counts=tuple(terms.values()),
            window=window_of(question, now),
            now=now.timestamp(),
            weight=weight,
            crowding=await self._crowding(),
            oneself=about_oneself(question),
            everything=everything,
        )
        vector = await self._vector(question) if vector is None and weight != 0 else vector
        return Looked(ranking=ranking, terms=tuple(terms), slots=slots_asked(question), vector=vector)

    async def within(
        self,
        session: AsyncConnection,
        looked: Looked,
        *,
        limit: int,
        as_of: datetime | None = None,
        own: bool = False,
    ) -> Recalled:
        """As `recall`, in a transaction of this scope that is open. Cost: at most two round trips."""
        candidates = await scan(
            session,
            self._scope,
            looked.terms,
            looked.vector,
            self._embedder.weights_sha256,
            as_of=as_of,
            own=own,
            slots=looked.slots,
        )
        if not len(candidates.at):
            return Recalled()
        return Recalled(found=await self._fetched(session, candidates, looked.ranking, limit, own=own, as_of=as_of))

    async def _fetched(
        self,
        session: AsyncConnection,
        candidates: Candidates,
        asked: Asked,
        limit: int,
        *,
        own: bool,
        as_of: datetime | None,
    ) -> tuple[Remembered, ...]:
        ranked = rank(
            candidates, asked, limit=(3 if own else 2) * limit
        )  # a fact may stand for its turn, and the other way round
        ids = {n: UUID(bytes=candidates.ids[n].tobytes()) for n in ranked.order}
        rows = await fetch(session, self._scope, list(ids.values()), as_of=as_of)
        found = [
            Remembered(
                entry=row.entry,
                score=float(ranked.score[n]),
                dense=None if np.isnan(candidates.dense[n]) else float(candidates.dense[n]),
                bm25=float(ranked.bm25[n]),
                slot=row.slot,
                said=row.said,
                before=row.before,
                after=row.after,
                outdated=row.outdated,
            )
            for n in ranked.order
            if (row := rows.get(ids[n])) is not None and not (own and only_asks(row.entry.text))
        ]
        found.sort(key=lambda each: each.outdated)  # what was taken back is after all that holds, however near
        return tuple(_distinct(found)[:limit])

    async def _crowding(self) -> float | None:
        if self._embedder.weights_sha256 == MINILM_SHA256:
            return MINILM_CROWDING
        try:
            return await self._embedder.crowding()
        except Unavailable:
            return None

    async def _vector(self, question: str) -> NDArray[np.float32] | None:
        try:
            return await self._embedder.embed_query(question)
        except Unavailable:
            return None


def _telling(question: str) -> str:
    """`question` without function words, unless nothing else is left: BM25 itself leaves out those of English alone, and
    among a few hundred turns others are not frequent enough to weigh nothing."""
    stops = STOP_WORDS[language_of([question])]
    return " ".join(word for word in question.split() if word.strip(_MARKS).lower() not in stops) or question


def _distinct(found: Sequence[Remembered]) -> list[Remembered]:
    """`found` with a fact in the place of its turn, and each of them once."""
    facts = {each.entry.message_id: each for each in found if each.entry.kind == "fact"}
    kept: dict[UUID, Remembered] = {}
    for each in found:
        fact = facts.get(each.entry.message_id)
        if fact is not None and each.entry.kind == "turn":
            each = msgspec.structs.replace(fact, score=each.score)
        kept.setdefault(each.entry.id, each)
    return list(kept.values())
