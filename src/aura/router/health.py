"""How each route is: a circuit breaker for every provider, model and key, told by how calls ended.

A rate limit is a pause that the provider asks for and no illness; a key that is refused takes all routes of that key out.
The states are told to other replicas, and theirs are taken over, by what a `HealthShare` is given (`sharing.py`).
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from threading import Lock
from typing import Final

import msgspec

from aura.router.faults import Fault, FaultKind

CONSECUTIVE_FAILURES: Final = 3
FAILURE_RATE: Final = 0.5
WINDOW: Final = 20
LEAST_CALLS: Final = 10
PROBES: Final = 2
"""Calls that a half-open route is given at once, and that must end well before it is closed."""
OPEN_SECONDS, LONGEST_OPEN_SECONDS = 5.0, 300.0
CALM_SECONDS: Final = 120.0
"""A route that was closed for so long is not flapping: its next opening is a short one again."""
CREDENTIAL_SECONDS: Final = 300.0
RATE_LIMIT_SECONDS: Final = 1.0


class RouteState(StrEnum):
    """What a route is. Only `CLOSED` and `HALF_OPEN` take calls."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"
    RATE_LIMITED = "rate_limited"
    CREDENTIAL = "credential"


class RouteHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one route is, why, and for how long. `failures` is how many calls have failed in a row."""

    route: str
    provider: str
    model: str
    state: RouteState
    reason: str = ""
    until: datetime | None = None
    failures: int = 0


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of state that other replicas should know. `until` is in seconds since 1970."""

    route: str
    state: RouteState
    until: float
    reason: str
    flaps: int = 0


class _Breaker:
    """The state of one route."""

    def __init__(self, provider: str, model: str) -> None:
        self.provider, self.model = provider, model
        self.state = RouteState.CLOSED
        self.until = 0.0
        self.reason = ""
        self.failures = 0
        self.flaps = 0
        self.closed_at = 0.0
        self.outcomes: deque[bool] = deque(maxlen=WINDOW)
        self.probing = 0
        self.probed = 0
        self.used_at = 0.0


