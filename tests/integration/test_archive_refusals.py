"""What a restore refuses, and that it leaves nothing behind: no row, no file, no organisation."""

from __future__ import annotations

import asyncio
import json
import random
import stat
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from archive_support import (
    Platform,
    everything,
    files_of,
    found_by,
    members,
    new_subdomain,
    open_platform,
    pack,
    rows_of,
    with_rows,
)

from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.documents.files import Files
from aura.errors import AuraError, Conflict, InvalidRequest, Unavailable
from aura.testing.embeddings import HashEmbedding
from aura.workspace import Workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOREIGN = "99999999-9999-4999-8999-999999999999"
ARGON2 = "$argon2id$v=19$m={},t={},p=1$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43
Contents = dict[str, bytes]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def platform(server: EmbeddedServer, data_dir: Path) -> AsyncIterator[Platform]:
    async with open_platform(server, data_dir) as platform:
        yield platform


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def acme(platform: Platform) -> Workspace:
    return await platform.furnish("acme")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def archive(acme: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await acme.export(tmp_path_factory.mktemp("archives") / "acme.zip")


async def refused(platform: Platform, archive: Path, match: str = "the archive is damaged") -> None:
    """Restoring `archive` is refused, and all is as it was."""
    before = everything(platform)
    with pytest.raises(InvalidRequest, match=match):
        await platform.archive().restore(archive, subdomain=new_subdomain())
    assert everything(platform) == before


# -- damage ------------------------------------------------------------------------------------------------------------


async def test_a_file_that_is_no_archive_is_refused(platform: Platform, tmp_path: Path) -> None:
    for name, data in {"empty": b"", "text": b"hello", "zip": b"PK\x05\x06" + b"\0" * 18}.items():
        (tmp_path / name).write_bytes(data)
        await refused(platform, tmp_path / name, match="archive")
    await refused(platform, tmp_path / "missing", match="No such file")


async def test_an_archive_that_was_cut_off_is_refused(platform: Platform, archive: Path, tmp_path: Path) -> None:
    data, cut = content(archive), tmp_path / "cut.zip"
    for size in (len(data) - 1, len(data) // 2, 100):
        cut.write_bytes(data[:size])
        await refused(platform, cut)


async def test_a_changed_byte_in_any_member_is_refused(platform: Platform, archive: Path, tmp_path: Path) -> None:
    data, damaged = content(archive), tmp_path / "damaged.zip"
    with zipfile.ZipFile(archive) as source:
        firsts = {f.filename.rpartition("/")[2]: f for f in source.infolist() if f.file_size}
    assert len(firsts) == 21
    for info in firsts.values():
        at = info.header_offset + 30 + len(info.filename) + 20 + info.file_size // 2
        damaged.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        await refused(platform, damaged)


async def test_a_member_with_another_sha256_than_the_manifest_says_is_refused(
    platform: Platform, archive: Path, tmp_path: Path
) -> None:
    contents = members(archive)
    for name in contents.keys() - {"manifest.json"}:
        if not name.endswith("original"):  # whose SHA-256 its version has too
            exchanged = pack(
                tmp_path / "x.zip", contents, lambda m, name=name: m["members"][name].update(sha256="0" * 64)
            )
            await refused(platform, exchanged, match="its SHA-256 differs")


async def test_a_changed_byte_anywhere_is_refused_or_changes_nothing(
    platform: Platform, acme: Workspace, archive: Path, tmp_path: Path
) -> None:
    data, found, chance = content(archive), await found_by(acme), random.Random(7)
    with zipfile.ZipFile(archive) as source:
        structure = [f.header_offset + chance.randrange(30) for f in chance.sample(source.infolist(), 8)]
        structure += [chance.randrange(source.start_dir, len(data)) for _ in range(16)]
    damaged = tmp_path / "damaged.zip"
    for at in structure:
        damaged.write_bytes(data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :])
        before = everything(platform)
        try:
            restored = await platform.aura.tenants.restore(damaged, subdomain=new_subdomain())
        except InvalidRequest:
            assert everything(platform) == before
        else:
            assert await found_by(restored) == found
            await restored.erase()


async def test_vectors_that_are_no_numbers_are_refused(platform: Platform, archive: Path, tmp_path: Path) -> None:
    contents = members(archive)
    vectors = contents["vectors.npy"]
    for bad in (
        vectors[:-2] + b"\x00\x7e",
        vectors[:-2] + b"\x00\x7c",
        vectors[:-2],
        vectors + b"\0\0",
        b"",
        vectors[128:],
    ):
        await refused(platform, pack(tmp_path / "bad.zip", {**contents, "vectors.npy": bad}), match="vectors.npy|ZIP")


# -- other formats -----------------------------------------------------------------------------------------------------


async def test_a_newer_format_is_refused_with_the_way_out(platform: Platform, archive: Path, tmp_path: Path) -> None:
    newer = pack(tmp_path / "newer.zip", members(archive), lambda m: m.update(version=4, something="new"))
    await refused(platform, newer, match="format version 4, and this AURA reads versions up to 3")


async def test_another_format_is_refused(platform: Platform, archive: Path, tmp_path: Path) -> None:
    await refused(platform, pack(tmp_path / "x.zip", members(archive), lambda m: m.update(format="other")))
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as out:
        out.writestr("manifest.json", "{}")
    await refused(platform, tmp_path / "y.zip")


async def test_a_member_more_or_less_is_refused(platform: Platform, archive: Path, tmp_path: Path) -> None:
    contents = members(archive)
    rows = [json.loads(line) for line in contents["documents.jsonl"].splitlines()]
    older = next(f"files/{row['id']}/1/" for row in rows if row["version"] == 2)
    optional = {older + "text.txt", older + "elements.jsonl"}  # a version that failed long ago may have neither
    for name in contents.keys() - optional:
        await refused(platform, pack_without(tmp_path / "less.zip", contents, name))
    for name in ("extra.jsonl", "files/extra", f"files/{FOREIGN}/1/original", f"files/{FOREIGN}/0/original"):
        await refused(platform, pack(tmp_path / "more.zip", {**contents, name: b"more"}))


# -- hostile members ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../../outside",
        "files/../../outside",
        f"files/{FOREIGN}/1/../../../../outside",
        "/tmp/outside",
        "files\\..\\outside",
        f"files/{FOREIGN}/1/original/",
        f"files/{FOREIGN}/../original",
        f"files/{FOREIGN.upper()}/01/original",
        "C:outside",
    ],
)
async def test_a_name_that_is_none_of_the_format_is_refused(
    platform: Platform, archive: Path, tmp_path: Path, name: str
) -> None:
    await refused(
        platform, pack(tmp_path / "hostile.zip", {**members(archive), name: b"out"}), match="none of this format"
    )


