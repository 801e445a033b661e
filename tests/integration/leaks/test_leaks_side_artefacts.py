"""Leak shape 2: files, archives, messages, logs and the exceptions behind them."""

from __future__ import annotations

import logging
import stat
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from leaks_support import MARK, PASSWORD, Side, World, add, canaries, ingest, node, sight, tenant_folder

from aura import Workspace
from aura.answering.events import Failed
from aura.database import security
from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.errors import AuraError
from aura.testing.llms import ScriptedLLM
from aura.workspace import Principal


async def test_no_file_of_an_organisation_holds_another_ones_words(world: World) -> None:
    for side, other in ((world.acme, world.globex), (world.globex, world.acme)):
        contents = [path.read_bytes() for path in tenant_folder(world.files, side).rglob("*") if path.is_file()]
        assert any(side.word("user").encode() in content for content in contents)
        assert not any(f"{MARK}{other.name}".encode() in content for content in contents)


async def test_files_lie_below_their_organisation_under_names_made_of_ids_alone(world: World) -> None:
    names = [str(path.relative_to(world.files)) for path in world.files.rglob("*")]
    assert not [name for name in names if MARK in name]
    assert {path.name for path in world.files.iterdir()} >= {
        str(side.programs.organisation.id) for side in (world.acme, world.globex)
    }
    assert stat.S_IMODE(world.files.stat().st_mode) == 0o700


async def test_nothing_waits_in_the_folder_of_what_arrives(world: World) -> None:
    for side in (world.acme, world.globex):
        assert list((tenant_folder(world.files, side) / "incoming").iterdir()) == []


async def test_an_archive_holds_its_own_organisation_and_no_provider_key(world: World, tmp_path: Path) -> None:
    archive = await world.acme.admin.export(tmp_path)
    content = archive.read_bytes()  # members are stored as they are
    assert world.acme.word("org").encode() in content
    assert f"{MARK}{world.globex.name}".encode() not in content
    assert world.acme.word("key").encode() not in content
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600


async def test_an_archive_that_was_restored_shows_each_member_what_was_theirs(world: World, tmp_path: Path) -> None:
    archive = await world.acme.admin.export(tmp_path)
    again = await world.aura.tenants.restore(archive, subdomain=f"again-{world.acme.name}")
    owner = await world.aura.workspace(again.organisation.id, f"user@{world.acme.name}.test")
    admin = await world.aura.workspace(again.organisation.id, f"admin@{world.acme.name}.test")
    word = world.acme.word("user")
    assert word in repr(await owner.search(word, limit=100))
    assert word not in repr([await admin.search(word, limit=100), await again.search(word, limit=100)])
    assert word not in repr([await admin.documents.list(), await again.documents.list()])


REFUSED: dict[str, Callable[[Workspace, str], Awaitable[object]]] = {
    "a name that is taken": lambda w, s: _twice(w.collections.create, s),
    "another name that is taken": lambda w, s: _rename(w, s),
    "an address that is taken": lambda w, s: _twice(lambda s: w.users.add(email=f"{s}@x.test", password=PASSWORD), s),
    "an address that is none": lambda w, s: w.users.add(email=s, password=PASSWORD),
    "a short password": lambda w, s: w.users.add(email=f"{s}@x.test", password=s[:3]),
    "a wrong password": lambda w, s: w.users.change_password(w.user.id, current=s, new=s + s),  # pyright: ignore[reportOptionalMemberAccess]
    "a key that is none": lambda w, s: w.provider_keys.set("openai", f"{s} \u20ac"),
    "text that is too long": lambda w, s: w.ask(s * 20_000),
    "text with a NUL": lambda w, s: w.documents.list(stage=f"{s}\0"),  # pyright: ignore[reportArgumentType]
    "text that is no Unicode": lambda w, s: w.documents.list(stage=f"{s}\ud800"),  # pyright: ignore[reportArgumentType]
    "a node of a wrong size": lambda w, s: w.index.vector_store.async_add([_short(s)]),
    "a node in the place of a chunk": lambda w, s: _over_a_chunk(w, s),
    "a statement of a wrong type": lambda w, s: _wrong_type(w, s),
}


