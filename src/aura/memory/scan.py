"""The two statements of recall: what every entry says to a question, packed; and the few entries that are shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache, partial
from typing import Any, Final
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import HALFVEC, SPARSEVEC
from sqlalchemy import (
    ColumnElement,
    DateTime,
    LargeBinary,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, REAL, array
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.scopes import Sight
from aura.database.statements import ScopedStatement
from aura.database.tables import TERM_SPACE, fact_evidence, facts, memory_entries, messages
from aura.identity import Scope
from aura.index import lexical
from aura.memory.entries import ASSISTANT, ENTRY_COLUMNS, MOST_REPEATS, Entry, entry_of
from aura.memory.ranking import Candidates

BITS = 3
"""Of a term's count in an entry: `MOST_REPEATS` fits."""
TERMS_IN_PRODUCT = 24 // BITS
"""A float4 holds 24 bits exactly, and so the counts of so many terms in one inner product."""
MOST_TERMS = 4 * TERMS_IN_PRODUCT
"""Different terms of a question that are looked up."""

_JOINING: Final = re.compile(r"(?:[,;]?\s+(?:and|but|so|und|aber|et|mais|y|e|pero))?[\s,;]*$", re.IGNORECASE)
_OPENING: Final = re.compile(r"^[\s,;.!]*(?:(?:and|but|so|und|aber|et|mais|y|e|pero)\s+)?", re.IGNORECASE)
_entry = memory_entries.c
_HEAD = np.dtype([("id", "V16"), ("at", ">f8"), ("length", ">i4")])
_EMPTY = literal(b"", LargeBinary)
_A_FACT: Final = literal_column("'fact'")
"""Written into the statement: a kept plan that did not know it could not use the index of facts."""
_ONE: Final = literal_column("1")
_FOREVER = cast(literal("infinity", Text), DateTime(timezone=True))
assert MOST_REPEATS < 1 << BITS


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that is shown, a fact's slot, the turn that it is or comes from, and the turns around that.

    Of a turn that states several things, what holds no more is left out. `outdated`: nothing that it taught holds.
    """

    entry: Entry
    slot: str | None
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
    as_of: datetime | None = None,
    own: bool = False,
    slots: Sequence[str] = (),
) -> Candidates:
    """What every entry of the scope's user that holds at `as_of` says to a question. Cost: one round trip.

    A sparse vector of a question's terms weighs term number n with 8 to the power of n: the inner product with an entry's
    counts is then these counts side by side, three bits each.

    Args:
        own: only what the user said.
        slots: those whose facts the question asks for, a family such as `pet` with all of its kinds.
    """
    products = -(-len(terms) // TERMS_IN_PRODUCT)
    values: dict[str, object] = {"model": model_sha256, "as_of": as_of}
    if slots:
        values["slots"] = list(slots)
    values["vector"] = None if vector is None else str(vector.tolist())
    for p in range(products):
        part = terms[p * TERMS_IN_PRODUCT : (p + 1) * TERMS_IN_PRODUCT]
        values[f"terms{p}"] = lexical.to_sparsevec({term: float(1 << BITS * n) for n, term in enumerate(part)})
    row = (await _scan(products, as_of is None, own, bool(slots)).run(session, scope, values)).one()
    head = np.frombuffer(row.head or b"", _HEAD)
    counts = np.empty((len(terms), len(head)), np.uint8)
    for p in range(products):
        side_by_side = np.frombuffer(row[p] or b"", ">f4").astype(np.int32)
        for n in range(p * TERMS_IN_PRODUCT, min(len(terms), (p + 1) * TERMS_IN_PRODUCT)):
            counts[n] = side_by_side >> BITS * (n - p * TERMS_IN_PRODUCT) & MOST_REPEATS
    filling = row.filling or b"" if slots else b""
    return Candidates(
        ids=np.ascontiguousarray(head["id"]),
        at=head["at"].astype(np.float64),
        length=head["length"].astype(np.int32),
        counts=counts,
        dense=np.frombuffer(row.dense or b"", ">f4").astype(np.float32),
        filling=frozenset(filling[place : place + 16] for place in range(0, len(filling), 16)),
    )


@cache
def _scan(products: int, now: bool, own: bool, slots: bool) -> ScopedStatement:
    return ScopedStatement(partial(_scanning, products, now, own, slots), binary=True)


def _scanning(products: int, now: bool, own: bool, slots: bool, sight: Sight) -> Select[Any]:
    moment = cast(bindparam("as_of", type_=DateTime(timezone=True)), DateTime(timezone=True))
    held = and_(_entry.at <= moment, or_(_entry.closed_at.is_(None), _entry.closed_at > moment))
    rows = and_(sight.sees(memory_entries), _entry.closed_at.is_(None) if now else held)
    if own:
        rows = and_(rows, _entry.speaker != ASSISTANT)
    # The vectors are of unit length. One of another model is left out: its dimension may differ, which is an error.
    vector = _read_once(cast(bindparam("vector", type_=Text), HALFVEC()))
    cosine = cast(-_entry.embedding.max_inner_product(vector), REAL)
    of_model = func.coalesce(case((_entry.model_sha256 == bindparam("model", type_=Text), cosine)), cast("NaN", REAL))
    counted = [
        _packed(func.float4send(cast(-_entry.terms.max_inner_product(_terms(p)), REAL))) for p in range(products)
    ]
    columns = [*counted, _packed(func.float4send(of_model)).label("dense"), _packed(_entry.head).label("head")]
    if slots:
        columns.append(_filling(sight).label("filling"))
    return select(*columns).where(rows)


def _filling(sight: Sight) -> ColumnElement[Any]:
    """The ids of the facts that fill the asked slots, also of those that hold no more: entries say which do."""
    family = func.split_part(facts.c.slot, ":", 1) == any_(bindparam("slots", type_=ARRAY(Text)))
    return select(_packed(func.uuid_send(facts.c.id))).where(sight.sees(facts), family).scalar_subquery()


def _packed(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.string_agg(value, _EMPTY, type_=LargeBinary)


def _terms(number: int) -> ColumnElement[Any]:
    return _read_once(cast(bindparam(f"terms{number}", type_=Text), SPARSEVEC(TERM_SPACE)))


def _read_once(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """A value whose text a kept plan does not read anew for every entry."""
    return select(value).scalar_subquery()


async def fetch(
    session: AsyncConnection, scope: Scope, ids: Sequence[UUID], *, as_of: datetime | None = None
) -> dict[UUID, Fetched]:
    """The entries of `ids`, by id, outdated or not as of that moment. Cost: one round trip."""
    rows = await _FETCH.run(session, scope, {"ids": list(ids), "as_of": as_of})
    return {row.id: _fetched(row) for row in rows}


def _fetched(row: Row[tuple[Any, ...]]) -> Fetched:
    entry = entry_of(row)
    closed, still_open = row.closed_and_open
    outdated = bool(row.ended or closed) and not (row.lives or still_open)
    ended = () if outdated else row.ended or ()
    if entry.kind == "turn":
        entry = msgspec.structs.replace(entry, text=_without(entry.text, ended))
    return Fetched(
        entry=entry,
        slot=row.slot,
        said=None if row.said is None else _without(row.said, ended),
        before=row.before,
        after=row.after,
        outdated=outdated,
    )


def _without(said: str, parts: Sequence[str]) -> str:
    """A turn without parts of it, and without the word that joined them to the rest."""
    rest = said
    for part in parts:
        before, found, after = rest.partition(part)
        if found:
            rest = f"{_JOINING.sub('', before)}{after}" if before.strip() else _OPENING.sub("", after)
    return rest.strip() if re.search(r"\w", rest) else said


def _fetching(sight: Sight) -> Select[Any]:
    """Turns are read from their entries: what the user had deleted of a message is not in these."""
    message, told = messages.alias("message"), memory_entries.alias("told")
    other, near = messages.alias("other"), memory_entries.alias("near")
    entry, proof, fact = memory_entries.alias("entry"), fact_evidence.alias("proof"), facts.alias("fact")
    noted = and_(sight.sees(entry), entry.c.kind == _A_FACT, entry.c.message_id == _entry.message_id)
    part = func.substr(message.c.text, proof.c.start_offset + 1, proof.c.end_offset - proof.c.start_offset)
    taught = and_(sight.sees(proof), proof.c.message_id == _entry.message_id)
    facts_of_it = and_(sight.sees(fact), fact.c.id == proof.c.fact_id)
    moment = func.coalesce(cast(bindparam("as_of", type_=DateTime(timezone=True)), DateTime(timezone=True)), _FOREVER)
    still = or_(entry.c.closed_at.is_(None), entry.c.closed_at > moment)
    around = (
        select(func.concat(near.c.speaker, ": ", near.c.text))
        .join_from(other, near, and_(sight.sees(near), near.c.id == other.c.id))
        .where(sight.sees(other), other.c.conversation_id == message.c.conversation_id)
        .limit(_ONE)
    )
    return (
        select(
            *ENTRY_COLUMNS,
            facts.c.slot,
            told.c.text.label("said"),
            around.where(other.c.seq < message.c.seq).order_by(other.c.seq.desc()).scalar_subquery().label("before"),
            around.where(other.c.seq > message.c.seq).order_by(other.c.seq).scalar_subquery().label("after"),
            select(func.array_agg(part))
            .join_from(proof, fact, facts_of_it)
            .where(taught, fact.c.valid_to <= moment)
            .correlate(memory_entries, message)
            .scalar_subquery()
            .label("ended"),
            exists()
            .where(taught, facts_of_it, or_(fact.c.valid_to.is_(None), fact.c.valid_to > moment))
            .correlate(memory_entries)
            .label("lives"),
            select(array([func.bool_or(entry.c.closed_at <= moment), func.bool_or(still)]))
            .where(noted)
            .correlate(memory_entries)
            .scalar_subquery()
            .label("closed_and_open"),
        )
        .outerjoin(message, and_(sight.sees(message), message.c.id == _entry.message_id))
        .outerjoin(told, and_(sight.sees(told), told.c.id == _entry.message_id))
        .outerjoin(facts, and_(sight.sees(facts), facts.c.id == _entry.id))
        .where(sight.sees(memory_entries), _entry.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
    )


_FETCH: Final = ScopedStatement(_fetching)
