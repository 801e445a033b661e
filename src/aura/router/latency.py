"""How quick each route has been lately: time to the first token, and for each further one."""

from __future__ import annotations

from typing import Final

import msgspec

_WEIGHT: Final = 0.2
_TYPICAL_TOKENS: Final = 200
UNKNOWN_SECONDS: Final = 1.0
"""What a route is taken to need before it was ever used: it gets its turn beside one that is slow."""


class Pace(msgspec.Struct, kw_only=True):
    """Exponentially weighted means of one route."""

    first_token_seconds: float
    token_seconds: float

    @property
    def answer_seconds(self) -> float:
        """What an answer of usual length takes."""
        return self.first_token_seconds + _TYPICAL_TOKENS * self.token_seconds


class Latencies:
    """The pace of every route of one process."""

    def __init__(self) -> None:
        self._paces: dict[str, Pace] = {}

    def note(self, route: str, *, first_token_seconds: float, total_seconds: float, tokens: int) -> None:
        """A call of `route` has ended well."""
        each = max(0.0, total_seconds - first_token_seconds) / max(1, tokens)
        pace = self._paces.get(route)
        if pace is None:
            self._paces[route] = Pace(first_token_seconds=first_token_seconds, token_seconds=each)
            return
        pace.first_token_seconds += _WEIGHT * (first_token_seconds - pace.first_token_seconds)
        pace.token_seconds += _WEIGHT * (each - pace.token_seconds)

    def of(self, route: str) -> Pace | None:
        """The pace of `route`, or None where it was never used."""
        return self._paces.get(route)

    def answer_seconds(self, route: str) -> float:
        """What an answer of usual length takes there."""
        pace = self._paces.get(route)
        return UNKNOWN_SECONDS if pace is None else pace.answer_seconds
