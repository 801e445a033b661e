"""A server behind the speech protocols of OpenAI (HTTP) and ElevenLabs (HTTP and socket), on loopback and real sockets.

    async with SpeechServer(fault="429") as server:
        mouth = ElevenLabs("key", "eleven_flash_v2_5", voice_id="rachel", address=server.url)
        ...
        assert [hit.path for hit in server.hits] == ["/v1/text-to-speech/rachel/stream/with-timestamps"]

`fault` says what goes wrong from now on, in the ways that the vendors have documented. Speech is 50 ms for each character,
whose number is its samples: `aura.testing.speech.said_in` reads back what was spoken. It needs the extra `server`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final, Self
from urllib.parse import unquote

import msgspec
import numpy as np

CHARACTER_SECONDS: Final = 0.05
SPOKEN_HZ: Final = 24_000
_CHUNK: Final = 8
"""Characters of one piece."""
_SCHEDULE: Final = 50

REFUSALS: Final[Mapping[str, tuple[int, str]]] = {
    "400": (400, "max_character_limit_exceeded"),
    "401": (401, "invalid_api_key"),
    "quota": (401, "quota_exceeded"),
    "404": (404, "model_not_found"),
    "voice": (404, "voice_not_found"),
    "422": (422, ""),
    "429": (429, "too_many_concurrent_requests"),
    "busy": (429, "system_busy"),
    "500": (500, ""),
    "503": (503, ""),
}
"""Answers in the place of speech: with this status, and this code in the body."""
STREAMS: Final = ("hang", "empty", "cut", "reset")
"""Nothing comes; it ends at once; it ends in the middle; the connection is lost there."""
CLOSES: Final[Mapping[str, tuple[int, str]]] = {
    "close-quota": (1008, "quota_exceeded"),
    "close-voice": (1008, "voice_id_does_not_exist"),
    "close-idle": (1008, "input_timeout_exceeded"),
    "close-mid": (1011, "internal error"),
    "close-end": (1000, ""),
}
"""What a socket is closed with: at its first text, or `-mid` and `-end` after one piece."""


class Hit(msgspec.Struct, kw_only=True):
    """One request or socket, as the server has seen it."""

    path: str
    query: str
    headers: dict[str, str]
    fields: dict[str, Any]
    messages: list[dict[str, Any]] = []
    """What a socket was sent."""
    left: bool = False
    """The client has closed it, or gone before the end."""


class SpeechServer:
    """Answers on a free port of loopback while it is open.

    Args:
        hears: the text of every recording, or what makes it of the WAV file.
        idle_seconds: after so long without a message a socket is closed; None: never.
        relative: whether times of characters begin anew with each piece, as they do on sockets.
    """

    def __init__(
        self,
        *,
        fault: str = "",
        hears: str | Callable[[bytes], str] = "how long is the warranty",
        idle_seconds: float | None = None,
        relative: bool = True,
    ) -> None:
        self.fault = fault
        self.hears = hears
        self.idle_seconds = idle_seconds
        self.relative = relative
        self.hits: list[Hit] = []
        """All requests so far."""
        self._url = ""
        self._serving: asyncio.Task[None] | None = None
        self._uvicorn: Any = None
        self._leaving = asyncio.Event()

    async def __aenter__(self) -> Self:
        import uvicorn

        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self._url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            self._app,  # pyright: ignore[reportArgumentType]  # an application without types
            log_config=None,
            access_log=False,
            interface="asgi3",
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        self._uvicorn = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._uvicorn.serve(sockets=[listener]))
        async with asyncio.timeout(10):
            while not self._uvicorn.started:  # noqa: ASYNC110  # uvicorn has a flag, and no event
                await asyncio.sleep(0.005)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._leaving.set()
        self._uvicorn.should_exit = True
        assert self._serving is not None
        await self._serving

    @property
    def url(self) -> str:
        """ElevenLabs' address; OpenAI's is `/v1` below it."""
        return self._url

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        hit = Hit(path=scope["path"], query=scope["query_string"].decode(), headers=headers, fields={})
        self.hits.append(hit)
        if scope["type"] == "websocket":
            await _Socket(self, hit, receive, send).run()
        else:
            await _Exchange(self, hit, receive, send).run()

    async def hang(self, receive: Any) -> None:
        """Wait until the client leaves, or the server ends."""
        leaving = asyncio.ensure_future(self._leaving.wait())
        gone = asyncio.ensure_future(_gone(receive))
        await asyncio.wait({leaving, gone}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        gone.cancel()


class _Exchange:
    """One request over HTTP."""

    def __init__(self, server: SpeechServer, hit: Hit, receive: Any, send: Any) -> None:
        self._server, self._hit, self._receive, self._send = server, hit, receive, send

    async def run(self) -> None:
        body = await _body(self._receive)
        kind = self._hit.headers.get("content-type", "")
        self._hit.fields = _form(body, kind) if kind.startswith("multipart/") else json.loads(body or b"{}")
        fault = self._server.fault
        if fault in REFUSALS:
            await self._refuse(*REFUSALS[fault])
        elif fault == "hang":
            await self._server.hang(self._receive)
            self._hit.left = True
        elif self._hit.path == "/v2/voices":
            await self._json({"voices": [_VOICE], "has_more": False, "total_count": 1})
        elif self._hit.path == "/v1/audio/transcriptions":
            await self._transcribe()
        elif self._hit.path == "/v1/audio/speech":
            await self._stream([_samples(each) for each in _chunks(self._hit.fields["input"])], "audio/pcm")
        elif self._hit.path.endswith("/stream/with-timestamps"):
            await self._timed(self._hit.fields["text"])
        else:
            await self._refuse(404, "not_found")

    async def _transcribe(self) -> None:
        fields, hears = self._hit.fields, self._server.hears
        text = hears(fields["file"]) if callable(hears) else hears
        if self._server.fault == "empty":
            text = ""
        if fields.get("stream") == "true":
            events = [{"type": "transcript.text.delta", "delta": each} for each in re.findall(r"\S+\s*", text)]
            done = {"type": "transcript.text.done", "text": text, "logprobs": _LOGPROBS}
            lines = [f"data: {json.dumps(each)}\n\n".encode() for each in [*events, done]]
            await self._stream(lines, "text/event-stream")
        elif fields.get("response_format") == "verbose_json":
            segments = [_SEGMENT | {"text": text}, _SEGMENT | {"text": " Thank you.", **_NOTHING}]
            await self._json(
                {"text": f"{text} Thank you.", "language": "english", "duration": 1.0, "segments": segments}
            )
        else:
            await self._json({"text": text, "logprobs": _LOGPROBS})

    async def _timed(self, text: str) -> None:
        lines, at = [], 0.0
        for part in _chunks(text):
            starts = [(0.0 if self._server.relative else at) + n * CHARACTER_SECONDS for n in range(len(part))]
            times = {
                "characters": list(part),
                "character_start_times_seconds": starts,
                "character_end_times_seconds": [start + CHARACTER_SECONDS for start in starts],
            }
            at += len(part) * CHARACTER_SECONDS
            line = {"audio_base64": base64.b64encode(_samples(part)).decode(), "alignment": times}
            lines.append(json.dumps(line).encode() + b"\n")
        await self._stream(lines, "application/json")

    async def _stream(self, parts: list[bytes], kind: str) -> None:
        if self._server.fault == "empty":
            parts = []
        elif self._server.fault in ("cut", "reset"):
            parts = parts[:1]
        size = [(b"content-length", str(sum(map(len, parts)) + 1000).encode())] if self._server.fault == "reset" else []
        await self._start(200, kind, size)
        for part in parts:
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
        if self._server.fault != "reset":  # else it ends before all of it has come
            await self._send({"type": "http.response.body", "body": b""})

    async def _refuse(self, status: int, code: str) -> None:
        body = {"detail": {"status": code, "message": "no"}, "error": {"message": "no", "code": code or None}}
        await self._json(body, status)

    async def _json(self, body: object, status: int = 200) -> None:
        content = json.dumps(body).encode()
        further = [(b"retry-after", b"7")] if status == 429 else []
        await self._start(status, "application/json", [(b"content-length", str(len(content)).encode()), *further])
        await self._send({"type": "http.response.body", "body": content})

    async def _start(self, status: int, kind: str, headers: list[tuple[bytes, bytes]]) -> None:
        headers = [(b"content-type", kind.encode()), *headers]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


class _Socket:
    """One socket of ElevenLabs', with its contexts."""

    def __init__(self, server: SpeechServer, hit: Hit, receive: Any, send: Any) -> None:
        self._server, self._hit, self._receive, self._send = server, hit, receive, send
        self._texts: dict[str, str] = {}

    async def run(self) -> None:
        await self._receive()
        fault = self._server.fault
        if fault in REFUSALS:
            status, code = REFUSALS[fault]
            body = json.dumps({"detail": {"status": code}}).encode()
            size = [(b"content-length", str(len(body)).encode())]
            await self._send({"type": "websocket.http.response.start", "status": status, "headers": size})
            await self._send({"type": "websocket.http.response.body", "body": body})
            return
        await self._send({"type": "websocket.accept"})
        try:
            async with asyncio.timeout(self._server.idle_seconds) as idle:
                while (event := await self._receive())["type"] == "websocket.receive":
                    if self._server.idle_seconds is not None:
                        idle.reschedule(asyncio.get_running_loop().time() + self._server.idle_seconds)
                    message = json.loads(event["text"])
                    self._hit.messages.append(message)
                    if not await self._take(message):
                        return
            self._hit.left = True
        except TimeoutError:
            await self._close(*CLOSES["close-idle"])

    async def _take(self, message: dict[str, Any]) -> bool:
        """Do what a message asks for; whether the socket stays open."""
        context, text, fault = message["context_id"], message.get("text") or "", self._server.fault
        if message.get("close_context"):
            if fault == "hang":
                return True
            self._texts.pop(context, None)
            await self._json({"isFinal": True, "contextId": context})
            return True
        held = self._texts.get(context)
        self._texts[context] = "" if held is None else held + text
        if not text.strip() and not message.get("flush"):
            return True
        if fault in CLOSES and "mid" not in fault and "end" not in fault:
            await self._close(*CLOSES[fault])
            return False
        if fault == "error":
            await self._json({"error": "quota_exceeded", "message": "no"})
            return True
        if fault in ("hang", "empty"):
            return True
        if message.get("flush") or len(self._texts[context]) >= _SCHEDULE:
            said, self._texts[context] = self._texts[context], ""
            for part in _chunks(said)[: 1 if fault == "cut" else None]:
                await self._speak(part, context)
                if fault in CLOSES:
                    await self._close(*CLOSES[fault])
                    return False
        return True

    async def _speak(self, part: str, context: str) -> None:
        starts = [round(1000 * n * CHARACTER_SECONDS) for n in range(len(part))]
        times = {
            "chars": list(part),
            "charStartTimesMs": starts,
            "charDurationsMs": [round(1000 * CHARACTER_SECONDS)] * len(part),
        }
        audio = base64.b64encode(_samples(part)).decode()
        await self._json({"audio": audio, "alignment": times, "contextId": context})

    async def _json(self, message: object) -> None:
        await self._send({"type": "websocket.send", "text": json.dumps(message)})

    async def _close(self, code: int, reason: str) -> None:
        await self._send({"type": "websocket.close", "code": code, "reason": reason})


