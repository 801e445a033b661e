"""LlamaIndex's model of OpenAI's protocol, made lean for streams. `endpoint.py` imports it when the first one is opened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from functools import cache
from ssl import SSLContext, create_default_context
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import WeakKeyDictionary

from httpx import Response
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ChatResponseAsyncGen, LLMMetadata
from llama_index.llms.openai import OpenAI
from llama_index.llms.openai.utils import to_openai_message_dicts, update_tool_calls
from pydantic import PrivateAttr

from aura.router.candidates import UNKNOWN_CONTEXT_WINDOW
from aura.router.endpoint_wire import events_of, object_of, piece_of

if TYPE_CHECKING:
    from openai import APIError, AsyncOpenAI
    from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall


_OPTIONS: Final = {"extra_headers": "headers", "extra_query": "params", "timeout": "timeout"}
"""Options of a call that are not of its body, and the client's names for them."""


class Endpoint(OpenAI):
    """A model behind OpenAI's chat protocol, of any size and at any address. Make it with `endpoint.open_endpoint`."""

    _connect_seconds: float = PrivateAttr(default=5.0)
    _context_window: int | None = PrivateAttr(default=None)
    _clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = PrivateAttr(default_factory=WeakKeyDictionary)

    @classmethod
    def opened(
        cls,
        model: str,
        address: str | None,
        key: str,
        *,
        context_window: int | None,
        connect_seconds: float,
        timeout_seconds: float,
    ) -> Self:
        """As `open_endpoint`. Raises `ImportError` without the vendor's package."""
        trusted()
        opened = cls(
            model=model,
            api_base=address,
            api_key=key,
            temperature=0.0,
            timeout=timeout_seconds,
            max_retries=0,
            additional_kwargs={"stream_options": {"include_usage": True}},
        )
        opened._connect_seconds, opened._context_window = connect_seconds, context_window
        return opened

    def again_with_key(self, key: str) -> Self:
        """The same with another key, and with connections of its own."""
        return self.opened(
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
        """What the model can do, also one that is not OpenAI's."""
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
        from openai import Timeout

        timeout = Timeout(self.timeout, connect=self._connect_seconds)
        return {**super()._get_credential_kwargs(is_async=is_async), "max_retries": 0, "timeout": timeout}

    def _get_aclient(self) -> AsyncOpenAI:
        """One client for each event loop: its connections belong to the loop that opened them."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = _client(self._get_credential_kwargs(is_async=True))
        return client

    async def close_clients(self) -> None:
        """Close the connections of the running loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The answer at once."""
        return await self.bare_achat(messages, **kwargs)

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """The answer as it comes; who leaves it closes it."""
        return await self.bare_astream_chat(messages, **kwargs)

    async def bare_achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """As `achat`, without LlamaIndex's span around it, and without the client's models of the answer."""
        response = await self._post(messages, {"stream": False, **self._get_model_kwargs(**kwargs)})
        answer = object_of(response.content)
        if answer.get("error"):
            raise _in_band(answer["error"], response)
        choices = answer.get("choices")
        said = (choices[0].get("message") if choices else None) or {}
        calls = [_tool_call({"index": n, **each}) for n, each in enumerate(said.get("tool_calls") or ())]
        return piece_of(answer, None, said.get("content") or "", "", said.get("reasoning_content") or "", calls)

    async def bare_astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """As `astream_chat`, without LlamaIndex's span around it."""
        # The client makes a pydantic model of each piece, which takes longer than all the rest, and closes the
        # connection behind each stream, since it leaves the last bytes unread; LlamaIndex makes an event of each
        # piece, and leaves an abandoned stream open.
        return _pieces(await self._post(messages, self._get_model_kwargs(stream=True, **kwargs)))

    async def _post(self, messages: Sequence[ChatMessage], fields: dict[str, Any]) -> Response:
        """Ask by the client's own way for requests that it has no method for: `create` would go through all of the body and
        compare it with the types of all parameters there are, which takes longer than to send it.
        """
        options: dict[str, Any] = {name: fields.pop(key) for key, name in _OPTIONS.items() if key in fields}
        body = {
            "messages": to_openai_message_dicts(messages, model=self.model),
            **{name: value for name, value in fields.items() if name != "extra_body"},
            **(fields.get("extra_body") or {}),
        }
        client: Any = self._get_aclient()
        return await client.post(
            "/chat/completions", cast_to=Response, body=body, options=options, stream=bool(fields.get("stream"))
        )


async def _pieces(response: Any) -> AsyncGenerator[ChatResponse]:
    content, thoughts = "", ""
    calls: list[Any] = []
    try:
        async for chunk in events_of(response):
            if chunk.get("error"):
                raise _in_band(chunk["error"], response)
            choices = chunk.get("choices")
            delta = (choices[0].get("delta") if choices else None) or {}
            said = delta.get("content") or ""
            content += said
            thought = delta.get("reasoning_content") or ""
            thoughts += thought
            if delta.get("tool_calls"):
                calls = update_tool_calls(calls, [_tool_call(part) for part in delta["tool_calls"]])
            yield piece_of(chunk, said, content, thought, thoughts, calls)
    finally:
        await response.aclose()


def client_of(key: str, address: str | None, *, timeout_seconds: float, connect_seconds: float) -> AsyncOpenAI:
    """A client of its own connections, for the running loop."""
    from openai import Timeout

    timeout = Timeout(timeout_seconds, connect=connect_seconds)
    return _client({"api_key": key, "base_url": address, "max_retries": 0, "timeout": timeout})


def _client(options: dict[str, Any]) -> AsyncOpenAI:
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    options["http_client"] = DefaultAsyncHttpxClient(verify=trusted())
    return AsyncOpenAI(**options)


@cache
def trusted() -> SSLContext:
    """The authorities that are trusted. Cost: some 50 ms, once; each client would take it again."""
    import certifi

    return create_default_context(cafile=certifi.where())


def _tool_call(call: dict[str, Any]) -> ChoiceDeltaToolCall:
    from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

    return ChoiceDeltaToolCall.model_validate(call)


def _in_band(error: Any, response: Any) -> APIError:
    from openai import APIError

    return APIError("the provider sent an error in the place of a piece", request=response.request, body=error)
