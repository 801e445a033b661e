"""A candidate: any LlamaIndex model, with the facts that it is chosen by."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec
from llama_index.core.base.llms.types import ImageBlock
from llama_index.core.llms import LLM, ChatMessage

from aura.router.price import Price

UNKNOWN_CONTEXT_WINDOW: Final = 8_192
"""Tokens that a model of unknown size is trusted with."""
DEFAULT_OUTPUT_TOKENS: Final = 1_024
"""Tokens of an answer that is not bounded, for what a call may cost."""


class Tier(StrEnum):
    """What a model is for. `LAST_RESORT` never fails, and answers when nothing else can."""

    FAST = "fast"
    REASONING = "reasoning"
    LAST_RESORT = "last_resort"


class Capability(StrEnum):
    """What a call can need and a model can lack."""

    TOOLS = "tools"
    VISION = "vision"
    JSON = "json"


class Candidate(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One model at one provider with one key. Make it with `candidate`.

    Attributes:
        price: what it costs; its `known` is false where nobody says.
        key_id: a digest of the key, so that two keys of one provider have a health each; empty without a key.
        key_owner: `tenant` where an organisation pays its provider itself.
        local: it runs in this process: nothing is sent and nothing is owed.
        says_how_it_ends: its streams end with a finish reason, and one that does not was cut.
        opens_at_once: its stream is there when the provider has begun to answer, not before.
    """

    llm: LLM
    provider: str
    model: str
    tier: Tier
    price: Price
    context_window: int = UNKNOWN_CONTEXT_WINDOW
    output_tokens: int = DEFAULT_OUTPUT_TOKENS
    capabilities: frozenset[Capability] = frozenset(Capability)
    key_id: str = ""
    key_owner: Literal["platform", "tenant"] = "platform"
    local: bool = False
    says_how_it_ends: bool = False
    opens_at_once: bool = False

    @property
    def name(self) -> str:
        """Provider and model, for people."""
        return f"{self.provider}/{self.model}"

    @property
    def route(self) -> str:
        """What health is kept of: provider, model and key."""
        return f"{self.provider}/{self.model}#{self.key_id}"


def candidate(
    llm: LLM,
    *,
    tier: Tier | str = Tier.FAST,
    provider: str = "",
    price: Price | None = None,
    context_window: int | None = None,
    output_tokens: int | None = None,
    capabilities: Sequence[Capability | str] | None = None,
    key_owner: Literal["platform", "tenant"] = "platform",
    local: bool = False,
    says_how_it_ends: bool | None = None,
) -> Candidate:
    """`llm` as a candidate; what is not given is read from it, and its price from the price list.

    Args:
        says_how_it_ends: None: true of models behind OpenAI's protocol.
    """
    from aura.router.price import price_of  # the price list is a megabyte, and local models need none of it

    metadata = llm.metadata
    model = metadata.model_name
    provider = provider or ("aura" if local else llm.class_name().removesuffix("_llm").lower() or "unknown")
    speaks_openai = hasattr(llm, "api_base")
    if capabilities is None:
        capabilities = tuple(Capability) if metadata.is_function_calling_model else (Capability.JSON, Capability.VISION)
    return Candidate(
        llm=llm,
        provider=provider,
        model=model,
        tier=Tier(tier),
        price=price or (Price.free() if local else price_of(provider, model)),
        context_window=context_window or metadata.context_window or UNKNOWN_CONTEXT_WINDOW,
        output_tokens=output_tokens or getattr(llm, "max_tokens", None) or DEFAULT_OUTPUT_TOKENS,
        capabilities=frozenset(Capability(each) for each in capabilities),
        key_id=key_digest(getattr(llm, "api_key", None)),
        key_owner=key_owner,
        local=local,
        says_how_it_ends=speaks_openai if says_how_it_ends is None else says_how_it_ends,
        opens_at_once=bool(getattr(llm, "opens_at_once", False)),
    )


def key_digest(key: object) -> str:
    """Eight characters that stand for a key and do not tell it."""
    return sha256(key.encode()).hexdigest()[:8] if isinstance(key, str) and key else ""


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What one call asks of a model."""

    input_tokens: int
    output_tokens: int | None = None
    capabilities: frozenset[Capability] = frozenset()


def needs_of(messages: Sequence[ChatMessage], options: dict[str, Any], input_tokens: int) -> Needs:
    """What a call with `messages` and the vendor's `options` needs."""
    capabilities: set[Capability] = set()
    if options.get("tools") or options.get("aura_tools"):
        capabilities.add(Capability.TOOLS)
    if options.get("response_format"):
        capabilities.add(Capability.JSON)
    if any(isinstance(block, ImageBlock) for message in messages for block in message.blocks):
        capabilities.add(Capability.VISION)
    bound = options.get("max_tokens") or options.get("max_completion_tokens")
    return Needs(
        input_tokens=input_tokens,
        output_tokens=bound if isinstance(bound, int) else None,
        capabilities=frozenset(capabilities),
    )


def estimated_tokens(messages: Sequence[ChatMessage]) -> int:
    """Tokens of a prompt, rather too many than too few: three bytes of UTF-8 each, and some for each message."""
    return sum(len((message.content or "").encode()) // 3 + 8 for message in messages)
