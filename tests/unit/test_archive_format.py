"""docs/archive-format.md promises a format, and the code writes that one."""

from __future__ import annotations

import re
from pathlib import Path
from types import NoneType
from typing import get_args
from uuid import UUID

import msgspec
import pytest

from aura.archive import format as archive_format
from aura.archive.format import File, Head, Manifest, find_file

DOCUMENT = Path(__file__).parents[2] / "docs" / "archive-format.md"
RECORDS = {
    archive_format.ORGANISATION: archive_format.OrganisationRecord,
    archive_format.USERS: archive_format.UserRecord,
    archive_format.COLLECTIONS: archive_format.CollectionRecord,
    archive_format.DOCUMENTS: archive_format.DocumentRecord,
    archive_format.VERSIONS: archive_format.VersionRecord,
    archive_format.CHUNKS: archive_format.ChunkRecord,
    archive_format.CONVERSATIONS: archive_format.ConversationRecord,
    archive_format.MESSAGES: archive_format.MessageRecord,
    archive_format.PERSONAS: archive_format.PersonaRecord,
    archive_format.SIGNALS: archive_format.SignalRecord,
    archive_format.FEEDBACK: archive_format.FeedbackRecord,
    archive_format.FACTS: archive_format.FactRecord,
    archive_format.EVIDENCE: archive_format.EvidenceRecord,
    archive_format.FORGOTTEN: archive_format.ForgottenRecord,
    archive_format.WAITING: archive_format.WaitingRecord,
    archive_format.MEMORY_SETTINGS: archive_format.MemorySettingsRecord,
}


def section(title: str) -> str:
    return DOCUMENT.read_text().split(f"## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("member", RECORDS)
def test_the_documented_fields_of_a_member_are_those_of_its_rows(member: str) -> None:
    (line,) = (line for line in section("Rows").splitlines() if line.startswith(f"| `{member}` |"))
    documented = [field.strip() for field in re.sub(r" ?\([^)]*\)", "", line.split("|")[2]).split(",")]
    fields = msgspec.structs.fields(RECORDS[member])
    assert documented == [f"{field.name}?" if NoneType in get_args(field.type) else field.name for field in fields]


def test_every_member_and_no_other_is_documented() -> None:
    documented = set(re.findall(r"`([a-z_]+\.(?:jsonl?|npy))`", section("The file")))
    files = set(archive_format.FILES)
    members = {*RECORDS, archive_format.VECTORS, archive_format.MANIFEST}
    assert documented - files == members
    assert all(f"files/<document id>/<version>/{name}`" in section("The file") for name in files)


def test_the_documented_manifest_is_one() -> None:
    example = section("manifest.json").split("```json\n")[1].split("```")[0]
    example = re.sub(r'"sha256": "[0-9a-f]+…"', f'"sha256": "{"0" * 64}"', example)
    example = example.replace("8c3f…", "8c3f0000-0000-4000-8000-000000000000")
    manifest = msgspec.json.decode(example, type=Manifest)
    assert msgspec.json.decode(example, type=Head) == Head(format=archive_format.FORMAT, version=archive_format.VERSION)
    assert manifest.index is not None


def test_the_version_that_is_documented_is_the_one_that_is_written() -> None:
    assert f"**version {archive_format.VERSION}**" in DOCUMENT.read_text()


def test_a_file_is_found_again_by_the_name_of_its_member() -> None:
    file = File(UUID("8c3f0000-0000-4000-8000-000000000000"), 12, "text.txt")
    assert find_file(file.member) == file


@pytest.mark.parametrize("version", ["0", "-1", "01", "1e3", "1234567890", "", "\u0661"])
def test_a_version_is_a_plain_number(version: str) -> None:
    assert find_file(f"files/8c3f0000-0000-4000-8000-000000000000/{version}/original") is None
