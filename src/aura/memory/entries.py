"""The index of memory: what a user said and what is known of the user, each entry found by its words and its meaning.

Entries are derived: a job makes them from stored turns, and can make all of them anew. They belong to one user, as the turns
do, and go with their conversation. By convention the entry of a turn has the id of its message, and that of a fact the
id of the fact: whoever forgets a fact for good drops the entry of its turn, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray
from pgvector import SparseVector
from sqlalchemy import and_, case, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.scopes import visible
from aura.database.tables import TERM_SPACE, memory_entries
from aura.errors import InvalidRequest
from aura.identity import ConversationId, Scope, UserId
from aura.index import lexical

Kind = Literal["turn", "fact"]

ASSISTANT = "assistant"
"""The speaker of what the user did not say."""
MOST_REPEATS = 7
"""How often an entry counts a term at most: BM25 hardly tells more repetitions apart, and three bits hold this."""

_entry = memory_entries.c


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be recalled.

    `message_id` is the turn it is, or was learned from. `at` is when it was said, of a fact since when it is true;
    `speaker` is who said it: `user`, `assistant`, or a name.
    """

    id: UUID
    kind: Kind
    user_id: UserId | None
    conversation_id: ConversationId | None
    message_id: UUID
    at: datetime
    speaker: str
    text: str


def embedded_text(entry: Entry) -> str:
    """The text that stands for `entry` in the embedding model, and whose words BM25 counts: `[7 May 2025] Ana: …`."""
    return f"[{entry.at.day} {entry.at:%B %Y}] {entry.speaker}: {entry.text}"


async def put(
    session: AsyncConnection,
    scope: Scope,
    entries: Sequence[Entry],
    vectors: NDArray[np.float32] | None,
    *,
    model_sha256: str | None = None,
) -> None:
    """Make `entries` recallable. One that is there already is replaced; without vectors, it keeps the one of the same text.

    Args:
        vectors: of `embedded_text`, `(len(entries), dimension) float32`; None while the embedding model is down: BM25 finds
            the entries until `put` is called again with what `unembedded` gives.
        model_sha256: the weights that made the vectors.

    Raises:
        InvalidRequest: the vectors are not as many as the entries, or come without `model_sha256`.

    Cost: one round trip.
    """
    if not entries:
        return
    if vectors is not None and (len(vectors) != len(entries) or model_sha256 is None):
        raise InvalidRequest(f"{len(entries)} entries take as many vectors and the SHA-256 of the model that made them")
    rows = [_row(scope, entry) for entry in entries]
    for n, row in enumerate(rows):
        row["embedding"] = None if vectors is None else vectors[n]
        row["model_sha256"] = None if vectors is None else model_sha256
    adding = insert(memory_entries)
    new = adding.excluded
    same = and_(new.embedding.is_(None), _entry.text == new.text)
    changed = {column.name: new[column.name] for column in _entry if column.name not in _KEPT}
    changed |= {name: case((same, _entry[name]), else_=new[name]) for name in ("embedding", "model_sha256")}
    await session.execute(adding.on_conflict_do_update(index_elements=["tenant_id", "id"], set_=changed), rows)


async def close(session: AsyncConnection, scope: Scope, ids: Sequence[UUID], at: datetime) -> None:
    """End the validity of entries at `at`: recall as of a moment before still finds them. Those that ended stay as they are.

    Cost: one round trip.
    """
    ending = update(memory_entries).where(
        visible(memory_entries, scope), _entry.id.in_(ids), _entry.closed_at.is_(None)
    )
    await session.execute(ending.values(closed_at=at))


async def drop(session: AsyncConnection, scope: Scope, ids: Sequence[UUID]) -> int:
    """Forget entries for good; how many there were. Cost: one round trip."""
    gone = await session.execute(delete(memory_entries).where(visible(memory_entries, scope), _entry.id.in_(ids)))
    return gone.rowcount


async def drop_messages(session: AsyncConnection, scope: Scope, message_ids: Sequence[UUID]) -> int:
    """Forget the entries of these messages, and of the facts that were learned from them first; how many.

    Cost: one round trip.
    """
    theirs = and_(visible(memory_entries, scope), _entry.message_id.in_(message_ids))
    return (await session.execute(delete(memory_entries).where(theirs))).rowcount


async def drop_user(session: AsyncConnection, scope: Scope, user_id: UserId | None) -> int:
    """Forget every entry of one user for good; how many there were. Cost: one round trip."""
    theirs = and_(visible(memory_entries, scope), _entry.user_id.is_not_distinct_from(user_id))
    return (await session.execute(delete(memory_entries).where(theirs))).rowcount


async def unembedded(session: AsyncConnection, scope: Scope, *, model_sha256: str, limit: int = 100) -> list[Entry]:
    """The latest entries that have no vector of these weights yet: the model was down, or was another one.

    Cost: one round trip, which reads all entries of the user.
    """
    missing = or_(_entry.embedding.is_(None), _entry.model_sha256.is_distinct_from(model_sha256))
    query = (
        select(*ENTRY_COLUMNS).where(visible(memory_entries, scope), missing).order_by(_entry.at.desc()).limit(limit)
    )
    return [entry_of(row) for row in await session.execute(query)]


_KEPT = frozenset({"tenant_id", "id", "closed_at", "embedding", "model_sha256", "head"})
ENTRY_COLUMNS = tuple(_entry[name] for name in Entry.__struct_fields__)
"""The columns that `entry_of` reads."""


def entry_of(row: Row[tuple[object, ...]]) -> Entry:
    """The entry in a row of `memory_entries`."""
    return Entry(**{name: getattr(row, name) for name in Entry.__struct_fields__})


def _row(scope: Scope, entry: Entry) -> dict[str, object]:
    counts = lexical.term_counts(embedded_text(entry))
    return {
        **msgspec.structs.asdict(entry),
        "tenant_id": scope.tenant_id,
        "terms": SparseVector({term - 1: min(n, MOST_REPEATS) for term, n in counts.items()}, TERM_SPACE),
        "length": sum(counts.values()),
    }
