"""The services that can do one thing, one after the other, as one port: which is asked is the circuit breaker's to say.

A service that fails before anything has come of it is unseen: the next one is asked, from the beginning. One that fails in
the middle of a speech ends it with `Unavailable`: who plays it knows what was heard, and asks again for the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import aclosing
from typing import Final, Generic
from uuid import UUID, uuid4

import msgspec

from aura.errors import AuraError, InvalidRequest
from aura.router.faults import Fault, error_of
from aura.usage.ledger import Kind
from aura.voice.adapters.browser import Browser
from aura.voice.attempts import Attempt, Ledgered, P, Route
from aura.voice.errors import PartMissing, SpeechFault
from aura.voice.ports import (
    NO_HINTS,
    PLAIN,
    Audio,
    Capabilities,
    Hints,
    Manner,
    Speech,
    Synthesizer,
    Transcriber,
    Transcript,
    VoiceInfo,
)
from aura.voice.replay import Replay

STREAM_SECONDS: Final = 60.0
STREAM_CHARACTERS: Final = 2_000
"""What is reserved for a stream, whose length nobody knows before its end."""
_BROWSER: Final = Browser()


class _Chain(Generic[P]):
    def __init__(self, routes: Sequence[Route[P]], of: Ledgered, *, deadline_seconds: float) -> None:
        self._routes = tuple(routes)
        self._of = of
        self._deadline_seconds = deadline_seconds

    def _in_order(self, first: str | None = None) -> list[Route[P]]:
        """Those that take calls, the preferred first; then those that do not, the soonest well first."""
        board = self._of.board
        for each in self._routes:
            if not each.local:
                board.add(each.route, provider=each.part.provider, model=each.part.model)
        ordered = sorted(self._routes, key=lambda each: each.part.provider != first) if first else list(self._routes)
        well = [each for each in ordered if each.local or board.takes_calls(each.route)]
        ill = [each for each in ordered if each not in well]
        return well + ill if not well else well + ([] if any(each.local for each in well) else ill)

    def _attempt(
        self, route: Route[P], kind: Kind, call_id: UUID, number: int, *, seconds: float = 0.0, characters: int = 0
    ) -> Attempt:
        return Attempt(route, self._of, kind, call_id=call_id, number=number, seconds=seconds, characters=characters)


class TranscriberChain(_Chain[Transcriber]):
    """A `Transcriber` of several. It raises what `aura.errors` has, and `PartMissing` without any."""

    @property
    def provider(self) -> str:
        """The preferred one's; "" without any."""
        return self._routes[0].part.provider if self._routes else ""

    @property
    def model(self) -> str:
        """The preferred one's."""
        return self._routes[0].part.model if self._routes else ""

    @property
    def capabilities(self) -> Capabilities:
        """The preferred one's."""
        return self._routes[0].part.capabilities if self._routes else Capabilities()

    async def transcribe(self, audio: Audio, hints: Hints = NO_HINTS) -> Transcript:
        """As its port. Each service may take as long as the audio, and the deadline besides."""
        fault, tried = None, ""
        call_id = uuid4()
        for number, route in enumerate(self._required(hints), 1):
            tried = route.name
            async with (
                self._attempt(route, Kind.TRANSCRIPTION, call_id, number, seconds=audio.seconds) as attempt,
                asyncio.timeout(self._deadline_seconds + audio.seconds),
            ):
                attempt.seconds = audio.seconds
                found = await route.part.transcribe(audio, hints)
                attempt.heard()
                attempt.ended()
                return found
            fault = attempt.fault
            if fault is None or fault.final:
                break
        raise _error(fault, tried)

    async def stream(self, pieces: AsyncIterable[Audio], hints: Hints = NO_HINTS) -> AsyncGenerator[Transcript]:
        """As its port. Where a service fails, the next one hears all of it again."""
        routes = self._required(hints)
        fault, tried, call_id, replay = None, "", uuid4(), Replay(pieces)
        try:
            for number, route in enumerate(routes, 1):
                tried = route.name
                async with (
                    self._attempt(route, Kind.TRANSCRIPTION, call_id, number, seconds=STREAM_SECONDS) as attempt,
                    aclosing(route.part.stream(replay.again(), hints)) as transcripts,
                ):
                    async for found in transcripts:
                        attempt.heard()
                        attempt.seconds = sum(piece.seconds for piece in replay.seen)
                        if found.final:
                            attempt.ended()
                        yield found
                    return
                fault = attempt.fault
                if fault is None or fault.final:
                    break
        finally:
            await replay.close()
        raise _error(fault, tried)

    def _required(self, hints: Hints) -> list[Route[Transcriber]]:
        if not self._routes:
            command = 'pip install "aura[voice]"'
            raise PartMissing(
                f"speech to text is not installed: {command}, or set OPENAI_API_KEY",
                part="speech to text",
                command=command,
            )
        ordered = self._in_order()
        language = (hints.language or "").partition("-")[0]
        fitting = [each for each in ordered if _knows(each.part.capabilities, language)]
        if not fitting:
            raise InvalidRequest(f"no speech service that is configured hears {hints.language!r}", field="language")
        return fitting


