"""Backing the whole embedded platform up into one file, and bringing it back."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import psycopg
import pytest
from database_canaries import add_organisation, place, sight

from aura.database import postmaster
from aura.database.backup import Manifest, Member, backup, restore
from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.errors import BackendError, Conflict, InvalidRequest, NotFound, Unavailable
from aura.identity import Scope
from aura.settings import Settings


class Original(NamedTuple):
    """A platform with two organisations and their files, and its backup."""

    data_dir: Path
    archive: Path
    manifest: Manifest
    scopes: tuple[Scope, Scope]


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with place() as folder:
        yield folder


@pytest.fixture(scope="module")
def original() -> Iterator[Original]:
    with place() as data_dir, place() as archives:
        yield fill(data_dir, archives / "aura.backup")


def fill(data_dir: Path, archive: Path) -> Original:
    server = EmbeddedServer.start(data_dir)

    async def fill() -> tuple[Scope, Scope]:
        database = Database(app_url=server.url("aura_app"), system_url=server.url("aura_system"))
        scopes = (await add_organisation(database), await add_organisation(database))
        await database.close()
        return scopes

    scopes = asyncio.run(fill())
    for scope in scopes:
        folder = data_dir / "files" / str(scope.tenant_id) / "documents"
        folder.mkdir(parents=True)
        (folder / "canary").write_text(str(scope.tenant_id))
        (folder / "empty").touch()
    (data_dir / "files" / "link").symlink_to("/etc/passwd")
    manifest = backup(Settings(data_dir=data_dir), archive)  # while another one is on the server
    server.stop()
    return Original(data_dir, archive, manifest, scopes)


@pytest.fixture
def altered(original: Original, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the archive with members replaced (bytes), dropped (None) or added, and the manifest to match or not."""

    def alter(members: dict[str, bytes | None], manifest: bytes | None = None) -> Path:
        target = tmp_path / "altered.backup"
        with zipfile.ZipFile(original.archive) as source, zipfile.ZipFile(target, "w") as out:
            for name in source.namelist():
                content = members.get(name, source.read(name))
                if name == "manifest.json" and manifest is not None:
                    content = manifest
                if content is not None:
                    out.writestr(name, content)
            for name in members.keys() - set(source.namelist()):
                content = members[name]
                assert content is not None
                out.writestr(name, content)
        return target

    return alter


def with_member(manifest: Manifest, name: str, content: bytes) -> bytes:
    member = Member(name=name, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    return msgspec.json.encode(msgspec.structs.replace(manifest, members=[*manifest.members, member]))


def refuses(archive: Path, tmp_path: Path) -> None:
    """Restoring `archive` is refused, and leaves nothing behind."""
    target = tmp_path / "refused"
    with pytest.raises(BackendError, match="nothing was restored"):
        restore(Settings(data_dir=target), archive)
    assert list(target.iterdir()) == []


async def test_both_tenants_come_back_with_their_rows_files_and_keys_apart(original: Original, tmp_path: Path) -> None:
    target = tmp_path / "restored"
    assert restore(Settings(data_dir=target), original.archive) == original.manifest
    assert (target / "secrets.json").read_bytes() == (original.data_dir / "secrets.json").read_bytes()
    server = EmbeddedServer.start(target)
    try:
        database = Database(app_url=server.url("aura_app"), system_url=server.url("aura_system"))
        await database.check()
        for scope in original.scopes:
            assert await sight(database, scope) == {str(scope.tenant_id)}
            folder = target / "files" / str(scope.tenant_id) / "documents"
            assert (folder / "canary").read_text() == str(scope.tenant_id)
            assert (folder / "empty").read_bytes() == b""
        await database.close()
        assert protection(server) == protection_of_a_new_one(original)
    finally:
        server.stop()
    assert [path for path in (target / "files").rglob("*") if path.stat().st_mode & 0o077] == []
    assert {path.name for path in target.iterdir()} == {
        "files",
        "postgres",
        "postgres.lock",
        "postgres.users",
        "secrets.json",
    }


def protection(server: EmbeddedServer) -> list[tuple[object, ...]]:
    """Everything that keeps tenants apart, as the catalogue says it."""
    queries = (
        "SELECT tablename, policyname, roles::text, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2",
        "SELECT relname, relrowsecurity, relforcerowsecurity, relacl::text, relowner::regrole::text FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
        "SELECT attrelid::regclass::text, attname, attacl::text FROM pg_attribute WHERE attacl IS NOT NULL ORDER BY 1, 2",
        "SELECT proname, proacl::text, prosecdef, proconfig, proowner::regrole::text FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace OR proname = 'set_config' ORDER BY 1, 2",
        "SELECT nspname, nspacl::text FROM pg_namespace WHERE nspname = 'public'",
        "SELECT datname, datacl::text FROM pg_database WHERE datname = 'aura'",
        "SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2, 3",
    )
    with psycopg.connect(server.url("postgres")) as connection:
        return [row for query in queries for row in connection.execute(query.encode()).fetchall()]


def protection_of_a_new_one(original: Original) -> list[tuple[object, ...]]:
    server = EmbeddedServer.start(original.data_dir)
    try:
        return protection(server)
    finally:
        server.stop()


def test_a_backup_says_what_it_holds_and_what_made_it(original: Original) -> None:
    names = {member.name for member in original.manifest.members}
    files = {f"files/{scope.tenant_id}/documents/{name}" for scope in original.scopes for name in ("canary", "empty")}
    assert names == {"database.dump", "secrets.json"} | files
    assert (original.manifest.format, original.manifest.postgres) == (1, postmaster.VERSION)
    assert original.manifest.revision
    assert original.manifest.aura


def test_a_backup_is_readable_by_its_owner_alone_and_leaves_nothing_beside_it(original: Original) -> None:
    assert original.archive.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in original.archive.parent.iterdir()] == ["aura.backup"]


