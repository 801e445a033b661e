"""Fifty tasks of four organisations at once, on five connections: each sees its own words and nobody else's."""

from __future__ import annotations

import asyncio
import random

from leaks_support import Side, World, add, new_side

from aura import Workspace
from aura.errors import NotFound

TASKS = 50


async def test_fifty_mixed_tasks_on_five_connections_cross_no_word(world: World) -> None:
    assert world.parts.settings.database_pool_size == 5
    sides = [await new_side(world.aura, f"crowd{n}") for n in range(4)]
    chance = random.Random(7)
    rounds = [(n, side, chance.choice(list(side.viewers.values()))) for n, side in enumerate(sides * (TASKS // 4 + 1))]
    async with asyncio.TaskGroup() as tasks:
        for n, side, viewer in rounds[:TASKS]:
            tasks.create_task(one_life(n, side, viewer))
    for side in sides:
        for viewer in side.viewers.values():
            assert (await viewer.documents.list()).items == ()
            assert await viewer.search("memo") == []


async def one_life(n: int, side: Side, viewer: Workspace) -> None:
    """A document comes, is found and asked for, and goes; all that is seen meanwhile is of its own organisation."""
    word = f"zycrowd{side.name}x{n}x"
    private = viewer.user is not None and n % 2 == 0
    text = f"The memo of {word} says that the harbour opens in June."
    document = await add(viewer, text, f"{word}.txt", visibility="private" if private else "organization")
    found = await viewer.search(f"memo of {word}", limit=100)
    talk = await viewer.conversations.start()
    answer = await viewer.ask(f"What does the memo of {word} say?", conversation=talk)
    nodes = await viewer.index.vector_store.aget_nodes()
    shown = repr([found, answer, [node.get_content() for node in nodes], await viewer.documents.list()])
    shown += repr([await viewer.conversations.list(), await viewer.collections.list()])
    assert word in shown
    assert shown.count("zycrowd") == shown.count(f"zycrowd{side.name}x")
    await viewer.documents.delete(document)
    assert word not in repr(await viewer.search("memo harbour June", limit=100))
    try:
        await viewer.documents.get(document)
    except NotFound:
        return
    raise AssertionError("a deleted document is still there")
