"""Erasing a user's memory leaves nothing of it anywhere, and everybody else's as it was, to the byte."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from memory_support import PASSWORD, Company, derive, known, say, tell
from sqlalchemy import insert

from aura import Aura, NotFound, Workspace
from aura.database.embedded import DIRECTORY, EmbeddedServer
from aura.database.tables import PERSONAL_TABLES, TENANT_TABLES, fact_tombstones, tickets
from aura.memory.values import MemorySettings
from aura.persona.traits import PersonaChanges, Traits

CANARY = "Zyxcanary"
KEPT = {"usage", "usage_daily", "sessions"}
"""Tables that keep rows of a user whose memory was erased."""


async def talk_of(workspace: Workspace, word: str) -> None:
    """Leave the word wherever a user can: in turns, a title, facts, summaries, a response, an opinion, a form of address."""
    talk = await tell(workspace, f"My name is {word}.", f"I love {word} and tea.", f"My case number is {word}-1.")
    await tell(workspace, f"I live in {word}.", f"I work at {word}.", talk=talk)
    await workspace.conversations.rename(talk, f"About {word}")
    await workspace.memory.configure(MemorySettings(time_zone="Europe/Berlin"))
    await workspace.persona.set(PersonaChanges(address=word, detail=0.5))
    await workspace.ask("Shorter, please.", conversation=talk)
    answer = await workspace.ask(f"Where is {word}?", conversation=talk)
    assert answer.message_id is not None
    await workspace.feedback(answer.message_id, -1, f"not {word}", f"It is {word}.")
    response = await workspace.responses.start(f"And what of {word}?", conversation=talk)
    _ = [event async for event in workspace.responses.read(response)]
    fact = next(each for each in (await workspace.memory.facts.list()).items if each.text == f"I love {word}")
    await workspace.memory.facts.delete(fact.id)
    await derive(workspace, talk)  # a summary that does not quote it
    await workspace.voice_sessions("realtime").open(talk, {"instructions": f"call me {word}"})
    async with workspace._parts.database.tenant(workspace.scope) as session:  # of a fact that no message said
        mine = {"tenant_id": workspace.scope.tenant_id, "user_id": workspace.scope.user_id, "id": uuid4()}
        await session.execute(insert(fact_tombstones).values(**mine, digest=b"d"))
        secret = {"secret_sha256": b"s", "expires_at": datetime.now(UTC) + timedelta(minutes=1)}
        await session.execute(insert(tickets).values(**mine, **secret, settings={"instructions": f"I am {word}"}))
    await say(workspace, f"Nobody has derived from {word} yet.", talk=talk)


def dump(server: EmbeddedServer) -> str:
    """The whole database, every table of every schema, as text."""
    command = [str(server.programs / "pg_dump"), "--no-password", server.url("postgres")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.casefold()


def rows_of(server: EmbeddedServer, workspace: Workspace) -> dict[str, list[str]]:
    """Every row that belongs to the workspace's user, as it stands on the disk."""
    found: dict[str, list[str]] = {}
    with psycopg.connect(server.url("postgres")) as connection:
        for table in TENANT_TABLES:
            if "user_id" in table.c:
                query = f"SELECT t::text FROM {table.name} t WHERE tenant_id = %s AND user_id = %s ORDER BY 1"
                values = [workspace.scope.tenant_id, workspace.scope.user_id]
                found[table.name] = [row[0] for row in connection.execute(query.encode(), values).fetchall()]
    return found


