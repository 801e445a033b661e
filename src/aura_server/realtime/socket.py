"""One socket of OpenAI's Realtime protocol: what its client sends moves a conversation, and one task writes what happens."""

from __future__ import annotations

import asyncio
import base64
import binascii
from contextlib import suppress
from typing import cast

import msgspec
from litestar.exceptions import WebSocketDisconnect

from aura.errors import AuraError, InvalidRequest, NotFound, Unauthenticated
from aura.voice.attending import attended
from aura.voice.audio.codecs import Decoder
from aura.voice.events import Fault, Over
from aura.voice.ports import BYTES_PER_SAMPLE
from aura.voice.sessions import RESUME
from aura_server.realtime.items import Entry, Items, Wire, new_id
from aura_server.realtime.line import SEND_SECONDS, Line, until_either_ends
from aura_server.realtime.opening import Opened, Socket
from aura_server.realtime.session import meaning, options_of, socket_format, tells_transcripts, updated
from aura_server.realtime.wording import Wording, error, on_the_wire, plain, session_event
from aura_server.wire import realtime as wire

LONGEST_EVENT = 1024 * 1024
"""Characters of one event."""
_PIECE_SECONDS = 0.1
"""Audio is heard in pieces so small that nobody else waits for them."""
_NORMAL, _POLICY_VIOLATION, _TRY_AGAIN = 1000, 1008, 1013


