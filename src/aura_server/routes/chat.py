"""Questions and answers: whole, as a stream that can be resumed, and what was said before."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream

from aura.identity import ConversationId
from aura.memory.feedback import RatedDown
from aura.persona.traits import AXES, Axis
from aura.workspace import Workspace
from aura_server.asking import begin, question_of, resume_point, workspace_for
from aura_server.auditing import Record
from aura_server.callers import still_let_in
from aura_server.limits import CALL
from aura_server.routes.documents import Cursor, Limit
from aura_server.sse import MEDIA_TYPE, answer_stream, telling
from aura_server.wire.chat import (
    ChatRequest,
    ChatResponse,
    ContextResponse,
    FeedbackRequest,
    MessageResponse,
    StopRequest,
)
from aura_server.wire.common import Items, items_of

_TAGS = ["chat"]


@post("/chat/", status_code=200, opt=CALL, tags=_TAGS)
async def chat(
    data: JSONBody[ChatRequest], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> ChatResponse:
    """The whole answer to a message, cited, or a refusal where no document supports one."""
    asking = await workspace_for(workspace, data.user_id, record)
    return ChatResponse.of(await asking.answer(question_of(data)))


@post("/chat/stream", status_code=200, media_type=MEDIA_TYPE, opt=CALL, tags=_TAGS)
async def stream(
    request: Request[Any, Any, Any], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> Stream:
    """The answer as server-sent events. With `Last-Event-ID` and no body: the rest of one that began before.

    The header `X-Response-Id` names the answer before its first event, for who wants to stop it or to come back to it.
    """
    point = resume_point(request)
    asking, response_id, after = await begin(request, workspace, record) if point is None else (workspace, *point)
    await asking.responses.get(response_id)  # a foreign one is refused before the stream begins
    events = answer_stream(asking.responses.read(response_id, after), still_let_in(request))
    return Stream(telling(events), media_type=MEDIA_TYPE, headers={"X-Response-Id": str(response_id)})


@post("/chat/stop", status_code=202, tags=_TAGS)
async def stop(data: JSONBody[StopRequest], workspace: NamedDependency[Workspace]) -> None:
    """End an answer now. What was said is kept."""
    await workspace.responses.stop(data.response_id)


@post("/chat/feedback", status_code=204, tags=_TAGS)
async def feedback(data: JSONBody[FeedbackRequest], workspace: NamedDependency[Workspace]) -> None:
    """Rate an answer. Rating it again replaces the first opinion."""
    await workspace.feedback(data.message_id, data.rating, reason=data.reason, comment=data.comment)


@get("/chat/feedback", tags=_TAGS)
async def rated_down(workspace: NamedDependency[Workspace], limit: Limit = 100) -> Items[RatedDown]:
    """The caller's answers that are rated as bad, with what was asked; of all members where admins may read history."""
    return Items(items=tuple(await workspace.rated_down(limit=limit)))


@get("/chat/history/{user_id:uuid}", tags=_TAGS)
async def history(
    user_id: FromPath[UUID],
    workspace: NamedDependency[Workspace],
    record: NamedDependency[Record],
    session_id: FromQuery[UUID | None] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Items[MessageResponse]:
    """What was said, the latest first: of one conversation, or of all."""
    of = await workspace_for(workspace, user_id, record, reading=True)
    conversation = None if session_id is None else ConversationId(session_id)
    return items_of(await of.conversations.history(conversation, limit=limit, cursor=cursor), MessageResponse.of)


@get("/chat/context/{user_id:uuid}", tags=_TAGS)
async def context(
    user_id: FromPath[UUID], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> ContextResponse:
    """What an answer knows of the user who asks."""
    of = await workspace_for(workspace, user_id, record, reading=True)
    recent = await of.conversations.history(limit=10)
    messages = tuple(MessageResponse.of(message) for message in reversed(recent.items))
    summary, facts = "", tuple[str, ...]()
    if of.scope.collections is None:  # else it is a key whose answers draw on no memory
        summary = await of.memory.summary()
        facts = tuple(fact.text for fact in (await of.memory.facts.list(limit=50)).items)
    traits = (await of.persona.get()).traits
    persona: dict[Axis, float | str] = {axis: traits.value(axis) for axis in AXES}
    return ContextResponse(summary=summary, facts=facts, persona=persona, recent=messages)


HANDLERS = (chat, stream, stop, feedback, rated_down, history, context)
