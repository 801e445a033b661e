"""The assistant's side of a conversation: the reply under way, the one on speculation, and what was cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal

from aura.clock import Timer
from aura.errors import AuraError, NotFound
from aura.voice.answers import Answers
from aura.voice.barge_in import EchoGate
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
from aura.voice.listening import Turn
from aura.voice.options import Ears, Options
from aura.voice.outbox import Outbox
from aura.voice.playback import Heard
from aura.voice.ports import BYTES_PER_SAMPLE
from aura.voice.reading import Reading, spoken_language
from aura.voice.reply import Reply, Voice
from aura.voice.speakable.speakable import Speakable
from aura.voice.turns import asks_to_go_on

Why = Literal["turn_detected", "client_cancelled"]
ECHO_TAIL_SECONDS = 0.5
"""How long a reply may be in the room, or in the client's buffer, after it should have ended."""
_REMEMBERED = 20
"""Replies that can still be truncated."""


class Replying:
    """At most one reply is under way, and at most one more waits on speculation for its turn to end.

    Args:
        spawn: runs what nobody waits for.
        changed: told what the assistant does now.
    """

    def __init__(
        self,
        ears: Ears,
        answers: Answers,
        outbox: Outbox,
        timer: Timer,
        gate: EchoGate,
        *,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        changed: Callable[[State], None],
    ) -> None:
        self.options = Options()
        self._ears = ears
        self._answers = answers
        self._outbox = outbox
        self._timer = timer
        self._gate = gate
        self._spawn = spawn
        self._changed = changed
        self._reply: Reply | None = None
        self._pending: Turn | None = None
        """A turn that is about to be answered."""
        self._question = ""
        self._numbers = 0
        self._silent_at = -ECHO_TAIL_SECONDS
        self._cut: tuple[Reply, Heard] | None = None
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
        return self._reply is not None and self._reply.is_audible(self._timer.seconds())

    @property
    def is_echoing(self) -> bool:
        """Whether the microphone may hear a reply, or the end of one."""
        return self.is_audible or self._timer.seconds() - self._silent_at < ECHO_TAIL_SECONDS

    @property
    def is_thinking(self) -> bool:
        """Whether a reply is under way of which nothing was heard yet."""
        if self._pending is not None:
            return True
        return self._reply is not None and not self._reply.began and not self._reply.ended

    @property
    def played_seconds(self) -> float:
        """How much of the reply was played."""
        return 0.0 if self._reply is None else self._reply.playback.played_seconds(self._timer.seconds())

    @property
    def playing(self) -> str:
        """The words that are being played."""
        return "" if self._reply is None else self._reply.playback.playing(self._timer.seconds())

    @property
    def unheard_question(self) -> str | None:
        """The question of a reply of which nothing was heard yet: what is said now goes on with it."""
        return self._question if self.is_thinking else None

    # -- answering -----------------------------------------------------------------------------------------------------

    async def speculate(self, turn: Turn, question: str) -> None:
        """Begin to answer what was probably all; nothing of it is heard, or kept, unless it was."""
        if self.options.speculation == "off" or turn.speculated >= self.options.most_speculations:
            return
        if turn.speculative is not None and turn.speculative.question == question:
            return
        if asks_to_go_on(question):
            return
        await self.discard(turn)
        answer = await self._answers.answer(question, speculative=True)
        if answer is None:
            return
        turn.speculated += 1
        reading = Reading(answer, self._language(question), self._timer)
        turn.speculative = self._new(turn, question, answer, reading, eager=self.options.speculation == "synthesis")
        self._run(turn.speculative)

    async def discard(self, turn: Turn) -> None:
        """Throw the speculative answer away."""
        reply, turn.speculative = turn.speculative, None
        if reply is not None:
            self._outbox.cancel(reply.number)
            await _stopped(reply)

    async def answer(self, turn: Turn, question: str) -> None:
        """Answer what was said in `turn`."""
        self._pending, self._question = turn, question
        self._changed(State.THINKING)
        endpoint = self._timer.seconds()
        try:
            if self._settling is not None:
                await asyncio.shield(self._settling)
            if asks_to_go_on(question) and self._go_on(turn):
                return
            await self._begin(turn, question)
        except AuraError as error:
            await self.discard(turn)
            self._outbox.post(Fault(kind=type(error).__name__, message=str(error)))
            self._changed(State.LISTENING)
            return
        finally:
            if self._pending is turn:
                self._pending = None
        assert self._reply is not None
        self._spawn(self._follow(self._reply, turn, endpoint))

    async def _begin(self, turn: Turn, question: str) -> None:
        reply, turn.speculative = turn.speculative, None
        if reply is not None and reply.question != question:
            turn.speculative = reply
            await self.discard(turn)
            reply = None
        if reply is None:
            answer = await self._answers.answer(question)
            assert answer is not None  # only speculation may be declined
            await answer.stands()
            reply = self._new(turn, question, answer, Reading(answer, self._language(question), self._timer))
            self._run(reply)
        else:
            await reply.answer.stands()
        self._take(reply)
        self._outbox.post(RetrievalStarted(reply=reply.number))
        reply.release()

    def _go_on(self, turn: Turn) -> bool:
        """Say the rest of what was cut off; False where there is none."""
        if self._cut is None:
            return False
        cut, heard = self._cut
        text, language = cut.reading.text, self._language(cut.question)
        speakable = Speakable(language, start=heard.characters)
        rest = tuple(speakable.feed(text) + speakable.finish())
        if not rest:
            return False
        reply = self._new(turn, cut.question, cut.answer, cut.reading, rest=rest, start=heard.characters)
        self._run(reply)
        self._take(reply, resumes=True)
        reply.release()
        self._spawn(self._follow(reply, turn, self._timer.seconds()))
        return True

    def _take(self, reply: Reply, *, resumes: bool = False) -> None:
        self._reply, self._cut = reply, None
        self._past[reply.number] = reply
        while len(self._past) > _REMEMBERED:
            del self._past[next(iter(self._past))]
        self._outbox.post(ReplyBegan(reply=reply.number, turn=reply.turn, resumes=resumes))

    async def _follow(self, reply: Reply, turn: Turn, endpoint: float) -> None:
        """Tell what the assistant does, and how long it took, until the reply was played."""
        while reply is self._reply and not reply.began and not reply.ended:
            await reply.news()
        if reply is not self._reply:
            return
        if reply.playback.began:
            self._changed(State.SPEAKING)
        self._outbox.post(self._measured(reply, turn, endpoint))
        assert reply.task is not None
        await asyncio.wait((reply.task,))
        while reply is self._reply and (left := reply.playback.left_seconds(self._timer.seconds())) > 1e-6:
            await self._timer.sleep(left)
        if reply is self._reply:
            self._reply, self._silent_at = None, self._timer.seconds()
            self._changed(State.LISTENING)

    # -- interrupting --------------------------------------------------------------------------------------------------

    def interrupt(self, why: Why, *, keep: bool = True, played: float | None = None) -> bool:
        """Stop the reply, and whatever of it waits to be sent, at once; False where there is none.

        What was heard of it is kept in the history, unless `keep` is False: then it is as if it had not been asked.
        `played` is how many seconds of it the client says to have played.
        """
        pending, self._pending = self._pending, None
        if pending is not None and pending.waiting is not None and pending.waiting is not asyncio.current_task():
            pending.waiting.cancel()
            self._settle(self.discard(pending))
            self._changed(State.LISTENING)
        reply, self._reply = self._reply, None
        if reply is None:
            return pending is not None
        now = self._timer.seconds()
        heard = reply.heard(now, at_most=played)
        reply.wake()
        self._outbox.cancel(reply.number)
        if not reply.ended:
            self._outbox.post(_cancelled(reply, why))
        if reply.began:
            self._outbox.post(Interrupted(number=reply.number, heard=heard))
            self._cut = (reply, heard)
        self._gate.stop(now)
        self._silent_at = now
        self._settle(self._stop(reply, heard, keep=keep))
        self._changed(State.LISTENING)
        return True

    def played(self, number: int, seconds: float) -> None:
        """The client has played so much of a reply."""
        if self._reply is not None and self._reply.number == number:
            self._reply.playback.report(seconds, self._timer.seconds())

    def truncate(self, number: int, seconds: float) -> int:
        """As `Conversation.truncate`."""
        if number not in self._past:
            raise NotFound("there is no such reply any more")
        reply = self._past[number]
        heard = reply.heard(self._timer.seconds(), at_most=seconds)
        if reply is self._reply:
            self.interrupt("client_cancelled", played=seconds)
            return heard.audio_ms
        if self._cut is not None and self._cut[0] is reply:
            self._cut = (reply, heard)
        self._outbox.post(Interrupted(number=number, heard=heard))
        self._settle(reply.answer.heard(heard))
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

        self._settling = self._spawn(settled())

    async def _stop(self, reply: Reply, heard: Heard, *, keep: bool) -> None:
        await _stopped(reply)
        if keep:
            await reply.answer.keep()
            await reply.answer.heard(heard)

    # ------------------------------------------------------------------------------------------------------------------

    def _new(self, turn: Turn, question: str, answer: Any, reading: Reading, **how: Any) -> Reply:
        self._numbers += 1
        synthesizer = self._ears.synthesizer if self.options.speaks else None
        return Reply(
            self._numbers,
            turn.number,
            question,
            answer,
            reading,
            voice=Voice(synthesizer=synthesizer, manner=self.options.manner),
            outbox=self._outbox,
            timer=self._timer,
            sending=self._note_sent,
            **how,
        )

    def _run(self, reply: Reply) -> None:
        reply.task = self._spawn(reply.run())

    def _note_sent(self, audio: ReplyAudio, heard_at: float) -> None:
        seconds = len(audio.pcm) / BYTES_PER_SAMPLE / audio.sample_rate_hz
        self._gate.playing(audio.pcm, heard_at, seconds)

    def hold(self) -> None:
        """Let nothing of the reply leave until it is known whether the user goes on."""
        if self._reply is not None:
            self._reply.hold()

    def release(self) -> None:
        """Go on: the user does not."""
        if self._reply is not None:
            self._reply.release()

    def _language(self, question: str):
        return spoken_language(self.options.manner.language or self.options.hints.language, question)

    def _measured(self, reply: Reply, turn: Turn, endpoint: float) -> TurnMeasured:
        def since(at: float | None) -> float | None:
            return None if at is None else round(at - turn.silent_at, 4)

        reading = reply.reading
        return TurnMeasured(
            endpoint=since(endpoint),
            transcript=since(turn.transcribed_at),
            retrieval=since(reading.retrieved_at),
            first_token=since(reading.first_token_at),
            first_sentence=since(reply.first_sentence_at),
            first_audio=since(reply.first_audio_at),
            speculated=turn.speculated,
        )


async def _stopped(reply: Reply) -> None:
    if reply.task is not None:
        reply.task.cancel()
        await asyncio.gather(reply.task, return_exceptions=True)


def _cancelled(reply: Reply, why: Why) -> ReplyEnded:
    return ReplyEnded(number=reply.number, status="cancelled", reason=why, text=reply.reading.text)
