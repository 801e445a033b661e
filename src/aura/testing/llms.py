"""Models that say what a test wants: an echo, and a script of replies, delays and errors."""

# pyright: reportUntypedFunctionDecorator=false
# LlamaIndex's callback decorators have no types.

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from llama_index.core.llms import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    CustomLLM,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from pydantic import PrivateAttr


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One reply: its chunks, with a delay before each, and an error after the last, if any."""

    chunks: Sequence[str] = ()
    delay_seconds: float = 0.0
    error: Exception | None = None


class ScriptedLLM(CustomLLM):
    """A LlamaIndex LLM whose calls get the given replies in order; one call too many fails the test.

    A `str` is a reply in one chunk, an exception one that fails at once. `calls` holds the messages of every call.
    """

    model: str = "scripted"
    _replies: list[Reply] = PrivateAttr()
    _calls: list[list[ChatMessage]] = PrivateAttr(default_factory=list[list[ChatMessage]])

    def __init__(self, replies: Sequence[Reply | str | Exception] = (), *, model: str = "scripted") -> None:
        super().__init__(model=model)
        self._replies = [_reply(each) for each in replies]

    @property
    def calls(self) -> list[list[ChatMessage]]:
        """The messages of every call so far."""
        return self._calls

    @property
    def metadata(self) -> LLMMetadata:
        """A chat model with room for everything."""
        return LLMMetadata(context_window=128_000, model_name=self.model, is_chat_model=True)

    @classmethod
    def class_name(cls) -> str:
        """The name LlamaIndex serialises it by."""
        return "scripted"

    def _next(self, messages: Sequence[ChatMessage]) -> Reply:
        self._calls.append(list(messages))
        if len(self._calls) > len(self._replies):
            raise AssertionError(f"the script has {len(self._replies)} replies, and this is call {len(self._calls)}")
        return self._replies[len(self._calls) - 1]

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The next reply, whole."""
        reply = self._next(messages)
        time.sleep(reply.delay_seconds * len(reply.chunks))
        return _whole(reply)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The next reply, whole."""
        reply = self._next(messages)
        await asyncio.sleep(reply.delay_seconds * len(reply.chunks))
        return _whole(reply)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The next reply, chunk by chunk."""
        reply = self._next(messages)

        def chunks() -> ChatResponseGen:
            for n, chunk in enumerate(reply.chunks, 1):
                time.sleep(reply.delay_seconds)
                yield _response("".join(reply.chunks[:n]), chunk)
            if reply.error is not None:
                raise reply.error

        return chunks()

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """The next reply, chunk by chunk."""
        reply = self._next(messages)

        async def chunks() -> ChatResponseAsyncGen:
            for n, chunk in enumerate(reply.chunks, 1):
                await asyncio.sleep(reply.delay_seconds)
                yield _response("".join(reply.chunks[:n]), chunk)
            if reply.error is not None:
                raise reply.error

        return chunks()

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The next reply, whole."""
        return CompletionResponse(text=self.chat([_user(prompt)]).message.content or "")

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The next reply, whole."""
        return CompletionResponse(text=(await self.achat([_user(prompt)])).message.content or "")

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The next reply, chunk by chunk."""
        return (_completion(each) for each in self.stream_chat([_user(prompt)]))

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """The next reply, chunk by chunk."""
        responses = await self.astream_chat([_user(prompt)])

        async def chunks() -> CompletionResponseAsyncGen:
            async for each in responses:
                yield _completion(each)

        return chunks()


class EchoLLM(ScriptedLLM):
    """A LlamaIndex LLM that repeats the last user message, word by word."""

    model: str = "echo"

    def __init__(self) -> None:
        super().__init__(model="echo")

    @classmethod
    def class_name(cls) -> str:
        """The name LlamaIndex serialises it by."""
        return "echo"

    def _next(self, messages: Sequence[ChatMessage]) -> Reply:
        self._calls.append(list(messages))
        said = [message.content or "" for message in messages if message.role is MessageRole.USER]
        words = said[-1].split(" ") if said else []
        return Reply(chunks=[word if n == 0 else f" {word}" for n, word in enumerate(words)])


def _reply(each: Reply | str | Exception) -> Reply:
    if isinstance(each, Reply):
        return each
    return Reply(chunks=(each,)) if isinstance(each, str) else Reply(error=each)


def _user(prompt: str) -> ChatMessage:
    return ChatMessage(role=MessageRole.USER, content=prompt)


def _whole(reply: Reply) -> ChatResponse:
    if reply.error is not None:
        raise reply.error
    return _response("".join(reply.chunks))


def _response(text: str, delta: str | None = None) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text), delta=delta)


def _completion(response: ChatResponse) -> CompletionResponse:
    return CompletionResponse(text=response.message.content or "", delta=response.delta)
