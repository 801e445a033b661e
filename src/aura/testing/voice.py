"""Answers that come as a test wants, on a timer that it moves: what a conversation by voice asks, and what it keeps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from uuid import UUID, uuid4

import msgspec

from aura.answering.events import Answer, AnswerEvent, Citation, Cited, Delta, Final, Refusal, Sources, Timings
from aura.clock import SystemTimer, Timer
from aura.identity import ConversationId
from aura.index.passage import Passage
from aura.voice.answers import CutOff, Prefetch
from aura.voice.playback import Heard


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """One answer: its chunks, and the seconds before its sources, before its first chunk and before each further one.

    `routing_seconds` is how long it takes until it is known who answers. With an `error` it breaks off after its chunks.
    """

    chunks: Sequence[str] = ()
    routing_seconds: float = 0.0
    retrieval_seconds: float = 0.0
    first_seconds: float = 0.0
    chunk_seconds: float = 0.0
    passages: tuple[Passage, ...] = ()
    citations: tuple[Citation, ...] = ()
    refused: bool = False
    error: Exception | None = None


Script = Sequence[Written | str | Exception] | Callable[[str], Written | str]


class Told(msgspec.Struct, kw_only=True):
    """A turn that was kept; `heard` is None where all of it was."""

    question: str
    text: str
    stopped: bool
    heard: Heard | None = None

    @property
    def spoken(self) -> str:
        """What the history has of the answer."""
        return self.text if self.heard is None else self.heard.spoken


class ScriptedAnswers:
    """The `Answers` of a test: replies in order, or by their question; one question too many fails.

    `asked` has all questions, with whether they were asked on speculation, `prefetched` what was searched for ahead, and
    `dropped` what of it was in vain; `history` the turns that were kept, `active` how many answers are being written,
    `closed` how many were closed before their end. `cut` is an answer that was interrupted before.
    """

    def __init__(self, script: Script = (), *, timer: Timer | None = None) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.prefetched: list[str] = []
        self.dropped: list[str] = []
        self.cut: CutOff | None = None
        self.history: list[Told] = []
        self.active = self.closed = self.stood = 0
        self.refusing: Exception | None = None
        """Raised where a question that stands is counted."""
        self.timer = timer or SystemTimer()
        self._write = script if callable(script) else None
        self._script = [] if callable(script) else list(script)

    def prefetch(self, question: str) -> ScriptedPrefetch:
        """As its port."""
        self.prefetched.append(question)
        return ScriptedPrefetch(self, question)

    async def cut_off(self) -> CutOff | None:
        """As its port."""
        return self.cut

    async def answer(
        self, question: str, *, speculative: bool = False, prefetched: Prefetch | None = None
    ) -> ScriptedAnswer:
        """As its port: what was searched for ahead need not be waited for again."""
        self.asked.append((question, speculative))
        if self._write is not None:
            written = self._write(question)
        else:
            assert self._script, f"question {len(self.asked)} to answers that are fewer"
            written = self._script.pop(0)
        if isinstance(written, Exception):
            written = Written(error=written)
        written = Written(chunks=(written,)) if isinstance(written, str) else written
        if written.routing_seconds:
            await self.timer.sleep(written.routing_seconds)
        if isinstance(prefetched, ScriptedPrefetch):
            left = max(0.0, written.retrieval_seconds - (self.timer.seconds() - prefetched.began))
            written = msgspec.structs.replace(written, retrieval_seconds=left)
        return ScriptedAnswer(self, question, written)


class ScriptedPrefetch:
    """What one of `ScriptedAnswers` searches for ahead."""

    def __init__(self, answers: ScriptedAnswers, question: str) -> None:
        self.question = question
        self.began = answers.timer.seconds()
        self._answers = answers

    async def close(self) -> None:
        """As its port."""
        self._answers.dropped.append(self.question)


class ScriptedAnswer:
    """One of `ScriptedAnswers`."""

    def __init__(self, answers: ScriptedAnswers, question: str, written: Written) -> None:
        self.id: UUID = uuid4()
        self.conversation_id: ConversationId | None = None
        self._answers = answers
        self._question = question
        self._written = written
        self._text = ""
        self._whole: Answer | None = None
        self._told: Told | None = None

    async def events(self) -> AsyncGenerator[AnswerEvent]:
        """As its port."""
        written, timer, ended = self._written, self._answers.timer, False
        self._answers.active += 1
        try:
            await timer.sleep(written.retrieval_seconds)
            yield Sources(response_id=self.id, seq=0, passages=written.passages)
            seq = 0
            for n, chunk in enumerate(written.chunks):
                await timer.sleep(written.chunk_seconds if n else written.first_seconds)
                self._text += chunk
                yield Delta(response_id=self.id, seq=(seq := seq + 1), text=chunk)
                for citation in written.citations:
                    if f"[{citation.marker}]" in chunk:
                        yield Cited(response_id=self.id, seq=(seq := seq + 1), citation=citation)
            if written.error is not None:
                raise written.error
            self._whole, ended = self._answer(stopped=False), True
            end = Refusal if written.refused else Final
            yield end(response_id=self.id, seq=seq + 1, answer=self._whole)
        finally:
            self._answers.active -= 1
            self._answers.closed += not ended

    async def stands(self) -> None:
        """As its port."""
        self._answers.stood += 1
        if self._answers.refusing is not None:
            raise self._answers.refusing

    async def keep(self) -> Answer:
        """As its port."""
        answer = self._whole or self._answer(stopped=True)
        if self._told is None:
            self._told = Told(question=self._question, text=answer.text, stopped=answer.stopped)
            self._answers.history.append(self._told)
        return answer

    async def heard(self, heard: Heard) -> None:
        """As its port."""
        if self._told is not None:
            self._told.heard = heard

    def _answer(self, *, stopped: bool) -> Answer:
        return Answer(
            response_id=self.id,
            question=self._question,
            text=self._text,
            citations=self._written.citations,
            sources=self._written.passages,
            refused=self._written.refused,
            model="scripted",
            cost_usd=0.0,
            timings=Timings(),
            stopped=stopped,
        )
