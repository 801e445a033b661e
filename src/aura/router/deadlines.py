"""The four deadlines of a call, and what keeps them without a timer for each chunk."""

from __future__ import annotations

import asyncio

import msgspec

from aura.router.faults import FaultKind, StreamFault


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """How long a call may take. `connect_seconds` is kept by the client, the others by the router.

    Attributes:
        first_token_seconds: from asking to the first piece of an answer that streams.
        stall_seconds: between two pieces.
        answer_seconds: for one attempt at an answer that comes whole.
        total_seconds: for the call with all its attempts.
    """

    connect_seconds: float = 5.0
    first_token_seconds: float = 30.0
    stall_seconds: float = 15.0
    answer_seconds: float = 60.0
    total_seconds: float = 180.0


class Watch:
    """Ends one wait at a time when it has lasted too long.

    One timer serves all of a stream: it looks when it fires how long the present wait has lasted, and is set again. Only
    waits are watched, so that a consumer that takes its time is never cancelled in its own code.
    """

    def __init__(self, *, ends_at: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends_at = ends_at
        self._limit_at = 0.0
        self._limit_kind = FaultKind.STALL
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fired: FaultKind | None = None

    def begin(self, seconds: float, kind: FaultKind) -> None:
        """A wait begins that may last `seconds`."""
        limit_at = self._loop.time() + seconds
        self._limit_at, self._limit_kind = limit_at, kind
        if self._task is None:
            self._task = asyncio.current_task()
        if self._timer is None or self._timer.when() > limit_at:
            self._set(limit_at)

    def end(self) -> None:
        """The wait is over."""
        self._task = None

    def fault(self) -> StreamFault | None:
        """The deadline that ended the wait, where it was one; the cancellation by which it did so is taken back."""
        if self._fired is None:
            return None
        kind, self._fired = self._fired, None
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        return StreamFault(kind)

    def close(self) -> None:
        """No wait is watched any more."""
        self._task = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, limit_at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(min(limit_at, self._ends_at), self._look)

    def _look(self) -> None:
        now = self._loop.time()
        self._timer = None
        if self._task is None:
            return  # the next wait sets it
        if now >= self._ends_at or now >= self._limit_at:
            self._fired = FaultKind.TOTAL if now >= self._ends_at else self._limit_kind
            self._task.cancel()
        else:
            self._set(self._limit_at)