def files_with(folder: Path, word: str) -> list[Path]:
    """Every file beside those of the database, whose dump is read."""
    files = (path for each in folder.iterdir() if each.name != DIRECTORY for path in (each, *each.rglob("*")))
    return [path for path in files if path.is_file() and word.casefold().encode() in path.read_bytes().lower()]


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    for name in ("aura", "procrastinate"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


async def test_erasing_leaves_no_hit_of_a_canary_in_a_dump_of_everything(
    memory_aura: Aura, company: Company, server: EmbeddedServer, data_dir: Path, logs: pytest.LogCaptureFixture
) -> None:
    await talk_of(company.member, CANARY)
    stop = asyncio.Event()
    working = asyncio.create_task(memory_aura.worker().run(stop))
    while rows_of(server, company.member)["memory_outbox"]:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    stop.set()
    await working
    before = await asyncio.to_thread(dump, server)
    assert before.count(CANARY.casefold()) > 20

    receipt = await company.member.memory.erase()

    after = await asyncio.to_thread(dump, server)
    assert after.count(CANARY.casefold()) == 0
    assert min(receipt.messages, receipt.conversations, receipt.facts, receipt.summaries, receipt.vectors) > 0
    assert min(receipt.responses, receipt.persona - 1) > 0  # the row of what was chosen, and signals
    assert files_with(data_dir, CANARY) == []
    assert CANARY not in logs.text
    left = {name for name, rows in rows_of(server, company.member).items() if rows}
    assert left <= KEPT  # not what holds no word of it, either: settings, digests, vectors
    assert (await company.member.documents.list()).items != ()  # documents are no memory


async def test_erasing_one_leaves_every_row_of_others_byte_for_byte(
    memory_aura: Aura, company: Company, server: EmbeddedServer
) -> None:
    other = await memory_aura.tenants.create(
        organization_name="Other", subdomain=f"o-{company.name}", admin_email="max@acme.test", password=PASSWORD
    )
    stranger = await memory_aura.workspace(other.organisation, "max@acme.test")
    for workspace in (company.admin, company.member, stranger):
        await talk_of(workspace, "Bystander")
    before = [rows_of(server, workspace) for workspace in (company.admin, stranger)]
    held = {name for name in before[0] if name in PERSONAL_TABLES} - {"sessions"}
    assert all(rows[name] for rows in before for name in held)

    await company.member.memory.erase()

    assert [rows_of(server, workspace) for workspace in (company.admin, stranger)] == before
    left = {name for name, rows in rows_of(server, company.member).items() if rows}
    assert left <= KEPT


async def test_what_is_derived_while_memory_is_erased_leaves_nothing(company: Company, server: EmbeddedServer) -> None:
    talks = [await say(company.member, *(f"I love place {n} of {m}." for n in range(8))) for m in range(3)]
    deriving = [asyncio.create_task(derive(company.member, talk)) for talk in talks]
    await asyncio.sleep(0)
    await company.member.memory.erase()
    await asyncio.gather(*deriving, return_exceptions=True)
    left = {name for name, rows in rows_of(server, company.member).items() if rows}
    assert left <= KEPT


async def test_an_answer_that_goes_on_while_memory_is_erased_is_kept_nowhere(
    company: Company, server: EmbeddedServer
) -> None:
    talk = await say(company.member, f"My name is {CANARY}.")
    response = await company.member.responses.start(f"Who is {CANARY}?", conversation=talk)
    await company.member.memory.erase()
    with pytest.raises(NotFound):
        await company.member.responses.get(response)
    assert CANARY.casefold() not in await asyncio.to_thread(dump, server)


async def test_a_deleted_member_takes_all_of_it_along(company: Company, server: EmbeddedServer) -> None:
    await talk_of(company.member, CANARY)
    assert company.member.user is not None
    receipt = await company.admin.delete_user(company.member.user.id)
    assert min(receipt.users, receipt.conversations, receipt.messages) > 0
    assert (await asyncio.to_thread(dump, server)).count(CANARY.casefold()) == 0


async def test_after_an_erasure_memory_begins_anew(company: Company) -> None:
    await company.member.persona.set(PersonaChanges(detail=1.0))
    talk = await tell(company.member, "My name is Ann.")
    await company.member.memory.erase()
    with pytest.raises(NotFound):
        await company.member.conversations.recent(talk)
    await tell(company.member, "My name is Ann.")
    assert await known(company.member) == ["My name is Ann"]
    persona = await company.member.persona.get()
    assert (persona.traits, persona.locked) == (Traits(), ())
