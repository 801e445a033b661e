"""A model behind OpenAI's chat protocol, at any vendor's address: a LlamaIndex model, made lean for streams.

One vendor package serves OpenAI, xAI and every local server, since all speak this protocol. It is imported when the first
such model is opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from functools import cache
from ssl import SSLContext, create_default_context
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from weakref import WeakKeyDictionary

import msgspec
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
from pydantic import BaseModel

from aura.errors import InvalidRequest
from aura.router.candidates import UNKNOWN_CONTEXT_WINDOW

if TYPE_CHECKING:
    from llama_index.llms.openai import OpenAI

TIMEOUT_SECONDS = 60.0
CONNECT_SECONDS = 5.0
_DRAIN_SECONDS: Final = 0.05

Model = TypeVar("Model", bound=BaseModel)


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


def with_key(llm: object, key: str) -> OpenAI | None:
    """The same endpoint with another key and connections of its own; None where `llm` is none."""
    again = getattr(llm, "again_with_key", None)
    return None if again is None else again(key)


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
    from openai import APIError, AsyncOpenAI, DefaultAsyncHttpxClient, Timeout
    from openai.resources.chat import AsyncCompletions  # else loaded by the first call, on its event loop
    from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall
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

        def again_with_key(self, key: str) -> OpenAI:
            return open_endpoint(
                self.model,
                self.api_base,
                key,
                context_window=self._context_window,
                connect_seconds=self._connect_seconds,
                timeout_seconds=self.timeout,
            )

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
            return await self.bare_achat(messages, **kwargs)

        async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
            return await self.bare_astream_chat(messages, **kwargs)

        async def bare_achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
            """As `achat`, without LlamaIndex's span around it, and without the client's models of the answer."""
            response = await self._get_aclient().chat.completions.with_raw_response.create(
                messages=cast(Any, to_openai_message_dicts(messages, model=self.model)),
                stream=False,
                **self._get_model_kwargs(**kwargs),
            )
            answer = _object(response.http_response.content)
            if answer.get("error"):
                raise in_band(answer["error"], response.http_response)
            choices = answer.get("choices")
            said = (choices[0].get("message") if choices else None) or {}
            parts = [_tool_call(each, n) for n, each in enumerate(said.get("tool_calls") or ())]
            thoughts = said.get("reasoning_content") or ""
            return _response(answer, None, said.get("content") or "", "", thoughts, parts)

        async def bare_astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
            """As `astream_chat`, without LlamaIndex's span around it."""
            # The client makes a pydantic model of each piece, which takes longer than all the rest, and closes the
            # connection behind each stream, since it leaves the last bytes unread; LlamaIndex makes an event of each
            # piece, and leaves an abandoned stream open.
            request = self._get_aclient().chat.completions.with_streaming_response.create(
                messages=cast(Any, to_openai_message_dicts(messages, model=self.model)),
                **self._get_model_kwargs(stream=True, **kwargs),
            )
            response = await request.__aenter__()
            return _responses(response.http_response)

    @cache
    def trusted() -> SSLContext:
        return create_default_context(cafile=certifi.where())  # some 50 ms, which each client would take again

    def connections() -> DefaultAsyncHttpxClient:
        return DefaultAsyncHttpxClient(verify=trusted())

    def _tool_call(call: dict[str, Any], index: int) -> ChoiceDeltaToolCall:
        return ChoiceDeltaToolCall.model_validate({"index": index, **call})

    def in_band(error: Any, response: Any) -> APIError:
        return APIError("the provider sent an error in the place of a piece", request=response.request, body=error)

    async def _responses(response: Any) -> AsyncGenerator[ChatResponse]:
        content, thoughts = "", ""
        calls: list[Any] = []
        try:
            async for chunk in events_of(response):
                if chunk.get("error"):
                    raise in_band(chunk["error"], response)
                choices = chunk.get("choices")
                delta = (choices[0].get("delta") if choices else None) or {}
                said = delta.get("content") or ""
                content += said
                thought = delta.get("reasoning_content") or ""
                thoughts += thought
                if delta.get("tool_calls"):
                    parts = [ChoiceDeltaToolCall.model_validate(part) for part in delta["tool_calls"]]
                    calls = update_tool_calls(calls, parts)
                yield _response(chunk, said, content, thought, thoughts, calls)
        finally:
            await response.aclose()

    trusted()
    assert AsyncCompletions
    return Endpoint


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
            yield _object(data)
    if rest.startswith(b"data:") and not rest[5:].strip().startswith(b"[DONE]"):
        yield _object(rest[5:])


async def _drained(body: AsyncIterator[bytes]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in body:
                pass


def _object(data: bytes) -> dict[str, Any]:
    found: object = msgspec.json.decode(data)
    if not isinstance(found, dict):
        raise msgspec.DecodeError("an event is no object")
    return cast(dict[str, Any], found)


def _response(
    raw: dict[str, Any], said: str | None, content: str, thought: str, thoughts: str, calls: list[Any]
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
