"""The keyless model: it answers with the best supported statements of the passages it is given, cited, or refuses.

It is a LlamaIndex `LLM`, so it stands wherever a language model can. What a prompt asks is read in `aura.answering.task`,
what answers it is chosen in `aura.answering.quoting`. Texts in English, German and French are understood; others are
matched as written.
"""

# pyright: reportUntypedFunctionDecorator=false
# LlamaIndex's callback decorators have no types.

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
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
from pydantic import Field, PrivateAttr

from aura.answering.prompts import IN_STYLE
from aura.answering.quoting import Reply, parts_of, reply_to, texts_of
from aura.answering.task import Task, read_task
from aura.index.likeness import UNRELATED, crowding

CONTEXT_WINDOW = 32_000


class ExtractiveLLM(CustomLLM):
    """A LlamaIndex LLM without a model behind it: quotes what supports an answer, or refuses.

    It reads the messages of `answer_messages` and `rewrite_messages`, and LlamaIndex's own question-answering prompts
    (whose passages have no numbers, so that nothing is cited, unless they are written as `Source 1:`).

    Cost: one batch of at most 41 embeddings per question, if `embed_model` is given; some 10 ms without.
    """

    embed_model: BaseEmbedding | None = Field(default=None, exclude=True)
    _unrelated: float | None = PrivateAttr(default=None)

    @property
    def metadata(self) -> LLMMetadata:
        """Its name and the prompt it can read."""
        return LLMMetadata(context_window=CONTEXT_WINDOW, num_output=512, model_name="extractive", is_chat_model=True)

    @classmethod
    def class_name(cls) -> str:
        """The name LlamaIndex serialises it by."""
        return "extractive"

    def answer(self, task: Task) -> Reply:
        """The answer to a task; blocks while it embeds."""
        parts = parts_of(task)
        if task.answer is not None or not parts or self.embed_model is None:
            return reply_to(task, parts, None)
        if self._unrelated is None:
            self._unrelated = crowding(self.embed_model.get_text_embedding_batch(list(UNRELATED)))
        return reply_to(task, parts, self.embed_model.get_text_embedding_batch(texts_of(parts)), self._unrelated)

    async def answer_async(self, task: Task) -> Reply:
        """The answer to a task; what computes runs in a thread."""
        parts = await asyncio.to_thread(parts_of, task)
        if task.answer is not None or not parts or self.embed_model is None:
            return await asyncio.to_thread(reply_to, task, parts, None)
        if self._unrelated is None:
            self._unrelated = crowding(await self.embed_model.aget_text_embedding_batch(list(UNRELATED)))
        vectors = await self.embed_model.aget_text_embedding_batch(texts_of(parts))
        return await asyncio.to_thread(reply_to, task, parts, vectors, self._unrelated)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The answer to the last message."""
        return _chat_response(self.answer(read_task(messages)))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The answer to the last message."""
        return _chat_response(await self.answer_async(read_task(messages)))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The answer to the last message, word by word."""
        reply = self.answer(read_task(messages))
        return (_chat_response(reply, sofar, delta) for sofar, delta in _words(reply.text))

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """The answer to the last message, word by word."""
        reply = await self.answer_async(read_task(messages))

        async def words() -> ChatResponseAsyncGen:
            for sofar, delta in _words(reply.text):
                yield _chat_response(reply, sofar, delta)

        return words()

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The answer to a prompt."""
        return CompletionResponse(text=self.answer(read_task(prompt)).text)

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The answer to a prompt."""
        return CompletionResponse(text=(await self.answer_async(read_task(prompt))).text)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The answer to a prompt, word by word."""
        text = self.answer(read_task(prompt)).text
        return (CompletionResponse(text=sofar, delta=delta) for sofar, delta in _words(text))

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """The answer to a prompt, word by word."""
        text = (await self.answer_async(read_task(prompt))).text

        async def words() -> CompletionResponseAsyncGen:
            for sofar, delta in _words(text):
                yield CompletionResponse(text=sofar, delta=delta)

        return words()


def _words(text: str) -> Iterator[tuple[str, str]]:
    """The text up to and with each word, and the word."""
    for word in re.finditer(r"\S+\s*", text):
        yield text[: word.end()], word.group()


def _chat_response(reply: Reply, text: str | None = None, delta: str | None = None) -> ChatResponse:
    message = ChatMessage(role=MessageRole.ASSISTANT, content=reply.text if text is None else text)
    return ChatResponse(message=message, delta=delta, additional_kwargs={IN_STYLE: reply.in_style})
