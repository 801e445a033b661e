"""The items of a realtime conversation, as its client sees them: who said what, in order."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import msgspec

Wire = dict[str, object]
"""One JSON object."""

MOST_ITEMS = 1_000
"""Items that are remembered; the oldest are forgotten first."""


class Entry(msgspec.Struct, kw_only=True):
    """An item, with the turn or the reply of the conversation that it is."""

    item: Wire
    turn: int = 0
    reply: int = 0
    response_id: str = ""
    text: str = ""
    before: str | None = None
    """The id of the one that it was put behind."""


class Items:
    """All of them by their id, in the order in which they came."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def add(self, entry: Entry) -> str | None:
        """Put it behind the others; the id of the one before it."""
        entry.before = before = next(reversed(self._entries), None)
        self._entries[str(entry.item["id"])] = entry
        while len(self._entries) > MOST_ITEMS:
            del self._entries[next(iter(self._entries))]
        return before

    def get(self, item_id: str) -> Entry | None:
        """One of them."""
        return self._entries.get(item_id)

    def of_turn(self, turn: int) -> Entry | None:
        """The item of a turn."""
        return next(
            (entry for entry in reversed(self._entries.values()) if entry.turn == turn and not entry.reply), None
        )

    def of_reply(self, reply: int) -> Entry | None:
        """The item of a reply."""
        return next((entry for entry in reversed(self._entries.values()) if entry.reply == reply), None)

    def remove(self, item_id: str) -> bool:
        """Forget one; whether it was there."""
        return self._entries.pop(item_id, None) is not None


def new_id(kind: str) -> str:
    """An id that nobody has."""
    return f"{kind}_{uuid4().hex[:24]}"


def user_item(item_id: str, content: list[Wire]) -> Wire:
    """What the user said."""
    return _message(item_id, "user", content, "completed")


def assistant_item(item_id: str, content: list[Wire], status: str) -> Wire:
    """What the assistant said."""
    return _message(item_id, "assistant", content, status)


def _message(item_id: str, role: str, content: list[Wire], status: str) -> Wire:
    return {
        "id": item_id,
        "object": "realtime.item",
        "type": "message",
        "status": status,
        "role": role,
        "content": content,
    }
