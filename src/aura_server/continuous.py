"""`WS /api/voice/continuous`: audio in, and each sentence of the answer back with its audio and its sources.

In:  {"type": "start", sample_rate_hz?, encoding?, language?, voice_id?, speculation?} (may be left out) ·
     {"type": "audio_chunk", "audio": base64}, or a binary message · {"type": "text", "text"} · {"type": "commit"} ·
     {"type": "stop"} · {"type": "played", "reply", "audio_ms"} · {"type": "ping"}
Out: {"type": "ready", conversation_id, resume_token, resume_seconds, resumed, …} · state · speech_started ·
     transcript {text, final} · response {reply, text, audio: base64 WAV, sources, citations} for each sentence ·
     response_done {reply, text, …} · duck {on} · interrupted {reply, spoken, full, audio_ms} · error {kind, message} · pong

Who loses the connection opens another one with ?resume=TOKEN, within so many seconds: conversation and settings go on.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from contextlib import suppress
from typing import Annotated

import msgspec
from litestar.exceptions import WebSocketDisconnect
from msgspec import Meta

from aura.access.callers import Caller
from aura.answering.events import Answer, Citation
from aura.errors import AuraError, InvalidRequest, Unauthenticated
from aura.voice import events
from aura.voice.attending import attended
from aura.voice.audio.codecs import Decoder
from aura.voice.audio.files import wav
from aura.voice.options import Options, Speculation
from aura.voice.ports import BYTES_PER_SAMPLE, AudioFormat, Encoding, Manner, Speech
from aura.voice.sessions import RESUME
from aura_server.callers import holder_of
from aura_server.realtime.line import Line, until_either_ends
from aura_server.realtime.opening import Opened, Socket, holder_of_socket, open_for, require_known_origin
from aura_server.wire.chat import CitationResponse
from aura_server.wire.common import Secretive

AUTH_SECONDS = 10.0
"""How long a socket that was opened without a credential may take to send one."""
_LONGEST_MESSAGE = 1024 * 1024
_PIECE_SECONDS = 0.1
_POLICY_VIOLATION = 1008


class _Auth(Secretive, frozen=True, kw_only=True, tag="auth", tag_field="type"):
    token: str


class _Start(msgspec.Struct, frozen=True, kw_only=True, tag="start", tag_field="type"):
    sample_rate_hz: int = 16_000
    encoding: Encoding = Encoding.PCM16
    language: str | None = None
    voice_id: str | None = None
    speculation: Speculation = "off"


class _Chunk(msgspec.Struct, frozen=True, kw_only=True, tag="audio_chunk", tag_field="type"):
    audio: str


class _Text(msgspec.Struct, frozen=True, kw_only=True, tag="text", tag_field="type"):
    text: Annotated[str, Meta(max_length=100_000)]


class _Commit(msgspec.Struct, frozen=True, kw_only=True, tag="commit", tag_field="type"):
    pass


class _Stop(msgspec.Struct, frozen=True, kw_only=True, tag="stop", tag_field="type"):
    pass


class _Played(msgspec.Struct, frozen=True, kw_only=True, tag="played", tag_field="type"):
    reply: int
    audio_ms: Annotated[int, Meta(ge=0)]


class _Ping(msgspec.Struct, frozen=True, kw_only=True, tag="ping", tag_field="type"):
    pass


_Incoming = _Auth | _Start | _Chunk | _Text | _Commit | _Stop | _Played | _Ping
_Message = dict[str, object]


async def converse_continuously(socket: Socket) -> None:
    """Serve one socket until it closes. Who is not known, or may not, is told so and closed with 1008."""
    await socket.accept()
    with suppress(WebSocketDisconnect):
        try:
            require_known_origin(socket)
            caller = await _caller(socket)
            socket.scope["auth"] = caller
            opened = await open_for(socket, caller, "continuous", {})
        except (AuraError, TimeoutError) as refused:
            kind = type(refused).__name__
            told = str(refused) or "send a good access token or ticket"
            await socket.send_text(_encoded({"type": "error", "kind": kind, "message": told}))
            await socket.close(code=_POLICY_VIOLATION, reason=kind)
            return
        await _Continuous(socket, opened).run()


async def _caller(socket: Socket) -> Caller:
    offers = ("authorization" in socket.headers, "token" in socket.query_params)
    if any(offers) or "sec-websocket-protocol" in socket.headers:
        return (await holder_of_socket(socket)).caller
    async with asyncio.timeout(AUTH_SECONDS):
        first = _decoded(await socket.receive_text())
    if not isinstance(first, _Auth):
        raise Unauthenticated('the first message is to be {"type": "auth", "token": …}')
    return await holder_of(socket, first.token)


class _Continuous:
    """One socket: what comes moves the conversation; sentences go out whole."""

    def __init__(self, socket: Socket, opened: Opened) -> None:
        self._socket = socket
        self._opened = opened
        self._talk = opened.conversation
        self._line = Line(socket)
        self._sources: list[str] = []
        self._sentence: events.ReplyText | None = None
        self._pcm = bytearray()
        self._rate_hz = 24_000
        self._format = AudioFormat(sample_rate_hz=opened.rate_hz)
        if start := opened.settings.get("start"):
            self._begin(msgspec.convert(start, _Start))
        self._decoder = Decoder(self._format, opened.rate_hz)

    async def run(self) -> None:
        """Read and write until the socket closes."""
        async with attended(self._talk, self._opened.session):
            await until_either_ends(self._write(), self._read())

    def _ready(self) -> _Message:
        session = self._opened.session
        return {
            "type": "ready",
            "conversation_id": self._opened.conversation_id,
            "sample_rate_hz": self._format.sample_rate_hz,
            "encoding": self._format.encoding.value,
            "resume_token": session.token,
            "resume_seconds": RESUME.seconds,
            "resumed": self._opened.resumed,
        }

    # -- in ------------------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        with suppress(WebSocketDisconnect):
            while True:
                received = await self._socket.receive()
                if received["type"] == "websocket.disconnect":
                    return
                try:
                    data = received.get("bytes")
                    if data is not None:
                        await self._hear(data)
                    else:
                        await self._handle(_decoded(received.get("text") or ""))
                except AuraError as failed:
                    await self._send(_error(type(failed).__name__, str(failed)))

    async def _handle(self, message: _Incoming) -> None:
        match message:
            case _Chunk():
                try:
                    await self._hear(base64.b64decode(message.audio, validate=True))
                except (binascii.Error, ValueError):
                    raise InvalidRequest("audio is no base64", field="audio") from None
            case _Start():
                format = AudioFormat(encoding=message.encoding, sample_rate_hz=message.sample_rate_hz)
                decoder = Decoder(
                    format, self._opened.rate_hz
                )  # what can not be decoded is not kept to be resumed with
                await self._opened.configure(start=msgspec.to_builtins(message))
                self._begin(message)
                self._decoder = decoder
            case _Text():
                self._talk.say(message.text)
            case _Commit():
                self._talk.commit()
            case _Stop():
                self._talk.cancel()
            case _Played():
                self._talk.played(message.reply, message.audio_ms / 1000)
            case _Ping():
                await self._send({"type": "pong"})
            case _Auth():
                pass

    def _begin(self, message: _Start) -> None:
        self._format = AudioFormat(encoding=message.encoding, sample_rate_hz=message.sample_rate_hz)
        hints = msgspec.structs.replace(self._opened.hints, language=message.language)
        manner = Manner(voice_id=message.voice_id, language=message.language)
        self._talk.configure(Options(hints=hints, manner=manner, speculation=message.speculation))

    async def _hear(self, data: bytes) -> None:
        pcm = self._decoder.feed(data)
        step = round(self._opened.rate_hz * _PIECE_SECONDS) * BYTES_PER_SAMPLE
        for at in range(0, len(pcm), step):
            self._talk.hear(pcm[at : at + step])
            await asyncio.sleep(0)

    # -- out -----------------------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        await self._send(self._ready())
        async for event in self._talk.events():
            for message in self._told(event):
                await self._send(message)
            if isinstance(event, events.Over):
                await self._socket.close(code=1000, reason=event.reason)
                return

    def _told(self, event: events.TalkEvent) -> list[_Message]:
        match event:
            case events.StateChanged():
                return [{"type": "state", "state": event.state.value}]
            case events.SpeechStarted():
                return [{"type": "speech_started", "audio_ms": event.audio_ms}]
            case events.Partly():
                return [{"type": "transcript", "text": event.text, "final": False}]
            case events.Transcribed():
                heard: _Message = {"type": "transcript", "text": event.text, "final": True}
                return [{**heard, "language": event.language, "confidence": event.confidence}]
            case events.Ducked():
                return [{"type": "duck", "on": event.on}]
            case events.Fault() | events.NotTranscribed():
                return [_error(event.kind, event.message)]
            case events.Over():
                told = "it goes on over another connection" if event.reason == "taken_over" else "connect again"
                return [_error(event.reason, f"the conversation is over here: {told}")]
            case _:
                return self._of_reply(event)

    def _of_reply(self, event: events.TalkEvent) -> list[_Message]:
        match event:
            case events.ReplyBegan():
                self._sources, self._sentence = [], None
                self._pcm.clear()
            case events.ReplySources():
                self._sources = list(dict.fromkeys(passage.filename for passage in event.passages))
            case events.ReplyText():
                done = self._whole(event.reply)
                self._sentence = event
                return done
            case events.ReplyAudio():
                self._rate_hz = event.sample_rate_hz
                self._pcm += event.pcm
            case events.ReplyEnded():
                return self._ended(event)
            case events.Interrupted():
                heard = event.heard
                told: _Message = {"type": "interrupted", "reply": event.number, "audio_ms": heard.audio_ms}
                return [{**told, "spoken": heard.spoken, "full": heard.full}]
            case _:
                pass
        return []

    def _whole(self, reply: int) -> list[_Message]:
        """The sentence that is complete now, with its audio."""
        sentence, self._sentence = self._sentence, None
        pcm = bytes(self._pcm)
        self._pcm.clear()
        if sentence is None:
            return []
        audio = wav([Speech(pcm=pcm, sample_rate_hz=self._rate_hz)]) if pcm else b""
        return [
            {
                "type": "response",
                "reply": reply,
                "text": sentence.text,
                "audio": base64.b64encode(audio).decode(),
                "sources": self._sources,
                "citations": _cited(sentence.citations),
            }
        ]

    def _ended(self, event: events.ReplyEnded) -> list[_Message]:
        told = self._whole(event.number) if event.status == "completed" else []
        self._sentence = None
        self._pcm.clear()
        if event.status == "failed":
            told.append(_error(event.kind, event.message))
        done: _Message = {"type": "response_done", "reply": event.number, "status": event.status, "text": event.text}
        told.append({**done, "sources": self._sources, **_facts(event.answer)})
        return told

    async def _send(self, message: _Message) -> None:
        await self._line.send(_encoded(message))


def _facts(answer: Answer | None) -> _Message:
    if answer is None:
        return {"message_id": None, "refused": False, "citations": []}
    return {
        "message_id": answer.message_id,
        "refused": answer.refused,
        "model_used": answer.model,
        "citations": _cited(answer.citations),
    }


def _cited(citations: tuple[Citation, ...]) -> list[CitationResponse]:
    return [CitationResponse.of(citation) for citation in citations]


def _error(kind: str, message: str) -> _Message:
    return {"type": "error", "kind": kind, "message": message}


def _encoded(message: _Message) -> str:
    return msgspec.json.encode(message).decode()


def _decoded(text: str) -> _Incoming:
    if len(text) > _LONGEST_MESSAGE:
        raise InvalidRequest(f"a message has at most {_LONGEST_MESSAGE:,} characters", field="message")
    try:
        return msgspec.json.decode(text, type=_Incoming)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as failed:
        raise InvalidRequest(f"this message can not be used: {failed}", field="type") from None
