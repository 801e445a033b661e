"""Facts, summaries and what waits to be derived."""

from aura.database.migrations import run_script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_script("0005_memory.sql")