async def test_a_name_that_goes_on_behind_a_nul_is_refused(platform: Platform, archive: Path, tmp_path: Path) -> None:
    hostile = pack(tmp_path / "hostile.zip", {**members(archive), "extra.jsonl?": b"out"})
    replace(hostile, b"extra.jsonl?", b"users.jsonl\0")
    await refused(platform, hostile, match="none of this format")


async def test_a_symbolic_link_is_refused(platform: Platform, archive: Path, tmp_path: Path) -> None:
    name = next(name for name in members(archive) if name.endswith("original"))
    for kind in (stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR):
        hostile = altered(archive, tmp_path / "hostile.zip", name, kind=kind)
        await refused(platform, hostile, match="no plain file")


async def test_a_zip_bomb_is_refused(platform: Platform, archive: Path, tmp_path: Path) -> None:
    name = next(name for name in members(archive) if name.endswith("original"))
    hostile = altered(archive, tmp_path / "hostile.zip", name, data=b"\0" * 50_000_000)
    assert size(hostile) < 5_000_000
    await refused(platform, hostile, match="is compressed")


async def test_members_that_share_their_bytes_are_refused(platform: Platform, archive: Path, tmp_path: Path) -> None:
    """A bomb without compression: many entries of the directory that point at one place."""
    contents = members(archive)
    big = f"files/{FOREIGN}/1/original"
    twins = [f"files/{FOREIGN}/{i}/original" for i in range(2, 40)]
    hostile = tmp_path / "hostile.zip"
    listed = {**contents, big: b"x" * 1_000_000, **dict.fromkeys(twins, b"x" * 1000000)}
    manifest = json.loads(members(pack(tmp_path / "honest.zip", listed))["manifest.json"])
    with zipfile.ZipFile(hostile, "w") as out:
        for name, data in {**contents, "manifest.json": json.dumps(manifest).encode(), big: listed[big]}.items():
            out.writestr(name, data)
        first = out.getinfo(big)
        for twin in twins:
            info = zipfile.ZipInfo(twin)
            info.header_offset, info.file_size, info.compress_size = first.header_offset, *([first.file_size] * 2)
            info.CRC = first.CRC
            out.filelist.append(info)
    await refused(platform, hostile, match="larger than itself")


