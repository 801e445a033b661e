"""The audit: added to, read by admins page by page, changed by nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from usage_support import Tenant

from aura.database.scopes import application_filter
from aura.errors import BackendError, Denied, InvalidRequest
from aura.identity import Role
from aura.testing.clock import FixedClock
from aura.usage.audit import Action, Actor, Audit, Entry, Target

SOMEBODY = Actor(kind="unknown")


async def read(tenant: Tenant, **options: object) -> list[Entry]:
    """All rows, by pages of two."""
    found: list[Entry] = []
    cursor: str | None = None
    while True:
        page = await tenant.audit.list(limit=2, cursor=cursor, **options)  # type: ignore[arg-type]
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_a_row_says_who_did_what_to_which_id_from_where(acme: Tenant, clock: FixedClock) -> None:
    document, version = uuid4(), 3
    actor = Actor(kind="user", id=acme.admin.id)

    await acme.audit.record(
        actor,
        Action.DOCUMENT_DELETED,
        Target(kind="document", id=document),
        address="192.0.2.7",
        request_id="r-1",
        details={
            "version": version,
            "chunks": 12,
            "role": Role.ADMIN,
            "collection": acme.organisation.id,
            "last": None,
        },
    )

    [entry] = await read(acme)
    assert (entry.actor_kind, entry.actor_id, entry.action) == ("user", acme.admin.id, "document_deleted")
    assert (entry.target_kind, entry.target_id) == ("document", str(document))
    assert (entry.address, entry.request_id, entry.at) == ("192.0.2.7", "r-1", clock.now())
    assert entry.details == {
        "version": 3,
        "chunks": 12,
        "role": "admin",
        "collection": str(acme.organisation.id),
        "last": None,
    }


@pytest.mark.parametrize("content", ["secret.pdf", ["a"], {"name": "Ada"}, b"x"])
async def test_details_that_could_be_content_are_refused(acme: Tenant, content: object) -> None:
    with pytest.raises(TypeError) as refused:
        await acme.audit.record(SOMEBODY, Action.LOGIN, details={"x": content})  # type: ignore[dict-item]
    assert "secret" not in str(refused.value)
    assert await read(acme) == []


async def test_an_action_that_is_not_known_is_not_recorded(acme: Tenant) -> None:
    with pytest.raises(ValueError, match="danced"):
        await acme.audit.record(SOMEBODY, "danced")  # type: ignore[arg-type]


async def test_a_request_id_of_any_kind_is_kept_as_a_short_line(acme: Tenant) -> None:
    await acme.audit.record(SOMEBODY, Action.LOGIN, request_id="a\0b\n" + "x" * 10_000 + "\ud800")
    [entry] = await read(acme)
    assert entry.request_id == "ab" + "x" * 196


async def test_pages_are_newest_first_and_stay_where_they_are_while_rows_are_added(
    acme: Tenant, clock: FixedClock
) -> None:
    for n in range(7):
        await acme.audit.record(SOMEBODY, Action.LOGIN, details={"n": n})
        if n % 3 == 2:
            clock.advance(timedelta(microseconds=1))  # rows of one moment are told apart, too

    first = await acme.audit.list(limit=3)
    await acme.audit.record(SOMEBODY, Action.LOGOUT)
    second = await acme.audit.list(limit=3, cursor=first.next_cursor)
    third = await acme.audit.list(limit=3, cursor=second.next_cursor)

    pages = [entry.details["n"] for page in (first, second, third) for entry in page.items]
    assert sorted(pages, key=str) == list(range(7))
    assert [n // 3 for n in pages] == sorted((n // 3 for n in pages), reverse=True)  # type: ignore[operator]
    assert third.next_cursor is None


async def test_rows_can_be_asked_for_by_action_actor_and_time(acme: Tenant, clock: FixedClock) -> None:
    ada, bob = Actor(kind="user", id=uuid4()), Actor(kind="key", id=uuid4())
    for hour, (actor, action) in enumerate(
        [(ada, Action.LOGIN), (bob, Action.KEY_MADE), (ada, Action.KEY_MADE), (ada, Action.LOGOUT)]
    ):
        clock.set(datetime(2026, 2, 1, hour, tzinfo=UTC))
        await acme.audit.record(actor, action)

    def hours(entries: list[Entry]) -> list[int]:
        return [entry.at.hour for entry in entries]

    assert hours(await read(acme, actor=ada.id)) == [3, 2, 0]
    assert hours(await read(acme, action="key_made")) == [2, 1]
    assert hours(await read(acme, action=Action.KEY_MADE, actor=bob.id)) == [1]
    since, until = datetime(2026, 2, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, 3, tzinfo=UTC)
    assert hours(await read(acme, since=since, until=until)) == [2, 1]


@pytest.mark.parametrize(
    "options",
    [
        {"cursor": "x"},
        {"cursor": f"999999999999999999_{uuid4()}"},
        {"cursor": f"0_{uuid4()}' OR 1=1"},
        {"limit": 0},
        {"limit": 1001},
        {"action": "danced"},
        {"since": datetime(2026, 1, 1)},
    ],
)
async def test_what_can_not_be_asked_for_is_refused(acme: Tenant, options: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        await acme.audit.list(**options)  # type: ignore[arg-type]


async def test_who_may_not_read_the_audit_still_adds_to_it(acme: Tenant, clock: FixedClock) -> None:
    members = Audit(acme.database, acme.scope, clock=clock)
    await members.record(SOMEBODY, Action.LOGIN)
    with pytest.raises(Denied):
        await members.list()
    assert len(await read(acme)) == 1


async def test_what_was_done_and_its_row_are_there_together_or_not_at_all(acme: Tenant) -> None:
    async def fails() -> None:
        async with acme.database.tenant(acme.scope) as connection:
            await acme.audit.record(SOMEBODY, Action.LOGIN, connection=connection)
            raise InvalidRequest("what was to be recorded went wrong")

    with pytest.raises(InvalidRequest):
        await fails()
    assert await read(acme) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET action = 'nothing'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "UPDATE audit SET at = at RETURNING *",
    ],
)
async def test_nobody_who_serves_requests_changes_or_deletes_a_row(acme: Tenant, statement: str) -> None:
    await acme.audit.record(SOMEBODY, Action.LOGIN)
    for scope in (acme.scope, acme.service):
        with pytest.raises(BackendError):
            async with acme.database.tenant(scope) as connection:
                await connection.execute(text(statement))
    with pytest.raises(BackendError):
        async with acme.database.system() as connection:
            await connection.execute(text(statement))
    assert [entry.action for entry in await read(acme)] == ["login"]


@pytest.mark.parametrize("filtered", [True, False], ids=["both locks", "row-level security alone"])
async def test_the_audit_of_another_organisation_is_out_of_reach(acme: Tenant, globex: Tenant, filtered: bool) -> None:
    token = application_filter.set(filtered)
    try:
        await acme.audit.record(Actor(kind="user", id=acme.admin.id), Action.LOGIN)
        await acme.audit.record(Actor(kind="user", id=acme.admin.id), Action.LOGOUT)
        cursor = (await acme.audit.list(limit=1)).next_cursor

        assert await read(globex) == []
        assert (await globex.audit.list(cursor=cursor)).items == ()
        assert await read(globex, actor=acme.admin.id) == []
        with pytest.raises(BackendError):
            async with globex.database.tenant(globex.scope) as connection:
                await Audit(acme.database, acme.scope, clock=acme.clock).record(
                    SOMEBODY, Action.LOGIN, connection=connection
                )
        assert len(await read(acme)) == 2
    finally:
        application_filter.reset(token)
