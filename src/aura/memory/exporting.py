"""All that is kept of one user's talks, as a stream: JSON Lines for programs, or HTML for people; never whole in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from html import escape
from typing import Literal

import msgspec
from sqlalchemy import Select, Table, select, tuple_
from sqlalchemy.sql import ColumnElement

from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import (
    conversations,
    fact_evidence,
    facts,
    feedback,
    memory_settings,
    messages,
    persona_signals,
    personas,
    summaries,
)
from aura.identity import ConversationId, Scope

Format = Literal["jsonl", "html"]

_PAGE = 200
_HIDDEN = frozenset({"tenant_id", "user_id", "digest", "collections"})
_TITLES: Mapping[str, str] = {
    "settings": "Settings",
    "persona": "How you want to be answered",
    "persona_signal": "What showed how you want to be answered",
    "fact": "What is known of you",
    "evidence": "Where you said it",
    "summary": "Summaries",
    "conversation": "Conversations",
    "message": "Messages",
    "feedback": "Your opinions of answers",
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
    "dl{border-top:1px solid #ccc;padding-top:.5rem}dt{color:#555;font-size:.85rem}"
    "dd{margin:0 0 .4rem;white-space:pre-wrap}"
)


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one table that are exported, and what each is called."""

    name: str
    table: Table
    key: tuple[ColumnElement[object], ...]
    where: ColumnElement[bool] | None = None


async def export(
    database: Database, scope: Scope, format: Format, conversation_id: ConversationId | None = None
) -> AsyncGenerator[bytes]:
    """The export in pieces: of one conversation, or of everything.

    Cost: one transaction for each page of 200 rows, so that a slow reader holds no connection.
    """
    if format == "html":
        head = "<!doctype html><html lang=en><meta charset=utf-8><title>Your memory</title>"
        yield f"{head}<style>{_STYLE}</style><h1>Your memory</h1>\n".encode()
    for part in _parts(conversation_id):
        first = True
        async for row in _rows(database, scope, part):
            if format == "jsonl":
                yield msgspec.json.encode({"type": part.name, **row}) + b"\n"
                continue
            if first:
                yield f"<h2>{_TITLES[part.name]}</h2>\n".encode()
                first = False
            yield _as_html(row).encode()
    if format == "html":
        yield b"</html>\n"


def _parts(conversation_id: ConversationId | None) -> list[_Part]:
    talk, said = conversations.c, messages.c
    if conversation_id is not None:
        return [
            _Part(name="conversation", table=conversations, key=(talk.id,), where=talk.id == conversation_id),
            _Part(name="message", table=messages, key=(said.seq,), where=said.conversation_id == conversation_id),
        ]
    return [
        _Part(name="settings", table=memory_settings, key=(memory_settings.c.user_id,)),
        _Part(name="persona", table=personas, key=(personas.c.user_id,)),
        _Part(name="persona_signal", table=persona_signals, key=(persona_signals.c.id,)),
        _Part(name="fact", table=facts, key=(facts.c.id,)),
        _Part(name="evidence", table=fact_evidence, key=(fact_evidence.c.fact_id, fact_evidence.c.message_id)),
        _Part(name="summary", table=summaries, key=(summaries.c.conversation_id,)),
        _Part(name="conversation", table=conversations, key=(talk.id,)),
        _Part(name="message", table=messages, key=(said.seq,)),
        _Part(name="feedback", table=feedback, key=(feedback.c.message_id,)),
    ]


async def _rows(database: Database, scope: Scope, part: _Part) -> AsyncGenerator[dict[str, object]]:
    query: Select[tuple[object, ...]] = select(part.table).where(visible(part.table, scope))
    if part.where is not None:
        query = query.where(part.where)
    page = query.order_by(*part.key).limit(_PAGE)
    while True:
        async with database.tenant(scope) as session:
            found = [dict(row) for row in (await session.execute(page)).mappings()]
        for row in found:
            yield {str(name): value for name, value in row.items() if str(name) not in _HIDDEN}
        if len(found) < _PAGE:
            return
        last = tuple(found[-1][column.key or ""] for column in part.key)
        page = query.where(tuple_(*part.key) > last).order_by(*part.key).limit(_PAGE)


def _as_html(row: Mapping[str, object]) -> str:
    shown = ((name, value) for name, value in row.items() if value not in (None, "", [], {}))
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>' for name, value in shown)}</dl>\n"
