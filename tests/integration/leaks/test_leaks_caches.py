"""Leak shape 5: what is cached for one is not felt by another.

A vector is cached under its tenant; a private text's under its owner, too. So the work that a file takes, the steps that are
reported and the receipt for its deletion are the same whether or not somebody else has the same text.
"""

from __future__ import annotations

from leaks_support import Side, World, add, ingest, node
from sqlalchemy import select

from aura import Receipt, Workspace
from aura.database.tables import vector_cache
from aura.documents.values import Stage

TEXT = "# Plans\n\nThe reorganisation of the northern branch begins in the second week of May.\n"
OTHER = "# Plans\n\nThe renovation of the southern harbour begins in the third week of June.\n"


async def life(workspace: Workspace, text: str, **options: object) -> tuple[list[tuple[Stage, float, bool]], Receipt]:
    """What its owner sees of a file from its arrival to its deletion."""
    steps = await ingest(workspace, text, "plans.md", **options)
    assert steps[-1].document_id is not None
    receipt = await workspace.documents.delete(steps[-1].document_id)
    return [(step.stage, step.percent, step.duplicate) for step in steps], receipt


async def cached(world: World, side: Side) -> set[bytes]:
    async with world.database.tenant(side.programs.scope.as_service()) as session:
        return set((await session.execute(select(vector_cache.c.text_sha256))).scalars())


async def test_the_same_text_is_cached_for_each_organisation_and_deleted_for_one(
    world: World, pair: tuple[Side, Side]
) -> None:
    one, two = pair
    of_one, of_two = await add(one.admin, TEXT, "plans.md"), await add(two.admin, TEXT, "plans.md")
    keys = await cached(world, two)
    assert keys == await cached(world, one) != set()
    before = [(p.chunk_id, p.score) for p in await two.admin.search("reorganisation")]
    await one.admin.documents.delete(of_one)
    assert (await cached(world, one), await cached(world, two)) == (set(), keys)
    assert [(p.chunk_id, p.score) for p in await two.admin.search("reorganisation")] == before
    assert (await two.admin.documents.get(of_two)).stage is Stage.READY


async def test_a_text_that_another_organisation_has_is_embedded_and_deleted_like_any_other(
    pair: tuple[Side, Side],
) -> None:
    one, two = pair
    await add(two.admin, TEXT, "plans.md")
    assert await life(one.admin, TEXT) == await life(one.admin, OTHER)


async def test_a_text_that_another_member_has_in_private_is_embedded_and_deleted_like_any_other(fresh: Side) -> None:
    await add(fresh.user, TEXT, "mine.md", visibility="private")
    assert await life(fresh.admin, TEXT) == await life(fresh.admin, OTHER)
    assert await life(fresh.programs, TEXT) == await life(fresh.programs, OTHER)
    private = {"visibility": "private"}
    assert await life(fresh.admin, TEXT, **private) == await life(fresh.admin, OTHER, **private)


async def test_a_text_can_not_be_written_so_that_it_meets_a_private_ones_vector(world: World, fresh: Side) -> None:
    """The key of a private text is no hash of any text that somebody could write."""
    await add(fresh.user, TEXT, "mine.md", visibility="private")
    (mine,) = await cached(world, fresh)
    for guess in (TEXT, f"private\n{fresh.user.scope.user_id}\n{TEXT}", f"{fresh.user.scope.user_id}{TEXT}"):
        document = await add(fresh.admin, guess, "guess.md")
        receipt = await fresh.admin.documents.delete(document)
        assert receipt.cache_entries == receipt.chunks
        assert await cached(world, fresh) == {mine}


async def test_a_nodes_own_vector_is_not_taken_for_a_documents(world: World, fresh: Side) -> None:
    """Whoever adds a node chooses its vector, and must not choose that of the organisation's next document."""
    planted = node("planted", id="planted", ref="planted")
    planted.set_content("The harbour closes in June.")
    await fresh.admin.index.vector_store.async_add([planted])
    document = await add(fresh.admin, "The harbour closes in June.", "harbour.txt")
    found = {p.document_id: p.dense_score for p in await fresh.admin.search("harbour June", mode="dense")}
    assert found[document] is not None
    assert len(await cached(world, fresh)) == 2
    assert len(set(found.values())) == 2
