"""Answers that survive their connection: generated apart from who reads them, and read again from any replica.

The process that generates keeps the events in memory for its readers, and writes them twice a second. When it dies, its
lease runs out, and whoever reads next generates the answer again and goes on behind what was stored, if the two are equal.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from uuid import UUID, uuid4

import msgspec

from aura.answering.ask import Ask, refuse_unusable
from aura.answering.engine import AnswerEngine, History
from aura.answering.events import ENDS, Answer, AnswerEvent, Failed, Final
from aura.answering.generation import failure
from aura.answering.hygiene import storable
from aura.answering.response_journal import Journal
from aura.answering.response_records import Entry, Records, Request, Response, State
from aura.answering.response_run import Diverged, Halt, Run, is_missed, partial
from aura.database.engine import Database
from aura.errors import AuraError, BackendError, NotFound, Unavailable
from aura.identity import Scope, TenantId, UserId

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 0.5
"""Between two looks at what another process writes."""
_CLOSING_SECONDS = 10.0
INTERRUPTED = "the answer was interrupted; ask again"


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """Who starts, reads and stops: a scope, and the engine that answers in it.

    `asked_by` is the admin who asks in the name of the scope's member, and who sees nothing else of the member's.
    """

    scope: Scope
    engine: AnswerEngine
    asked_by: str | None = None


class Responses:
    """The answers that this process generates, and the way to those of other processes."""

    def __init__(
        self,
        database: Database,
        history: Callable[[Scope], History],
        *,
        resume_seconds: float = 30.0,
        lease_seconds: float = 10.0,
    ) -> None:
        self._records = Records(database, lease_seconds=lease_seconds)
        self._history = history
        self._resume_seconds = resume_seconds
        self._lease_seconds = lease_seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._journal = Journal(self._records, self._spawn, resume_seconds=resume_seconds, lease_seconds=lease_seconds)
        self._closed = False

    # -- for an asker --------------------------------------------------------------------------------------------------

    async def start(self, asker: Asker, ask: Ask) -> UUID:
        """Begin to generate an answer; its id, by which it is read.

        Raises:
            InvalidRequest: the message is empty or too long.
            NotFound: there is no such conversation in the scope.
            Unavailable: the database is away, or this process is about to end.

        Cost: one short transaction, and one more with a conversation; then as `AnswerEngine.stream`.
        """
        self._refuse_when_closed()
        refuse_unusable(ask.message)
        ask = msgspec.structs.replace(ask, message=storable(ask.message))
        if ask.conversation_id is not None and not ask.begins and ask.replaces is None:
            until = await self._history(asker.scope).last_seq(ask.conversation_id)
            ask = msgspec.structs.replace(ask, history_until=until)
        request = Request(ask=ask, message_id=uuid4(), model=asker.engine.model, asked_by=asker.asked_by)
        response_id = uuid4()
        if not ask.temporary:
            await self._records.add(asker.scope, response_id, request)
        self._begin(asker, response_id, request)
        return response_id

    async def get(self, asker: Asker, response_id: UUID) -> Response:
        """What is known of a response. Raises `NotFound`."""
        run = self._here(asker, response_id)
        if run is not None:
            return run.response()
        return _own(asker, await self._records.find(asker.scope, response_id))

    async def read(self, asker: Asker, response_id: UUID, after_seq: int = -1) -> AsyncGenerator[AnswerEvent]:
        """The events behind `after_seq`, as they are or as they come, until the one that ends the response.

        Reading costs the writer nothing, and closing it stops nothing. Whatever goes wrong after the first look is an
        `error` event.

        Raises:
            NotFound: the scope has no such response.

        Cost: nothing besides the first look for what this process generates; else up to twenty queries a second.
        """
        if self._here(asker, response_id) is None:
            _own(asker, await self._records.find(asker.scope, response_id))
        try:
            while not self._closed:
                run = self._here(asker, response_id)
                source = run.follow(after_seq) if run else self._tail(asker, response_id, after_seq)
                async with aclosing(source) as events:
                    async for event in events:
                        after_seq = max(after_seq, event.seq)
                        yield event
                        if isinstance(event, ENDS):
                            return
                if run is not None and run.state is not State.RUNNING:
                    return
            raise Unavailable("this server is about to end: read on from another")
        except _Ended:
            return
        except AuraError as error:
            yield failure(response_id, after_seq, error)

    async def stop(self, asker: Asker, response_id: UUID) -> None:
        """Stop the model, wherever it runs; what was said is stored. A response that has ended stays as it is.

        Where this process generates it, it has ended when this returns; another process hears of it within a second.

        Raises:
            NotFound: the scope has no such response.
        """
        run = self._here(asker, response_id)
        if run is None:
            response = _own(asker, await self._records.find(asker.scope, response_id))
            if response.state is not State.RUNNING:
                return
            await self._records.ask_to_stop(asker.scope, response_id)
            run = await self._take_over(asker, response, stop=True) if response.abandoned else None
        if run is not None:
            run.interrupt(Halt.STOPPED)
            await run.ended()

    # -- for the platform ----------------------------------------------------------------------------------------------

    async def purge(self, tenant_id: TenantId, *, hours: float = 24.0) -> int:
        """Delete a tenant's responses that ended more than `hours` ago; how many. For a scheduled job.

        Those whose process died, and for which nobody came back, are ended first, and what they had said is stored.
        """
        scope = Scope(tenant_id=tenant_id).as_service()
        for response_id, user_id in await self._records.unheard(scope, seconds=self._resume_seconds):
            await self._settle(Scope(tenant_id=tenant_id, user_id=user_id), response_id)
        return await self._records.purge(scope, hours=hours)

    def forget(self, tenant_id: TenantId, user_id: UserId | None) -> None:
        """End what this process generates for a user, and keep nothing of it. Others find its rows gone, and do the same."""
        for run in self._journal.runs:
            if (run.scope.tenant_id, run.scope.user_id) == (tenant_id, user_id):
                self._journal.give_up(run)

    async def close(self) -> None:
        """Stop generating. What has not ended is left to other processes, with all that was said here stored."""
        self._closed = True
        runs = self._journal.runs
        for run in runs:
            run.interrupt(Halt.RELEASED)
        generating = [run.task for run in runs if run.task is not None]
        if generating:
            await asyncio.wait(generating, timeout=_CLOSING_SECONDS)
        await self._journal.close()
        for run in runs:
            run.abandon()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- generating ----------------------------------------------------------------------------------------------------

    def _begin(
        self,
        asker: Asker,
        response_id: UUID,
        request: Request,
        stored: Sequence[AnswerEvent] = (),
        *,
        stop: bool = False,
    ) -> Run:
        self._refuse_when_closed()
        generation = asker.engine.begin(request.ask, response_id=response_id, message_id=request.message_id)
        run = Run(asker.scope, request, generation, stored)
        self._journal.keep(run)
        if stop:
            run.interrupt(Halt.STOPPED)
        self._spawn(self._generate(run))
        return run

    async def _generate(self, run: Run) -> None:
        run.task = (
            asyncio.current_task()
        )  # not before: a task that is cancelled before it begins would conclude nothing
        try:
            if run.halt is not None:
                raise asyncio.CancelledError
            async with aclosing(run.generation.events()) as events:
                async for event in events:
                    run.take(event)
                    if event.seq == 0 or isinstance(event, ENDS):
                        self._journal.hurry(run)
        except asyncio.CancelledError:
            if run.halt is None or run.task is None:
                raise
            run.task.uncancel()
            if run.halt is Halt.STOPPED:
                await self._conclude(run, State.STOPPED)
        except Diverged:
            await self._conclude(run, State.INTERRUPTED)
        except AuraError as error:
            await self._fail(run, error)
        except Exception as error:  # the edge of the task: its readers wait for an end
            logger.exception("response %s failed", run.id)
            await self._fail(run, BackendError(f"the answer failed ({type(error).__name__}); ask again"))

    async def _fail(self, run: Run, error: AuraError) -> None:
        if run.regenerates:
            logger.info("response %s could not be generated again: %s", run.id, error)
            await self._conclude(run, State.INTERRUPTED)
        else:
            run.end(failure(run.id, run.next_seq, error), State.ENDED)
            self._journal.hurry(run)

    async def _conclude(self, run: Run, state: State) -> None:
        """End it with what was said so far."""
        run.end(await self._last(run.scope, run.request, run.partial(), run.next_seq, state), state)
        self._journal.hurry(run)

    async def _last(self, scope: Scope, request: Request, answer: Answer, seq: int, state: State) -> Final | Failed:
        """Store what was said; the event that tells of it."""
        ask = request.ask
        broken = ask.replaces is not None and state is State.INTERRUPTED  # what was there before is better
        try:
            if ask.conversation_id is not None and not ask.temporary and not broken:
                message_id = await self._history(scope).add_turn(
                    ask.conversation_id,
                    ask.message,
                    answer,
                    message_id=request.message_id,
                    begins=ask.begins,
                    replaces=None if ask.replaces is None else ask.replaces.message_id,
                )
                answer = msgspec.structs.replace(answer, message_id=message_id)
        except AuraError as error:
            return failure(answer.response_id, seq, error)
        if state is State.INTERRUPTED:
            return failure(answer.response_id, seq, Unavailable(INTERRUPTED, retry_after_seconds=0.0))
        return Final(response_id=answer.response_id, seq=seq, answer=answer)

    # -- other processes -----------------------------------------------------------------------------------------------

    async def _tail(self, asker: Asker, response_id: UUID, after_seq: int) -> AsyncGenerator[AnswerEvent]:
        """What another process writes; ends when this one has taken the response over.

        Raises:
            _Ended: there is nothing behind `after_seq`.
        """
        pause, told, last_success = _FIRST_PAUSE_SECONDS, 0.0, time.monotonic()
        while not self._closed:
            tell = time.monotonic() - told > min(5.0, self._resume_seconds / 4)
            try:
                found, events = await self._records.listen(asker.scope, response_id, after_seq=after_seq, heard=tell)
            except Unavailable:
                if time.monotonic() - last_success > self._lease_seconds:
                    raise
                await asyncio.sleep(_LONGEST_PAUSE_SECONDS)
                continue
            response, last_success = _own(asker, found), time.monotonic()
            told = last_success if tell else told
            for event in events:
                after_seq = event.seq
                yield event
            if response.state is not State.RUNNING:
                if not events and (end := await self._missed(asker, response, after_seq)) is not None:
                    yield end
                raise _Ended
            if response.abandoned and await self._take_over(asker, response, stop=response.stop_requested):
                return
            pause = _FIRST_PAUSE_SECONDS if events else min(2 * pause, _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    async def _missed(self, asker: Asker, response: Response, after_seq: int) -> AnswerEvent | None:
        _, events = await self._records.listen(asker.scope, response.id, after_seq=-1, heard=False)
        return events[-1] if events and is_missed(events[-1], after_seq, response.state) else None

    async def _take_over(self, asker: Asker, response: Response, *, stop: bool) -> Run | None:
        """Go on with a response whose process died; None where another one was faster."""
        self._refuse_when_closed()
        if not await self._records.claim(asker.scope, response.id):
            return None
        _, stored = await self._records.listen(asker.scope, response.id, after_seq=-1, heard=False)
        logger.info("response %s is taken over behind event %s", response.id, len(stored) - 1)
        return self._begin(asker, response.id, response.request, stored, stop=stop)

    async def _settle(self, scope: Scope, response_id: UUID) -> None:
        """End a response that nobody will generate any more with what was stored of it."""
        if not await self._records.claim(scope, response_id):
            return
        response, stored = await self._records.listen(scope, response_id, after_seq=-1, heard=False)
        if response is None:
            return
        answer = partial(response_id, response.request, stored)
        end = await self._last(scope, response.request, answer, len(stored), State.STOPPED)
        entry = Entry(
            response_id=response_id, user_id=scope.user_id, first_seq=end.seq, events=[end], state=State.STOPPED
        )
        await self._records.write(scope.tenant_id, [entry])

    # ------------------------------------------------------------------------------------------------------------------

    def _here(self, asker: Asker, response_id: UUID) -> Run | None:
        """The run of a response that this process generates for this asker."""
        run = self._journal.find(asker.scope.tenant_id, response_id)
        if run is None or run.scope.user_id != asker.scope.user_id or run.request.asked_by != asker.asked_by:
            return None
        return run

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise Unavailable("this server is about to end: ask another")

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run `work` in a task that `close` ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Ended(Exception):
    """There is nothing more to read."""


def _own(asker: Asker, found: Response | None) -> Response:
    """`found`, if it is the asker's. What is not there and what is not the asker's are the same."""
    if found is None or found.request.asked_by != asker.asked_by:
        raise NotFound("there is no such response")
    return found
