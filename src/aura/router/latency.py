"""How quick each route has been lately, and how quick it usually is: time to the first token, and for each further one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

import msgspec

_WEIGHT: Final = 0.2
_LASTING_WEIGHT: Final = 0.02
"""Of one call in what is usual: some fifty calls change it."""
_TYPICAL_TOKENS: Final = 200
_FORGOTTEN_SECONDS: Final = 60.0
"""After so long without a call a route is taken to be nearly as it usually is: one slow answer does not shut it out."""
UNKNOWN_SECONDS: Final = 1.0
"""What a route is taken to need where none of its tier was ever used."""


class Pace(msgspec.Struct, kw_only=True):
    """Exponentially weighted means of one route: of the last calls, and in `usual_seconds` of many."""

    first_token_seconds: float
    token_seconds: float
    usual_seconds: float
    noted_at: float
    calls: int = 1

    @property
    def answer_seconds(self) -> float:
        """What an answer of usual length took lately."""
        return self.first_token_seconds + _TYPICAL_TOKENS * self.token_seconds


class Latencies:
    """The pace of every route of one process."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._paces: dict[str, Pace] = {}

    def note(self, route: str, *, first_token_seconds: float, total_seconds: float, tokens: int) -> None:
        """A call of `route` has ended well."""
        each = max(0.0, total_seconds - first_token_seconds) / max(1, tokens)
        this = first_token_seconds + _TYPICAL_TOKENS * each
        pace = self._paces.get(route)
        if pace is None:
            self._paces[route] = Pace(
                first_token_seconds=first_token_seconds,
                token_seconds=each,
                usual_seconds=this,
                noted_at=self._now(),
            )
            return
        pace.calls += 1
        pace.noted_at = self._now()
        pace.first_token_seconds += _WEIGHT * (first_token_seconds - pace.first_token_seconds)
        pace.token_seconds += _WEIGHT * (each - pace.token_seconds)
        pace.usual_seconds += max(_LASTING_WEIGHT, 1.0 / pace.calls) * (this - pace.usual_seconds)

    def of(self, route: str) -> Pace | None:
        """The pace of `route`, or None where it was never used."""
        return self._paces.get(route)

    def answer_seconds(self, route: str) -> float | None:
        """What an answer of usual length takes there now; None where the route was never used."""
        pace = self._paces.get(route)
        if pace is None:
            return None
        remembered = math.exp((pace.noted_at - self._now()) / _FORGOTTEN_SECONDS)
        return pace.usual_seconds + remembered * (pace.answer_seconds - pace.usual_seconds)

    def usual_seconds(self, route: str) -> float | None:
        """What it has taken there over many calls; None where the route was never used."""
        pace = self._paces.get(route)
        return None if pace is None else pace.usual_seconds
