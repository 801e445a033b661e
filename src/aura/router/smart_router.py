"""`SmartRouter`: a LlamaIndex model that is many. It chooses one for each call, and another where that one fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from pydantic import PrivateAttr

from aura.errors import InvalidRequest
from aura.portal import Portal
from aura.router.attempt import CountTokens
from aura.router.candidates import Candidate, Capability, Tier
from aura.router.choose import Chooser
from aura.router.classify import Classifier, Rules
from aura.router.context import CallContext
from aura.router.core import Core, Policy
from aura.router.deadlines import Deadlines
from aura.router.endpoint import close_endpoint
from aura.router.failover import Call
from aura.router.health import HealthBoard, RouteHealth
from aura.router.hedging import Hedge, HedgeAllowance
from aura.router.latency import Latencies
from aura.router.telemetry import Telemetry, default_telemetry
from aura.tokens import estimate_tokens


class SmartRouter(FunctionCallingLLM):
    """A LlamaIndex `LLM` over candidates: `chat`, `complete` and their streams, synchronous and not; tools go through.

    router = SmartRouter([candidate(gpt, tier="fast"), candidate(grok, tier="reasoning")])
    answer = await router.achat(messages)

    The vendors' options that are given to a call (`max_tokens`, `tools` …) are passed on as they are.

    Args:
        candidates: at least one.
        classifier: says what a question is; the rules, unless another is given.
        policy: what follows a failure in the middle of a text: an `error`, or a `restart` from the beginning.
        explore: the share of calls that are given to another candidate than the best of its tier.
        hedge: begins a second attempt beside one that says nothing for so long; never, unless it is given.
        telemetry: is told of every attempt; OpenTelemetry, unless another is given.
        count_tokens: for what a provider does not count itself; by length, unless another is given.
    """

    model: str = "router"
    _core: Core = PrivateAttr()
    _context: CallContext = PrivateAttr()
    _portal: Portal = PrivateAttr()
    _owns_portal: bool = PrivateAttr(default=False)

    def __init__(
        self,
        candidates: Sequence[Candidate],
        *,
        classifier: Classifier | None = None,
        deadlines: Deadlines | None = None,
        policy: Policy = "error",
        explore: float = 0.0,
        hedge: Hedge | None = None,
        count_tokens: CountTokens | None = None,
        board: HealthBoard | None = None,
        telemetry: Telemetry | None = None,
        portal: Portal | None = None,
    ) -> None:
        if not candidates:
            raise InvalidRequest("a router needs at least one candidate", field="candidates")
        super().__init__(model="router")
        board, latencies = board or HealthBoard(), Latencies()
        for each in candidates:
            if not each.local:
                board.add(each.route, provider=each.provider, model=each.model)
        self._core = Core(
            candidates=tuple(candidates),
            classifier=classifier or Rules(),
            chooser=Chooser(candidates, board=board, latencies=latencies, explore=explore),
            board=board,
            latencies=latencies,
            deadlines=deadlines or Deadlines(),
            policy=policy,
            count_tokens=count_tokens or estimate_tokens,
            telemetry=telemetry or default_telemetry(),
            hedges=None if hedge is None else HedgeAllowance(hedge),
        )
        self._context = CallContext()
        self._portal = portal or Portal(on_close=self.close_loop)
        self._owns_portal = portal is None

    def bound(self, context: CallContext) -> SmartRouter:
        """The same router, whose calls are made in `context`. Health, latencies and connections are shared."""
        other = SmartRouter.model_construct(**self.__dict__)
        other._core, other._context, other._portal = self._core, context, self._portal
        other._owns_portal = self._owns_portal
        return other

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """What it chooses among."""
        return self._core.candidates

    @property
    def board(self) -> HealthBoard:
        """The health of its routes."""
        return self._core.board

    @property
    def context(self) -> CallContext:
        """What its calls are made in."""
        return self._context

    def get_health_status(self) -> tuple[RouteHealth, ...]:
        """How every route of the platform's keys is, why, and for how long. No call is made."""
        platform = {each.route for each in self._core.candidates}
        return tuple(status for status in self._core.board.statuses() if status.route in platform)

    async def close(self) -> None:
        """Close the connections of the running loop, and the loop of the synchronous methods where it is its own."""
        await self.close_loop()
        if self._owns_portal:
            await asyncio.to_thread(self._portal.close)

    async def close_loop(self) -> None:
        """Close the connections of the running loop."""
        for each in (*self._core.candidates, *self._core.chooser.own):
            await close_endpoint(each.llm)

    @property
    def metadata(self) -> LLMMetadata:
        """What its models can do together: the largest context, and tools where one of them has them."""
        chosen = [each for each in self._core.candidates if each.tier is not Tier.LAST_RESORT] or self._core.candidates
        return LLMMetadata(
            context_window=max(each.context_window for each in chosen),
            num_output=max(each.output_tokens for each in chosen),
            is_chat_model=True,
            is_function_calling_model=any(Capability.TOOLS in each.capabilities and not each.local for each in chosen),
            model_name=chosen[0].model if len(chosen) == 1 else self.model,
        )

    @classmethod
    def class_name(cls) -> str:
        """The name LlamaIndex serialises it by."""
        return "smart_router"

    def _call(self, messages: Sequence[ChatMessage], options: dict[str, Any]) -> Call:
        return Call(self._core, self._context, messages, options)

    # --- asynchronous -------------------------------------------------------------------------------------------------

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The answer of the model that was chosen.

        Raises:
            Unavailable: no model could take the call, or its time was over.
            LimitExceeded: a budget has no room for it.
            InvalidRequest: it is longer than any model can read.
            BackendError: the models refused it.
        """
        return await self._call(messages, kwargs).whole()

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """The answer as it comes; raises what `achat` does, and `Interrupted` where a model broke off in its text."""
        return self._call(messages, kwargs).stream()

    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """As `achat`, of one message."""
        return _completion(await self.achat(_asked(prompt), **kwargs))

    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """As `astream_chat`, of one message."""
        pieces = self._call(_asked(prompt), kwargs).stream()

        async def completions() -> AsyncGenerator[CompletionResponse]:
            async with aclosing(pieces):
                async for piece in pieces:
                    yield _completion(piece)

        return completions()

    # --- synchronous, through the loop of the portal ------------------------------------------------------------------

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """As `achat`."""

        async def answer() -> ChatResponse:
            return await self.achat(messages, **kwargs)

        return self._portal.call(answer)

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """As `astream_chat`."""

        async def opened() -> AsyncGenerator[ChatResponse]:
            return self._call(messages, kwargs).stream()

        async def following() -> ChatResponse | None:
            return await anext(pieces, None)

        pieces = self._portal.call(opened)

        def each() -> ChatResponseGen:
            try:
                while (piece := self._portal.call(following)) is not None:
                    yield piece
            finally:
                self._portal.call(pieces.aclose)

        return each()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """As `acomplete`."""
        return _completion(self.chat(_asked(prompt), **kwargs))

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """As `astream_complete`."""
        return (_completion(piece) for piece in self.stream_chat(_asked(prompt), **kwargs))

    # --- tools --------------------------------------------------------------------------------------------------------

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[Any],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """The tools as they are: whichever model is chosen puts them into its vendor's form."""
        messages = list(chat_history or [])
        if user_msg is not None:
            messages.append(
                ChatMessage(role=MessageRole.USER, content=user_msg) if isinstance(user_msg, str) else user_msg
            )
        how = {"allow_parallel_tool_calls": allow_parallel_tool_calls, "tool_required": tool_required}
        return {"messages": messages, "aura_tools": tools, "aura_how": how, **kwargs}

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """The tools that the model wants called."""
        found = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
        if not found and error_on_no_tool_call:
            raise ValueError("the model calls no tool")
        return [
            ToolSelection(
                tool_id=block.tool_call_id or "", tool_name=block.tool_name, tool_kwargs=_arguments(block.tool_kwargs)
            )
            for block in found
        ]


def _arguments(value: dict[str, Any] | str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    try:
        found: object = json.loads(value)
    except ValueError:
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def _asked(prompt: str) -> list[ChatMessage]:
    return [ChatMessage(role=MessageRole.USER, content=prompt)]


def _completion(response: ChatResponse) -> CompletionResponse:
    return CompletionResponse(
        text=response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        additional_kwargs=response.additional_kwargs,
    )
