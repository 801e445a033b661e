"""What the tests of memory share."""

from __future__ import annotations

from dataclasses import dataclass

from aura import Aura, Workspace

PASSWORD = "correct horse battery staple"
QUESTION = "Within how many days of delivery may customers return a product?"
PRIVATE_QUESTION = "What is the salary of Maximilian?"


@dataclass(frozen=True)
class Company:
    """An organisation, and those who act in it."""

    aura: Aura
    name: str
    programs: Workspace
    admin: Workspace
    member: Workspace
