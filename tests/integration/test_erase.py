"""Erasing an organisation leaves nothing of it, and nothing else is touched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from archive_support import (
    MEMBER,
    Platform,
    files_of,
    found_by,
    new_subdomain,
    open_platform,
    returns,
    rows_of,
)

from aura import Answer
from aura.answering.events import Timings
from aura.database.embedded import EmbeddedServer
from aura.documents.values import Receipt
from aura.errors import AuraError, Denied, NotFound
from aura.identity import TenantId
from aura.index.tenant_index import NodeRow, TenantIndex
from aura.memory.deriving import Deriver
from aura.tenants.values import UserChanges
from aura.workspace import Workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def platform(server: EmbeddedServer, data_dir: Path) -> AsyncIterator[Platform]:
    async with open_platform(server, data_dir) as platform:
        yield platform


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def globex(platform: Platform) -> Workspace:
    """Another organisation, with a table of its own."""
    globex = await platform.furnish("globex")
    await globex.reindex(dedicated=True)
    return globex


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def archive(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    acme = await platform.furnish("acme")
    return await acme.export(tmp_path_factory.mktemp("archives") / "acme.zip")


@pytest_asyncio.fixture(loop_scope="module")
async def acme(platform: Platform, archive: Path) -> Workspace:
    """An organisation to be erased, with something in every table."""
    acme = await platform.aura.tenants.restore(archive, subdomain=new_subdomain())
    await acme.provider_keys.set("openai", "sk-0123456789")
    await acme.documents.add(b"Nobody has worked on this yet.", "waiting.txt")
    return acme


async def talk_in(workspace: Workspace) -> None:
    """Leave facts, a summary, entries for recall, and an answer that can be resumed."""
    talk = await workspace.conversations.start()
    for text in ("My name is Ann.", "I live in Rome.", "My case number is A-1.", "I love tea.", "I work at Bosch."):
        await workspace.conversations.add_turn(talk, text, NOTED)
    parts = workspace._parts
    await Deriver(parts.database, parts.embedder, key=parts.memory_key).derive(workspace.scope.tenant_id, talk)
    response = await workspace.responses.start("And what of Rome?", conversation=talk)
    _ = [event async for event in workspace.responses.read(response)]


NOTED = Answer(
    response_id=UUID(int=0),
    question="",
    text="Noted.",
    citations=(),
    sources=(),
    refused=False,
    model="mock",
    cost_usd=0.0,
    timings=Timings(),
)


def left_of(platform: Platform, tenant_id: TenantId) -> tuple[dict[str, int], dict[str, str]]:
    """The tables that hold rows of a tenant, and its files."""
    rows = {table: len(rows) for table, rows in rows_of(platform.server, tenant_id).items() if rows}
    return rows, files_of(platform.files_dir, tenant_id)


def dedicated_tables(platform: Platform, tenant_id: TenantId) -> list[str]:
    query = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND obj_description(oid, 'pg_class') = %s"
    with psycopg.connect(platform.server.url("postgres")) as connection:
        return [row[0] for row in connection.execute(query, [str(tenant_id)]).fetchall()]


@pytest.mark.parametrize("dedicated", [False, True], ids=["shared", "dedicated"])
async def test_erasing_leaves_no_row_no_table_and_no_file_and_the_receipt_says_what_was_there(
    platform: Platform, acme: Workspace, dedicated: bool
) -> None:
    await talk_in(acme)
    if dedicated:
        await acme.reindex(dedicated=True)
    tenant_id = acme.organisation.id
    rows, files = left_of(platform, tenant_id)
    tables = [table for table in rows if table.startswith("index_")]
    assert dedicated_tables(platform, tenant_id) == (tables if dedicated else [])
    assert {"provider_keys", "ingest_tasks", "lexicon", "generations", "messages", "organisations"} <= rows.keys()

    receipt = await acme.erase()

    assert receipt == Receipt(
        documents=rows["documents"],
        chunks=rows["chunks"],
        vectors=rows[tables[0]] + rows["memory_entries"],
        files=len(files),
        cache_entries=rows["vector_cache"],
        users=rows["users"],
        conversations=rows["conversations"],
        messages=rows["messages"],
        facts=rows["facts"],
        summaries=rows["summaries"],
        responses=rows["responses"],
        persona=rows.get("personas", 0) + rows.get("persona_signals", 0),
    )
    assert all(getattr(receipt, name) > 0 for name in Receipt.__struct_fields__)
    assert left_of(platform, tenant_id) == ({}, {})
    assert dedicated_tables(platform, tenant_id) == []
    assert not (platform.files_dir / str(tenant_id)).exists()


async def test_another_tenant_is_as_it_was(platform: Platform, acme: Workspace, globex: Workspace) -> None:
    other = globex.organisation.id
    before = rows_of(platform.server, other), files_of(platform.files_dir, other), await found_by(globex)
    await acme.erase()
    assert (rows_of(platform.server, other), files_of(platform.files_dir, other), await found_by(globex)) == before
    assert dedicated_tables(platform, other) != []


async def test_an_erased_organisation_is_not_found_any_more(platform: Platform, acme: Workspace) -> None:
    tenant_id = acme.organisation.id
    assert (await platform.aura.tenants.erase(tenant_id)).documents > 0
    for again in (platform.aura.tenants.erase(tenant_id), platform.aura.workspace(tenant_id), acme.erase()):
        with pytest.raises(NotFound):
            await again
    assert await acme.search("express shipping") == []


async def test_its_name_is_free_again(platform: Platform, acme: Workspace, archive: Path) -> None:
    await acme.erase()
    again = await platform.aura.tenants.restore(archive, subdomain=acme.organisation.subdomain)
    assert again.organisation.subdomain == acme.organisation.subdomain
    assert again.organisation.id != acme.organisation.id


@pytest.mark.parametrize("role", ["user", "manager"])
async def test_only_an_admin_may_erase(platform: Platform, acme: Workspace, role: str) -> None:
    bea = await platform.aura.workspace(acme.organisation, MEMBER)
    assert bea.user is not None
    await acme.users.update(bea.user.id, UserChanges(role=role))  # type: ignore[arg-type]
    bea = await platform.aura.workspace(acme.organisation, MEMBER)
    before = left_of(platform, acme.organisation.id)
    with pytest.raises(Denied):
        await bea.erase()
    assert left_of(platform, acme.organisation.id) == before


async def test_an_erase_that_was_cut_off_can_be_finished(platform: Platform, acme: Workspace) -> None:
    """After the rows and before the organisation, say: it is still there, and empty."""
    tenant_id = acme.organisation.id
    with psycopg.connect(platform.server.url("postgres")) as connection:
        for table in ("chunks", "index_256", "messages", "documents"):
            connection.execute(f"DELETE FROM {table} WHERE tenant_id = %s".encode(), [tenant_id])
    receipt = await acme.erase()
    assert (receipt.documents, receipt.vectors) == (0, 0)
    assert receipt.files > 0
    assert left_of(platform, tenant_id) == ({}, {})


async def test_erasing_while_files_are_ingested_leaves_nothing(platform: Platform, acme: Workspace) -> None:
    tenant_id = acme.organisation.id

    async def ingest(number: int) -> None:
        async for _ in acme.documents.ingest(returns(f"acme{number}", days=number).encode(), filename=f"{number}.md"):
            pass

    async def upload() -> None:
        for number in range(100):
            await ingest(number)

    uploads = [asyncio.create_task(upload()) for _ in range(2)]
    await asyncio.sleep(0.5)
    await _erase(acme)
    ended = await asyncio.gather(*uploads, return_exceptions=True)

    assert all(isinstance(error, AuraError) for error in ended)
    assert left_of(platform, tenant_id) == ({}, {})


async def test_erasing_while_nodes_are_added_leaves_nothing(platform: Platform, acme: Workspace) -> None:
    tenant_id = acme.organisation.id
    index = TenantIndex(platform.database, acme.scope, platform.embedding)
    vectors = await platform.embedding.embed(["a node that comes in between"])

    async def add(worker: int) -> None:
        for number in range(10_000):
            text = "a node that comes in between"
            node = NodeRow(id=f"{worker}-{number}", ref_doc_id=None, text=text, metadata={}, node={})
            await index.add([node], vectors)

    adding = [asyncio.create_task(add(worker)) for worker in range(3)]
    await asyncio.sleep(0.3)
    await _erase(acme)
    ended = await asyncio.gather(*adding, return_exceptions=True)

    assert all(isinstance(error, AuraError) for error in ended)
    assert left_of(platform, tenant_id) == ({}, {})


async def test_erasing_while_the_index_is_rebuilt_leaves_no_table(platform: Platform, acme: Workspace) -> None:
    tenant_id = acme.organisation.id

    async def rebuild() -> None:
        for _ in range(1_000):
            if await acme.reindex(dedicated=True) is None:
                return

    rebuilding = asyncio.create_task(rebuild())
    await asyncio.sleep(0.3)
    await _erase(acme)
    await asyncio.gather(rebuilding, return_exceptions=True)

    assert left_of(platform, tenant_id) == ({}, {})
    assert dedicated_tables(platform, tenant_id) == []


async def _erase(workspace: Workspace) -> None:
    """Erase, as often as somebody else's change comes in the way."""
    async with asyncio.timeout(60):
        while True:
            try:
                await workspace.erase()
            except NotFound:
                return
            except AuraError:
                continue
            else:
                return
