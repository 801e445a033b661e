"""AURA: every organisation gets its own assistant, with cited answers from its own documents.

    from aura import Aura

    async with Aura.open() as aura:
        acme = await aura.workspace("acme")
        print(await acme.ask("How long do customers have to return a product?"))

These names are the library's only public door; what is not among them is reached by sub-module and not promised.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aura.answering.events import (
        Answer,
        AnswerEvent,
        Citation,
        Cited,
        Delta,
        Failed,
        Final,
        Refusal,
        Sources,
    )
    from aura.documents.values import Document, IngestProgress, Receipt, Visibility
    from aura.errors import (
        AuraError,
        BackendError,
        Conflict,
        Denied,
        InvalidRequest,
        LimitExceeded,
        NotFound,
        Unavailable,
    )
    from aura.index.passage import Passage
    from aura.platform import Aura
    from aura.settings import Settings
    from aura.workspace import Workspace

__all__ = (  # noqa: RUF022  # by what they belong to
    "Aura", "Workspace", "Settings",
    "Answer", "Citation", "Passage", "AnswerEvent", "Sources", "Delta", "Cited", "Final", "Refusal", "Failed",
    "Document", "IngestProgress", "Receipt", "Visibility",
    "AuraError", "InvalidRequest", "NotFound", "Denied", "Conflict", "LimitExceeded", "Unavailable", "BackendError",
)  # fmt: skip

_HOMES = {
    "aura.platform": ("Aura",),
    "aura.workspace": ("Workspace",),
    "aura.settings": ("Settings",),
    "aura.answering.events": (
        "Answer", "AnswerEvent", "Citation", "Cited", "Delta", "Failed", "Final", "Refusal", "Sources",
    ),
    "aura.index.passage": ("Passage",),
    "aura.documents.values": ("Document", "IngestProgress", "Receipt", "Visibility"),
    "aura.errors": (
        "AuraError", "BackendError", "Conflict", "Denied", "InvalidRequest", "LimitExceeded", "NotFound", "Unavailable",
    ),
}  # fmt: skip
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load what is asked for, and what it needs, on first use: `import aura` alone is instant."""
    if name not in _HOME:
        raise AttributeError(f"module 'aura' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
