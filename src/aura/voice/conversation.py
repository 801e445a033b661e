"""A conversation by voice: it listens, answers and speaks, and can be interrupted at any moment.

One object per socket. What is heard comes in by `hear` and its like, which never wait; what happens goes out by `events`,
for the one task that writes to the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from aura.clock import SystemTimer, Timer
from aura.errors import BackendError, InvalidRequest
from aura.voice.answers import Answers
from aura.voice.barge_in import EchoGate
from aura.voice.ear import Change, Ear, Noticed
from aura.voice.endpointing import Endpointing
from aura.voice.events import Fault, Over, SpeechStarted, State, StateChanged, TalkEvent, TurnMeasured, WhyOver
from aura.voice.listening import Turn
from aura.voice.options import Ears, Limits, Options
from aura.voice.outbox import Outbox
from aura.voice.overhearing import Overhearing, Sound
from aura.voice.ports import Audio
from aura.voice.replying import Replying
from aura.voice.segment import Segment
from aura.voice.surroundings import Surroundings
from aura.voice.tasks import Tasks
from aura.voice.watchdog import watch_microphone


class Conversation:
    """Use it as an async context manager: it runs within, and leaves no task behind.

    Args:
        ears: `hear` is given PCM of 16 bits, mono, at the rate of its voice activity.
        record: keeps how long the stages of a turn took.
    """

    def __init__(
        self,
        ears: Ears,
        answers: Answers,
        *,
        options: Options = Options(),  # noqa: B008  # frozen
        limits: Limits = Limits(),  # noqa: B008  # frozen
        timer: Timer | None = None,
        record: Callable[[TurnMeasured], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self._ears = ears
        self._limits = limits
        self._tasks = Tasks(failed=self._failed)
        self._here = here = Surroundings(
            options=options,
            timer=timer or SystemTimer(),
            outbox=Outbox(),
            gate=EchoGate(),
            spawn=self._tasks.spawn,
        )
        self._ear = self._new_ear()
        self._turn: Turn | None = None
        self._turns = 0
        self._segments: set[Segment] = set()
        self._state = State.LISTENING
        self._active_at = self._heard_at = self._here.timer.seconds()
        self._watching: asyncio.Task[None] | None = None
        self._replying = Replying(ears, answers, here, changed=self._note_state, record=record)
        self._endpointing = Endpointing(self._replying, self._ear, here, ended=self._over)
        self._overhearing = Overhearing(
            self._replying, self._ear, here, open_segment=self._open, interrupt=self._interrupted_by
        )

    async def __aenter__(self) -> Self:
        self._here.spawn(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End everything. What was said until then is kept, as it was heard."""
        await self._replying.close()
        if self._turn is not None:
            await self._replying.guessing.forget(self._turn)
        for segment in self._segments:
            await segment.close()
        await self._tasks.close()
        self._here.outbox.close()

    def end(self, reason: WhyOver) -> None:
        """Tell the client that it is over, and why; nothing follows."""
        self._here.outbox.post(Over(reason=reason))
        self._here.outbox.close()

    # -- what happens --------------------------------------------------------------------------------------------------

    def events(self) -> AsyncGenerator[TalkEvent]:
        """What happens, for the one task that writes. It ends when the conversation does."""
        return self._here.outbox.events()

    @property
    def options(self) -> Options:
        """How it is held now."""
        return self._here.options

    @property
    def state(self) -> State:
        """What the assistant does."""
        return self._state

    @property
    def is_replying(self) -> bool:
        """Whether a reply is on its way, or about to be."""
        return self._replying.is_replying

    @property
    def tasks(self) -> int:
        """How many tasks are under way; for whoever watches that none is left behind."""
        return len(self._tasks)

    # -- what comes in -------------------------------------------------------------------------------------------------

    def configure(self, options: Options) -> None:
        """Go on in another way, from the next turn on."""
        if options.listens != self.options.listens:
            self.clear()
        self._here.options = options
        self._ear.adjust(
            threshold=options.threshold,
            pre_roll_seconds=options.pre_roll_seconds,
            settle_seconds=_settle_seconds(options),
        )
        self._keep_all()

    def hear(self, pcm: bytes) -> None:
        """The microphone's next samples."""
        noticed = self._ear.feed(pcm)
        self._heard_at = self._here.timer.seconds()
        if not self.options.listens:
            return
        for each in noticed:
            if each.change is Change.BEGAN:
                self._began(each)
                if self._watching is None or self._watching.done():
                    self._watching = self._here.spawn(self._watch_microphone())
            else:
                self._paused()
        if self._ear.speaking:
            self._active_at = self._here.timer.seconds()
            self._go_on_hearing(pcm, fresh=any(each.change is Change.BEGAN for each in noticed))

    def commit(self) -> None:
        """The client's turn ends here: what was heard since the last one is it.

        Raises:
            InvalidRequest: nothing was heard.
        """
        audio = self._ear.take() if self._turn is None or not self._turn.segments else None
        if audio is not None and audio.samples == 0:
            raise InvalidRequest("the audio buffer is empty: append audio before it is committed", field="audio")
        if self._turn is None:
            self._turn = self._new_turn()
        turn = self._turn
        if audio is not None:
            segment = self._segment(turn)
            segment.feed(audio)
            segment.finish(audio)
        elif self._ear.speaking:
            turn.segments[-1].finish(self._ear.take())
        self._keep_all()
        self._endpointing.end(turn)

    def clear(self) -> None:
        """Forget what was heard, and has not become a turn yet."""
        self._ear.clear()
        self._keep_all()
        self._overhearing.drop()
        self._drop_turn()

    def say(self, text: str, *, answer: bool = True) -> int:
        """The user types instead: what is being spoken is interrupted by it. Returns the number of the turn.

        Raises:
            InvalidRequest: there is no text.
        """
        if not text.strip():
            raise InvalidRequest("the text is empty: say something", field="text")
        self._active_at = self._here.timer.seconds()
        self._overhearing.drop()
        self._replying.interrupt("turn_detected")
        self._drop_turn()
        turn = self._new_turn()
        self._endpointing.typed(turn, text, answer=answer)
        return turn.number

    def respond(self) -> int:
        """Answer what was said and not answered, once all of it is understood. Returns the number of the turn."""
        turn = self._new_turn()
        self._endpointing.respond(turn)
        return turn.number

    def forget(self, turn: int) -> None:
        """What was said in a turn is not to be answered any more."""
        self._endpointing.forget(turn)

    def cancel(self) -> bool:
        """Stop the reply; False where there is none, which is no error. Who speaks already has the word then."""
        stopped = self._replying.interrupt("client_cancelled")
        self._overhearing.give_way()
        return stopped

    def played(self, reply: int, seconds: float) -> None:
        """The client has played so much of a reply."""
        self._replying.played(reply, seconds)

    def truncate(self, reply: int, seconds: float) -> int:
        """The client says how much of a reply was played when it was interrupted; what of it is taken, in milliseconds.

        Raises:
            NotFound: there is no such reply, or it is too long ago.
        """
        return self._replying.truncate(reply, seconds)

    # -- hearing -------------------------------------------------------------------------------------------------------

    def _began(self, noticed: Noticed) -> None:
        audio_ms = round(noticed.seconds * 1000)
        if self._turn is None and self._overhearing.applies:
            if self.options.interruptible or not (self._replying.is_audible or self._replying.is_thinking):
                self._overhearing.began(audio_ms)
            return
        if self._turn is None:
            self._turn = self._new_turn()
            self._here.outbox.post(SpeechStarted(turn=self._turn.number, audio_ms=audio_ms))
        elif self._turn.waiting is not None:  # the sentence goes on
            self._turn.waiting.cancel()
            self._turn.waiting = None
        self._segment(self._turn).feed(self._ear.said())

    def _go_on_hearing(self, pcm: bytes, *, fresh: bool) -> None:
        """Somebody speaks. `fresh`: they have just begun, and what they said so far was taken up already."""
        turn = self._turn
        if turn is None or not turn.segments:
            self._overhearing.heard(pcm)
            return
        if not fresh:
            turn.segments[-1].feed(Audio(pcm=pcm, sample_rate_hz=self._ear.sample_rate_hz))
        if self._ear.said_seconds >= self._limits.longest_turn_seconds:
            turn.segments[-1].finish(self._ear.take())
            self._endpointing.end(turn)

    def _paused(self) -> None:
        if self._turn is None:
            self._overhearing.paused()
        elif self._turn.segments:
            self._turn.segments[-1].finish(self._ear.take())
            self._endpointing.pause(self._turn)

    def _lost(self) -> None:
        """No audio comes any more in the middle of a word."""
        self._ear.lose(self._here.timer.seconds() - self._heard_at)
        self._paused()

    async def _watch_microphone(self) -> None:
        await watch_microphone(self._ear, self._here.timer, last=lambda: self._heard_at, lost=self._lost)

    def _interrupted_by(self, sound: Sound) -> None:
        """A sound is an interruption: the reply ends here, and what is said is a turn. Where nothing of the reply was
        heard yet, it goes on with the turn before."""
        before = self._replying.unheard_question
        self._drop_turn()
        self._turn = turn = self._new_turn(before=before or "")
        turn.segments.extend(sound.segments)
        for segment in sound.segments:
            segment.told = self._teller(turn)
        self._here.outbox.post(SpeechStarted(turn=turn.number, audio_ms=sound.audio_ms))
        self._replying.interrupt("turn_detected", keep=before is None)
        if not self._ear.speaking:
            self._endpointing.pause(turn)

    def _over(self, turn: Turn) -> None:
        if self._turn is turn:
            self._turn = None

    # ------------------------------------------------------------------------------------------------------------------

    def _new_ear(self) -> Ear:
        ear = Ear(
            self._ears.activity,
            threshold=self.options.threshold,
            pre_roll_seconds=self.options.pre_roll_seconds,
            settle_seconds=_settle_seconds(self.options),
        )
        if not self.options.listens:
            ear.keep_from_here()
        return ear

    def _keep_all(self) -> None:
        if not self.options.listens:
            self._ear.keep_from_here()

    def _new_turn(self, *, before: str = "") -> Turn:
        self._turns += 1
        return Turn(self._turns, before=before)

    def _segment(self, turn: Turn) -> Segment:
        turn.segments.append(self._open(self._teller(turn)))
        return turn.segments[-1]

    def _open(self, told: Callable[[str], None]) -> Segment:
        self._segments = {segment for segment in self._segments if segment.is_open}
        segment = Segment(self._ears.transcriber, self.options.hints, told)
        self._segments.add(segment)
        return segment

    def _teller(self, turn: Turn) -> Callable[[str], None]:
        def told(text: str) -> None:
            self._endpointing.understood(turn, text)

        return told

    def _drop_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            self._here.spawn(turn.close())
            self._here.spawn(self._replying.guessing.forget(turn))

    def _note_state(self, state: State) -> None:
        if state is not self._state:
            self._state = state
            self._here.outbox.post(StateChanged(state=state))

    def _failed(self, fault: Fault) -> None:
        self._here.outbox.post(fault)
        if fault.kind == BackendError.__name__:  # nobody else says that nothing goes on
            self._note_state(State.LISTENING)

    async def _watch(self) -> None:
        """End the conversation when it has lasted too long, or nobody says anything any more."""
        ends = self._here.timer.seconds() + self._limits.session_seconds
        while True:
            if self._state is not State.LISTENING:
                self._active_at = self._here.timer.seconds()
            now = self._here.timer.seconds()
            idle_ends = self._active_at + self._limits.idle_seconds
            if now >= min(ends, idle_ends):
                self.end("session_limit" if now >= ends else "idle")
                return
            await self._here.timer.sleep(min(ends, idle_ends) - now)


def _settle_seconds(options: Options) -> float:
    """A guess costs nothing but its price, so it is made at the first sign of an end."""
    return 0.1 if options.speculation == "off" else 0.03
