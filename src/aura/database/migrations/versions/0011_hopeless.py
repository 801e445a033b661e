"""Whether a document that failed would fail the same way each time: then trying it again is not offered."""

from aura.database.migrations import run_script

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_script("0011_hopeless.sql")
