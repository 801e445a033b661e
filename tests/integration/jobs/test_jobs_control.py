"""What people do to jobs (cancel, try again, look), and what becomes of those that meet trouble."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from jobs_support import organisation, settings, until, working
from numpy.typing import NDArray
from pydantic import PrivateAttr
from sqlalchemy import func, select, update

from aura import Aura, Workspace
from aura.answering.extractive import ExtractiveLLM
from aura.database.engine import Database
from aura.database.tables import ingest_tasks, webhook_deliveries
from aura.documents.tasks import MOST_FAILURES
from aura.documents.values import Stage
from aura.errors import NotFound, Unavailable
from aura.identity import DocumentId
from aura.jobs.overview import JobState
from aura.jobs.worker import Worker
from aura.testing.embeddings import HashEmbedding

pytestmark = pytest.mark.asyncio(loop_scope="session")


class AwayEmbedding(HashEmbedding):
    """Away as long as it is told to be."""

    _away: bool = PrivateAttr(default=True)

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        if self._away:
            raise Unavailable("the embedding model is away", retry_after_seconds=60.0)
        return super().encode(texts)


@asynccontextmanager
async def away(jobs_dir: Path) -> AsyncIterator[tuple[Aura, AwayEmbedding, Workspace]]:
    model = AwayEmbedding()
    options = {"embed_model": model, "llm": ExtractiveLLM(), "recover": False, "warm": False}
    async with Aura.open(settings(jobs_dir), **options) as aura:
        yield aura, model, await organisation(aura)


async def turn(worker: Worker, workspace: Workspace) -> None:
    await worker._documents(str(workspace.scope.tenant_id), 1)


async def wait_over(records: Database, workspace: Workspace, document_id: DocumentId) -> float:
    """End the wait of a task now; how long it would have been."""
    row = update(ingest_tasks).where(ingest_tasks.c.document_id == document_id)
    left = select(func.extract("epoch", ingest_tasks.c.lease_until - func.now()))
    async with records.tenant(workspace.scope.as_service()) as session:
        seconds = await session.scalar(left.where(ingest_tasks.c.document_id == document_id))
        await session.execute(row.values(lease_until=func.now()))
    return float(seconds or 0)


async def test_a_part_that_is_away_delays_a_document_longer_each_time_until_it_is_given_up(
    jobs_dir: Path, records: Database
) -> None:
    async with away(jobs_dir) as (aura, model, acme):
        await acme.webhooks.create("http://93.184.216.34/", ["document.failed", "job.dead"])
        document, _ = await acme.documents.add(b"The heron.", "heron.txt")
        worker, waits = aura.worker(), list[float]()
        for _ in range(MOST_FAILURES):
            await turn(worker, acme)
            await turn(worker, acme)  # before its time: nothing happens
            (job,) = await acme.jobs.list()
            assert (job.state, job.attempts) == (JobState.RETRYING, 0)
            waits.append(await wait_over(records, acme, document.id))
        assert [math.ceil(seconds / 60) for seconds in waits] == [1, 2, 4, 8, 10, 10, 10, 10]
        await turn(worker, acme)
        (dead,) = await acme.jobs.list()
        assert (dead.state, dead.reason) == (JobState.DEAD, "the embedding model is away")
        assert dead.can_retry
        assert {d.event for d in await acme.webhooks.deliveries()} == {"document.failed", "job.dead"}

        model._away = False
        await acme.documents.requeue(document.id)
        await turn(worker, acme)
        assert (await acme.documents.get(document.id)).stage is Stage.READY
        assert await acme.jobs.list() == ()


async def test_a_file_that_can_not_be_read_is_not_tried_again(aura: Aura, acme: Workspace, records: Database) -> None:
    document, _ = await acme.documents.add(b"%PDF-1.7 broken", "broken.pdf")
    await turn(aura.worker(), acme)
    failed = await acme.documents.get(document.id)
    assert failed.stage is Stage.FAILED
    assert failed.reason
    overview = await acme.jobs.overview()
    assert (overview.documents[JobState.DEAD], overview.documents[JobState.WAITING]) == (1, 0)
    assert overview.oldest_queued_at is None
    assert [job.can_retry for job in await acme.jobs.list()] == [False]


async def test_a_cancelled_document_is_not_worked_on_and_the_next_one_is(aura: Aura, acme: Workspace) -> None:
    first, _ = await acme.documents.add(b"The first.", "first.txt")
    second, _ = await acme.documents.add(b"The second.", "second.txt")
    await acme.documents.cancel(first.id)
    await turn(aura.worker(), acme)
    assert (await acme.documents.get(first.id)).stage is Stage.CANCELLED
    assert (await acme.documents.get(second.id)).stage is Stage.READY


async def test_a_stage_that_takes_too_long_fails_its_document_alone(jobs_dir: Path) -> None:
    class Slow(HashEmbedding):
        def encode(self, texts: list[str]) -> NDArray[np.float32]:
            time.sleep(1.5)
            return super().encode(texts)

    options = {"embed_model": Slow(), "llm": ExtractiveLLM(), "recover": False, "warm": False}
    async with Aura.open(settings(jobs_dir, ingest_stage_timeout_seconds=1.0), **options) as aura:
        acme = await organisation(aura)
        document, _ = await acme.documents.add(b"The heron.", "heron.txt")
        await turn(aura.worker(), acme)
        failed = await acme.documents.get(document.id)
        assert failed.stage is Stage.FAILED
        assert "took longer than 1 s" in (failed.reason or "")
        assert await acme.search("heron", mode="bm25") == []


async def test_jobs_show_what_the_admin_may_see_and_no_other_organisations(aura: Aura, acme: Workspace) -> None:
    globex = await organisation(aura)
    await acme.users.add(email="bob@acme.test", password="correct horse battery staple")
    await acme.users.list()
    admin = await aura.workspace(acme.organisation.subdomain, "ada@acme.test")
    await admin.documents.add(b"For all.", "all.txt")
    await admin.documents.add(b"For Ada.", "ada.txt", visibility="private")
    assert {job.filename for job in await admin.jobs.list()} == {"all.txt", "ada.txt"}
    assert [job.filename for job in await acme.jobs.list()] == ["all.txt"]
    assert await globex.jobs.list() == ()
    overview = await globex.jobs.overview()
    assert set(overview.documents.values()) == {0}
    assert [job.filename for job in await acme.jobs.list(state=JobState.WAITING)] == ["all.txt"]
    with pytest.raises(NotFound):
        await globex.documents.requeue((await acme.jobs.list())[0].document_id)


async def test_a_large_document_gives_way_when_its_slice_is_over_and_goes_on_from_there(
    aura: Aura, acme: Workspace, records: Database
) -> None:
    text = "\n\n".join(f"# Chapter {n}\n\nThe heron number {n} flies over the lake." for n in range(600)).encode()
    document, _ = await acme.documents.add(text, "book.txt")
    pipeline, percents = aura._parts.pipeline, list[float]()
    while await pipeline.run_next(acme.scope.as_service(), lambda: True) is not None:
        percents.append((await acme.documents.get(document.id)).percent)
    assert len(percents) > 3
    assert percents == sorted(percents)
    done = await acme.documents.get(document.id)
    assert (done.stage, done.chunks) == (Stage.READY, 600)


async def test_a_worker_that_is_told_to_stop_lets_its_document_go_for_the_next(
    jobs_dir: Path, records: Database
) -> None:
    class Endless(HashEmbedding):
        def encode(self, texts: list[str]) -> NDArray[np.float32]:
            time.sleep(0.3)
            return super().encode(texts)

    options = {"embed_model": Endless(), "llm": ExtractiveLLM(), "recover": False, "warm": False}
    async with Aura.open(settings(jobs_dir), **options) as aura:
        acme = await organisation(aura)
        text = "\n\n".join(f"# Chapter {n}\n\nThe heron number {n} flies." for n in range(3_000)).encode()
        document, _ = await acme.documents.add(text, "book.txt")

        async def embedding() -> bool:
            return (await acme.documents.get(document.id)).stage is Stage.EMBEDDING

        async with working(aura):
            await until(embedding)
        async with records.tenant(acme.scope.as_service()) as session:
            row = (await session.execute(select(ingest_tasks).where(ingest_tasks.c.document_id == document.id))).one()
        assert (row.worker, row.attempts) == ("", 0)
        await acme.documents.delete(document.id)


async def test_deliveries_of_a_tenant_are_in_the_outbox_only_of_that_tenant(
    aura: Aura, acme: Workspace, records: Database
) -> None:
    globex = await organisation(aura)
    for workspace in (acme, globex):
        await workspace.webhooks.create("http://93.184.216.34/", ["document.ready"])
    await acme.documents.add(b"The heron.", "heron.txt")
    await turn(aura.worker(), acme)
    async with records.tenant(globex.scope.as_service()) as session:
        assert await session.scalar(select(func.count()).select_from(webhook_deliveries)) == 0
    assert len(await acme.webhooks.deliveries()) == 1
