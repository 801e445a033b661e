"""Policies that are worked out once for a statement, and a user's entries in the order of the table."""

from aura.database.migrations import run_script

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_script("0012_policies.sql")
