"""The assistant's side of a conversation: the reply under way, the one on speculation, and what was cut off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Literal

from aura.errors import AuraError, NotFound, Unavailable
from aura.voice.answers import Answers, SpokenAnswer
from aura.voice.cut import Cut
from aura.voice.events import (
    Fault,
    Interrupted,
    ReplyAudio,
    ReplyBegan,
    ReplyEnded,
    RetrievalStarted,
    State,
    TurnMeasured,
)
from aura.voice.guessing import Guessing, stopped
from aura.voice.listening import Turn
from aura.voice.options import Ears
from aura.voice.playback import Heard
from aura.voice.ports import BYTES_PER_SAMPLE
from aura.voice.reading import Reading, spoken_language
from aura.voice.reply import Reply, Voice
from aura.voice.speakable.cardinals import Language
from aura.voice.stages import measured
from aura.voice.surroundings import Surroundings
from aura.voice.telling import Rest
from aura.voice.turns import asks_to_go_on
from aura.voice.watchdog import watch_reply

logger = logging.getLogger(__name__)

Why = Literal["turn_detected", "client_cancelled"]
ECHO_TAIL_SECONDS = 0.5
"""How long a reply may be in the room, or in the client's buffer, after it should have ended."""
_REMEMBERED = 20
"""Replies that can still be truncated."""