class SynthesizerChain(_Chain[Synthesizer]):
    """A `Synthesizer` of several. Without any the client speaks by itself, and `speak` raises `PartMissing`.

    The one that died last in the middle of a speech is the last that is asked for the rest of it, and from then on.
    """

    def __init__(self, routes: Sequence[Route[Synthesizer]], of: Ledgered, *, deadline_seconds: float) -> None:
        super().__init__(routes, of, deadline_seconds=deadline_seconds)
        self._died: Route[Synthesizer] | None = None

    @property
    def provider(self) -> str:
        """The preferred one's; `browser` without any."""
        return (self._routes[0].part if self._routes else _BROWSER).provider

    @property
    def model(self) -> str:
        """The preferred one's."""
        return (self._routes[0].part if self._routes else _BROWSER).model

    @property
    def capabilities(self) -> Capabilities:
        """The preferred one's."""
        return (self._routes[0].part if self._routes else _BROWSER).capabilities

    async def speak(self, text: str, manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        """As its port. The first piece, and each further one, has the deadline's time."""
        routes, manners = self._required(manner)
        fault, tried, call_id = None, "", uuid4()
        for number, route in enumerate(routes, 1):
            tried = route.name
            async with (
                self._attempt(
                    route, Kind.SYNTHESIS, call_id, number, seconds=len(text) / 12, characters=len(text)
                ) as attempt,
                aclosing(route.part.speak(text, manners[route])) as pieces,
            ):
                attempt.characters = len(text)
                while True:
                    async with asyncio.timeout(self._deadline_seconds):
                        piece = await anext(pieces, None)
                    if piece is None:
                        break
                    _count(attempt, piece)
                    yield piece
                attempt.ended()
                return
            fault = attempt.fault
            if fault is None or fault.final or attempt.began:
                self._died = route if attempt.began else self._died
                break
        raise _error(fault, tried)

    async def speak_stream(self, texts: AsyncIterable[str], manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        """As its port. A service has its own deadlines here: it knows whether a silence is its text's."""
        routes, manners = self._required(manner)
        fault, tried, call_id, replay = None, "", uuid4(), Replay(texts)
        try:
            for number, route in enumerate(routes, 1):
                tried = route.name
                async with (
                    self._attempt(
                        route, Kind.SYNTHESIS, call_id, number, seconds=STREAM_SECONDS, characters=STREAM_CHARACTERS
                    ) as attempt,
                    aclosing(route.part.speak_stream(replay.again(), manners[route])) as pieces,
                ):
                    async for piece in pieces:
                        attempt.characters = sum(map(len, replay.seen))
                        _count(attempt, piece)
                        yield piece
                    attempt.ended()
                    return
                fault = attempt.fault
                if fault is None or fault.final or attempt.began:
                    self._died = route if attempt.began else self._died
                    break
        finally:
            await replay.close()
        raise _error(fault, tried)

    async def voices(self) -> tuple[VoiceInfo, ...]:
        """The voices of all services that answer, the preferred one's first; their ids name the service, too.

        Raises:
            Unavailable: none of them answers.
            PartMissing: there is none.
        """
        routes, _ = self._required(PLAIN)
        found, fault = list[VoiceInfo](), None
        for route in routes:
            try:
                async with asyncio.timeout(self._deadline_seconds):
                    listed = await route.part.voices()
            except SpeechFault as error:
                fault = error.fault
                continue
            except TimeoutError:
                continue
            found += [
                msgspec.structs.replace(each, voice_id=f"{route.part.provider}:{each.voice_id}") for each in listed
            ]
        if not found:
            raise _error(fault, routes[0].name)
        return tuple(found)

    def _required(self, manner: Manner) -> tuple[list[Route[Synthesizer]], dict[Route[Synthesizer], Manner]]:
        """The services in their order, and how each is asked: a voice is asked for where it is, others choose theirs."""
        if not self._routes:
            _BROWSER.speak("")  # which says what is missing
        provider, of, voice = (manner.voice_id or "").partition(":")
        known = {each.part.provider for each in self._routes}
        if of and provider not in known:
            raise InvalidRequest(f"there is no such voice: {provider[:40]!r} does not speak here", field="voice_id")
        first = provider if of else None
        routes = sorted(self._in_order(first), key=lambda each: each is self._died)
        owner = first or self.provider
        plain = msgspec.structs.replace(manner, voice_id=None)
        asked = msgspec.structs.replace(manner, voice_id=voice if of else manner.voice_id)
        return routes, {each: asked if each.part.provider == owner else plain for each in routes}


def _count(attempt: Attempt, piece: Speech) -> None:
    attempt.heard()
    attempt.seconds += piece.seconds


def _knows(capabilities: Capabilities, language: str) -> bool:
    return not language or capabilities.languages is None or language in capabilities.languages


def _error(fault: Fault | None, what: str) -> AuraError:
    assert fault is not None, "an attempt that fails has a fault"
    return error_of(fault, what=what)
