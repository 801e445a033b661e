"""One WebSocket's conversation: who calls, what is asked, what is stopped or resumed, and the events that come back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from aura.access.callers import Caller
from aura.answering.events import AnswerEvent
from aura.errors import AuraError, InvalidRequest, Unauthenticated
from aura.usage.quotas import Charge
from aura.workspace import Workspace
from aura_server.asking import question_of, workspace_for
from aura_server.auditing import Record
from aura_server.callers import aura_of, caller_of, holder_of
from aura_server.sse import HEARTBEAT_SECONDS
from aura_server.wire.chat import ChatRequest, socket_message

logger = logging.getLogger(__name__)

AUTH_SECONDS = 10.0
"""How long a socket that was opened without a credential may take to send one."""
_LONGEST_MESSAGE = 256 * 1024
_POLICY_VIOLATION = 1008
_PING = {"type": "ping"}


class _Auth(msgspec.Struct, frozen=True, tag="auth"):
    token: str


class _Ask(ChatRequest, frozen=True, kw_only=True, tag="message"):
    pass


class _Stop(msgspec.Struct, frozen=True, tag="stop"):
    response_id: UUID | None = None


class _Resume(msgspec.Struct, frozen=True, tag="resume"):
    response_id: UUID
    seq: int = -1


class _Ping(msgspec.Struct, frozen=True, tag="ping"):
    type_: Literal["ping"] | None = None


_Incoming = _Auth | _Ask | _Stop | _Resume | _Ping


async def converse(socket: WebSocket[Any, Any, Any]) -> None:
    """Serve one socket until it closes. A bad credential closes it with 1008."""
    await socket.accept()
    with suppress(WebSocketDisconnect):
        try:
            caller = await _caller(socket)
        except (AuraError, TimeoutError):
            await socket.close(code=_POLICY_VIOLATION, reason="send a good access token or ticket")
            return
        socket.scope["auth"] = caller
        await _Talk(socket, caller).run()


async def _caller(socket: WebSocket[Any, Any, Any]) -> Caller:
    """Who opened the socket: by its header, by `?token=`, or by its first message."""
    if "authorization" in socket.headers:
        return await caller_of(socket)
    token = socket.query_params.get("token")
    if token is None:
        async with asyncio.timeout(AUTH_SECONDS):
            first = await _receive(socket)
        if not isinstance(first, _Auth):
            raise Unauthenticated('the first message is to be {"type": "auth", "token": …}')
        token = first.token
    return await holder_of(socket, token)


async def _receive(socket: WebSocket[Any, Any, Any]) -> _Incoming:
    text = await socket.receive_text()
    if len(text) > _LONGEST_MESSAGE:
        raise InvalidRequest(f"a message has at most {_LONGEST_MESSAGE:,} characters", field="message")
    try:
        return msgspec.json.decode(text, type=_Incoming)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"this message can not be used: {error}", field="type") from None


class _Talk:
    """What one socket is about: at most one answer at a time is read to it, and one task writes at a time."""

    def __init__(self, socket: WebSocket[Any, Any, Any], caller: Caller) -> None:
        self._socket = socket
        self._caller = caller
        self._writing = asyncio.Lock()
        self._answer: asyncio.Task[None] | None = None
        self._response: tuple[Workspace, UUID] | None = None

    async def run(self) -> None:
        """Serve until the socket closes. An answer under way goes on without it, to be resumed elsewhere."""
        heart = asyncio.create_task(self._beat())
        try:
            while True:
                try:
                    await self._handle(await _receive(self._socket))
                except AuraError as error:
                    await self._say_error(error)
        finally:
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)
            await self._leave()

    async def _beat(self) -> None:
        """Tell the client, and what stands between, that the socket is alive, also while nothing is asked.

        Whose credential is good no more hears nothing more, of an answer that is under way either.
        """
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await asyncio.sleep(HEARTBEAT_SECONDS)
                try:
                    await self._workspace()
                except Unauthenticated as error:
                    await self._leave()
                    await self._say_error(error)
                except AuraError as error:  # the database is away: the next beat asks again
                    logger.debug("whether a socket may stay open could not be asked: %s", error)
                await self._send(_PING)

    async def _handle(self, message: _Incoming) -> None:
        match message:
            case _Ask():
                await self._ask(message)
            case _Resume():
                workspace = await self._workspace()
                await workspace.responses.get(message.response_id)
                await self._read(workspace, message.response_id, message.seq)
            case _Stop():
                await self._stop(message.response_id)
            case _Auth() | _Ping():
                pass

    async def _ask(self, message: _Ask) -> None:
        workspace = await self._workspace()
        await workspace.quotas.take(Charge.REQUEST, Charge.CALL)
        asking = await workspace_for(workspace, message.user_id, Record(self._socket))
        response_id = await asking.responses.begin(question_of(message))
        await self._read(asking, response_id, -1)

    async def _stop(self, response_id: UUID | None) -> None:
        workspace = await self._workspace()
        if response_id is not None:
            await workspace.responses.stop(response_id)
        elif self._response is not None:
            asking, current = self._response
            await asking.responses.stop(current)

    async def _workspace(self) -> Workspace:
        """The caller's workspace as of now: who was switched off or logged out since is refused."""
        aura = aura_of(self._socket)
        self._caller = await aura.access.again(self._caller)
        return aura.workspace_of(self._caller)

    async def _read(self, workspace: Workspace, response_id: UUID, after: int) -> None:
        await self._leave()
        self._response = (workspace, response_id)
        self._answer = asyncio.create_task(self._send_all(workspace.responses.read(response_id, after)))

    async def _send_all(self, events: AsyncGenerator[AnswerEvent]) -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    await self._send(socket_message(event))
        except AuraError as error:
            await self._say_error(error)
        except (WebSocketDisconnect, RuntimeError):
            logger.debug("a socket closed while an answer was sent to it")

    async def _send(self, message: object) -> None:
        async with self._writing:
            await self._socket.send_text(msgspec.json.encode(message).decode())

    async def _say_error(self, error: AuraError) -> None:
        if isinstance(error, Unauthenticated):
            await self._socket.close(code=_POLICY_VIOLATION, reason="the credential is not good any more")
            raise WebSocketDisconnect(detail="closed", code=_POLICY_VIOLATION)
        await self._send({"type": "error", "kind": type(error).__name__, "message": str(error)})

    async def _leave(self) -> None:
        """Read no more to this socket; the answer itself goes on."""
        if self._answer is not None:
            self._answer.cancel()
            await asyncio.gather(self._answer, return_exceptions=True)
            self._answer = None
