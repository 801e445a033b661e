"""What the platform itself calls, and pays for."""

from aura.database.migrations import run_script

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_script("0009_platform_usage.sql")