async def _twice(create: Callable[[str], Awaitable[object]], secret: str) -> None:
    await create(secret)
    await create(secret)


async def _rename(workspace: Workspace, secret: str) -> None:
    made = await workspace.collections.create(f"other {secret}")
    await workspace.collections.create(secret)
    await workspace.collections.rename(made.id, secret)


def _short(secret: str):
    made = node(secret, id="short", ref=secret)
    made.embedding = [1.0]
    return made


async def _over_a_chunk(workspace: Workspace, secret: str) -> None:
    document = await add(workspace, secret, "taken.txt")
    (chunk,) = await workspace.documents.chunks(document)
    await workspace.index.vector_store.async_add([node(secret, id=chunk.id, ref=secret)])


async def _wrong_type(workspace: Workspace, secret: str) -> None:
    async with workspace._parts.database.tenant(workspace.scope) as session:
        await session.exec_driver_sql("SELECT CAST(%(secret)s AS integer)", {"secret": secret})


@pytest.mark.parametrize("case", REFUSED)
async def test_an_error_and_all_behind_it_repeat_no_text_of_the_user(
    mallory: Side, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The exceptions behind it end in logs, with what the database said."""
    secret = f"zysecret{uuid4().hex}"
    caplog.set_level(logging.INFO)
    with pytest.raises(AuraError) as refused:
        await REFUSED[case](mallory.admin, secret)
    assert secret not in "".join(traceback.format_exception(refused.value))
    assert secret not in logged(caplog)


BAD_FILES = {
    "broken.pdf": b"%PDF-1.7 {secret} no more",
    "broken.docx": b"PK\x03\x04 {secret}",
    "broken.json": b'{"a": "{secret}",',
    "broken.txt": b"{secret}\x00\xff\xfe{secret}",
    "mislabelled.txt": b"%PDF-1.7 {secret}",
    "empty.html": b"<html><!-- {secret} --></html>",
}


@pytest.mark.parametrize("filename", BAD_FILES)
async def test_why_a_file_was_refused_repeats_nothing_that_is_in_it(
    mallory: Side, filename: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nor do the logs, nor what the parser's process prints."""
    caplog.set_level(logging.INFO)
    secret = f"zysecret{uuid4().hex}"
    last = (await ingest(mallory.user, BAD_FILES[filename].replace(b"{secret}", secret.encode()), filename))[-1]
    assert last.reason is not None
    printed = "".join(capfd.readouterr())
    assert secret not in last.reason + logged(caplog) + printed


async def test_the_logs_hold_the_statements_and_not_their_values(
    world: World, server: EmbeddedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """AURA's own logs at every level, those of others at INFO."""
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.INFO, logger="sqlalchemy")
    caplog.set_level(logging.DEBUG, logger="aura")
    database = Database(app_url=server.url(security.APP), system_url=server.url(security.SYSTEM))  # logs from its start
    secret = f"zysecret{uuid4().hex}"
    try:
        parts = msgspec.structs.replace(world.parts, database=database)
        workspace = Workspace(parts, Principal.of(world.acme.user.organisation, world.acme.user.user))
        await sight(workspace, secret)
        with suppress(AuraError):
            await workspace.collections.by_name_or_id(secret)
    finally:
        await database.close()
    assert "SELECT documents" in logged(caplog)
    assert secret not in logged(caplog)
    assert canaries(logged(caplog), world.acme) == set()


async def test_a_model_that_fails_with_the_prompt_in_its_mouth_does_not_pass_it_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    word = world.acme.word("user")
    caplog.set_level(logging.INFO, logger="sqlalchemy")
    model = ScriptedLLM([RuntimeError(f"can not complete {word}")])
    parts = msgspec.structs.replace(world.parts, llm=model)
    workspace = Workspace(parts, Principal.of(world.acme.user.organisation, world.acme.user.user))
    *_, last = [event async for event in workspace.stream(f"What does the merger memo of {word} say?")]
    assert word in str(model.calls)
    assert isinstance(last, Failed)
    assert word not in last.message + logged(caplog)


def logged(caplog: pytest.LogCaptureFixture) -> str:
    formatter = logging.Formatter("%(name)s %(message)s")
    return "\n".join(formatter.format(record) for record in caplog.records)
