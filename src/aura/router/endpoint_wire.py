"""OpenAI's chat protocol as it comes over the wire: events of a stream, and pieces as LlamaIndex has them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar, cast

import msgspec
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from pydantic import BaseModel

_DRAIN_SECONDS: Final = 0.05

Model = TypeVar("Model", bound=BaseModel)


async def events_of(response: Any) -> AsyncGenerator[dict[str, Any]]:
    """The events of a response of server-sent events, each one line of JSON, as this protocol has them.

    What follows the last event is read as well, if it comes at once: only then can the connection serve another call.
    """
    rest = b""
    body = response.aiter_bytes()
    async for part in body:
        lines = (rest + part).split(b"\n") if rest else part.split(b"\n")
        rest = lines.pop()
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data.startswith(b"[DONE]"):
                await _drained(body)
                return
            yield object_of(data)
    if rest.startswith(b"data:") and not rest[5:].strip().startswith(b"[DONE]"):
        yield object_of(rest[5:])


async def _drained(body: AsyncIterator[bytes]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in body:
                pass


def object_of(data: bytes) -> dict[str, Any]:
    found: object = msgspec.json.decode(data)
    if not isinstance(found, dict):
        raise msgspec.DecodeError("an event is no object")
    return cast(dict[str, Any], found)


def piece_of(
    raw: dict[str, Any], said: str | None, content: str, thought: str, thoughts: str, calls: Sequence[Any]
) -> ChatResponse:
    """A piece as LlamaIndex has it. It is made past pydantic, whose validation would take longer than all the rest."""
    blocks: list[Any] = [_made(TextBlock, {"block_type": "text", "text": content})]
    if thoughts:
        blocks.insert(0, ThinkingBlock(content=thoughts))
    for call in calls:
        if call.function:
            blocks.append(
                ToolCallBlock(
                    tool_call_id=call.id,
                    tool_kwargs=call.function.arguments or {},
                    tool_name=call.function.name or "",
                )
            )
    beside: dict[str, Any] = {"thinking_delta": thought} if thought else {}
    usage = raw.get("usage")
    if usage:
        beside |= {name: usage.get(name) or 0 for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    message = _made(
        ChatMessage,
        {
            "role": MessageRole.ASSISTANT,
            "additional_kwargs": {"tool_calls": calls} if calls else {},
            "blocks": blocks,
        },
    )
    return _made(
        ChatResponse,
        {"message": message, "raw": raw, "delta": said, "logprobs": None, "additional_kwargs": beside},
    )


def _made(model: type[Model], fields: dict[str, Any]) -> Model:
    """A pydantic model of `fields` that are known to be right: `model_construct`, without its look at each default."""
    made = model.__new__(model)
    set_ = object.__setattr__
    set_(made, "__dict__", fields)
    set_(made, "__pydantic_fields_set__", set(fields))
    set_(made, "__pydantic_extra__", None)
    set_(made, "__pydantic_private__", None)
    return made
