"""Names and links that would lead elsewhere: what is stored lies where its id says, and shows a harmless name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from leaks_support import Side, World, ingest, tenant_folder

from aura.documents.sources import display_name
from aura.documents.values import Stage
from aura.errors import InvalidRequest

NAMES = {
    "../../../../etc/passwd": "etc/passwd",
    "/etc/passwd": "etc/passwd",
    "..\\..\\windows\\win.ini": "windows/win.ini",
    "C:\\secret\\plan.txt": "C:/secret/plan.txt",
    "\\\\server\\share\\plan.txt": "server/share/plan.txt",
    "a/./b/../c.txt": "a/b/c.txt",
    "....//....//x.txt": "document/document/x.txt",
    "..": "document",
    ".": "document",
    "": "document",
    "/": "document",
    "a\0b.txt": "ab.txt",
    "a\nb\r\t.txt": "ab.txt",
    "..\u200b/x.txt": "document/x.txt",
    "\u202etxt.md": "txt.md",
    "\uff0e\uff0e\uff0fx.txt": "\uff0e\uff0e\uff0fx.txt",
    "e\u0301.txt": "\u00e9.txt",
    "\udc80.txt": "txt",
    "CON": "CON",
    "NUL.txt": "NUL.txt",
    "/dev/zero": "dev/zero",
    "~/x.txt": "~/x.txt",
    "$HOME/`id`.txt": "$HOME/`id`.txt",
    "file:///etc/passwd": "file:/etc/passwd",
}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_is_shown_without_what_could_lead_elsewhere(name: str) -> None:
    assert display_name(name) == NAMES[name]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_whatever_a_file_is_called_it_lies_below_its_organisation(mallory: Side, world: World, name: str) -> None:
    elsewhere = {path for path in world.files.iterdir() if path != tenant_folder(world.files, mallory)}
    content = f"Called {name!r}.".encode()
    document, _ = await mallory.admin.documents.add(content, name)
    path = await mallory.admin.documents.original(document.id)
    id, version, name = path.relative_to(tenant_folder(world.files, mallory)).parts
    assert (id, version.isdecimal(), name) == (str(document.id), True, "original")
    assert path.resolve().read_bytes() == content
    assert elsewhere >= {path for path in world.files.iterdir() if path != tenant_folder(world.files, mallory)}


@pytest.mark.parametrize("name", ["a" * 300 + ".txt", "\U0001f600" * 250 + ".txt"], ids=["long", "wide"])
async def test_a_long_name_is_cut(mallory: Side, name: str) -> None:
    last = (await ingest(mallory.admin, f"Called {name}.", name))[-1]
    assert last.stage is Stage.READY
    assert last.filename.endswith(".txt")
    assert len(last.filename) == 200


@pytest.mark.parametrize("name", ["a/" * 50_000 + "x.txt", "\U0001f600" * 190 + "/" + "\U0001f600" * 190 + ".txt"])
async def test_a_name_that_is_too_long_with_its_folders_is_refused_and_the_others_go_on(
    mallory: Side, name: str
) -> None:
    last = (await ingest(mallory.admin, "Called so.", name))[-1]
    assert (last.stage, last.document_id) == (Stage.FAILED, None)
    assert "1,000 bytes" in (last.reason or "")
    with pytest.raises(InvalidRequest):
        await mallory.admin.documents.add(b"Called so.", name)


@pytest.mark.parametrize("path", ["no\0where.txt", "a" * 5_000, "\ud800"], ids=["NUL", "long", "half a character"])
async def test_a_path_that_no_system_has_is_a_clear_error(mallory: Side, path: str) -> None:
    with pytest.raises(InvalidRequest, match="there is no file or folder"):
        await anext(mallory.admin.documents.ingest(path))


async def test_links_out_of_an_ingested_folder_are_passed_over(mallory: Side, tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    (outside / "deep").mkdir(parents=True)
    (folder / "below").mkdir(parents=True)
    (outside / "secret.txt").write_text("A zyoutside secret.")
    (outside / "deep" / "secret.txt").write_text("Another zyoutside secret.")
    (folder / "mine.txt").write_text("What is mine.")
    (folder / "below" / "more.txt").write_text("More that is mine.")
    (folder / "file.txt").symlink_to(outside / "secret.txt")
    (folder / "below" / "up.txt").symlink_to("../../outside/secret.txt")
    (folder / "chain.txt").symlink_to(folder / "file.txt")
    (folder / "linked").symlink_to(outside)
    (folder / "below" / "loop").symlink_to(folder)
    (folder / "dangling.txt").symlink_to(tmp_path / "nothing")
    (folder / ".store").mkdir()
    (folder / ".store" / "inside.txt").write_text("What lies inside.")
    (folder / "inside.txt").symlink_to(".store/inside.txt")
    os.mkfifo(folder / "pipe.txt")
    steps = [step async for step in mallory.admin.documents.ingest(folder)]
    ends = {step.filename: step.stage for step in steps if step.stage.final}
    assert ends == dict.fromkeys(["mine.txt", "inside.txt", "below/more.txt"], Stage.READY)
    assert steps[-1].files_total == 3
    assert "zyoutside" not in repr(await mallory.admin.search("secret", limit=100))


async def test_a_folder_that_is_itself_a_link_is_what_its_caller_named(mallory: Side, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "named.txt").write_text("It was named.")
    (tmp_path / "link").symlink_to(folder)
    steps = [step async for step in mallory.admin.documents.ingest(tmp_path / "link")]
    assert {step.filename for step in steps} == {"named.txt"}