_LOGPROBS: Final = [{"token": "x", "logprob": -0.1, "bytes": [120]}, {"token": "y", "logprob": -0.3, "bytes": [121]}]
_SEGMENT: Final[dict[str, Any]] = {
    "id": 0, "seek": 0, "start": 0.0, "end": 1.0, "tokens": [1], "temperature": 0.0, "compression_ratio": 1.0,
    "avg_logprob": -0.2, "no_speech_prob": 0.01,
}  # fmt: skip
_NOTHING: Final = {"avg_logprob": -1.4, "no_speech_prob": 0.9}
"""Of a segment that Whisper has made up."""
_VOICE: Final = {"voice_id": "rachel", "name": "Rachel", "labels": {"language": "en"}, "category": "premade"}


def _chunks(text: str) -> list[str]:
    return [text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK)]


def _samples(text: str) -> bytes:
    of_character = round(CHARACTER_SECONDS * SPOKEN_HZ)
    return np.repeat(np.array([ord(each) % 0x7FFF for each in text], "<i2"), of_character).tobytes()


async def _body(receive: Any) -> bytes:
    parts, more = list[bytes](), True
    while more:
        event = await receive()
        parts.append(event.get("body", b""))
        more = event.get("more_body", False)
    return b"".join(parts)


async def _gone(receive: Any) -> None:
    while (await receive())["type"] not in ("http.disconnect", "websocket.disconnect"):
        pass


def _form(body: bytes, kind: str) -> dict[str, Any]:
    """The parts of a multipart body: texts, and the bytes of files."""
    boundary = b"--" + unquote(kind.partition("boundary=")[2]).strip('"').encode()
    fields: dict[str, Any] = {}
    for part in body.split(boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]+)"', head)
        if name is not None:
            content = value.removesuffix(b"\r\n")
            fields[name[1].decode()] = content if b"filename=" in head else content.decode()
    return fields
