"""ElevenLabs speaks: by HTTP what is whole, and what is still being written by a socket of our own.

The package's own realtime call is synchronous and drops the times of characters; its clients for HTTP and its typed messages
are used. A reply is one context of a socket: its first sentence is flushed, so that it is heard at once; while its text
makes a pause the context is kept alive; and who stops listening closes it, so that nothing more is made. A socket serves one
reply after the other.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import uuid4
from weakref import WeakKeyDictionary

from aura.errors import AuraError
from aura.router.faults import FaultKind
from aura.voice.adapters.elevenlabs_faults import Refused, translated
from aura.voice.adapters.elevenlabs_sockets import Place, Sockets
from aura.voice.alignment import Aligner
from aura.voice.errors import PartMissing, SpeechFault
from aura.voice.ports import BYTES_PER_SAMPLE, PLAIN, Capabilities, Manner, Speech, VoiceInfo

if TYPE_CHECKING:
    from elevenlabs.client import AsyncElevenLabs
    from websockets.asyncio.client import ClientConnection

COMMAND: Final = 'pip install "aura[elevenlabs]"'
SPOKEN_HZ: Final = 24_000
KEEP_ALIVE_SECONDS: Final = 15.0
"""A context that gets nothing for 20 s is closed. Source: the default of `inactivity_timeout`."""
FLUSH_SECONDS: Final = 0.3
"""What was given is spoken after so long a pause, however short it is."""
SCHEDULE: Final = 50
"""The fewest characters that are spoken without a flush; the service takes no smaller number."""
SLOWEST, FASTEST = 0.7, 1.2
"""What the service takes as a speed."""
_STALL_SECONDS: Final = 10.0
_VOICES_SECONDS: Final = 600.0


class ElevenLabs:
    """A `Synthesizer` that tells when each character is heard.

    Raises:
        PartMissing: the extra `elevenlabs` is not installed.
    """

    provider = "elevenlabs"
    capabilities = Capabilities(times="characters", joins_texts=True)

    def __init__(
        self,
        key: str,
        model: str,
        *,
        voice_id: str,
        address: str = "https://api.elevenlabs.io",
        stall_seconds: float = _STALL_SECONDS,
        keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
    ) -> None:
        if find_spec("elevenlabs") is None or find_spec("websockets") is None:
            raise PartMissing(
                f"text to speech by ElevenLabs is not installed: {COMMAND}", part="text to speech", command=COMMAND
            )
        self.model = model
        self._key, self._voice_id, self._address = key, voice_id, address.rstrip("/")
        self._stall_seconds, self._keep_alive_seconds = stall_seconds, keep_alive_seconds
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncElevenLabs] = WeakKeyDictionary()
        self._sockets = Sockets(key, self._address, {"model_id": model, "output_format": _FORMAT}, stall_seconds)
        self._voices: tuple[float, tuple[VoiceInfo, ...]] | None = None

    async def speak(self, text: str, manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        """As its port. Cost: one request, billed by the character."""
        voice, options = self._asked(manner)
        aligner, came = Aligner(), False
        aligner.given(text)
        speech = _Chunks(aligner)
        try:
            answer = (await self._client()).text_to_speech.stream_with_timestamps(
                voice, text=text, model_id=self.model, output_format=_FORMAT, request_options=_ONCE, **options
            )
            async with aclosing(cast("AsyncGenerator[Any]", answer)) as chunks:
                async for chunk in chunks:
                    if piece := speech.add(chunk.audio_base_64, *_told(chunk.alignment)):
                        came = True
                        yield piece
        except AuraError:
            raise
        except Exception as error:  # the package's own, and its HTTP client's
            raise translated(error) from error
        self._ensure_whole(aligner, came or not any(character.isalnum() for character in text))

    async def speak_stream(self, texts: AsyncIterable[str], manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        """As its port. Cost: one context of a socket, billed by the character."""
        voice, options = self._asked(manner)
        await asyncio.to_thread(_load)
        place = Place(voice_id=voice, language=options.get("language_code"))
        feed: _Feed | None = None
        socket: ClientConnection | None = None
        try:
            socket = await self._sockets.take(place)
            feed = _Feed(socket, texts, manner.speed, self._keep_alive_seconds)
            came = False
            async with aclosing(self._heard(socket, feed)) as pieces:
                async for piece in pieces:
                    came = True
                    yield piece
            self._ensure_whole(feed.aligner, came or not feed.spoken)
        except AuraError:
            raise
        except Exception as error:  # the socket's, its handshake's, and what is no message
            raise translated(error) from error
        finally:
            await asyncio.shield(self._left(place, socket, feed))
            if isinstance(texts, AsyncGenerator):
                await texts.aclose()

    async def voices(self) -> tuple[VoiceInfo, ...]:
        """As its port; kept for ten minutes."""
        if self._voices is None or time.monotonic() - self._voices[0] > _VOICES_SECONDS:
            try:
                found = await (await self._client()).voices.search(page_size=100, request_options=_ONCE)
            except Exception as error:  # as in `speak`
                raise translated(error) from error
            self._voices = (time.monotonic(), tuple(self._voice(each) for each in found.voices))
        return self._voices[1]

    async def close(self) -> None:
        """Close the sockets and connections of the running loop."""
        loop = asyncio.get_running_loop()
        await self._sockets.close()
        client = self._clients.pop(loop, None)
        if client is not None:
            await cast("Any", client)._client_wrapper.httpx_client.httpx_client.aclose()  # it has no method for it

    async def _client(self) -> AsyncElevenLabs:
        await asyncio.to_thread(_load)
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            from elevenlabs.client import AsyncElevenLabs

            self._clients[loop] = AsyncElevenLabs(api_key=self._key, base_url=self._address, timeout=30.0)
        return self._clients[loop]

    def _ensure_whole(self, aligner: Aligner, came: bool) -> None:
        """A speech that ends too early ends as one that is whole does."""
        if not came or aligner.cut_off:
            raise SpeechFault.kind(FaultKind.CUT if came else FaultKind.EMPTY, provider=self.provider)

    def _asked(self, manner: Manner) -> tuple[str, dict[str, Any]]:
        options: dict[str, Any] = {}
        if manner.language and self.model.endswith("_v2_5"):  # the others refuse it, or choose themselves
            options["language_code"] = manner.language.partition("-")[0]
        if manner.speed != 1.0:
            options["voice_settings"] = {"speed": min(FASTEST, max(SLOWEST, manner.speed))}
        return manner.voice_id or self._voice_id, options

    def _voice(self, each: Any) -> VoiceInfo:
        language = (each.labels or {}).get("language", "")
        return VoiceInfo(voice_id=each.voice_id, name=each.name or "", language=language, provider=self.provider)

    async def _heard(self, socket: ClientConnection, feed: _Feed) -> AsyncGenerator[Speech]:
        """What comes for this reply, until it is whole."""
        from elevenlabs.types import WebsocketTtsServerMessageMulti

        speech = _Chunks(feed.aligner)
        receiving = asyncio.ensure_future(socket.recv())
        try:
            while True:
                waiting = {receiving} if feed.task.done() else {receiving, feed.task}
                await asyncio.wait(waiting, timeout=self._stall_seconds, return_when=asyncio.FIRST_COMPLETED)
                if feed.task.done() and feed.failure is not None:
                    raise feed.failure
                if feed.task.done() and not feed.spoken:
                    return
                if not receiving.done():
                    if feed.due and time.monotonic() - feed.since >= self._stall_seconds:
                        raise SpeechFault.kind(FaultKind.STALL, provider=self.provider)
                    continue
                message = WebsocketTtsServerMessageMulti.model_validate_json(receiving.result())
                if (message.context_id or feed.context_id) == feed.context_id:
                    if message.audio:
                        feed.answered()
                        if piece := speech.add(message.audio, *_told_by_socket(message.alignment)):
                            yield piece
                    elif "error" in (message.model_extra or {}):
                        raise Refused(str((message.model_extra or {})["error"]))
                    if message.is_final or (message.model_extra or {}).get("isFinal"):
                        return
                receiving = asyncio.ensure_future(socket.recv())
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)

    async def _left(self, place: Place, socket: ClientConnection | None, feed: _Feed | None) -> None:
        """Nobody listens any more: close the context, and keep the socket for the next reply."""
        from websockets.exceptions import ConnectionClosed

        if feed is not None:
            await feed.stop()
        if socket is None:
            return
        with suppress(ConnectionClosed):
            if feed is not None:
                await feed.shut()
        await self._sockets.give_back(place, socket)


class _Chunks:
    """Makes speech of what comes in base64, which may break a sample apart, and of the times that are told with it."""

    def __init__(self, aligner: Aligner) -> None:
        self._aligner = aligner
        self._odd = b""

    def add(self, encoded: str | None, characters: Any, starts: Any, ends: Any) -> Speech | None:
        """The speech of one chunk; None where there is none in it. Times are in seconds."""
        data = self._odd + base64.b64decode(encoded or "")
        whole = len(data) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        pcm, self._odd = data[:whole], data[whole:]
        seconds = len(pcm) / BYTES_PER_SAMPLE / SPOKEN_HZ
        spans = self._aligner.spans(characters, starts, ends, piece_seconds=seconds)
        return Speech(pcm=pcm, sample_rate_hz=SPOKEN_HZ, spans=spans) if pcm else None


class _Feed:
    """Gives one context its texts, as they come."""

    def __init__(
        self, socket: ClientConnection, texts: AsyncIterable[str], speed: float, keep_alive_seconds: float
    ) -> None:
        self.context_id = uuid4().hex
        self.aligner = Aligner()
        self.opened = self.spoken = self.due = False
        """Whether the context is open, whether it has got any words, and whether speech of them is yet to come."""
        self.since = time.monotonic()
        """When it was last given something, or has answered."""
        self.failure: BaseException | None = None
        self._socket, self._speed = socket, min(FASTEST, max(SLOWEST, speed))
        self._keep_alive_seconds = keep_alive_seconds
        self.task = asyncio.create_task(self._run(aiter(texts)))

    def answered(self) -> None:
        """Speech has come."""
        self.due, self.since = False, time.monotonic()

    async def shut(self) -> None:
        """Close the context: what was flushed is still spoken, and nothing else."""
        from elevenlabs.types import CloseContext

        if self.opened:
            self.opened = False
            await self._send(CloseContext(context_id=self.context_id, close_context=True))

    async def stop(self) -> None:
        """Give no more."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _run(self, texts: Any) -> None:
        try:
            await self._give(texts)
        except Exception as error:  # the edge of the task: who listens raises it
            self.failure = error

    async def _give(self, texts: Any) -> None:
        from elevenlabs.types import KeepContextAlive, SendTextMulti

        held = False  # words that no flush has followed
        reading = asyncio.ensure_future(_next(texts))
        await self._open()
        try:
            while True:
                pause = FLUSH_SECONDS if held else self._keep_alive_seconds
                await asyncio.wait({reading}, timeout=pause)
                if not reading.done():
                    if held:
                        held = False
                        await self._send(SendTextMulti(text=" ", context_id=self.context_id, flush=True))
                    else:
                        await self._send(KeepContextAlive(text="", context_id=self.context_id))
                    continue
                text = reading.result()
                if text is None:
                    break
                reading = asyncio.ensure_future(_next(texts))
                held = await self._say(text) or held
            if held:
                await self._send(SendTextMulti(text=" ", context_id=self.context_id, flush=True))
            await self.shut()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _open(self) -> None:
        """Begin the context, before there is a text: one that is begun can be kept alive."""
        from elevenlabs.types import GenerationConfig, InitializeConnectionMulti, RealtimeVoiceSettings

        self.opened = True
        await self._send(
            InitializeConnectionMulti(
                text=" ",
                context_id=self.context_id,
                voice_settings=RealtimeVoiceSettings(speed=self._speed),
                generation_config=GenerationConfig(chunk_length_schedule=[SCHEDULE]),
            )
        )

    async def _say(self, text: str) -> bool:
        """Give one text; whether a flush must follow it."""
        from elevenlabs.types import SendTextMulti

        self.aligner.given(text)
        if not any(character.isalnum() for character in text):
            return False
        first, self.spoken = not self.spoken, True
        said = text if text.endswith(" ") else f"{text} "
        self.due, self.since = True, time.monotonic()
        options = {"flush": True} if first else {}
        await self._send(SendTextMulti(text=said, context_id=self.context_id, **options))
        return not first

    async def _send(self, message: Any) -> None:
        await self._socket.send(message.json())


_FORMAT: Final = "pcm_24000"
_ONCE: Final[Any] = {"max_retries": 0}


async def _next(texts: Any) -> str | None:
    return await anext(texts, None)


def _load() -> None:
    """Import the package: it takes two seconds, and the event loop has none to give."""
    from elevenlabs import client, types
    from websockets.asyncio import client as sockets

    assert client.AsyncElevenLabs
    assert types.SendTextMulti  # the package imports its modules when their names are used
    assert sockets.connect


def _told(times: Any) -> tuple[Any, Any, Any]:
    """The times of a chunk that came by HTTP."""
    if times is None:
        return (), (), ()
    return times.characters, times.character_start_times_seconds, times.character_end_times_seconds


def _told_by_socket(times: Any) -> tuple[Any, Any, Any]:
    """The times of a chunk that came by a socket: in milliseconds, with how long each character is."""
    if times is None:
        return (), (), ()
    starts = [each / 1000 for each in times.char_start_times_ms or ()]
    ends = [start + each / 1000 for start, each in zip(starts, times.char_durations_ms or (), strict=False)]
    return times.chars or (), starts, ends
