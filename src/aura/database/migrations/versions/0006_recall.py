"""What memory can be searched by."""

from aura.database.migrations import run_script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_script("0006_recall.sql")
