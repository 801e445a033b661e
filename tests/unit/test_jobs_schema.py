"""The queue's tables are those that the installed procrastinate expects."""

from __future__ import annotations

from pathlib import Path

import procrastinate

from aura.database import migrations

HINT = "this procrastinate has another schema: write a revision with its own migration (docs/adr/0012), and new marks"


def test_the_schema_that_was_migrated_is_the_installed_procrastinates_word_for_word() -> None:
    ours = (migrations.HERE / "versions" / "0003_jobs.sql").read_text(encoding="utf-8")
    between = ours.partition("-- procrastinate: begin\n")[2].partition("-- procrastinate: end\n")[0]
    theirs = Path(procrastinate.__file__).parent / "sql" / "schema.sql"
    assert between == theirs.read_text(encoding="utf-8"), HINT
