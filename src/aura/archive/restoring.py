"""Makes a tenant from an archive. Its rows come in one transaction, and before it ends nobody can enter it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import psycopg
from sqlalchemy import Table, delete, exc, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.archive.format import (
    CHUNKS,
    COLLECTIONS,
    CONVERSATIONS,
    DOCUMENTS,
    FILES,
    MESSAGES,
    ORGANISATION,
    ORIGINAL,
    PERSONAS,
    SIGNALS,
    USERS,
    VECTORS,
    VERSIONS,
    ChunkRecord,
    CollectionRecord,
    ConversationRecord,
    DocumentRecord,
    File,
    IndexFacts,
    Member,
    MessageRecord,
    OrganisationRecord,
    PersonaRecord,
    SignalRecord,
    UserRecord,
    VersionRecord,
    find_file,
)
from aura.archive.reading import ArchiveReader, VectorReader, damaged, open_archive
from aura.archive.remembering import Remembering
from aura.database.engine import Database
from aura.database.tables import (
    chunks,
    collections,
    conversations,
    document_versions,
    documents,
    lexical_statistics,
    messages,
    organisations,
    persona_signals,
    personas,
    users,
)
from aura.documents.files import Files
from aura.documents.values import Stage
from aura.errors import AuraError, BackendError, InvalidRequest
from aura.identity import DocumentId, Role, Scope, TenantId
from aura.index import generations, lexical, writer
from aura.index.generations import Embedder
from aura.index.passage import embedded_text
from aura.persona.learning import LESS, MORE
from aura.persona.traits import SCALES, Axis, checked
from aura.tenants import validation
from aura.tenants.collections import add_default
from aura.tenants.limits import lock_limits
from aura.tenants.logo import checked_logo
from aura.tenants.organisations import reserve
from aura.tenants.values import Limits, Tier

_ARGON2 = re.compile(
    r"\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d{1,2})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}"
)
_MOST_KIB, _MOST_PASSES = 256 * 1024, 16
_REFUSED = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)


async def restore(
    database: Database,
    files: Files,
    embedder: Embedder,
    path: Path,
    subdomain: str | None,
    tier: Tier | None,
    *,
    memory_key: bytes,
) -> TenantId:
    """See `Archive.restore`."""
    async with open_archive(path) as archive:
        organisation = await archive.value(ORGANISATION, OrganisationRecord)
        if tier is not None:
            organisation = msgspec.structs.replace(organisation, **_plan(tier))
        tenant_id = TenantId(uuid4())
        await reserve(database, {"id": tenant_id, **_organisation_values(organisation, subdomain)})
        try:
            restoration = _Restoration(database, files, embedder, archive, tenant_id, memory_key=memory_key)
            await restoration.run(organisation)
        except BaseException:
            await asyncio.shield(_undo(database, files, archive, tenant_id))
            raise
    return tenant_id


async def _undo(database: Database, files: Files, archive: ArchiveReader, tenant_id: TenantId) -> None:
    await archive.settle()  # a cancelled call may still be writing a file
    await files.remove_tenant(tenant_id)
    with suppress(AuraError):  # the error that matters is the first; `reserve` frees the name when it is needed
        async with database.system() as session:
            await session.execute(delete(organisations).where(organisations.c.id == tenant_id))


class _Restoration:
    """One tenant under way."""

    def __init__(
        self,
        database: Database,
        files: Files,
        embedder: Embedder,
        archive: ArchiveReader,
        tenant_id: TenantId,
        *,
        memory_key: bytes,
    ) -> None:
        self._database = database
        self._files = files
        self._embedder = embedder
        self._archive = archive
        self._tenant_id = tenant_id
        self._memory_key = memory_key
        self._scope = Scope(tenant_id=tenant_id, role=Role.SERVICE)

    async def run(self, organisation: OrganisationRecord) -> None:
        """Fill the reserved organisation, and open it."""
        index = self._archive.manifest.index
        if index is not None and not index.dedicated:
            # In a transaction of its own, for it locks out other tenants that come to the same table.
            async with self._database.tenant(self._scope) as session:
                await generations.serving_or_new(session, self._tenant_id, self._embedder)
        async with self._database.tenant(self._scope) as session, generations.index_lock(session, self._tenant_id):
            await lock_limits(session, self._tenant_id)  # nobody takes the sub-domain for a forgotten one meanwhile
            await self._extract()
            await self._rows(session)
            if index is not None:
                await self._chunks(session, index)
                await self._publish(session, index)
            await session.execute(
                update(organisations)
                .where(organisations.c.id == self._tenant_id)
                .values(is_active=True, created_at=organisation.created_at)
            )

    async def _extract(self) -> None:
        for name in self._archive.manifest.members:
            file = find_file(name)
            if file is not None:
                folder = self._files.version_dir(self._tenant_id, DocumentId(file.document_id), file.version)
                await self._archive.extract(name, folder / file.name)

    async def _rows(self, session: AsyncConnection) -> None:
        """All rows but the chunks, in the order of their foreign keys."""
        archive = self._archive
        async for rows in archive.rows(USERS, UserRecord):
            for user in rows:
                _check_user(user)
            await self._insert(session, users, rows)
        async for rows in archive.rows(COLLECTIONS, CollectionRecord):
            await self._insert(session, collections, rows)
        await add_default(session, self._tenant_id)
        await self._documents(session)
        async for rows in archive.rows(CONVERSATIONS, ConversationRecord):
            await self._insert(session, conversations, rows)
        async for rows in archive.rows(MESSAGES, MessageRecord):
            await _execute(session, messages, [_message_values(self._tenant_id, row) for row in rows])
        async for rows in archive.rows(PERSONAS, PersonaRecord):
            for persona in rows:
                _check_persona(persona)
            await self._insert(session, personas, rows)
        async for rows in archive.rows(SIGNALS, SignalRecord):
            for signal in rows:
                _check_signal(signal)
            await self._insert(session, persona_signals, rows)
        await Remembering(session, archive, self._tenant_id, _execute).run(self._memory_key)

    async def _documents(self, session: AsyncConnection) -> None:
        """The documents and their versions; these have the files that they should, and there are no others."""
        answering, versions = set[tuple[UUID, int]](), set[tuple[UUID, int]]()
        async for rows in self._archive.rows(DOCUMENTS, DocumentRecord):
            answering.update((row.id, row.version) for row in rows)
            await self._insert(session, documents, rows, stage=Stage.READY, percent=100.0)
        members = self._archive.manifest.members
        async for rows in self._archive.rows(VERSIONS, VersionRecord):
            for row in rows:
                _check_files(row, members, answers=(row.document_id, row.version) in answering)
            versions.update((row.document_id, row.version) for row in rows)
            await self._insert(session, document_versions, rows)
        files = (file for name in members if (file := find_file(name)) is not None)
        if not answering <= versions or not versions.issuperset((file.document_id, file.version) for file in files):
            raise damaged("a document or a file has no version")

    async def _chunks(self, session: AsyncConnection, index: IndexFacts) -> None:
        if index.model_sha256 != self._embedder.weights_sha256:
            await self._archive.check(VECTORS)
            async for rows in self._archive.rows(CHUNKS, ChunkRecord):
                await self._insert_chunks(session, rows)
                which = chunks.c.id.in_([row.id for row in rows])
                await generations.embed_missing(session, self._tenant_id, self._embedder, which)
            return
        if index.dimension != self._embedder.dimension:
            raise damaged("its vectors have another dimension than their model")
        async with self._archive.vectors(index.dimension) as vectors:
            async for rows in self._archive.rows(CHUNKS, ChunkRecord):
                await self._insert_chunks(session, rows)
                await self._store_vectors(session, rows, vectors)

    async def _insert_chunks(self, session: AsyncConnection, rows: Sequence[ChunkRecord]) -> None:
        values = await asyncio.to_thread(lambda: [_chunk_values(self._tenant_id, row) for row in rows])
        for with_node in (False, True):  # the rows of one statement have the same columns
            await _execute(session, chunks, [row for row in values if ("node" in row) is with_node])

    async def _store_vectors(
        self, session: AsyncConnection, rows: Sequence[ChunkRecord], vectors: VectorReader
    ) -> None:
        hashes = [row.text_sha256 for row in rows]
        await generations.store_vectors(session, self._tenant_id, self._embedder, hashes, await vectors.read(len(rows)))

    async def _publish(self, session: AsyncConnection, index: IndexFacts) -> None:
        tenant_id, count = self._tenant_id, self._archive.manifest.members[CHUNKS].rows
        generation = await generations.serving_or_new(session, tenant_id, self._embedder, dedicated=index.dedicated)
        # The average that the term weights had, which is the true one only within a few percent: scores stay as they were.
        await session.execute(
            insert(lexical_statistics).values(tenant_id=tenant_id, weighted_average=index.weighted_average)
        )
        if await writer.publish(session, tenant_id, generation, true()) != count:
            raise BackendError("not every chunk of the archive could be indexed")
        if generation.dedicated:
            await session.execute(select(func.aura_build_dedicated_index(generation.id)))

    async def _insert(
        self, session: AsyncConnection, table: Table, rows: Sequence[msgspec.Struct], **more: object
    ) -> None:
        common = {"tenant_id": self._tenant_id, **more}
        await _execute(session, table, [{**msgspec.structs.asdict(row), **common} for row in rows])


async def _execute(session: AsyncConnection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    if not rows:
        return
    try:
        await session.execute(insert(table), rows)
    except exc.DBAPIError as error:
        if isinstance(error.orig, _REFUSED):
            raise damaged(f"its {table.name} do not fit together, or can not be stored") from error
        raise


def _organisation_values(record: OrganisationRecord, subdomain: str | None) -> dict[str, object]:
    """What an archive may say of an organisation is what people may type."""
    return {
        "organization_name": validation.name(record.organization_name, field="organization_name"),
        "subdomain": validation.subdomain(record.subdomain if subdomain is None else subdomain),
        "admin_email": validation.email(record.admin_email, field="admin_email"),
        "subscription_tier": record.subscription_tier.value,
        **{name: validation.limit(getattr(record, name), field=name) for name in Limits.__struct_fields__},
        **{name: _agreed(getattr(record, name), name) for name in ("max_voice_sessions", "max_voice_minutes_monthly")},
        "custom_settings": validation.json_object(record.custom_settings, field="custom_settings"),
        "custom_logo": checked_logo(record.custom_logo),
        "brand_colors": validation.brand_colors(record.brand_colors),
        "expires_at": record.expires_at,
    }


def _agreed(limit: int | None, name: str) -> int | None:
    return None if limit is None else validation.limit(limit, field=name)


def _plan(tier: Tier) -> dict[str, object]:
    nothing_agreed = dict.fromkeys(("max_voice_sessions", "max_voice_minutes_monthly", "expires_at"))
    return {**msgspec.structs.asdict(tier.limits), "subscription_tier": tier, **nothing_agreed}


def _check_user(user: UserRecord) -> None:
    """Refuse a hash that is none, or that takes minutes and gigabytes to check: anyone could ask for that by a login."""
    if validation.find_email(user.email) != user.email:
        raise damaged("a user's e-mail address is none")
    validation.json_object(user.persona_settings, field="persona_settings")
    match = _ARGON2.fullmatch(user.password_hash)
    if user.password_hash and (match is None or int(match[1]) > _MOST_KIB or int(match[2]) > _MOST_PASSES):
        raise damaged("a user's password hash is none that AURA makes")


def _check_persona(persona: PersonaRecord) -> None:
    for axis, value in persona.chosen.items():
        _check_trait(axis, value)


def _check_signal(signal: SignalRecord) -> None:
    if signal.axis not in SCALES:
        _check_trait(signal.axis, signal.towards)
    elif signal.towards not in (MORE, LESS):
        raise damaged("a signal of a persona points nowhere")


def _check_trait(axis: Axis, value: object) -> None:
    try:
        checked(axis, value)
    except InvalidRequest as error:
        raise damaged("a persona has a value that nobody can choose") from error


def _check_files(row: VersionRecord, members: Mapping[str, Member], *, answers: bool) -> None:
    names = FILES if answers else (ORIGINAL,)
    found = [members.get(File(row.document_id, row.version, name).member) for name in names]
    original = found[FILES.index(ORIGINAL)]
    if original is None or (original.sha256, original.bytes) != (row.sha256, row.size_bytes) or None in found:
        raise damaged("a version has not the files that it should")


def _chunk_values(tenant_id: TenantId, row: ChunkRecord) -> dict[str, object]:
    counts = dict(sorted(lexical.term_counts(embedded_text(row.heading, row.text)).items()))
    values = msgspec.structs.asdict(row)
    if row.document_id is not None:
        del values["node"]  # left out it is NULL; None would be JSON's null
    return {
        **values,
        "tenant_id": tenant_id,
        "heading": list(row.heading),
        "length": sum(counts.values()),
        "term_ids": list(counts),
        "term_counts": list(counts.values()),
    }


def _message_values(tenant_id: TenantId, row: MessageRecord) -> dict[str, object]:
    if not row.cost_usd.is_finite():
        raise damaged("a message's cost is no number")
    citations = msgspec.to_builtins(row.citations)
    return {**msgspec.structs.asdict(row), "tenant_id": tenant_id, "citations": citations}
