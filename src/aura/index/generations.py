"""Index generations: which model made a tenant's index, and which table holds it.

Small tenants share one table per dimension, scanned exactly; a large one is promoted to a table of its own with HNSW.
Promotion, a new embedding model and a rebuild are one mechanism: build the next generation beside the serving one, catch
up, swap in one transaction, drop the old.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Protocol, Self
from uuid import UUID, uuid4

import msgspec
import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.engine import Database
from aura.database.statements import Statement
from aura.database.tables import INDEX_COLUMNS, chunks, generations, index_table, vector_cache
from aura.errors import Conflict
from aura.identity import GenerationId, Scope, TenantId
from aura.index.passage import embedded_text

_BATCH = 256


class Embedder(Protocol):
    """What the index needs of an embedding model. `embed` takes passages' embedded texts; rows are unit vectors."""

    @property
    def model_name(self) -> str: ...
    @property
    def weights_sha256(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    async def embed(self, texts: list[str]) -> NDArray[np.float32]: ...
    async def embed_query(self, text: str) -> NDArray[np.float32]: ...


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """One index of one tenant."""

    id: GenerationId
    model: str
    model_sha256: str
    dimension: int
    table_name: str
    state: str

    @classmethod
    def of(cls, row: Any) -> Self:
        """The one that a row with `answering`'s columns is of."""
        return cls(**{name: getattr(row, name) for name in cls.__struct_fields__})

    @property
    def dedicated(self) -> bool:
        """Whether the tenant has the table to itself."""
        return self.table_name.startswith("index_g_")


async def serving(session: AsyncConnection, tenant_id: TenantId) -> Generation | None:
    """The generation that answers; None before the first chunk."""
    return await _find(session, tenant_id, "serving")


async def serving_or_new(
    session: AsyncConnection, tenant_id: TenantId, embedder: Embedder, *, dedicated: bool = False
) -> Generation:
    """The generation that answers, made if this is the tenant's first chunk: in the shared table unless `dedicated`.

    Raises:
        Conflict: the tenant's index was made by another model. Nothing mixes vectors of two models.
    """
    generation = await serving(session, tenant_id)
    if generation is None:
        return await _create(session, tenant_id, embedder, state="serving", dedicated=dedicated)
    if generation.model_sha256 != embedder.weights_sha256:
        raise Conflict(
            f"this tenant's index was made by {generation.model!r}, and {embedder.model_name!r} is configured:"
            " rebuild it (`aura tenant reindex`, `await workspace.reindex()`)"
        )
    return generation


@asynccontextmanager
async def index_lock(session: AsyncConnection, tenant_id: TenantId) -> AsyncGenerator[None]:
    """Writers of one tenant's index, one after the other, until the transaction ends. Readers never wait."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"index {tenant_id}", 0))))
    yield


class Rebuild:
    """Makes a tenant's next generation and puts it in the place of the serving one."""

    def __init__(self, database: Database, embedder: Embedder) -> None:
        self._database = database
        self._embedder = embedder

    async def run(self, scope: Scope, *, dedicated: bool) -> Generation | None:
        """Build, catch up, swap, drop. The old generation answers until the last step.

        Returns:
            The new serving generation; None when the tenant has nothing indexed yet.

        Raises:
            Conflict: another rebuild of this tenant is under way.
        """
        scope = scope.as_service()
        async with self._alone(scope):
            async with self._database.tenant(scope) as session:
                await self._drop(session, scope.tenant_id, "building")
                old = await serving(session, scope.tenant_id)
                if old is None:
                    return None
                new = await _create(session, scope.tenant_id, self._embedder, state="building", dedicated=dedicated)
            while await self._copy(scope, old, new):
                pass
            if new.dedicated:
                async with self._database.tenant(scope) as session:
                    await session.execute(select(func.aura_build_dedicated_index(new.id)))
            await self._swap(scope, old, new)
        return msgspec.structs.replace(new, state="serving")

    @asynccontextmanager
    async def _alone(self, scope: Scope) -> AsyncGenerator[None]:
        async with self._database.tenant(scope) as session:
            key = func.hashtextextended(f"rebuild {scope.tenant_id}", 0)
            if not await session.scalar(select(func.pg_try_advisory_xact_lock(key))):
                raise Conflict("this tenant's index is being rebuilt already: wait for it to finish")
            yield

    async def _copy(self, scope: Scope, old: Generation, new: Generation) -> int:
        async with self._database.tenant(scope) as session:
            return await self._copy_batch(session, scope.tenant_id, old, new)

    async def _copy_batch(self, session: AsyncConnection, tenant_id: TenantId, old: Generation, new: Generation) -> int:
        """Copy chunks that the old generation has and the new has not; how many that were."""
        source, target = index_table(old.table_name).alias("source"), index_table(new.table_name)
        there = target.alias("there")
        missing = (
            select(source.c.chunk_id)
            .where(source.c.tenant_id == tenant_id, source.c.generation_id == old.id)
            .where(
                ~select(1)
                .where(
                    there.c.tenant_id == tenant_id,
                    there.c.chunk_id == source.c.chunk_id,
                    there.c.generation_id == new.id,
                )
                .exists()
            )
            .limit(_BATCH * (8 if old.model_sha256 == new.model_sha256 else 1))
        )
        if old.model_sha256 == new.model_sha256:
            columns = [source.c[name] for name in INDEX_COLUMNS if name != "generation_id"]
            rows = select(
                *columns,
                text("CAST(:new_generation AS uuid)").bindparams(new_generation=new.id),
                source.c.embedding,
                source.c.terms,
            ).where(source.c.tenant_id == tenant_id, source.c.generation_id == old.id, source.c.chunk_id.in_(missing))
            names = [name for name in INDEX_COLUMNS if name != "generation_id"]
            done = await session.execute(
                insert(target)
                .from_select([*names, "generation_id", "embedding", "terms"], rows)
                .execution_options(preserve_rowcount=True)
            )
            return done.rowcount
        return await self._embed_batch(session, tenant_id, old, new, list(await session.scalars(missing)))

    async def _embed_batch(
        self, session: AsyncConnection, tenant_id: TenantId, old: Generation, new: Generation, ids: list[str]
    ) -> int:
        await embed_missing(session, tenant_id, self._embedder, chunks.c.id.in_(ids))
        source = index_table(old.table_name)
        rows = (
            select(
                *(source.c[name] for name in INDEX_COLUMNS if name != "generation_id"),
                text("CAST(:new_generation AS uuid)").bindparams(new_generation=new.id),
                vector_cache.c.embedding.cast(HALFVEC(new.dimension)),
                source.c.terms,
            )
            .join(chunks, (chunks.c.tenant_id == source.c.tenant_id) & (chunks.c.id == source.c.chunk_id))
            .join(
                vector_cache,
                (vector_cache.c.tenant_id == tenant_id)
                & (vector_cache.c.model_sha256 == new.model_sha256)
                & (vector_cache.c.text_sha256 == chunks.c.text_sha256),
            )
            .where(source.c.tenant_id == tenant_id, source.c.generation_id == old.id, source.c.chunk_id.in_(ids))
        )
        names = [name for name in INDEX_COLUMNS if name != "generation_id"]
        target = index_table(new.table_name)
        done = await session.execute(
            insert(target)
            .from_select([*names, "generation_id", "embedding", "terms"], rows)
            .execution_options(preserve_rowcount=True)
        )
        return done.rowcount

    async def _swap(self, scope: Scope, old: Generation, new: Generation) -> None:
        tenant_id = scope.tenant_id
        async with self._database.tenant(scope) as session, index_lock(session, tenant_id):
            while await self._copy_batch(session, tenant_id, old, new):
                pass
            await self._follow(session, tenant_id, old, new)
            for generation, state in ((old, "retired"), (new, "serving")):
                await session.execute(
                    update(generations)
                    .where(generations.c.tenant_id == tenant_id, generations.c.id == generation.id)
                    .values(state=state)
                )
            await self._drop(session, tenant_id, "retired")

    async def _follow(self, session: AsyncConnection, tenant_id: TenantId, old: Generation, new: Generation) -> None:
        """What was withdrawn, renewed or given another audience while the new generation was built."""
        source, target = index_table(old.table_name).alias("source"), index_table(new.table_name)
        current = and_(source.c.tenant_id == tenant_id, source.c.generation_id == old.id)
        mine = and_(target.c.tenant_id == tenant_id, target.c.generation_id == new.id)
        await session.execute(
            delete(target).where(mine, target.c.chunk_id.not_in(select(source.c.chunk_id).where(current)))
        )
        await session.execute(
            update(target)
            .where(mine, current, source.c.chunk_id == target.c.chunk_id, source.c.terms != target.c.terms)
            .values(terms=source.c.terms)
        )
        await session.execute(
            update(target)
            .where(mine, current, source.c.chunk_id == target.c.chunk_id)
            .where(source.c.private_to.is_distinct_from(target.c.private_to))
            .values(private_to=source.c.private_to)
        )

    async def _drop(self, session: AsyncConnection, tenant_id: TenantId, state: str) -> None:
        while (generation := await _find(session, tenant_id, state)) is not None:
            await drop(session, tenant_id, generation)


async def drop(session: AsyncConnection, tenant_id: TenantId, generation: Generation) -> None:
    """Remove a generation and its vectors."""
    if generation.dedicated:
        await session.execute(select(func.aura_drop_dedicated_index(generation.id)))
    else:
        index = index_table(generation.table_name)
        await session.execute(
            delete(index).where(index.c.tenant_id == tenant_id, index.c.generation_id == generation.id)
        )
    await session.execute(
        delete(generations).where(generations.c.tenant_id == tenant_id, generations.c.id == generation.id)
    )


def unembedded(
    tenant_id: TenantId, embedder: Embedder, which: ColumnElement[bool]
) -> Select[tuple[bytes, list[str], str]]:
    """The texts of the chunks of `which` that the vector cache does not have."""
    cached = (
        select(1)
        .where(vector_cache.c.tenant_id == tenant_id, vector_cache.c.model_sha256 == embedder.weights_sha256)
        .where(vector_cache.c.text_sha256 == chunks.c.text_sha256)
        .exists()
    )
    return select(chunks.c.text_sha256, chunks.c.heading, chunks.c.text).where(
        chunks.c.tenant_id == tenant_id, ~cached, which
    )


async def embed_missing(
    session: AsyncConnection, tenant_id: TenantId, embedder: Embedder, which: ColumnElement[bool]
) -> int:
    """Embed the chunks of `which` whose text the vector cache does not have; how many texts that were."""
    rows = await session.execute(unembedded(tenant_id, embedder, which))
    texts = {row.text_sha256: embedded_text(tuple(row.heading), row.text) for row in rows}
    if texts:
        vectors = await embedder.embed(list(texts.values()))
        await store_vectors(session, tenant_id, embedder, list(texts), vectors)
    return len(texts)


async def store_vectors(
    session: AsyncConnection,
    tenant_id: TenantId,
    embedder: Embedder,
    hashes: list[bytes],
    vectors: NDArray[np.float32],
) -> None:
    """Put embedded texts into the tenant's vector cache. `vectors` is `(n, dimension) float32`."""
    rows = [
        {"tenant_id": tenant_id, "model_sha256": embedder.weights_sha256, "text_sha256": sha, "embedding": vector}
        for sha, vector in zip(hashes, vectors, strict=True)
    ]
    await session.execute(upsert(vector_cache).values(rows).on_conflict_do_nothing())


async def _find(session: AsyncConnection, tenant_id: TenantId, state: str) -> Generation | None:
    row = (await _in_state().run(session, {"tenant": tenant_id, "state": state})).first()
    return None if row is None else Generation.of(row)


def answering(tenant_id: ColumnElement[UUID]) -> Select[tuple[UUID]]:
    """The id of the generation that answers, for a statement that searches."""
    serving_one = and_(generations.c.tenant_id == tenant_id, generations.c.state == literal("serving", Text))
    return select(generations.c.id).where(serving_one).limit(1)


@cache
def _in_state() -> Statement:
    columns = [generations.c[name] for name in Generation.__struct_fields__]
    tenant_id, state = bindparam("tenant", type_=Uuid), bindparam("state", type_=Text)
    return Statement(
        select(*columns).where(generations.c.tenant_id == tenant_id, generations.c.state == state).limit(1)
    )


async def _create(
    session: AsyncConnection, tenant_id: TenantId, embedder: Embedder, *, state: str, dedicated: bool
) -> Generation:
    generation_id, dimension = GenerationId(uuid4()), embedder.dimension
    made = (
        func.aura_create_dedicated_index(generation_id, dimension)
        if dedicated
        else func.aura_create_pooled_index(dimension)
    )
    generation = Generation(
        id=generation_id,
        model=embedder.model_name,
        model_sha256=embedder.weights_sha256,
        dimension=dimension,
        table_name=str(await session.scalar(select(made))),
        state=state,
    )
    await session.execute(insert(generations).values(tenant_id=tenant_id, **msgspec.structs.asdict(generation)))
    return generation