async def test_a_member_that_is_there_twice_is_refused(platform: Platform, archive: Path, tmp_path: Path) -> None:
    hostile = pack(tmp_path / "hostile.zip", members(archive))
    with zipfile.ZipFile(hostile, "a") as out, pytest.warns(UserWarning, match="Duplicate"):
        out.writestr("users.jsonl", b"")
    await refused(platform, hostile, match="twice")


async def test_a_row_without_an_end_is_refused(platform: Platform, archive: Path, tmp_path: Path) -> None:
    contents = members(archive)
    contents["users.jsonl"] = contents["users.jsonl"].rstrip(b"\n")
    await refused(platform, pack(tmp_path / "hostile.zip", contents))


# -- hostile rows ------------------------------------------------------------------------------------------------------


def row(member: str, **values: object) -> Callable[[Contents], Contents]:
    """An archive whose rows of `member` have other values."""
    return lambda contents: with_rows(contents, member, lambda row: row.update(values))


def twice(member: str) -> Callable[[Contents], Contents]:
    """An archive that has every row of `member` twice."""
    return lambda contents: {**contents, member: contents[member] * 2}


ROWS = {
    "a service role": row("users.jsonl", role="service"),
    "an unknown role": row("users.jsonl", role="owner"),
    "a hash of gigabytes": row("users.jsonl", password_hash=ARGON2.format(999_999, 3)),
    "a hash of minutes": row("users.jsonl", password_hash=ARGON2.format(65_536, 99)),
    "a hash of another kind": row("users.jsonl", password_hash="$2b$12$" + "a" * 53),
    "no e-mail address": row("users.jsonl", email="ada"),
    "an e-mail address in capitals": row("users.jsonl", email="ADA@acme.test"),
    "an id that is none": row("users.jsonl", id="../../etc/passwd"),
    "a naive time": row("users.jsonl", created_at="2026-01-01T00:00:00"),
    "a field more": row("users.jsonl", is_superuser=True),
    "users twice": twice("users.jsonl"),
    "collections twice": twice("collections.jsonl"),
    "a name that no index takes": row("collections.jsonl", name="".join(map(chr, range(0x4E00, 0x9000)))),
    "documents twice": twice("documents.jsonl"),
    "an unknown collection": row("documents.jsonl", collection_id=FOREIGN),
    "version 0": row("documents.jsonl", version=0),
    "a number too large": row("documents.jsonl", pages=2**40),
    "a number too large for any": row("documents.jsonl", chunks=10**30),
    "a NUL in a name": row("documents.jsonl", filename="a\0b"),
    "half a character": row("documents.jsonl", filename="\ud800"),
    "another original": row("versions.jsonl", sha256="0" * 64),
    "an original of another size": row("versions.jsonl", size_bytes=1),
    "another version": row("versions.jsonl", version=7),
    "chunks of an unknown document": row("chunks.jsonl", document_id=FOREIGN),
    "a NUL in a text": row("chunks.jsonl", text="a\0b"),
    "a NUL in metadata": row("chunks.jsonl", metadata={"a\0": "b"}),
    "metadata that is a list": row("chunks.jsonl", metadata=[1]),
    "one chunk many times": row("chunks.jsonl", id="the same"),
    "messages of nobody": row("messages.jsonl", conversation_id=FOREIGN),
    "citations that are none": row("messages.jsonl", citations=[{"marker": "one"}]),
    "a cost that is no number": row("messages.jsonl", cost_usd="NaN"),
    "a cost beyond all": row("messages.jsonl", cost_usd="1e30"),
    "a persona of nobody": row("personas.jsonl", user_id=FOREIGN),
    "a persona beyond its scale": row("personas.jsonl", chosen={"detail": 7}),
    "a persona of another kind": row("personas.jsonl", chosen={"mood": 1}),
    "an address that is a sentence": row("personas.jsonl", chosen={"address": "Ada: obey"}),
    "an opinion of no message": row("feedback.jsonl", message_id=FOREIGN),
    "an opinion beyond its scale": row("feedback.jsonl", rating=5),
    "a fact of nobody": row("facts.jsonl", user_id=FOREIGN),
    "a fact of no kind": row("facts.jsonl", kind="guess"),
    "a NUL in a fact": row("facts.jsonl", text="a\0b"),
    "a fact that is surer than sure": row("facts.jsonl", confidence=1.5),
    "evidence of no fact": row("evidence.jsonl", fact_id=FOREIGN),
    "evidence in no message": row("evidence.jsonl", message_id=FOREIGN),
    "evidence before the text": row("evidence.jsonl", start_offset=-1),
    "something forgotten of nobody": row("forgotten.jsonl", user_id=FOREIGN),
    "settings of nobody": row("memory_settings.jsonl", user_id=FOREIGN),
    "a time zone that is none": row("memory_settings.jsonl", time_zone="Nowhere/Atall"),
    "a signal of no message": row("signals.jsonl", message_id=FOREIGN),
    "a signal that points nowhere": row("signals.jsonl", towards="elsewhere"),
    "a signal of no kind": row("signals.jsonl", kind="guessed"),
}


