"""Who may see a document, changed: its versions, chunks, vectors and its place in the index follow in one transaction.

Search reads `private_to` of the index rows, so it obeys from the commit on. What is private to a member has keys of its
own in the vector cache (`rows.cache_key`), so chunks and their vectors get new ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    LargeBinary,
    TableValuedAlias,
    Text,
    and_,
    column,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.tables import chunks, document_versions, documents, index_table, ingest_tasks, vector_cache
from aura.documents.rows import cache_key
from aura.documents.values import Document
from aura.errors import Conflict
from aura.identity import TenantId, UserId
from aura.index import generations
from aura.index.passage import embedded_text
from aura.webhooks import outbox
from aura.webhooks.values import Event

_BATCH = 1_000


async def show_to(session: AsyncConnection, tenant_id: TenantId, document: Document, private_to: UserId | None) -> None:
    """Make `document` private to one member, or visible to the organisation.

    Call it in a `SERVICE` scope, under the index lock. Work that is under way is taken up again by a worker
    that knows who may see it.

    Raises:
        Conflict: a document of this name is there already, or the document was changed meanwhile.

    Cost: four statements a thousand chunks, and seven more.
    """
    # The task first, then the document, as workers and uploads do it: nobody waits for each other.
    stopped = await session.scalar(
        update(ingest_tasks)
        .where(ingest_tasks.c.tenant_id == tenant_id, ingest_tasks.c.document_id == document.id)
        .values(worker="", lease_until=func.now())
        .returning(ingest_tasks.c.document_id)
    )
    await _refuse_taken_name(session, tenant_id, document, private_to)
    changed = await session.execute(
        update(documents)
        .where(documents.c.tenant_id == tenant_id, documents.c.id == document.id)
        .where(documents.c.private_to.is_distinct_from(private_to))
        .values(private_to=private_to, updated_at=func.now())
    )
    if not changed.rowcount:
        return  # somebody was faster, or deleted it
    await session.execute(
        update(document_versions)
        .where(document_versions.c.tenant_id == tenant_id, document_versions.c.document_id == document.id)
        .values(private_to=private_to)
    )
    if stopped is None and await _is_worked_on(session, tenant_id, document):
        raise Conflict("a new version of this document came in meanwhile: try again")
    await _mark_chunks(session, tenant_id, document, private_to)
    generation = await generations.serving(session, tenant_id)
    if generation is not None:
        index = index_table(generation.table_name)
        mine = and_(index.c.tenant_id == tenant_id, index.c.document_id == document.id)
        await session.execute(update(index).where(mine).values(private_to=private_to))
    if document.version > 0:  # to the organisation's programs it comes, or it goes
        event = Event.DOCUMENT_READY if private_to is None else Event.DOCUMENT_DELETED
        about = {"document_id": str(document.id), "version": document.version}
        await outbox.put(session, tenant_id, event, about)


async def _refuse_taken_name(
    session: AsyncConnection, tenant_id: TenantId, document: Document, private_to: UserId | None
) -> None:
    """Names are unique in a collection, for each audience. Who is told of one may see it."""
    taken = select(documents.c.id).where(
        documents.c.tenant_id == tenant_id,
        documents.c.collection_id == document.collection_id,
        documents.c.private_to.is_not_distinct_from(private_to),
        documents.c.filename == document.filename,
        documents.c.id != document.id,
    )
    if await session.scalar(taken) is not None:
        raise Conflict("another document of this name is there already, for the same audience: delete one of the two")


async def _is_worked_on(session: AsyncConnection, tenant_id: TenantId, document: Document) -> bool:
    task = and_(ingest_tasks.c.tenant_id == tenant_id, ingest_tasks.c.document_id == document.id)
    return await session.scalar(select(ingest_tasks.c.document_id).where(task)) is not None


async def _mark_chunks(
    session: AsyncConnection, tenant_id: TenantId, document: Document, private_to: UserId | None
) -> None:
    """Give the chunks of every version their new audience, and the keys that go with it."""
    mine, after = and_(chunks.c.tenant_id == tenant_id, chunks.c.document_id == document.id), ""
    columns = (chunks.c.id, chunks.c.heading, chunks.c.text, chunks.c.text_sha256)
    while True:
        found = select(*columns).where(mine, chunks.c.id > after).order_by(chunks.c.id).limit(_BATCH)
        rows = (await session.execute(found)).all()
        if not rows:
            return
        await _rekey(session, tenant_id, rows, private_to)
        after = rows[-1].id


async def _rekey(
    session: AsyncConnection, tenant_id: TenantId, rows: Sequence[Row[tuple[str, list[str], str, bytes]]],
    private_to: UserId | None,
) -> None:  # fmt: skip
    keys = [cache_key(embedded_text(tuple(row.heading), row.text), private_to) for row in rows]
    before = [row.text_sha256 for row in rows]
    moved = _pairs("moved", column("before", LargeBinary), _bytes(before), _bytes(keys))
    vectors = (
        select(vector_cache.c.tenant_id, vector_cache.c.model_sha256, moved.c.key, vector_cache.c.embedding)
        .distinct(vector_cache.c.model_sha256, moved.c.key)
        .where(vector_cache.c.tenant_id == tenant_id, vector_cache.c.text_sha256 == moved.c.before)
    )
    names = [each.name for each in vector_cache.c]
    await session.execute(upsert(vector_cache).from_select(names, vectors).on_conflict_do_nothing())
    ids = literal([row.id for row in rows], ARRAY(Text))
    new = _pairs("new", column("id", Text), ids, _bytes(keys))
    await session.execute(
        update(chunks)
        .where(chunks.c.tenant_id == tenant_id, chunks.c.id == new.c.id)
        .values(private_to=private_to, text_sha256=new.c.key)
    )
    used = select(1).where(chunks.c.tenant_id == tenant_id, chunks.c.text_sha256 == vector_cache.c.text_sha256)
    await session.execute(
        delete(vector_cache).where(
            vector_cache.c.tenant_id == tenant_id, vector_cache.c.text_sha256.in_(before), ~used.exists()
        )
    )


def _pairs(
    name: str, of: ColumnClause[Any], keys: ColumnElement[Sequence[Any]], values: ColumnElement[Sequence[bytes]]
) -> TableValuedAlias:
    return func.unnest(keys, values).table_valued(of, column("key", LargeBinary), name=name).render_derived()


def _bytes(values: Sequence[bytes]) -> ColumnElement[Sequence[bytes]]:
    return literal(values, ARRAY(LargeBinary))
