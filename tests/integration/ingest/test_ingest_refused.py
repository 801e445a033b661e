"""A file that can not be used fails alone, with a reason that helps, and leaves nothing behind."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest
from fpdf import FPDF
from ingest_support import ends, files_of, ingest, row_counts

from aura import Workspace
from aura.database.engine import Database
from aura.documents.values import Stage
from aura.errors import Conflict

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEGABYTE = 1024 * 1024


def encrypted_pdf() -> bytes:
    file = FPDF()
    file.set_encryption(owner_password="owner", user_password="user")
    file.add_page()
    file.set_font("helvetica", size=11)
    file.cell(0, 6, "Nobody may read this.")
    return bytes(file.output())


def zip_bomb(folder: Path) -> bytes:
    path = folder / "bomb"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", bytes(64 * MEGABYTE))
    content = path.read_bytes()
    path.unlink()
    return content


async def test_each_bad_file_of_a_folder_fails_with_its_reason_and_the_good_ones_become_ready(
    acme: Workspace, records: Database, data_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    refused = {
        "a-bomb.docx": (zip_bomb(tmp_path), "zip bomb"),
        "b-empty.txt": (b"", "empty (0 bytes)"),
        "c-mislabelled.txt": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "named .txt, but it is a PDF"),
        "d-noise.txt": (random.Random(7).randbytes(5_000), "neither valid UTF-8 text"),
        "e-data.json": (b'{"rows": "' + b"x" * (33 * MEGABYTE) + b'"}', "save it as JSON Lines"),
    }
    failing = {
        "f-poison.pdf": (b"%PDF-1.7\n" + random.Random(7).randbytes(5_000), "damaged"),
        "g-locked.pdf": (encrypted_pdf(), "encrypted"),
        "h-wrong.json": (b'{"rows": ', "not valid JSON"),
    }
    good = {"i-good.md": b"# Cranes\n\nA crane dances.", "j-good.txt": b"A swan swims in the lake."}
    for name, content in {**{n: c for n, (c, _) in {**refused, **failing}.items()}, **good}.items():
        (folder / name).write_bytes(content)

    ended = await ends(acme, folder)

    assert {name: ended[name].stage for name in good} == dict.fromkeys(good, Stage.READY)
    for name, (_, reason) in {**refused, **failing}.items():
        assert ended[name].stage is Stage.FAILED, name
        assert reason in (ended[name].reason or ""), (name, ended[name].reason)
    listed = {document.filename: document for document in (await acme.documents.list()).items}
    assert set(listed) == set(good) | set(failing)
    assert all(listed[name].reason == ended[name].reason for name in failing)
    assert not any(ended[name].can_retry or listed[name].can_retry for name in failing)
    counts = await row_counts(records, acme.scope.tenant_id)
    assert (counts["chunks"], counts["searchable"], counts["vector_cache"], counts["ingest_tasks"]) == (2, 2, 2, 0)
    assert files_of(data_dir, acme.scope.tenant_id) == {"original", "text.txt", "elements.jsonl"}
    stored = [p for p in (data_dir / "files" / str(acme.scope.tenant_id)).rglob("*") if p.is_file()]
    assert len(stored) == 3 * len(good) + len(failing)


async def test_a_file_that_would_fail_each_time_is_not_tried_again_and_a_mended_one_takes_its_place(
    acme: Workspace,
) -> None:
    [failed] = (await ends(acme, b'{"rows": ', filename="rows.json")).values()
    assert failed.document_id is not None
    with pytest.raises(Conflict, match=r"fails the same way each time .*not valid JSON.*upload a mended one"):
        await acme.documents.requeue(failed.document_id)

    mended = await acme.documents.add(b'{"rows": ["A heron waits."]}', "rows.json")
    assert (mended[0].id, mended[0].stage, mended[0].can_retry) == (failed.document_id, Stage.QUEUED, False)
    await acme.documents.cancel(failed.document_id)
    assert (await acme.documents.get(failed.document_id)).can_retry
    [ready] = [p async for p in acme.documents.retry(failed.document_id) if p.stage.final]
    assert ready.stage is Stage.READY


@pytest.mark.parametrize("name", ["../../escape.txt", "..\\..\\escape.txt", "/etc/../escape.txt", "./escape.txt"])
async def test_a_name_that_points_elsewhere_stays_inside(acme: Workspace, data_dir: Path, name: str) -> None:
    [done] = [p for p in await ingest(acme, b"An owl hoots.", filename=name) if p.stage.final]

    assert done.stage is Stage.READY
    assert ".." not in done.filename.split("/")
    assert done.filename.endswith("escape.txt")
    assert done.document_id is not None
    original = await acme.documents.original(done.document_id)
    assert original.resolve().is_relative_to((data_dir / "files" / str(acme.scope.tenant_id)).resolve())
    reached = (data_dir, data_dir.parent, data_dir / "files", Path("/"), Path("/etc"), Path.cwd(), Path.cwd().parent)
    assert not [path for folder in reached for path in folder.glob("*escape.txt*")]