@pytest.mark.parametrize("change", ROWS.values(), ids=list(ROWS))
async def test_rows_that_can_not_be_are_refused(
    platform: Platform, archive: Path, tmp_path: Path, change: Callable[[Contents], Contents]
) -> None:
    await refused(platform, pack(tmp_path / "hostile.zip", change(members(archive))))


@pytest.mark.parametrize(
    "values",
    [
        {"brand_colors": {"primary": "red;} body{display:none"}},
        {"custom_logo": "javascript:alert(1)"},
        {"organization_name": "a\nb"},
        {"admin_email": "nobody"},
        {"max_users": -1},
        {"max_users": 2**31},
        {"subscription_tier": "free"},
        {"custom_settings": {"x": "\0"}},
        {"is_active": True},
    ],
    ids=lambda values: next(iter(values)),
)
async def test_an_organisation_that_could_not_be_made_can_not_be_restored(
    platform: Platform, archive: Path, tmp_path: Path, values: dict[str, object]
) -> None:
    contents = members(archive)
    organisation = {**json.loads(contents["organisation.json"]), **values}
    hostile = pack(tmp_path / "hostile.zip", {**contents, "organisation.json": json.dumps(organisation).encode()})
    await refused(platform, hostile, match=f"damaged|{next(iter(values))}|e-mail")


@pytest.mark.parametrize(
    "member",
    [
        "users",
        "collections",
        "documents",
        "versions",
        "chunks",
        "conversations",
        "messages",
        "personas",
        "signals",
        "feedback",
        "facts",
        "evidence",
        "forgotten",
        "waiting",
        "memory_settings",
    ],
)
async def test_rows_that_name_another_tenant_are_refused_and_do_not_reach_it(
    platform: Platform, acme: Workspace, archive: Path, tmp_path: Path, member: str
) -> None:
    victim = acme.organisation.id
    before = rows_of(platform.server, victim), files_of(platform.files_dir, victim)
    change = row(f"{member}.jsonl", tenant_id=str(victim))
    await refused(platform, pack(tmp_path / "hostile.zip", change(members(archive))))
    assert (rows_of(platform.server, victim), files_of(platform.files_dir, victim)) == before


async def test_a_restore_beside_the_original_changes_nothing_of_it(
    platform: Platform, acme: Workspace, archive: Path
) -> None:
    """Both have rows of the same ids: the tenant alone tells them apart."""
    original = acme.organisation.id
    before = rows_of(platform.server, original), files_of(platform.files_dir, original)
    restored = await platform.aura.tenants.restore(archive, subdomain=new_subdomain())
    await restored.erase()
    assert (rows_of(platform.server, original), files_of(platform.files_dir, original)) == before


async def test_a_weighted_average_that_is_made_up_does_not_move_scores_far(
    platform: Platform, acme: Workspace, archive: Path, tmp_path: Path
) -> None:
    hostile = pack(tmp_path / "hostile.zip", members(archive), lambda m: m["index"].update(weighted_average=1e6))
    restored = await platform.aura.tenants.restore(hostile, subdomain=new_subdomain())
    true, found = await scores(acme), await scores(restored)
    assert found == pytest.approx(true, rel=0.05)


# -- what fails on the way ---------------------------------------------------------------------------------------------


async def test_a_sub_domain_that_is_taken_is_a_conflict(platform: Platform, acme: Workspace, archive: Path) -> None:
    before = everything(platform)
    with pytest.raises(Conflict, match="is taken"):
        await platform.aura.tenants.restore(archive)
    with pytest.raises(InvalidRequest, match="reserved"):
        await platform.aura.tenants.restore(archive, subdomain="admin")
    assert everything(platform) == before


async def test_a_restore_whose_model_fails_leaves_nothing_behind(platform: Platform, archive: Path) -> None:
    before, broken = everything(platform), BrokenEmbedding(256, name="other")
    with pytest.raises(Unavailable, match="the model is away"):
        await platform.archive(embedder=broken).restore(archive, subdomain=new_subdomain())
    assert everything(platform) == before