class Replying:
    """At most one reply is under way, and at most one more waits on speculation for its turn to end.

    Args:
        changed: told what the assistant does now.
        record: takes down how long the stages of a turn took, when it is over.
    """

    def __init__(
        self,
        ears: Ears,
        answers: Answers,
        here: Surroundings,
        *,
        changed: Callable[[State], None],
        record: Callable[[TurnMeasured], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self._ears = ears
        self._answers = answers
        self._here = here
        self._changed = changed
        self._record = record
        self.guessing = Guessing(here, answers, begin=self._begun, drop=lambda reply: here.outbox.cancel(reply.number))
        """What is begun before a turn has ended."""
        self._reply: Reply | None = None
        self._pending: Turn | None = None
        """A turn that is about to be answered."""
        self._question = ""
        self._numbers = 0
        self._silent_at = -ECHO_TAIL_SECONDS
        self._cut: Cut | None = None
        self._measure: Callable[..., TurnMeasured] = TurnMeasured
        self._began_anew = False
        """Whether anything was answered over this connection."""
        self._settling: asyncio.Task[None] | None = None
        self._past: dict[int, Reply] = {}

    # -- what is heard of it -------------------------------------------------------------------------------------------

    @property
    def is_replying(self) -> bool:
        """Whether a reply is being made, or about to be; one that is only played any more is not."""
        return self._pending is not None or (self._reply is not None and not self._reply.ended)

    @property
    def is_audible(self) -> bool:
        """Whether the listener hears a reply, or still has some of it to play."""
        return self._reply is not None and self._reply.is_audible(self._here.timer.seconds())

    @property
    def is_echoing(self) -> bool:
        """Whether the microphone may hear a reply, or the end of one."""
        return self.is_audible or self._here.timer.seconds() - self._silent_at < ECHO_TAIL_SECONDS

    @property
    def is_thinking(self) -> bool:
        """Whether a reply is under way of which nothing was heard yet."""
        if self._pending is not None:
            return True
        return self._reply is not None and not self._reply.began and not self._reply.ended

    @property
    def played_seconds(self) -> float:
        """How much of the reply was played."""
        return 0.0 if self._reply is None else self._reply.playback.played_seconds(self._here.timer.seconds())

    @property
    def playing(self) -> str:
        """The words that are being played."""
        return "" if self._reply is None else self._reply.playback.playing(self._here.timer.seconds())

    @property
    def unheard_question(self) -> str | None:
        """The question of a reply of which nothing was heard yet: what is said now goes on with it."""
        return self._question if self.is_thinking else None

    # -- answering -----------------------------------------------------------------------------------------------------

    async def prefetch(self, turn: Turn, question: str) -> None:
        """Begin to search, once the history is what the user has heard."""
        await self._settled()
        if not turn.answered:
            await self.guessing.prefetch(turn, question)

    async def answer(self, turn: Turn, question: str) -> None:
        """Answer what was said in `turn`."""
        self._pending, self._question, turn.answered = turn, question, True
        self._changed(State.THINKING)
        endpoint = self._here.timer.seconds()
        try:
            await self._settled()
            if asks_to_go_on(question) and await self._go_on(turn, endpoint):
                return
            reply = await self.guessing.reply(turn, question)
        except AuraError as error:
            await self.guessing.forget(turn)
            self._here.outbox.post(Fault(kind=type(error).__name__, message=str(error)))
            self._changed(State.LISTENING)
            return
        finally:
            if self._pending is turn:
                self._pending = None
        if turn.prefetched is not None:  # for other words
            self._settle(self.guessing.forget(turn))
        self._take(reply, partial(measured, turn, reply, endpoint))
        self._here.outbox.post(RetrievalStarted(reply=reply.number))
        reply.release()
        self._here.spawn(self._follow(reply))

    async def _go_on(self, turn: Turn, endpoint: float) -> bool:
        """Say the rest of what was cut off, here or over a connection that was lost; False where there is none."""
        cut = self._cut
        if cut is None and not self._began_anew:
            cut = await self._cut_before()
        if cut is None:
            return False
        rest = cut.rest(self._language(cut.question))
        if rest is None:
            return False
        reply = self._new(turn, cut.question, cut.answer, cut.reading, rest=rest)
        self._run(reply)
        self._take(reply, partial(measured, turn, reply, endpoint), resumes=True)
        reply.release()
        self._here.spawn(self._follow(reply))
        return True

    async def _cut_before(self) -> Cut | None:
        found = await self._answers.cut_off()
        return None if found is None else Cut.before(found, self._language(found.whole.question), self._here.timer)

    def _take(self, reply: Reply, measure: Callable[..., TurnMeasured], *, resumes: bool = False) -> None:
        self._reply, self._cut, self._began_anew, self._measure = reply, None, True, measure
        self._past[reply.number] = reply
        while len(self._past) > _REMEMBERED:
            del self._past[next(iter(self._past))]
        self._here.outbox.post(ReplyBegan(reply=reply.number, turn=reply.turn, resumes=resumes))
        self._here.spawn(watch_reply(reply, self._here.timer, give_up=partial(self._give_up, reply)))

    async def _follow(self, reply: Reply) -> None:
        """Tell what the assistant does, and how long it took, until the reply was played."""
        while reply is self._reply and not reply.began and not reply.ended:
            await reply.news()
        if reply is not self._reply:
            return
        if reply.playback.began:
            self._changed(State.SPEAKING)
        self._here.outbox.post(self._measure())
        assert reply.task is not None
        await asyncio.wait((reply.task,))
        while reply is self._reply and (left := reply.playback.left_seconds(self._here.timer.seconds())) > 1e-6:
            await self._here.timer.sleep(left)
        if reply is self._reply:
            self._reply, self._silent_at = None, self._here.timer.seconds()
            self._changed(State.LISTENING)
            if reply.playback.began:
                self._settle(reply.note(reply.heard_whole))
            self._take_down(interrupted=False)

    # -- interrupting --------------------------------------------------------------------------------------------------

    def interrupt(self, why: Why, *, keep: bool = True, played: float | None = None) -> bool:
        """Stop the reply, and whatever of it waits to be sent, at once; False where there is none.

        What was heard of it is kept in the history, unless `keep` is False: then it is as if it had not been asked.
        `played` is how many seconds of it the client says to have played.
        """
        pending, self._pending = self._pending, None
        if pending is not None and pending.waiting is not None and pending.waiting is not asyncio.current_task():
            pending.waiting.cancel()
            self._settle(self.guessing.forget(pending))
            self._changed(State.LISTENING)
        reply, self._reply = self._reply, None
        if reply is None:
            return pending is not None
        told = ReplyEnded(number=reply.number, status="cancelled", reason=why, text=reply.reading.text)
        self._cut_off(reply, told, keep=keep, played=played)
        return True

    def _give_up(self, reply: Reply) -> None:
        """It should speak, and nothing is heard of it."""
        if reply is self._reply:
            self._reply = None
            kind, message = Unavailable.__name__, "the voice was silent for too long; ask again"
            told = ReplyEnded(number=reply.number, status="failed", text=reply.reading.text, kind=kind, message=message)
            self._cut_off(reply, told, keep=True)

    def _cut_off(self, reply: Reply, told: ReplyEnded, *, keep: bool, played: float | None = None) -> None:
        now = self._here.timer.seconds()
        heard = reply.heard(now, at_most=played)
        reply.wake()
        self._here.outbox.cancel(reply.number)
        if not reply.ended:
            self._here.outbox.post(told)
        if reply.began:
            self._here.outbox.post(Interrupted(number=reply.number, heard=heard))
            self._cut = Cut.of(reply, heard)
        self._here.gate.stop(now)
        self._silent_at = now
        self._settle(self._stop(reply, heard, keep=keep))
        if keep:
            self._take_down(interrupted=True)
        self._changed(State.LISTENING)

    def played(self, number: int, seconds: float) -> None:
        """The client has played so much of a reply."""
        if self._reply is not None and self._reply.number == number:
            self._reply.playback.report(seconds, self._here.timer.seconds())

    def truncate(self, number: int, seconds: float) -> int:
        """As `Conversation.truncate`."""
        if number not in self._past:
            raise NotFound("there is no such reply any more")
        reply = self._past[number]
        heard = reply.heard(self._here.timer.seconds(), at_most=seconds)
        if reply is self._reply:
            self.interrupt("client_cancelled", played=seconds)
            return heard.audio_ms
        if self._cut is not None and self._cut.reading is reply.reading:
            self._cut = Cut.of(reply, heard)
        self._here.outbox.post(Interrupted(number=number, heard=heard))
        self._settle(reply.note(heard))
        return heard.audio_ms

    async def close(self) -> None:
        """Stop, and keep what was heard."""
        self.interrupt("client_cancelled")
        if self._settling is not None:
            await asyncio.gather(self._settling, return_exceptions=True)

    def _settle(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` behind what is still to be settled: the next question must find the history as it was heard."""
        before = self._settling

        async def settled() -> None:
            if before is not None:
                await asyncio.gather(before, return_exceptions=True)
            await work

        self._settling = self._here.spawn(settled())

    def _take_down(self, *, interrupted: bool) -> None:
        """Keep how long the stages of the turn took; a conversation goes on also where that can not be kept."""
        if self._record is not None:
            self._settle(_written(self._record, self._measure(interrupted=interrupted)))

    async def _settled(self) -> None:
        if self._settling is not None:
            await asyncio.shield(self._settling)

    async def _stop(self, reply: Reply, heard: Heard, *, keep: bool) -> None:
        await stopped(reply)
        if keep:
            await reply.answer.keep()
            await reply.note(heard)

    # ------------------------------------------------------------------------------------------------------------------

    def _new(
        self,
        turn: Turn,
        question: str,
        answer: SpokenAnswer,
        reading: Reading,
        *,
        eager: bool = False,
        rest: Rest | None = None,
    ) -> Reply:
        self._numbers += 1
        synthesizer = self._ears.synthesizer if self._here.options.speaks else None
        return Reply(
            self._numbers,
            turn.number,
            question,
            answer,
            reading,
            voice=Voice(synthesizer=synthesizer, manner=self._here.options.manner),
            outbox=self._here.outbox,
            timer=self._here.timer,
            eager=eager,
            rest=rest,
            sending=self._note_sent,
        )

    def _begun(self, turn: Turn, question: str, answer: SpokenAnswer, eager: bool) -> Reply:
        reading = Reading(answer, self._language(question), self._here.timer)
        reply = self._new(turn, question, answer, reading, eager=eager)
        self._run(reply)
        return reply

    def _run(self, reply: Reply) -> None:
        reply.task = self._here.spawn(reply.run())

    def _note_sent(self, audio: ReplyAudio, heard_at: float) -> None:
        seconds = len(audio.pcm) / BYTES_PER_SAMPLE / audio.sample_rate_hz
        self._here.gate.playing(audio.pcm, heard_at, seconds)

    def hold(self) -> None:
        """Let nothing of the reply leave until it is known whether the user goes on."""
        if self._reply is not None:
            self._reply.hold()

    def release(self) -> None:
        """Go on: the user does not."""
        if self._reply is not None:
            self._reply.release()

    def _language(self, question: str) -> Language | None:
        return spoken_language(self._here.options.manner.language or self._here.options.hints.language, question)


async def _written(record: Callable[[TurnMeasured], Coroutine[Any, Any, None]], turn: TurnMeasured) -> None:
    try:
        await record(turn)
    except AuraError as error:
        logger.warning("how long a turn took is not kept: %s", error)