class HealthBoard:
    """The health of all routes that one process knows.

    Args:
        now: seconds since 1970; tests give their own.
        on_change: told of every change of state that this process has found out itself.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.time,
        on_change: Callable[[Change], None] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._now = now
        self._on_change = on_change
        self._jitter = jitter
        self._breakers: dict[str, _Breaker] = {}
        self._lock = Lock()

    def add(self, route: str, *, provider: str, model: str) -> None:
        """Keep the health of `route`; it begins closed."""
        with self._lock:
            self._breakers.setdefault(route, _Breaker(provider, model)).used_at = self._now()

    def watch(self, on_change: Callable[[Change], None] | None) -> None:
        """Tell `on_change` of changes from now on."""
        self._on_change = on_change

    def takes_calls(self, route: str) -> bool:
        """Whether `route` would take a call now."""
        breaker = self._breakers[route]
        self._ripen(breaker)
        if breaker.state is RouteState.HALF_OPEN:
            return breaker.probing < PROBES
        return breaker.state is RouteState.CLOSED

    def admit(self, route: str) -> bool:
        """Take a place for a call on `route`; every call that was admitted must be ended with `ended`."""
        with self._lock:
            if not self.takes_calls(route):
                return False
            self._breakers[route].probing += 1
            return True

    def force(self, route: str) -> None:
        """Take a place although the route takes no calls: all others are worse."""
        with self._lock:
            self._breakers[route].probing += 1

    def ended(self, route: str, fault: Fault | None, *, heard: bool = True) -> None:
        """A call of `route` has ended: well, or with `fault`. `heard` is false where nothing is known of the route."""
        with self._lock:
            breaker = self._breakers[route]
            breaker.probing = max(0, breaker.probing - 1)
            breaker.used_at = self._now()
            if fault is None:
                changed = self._well(breaker) if heard else False
            elif fault.kind is FaultKind.CREDENTIAL:
                changed = self._pause(breaker, RouteState.CREDENTIAL, CREDENTIAL_SECONDS, fault)
                self._same_key(route, breaker)
            elif fault.kind is FaultKind.RATE_LIMITED:
                seconds = RATE_LIMIT_SECONDS if fault.retry_after_seconds is None else fault.retry_after_seconds
                changed = self._pause(breaker, RouteState.RATE_LIMITED, seconds, fault)
            elif fault.unhealthy or fault.kind is FaultKind.NO_SUCH_MODEL:
                changed = self._ill(breaker, fault)
            else:
                changed = False
            change = self._change(route, breaker) if changed else None
        if change is not None and self._on_change is not None:
            self._on_change(change)

    def apply(self, change: Change) -> None:
        """Take over what another replica has found out."""
        with self._lock:
            breaker = self._breakers.get(change.route)
            if breaker is None or (change.state is not RouteState.CLOSED and change.until <= self._now()):
                return
            if change.state is RouteState.CLOSED:
                if breaker.state is not RouteState.CLOSED:
                    self._close(breaker)
            elif change.until > breaker.until or breaker.state is RouteState.CLOSED:
                breaker.state, breaker.until, breaker.reason = change.state, change.until, change.reason
                breaker.flaps = max(breaker.flaps, change.flaps)

    def rested(self, route: str) -> float:
        """The seconds since a call of `route` has ended, or since it is known."""
        return self._now() - self._breakers[route].used_at

    def soonest(self, routes: list[str]) -> str:
        """Of `routes`, the one that recovers first."""
        return min(routes, key=lambda route: self._breakers[route].until)

    def status(self, route: str) -> RouteHealth:
        """How `route` is."""
        with self._lock:
            breaker = self._breakers[route]
            self._ripen(breaker)
            resting = breaker.state not in (RouteState.CLOSED, RouteState.HALF_OPEN)
            return RouteHealth(
                route=route,
                provider=breaker.provider,
                model=breaker.model,
                state=breaker.state,
                reason=breaker.reason,
                until=datetime.fromtimestamp(breaker.until, UTC) if resting else None,
                failures=breaker.failures,
            )

    def statuses(self) -> tuple[RouteHealth, ...]:
        """How all routes are."""
        return tuple(self.status(route) for route in tuple(self._breakers))

    def _ripen(self, breaker: _Breaker) -> None:
        """An open route whose time is over is half open; a pause that is over is just over."""
        if breaker.state in (RouteState.CLOSED, RouteState.HALF_OPEN) or self._now() < breaker.until:
            return
        if breaker.state is RouteState.RATE_LIMITED:
            breaker.state, breaker.reason = RouteState.CLOSED, ""
        else:
            breaker.state, breaker.probed = RouteState.HALF_OPEN, 0

    def _well(self, breaker: _Breaker) -> bool:
        breaker.failures = 0
        breaker.outcomes.append(True)
        if breaker.state is RouteState.CLOSED:
            return False
        breaker.probed += 1
        if breaker.state is RouteState.HALF_OPEN and breaker.probed < PROBES:
            return False
        self._close(breaker)
        return True

    def _ill(self, breaker: _Breaker, fault: Fault) -> bool:
        breaker.failures += 1
        breaker.outcomes.append(False)
        failed = breaker.outcomes.count(False)
        calls = len(breaker.outcomes)
        if breaker.state is RouteState.CLOSED and not (
            breaker.failures >= CONSECUTIVE_FAILURES or (calls >= LEAST_CALLS and failed >= FAILURE_RATE * calls)
        ):
            return False
        if breaker.state not in (RouteState.CLOSED, RouteState.HALF_OPEN):
            return False  # a call that began before the route was opened
        if breaker.state is RouteState.CLOSED and self._now() - breaker.closed_at > CALM_SECONDS:
            breaker.flaps = 0
        seconds = min(LONGEST_OPEN_SECONDS, OPEN_SECONDS * 2**breaker.flaps)
        breaker.flaps += 1
        return self._pause(breaker, RouteState.OPEN, seconds * (1 + 0.1 * self._jitter()), fault)

    def _pause(self, breaker: _Breaker, state: RouteState, seconds: float, fault: Fault) -> bool:
        until = self._now() + seconds
        if breaker.state is RouteState.CREDENTIAL and state is not RouteState.CREDENTIAL:
            return False
        if breaker.state is RouteState.OPEN and state is RouteState.RATE_LIMITED:
            return False
        breaker.state, breaker.until = state, until
        breaker.reason = f"{fault.kind.value} ({fault.described})" if fault.described else fault.kind.value
        return True

    def _same_key(self, route: str, refused: _Breaker) -> None:
        """The other models of a key that was refused are refused as well."""
        key = route.rpartition("#")[2]
        for other, breaker in self._breakers.items():
            if breaker.provider == refused.provider and other.rpartition("#")[2] == key:
                breaker.state, breaker.until, breaker.reason = refused.state, refused.until, refused.reason

    def _close(self, breaker: _Breaker) -> None:
        breaker.state, breaker.reason, breaker.until = RouteState.CLOSED, "", 0.0
        breaker.failures = breaker.probed = 0
        breaker.closed_at = self._now()
        breaker.outcomes.clear()

    def _change(self, route: str, breaker: _Breaker) -> Change:
        return Change(route=route, state=breaker.state, until=breaker.until, reason=breaker.reason, flaps=breaker.flaps)
