"""The same content once, a new version in one step, and each in its own place."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ingest_support import (
    GatedEmbedding,
    book,
    ends,
    files_of,
    index_state,
    organisation,
    row_counts,
    service,
)
from sqlalchemy import update

from aura import Aura, Workspace
from aura.database.engine import Database
from aura.database.tables import document_versions
from aura.documents.values import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_new_version_takes_the_old_ones_place_in_one_step(
    aura: Aura, gated: tuple[Aura, GatedEmbedding], records: Database
) -> None:
    slow, model = gated
    acme = await organisation(slow)
    asking = await aura.workspace(acme.organisation.subdomain)  # its own, prompt model
    await ends(acme, book(40), filename="birds.txt")
    answering: list[set[int]] = []

    async def ask() -> None:
        answering.append({passage.version for passage in await asking.search("number 7 flies over the lake")})

    model.stop_after(0)
    replacing = asyncio.create_task(ends(acme, book(60, word="egret"), filename="birds.txt"))
    await model.stopped()
    counts = await row_counts(records, acme.scope.tenant_id)
    assert (counts["searchable"], counts["chunks"]) == (40, 100)
    assert (await acme.documents.list()).items[0].version == 1
    await ask()
    assert answering == [{1}]
    model.let_through()
    while not replacing.done():
        await ask()
    [done] = (await replacing).values()

    assert done.stage is Stage.READY
    await ask()
    assert all(len(versions) == 1 for versions in answering)
    assert answering[-1] == {2}
    fresh = await organisation(aura)
    await ends(fresh, book(60, word="egret"), filename="birds.txt")
    replaced, anew = [await index_state(records, workspace.scope.tenant_id) for workspace in (acme, fresh)]
    for part in ("lexicon", "cache"):
        assert replaced[part] == anew[part]
    assert replaced["statistics"][0][:2] == anew["statistics"][0][:2]  # pyright: ignore


async def test_a_search_that_meets_the_replacement_finds_one_version_or_the_other(acme: Workspace) -> None:
    words = ("heron", "egret")
    await ends(acme, book(40), filename="birds.txt")
    found: list[int] = []
    for number in range(4):
        replacing = asyncio.create_task(ends(acme, book(40 + number, word=words[number % 2]), filename="birds.txt"))
        while not replacing.done():
            found.append(len(await acme.search("number 7 flies over the lake", limit=10)))
        await replacing

    assert set(found) == {10}


async def test_the_same_content_is_one_document_under_any_name(acme: Workspace) -> None:
    first = await ends(acme, b"A kite circles.", filename="kite.txt")
    again = await ends(acme, b"A kite circles.", filename="kite.txt")
    renamed = await ends(acme, b"A kite circles.", filename="other.txt")

    ids = {p.document_id for p in (*first.values(), *again.values(), *renamed.values())}
    assert len(ids) == 1
    assert [p.duplicate for p in (*first.values(), *again.values(), *renamed.values())] == [False, True, True]
    assert len((await acme.documents.list()).items) == 1


async def test_ten_at_once_with_the_same_content_are_one_document(acme: Workspace, records: Database) -> None:
    calls = await asyncio.gather(*(ends(acme, book(5), filename=f"copy-{n}.txt") for n in range(10)))

    assert {p.stage for call in calls for p in call.values()} == {Stage.READY}
    assert len({p.document_id for call in calls for p in call.values()}) == 1
    counts = await row_counts(records, acme.scope.tenant_id)
    assert (counts["documents"], counts["chunks"], counts["searchable"]) == (1, 5, 5)


async def test_content_that_failed_elsewhere_does_not_hide_that_it_is_there(acme: Workspace) -> None:
    await ends(acme, b"{", filename="a.json")
    for name in ("b.txt", "c.txt"):
        await ends(acme, b"{", filename=name)

    stages = {d.filename: d.stage for d in (await acme.documents.list()).items}
    assert stages == {"a.json": Stage.FAILED, "b.txt": Stage.READY}


async def test_a_private_document_is_its_owners_alone_and_shares_no_vector(aura: Aura, records: Database) -> None:
    acme = await organisation(aura)
    ada = await aura.workspace(acme.organisation, "ada@acme.test")
    await ends(acme, b"The falcon nests on the tower.", filename="public.txt")
    await ends(ada, b"The falcon nests on the tower.", filename="private.txt", visibility="private")

    assert {p.filename for p in await ada.search("falcon tower")} == {"public.txt", "private.txt"}
    assert {p.filename for p in await acme.search("falcon tower")} == {"public.txt"}
    assert (await row_counts(records, acme.scope.tenant_id))["vector_cache"] == 2


async def test_a_file_beyond_the_plans_storage_is_refused_and_leaves_nothing(
    acme: Workspace, records: Database, data_dir: Path
) -> None:
    [done] = (await ends(acme, b"A kite circles.", filename="kite.txt")).values()
    limit = (await acme.storage.use()).max_bytes
    async with records.tenant(service(acme.scope.tenant_id)) as session:
        mine = document_versions.c.tenant_id == acme.scope.tenant_id
        await session.execute(update(document_versions).where(mine).values(size_bytes=limit - 10))
    before = await row_counts(records, acme.scope.tenant_id), files_of(data_dir, acme.scope.tenant_id)

    [refused] = (await ends(acme, b"One more bird.", filename="more.txt")).values()

    assert (refused.stage, refused.document_id) == (Stage.FAILED, None)
    assert "and 10 of the plan's" in (refused.reason or "")
    assert (await row_counts(records, acme.scope.tenant_id), files_of(data_dir, acme.scope.tenant_id)) == before
    assert done.stage is Stage.READY
