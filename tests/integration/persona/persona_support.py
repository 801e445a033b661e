"""What the tests of personas share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aura import Aura, Workspace
from aura.persona.learning import Learned
from aura.testing.clock import FixedClock

PASSWORD = "correct horse battery staple"
QUESTION = "Within how many days of delivery may customers return an unopened product?"
UNANSWERABLE = "What is the boiling point of tungsten hexafluoride?"
RETURNS = (
    b"# Returns\n\nCustomers may return any unopened product within 47 days of delivery. The product must be in its box. "
    b"Return labels are free. Opened products can be returned within 12 days.\n"
)


@dataclass(frozen=True)
class Company:
    """An organisation, and those who act in it."""

    aura: Aura
    clock: FixedClock
    name: str
    programs: Workspace
    admin: Workspace
    member: Workspace

    async def say(self, text: str, times: int = 1, who: Workspace | None = None, **options: object) -> None:
        """Say something in a new conversation, on as many days as it is to be said."""
        workspace = who or self.member
        for _ in range(times):
            talk = await workspace.conversations.start()
            await workspace.ask(text, conversation=talk, **options)  # pyright: ignore[reportArgumentType]
            self.clock.advance(timedelta(days=1))


async def learned(workspace: Workspace, axis: str = "detail", channel: str = "text") -> Learned | None:
    """What was learned of an axis."""
    return (await workspace.persona.get()).learned[channel].get(axis)  # pyright: ignore[reportArgumentType]
