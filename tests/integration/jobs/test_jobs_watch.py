"""Following documents: every change is seen, in order, also those that were committed late; and nobody else's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jobs_support import organisation
from sqlalchemy import text, update

from aura import Aura, Workspace
from aura.database.engine import Database
from aura.database.tables import documents
from aura.documents.catalogue import Catalogue
from aura.documents.values import Change, Stage
from aura.documents.watch import Watch
from aura.errors import NotFound

pytestmark = pytest.mark.asyncio(loop_scope="session")


def watch(aura: Aura, workspace: Workspace, since: datetime | None = None) -> Watch:
    return Watch(Catalogue(aura._parts.database, aura._parts.files, workspace.scope), since=since)


async def ingest(workspace: Workspace, content: bytes, name: str) -> None:
    async for progress in workspace.documents.ingest(content, filename=name):
        assert progress.reason is None


async def test_a_watch_tells_each_change_once_and_a_deletion_as_such(aura: Aura, acme: Workspace) -> None:
    await ingest(acme, b"Settled before.", "before.txt")
    seen = watch(aura, acme)
    assert await seen.next() == []
    document, _ = await acme.documents.add(b"The heron.", "heron.txt")
    assert [(c.document.filename, c.document.stage) for c in await seen.next()] == [("heron.txt", Stage.QUEUED)]
    assert await seen.next() == []
    await aura.worker()._documents(str(acme.scope.tenant_id), 1)
    (ready,) = await seen.next()
    assert (ready.document.stage, ready.deleted) == (Stage.READY, False)
    await acme.documents.delete(document.id)
    (gone,) = await seen.next()
    assert (gone.document.id, gone.deleted) == (document.id, True)
    assert await seen.next() == []


async def test_a_change_that_is_committed_after_later_ones_is_not_missed(
    aura: Aura, acme: Workspace, records: Database
) -> None:
    slow, _ = await acme.documents.add(b"slow", "slow.txt")
    seen = watch(aura, acme)
    await seen.next()
    async with records.tenant(acme.scope.as_service()) as session:
        await session.execute(text("SELECT 1"))  # its time begins
        quick, _ = await acme.documents.add(b"quick", "quick.txt")
        assert [c.document.id for c in await seen.next()] == [quick.id]
        change = update(documents).where(documents.c.id == slow.id)
        early = datetime.now(UTC) - timedelta(hours=1)
        await session.execute(change.values(stage=Stage.READY, updated_at=early))
    assert [(c.document.id, c.document.stage) for c in await seen.next()] == [(slow.id, Stage.READY)]


async def test_a_watch_that_begins_in_the_past_tells_what_changed_since(aura: Aura, acme: Workspace) -> None:
    await ingest(acme, b"The heron.", "heron.txt")
    changed = await watch(aura, acme, since=datetime.now(UTC) - timedelta(hours=1)).next()
    assert [c.document.filename for c in changed] == ["heron.txt"]


async def test_a_watch_sees_what_its_reader_may_see(aura: Aura, acme: Workspace) -> None:
    globex = await organisation(aura)
    ada = await aura.workspace(acme.organisation.subdomain, "ada@acme.test")
    watches = [watch(aura, globex), watch(aura, acme), watch(aura, ada)]
    for one in watches:
        await one.next()
    await ada.documents.add(b"The secret of Ada.", "secret.txt", visibility="private")
    assert [[c.document.filename for c in await one.next()] for one in watches] == [[], [], ["secret.txt"]]


async def test_changes_goes_on_until_it_is_closed(aura: Aura, acme: Workspace) -> None:
    found = list[Change]()
    changes = acme.documents.changes(every_seconds=0.05)

    async def read() -> None:
        async for change in changes:
            found.append(change)
            if change.document.stage.final:
                return

    reading = asyncio.create_task(read())
    await ingest(acme, b"The heron.", "heron.txt")
    async with asyncio.timeout(60):
        await reading
    await changes.aclose()
    assert found[-1].document.stage is Stage.READY


async def test_versions_are_the_newest_first_and_say_which_answers(aura: Aura, acme: Workspace, jobs_dir: Path) -> None:
    await ingest(acme, b"The first.", "heron.txt")
    await ingest(acme, b"The second.", "heron.txt")
    (document,) = (await acme.documents.list()).items
    versions = await acme.documents.versions(document.id)
    assert [(v.version, v.answers, v.size_bytes) for v in versions] == [(2, True, 11), (1, False, 10)]
    with pytest.raises(NotFound):
        await (await organisation(aura)).documents.versions(document.id)
