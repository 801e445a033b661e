"""An archive holds one tenant, all of it and nothing else; what is restored from it can not be told from the original."""

from __future__ import annotations

import asyncio
import json
import stat
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import numpy as np
import psycopg
import pytest
import pytest_asyncio
from archive_support import (
    MEMBER,
    PASSWORD,
    PROVIDER_KEY,
    Platform,
    as_service,
    files_of,
    found_by,
    ingest,
    manifest_of,
    members,
    new_subdomain,
    open_platform,
    pack,
    returns,
    rows_of,
)

from aura.archive.format import SINCE
from aura.database.embedded import EmbeddedServer
from aura.documents.files import Files
from aura.documents.values import Stage
from aura.errors import Conflict, Denied, InvalidRequest, Unauthenticated
from aura.identity import DocumentId, TenantId
from aura.index.tenant_index import NodeRow, TenantIndex
from aura.memory.deriving import Deriver
from aura.memory.recall import Recall
from aura.memory.values import Fact
from aura.tenants.logins import Logins
from aura.testing.embeddings import HashEmbedding
from aura.workspace import Workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def platform(server: EmbeddedServer, data_dir: Path) -> AsyncIterator[Platform]:
    async with open_platform(server, data_dir) as platform:
        yield platform


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def acme(platform: Platform) -> Workspace:
    return await platform.furnish("acme")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def globex(platform: Platform) -> Workspace:
    return await platform.furnish("globex")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def archive(acme: Workspace, globex: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await acme.export(tmp_path_factory.mktemp("archives") / "acme.zip")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def restored(platform: Platform, archive: Path) -> Workspace:
    """Acme a second time, beside the first."""
    return await platform.aura.tenants.restore(archive, subdomain=new_subdomain())


# -- what comes back ---------------------------------------------------------------------------------------------------


async def test_a_restored_tenant_finds_the_same_passages_with_the_same_scores(
    platform: Platform, acme: Workspace, restored: Workspace
) -> None:
    found = await found_by(acme)
    assert len(found) > 100
    assert await found_by(restored) == found


async def test_a_member_finds_private_passages_after_a_restore_and_others_do_not(
    platform: Platform, acme: Workspace, restored: Workspace
) -> None:
    before = await found_by(await platform.aura.workspace(acme.organisation, MEMBER))
    after = await found_by(await platform.aura.workspace(restored.organisation, MEMBER))
    assert after == before
    assert "diary.txt" in {row[2] for row in after}
    assert "diary.txt" not in {row[2] for row in await found_by(restored)}


async def test_every_row_of_a_restored_tenant_is_as_it_was(
    platform: Platform, acme: Workspace, restored: Workspace
) -> None:
    before, after = (rows_of(platform.server, workspace.organisation.id) for workspace in (acme, restored))
    ids = (str(acme.organisation.id), str(restored.organisation.id))
    kept = ("users", "collections", "chunks", "lexicon", "lexical_statistics", "vector_cache", "conversations")
    for table in (*kept, "personas", "persona_signals", "feedback", "fact_evidence", "memory_settings"):
        assert after[table], table
        assert [row.replace(*ids) for row in before[table]] == after[table], table
    assert len(after["documents"]) == len(before["documents"]) - 2
    assert len(after["document_versions"]) == len(before["document_versions"]) - 3
    generations = [rows["generations"][0].split(",")[1] for rows in (before, after)]
    assert [row.replace(*ids).replace(*generations) for row in before["index_256"]] == after["index_256"]
    assert len(after["generations"]) == 1
    assert after["ingest_tasks"] == after["provider_keys"] == []


async def test_the_organisation_keeps_its_settings_under_its_new_name(acme: Workspace, restored: Workspace) -> None:
    kept = ("organization_name", "admin_email", "created_at", "custom_settings", "brand_colors", "limits", "expires_at")
    for name in kept:
        assert getattr(restored.organisation, name) == getattr(acme.organisation, name), name
    assert restored.organisation.id != acme.organisation.id
    assert restored.organisation.is_active


async def test_the_files_of_every_version_come_back(platform: Platform, acme: Workspace, restored: Workspace) -> None:
    before, after = (files_of(platform.files_dir, workspace.organisation.id) for workspace in (acme, restored))
    assert after.items() <= before.items()
    assert len(after) == 4 * 3  # returns.md twice, shipping.txt once, diary.txt


async def test_an_older_version_can_still_be_read(restored: Workspace) -> None:
    document = next(d for d in (await restored.documents.list()).items if d.filename == "returns.md")
    assert document.version == 2
    assert "within 30 days" in await restored.documents.text(document.id, version=1)
    assert "within 47 days" in await restored.documents.text(document.id)


async def test_chunks_and_citations_point_into_the_restored_text(platform: Platform, restored: Workspace) -> None:
    bea = await platform.aura.workspace(restored.organisation, MEMBER)
    conversation = (await bea.conversations.list()).items[0]
    talk = await bea.conversations.recent(conversation.id)
    assert [m.text for m in talk if m.role == "assistant"] == [f"Answer {i} of acme [1]" for i in range(3)]
    assert [m.refused for m in talk if m.role == "assistant"] == [True, False, False]
    (citation,) = talk[-1].citations
    text = await bea.documents.text(DocumentId(citation.document_id), version=citation.version)
    assert text[citation.start : citation.end] == citation.quote
    for chunk in await bea.documents.chunks(DocumentId(citation.document_id)):
        assert text[chunk.start : chunk.end] == chunk.text


async def test_llama_index_nodes_come_back_with_their_metadata(acme: Workspace, restored: Workspace) -> None:
    ids = ["node-0", "node-1", "node-2"]
    before, after = ([n.to_dict() for n in w.index.vector_store.get_nodes(ids)] for w in (acme, restored))
    assert len(after) == 3
    assert after == before


async def test_members_log_in_with_the_passwords_they_had(platform: Platform, restored: Workspace) -> None:
    logins = Logins(platform.database, passwords=platform.passwords)
    organisation, user = await logins.verify(restored.organisation.subdomain, MEMBER, PASSWORD)
    assert (organisation.id, user.email) == (restored.organisation.id, MEMBER)
    with pytest.raises(Unauthenticated):
        await logins.verify(restored.organisation.subdomain, MEMBER, "another password")


async def test_a_member_has_the_same_persona_after_a_restore(
    platform: Platform, acme: Workspace, restored: Workspace
) -> None:
    before, after = [
        await (await platform.aura.workspace(w.organisation, MEMBER)).persona.get() for w in (acme, restored)
    ]
    assert after == before
    assert after.traits.formality == 0.75
    assert len(after.learned["text"]["detail"].evidence) == 3


async def test_what_a_member_said_of_themselves_is_known_after_a_restore_and_what_was_forgotten_is_not(
    platform: Platform, archive: Path
) -> None:
    restored = await platform.aura.tenants.restore(archive, subdomain=new_subdomain())
    bea = await platform.aura.workspace(restored.organisation, MEMBER)
    await learned(bea)
    known = {
        fact.text: (fact.status, len((await bea.memory.facts.why(fact.id)).sources)) for fact in await facts_of(bea)
    }
    assert known == {
        "My name is Bea": ("live", 1),
        "I live in Rome": ("live", 1),
        "I live in Berlin": ("superseded", 1),
        "I like tea": ("live", 1),  # it waited to be learned when the archive was made
    }
    assert (await bea.memory.settings()).time_zone == "Europe/Berlin"
    assert [talk.pinned for talk in (await bea.conversations.list()).items] == [True, False]
    await bea.memory.learn_again()
    await learned(bea)
    assert not any("nurse" in fact.text for fact in await facts_of(bea))
    recall = Recall(platform.database, bea.scope, platform.embedding)
    recalled = [each.entry.text for each in (await recall.recall("Where do I live? In Rome?", limit=20)).found]
    assert any("Rome" in text for text in recalled)
    assert not any("nurse" in text for text in recalled)


async def facts_of(workspace: Workspace) -> tuple[Fact, ...]:
    return tuple((await workspace.memory.facts.list(status="all")).items)


async def learned(workspace: Workspace) -> None:
    """Work off what waits to be derived, as a worker does."""
    parts = workspace._parts
    deriver = Deriver(parts.database, parts.embedder, key=parts.memory_key)
    for talk in (await workspace.conversations.list()).items:
        await deriver.derive(workspace.scope.tenant_id, talk.id)


async def test_an_archive_from_before_personas_is_still_read(platform: Platform, archive: Path, tmp_path: Path) -> None:
    contents = {name: older_rows(name, data) for name, data in members(archive).items() if SINCE.get(name, 1) == 1}
    older = pack(tmp_path / "older.zip", contents, lambda manifest: manifest.update(version=1))
    restored = await platform.aura.tenants.restore(older, subdomain=new_subdomain())
    member = await platform.aura.workspace(restored.organisation, MEMBER)
    assert (await member.persona.get()).locked == ()


def older_rows(name: str, data: bytes) -> bytes:
    """The member without the fields that came later."""
    said = {"stopped", "language", "tokens", "heard_characters", "audio_ms"}
    later = {"conversations.jsonl": {"pinned"}, "messages.jsonl": said}
    if name not in later:
        return data
    rows = [json.loads(line) for line in data.splitlines()]
    return b"".join(
        json.dumps({key: value for key, value in row.items() if key not in later[name]}).encode() + b"\n"
        for row in rows
    )


async def test_a_restored_tenant_can_be_worked_with(platform: Platform, archive: Path) -> None:
    workspace = await platform.aura.tenants.restore(archive, subdomain=new_subdomain())
    await ingest(workspace, "returns.md", returns("acme", days=5))
    assert "within 5 days" in (await workspace.search("return an opened product within days"))[0].text
    document = next(d for d in (await workspace.documents.list()).items if d.filename == "shipping.txt")
    receipt = await workspace.documents.delete(document.id)
    assert (receipt.documents, receipt.files) == (1, 3)
    assert receipt.chunks == receipt.vectors > 0


async def test_an_archive_of_a_restored_tenant_holds_the_same(
    platform: Platform, archive: Path, tmp_path: Path
) -> None:
    again = await platform.aura.tenants.restore(archive, subdomain=new_subdomain())
    first, second = members(archive), members(await again.export(tmp_path / "again.zip"))
    assert first.keys() == second.keys()
    for name in first.keys() - {"manifest.json", "organisation.json"}:
        assert first[name] == second[name], name


async def test_a_tenant_without_anything_can_be_archived(platform: Platform, tmp_path: Path) -> None:
    bare = await platform.aura.tenants.create(
        organization_name="Bare", subdomain=new_subdomain(), admin_email="ada@bare.test", password=PASSWORD
    )
    path = await bare.export(tmp_path)
    assert path == tmp_path / f"{bare.organisation.subdomain}.aura.zip"
    again = await platform.aura.tenants.restore(path, subdomain=new_subdomain())
    assert await again.search("anything") == []
    await ingest(again, "first.txt", "The first words of all.")
    assert len(await again.search("first words")) == 1


async def test_bm25_scores_survive_an_average_that_has_drifted(platform: Platform, tmp_path: Path) -> None:
    workspace = await platform.aura.tenants.create(
        organization_name="Drift", subdomain=new_subdomain(), admin_email="ada@drift.test", password=PASSWORD
    )
    index = TenantIndex(platform.database, workspace.scope, platform.embedding)
    for batch in range(3):  # the later ones move the average by less than what makes all weights be computed anew
        texts = ["parcel " * (20 + i * i % 61 + batch) + f"number {i}" for i in range(41)]
        nodes = [_node(f"{batch}-{i}", text) for i, text in enumerate(texts)]
        await index.add(nodes, await platform.embedding.embed(texts))
    (row,) = rows_of(platform.server, workspace.organisation.id)["lexical_statistics"]
    _, count, total, weighted = row.strip("()").split(",")
    assert int(total) / int(count) != pytest.approx(float(weighted), rel=1e-3)

    again = await platform.aura.tenants.restore(await workspace.export(tmp_path), subdomain=new_subdomain())

    weights = term_weights(platform, workspace)
    assert len(set(weights)) > 100
    assert term_weights(platform, again) == weights
    assert await bm25_scores(again, "parcel number 7") == await bm25_scores(workspace, "parcel number 7") != []


# -- vectors -----------------------------------------------------------------------------------------------------------


async def test_nothing_is_embedded_again_by_the_same_model(platform: Platform, archive: Path) -> None:
    encoded = len(platform.embedding.encoded)
    await platform.aura.tenants.restore(archive, subdomain=new_subdomain())
    assert len(platform.embedding.encoded) == encoded


async def test_another_model_embeds_every_chunk_again(platform: Platform, acme: Workspace, archive: Path) -> None:
    other = HashEmbedding(128)
    tenant_id = await platform.archive(embedder=other).restore(archive, subdomain=new_subdomain())

    rows = rows_of(platform.server, tenant_id)
    assert len(rows["index_128"]) == len(rows["chunks"]) == len(rows["vector_cache"]) > 10
    assert rows["index_256"] == []
    again = await platform.aura.workspace(tenant_id)
    assert await bm25_scores(again, "express shipping") == await bm25_scores(acme, "express shipping") != []
    other.close()


async def test_a_dedicated_index_is_dedicated_again(platform: Platform, archive: Path, tmp_path: Path) -> None:
    workspace = await platform.aura.tenants.restore(archive, subdomain=new_subdomain())
    await workspace.reindex(dedicated=True)
    found = await found_by(workspace)

    again = await platform.aura.tenants.restore(await workspace.export(tmp_path), subdomain=new_subdomain())

    assert await found_by(again) == found
    (table,) = (t for t, rows in rows_of(platform.server, again.organisation.id).items() if "index_g_" in t and rows)
    with psycopg.connect(platform.server.url("postgres")) as connection:
        indexes = connection.execute("SELECT indexdef FROM pg_indexes WHERE tablename = %s", [table]).fetchall()
    assert any("hnsw" in row[0] for row in indexes)


# -- what an archive holds ---------------------------------------------------------------------------------------------


async def test_an_archive_holds_nothing_of_another_tenant(
    platform: Platform, acme: Workspace, globex: Workspace, archive: Path
) -> None:
    data = content(archive)
    assert data.count(b"acme") > 100
    assert b"globex" not in data.lower()
    foreign = {user.id for user in (await globex.users.list()).items} | {globex.organisation.id}
    foreign |= {document.id for document in (await globex.documents.list()).items}
    for identity in foreign:
        assert str(identity).encode() not in data
        assert identity.bytes not in data


async def test_provider_keys_stay_behind_and_the_manifest_says_so(
    platform: Platform, acme: Workspace, archive: Path
) -> None:
    data = content(archive)
    with psycopg.connect(platform.server.url("postgres")) as connection:
        query = "SELECT ciphertext FROM provider_keys WHERE tenant_id = %s"
        (ciphertext,) = connection.execute(query, [acme.organisation.id]).fetchone() or (b"",)
    assert len(ciphertext) > 20
    assert PROVIDER_KEY.encode() not in data
    assert ciphertext not in data
    assert ciphertext.hex().encode() not in data
    assert manifest_of(archive)["left_out"]["provider_keys"] == ["openai"]


async def test_what_is_not_searchable_is_left_out_and_named(archive: Path) -> None:
    left_out = manifest_of(archive)["left_out"]["unfinished"]
    assert [(d["filename"], d["version"], d["stage"]) for d in left_out] == [
        ("empty.txt", 1, Stage.FAILED),
        ("shipping.txt", 2, Stage.FAILED),
        ("waiting.txt", 1, Stage.QUEUED),
    ]
    assert b"Nobody worked on this one" not in content(archive)


async def test_a_document_whose_new_version_failed_is_archived_as_the_one_that_answers(
    platform: Platform, restored: Workspace
) -> None:
    document = next(d for d in (await restored.documents.list()).items if d.filename == "shipping.txt")
    assert (document.version, document.stage, document.reason) == (1, Stage.READY, None)
    assert document.size_bytes == len(await restored.documents.text(document.id))


async def test_the_manifest_describes_every_member(archive: Path) -> None:
    manifest, contents = manifest_of(archive), members(archive)
    assert (manifest["format"], manifest["version"]) == ("aura-archive", 3)
    assert manifest["members"].keys() == contents.keys() - {"manifest.json"}
    for name, member in manifest["members"].items():
        assert member["bytes"] == len(contents[name]), name
        if "/" not in name and name.endswith(".jsonl"):
            assert member["rows"] == contents[name].count(b"\n"), name


async def test_the_vectors_are_a_numpy_file_in_the_order_of_the_chunks(
    platform: Platform, archive: Path, tmp_path: Path
) -> None:
    contents = members(archive)
    (tmp_path / "vectors.npy").write_bytes(contents["vectors.npy"])
    vectors = np.load(tmp_path / "vectors.npy", allow_pickle=False)
    chunks = [json.loads(line) for line in contents["chunks.jsonl"].splitlines()]
    assert (vectors.shape, vectors.dtype) == ((len(chunks), 256), np.dtype("<f2"))
    headings = ["\n".join(part for part in (" > ".join(c["heading"]), c["text"]) if part) for c in chunks]
    np.testing.assert_array_equal(vectors, HashEmbedding().encode(headings).astype("<f2"))


async def test_an_archive_is_a_plain_zip_that_only_its_owner_can_read(archive: Path) -> None:
    assert mode(archive) == 0o600
    with zipfile.ZipFile(archive) as source:
        assert source.testzip() is None
        assert {info.compress_type for info in source.infolist()} == {zipfile.ZIP_STORED}


# -- how it is made ----------------------------------------------------------------------------------------------------


async def test_only_an_admin_may_export(platform: Platform, acme: Workspace, tmp_path: Path) -> None:
    bea = await platform.aura.workspace(acme.organisation, MEMBER)
    with pytest.raises(Denied):
        await bea.export(tmp_path / "acme.zip")
    assert inside(tmp_path) == []


async def test_an_archive_shows_one_moment(platform: Platform, acme: Workspace, tmp_path: Path) -> None:
    def meddle() -> None:
        with psycopg.connect(platform.server.url("postgres")) as connection:
            query = "INSERT INTO conversations (tenant_id, id, title) VALUES (%s, %s, 'too late')"
            connection.execute(query, [acme.organisation.id, uuid4()])

    files = MeddlingFiles(platform.files_dir, meddle)
    path = await platform.archive(files=files).export(as_service(acme.organisation), tmp_path / "acme.zip")

    assert files.called
    assert b"too late" not in content(path)


async def test_a_document_that_goes_away_meanwhile_stops_the_export(
    platform: Platform, archive: Path, tmp_path: Path
) -> None:
    workspace = await platform.aura.tenants.restore(archive, subdomain=new_subdomain())
    document = (await workspace.documents.list()).items[0]
    await platform.files.remove_document(workspace.organisation.id, document.id)
    target = tmp_path / "acme.zip"
    target.write_bytes(b"the archive of yesterday")

    with pytest.raises(Conflict, match=str(document.id)):
        await workspace.export(target)

    assert content(target) == b"the archive of yesterday"
    assert inside(tmp_path) == [target]


async def test_a_cancelled_export_leaves_nothing_behind(platform: Platform, acme: Workspace, tmp_path: Path) -> None:
    started = asyncio.Event()
    files = MeddlingFiles(platform.files_dir, started.set)
    task = asyncio.create_task(
        platform.archive(files=files).export(as_service(acme.organisation), tmp_path / "acme.zip")
    )
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert inside(tmp_path) == []


async def test_a_place_that_can_not_be_written_is_refused(acme: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="No such file or directory"):
        await acme.export(tmp_path / "missing" / "acme.zip")


async def test_memory_stays_flat_however_large_the_tenant(platform: Platform, tmp_path: Path) -> None:
    workspace = await platform.aura.tenants.create(
        organization_name="Large", subdomain=new_subdomain(), admin_email="ada@large.test", password=PASSWORD
    )
    text = "parcel " + "x" * 6000  # one long word is quickly indexed
    index = TenantIndex(platform.database, workspace.scope, platform.embedding)
    vectors = np.repeat(await platform.embedding.embed([text]), 400, axis=0)
    for batch in range(4):
        await index.add([_node(f"{batch}-{i}", f"{text} {batch} {i}") for i in range(400)], vectors)

    tracemalloc.start()
    try:
        path = await workspace.export(tmp_path / "large.zip")
        _, exporting = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        await platform.aura.tenants.restore(path, subdomain=new_subdomain())
        _, restoring = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert path.stat().st_size > 10_500_000
    assert exporting < 8_000_000
    assert restoring < 8_000_000


def term_weights(platform: Platform, workspace: Workspace) -> list[str]:
    """The BM25 weights of every chunk."""
    return [row.split('"{')[1] for row in rows_of(platform.server, workspace.organisation.id)["index_256"]]


async def bm25_scores(workspace: Workspace, query: str) -> list[tuple[str, float | None]]:
    return [(p.chunk_id, p.bm25_score) for p in await workspace.search(query, mode="bm25", limit=30)]


class MeddlingFiles(Files):
    """Does something once, when the first file is looked for: in the middle of an export."""

    def __init__(self, root: Path, meddle: Callable[[], None]) -> None:
        super().__init__(root, max_bytes=2**30)
        self._meddle = meddle
        self.called = False

    def version_dir(self, tenant_id: TenantId, document_id: DocumentId, version: int) -> Path:
        if not self.called:
            self.called = True
            self._meddle()
        return super().version_dir(tenant_id, document_id, version)


def content(path: Path) -> bytes:
    return path.read_bytes()


def inside(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _node(identity: str, text: str) -> NodeRow:
    return NodeRow(id=identity, ref_doc_id=None, text=text, metadata={}, node={})
