"""A handbook, and a model that says what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from llama_index.core.llms import ChatMessage, ChatResponse, CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback
from pydantic import PrivateAttr

HANDBOOK = """# Returns handbook

## Refund window
Customers may return any unopened product within 47 days of delivery. Opened products can be returned within 12 days.

## Shipping
Standard shipping takes three working days. Express shipping costs 19 euros and arrives the next morning.

## Contact
The returns desk is led by Marguerite Oyelaran and can be reached at extension 5521.
"""


class Scripted(CustomLLM):
    """Streams `script`; an exception in it is raised there, a number is a pause in seconds, a dict the provider's counts."""

    _script: list[str | float | Exception | dict[str, int]] = PrivateAttr(default_factory=list)
    _asked: list[list[ChatMessage]] = PrivateAttr(default_factory=list)
    _closed: int = PrivateAttr(default=0)

    def says(self, *script: str | float | Exception | dict[str, int]) -> None:
        self._script = list(script)

    def forget(self) -> None:
        """Begin as new."""
        self._script, self._asked, self._closed = [], [], 0

    @property
    def asked(self) -> list[list[ChatMessage]]:
        return self._asked

    @property
    def closed(self) -> int:
        """How many streams were closed, at their end or before it."""
        return self._closed

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="scripted", is_chat_model=True)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text="".join(s for s in self._script if isinstance(s, str)))

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise NotImplementedError

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        self._asked.append(list(messages))

        async def stream() -> Any:
            text = ""
            try:
                for step in self._script:
                    if isinstance(step, Exception):
                        raise step
                    if isinstance(step, float):
                        await asyncio.sleep(step)
                        continue
                    if isinstance(step, dict):
                        details = {"cached_tokens": step.get("cached_tokens", 0)}
                        raw = {"usage": {"prompt_tokens_details": details}}
                        message = ChatMessage(role="assistant", content=text)
                        yield ChatResponse(message=message, delta="", additional_kwargs=step, raw=raw)
                        continue
                    text += step
                    yield ChatResponse(message=ChatMessage(role="assistant", content=text), delta=step)
            finally:
                self._closed += 1

        return stream()
