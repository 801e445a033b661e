"""A response that this process generates: its events so far, who listens, and what it came to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum, auto
from uuid import UUID

import msgspec

from aura.answering.events import ENDS, Answer, AnswerEvent, Cited, Delta, Failed, Final, Refusal, Sources, Timings
from aura.answering.generation import Generation
from aura.answering.response_records import Entry, Request, Response, State, Word
from aura.identity import Scope


class Halt(Enum):
    """Why generating ends before the model does."""

    STOPPED = auto()
    """Somebody said so, or nobody listens any more: what was said is stored."""
    RELEASED = auto()
    """This process ends: another one goes on."""
    LOST = auto()
    """Another process has it, or the database is away for too long."""


class Diverged(Exception):
    """The model says something else than what was stored of its first run."""


class Run:
    """One response under way. Readers share its list of events, each at its own place: a slow one costs nothing.

    Args:
        stored: what a process that died had stored of it; generating again must come to the same.
    """

    def __init__(
        self, scope: Scope, request: Request, generation: Generation, stored: Sequence[AnswerEvent] = ()
    ) -> None:
        self.scope = scope
        self.request = request
        self.generation = generation
        self.id: UUID = generation.id
        self.events: list[AnswerEvent] = list(stored)
        self.state = State.RUNNING
        self.halt: Halt | None = None
        self.durable = not request.ask.temporary
        """A temporary question leaves nothing in the database, so this process alone can read it."""
        self.task: asyncio.Task[None] | None = None
        self._stored = list(stored)
        self._confirmed = 0
        self._written = len(stored)
        self._readers = 0
        self._started = self._heard = self._renewed = time.monotonic()
        self._news = asyncio.Event()
        self._created_at = datetime.now(UTC)

    # -- what is said --------------------------------------------------------------------------------------------------

    def take(self, event: AnswerEvent) -> None:
        """Add the next event, or find it equal to the one that is stored in its place.

        Raises:
            Diverged: it is not.
        """
        if self._confirmed < len(self._stored):
            if not alike(event, self._stored[self._confirmed]):
                raise Diverged
            self._confirmed += 1
            return
        self.events.append(event)
        if isinstance(event, ENDS) and self.state is State.RUNNING:
            self.state = State.ENDED
        self.announce()

    def end(self, event: Final | Failed, state: State) -> None:
        """End it here, whatever the model would have said."""
        self.state = state
        self.events.append(event)
        self.announce()

    def partial(self) -> Answer:
        """What was said so far, as an answer that was stopped."""
        spent = Timings(total_seconds=time.monotonic() - self._started)
        return partial(self.id, self.request, self.events, spent)

    @property
    def next_seq(self) -> int:
        """The number of the next event."""
        return len(self.events)

    @property
    def regenerates(self) -> bool:
        """Whether it has not yet come to where the process that died stood."""
        return self._confirmed < len(self._stored)

    def response(self) -> Response:
        """What is known of it, which the database may not know yet."""
        return Response(
            id=self.id,
            state=self.state,
            request=self.request,
            abandoned=False,
            stop_requested=self.halt is Halt.STOPPED,
            created_at=self._created_at,
            ended_at=None,
        )

    # -- who listens ---------------------------------------------------------------------------------------------------

    async def follow(self, after_seq: int) -> AsyncGenerator[AnswerEvent]:
        """The events behind `after_seq`, those to come too; ends with the response, or when this process gives it up."""
        with self._reader():
            place = after_seq + 1
            while True:
                while place < len(self.events):
                    yield self.events[place]
                    place += 1
                if self.over:
                    break
                await self._news.wait()
        if self.state is not State.RUNNING and is_missed(self.events[-1], after_seq, self.state):
            yield self.events[-1]

    @property
    def over(self) -> bool:
        """Whether no event will come any more: it has ended, or this process has given it up."""
        return self.state is not State.RUNNING or self.halt in (Halt.RELEASED, Halt.LOST)

    @property
    def unheard_seconds(self) -> float:
        """How long nobody has listened in this process."""
        return 0.0 if self._readers else time.monotonic() - self._heard

    @contextmanager
    def _reader(self) -> Generator[None]:
        self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1
            self._heard = time.monotonic()

    def announce(self) -> None:
        """Wake whoever waits for news."""
        self._news.set()
        self._news = asyncio.Event()

    async def ended(self) -> None:
        """Wait until it is over."""
        while not self.over:
            await self._news.wait()

    # -- giving it up --------------------------------------------------------------------------------------------------

    def interrupt(self, halt: Halt) -> None:
        """Stop generating. Where the model is done, the end is as near as stopping would be, and is waited for."""
        if self.over or (halt is not Halt.LOST and (self.halt is not None or self.generation.finished)):
            return
        cancels = self.halt is None
        self.halt = halt
        if cancels and self.task is not None:
            self.task.cancel()
        self.announce()

    def abandon(self) -> None:
        """Let its readers go: this process ends."""
        if not self.over:
            self.halt = Halt.RELEASED
        self.announce()

    # -- what is written -----------------------------------------------------------------------------------------------

    def entry(self) -> Entry:
        """What is not written yet."""
        return Entry(
            response_id=self.id,
            user_id=self.scope.user_id,
            first_seq=self._written,
            events=self.events[self._written :],
            state=self.state,
        )

    def note(self, written: Entry, word: Word, *, resume_seconds: float) -> None:
        """Take notice that `written` is in the database, and of what others said there meanwhile."""
        self._written = written.first_seq + len(written.events)
        self._renewed = time.monotonic()
        if word.stop_requested or min(self.unheard_seconds, word.unheard_seconds) > resume_seconds:
            self.interrupt(Halt.STOPPED)

    @property
    def silent_seconds(self) -> float:
        """How long the database has not heard of it."""
        return time.monotonic() - self._renewed


def partial(
    response_id: UUID, request: Request, events: Sequence[AnswerEvent], timings: Timings | None = None
) -> Answer:
    """What `events` come to, as an answer that was stopped."""
    return Answer(
        response_id=response_id,
        question=request.ask.message,
        text="".join(event.text for event in events if isinstance(event, Delta)),
        citations=tuple(event.citation for event in events if isinstance(event, Cited)),
        sources=tuple(passage for event in events if isinstance(event, Sources) for passage in event.passages),
        refused=False,
        model=request.model,
        cost_usd=None,
        timings=timings or Timings(),
        conversation_id=request.ask.conversation_id,
        stopped=True,
    )


def is_missed(end: AnswerEvent, after_seq: int, state: State) -> bool:
    """Whether a reader who has everything up to `after_seq` has still not seen that it ended here.

    Who listened to a process that died may have heard more than was stored, and what ended it has a lower number.
    """
    return after_seq > end.seq or (after_seq == end.seq and state is not State.ENDED)


def alike(event: AnswerEvent, other: AnswerEvent) -> bool:
    """Whether two runs said the same here. How long it took, and the last digits of scores, are not what they said."""
    return _essence(event) == _essence(other)


def _essence(event: AnswerEvent) -> AnswerEvent:
    if isinstance(event, Sources):
        passages = [
            msgspec.structs.replace(passage, score=0.0, dense_score=None, bm25_score=None) for passage in event.passages
        ]
        return msgspec.structs.replace(event, passages=tuple(passages))
    if isinstance(event, Final | Refusal):
        return msgspec.structs.replace(
            event, answer=msgspec.structs.replace(event.answer, timings=Timings(), sources=())
        )
    return event
