"""A question and its answer, written together into their conversation."""

from __future__ import annotations

from functools import cache
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import Text, Update, Uuid, bindparam, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.answering.events import Answer
from aura.answering.hygiene import storable
from aura.database.scopes import Sight
from aura.database.statements import ScopedStatement, Statement
from aura.database.tables import conversations, messages
from aura.errors import NotFound
from aura.identity import ConversationId, Scope

_TITLE_CHARACTERS: Final = 80


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What is written. `message_id` is that of the answer's message, and the question's follows from it.

    `begins`: the conversation is not there before its first turn.
    """

    conversation_id: ConversationId
    message_id: UUID
    asked: str
    answer: Answer
    begins: bool = False

    @property
    def question_id(self) -> UUID:
        """The id of the question's message."""
        return question_id(self.message_id)


def question_id(message_id: UUID) -> UUID:
    """The id of the message that was answered by `message_id`."""
    return uuid5(message_id, "question")


async def write(session: AsyncConnection, scope: Scope, turn: Turn) -> bool:
    """Write `turn` into the scope's conversation; False where it is there already. Cost: two round trips.

    Turns of one conversation wait for each other.

    Raises:
        NotFound: there is no such conversation in the scope.
    """
    title = storable(turn.asked)[:_TITLE_CHARACTERS]
    opened = {"conversation": turn.conversation_id, "title": title}
    begun = turn.begins and (await _BEGIN.run(session, scope, opened)).first()
    if not begun and (await _TOUCH.run(session, scope, opened)).first() is None:
        raise NotFound("there is no such conversation")
    answer = turn.answer
    values = {
        "tenant": scope.tenant_id,
        "user": scope.user_id,
        "conversation": turn.conversation_id,
        "question_id": turn.question_id,
        "question": storable(turn.asked),
        "answer_id": turn.message_id,
        "answer": storable(answer.text),
        "citations": msgspec.json.encode(answer.citations).decode(),
        "model": answer.model,
        "cost_usd": answer.cost_usd or 0,
        "refused": answer.refused,
        "stopped": answer.stopped,
    }
    return bool((await _both().run(session, values)).first())


def _begin(sight: Sight) -> Any:
    made = insert(conversations).values(
        tenant_id=bindparam("scope_tenant"),
        id=bindparam("conversation"),
        user_id=bindparam("scope_user"),
        collections=bindparam("scope_collections"),
        title=bindparam("title"),
    )
    return made.on_conflict_do_nothing().returning(conversations.c.id)


def _touch(sight: Sight) -> Update:
    """Lock the conversation until the transaction ends, and name it by its first question unless it has a name."""
    named = func.coalesce(func.nullif(conversations.c.title, ""), bindparam("title", type_=Text))
    return (
        update(conversations)
        .where(sight.sees(conversations), conversations.c.id == bindparam("conversation", type_=Uuid))
        .values(updated_at=func.now(), title=named)
        .returning(conversations.c.id)
    )


_BEGIN: Final = ScopedStatement(_begin)
_TOUCH: Final = ScopedStatement(_touch)


@cache
def _both() -> Statement:
    common = {
        "tenant_id": bindparam("tenant"),
        "user_id": bindparam("user"),
        "conversation_id": bindparam("conversation"),
    }
    question = {
        **common,
        "id": bindparam("question_id"),
        "role": "user",
        "text": bindparam("question"),
        "citations": func.jsonb_build_array(),
        "model": None,
        "cost_usd": 0,
        "refused": False,
        "stopped": False,
    }
    answer = {
        **common,
        "id": bindparam("answer_id"),
        "role": "assistant",
        "text": bindparam("answer"),
        **{name: bindparam(name) for name in ("citations", "model", "cost_usd", "refused", "stopped")},
    }
    both = insert(messages).values([question, answer]).on_conflict_do_nothing()
    return Statement(both.returning(messages.c.id))
