"""What goes into a prompt when not all of it fits: shares of a budget of tokens, by part.

The rules and the question are always whole. What is left is shared out; what a part does not need goes to the others, in the
order of `PRIORITY`. Inside a part the best pieces stay: passages and notes by their score, turns by their age.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from aura.tokens import estimate_tokens

PRIORITY: Final = ("persona", "passages", "pinned", "notes", "history", "summary")
"""Who takes first of what others left: documents before what the user said, the latest turns before sums of older ones."""
SHARES: Final[Mapping[str, float]] = {
    "persona": 0.05, "passages": 0.45, "pinned": 0.08, "notes": 0.17, "history": 0.17, "summary": 0.08,
}  # fmt: skip
"""Of what the rules and the question leave of the budget."""
OVERHEAD: Final = 40
"""Tokens of the tags around a passage or note, and of the role of a message."""

Parts = Mapping[str, tuple[str, ...]]
"""For each part of `PRIORITY` its pieces, the one to be kept longest first."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """How many pieces of each part stay: always the first ones."""

    counts: dict[str, int]
    tokens: int

    def __getitem__(self, part: str) -> int:
        return self.counts.get(part, 0)


def assemble(parts: Parts, *, fixed: str, budget: int, count: Callable[[str], int] = estimate_tokens) -> Kept:
    """What of `parts` goes into a prompt beside `fixed`, so that all of it has no more than `budget` tokens.

    Pure: the same for the same input. Where `fixed` alone has more than the budget, nothing goes beside it.
    """
    spent = count(fixed) + OVERHEAD
    left = max(0, budget - spent)
    costs = {part: [count(piece) + OVERHEAD for piece in parts.get(part, ())] for part in PRIORITY}
    counts: dict[str, int] = {}
    for part in PRIORITY:
        counts[part], used = _fitting(costs[part], int(SHARES[part] * left))
        spent += used
    for part in PRIORITY:
        more, used = _fitting(costs[part][counts[part] :], budget - spent)
        counts[part] += more
        spent += used
    return Kept(counts=counts, tokens=spent)


def _fitting(costs: list[int], room: int) -> tuple[int, int]:
    """How many of the first pieces fit into `room`, and what they take."""
    used = 0
    for n, cost in enumerate(costs):
        if used + cost > room:
            return n, used
        used += cost
    return len(costs), used
