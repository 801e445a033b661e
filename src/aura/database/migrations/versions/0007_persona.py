"""What personas are made of."""

from aura.database.migrations import run_script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_script("0007_persona.sql")