def test_a_backup_does_not_replace_a_file(original: Original, tmp_path: Path) -> None:
    target = tmp_path / "kept"
    target.write_text("mine")
    with pytest.raises(Conflict, match="already"):
        backup(Settings(data_dir=original.data_dir), target)
    assert target.read_text() == "mine"


def test_a_backup_into_a_folder_that_is_not_there_says_so(original: Original, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="can not be written"):
        backup(Settings(data_dir=original.data_dir), tmp_path / "nowhere" / "aura.backup")


def test_a_folder_without_a_platform_is_not_backed_up_nor_made_into_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="AURA_DATA_DIR"):
        backup(Settings(data_dir=tmp_path / "data"), tmp_path / "aura.backup")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_ours_stops_the_backup_that_could_not_be_restored(
    original: Original, tmp_path: Path
) -> None:
    odd = original.data_dir / "files" / "back\\slash"
    odd.touch()
    try:
        with pytest.raises(Conflict, match="no file of AURA's"):
            backup(Settings(data_dir=original.data_dir), tmp_path / "aura.backup")
    finally:
        odd.unlink()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["postgres", "secrets.json", "anything"])
def test_only_an_empty_data_directory_is_restored_into(original: Original, tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(Conflict, match="not empty"):
        restore(Settings(data_dir=tmp_path), original.archive)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_backup_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no backup"):
        restore(Settings(data_dir=tmp_path / "data"), tmp_path / "missing")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + b"\0" * 18])
