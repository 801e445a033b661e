"""From a request's body to the question that a workspace answers, the same for every surface that asks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request

from aura.answering.ask import InConversation, Question
from aura.errors import InvalidRequest
from aura.identity import ConversationId, UserId
from aura.usage.audit import Action
from aura.workspace import Workspace
from aura_server.auditing import Record
from aura_server.wire.chat import ChatRequest


async def workspace_for(
    workspace: Workspace, user_id: UUID | None, record: Record, *, reading: bool = False
) -> Workspace:
    """The caller's workspace, or that in which an admin acts on a member's behalf, which is audited.

    Raises:
        NotFound: there is no such member, or the caller may not act for it: the two are never told apart.
    """
    if user_id is None:
        return workspace
    found = await workspace.on_behalf_of(UserId(user_id))
    if found is not workspace:
        action = Action.HISTORY_READ_ON_BEHALF if reading else Action.ASKED_ON_BEHALF
        await record(action, "user", user_id)
    return found


def question_of(body: ChatRequest) -> Question:
    """The question that `body` asks, in its conversation or in a new one."""
    return Question(
        message=body.message,
        conversation=_conversation(body),
        collection=body.collection,
        use_memory=body.use_memory,
        use_persona=body.use_persona,
        search_knowledge=body.search_knowledge,
        temporary=body.temporary,
        replaces=body.replaces,
    )


async def begin(request: Request[Any, Any, Any], workspace: Workspace, record: Record) -> tuple[Workspace, UUID, int]:
    """Begin the answer that the request's body asks for: the workspace that answers, its id, and where to read from.

    Raises:
        InvalidRequest: the body can not be used; it is read here, since a resumed stream has none.
    """
    try:
        body = msgspec.json.decode(await request.body(), type=ChatRequest)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise InvalidRequest(f"the body is not what this route takes: {error}", field="body") from None
    asking = await workspace_for(workspace, body.user_id, record)
    return asking, await asking.responses.begin(question_of(body)), -1


def resume_point(request: Request[Any, Any, Any]) -> tuple[UUID, int] | None:
    """The response and the last event that `Last-Event-ID` names; None where it is not sent.

    Raises:
        InvalidRequest: it is none of ours.
    """
    sent = request.headers.get("last-event-id")
    if sent is None:
        return None
    response_id, _, seq = sent.rpartition(":")
    try:
        return UUID(response_id), int(seq) if len(seq) < 10 and seq.isdecimal() else -1
    except ValueError:
        raise InvalidRequest(
            "Last-Event-ID is none of ours: send the `id` of the last event as it came", field="Last-Event-ID"
        ) from None


def _conversation(body: ChatRequest) -> InConversation:
    if body.session_id is not None:
        return ConversationId(body.session_id)
    return None if body.temporary else "new"
