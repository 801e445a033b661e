"""Alembic migrations: plain SQL, one file a revision, run by `aura db upgrade` and by the embedded mode itself."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import psycopg
from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from aura.errors import Conflict

HERE = Path(__file__).parent


def run_script(name: str) -> None:
    """Run a file of `versions/` inside the migration's transaction, past SQLAlchemy: it may hold `:` and `%`."""
    driver = cast("psycopg.Connection", op.get_bind().connection.driver_connection)
    driver.execute((HERE / "versions" / name).read_bytes())


def upgrade(connection: Connection) -> str | None:
    """Bring the database to this version of AURA, in the transaction of `connection`; one process at a time.

    Returns the revision it was at before.

    Raises:
        Conflict: a newer AURA has migrated it; there is no way back but its own version or a backup.
    """
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('aura migrations'))")
    refuse_newer(connection)
    before = current(connection)
    if before != head():
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before


def refuse_newer(connection: Connection) -> None:
    """Raise `Conflict` when the database was migrated by a newer AURA than this one."""
    now = current(connection)
    if now is not None and not knows(now):
        raise Conflict(
            f"the database is at revision {now!r}, which this version of AURA does not know: it was used by a newer"
            " one. Install that version again, or restore a backup made by this one (`aura db restore`)"
        )


def knows(revision: str) -> bool:
    """Whether this version of AURA can bring a database from `revision` to its own."""
    return any(script.revision == revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def current(connection: Connection) -> str | None:
    """The revision the database is at; None before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The revision this version of AURA needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))  # the file format interpolates
    return config
