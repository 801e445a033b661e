"""Conversations by voice: sessions that can be resumed, their limits, what was heard of a turn, and how long it took."""

from aura.database.migrations import run_script

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_script("0010_voice.sql")
