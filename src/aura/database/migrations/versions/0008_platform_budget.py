"""The platform's budget inside the tenant's transaction."""

from aura.database.migrations import run_script

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_script("0008_platform_budget.sql")
