"""What leaves for a vendor and what is made of its answers, against a server that keeps every request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from router_support import model, routed

from aura.router.counts import finish_reason, tokens_of, usage_in
from aura.router.endpoint import close_endpoint, open_endpoint
from aura.router.price import Tokens
from aura.testing.fault_server import FaultServer

MESSAGES = [ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content="what is this")]


@asynccontextmanager
async def endpoint(server: FaultServer, name: str, key: str = "sk-key") -> AsyncGenerator[Any]:
    llm = open_endpoint(name, server.url, key)
    try:
        yield llm
    finally:
        await close_endpoint(llm)


@pytest.mark.parametrize(
    ("vendor", "name", "key"), [("OpenAI", "ok@gpt", "sk-gpt"), ("xAI", "reasoning@grok", "xai-k")]
)
async def test_a_stream_is_asked_for_with_the_key_and_the_usage_at_its_end(vendor: str, name: str, key: str) -> None:
    async with FaultServer() as server, endpoint(server, name, key) as llm:
        pieces = [piece async for piece in await llm.astream_chat(MESSAGES, max_tokens=99)]
        hit = server.hits[0]
        assert hit.headers["authorization"] == f"Bearer {key}"
        assert hit.headers["content-type"] == "application/json"
        assert hit.headers["x-stainless-retry-count"] == "0"
        assert hit.body == {
            "model": name,
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "what is this"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.0,
            "max_tokens": 99,
        }
        assert "".join(piece.delta or "" for piece in pieces) == pieces[-1].message.content
        assert [finish_reason(piece.raw) for piece in pieces if finish_reason(piece.raw)] == ["stop"]
        thoughts = 100 if vendor == "xAI" else 0  # which xAI counts beside the completion
        assert tokens_of(usage_in(pieces[-1].raw)) == Tokens(input=5, output=60 + thoughts, reasoning=thoughts)


async def test_a_whole_answer_is_asked_for_without_options_of_streams() -> None:
    async with FaultServer() as server, endpoint(server, "ok") as llm:
        response = await llm.achat(MESSAGES)
        assert server.hits[0].body["stream"] is False
        assert "stream_options" not in server.hits[0].body
        assert response.additional_kwargs["prompt_tokens"] == 5


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("400", openai.BadRequestError),
        ("401", openai.AuthenticationError),
        ("403", openai.PermissionDeniedError),
        ("404", openai.NotFoundError),
        ("422", openai.UnprocessableEntityError),
        ("429", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("reset", openai.APIConnectionError),
    ],
)
async def test_the_client_raises_its_own_errors_and_asks_once(name: str, kind: type[Exception]) -> None:
    async with FaultServer() as server, endpoint(server, name) as llm:
        with pytest.raises(kind):
            await llm.achat(MESSAGES)
        with pytest.raises(kind):
            await llm.astream_chat(MESSAGES)
        assert len(server.hits) == 2


async def test_tools_reach_the_vendor_in_its_form() -> None:
    def add(a: int, b: int) -> int:
        """The sum of two numbers."""
        return a + b

    async with FaultServer() as server, routed(model(server, "ok")) as call:
        await call.router.achat_with_tools(
            [FunctionTool.from_defaults(add)], user_msg="add 1 and 2", tool_required=True
        )
        body = server.hits[0].body
        assert body["tools"][0]["function"]["name"] == "add"
        assert body["tools"][0]["function"]["description"].endswith("The sum of two numbers.")
        assert body["tool_choice"] == "required"
        assert "aura_tools" not in body
        await call.router.achat(MESSAGES, tools=body["tools"], tool_choice="auto")
        assert server.hits[1].body["tools"] == body["tools"]


async def test_calls_of_tools_come_back_from_a_stream() -> None:
    async with FaultServer() as server, routed(model(server, "tool")) as call:
        pieces = [piece async for piece in await call.router.astream_chat(MESSAGES)]
        blocks = [block for block in pieces[-1].message.blocks if isinstance(block, ToolCallBlock)]
        assert [(block.tool_name, block.tool_kwargs) for block in blocks] == [("add", '{"a": 1, "b": 2}')]
        assert call.router.get_tool_calls_from_response(pieces[-1])[0].tool_kwargs == {"a": 1, "b": 2}
        assert call.trace.attempts[0].outcome == "ok"


async def test_one_endpoint_serves_several_event_loops() -> None:
    async with FaultServer() as server:
        llm = open_endpoint("ok", server.url, "k")

        async def ask() -> str:
            try:
                return (await llm.achat(MESSAGES)).message.content or ""
            finally:
                await close_endpoint(llm)

        there = await asyncio.to_thread(asyncio.run, ask())
        assert there == await ask() != ""