def test_a_file_that_is_no_backup_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd").write_bytes(content)
    refuses(tmp_path / "odd", tmp_path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_backup_that_was_cut_off_is_refused(original: Original, tmp_path: Path, share: float) -> None:
    content = original.archive.read_bytes()
    (tmp_path / "cut").write_bytes(content[: int(len(content) * share)])
    refuses(tmp_path / "cut", tmp_path)


@pytest.mark.parametrize("member", ["database.dump", "secrets.json", "files/", "manifest.json"])
def test_a_flipped_byte_is_noticed(original: Original, tmp_path: Path, member: str) -> None:
    with zipfile.ZipFile(original.archive) as archive:
        info = next(i for i in archive.infolist() if i.filename.startswith(member) and i.file_size)
    content = bytearray(original.archive.read_bytes())
    content[info.header_offset + 30 + len(info.filename.encode()) + 20 + info.compress_size // 2] ^= 0x10
    (tmp_path / "flipped").write_bytes(content)
    refuses(tmp_path / "flipped", tmp_path)


def test_a_member_that_was_replaced_is_noticed(
    original: Original, tmp_path: Path, altered: Callable[..., Path]
) -> None:
    secrets = (original.data_dir / "secrets.json").read_bytes()
    refuses(altered({"secrets.json": secrets.swapcase()}), tmp_path)


@pytest.mark.parametrize("name", ["manifest.json", "database.dump", "secrets.json"])
def test_a_member_that_is_missing_is_noticed(tmp_path: Path, altered: Callable[..., Path], name: str) -> None:
    refuses(altered({name: None}), tmp_path)


def test_a_member_that_the_manifest_does_not_list_is_noticed(tmp_path: Path, altered: Callable[..., Path]) -> None:
    refuses(altered({"files/extra": b"x"}), tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "files/../../outside",
        "files/..",
        "files/",
        "files",
        "/outside",
        "files//x",
        "files/./x",
        "files/a\\..\\x",
        "postgres/pg_hba.conf",
        "extra.json",
        "FILES/x",
    ],
)
def test_a_member_never_leaves_the_folder_of_files(
    original: Original, tmp_path: Path, altered: Callable[..., Path], name: str
) -> None:
    archive = altered({name: b"canary"}, with_member(original.manifest, name, b"canary"))
    refuses(archive, tmp_path)
    assert not list(tmp_path.rglob("outside"))


def test_a_member_listed_twice_is_refused(original: Original, tmp_path: Path, altered: Callable[..., Path]) -> None:
    twice = msgspec.structs.replace(original.manifest, members=original.manifest.members * 2)
    refuses(altered({}, msgspec.json.encode(twice)), tmp_path)


@pytest.mark.parametrize("change", [{"format": 2}, {"revision": "9999"}, {"format": 2, "members": "another shape"}])
def test_a_backup_of_a_newer_aura_is_told_from_a_damaged_one(
    original: Original, tmp_path: Path, altered: Callable[..., Path], change: dict[str, object]
) -> None:
    manifest = json.loads(msgspec.json.encode(original.manifest)) | change
    with pytest.raises(Conflict, match="newer"):
        restore(Settings(data_dir=tmp_path / "data"), altered({}, json.dumps(manifest).encode()))


def test_a_dump_that_can_not_be_restored_leaves_nothing(
    original: Original, tmp_path: Path, altered: Callable[..., Path]
) -> None:
    members = [member for member in original.manifest.members if member.name != "database.dump"]
    manifest = msgspec.structs.replace(original.manifest, members=members)
    archive = altered({"database.dump": b"no dump"}, with_member(manifest, "database.dump", b"no dump"))
    with pytest.raises(BackendError, match="pg_restore failed"):
        restore(Settings(data_dir=tmp_path / "data"), archive)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_configured_database_is_backed_up_by_its_own_tools_and_the_error_has_the_command(tmp_path: Path) -> None:
    settings = Settings.load(
        database_url="postgresql://aura_app:secret-canary@db/aura",
        system_database_url="postgresql://aura_system:secret-canary@db/aura",
        jwt_secret="jwt-canary-0123456789-0123456789-abc",
        secret_key="secret-canary",
        data_dir=tmp_path,
    )
    with pytest.raises(InvalidRequest, match=r"pg_dump --format=custom .*BYPASSRLS|BYPASSRLS.*pg_dump --format=custom"):
        backup(settings, tmp_path / "aura.backup")
    with pytest.raises(InvalidRequest, match="pg_restore") as raised:
        restore(settings, tmp_path / "aura.backup")
    assert "secret-canary" not in str(raised.value)


def test_a_copy_of_the_data_directory_is_its_own_platform(original: Original, tmp_path: Path) -> None:
    shutil.copytree(original.data_dir / "postgres", tmp_path / "postgres")
    shutil.copy(original.data_dir / "secrets.json", tmp_path)
    for path in (tmp_path / "postgres", *(tmp_path / "postgres").rglob("*")):
        shutil.chown(path, (original.data_dir / "postgres").owner())
    (tmp_path / "postgres").chmod(0o700)
    server = EmbeddedServer.start(tmp_path)
    try:
        with psycopg.connect(server.url("postgres")) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        assert row == (str(tmp_path / "postgres"),)
    finally:
        server.stop()
