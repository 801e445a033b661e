"""Leak shape 6: work in the background stays in the tenant, and with the member, that it was asked for."""

from __future__ import annotations

import pytest
from leaks_support import Attack, Side, World, add, canaries, drained, everything, outcome, tenant_folder, unknown
from sqlalchemy import func, select, update

from aura.database.tables import chunks, generations, ingest_tasks
from aura.documents.recovery import recover
from aura.documents.values import IngestProgress, Stage
from aura.errors import BackendError, Conflict
from aura.identity import DocumentId, GenerationId, Scope


async def queued(side: Side) -> DocumentId:
    """A private document that waits for a worker."""
    text = f"The memo of {side.word('user')} waits."
    document, _ = await side.user.documents.add(text.encode(), f"{side.word('user')}.txt", visibility="private")
    assert document.stage is Stage.QUEUED
    return document.id


@pytest.mark.parametrize("which", ["another organisation", "another member", "the organisation's programs"])
async def test_nobody_else_drives_or_watches_what_a_member_has_queued(world: World, fresh: Side, which: str) -> None:
    document = await queued(fresh)
    others = {
        "another organisation": world.acme.user,
        "another member": fresh.admin,
        "the organisation's programs": fresh.programs,
    }
    attacks: list[Attack] = [
        lambda w, id: drained(w.documents.work(DocumentId(id))),
        lambda w, id: drained(w.documents.retry(DocumentId(id))),
        lambda w, id: w.documents.cancel(DocumentId(id)),
    ]
    for attack in attacks:
        met = await outcome(attack, others[which], document)
        assert met.observable == (await outcome(attack, others[which], unknown())).observable
        assert canaries(met.text, fresh) == set()
    assert (await fresh.user.documents.get(document)).stage is Stage.QUEUED


async def test_a_worker_in_another_organisations_name_finds_no_task(world: World, fresh: Side) -> None:
    document = await queued(fresh)
    before = await everything(world.database, fresh, world.files)
    reports: list[IngestProgress] = []
    for scope in (world.acme.user.scope, world.acme.programs.scope.as_service()):
        await world.parts.pipeline.run(scope, document, reports.append)
    assert reports == []
    assert await everything(world.database, fresh, world.files) == before


async def test_work_that_was_taken_up_again_stays_with_its_owner(world: World, pair: tuple[Side, Side]) -> None:
    documents = [await queued(side) for side in pair]
    async with world.database.system() as session:
        past = func.now() - func.make_interval(0, 0, 0, 0, 1)
        await session.execute(
            update(ingest_tasks).where(ingest_tasks.c.document_id.in_(documents)).values(lease_until=past)
        )
    assert await recover(world.database, world.parts.pipeline) >= 2
    for side, document in zip(pair, documents, strict=True):
        assert (await side.user.documents.get(document)).stage is Stage.READY
        assert side.word("user") in repr(await side.user.search("memo"))
        for other in (side.admin, side.programs):
            assert canaries(repr([await other.search("memo"), await other.documents.list()]), *pair) == set()


async def test_the_queue_shows_the_system_no_text_of_anybody(world: World, fresh: Side) -> None:
    await queued(fresh)
    async with world.database.system() as session:
        rows = (await session.execute(select(ingest_tasks))).all()
    assert rows
    assert canaries(repr(rows), fresh) == set()


async def test_rebuilding_one_index_leaves_the_others_as_they_are(world: World, fresh: Side) -> None:
    await add(fresh.user, f"The memo of {fresh.word('user')}.", "memo.txt", visibility="private")
    before = [await everything(world.database, side, world.files) for side in (world.acme, world.globex)]
    for dedicated in (True, False):
        assert await fresh.admin.reindex(dedicated=dedicated) is not None
        assert fresh.word("user") in repr(await fresh.user.search("memo"))
        assert canaries(repr(await fresh.admin.search("memo")), fresh) == set()
    assert [await everything(world.database, side, world.files) for side in (world.acme, world.globex)] == before


async def test_no_other_organisation_builds_drops_or_reads_an_index_table_of_ones_own(
    world: World, fresh: Side
) -> None:
    await add(fresh.admin, f"The memo of {fresh.word('org')}.", "memo.txt")
    mine = await fresh.admin.reindex(dedicated=True)
    assert mine is not None
    answers: list[str] = []
    for generation in (mine.id, GenerationId(unknown())):
        for function in (func.aura_build_dedicated_index, func.aura_drop_dedicated_index):
            answers.append(await refusal(world, world.acme.admin.scope, function(generation)))
    assert answers[:2] == answers[2:]
    assert fresh.word("org") in repr(await fresh.admin.search("memo"))


async def refusal(world: World, scope: Scope, call: object) -> str:
    with pytest.raises(BackendError) as refused:
        async with world.database.tenant(scope) as session:
            await session.execute(select(call))  # pyright: ignore[reportArgumentType, reportCallIssue]
    return str(refused.value)


async def test_a_document_that_was_deleted_while_it_was_worked_on_leaves_nothing(world: World, fresh: Side) -> None:
    stages: list[Stage] = []
    async for step in fresh.admin.documents.ingest(
        b"# Doomed\n\n" + b"The doomed paragraph. " * 2_000, filename="d.md"
    ):
        stages.append(step.stage)
        if step.stage is Stage.SPLITTING and step.document_id is not None and stages.count(Stage.SPLITTING) == 1:
            await fresh.admin.documents.delete(step.document_id)
            break
    folder = tenant_folder(world.files, fresh)
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    async with world.database.tenant(fresh.admin.scope.as_service()) as session:
        assert await session.scalar(select(func.count()).select_from(chunks)) == 0
        assert await session.scalar(select(func.count()).select_from(ingest_tasks)) == 0
        assert (await session.scalar(select(func.count()).select_from(generations)) or 0) <= 1


async def test_two_rebuilds_of_one_tenant_do_not_meet_and_another_tenants_does_not_wait(
    world: World, pair: tuple[Side, Side]
) -> None:
    one, two = pair
    for side in pair:
        await add(side.admin, "The memo.", "memo.txt")
    async with world.database.tenant(one.admin.scope) as session:
        key = func.hashtextextended(f"rebuild {one.admin.scope.tenant_id}", 0)
        await session.execute(select(func.pg_advisory_xact_lock(key)))
        with pytest.raises(Conflict):
            await one.admin.reindex()
        assert await two.admin.reindex() is not None
