"""Cancel, retry and delete at any moment; what happens when the model, the parser or the caller gives up."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from ingest_support import GatedEmbedding, book, ends, files_of, index_state, ingest, organisation, row_counts

from aura import Aura, InvalidRequest, Unavailable, Workspace
from aura.database.engine import Database
from aura.documents.values import Stage
from aura.errors import Conflict, NotFound

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOTHING = {"ingest_tasks": 0, "chunks": 0, "vector_cache": 0, "lexicon": 0, "searchable": 0}


async def leftovers(records: Database, workspace: Workspace) -> dict[str, int]:
    counts = await row_counts(records, workspace.scope.tenant_id)
    return {name: counts[name] for name in NOTHING}


async def test_a_queued_document_is_cancelled_at_once_and_can_be_tried_again(
    acme: Workspace, records: Database
) -> None:
    document, _ = await acme.documents.add(b"A heron waits.", "heron.txt")
    await acme.documents.cancel(document.id)

    assert (await acme.documents.get(document.id)).stage is Stage.CANCELLED
    assert await leftovers(records, acme) == NOTHING
    last = [progress async for progress in acme.documents.retry(document.id)][-1]
    assert last.stage is Stage.READY
    with pytest.raises(Conflict):
        await anext(acme.documents.retry(document.id))


async def test_a_document_cancelled_while_it_is_embedded_leaves_nothing_searchable_or_stored(
    gated: tuple[Aura, GatedEmbedding], records: Database
) -> None:
    aura, model = gated
    acme = await organisation(aura)
    model.stop_after(5)
    ingesting = asyncio.create_task(ends(acme, book(300), filename="herons.txt"))
    await model.stopped()
    [document] = (await acme.documents.list()).items
    await acme.documents.cancel(document.id)

    [done] = (await ingesting).values()
    model.let_through()

    assert done.stage is Stage.CANCELLED
    assert await leftovers(records, acme) == NOTHING
    last = [progress async for progress in acme.documents.retry(document.id)][-1]
    assert (last.stage, last.chunks) == (Stage.READY, 300)


async def test_a_document_deleted_while_it_is_embedded_is_gone_and_the_rest_goes_on(
    gated: tuple[Aura, GatedEmbedding], records: Database, data_dir, tmp_path
) -> None:
    aura, model = gated
    acme = await organisation(aura)
    folder = tmp_path / "two"
    folder.mkdir()
    (folder / "herons.txt").write_bytes(book(200))
    (folder / "swan.txt").write_bytes(b"A swan swims.")
    model.stop_after(5)
    ingesting = asyncio.create_task(ends(acme, folder))
    await model.stopped()
    herons = next(d for d in (await acme.documents.list()).items if d.filename == "herons.txt")
    receipt = await acme.documents.delete(herons.id)
    model.let_through()

    ended = await ingesting

    assert (receipt.documents, receipt.vectors) == (1, 0)
    assert ended["herons.txt"].stage is Stage.CANCELLED
    assert "deleted" in (ended["herons.txt"].reason or "")
    assert ended["swan.txt"].stage is Stage.READY
    counts = await row_counts(records, acme.scope.tenant_id)
    assert (counts["documents"], counts["chunks"], counts["vector_cache"], counts["searchable"]) == (1, 1, 1, 1)
    with pytest.raises(NotFound):
        await acme.documents.get(herons.id)


async def test_a_receipt_counts_what_goes_and_leaves_what_others_share(acme: Workspace, records: Database) -> None:
    await ends(acme, book(3), filename="three.txt")
    before = await index_state(records, acme.scope.tenant_id)
    [done] = (await ends(acme, book(5), filename="five.txt")).values()
    assert done.document_id is not None

    receipt = await acme.documents.delete(done.document_id)

    assert (receipt.documents, receipt.chunks, receipt.vectors) == (1, 5, 5)
    assert (receipt.files, receipt.cache_entries) == (3, 2)
    after = await index_state(records, acme.scope.tenant_id)
    for part in ("chunks", "lexicon", "cache"):
        assert after[part] == before[part]


async def test_the_last_deletion_leaves_no_file_and_no_row(acme: Workspace, records: Database, data_dir) -> None:
    [done] = (await ends(acme, book(5), filename="five.txt")).values()
    assert done.document_id is not None

    await acme.documents.delete(done.document_id)

    assert await leftovers(records, acme) == NOTHING
    assert files_of(data_dir, acme.scope.tenant_id) == set()


async def test_a_model_that_refuses_a_text_fails_the_document_with_its_reason(
    gated: tuple[Aura, GatedEmbedding], records: Database
) -> None:
    aura, model = gated
    acme = await organisation(aura)
    model.raises(InvalidRequest("the model does not take this text"))
    try:
        [done] = (await ends(acme, book(3), filename="three.txt")).values()
    finally:
        model.raises(None)

    assert (done.stage, done.reason) == (Stage.FAILED, "the model does not take this text")
    assert done.can_retry  # another model may take it
    assert await leftovers(records, acme) == NOTHING


async def test_a_model_that_breaks_fails_the_document_without_showing_its_insides(
    gated: tuple[Aura, GatedEmbedding],
) -> None:
    aura, model = gated
    acme = await organisation(aura)
    model.raises(RuntimeError("secret text of the user"))
    try:
        [done] = (await ends(acme, book(3), filename="three.txt")).values()
    finally:
        model.raises(None)

    assert (done.stage, done.reason) == (Stage.FAILED, "internal error (RuntimeError)")


async def test_a_model_that_is_away_leaves_the_document_for_later(gated: tuple[Aura, GatedEmbedding]) -> None:
    aura, model = gated
    acme = await organisation(aura)
    model.raises(Unavailable("the model is away"))
    try:
        with pytest.raises(Unavailable):
            await ingest(acme, book(3), filename="three.txt")
    finally:
        model.raises(None)
    [document] = (await acme.documents.list()).items
    assert document.stage is Stage.EMBEDDING

    last = [progress async for progress in acme.documents.work(document.id)][-1]

    assert (last.stage, last.chunks) == (Stage.READY, 3)


async def test_a_caller_who_stops_listening_leaves_no_task_and_a_document_that_can_go_on(
    gated: tuple[Aura, GatedEmbedding],
) -> None:
    aura, model = gated
    acme = await organisation(aura)
    tasks = len(asyncio.all_tasks())
    model.stop_after(1)
    async with aclosing(acme.documents.ingest(book(300), filename="herons.txt")) as reports:
        async for progress in reports:
            if progress.stage is Stage.EMBEDDING:
                break
    model.let_through()

    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == tasks
    [document] = (await acme.documents.list()).items
    assert document.stage is Stage.EMBEDDING
    last = [progress async for progress in acme.documents.work(document.id)][-1]
    assert (last.stage, last.chunks) == (Stage.READY, 300)


async def test_a_caller_who_is_slow_and_then_leaves_is_not_waited_for(acme: Workspace, tmp_path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(1_100):
        (folder / f"{number:04}.txt").touch()
    async with aclosing(acme.documents.ingest(folder)) as reports:
        await anext(reports)
        await _until_full(reports)
        async with asyncio.timeout(60):
            await reports.aclose()


async def _until_full(reports: object) -> None:
    """Long enough for the workers to fill the queue of reports: until the loop has nothing to do for a while."""
    await asyncio.sleep(3)