class RealtimeSocket:
    """Serves one client until it goes, or the conversation is over."""

    def __init__(self, socket: Socket, opened: Opened, *, send_seconds: float = SEND_SECONDS) -> None:
        self._socket = socket
        self._opened = opened
        self._talk = opened.conversation
        self._session = cast("Wire", opened.settings["session"])
        self._rate_hz = opened.rate_hz
        self._items = Items()
        conversation_id = "" if opened.conversation_id is None else f"conv_{opened.conversation_id}"
        self._wording = Wording(self._items, conversation_id=conversation_id)
        self._line = Line(socket, seconds=send_seconds)
        self._told_how_to_resume = False
        self._apply(meaning(self._session))

    async def run(self) -> None:
        """Read and write until the socket closes."""
        async with attended(self._talk, self._opened.session):
            await until_either_ends(self._write(), self._read())

    # -- out -----------------------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        await self._send([session_event("session.created", self._session), *self._how_to_resume()])
        async for event in self._talk.events():
            if isinstance(event, Over):
                await self._send([error("invalid_request_error", f"session_{event.reason}", _OVER[event.reason])])
                code = _TRY_AGAIN if event.reason == "slow_client" else _NORMAL
                await self._socket.close(code=code, reason=event.reason)
                return
            await self._send(self._wording.of(event))
            if isinstance(event, Fault) and event.kind == Unauthenticated.__name__:
                await self._socket.close(code=_POLICY_VIOLATION, reason="the credential is not good any more")
                return

    async def _send(self, told: list[Wire]) -> None:
        await self._line.send(*(on_the_wire(each) for each in told))

    def _how_to_resume(self) -> list[Wire]:
        """What a client that has asked for it comes back with, once for a connection."""
        if self._told_how_to_resume or "resume" not in self._wording.extensions:
            return []
        self._told_how_to_resume = True
        how = {"token": self._opened.session.token, "expires_in_seconds": RESUME.seconds}
        return [plain("aura.resume", **how, resumed=self._opened.resumed)]

    # -- in ------------------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        with suppress(WebSocketDisconnect):
            while True:
                received = await self._socket.receive()
                if received["type"] == "websocket.disconnect":
                    return
                event_id: str | None = None
                try:
                    if (data := received.get("bytes")) is not None:
                        await self._hear_binary(data)
                        continue
                    event = _event_of(received.get("text") or "")
                    event_id = event.event_id
                    await self._handle(event)
                except Unauthenticated:
                    await self._socket.close(code=_POLICY_VIOLATION, reason="the credential is not good any more")
                    return
                except AuraError as failed:
                    await self._send([_error_of(failed, event_id)])

    async def _handle(self, event: wire.ClientEvent) -> None:
        match event:
            case wire.InputAppend():
                await self._append(event)
            case wire.SessionUpdate():
                session, config = updated(self._session, event.session)
                await self._opened.configure(session=session)
                self._session = session
                self._apply(config)
                await self._send([session_event("session.updated", self._session), *self._how_to_resume()])
            case wire.InputCommit():
                self._talk.commit()
            case wire.InputClear():
                self._talk.clear()
                await self._send([plain("input_audio_buffer.cleared")])
            case wire.OutputClear():
                self._talk.cancel()
                await self._send([plain("output_audio_buffer.cleared", response_id=self._last_response())])
            case wire.ResponseCreate():
                self._respond(event.response or wire.ResponseConfig())
            case wire.ResponseCancel():
                if not self._talk.is_replying:
                    raise _Soft("response_cancel_not_active", "there is no response to cancel")
                self._talk.cancel()
            case wire.Played():
                self._talk.played(self._reply_of(event.item_id).reply, event.audio_ms / 1000)
            case _:
                await self._handle_item(event)

    async def _handle_item(self, event: wire.ClientEvent) -> None:
        match event:
            case wire.ItemCreate():
                await self._create(event.item)
            case wire.ItemTruncate():
                entry = self._reply_of(event.item_id)
                self._talk.truncate(entry.reply, event.audio_end_ms / 1000)
            case wire.ItemDelete():
                entry = self._item(event.item_id)
                self._items.remove(event.item_id)
                if not entry.reply:
                    self._talk.forget(entry.turn)
                await self._send([plain("conversation.item.deleted", item_id=event.item_id)])
            case wire.ItemRetrieve():
                await self._send([plain("conversation.item.retrieved", item=self._item(event.item_id).item)])
            case _:
                raise InvalidRequest("this event is not known", field="type")

    async def _append(self, event: wire.InputAppend) -> None:
        try:
            data = base64.b64decode(event.audio, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidRequest("audio is no base64", field="audio") from None
        await self._hear(data)

    async def _hear_binary(self, data: bytes) -> None:
        if not self._wording.binary:
            raise InvalidRequest("a binary message is audio: ask for it with session.aura.binary", field="event")
        if len(data) > LONGEST_EVENT:
            raise InvalidRequest(f"a message has at most {LONGEST_EVENT:,} bytes", field="event")
        await self._hear(data)

    async def _hear(self, data: bytes) -> None:
        pcm = self._decoder.feed(data)
        step = round(self._rate_hz * _PIECE_SECONDS) * BYTES_PER_SAMPLE
        for at in range(0, len(pcm), step):
            self._talk.hear(pcm[at : at + step])
            await asyncio.sleep(0)

    def _respond(self, config: wire.ResponseConfig) -> None:
        if self._talk.is_replying:
            raise _Soft(
                "conversation_already_has_active_response", "a response is under way: cancel it, or wait for its end"
            )
        if config.conversation != "auto" or config.input is not None:
            raise InvalidRequest("responses belong to the conversation here", field="response.conversation")
        self._wording.metadata = config.metadata
        self._talk.respond()

    async def _create(self, item: wire.Item) -> None:
        if item.type != "message":
            raise InvalidRequest(f"items of type {item.type!r} are not taken: send a message", field="item.type")
        if item.role != "user":
            raise InvalidRequest("items of the user alone are taken: what else was said is known", field="item.role")
        text = " ".join(part.text or part.transcript or "" for part in item.content).strip()
        if any(part.audio for part in item.content):
            raise InvalidRequest("audio is appended to the buffer, and committed", field="item.content")
        item_id = item.id or new_id("item")
        if self._items.get(item_id) is not None:
            raise InvalidRequest("there is an item with this id", field="item.id")
        turn = self._talk.say(text, answer=False)
        content: list[Wire] = [{"type": "input_text", "text": text}]
        await self._send(self._wording.name_turn(turn, item_id, content, text))

    # ------------------------------------------------------------------------------------------------------------------

    def _apply(self, config: wire.SessionConfig) -> None:
        self._decoder = Decoder(socket_format(config.audio.input.format), self._rate_hz)
        self._wording.format = socket_format(config.audio.output.format)
        self._wording.speaks = "audio" in config.output_modalities
        self._wording.transcribes = tells_transcripts(config.audio.input)
        self._wording.extensions = frozenset(config.aura.events)
        self._wording.binary = config.aura.binary
        self._talk.configure(options_of(config, self._opened.hints))

    def _item(self, item_id: str) -> Entry:
        entry = self._items.get(item_id)
        if entry is None:
            raise NotFound("there is no such item")
        return entry

    def _reply_of(self, item_id: str) -> Entry:
        entry = self._item(item_id)
        if not entry.reply:
            raise InvalidRequest("only what the assistant has said is played", field="item_id")
        return entry

    def _last_response(self) -> str:
        return next((entry.response_id for entry in reversed(list(self._items)) if entry.response_id), "")


class _Soft(AuraError):
    """What is no failure of anybody's, but could not be done."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


_OVER = {
    "session_limit": "the conversation has lasted as long as the organisation's plan lets it: connect again",
    "minutes_limit": "the organisation has no minutes left",
    "idle": "nobody has said anything for too long: connect again",
    "taken_over": "the conversation goes on over another connection",
    "slow_client": "the client takes what it is sent too slowly: connect again",
}


def _event_of(text: str) -> wire.ClientEvent:
    if len(text) > LONGEST_EVENT:
        raise InvalidRequest(f"an event has at most {LONGEST_EVENT:,} characters", field="event")
    try:
        return msgspec.json.decode(text, type=wire.AnyClientEvent)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as failed:
        raise InvalidRequest(f"this event can not be used: {failed}", field="event") from None


def _error_of(failed: AuraError, event_id: str | None) -> Wire:
    param = failed.field if isinstance(failed, InvalidRequest) else None
    code = failed.code if isinstance(failed, _Soft) else type(failed).__name__
    kind = "invalid_request_error" if isinstance(failed, InvalidRequest | NotFound | _Soft) else "server_error"
    return error(kind, code, str(failed), param=param, event_id=event_id)
