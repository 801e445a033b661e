"""A model behind OpenAI's chat protocol, at any vendor's address: a LlamaIndex model, made lean for streams.

One vendor package serves OpenAI, xAI and every local server, since all speak this protocol. It is imported when the first
such model is opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from functools import cache
from ssl import SSLContext, create_default_context
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    LLMMetadata,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from aura.errors import InvalidRequest
from aura.router.candidates import UNKNOWN_CONTEXT_WINDOW
from aura.router.counts import get

if TYPE_CHECKING:
    from llama_index.llms.openai import OpenAI

TIMEOUT_SECONDS = 60.0
CONNECT_SECONDS = 5.0


def open_endpoint(
    model: str,
    address: str | None,
    key: str,
    *,
    context_window: int | None = None,
    connect_seconds: float = CONNECT_SECONDS,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> OpenAI:
    """`model` at `address` (None: OpenAI's own). Nothing is called yet. It never tries a call again by itself.

    Raises:
        InvalidRequest: the extra `openai` is not installed.
    """
    try:
        endpoint = _endpoint_class()
    except ImportError as error:
        raise InvalidRequest(
            f'the model {model!r} needs the extra `openai`: pip install "aura[openai]"', field="llm"
        ) from error
    opened = endpoint(
        model=model,
        api_base=address,
        api_key=key,
        temperature=0.0,
        timeout=timeout_seconds,
        max_retries=0,
        additional_kwargs={"stream_options": {"include_usage": True}},
    )
    cast(Any, opened).configure(connect_seconds=connect_seconds, context_window=context_window)
    return opened


async def close_endpoint(llm: object) -> None:
    """Close the connections of the running loop that `llm` holds, where it is an endpoint."""
    close = getattr(llm, "close_clients", None)
    if close is not None:
        await close()


@cache
def _endpoint_class() -> type[OpenAI]:
    import certifi
    from llama_index.llms.openai import OpenAI
    from llama_index.llms.openai.utils import to_openai_message_dicts, update_tool_calls
    from openai import AsyncOpenAI, AsyncStream, DefaultAsyncHttpxClient, Timeout
    from openai.resources.chat import AsyncCompletions  # else loaded by the first call, on its event loop
    from openai.types.chat import ChatCompletionChunk
    from pydantic import PrivateAttr

    class Endpoint(OpenAI):
        """A model behind OpenAI's chat protocol, of any size and at any address."""

        _connect_seconds: float = PrivateAttr(default=CONNECT_SECONDS)
        _context_window: int | None = PrivateAttr(default=None)
        _clients: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI] = PrivateAttr(
            default_factory=WeakKeyDictionary
        )

        def configure(self, *, connect_seconds: float, context_window: int | None) -> None:
            self._connect_seconds, self._context_window = connect_seconds, context_window

        @property
        def opens_at_once(self) -> bool:
            """True: `astream_chat` returns when the provider has begun to answer."""
            return True

        @property
        def metadata(self) -> LLMMetadata:
            try:
                known = super().metadata
            except ValueError:  # LlamaIndex has no context size for models that are not OpenAI's
                known = LLMMetadata(
                    context_window=UNKNOWN_CONTEXT_WINDOW,
                    is_chat_model=True,
                    is_function_calling_model=True,
                    model_name=self.model,
                )
            if self._context_window is not None:
                known.context_window = self._context_window
            return known

        @property
        def _tokenizer(self) -> None:
            """None: tiktoken would download its vocabulary."""

        def _get_credential_kwargs(self, is_async: bool = False) -> dict[str, Any]:
            timeout = Timeout(self.timeout, connect=self._connect_seconds)
            return {**super()._get_credential_kwargs(is_async=is_async), "max_retries": 0, "timeout": timeout}

        def _get_aclient(self) -> AsyncOpenAI:
            """One client for each event loop: its connections belong to the loop that opened them."""
            loop = asyncio.get_running_loop()
            client = self._clients.get(loop)
            if client is None:
                options: dict[str, Any] = {**self._get_credential_kwargs(is_async=True), "http_client": connections()}
                client = self._clients[loop] = AsyncOpenAI(**options)
            return client

        async def close_clients(self) -> None:
            client = self._clients.pop(asyncio.get_running_loop(), None)
            if client is not None:
                await client.close()

        async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
            return await self._achat(messages, **kwargs)

        async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
            # LlamaIndex's own makes an event of each piece, at some 100 µs, and leaves an abandoned stream open.
            stream = await self._get_aclient().chat.completions.create(
                messages=cast(Any, to_openai_message_dicts(messages, model=self.model)),
                **self._get_model_kwargs(stream=True, **kwargs),
            )
            return _responses(cast("AsyncStream[ChatCompletionChunk]", stream))

    @cache
    def trusted() -> SSLContext:
        return create_default_context(cafile=certifi.where())  # some 50 ms, which each client would take again

    def connections() -> DefaultAsyncHttpxClient:
        return DefaultAsyncHttpxClient(verify=trusted())

    async def _responses(stream: AsyncStream[ChatCompletionChunk]) -> AsyncGenerator[ChatResponse]:
        content, thoughts = "", ""
        calls: list[Any] = []
        try:
            async for chunk in stream:
                delta = chunk.choices[0].delta if chunk.choices else None
                said = (delta.content if delta is not None else None) or ""
                content += said
                thought = _thought(delta)
                thoughts += thought
                if delta is not None and delta.tool_calls:
                    calls = update_tool_calls(calls, delta.tool_calls)
                yield _response(chunk, said, content, thought, thoughts, calls)
        finally:
            await stream.close()

    trusted()
    assert AsyncCompletions
    return Endpoint


def _thought(delta: object) -> str:
    found = get(delta, "reasoning_content") if delta is not None else None
    return found if isinstance(found, str) else ""


def _response(raw: Any, said: str, content: str, thought: str, thoughts: str, calls: list[Any]) -> ChatResponse:
    """A piece as LlamaIndex has it, made of parts that need no validation: the client has checked them."""
    blocks: list[Any] = [TextBlock.model_construct(block_type="text", text=content)]
    if thoughts:
        blocks.insert(
            0, ThinkingBlock.model_construct(block_type="thinking", content=thoughts, additional_information={})
        )
    for call in calls:
        if call.function:
            blocks.append(
                ToolCallBlock(
                    tool_call_id=call.id,
                    tool_kwargs=call.function.arguments or {},
                    tool_name=call.function.name or "",
                )
            )
    message = ChatMessage.model_construct(
        role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs={"tool_calls": calls} if calls else {}
    )
    beside = {"thinking_delta": thought} if thought else {}
    if raw.usage is not None:
        beside = {
            **beside,
            "prompt_tokens": raw.usage.prompt_tokens,
            "completion_tokens": raw.usage.completion_tokens,
            "total_tokens": raw.usage.total_tokens,
        }
    return ChatResponse.model_construct(message=message, delta=said, raw=raw, additional_kwargs=beside, logprobs=None)