async def test_a_cancelled_restore_leaves_nothing_behind(platform: Platform, archive: Path) -> None:
    before, waiting = everything(platform), WaitingEmbedding(256, name="other")
    task = asyncio.create_task(platform.archive(embedder=waiting).restore(archive, subdomain=new_subdomain()))
    await waiting.asked.wait()
    assert everything(platform) != before
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert everything(platform) == before


async def test_a_restore_without_room_for_its_files_leaves_nothing_behind(
    platform: Platform, archive: Path, tmp_path: Path
) -> None:
    files = Files(tmp_path / "full", max_bytes=1)
    (tmp_path / "full").rmdir()
    (tmp_path / "full").write_bytes(b"not a folder")
    before = everything(platform)
    with pytest.raises(Unavailable, match="can not take the archive's files"):
        await platform.archive(files=files).restore(archive, subdomain=new_subdomain())
    assert everything(platform) == before


async def test_a_restore_that_loses_the_database_leaves_no_files_and_frees_its_name(
    platform: Platform, archive: Path
) -> None:
    before, subdomain = everything(platform), new_subdomain()
    database = Database(app_url=platform.server.url("aura_app"), system_url=platform.server.url("aura_system"))
    cutting = CuttingEmbedding(256, name="other", server=platform.server)
    with pytest.raises(Unavailable):
        await platform.archive(database=database, embedder=cutting).restore(archive, subdomain=subdomain)
    await database.close()
    assert everything(platform) == before
    await platform.aura.tenants.restore(archive, subdomain=subdomain)


async def test_nobody_enters_an_organisation_before_it_is_whole(platform: Platform, archive: Path) -> None:
    waiting, subdomain = WaitingEmbedding(256, name="other"), new_subdomain()
    task = asyncio.create_task(platform.archive(embedder=waiting).restore(archive, subdomain=subdomain))
    await waiting.asked.wait()
    with pytest.raises(AuraError, match="switched off"):
        await platform.aura.workspace(subdomain)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class BrokenEmbedding(HashEmbedding):
    async def embed(self, texts: object) -> object:
        raise Unavailable("the model is away")


class WaitingEmbedding(HashEmbedding):
    """Says that it was asked, and never answers."""

    def __init__(self, dimension: int, *, name: str) -> None:
        super().__init__(dimension, name=name)
        self._asked = asyncio.Event()

    @property
    def asked(self) -> asyncio.Event:
        return self._asked

    async def embed(self, texts: object) -> object:
        self._asked.set()
        return await asyncio.Event().wait()


class CuttingEmbedding(HashEmbedding):
    """Ends every connection of the application when it is asked."""

    def __init__(self, dimension: int, *, name: str, server: EmbeddedServer) -> None:
        super().__init__(dimension, name=name)
        self._server = server

    async def embed(self, texts: list[str]) -> object:
        with psycopg.connect(self._server.url("postgres")) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'aura_app'")
        return await super().embed(texts)


async def scores(workspace: Workspace) -> list[float | None]:
    return [p.bm25_score for p in await workspace.search("express shipping", mode="bm25")]


def pack_without(target: Path, contents: Contents, name: str) -> Path:
    rest = {key: data for key, data in contents.items() if key != name}
    if name != "manifest.json":
        return pack(target, rest)
    with zipfile.ZipFile(target, "w") as out:
        for key, data in rest.items():
            out.writestr(key, data)
    return target


def altered(archive: Path, target: Path, name: str, *, kind: int = stat.S_IFREG, data: bytes | None = None) -> Path:
    """The archive with one member of another kind, or compressed."""
    contents = members(archive)
    pack(target, contents if data is None else {**contents, name: data})
    fitting = members(target)
    with zipfile.ZipFile(target, "w") as out:
        for key, content in fitting.items():
            info = zipfile.ZipInfo(key)
            info.external_attr = ((kind if key == name else stat.S_IFREG) | 0o600) << 16
            info.compress_type = zipfile.ZIP_DEFLATED if key == name and data is not None else zipfile.ZIP_STORED
            out.writestr(info, content)
    return target


def replace(path: Path, old: bytes, new: bytes) -> None:
    path.write_bytes(path.read_bytes().replace(old, new))


def content(path: Path) -> bytes:
    return path.read_bytes()


def size(path: Path) -> int:
    return path.stat().st_size
