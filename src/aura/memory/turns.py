"""A question and its answer, written together into their conversation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    Text,
    Update,
    Uuid,
    bindparam,
    cast,
    false,
    func,
    literal,
    null,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import TypeEngine

from aura.answering.events import Answer
from aura.answering.hygiene import storable
from aura.database.scopes import Sight
from aura.database.statements import ScopedStatement
from aura.database.tables import conversations, memory_outbox, messages
from aura.errors import NotFound
from aura.identity import ConversationId, Scope

TITLE_CHARACTERS: Final = 80
"""How much of its first question names a conversation."""


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


async def write(
    session: AsyncConnection, scope: Scope, turn: Turn, *, remembers: bool = True, learns: bool = True
) -> bool:
    """Write `turn` into the scope's conversation; False where it is there already. Cost: one round trip.

    Turns of one conversation wait for each other.

    Args:
        remembers: have it derived from: its rows of the outbox are there with it, or not at all.
        learns: False for what somebody else said in the user's name: it is remembered as a turn, and no fact is made of it.

    Raises:
        NotFound: there is no such conversation in the scope.
    """
    title = storable(turn.asked)[:TITLE_CHARACTERS]
    opened = {"conversation": turn.conversation_id, "title": title}
    answer = turn.answer
    values = {
        **opened,
        "owner": scope.user_id,
        "question_id": turn.question_id,
        "question": storable(turn.asked),
        "answer_id": turn.message_id,
        "answer": storable(answer.text),
        "citations": msgspec.json.encode(answer.citations).decode(),
        "model": answer.model,
        "cost_usd": answer.cost_usd or 0,
        "refused": answer.refused,
        "stopped": answer.stopped,
        "remembers": remembers,
        "learns": learns,
    }
    row = (await (_BEGIN if turn.begins else _WRITE).run(session, scope, values)).one()
    if turn.begins and not row.touched:  # it began in another transaction meanwhile, which this statement did not see
        row = (await _WRITE.run(session, scope, values)).one()
    if not row.touched:
        raise NotFound("there is no such conversation")
    return bool(row.said)


def _begin() -> ReturningInsert[Any]:
    """The conversation, unless there is one with its id."""
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


def _writing(sight: Sight, *, begins: bool = False) -> Select[Any]:
    """Lock the conversation, or begin it, then add both messages and have them derived from, all in one statement."""
    touched = _touch(sight).cte("touched")
    if begins:
        touched = union_all(select(_begin().cte("begun").c.id), select(touched.c.id)).cte("opened")
    both = union_all(*(select(*_half(half), touched.c.id).select_from(touched) for half in (_QUESTION, _ANSWER)))
    names = [*_QUESTION, "tenant_id", "user_id", "conversation_id"]
    said = insert(messages).from_select(names, both).on_conflict_do_nothing().returning(messages.c.id).cte("said")
    waits = select(_TENANT, _OWNER, _given("conversation", Uuid()), _given("learns", Boolean()), said.c.id)
    outbox = insert(memory_outbox).from_select(
        ["tenant_id", "user_id", "conversation_id", "learn", "message_id"],
        waits.where(_given("remembers", Boolean())),
    )
    waiting = outbox.on_conflict_do_nothing().returning(memory_outbox.c.message_id).cte("waiting")
    counts = (select(func.count()).select_from(each).scalar_subquery() for each in (touched, said))
    return select(*(count.label(name) for count, name in zip(counts, ("touched", "said"), strict=True))).add_cte(
        waiting
    )


def _given(name: str, type_: TypeEngine[Any]) -> ColumnElement[Any]:
    return cast(bindparam(name, type_=type_), type_)


def _half(half: Mapping[str, ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    return [*half.values(), _TENANT, _OWNER]


_TENANT: Final = _given("scope_tenant", Uuid())
_OWNER: Final = _given("owner", Uuid())
_QUESTION: Final[Mapping[str, ColumnElement[Any]]] = {
    "id": _given("question_id", Uuid()),
    "role": literal("user", Text),
    "text": _given("question", Text()),
    "citations": func.jsonb_build_array(),
    "model": null().cast(Text),
    "cost_usd": cast(literal(0), messages.c.cost_usd.type),
    "refused": false(),
    "stopped": false(),
}
_ANSWER: Final[Mapping[str, ColumnElement[Any]]] = {
    "id": _given("answer_id", Uuid()),
    "role": literal("assistant", Text),
    "text": _given("answer", Text()),
    "citations": cast(bindparam("citations", type_=Text), JSONB),
    "model": _given("model", Text()),
    "cost_usd": _given("cost_usd", messages.c.cost_usd.type),
    "refused": _given("refused", Boolean()),
    "stopped": _given("stopped", Boolean()),
}
_BEGIN: Final = ScopedStatement(partial(_writing, begins=True))
_WRITE: Final = ScopedStatement(_writing)
