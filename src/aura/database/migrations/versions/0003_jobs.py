"""The queue of turns, and what jobs need to know of a task."""

from aura.database.migrations import run_script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_script("0003_jobs.sql")
