"""The index of memory holds each entry once, follows its conversation, and shows nobody another's."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
import numpy as np
import pytest
from memory_support import Company
from sqlalchemy import select

from aura.database.tables import memory_entries
from aura.errors import InvalidRequest
from aura.identity import ConversationId, Scope
from aura.memory import entries
from aura.memory.entries import Entry

MAY = datetime(2025, 5, 7, 12, tzinfo=UTC)


@pytest.fixture
def company(bare_company: Company) -> Company:
    """No document is needed."""
    return bare_company


def entry(scope: Scope, text: str, conversation_id: ConversationId | None = None) -> Entry:
    return Entry(
        id=uuid4(),
        kind="turn",
        user_id=scope.user_id,
        conversation_id=conversation_id,
        message_id=uuid4(),
        at=MAY,
        speaker="user",
        text=text,
    )


async def stored(company: Company, scope: Scope) -> dict[UUID, tuple[str, bool, datetime | None]]:
    """By id: the text, whether it has a vector, and when it ended."""
    async with company.aura._parts.database.tenant(scope) as session:
        rows = await session.execute(select(memory_entries))
        return {row.id: (row.text, row.embedding is not None, row.closed_at) for row in rows}


async def test_an_entry_put_twice_is_one_and_keeps_its_vector_unless_its_text_changes(company: Company) -> None:
    scope, database = company.member.scope, company.aura._parts.database
    first = entry(scope, "I moved to Porto")
    vectors = np.ones((1, 4), np.float32)
    async with database.tenant(scope) as session:
        await entries.put(session, scope, [first], None)
        assert [each.id for each in await entries.unembedded(session, scope, model_sha256="m")] == [first.id]
        await entries.put(session, scope, [first], vectors, model_sha256="m")
        await entries.put(session, scope, [first], None)
        assert await entries.unembedded(session, scope, model_sha256="m") == []
        assert await entries.unembedded(session, scope, model_sha256="another") == [first]
    assert await stored(company, scope) == {first.id: ("I moved to Porto", True, None)}
    async with database.tenant(scope) as session:
        await entries.put(session, scope, [msgspec.structs.replace(first, text="I moved to Lagos")], None)
    assert await stored(company, scope) == {first.id: ("I moved to Lagos", False, None)}


async def test_an_entry_ends_once_and_is_dropped_with_its_conversation(company: Company) -> None:
    scope, database = company.member.scope, company.aura._parts.database
    conversation_id = await company.member.conversations.start()
    kept, bound = entry(scope, "kept"), entry(scope, "bound", conversation_id)
    async with database.tenant(scope) as session:
        await entries.put(session, scope, [kept, bound], None)
        await entries.close(session, scope, [kept.id], MAY)
        await entries.close(session, scope, [kept.id], datetime(2026, 1, 1, tzinfo=UTC))
    await company.member.conversations.delete(conversation_id)
    assert await stored(company, scope) == {kept.id: ("kept", False, MAY)}
    async with database.tenant(scope) as session:
        assert await entries.drop(session, scope, [kept.id, bound.id]) == 1
    assert await stored(company, scope) == {}


async def test_nobody_sees_ends_or_drops_another_ones_entries(company: Company) -> None:
    mine, theirs, database = company.member.scope, company.admin.scope, company.aura._parts.database
    secret = entry(mine, "my safe is at 4711")
    async with database.tenant(mine) as session:
        await entries.put(session, mine, [secret], None)
    async with database.tenant(theirs) as session:
        assert await entries.unembedded(session, theirs, model_sha256="m") == []
        await entries.close(session, theirs, [secret.id], MAY)
        assert await entries.drop(session, theirs, [secret.id]) == 0
        assert await entries.drop_user(session, theirs, mine.user_id) == 0
    assert await stored(company, theirs) == {}
    assert await stored(company, mine) == {secret.id: ("my safe is at 4711", False, None)}
    service = company.admin.scope.as_service()
    async with database.tenant(service) as session:
        assert await entries.drop_user(session, service, mine.user_id) == 1


async def test_vectors_are_as_many_as_the_entries_and_name_their_model(company: Company) -> None:
    scope = company.member.scope
    async with company.aura._parts.database.tenant(scope) as session:
        for count, sha in ((2, "m"), (1, None)):
            with pytest.raises(InvalidRequest, match="1 entries take as many vectors"):
                await entries.put(
                    session, scope, [entry(scope, "x")], np.ones((count, 4), np.float32), model_sha256=sha
                )
