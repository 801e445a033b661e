"""Opening a socket for voice: who calls, from which page, and the conversation that is held with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from litestar import WebSocket

from aura.access.callers import Caller
from aura.access.credentials import Kind
from aura.errors import AuraError, Denied, InvalidRequest, Unauthenticated
from aura.identity import ConversationId
from aura.usage.quotas import Charge
from aura.voice.conversation import Conversation
from aura.voice.ports import Hints
from aura.voice.sessions import Surface, VoiceSession
from aura.voice.talk import conversation_in, ears_of
from aura_server.callers import aura_of, caller_of, subdomain_of

Socket = WebSocket[Any, Any, Any]
SUBPROTOCOL: Final = "realtime"
_KEY_PROTOCOL: Final = "openai-insecure-api-key."
_ASSISTANT: Final = "aura"
_COLLECTION: Final = "collection"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who opened a socket, and the settings that the secret was made with, which it was opened by."""

    caller: Caller
    settings: Mapping[str, object] | None = None


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation, not entered yet, and what its socket must know of it: `settings` go on where it was resumed."""

    conversation: Conversation
    session: VoiceSession
    conversation_id: ConversationId | None
    hints: Hints
    rate_hz: int
    resumed: bool

    @property
    def settings(self) -> Mapping[str, object]:
        """What the session is held with, and resumed."""
        return self.session.state.settings

    async def configure(self, **settings: object) -> None:
        """Go on with other settings, also after it was resumed. Cost: one transaction."""
        await self.session.configure({**self.settings, **settings})


def require_known_origin(socket: Socket) -> None:
    """Refuse pages of other sites, which could use what a browser sends by itself. Raises `Denied`."""
    origin = socket.headers.get("origin")
    if origin is None:  # no browser
        return
    known: tuple[str, ...] = socket.app.state.options.cors_origins
    if (
        urlsplit(origin).netloc.lower() != socket.headers.get("host", "").lower()
        and origin not in known
        and "*" not in known
    ):
        raise Denied("pages of this origin may not open a socket here")


def subprotocol_of(socket: Socket) -> str | None:
    """What to agree on with a client that offers sub-protocols; its secret is none of them."""
    return SUBPROTOCOL if SUBPROTOCOL in _offered(socket) else None


async def holder_of_socket(socket: Socket) -> Holder:
    """Who opened `socket`: by its header, by a sub-protocol, or by `?token=`. A client secret is used up by it.

    Raises:
        Unauthenticated: nobody whom AURA knows.
    """
    shown = next((each.removeprefix(_KEY_PROTOCOL) for each in _offered(socket) if each.startswith(_KEY_PROTOCOL)), "")
    scheme, _, credential = socket.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        shown = shown or credential.strip()
    token = socket.query_params.get("token", "")
    if not shown and token.startswith(Kind.API_KEY):
        raise Unauthenticated("an API key shall not stand in an address: exchange it at POST /api/ticket for a ticket")
    shown = shown or token
    access, subdomain = aura_of(socket).access, subdomain_of(socket)
    if shown.startswith(Kind.TICKET):
        redeemed = await access.redeem_settings(shown, subdomain=subdomain)
        return Holder(caller=redeemed.caller, settings=redeemed.settings)
    if "authorization" in socket.headers and not any(each.startswith(_KEY_PROTOCOL) for each in _offered(socket)):
        return Holder(caller=await caller_of(socket))
    return Holder(caller=await access.authenticate(shown, subdomain=subdomain))


async def open_for(socket: Socket, caller: Caller, surface: Surface, settings: Mapping[str, object]) -> Opened:
    """The conversation that `?conversation=` names, or a new one, over all documents or those of `?model=aura:NAME`. With
    `?resume=TOKEN` the one whose connection was lost, with the settings that it had.

    Args:
        settings: what a new one begins with.

    Raises:
        NotFound: there is no such conversation or collection in the caller's scope, or nothing to resume.
        Denied: the caller may not ask.
        LimitExceeded: the plan has no room for one more conversation, or no minutes left.
        Unavailable: what hears is not installed.
    """
    aura = aura_of(socket)
    workspace = aura.workspace_of(caller)
    sessions, ears = workspace.voice_sessions(surface), await ears_of(workspace.voice)
    _, _, collection = socket.query_params.get("model", _ASSISTANT).partition(f"{_ASSISTANT}:")
    session, conversation_id = None, _conversation_id(socket)
    if token := socket.query_params.get("resume"):
        session = await sessions.resume(token)
        conversation_id, collection = session.state.conversation_id, str(session.state.settings[_COLLECTION])

    async def admit() -> None:
        """The caller as of now: who was switched off or logged out since is refused."""
        now = await aura.access.again(caller)
        await aura.workspace_of(now).quotas.take(Charge.REQUEST, Charge.CALL)

    resumed = session is not None
    try:
        answers = await workspace.spoken_answers(
            conversation=conversation_id, begins=resumed, collection=collection or None, admit=admit
        )
    except AuraError:
        if session is not None:  # where it was is not there any more
            await session.end()
        raise
    if session is None:
        session = await sessions.open(answers.conversation_id, {**settings, _COLLECTION: collection})
    return Opened(
        conversation=conversation_in(ears, answers, session, workspace.organisation.subscription_tier),
        session=session,
        conversation_id=answers.conversation_id,
        hints=workspace.voice.hints(),
        rate_hz=ears.activity.sample_rate_hz,
        resumed=resumed,
    )


def _offered(socket: Socket) -> list[str]:
    return [each.strip() for each in socket.headers.get("sec-websocket-protocol", "").split(",") if each.strip()]


def _conversation_id(socket: Socket) -> ConversationId | None:
    named = socket.query_params.get("conversation")
    if not named:
        return None
    try:
        return ConversationId(UUID(named.removeprefix("conv_")))
    except ValueError:
        raise InvalidRequest(f"conversation is {named!r}, and must be an id", field="conversation") from None
