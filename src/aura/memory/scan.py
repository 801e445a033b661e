"""The two statements of recall: what every entry says to a question, packed; and the few entries that are shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray
from pgvector import SparseVector
from pgvector.sqlalchemy import HALFVEC, SPARSEVEC
from sqlalchemy import (
    ColumnElement,
    DateTime,
    LargeBinary,
    Select,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, REAL
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.scopes import visible
from aura.database.tables import TERM_SPACE, memory_entries, messages
from aura.identity import Scope
from aura.memory.entries import ENTRY_COLUMNS, MOST_REPEATS, Entry, entry_of
from aura.memory.ranking import Candidates

BITS = 3
"""Of a term's count in an entry: `MOST_REPEATS` fits."""
TERMS_IN_PRODUCT = 24 // BITS
"""A float4 holds 24 bits exactly, and so the counts of so many terms in one inner product."""
MOST_TERMS = 4 * TERMS_IN_PRODUCT
"""Different terms of a question that are looked up."""

_entry = memory_entries.c
_EMPTY = literal(b"", LargeBinary)
assert MOST_REPEATS < 1 << BITS


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that is shown, with the turn that it is or comes from, and the turns around that."""

    entry: Entry
    said: str | None
    before: str | None
    after: str | None
    outdated: bool


async def scan(
    session: AsyncConnection,
    scope: Scope,
    terms: Sequence[int],
    vector: NDArray[np.float32] | None,
    model_sha256: str,
    *,
    as_of: datetime | None,
) -> Candidates:
    """What every entry of the scope's user that holds at `as_of` says to a question. Cost: one round trip.

    A sparse vector of a question's terms weighs term number n with 8 to the power of n: the inner product with an entry's
    counts is then these counts side by side, three bits each.
    """
    products = -(-len(terms) // TERMS_IN_PRODUCT)
    values: dict[str, object] = {"vector": vector, "model": model_sha256, "as_of": as_of}
    for p in range(products):
        part = terms[p * TERMS_IN_PRODUCT : (p + 1) * TERMS_IN_PRODUCT]
        places = {term - 1: float(1 << BITS * n) for n, term in enumerate(part)}
        values[f"terms{p}"] = SparseVector(places, TERM_SPACE)
    row = (await session.execute(_scan(scope, products), values)).one()
    ids = row.ids or b""
    length = np.frombuffer(row.length or b"", ">i4").astype(np.int32)
    counts = np.empty((len(terms), len(length)), np.uint8)
    for p in range(products):
        side_by_side = np.frombuffer(row[p] or b"", ">f4").astype(np.int32)
        for n in range(p * TERMS_IN_PRODUCT, min(len(terms), (p + 1) * TERMS_IN_PRODUCT)):
            counts[n] = side_by_side >> BITS * (n - p * TERMS_IN_PRODUCT) & MOST_REPEATS
    return Candidates(
        ids=[ids[n : n + 16] for n in range(0, len(ids), 16)],
        at=np.frombuffer(row.at or b"", ">f8").astype(np.float64),
        length=length,
        counts=counts,
        dense=np.frombuffer(row.dense or b"", ">f4").astype(np.float32),
    )


def _scan(scope: Scope, products: int) -> Select[Any]:
    holds = and_(
        visible(memory_entries, scope),
        _entry.at <= _as_of(),
        or_(_entry.closed_at.is_(None), _entry.closed_at > _as_of()),
    )
    # The vectors are of unit length. One of another model is left out: its dimension may differ, which is an error.
    cosine = -_entry.embedding.max_inner_product(cast(bindparam("vector", type_=HALFVEC()), HALFVEC()))
    of_model = case((_entry.model_sha256 == bindparam("model"), cosine))
    counted = [
        _packed(func.float4send(cast(-_entry.terms.max_inner_product(_terms(p)), REAL))) for p in range(products)
    ]
    return select(
        *counted,
        _packed(func.uuid_send(_entry.id)).label("ids"),
        _packed(func.float8send(func.date_part("epoch", _entry.at))).label("at"),
        _packed(func.int4send(_entry.length)).label("length"),
        _packed(func.float4send(cast(func.coalesce(of_model, cast("NaN", REAL)), REAL))).label("dense"),
    ).where(holds)


def _packed(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.string_agg(value, _EMPTY, type_=LargeBinary)


def _terms(number: int) -> ColumnElement[Any]:
    return cast(bindparam(f"terms{number}", type_=SPARSEVEC(TERM_SPACE)), SPARSEVEC(TERM_SPACE))


def _as_of() -> ColumnElement[Any]:
    """The asked moment; the end of time stands for now: nothing that has ended holds, and nothing is too young."""
    moment = cast(bindparam("as_of", type_=DateTime(timezone=True)), DateTime(timezone=True))
    return func.coalesce(moment, cast("infinity", DateTime(timezone=True)))


async def fetch(session: AsyncConnection, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, Fetched]:
    """The entries of `ids`, by id. Cost: one round trip."""
    rows = await session.execute(_fetch(scope), {"ids": list(ids)})
    return {
        row.id: Fetched(
            entry=entry_of(row), said=row.said, before=row.before, after=row.after, outdated=row.ended and not row.lives
        )
        for row in rows
    }


def _fetch(scope: Scope) -> Select[Any]:
    turn, other, fact = messages.alias("turn"), messages.alias("other"), memory_entries.alias("fact")
    learned = and_(visible(fact, scope), fact.c.kind == "fact", fact.c.message_id == _entry.message_id)
    around = (
        select(func.concat(other.c.role, ": ", other.c.text))
        .where(visible(other, scope), other.c.conversation_id == turn.c.conversation_id)
        .limit(1)
    )
    return (
        select(
            *ENTRY_COLUMNS,
            turn.c.text.label("said"),
            around.where(other.c.seq < turn.c.seq).order_by(other.c.seq.desc()).scalar_subquery().label("before"),
            around.where(other.c.seq > turn.c.seq).order_by(other.c.seq).scalar_subquery().label("after"),
            exists().where(learned, fact.c.closed_at.is_not(None)).label("ended"),
            exists().where(learned, fact.c.closed_at.is_(None)).label("lives"),
        )
        .outerjoin(turn, and_(visible(turn, scope), turn.c.id == _entry.message_id))
        .where(visible(memory_entries, scope), _entry.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
    )
