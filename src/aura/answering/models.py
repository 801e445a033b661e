"""What answers: the keyless model, or a router over the models whose keys are set."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM

from aura.answering.extractive import ExtractiveLLM
from aura.answering.llms import open_llm, provider_of
from aura.errors import InvalidRequest
from aura.portal import Portal
from aura.router.attempt import CountTokens
from aura.router.candidates import Candidate, Tier, candidate
from aura.router.endpoint import open_endpoint
from aura.router.hedging import Hedge
from aura.router.learned import LearnedClassifier
from aura.router.price import context_window_of
from aura.router.probing import Probing
from aura.router.smart_router import SmartRouter
from aura.settings import Settings

_log = logging.getLogger(__name__)

ROUTER = "router"
"""The value of `AURA_LLM` that leaves the choice to the router, as not setting it does."""


def open_model(
    settings: Settings,
    embed_model: BaseEmbedding | None = None,
    *,
    portal: Portal | None = None,
    count_tokens: CountTokens | None = None,
) -> LLM:
    """The model that `settings` ask for. Nothing is called yet.

    `extractive`, and the router without any key, is the keyless model; the router with keys is GPT for quick questions
    and Grok for reasoning, with the keyless model as the last resort; a model by name is a router of that one alone, so
    that its calls are priced, budgeted and watched as all are.

    Raises:
        InvalidRequest: the name has none of the known forms, a key is missing, the extra `openai` is not installed, or the
            router's weights can not be read.
    """
    name = settings.llm.strip()
    if name == "extractive":
        return ExtractiveLLM(embed_model=embed_model)
    if name == ROUTER:
        try:
            candidates = _pair(settings)
        except InvalidRequest as error:  # the package is not there, and nobody has asked for it by name
            _log.warning("answers without a provider's model: %s", error)
            candidates = []
        if not candidates:
            return ExtractiveLLM(embed_model=embed_model)
        candidates.append(candidate(ExtractiveLLM(embed_model=embed_model), tier=Tier.LAST_RESORT, local=True))
    else:
        llm = open_llm(settings, embed_model)
        provider = provider_of(llm)
        window = context_window_of(provider, llm.metadata.model_name)
        candidates = [candidate(llm, provider=provider, context_window=window)]
    return SmartRouter(
        candidates,
        portal=portal,
        count_tokens=count_tokens,
        classifier=None if settings.router_weights is None else _learned(settings.router_weights),
        explore=settings.router_explore,
        hedge=_hedge(settings),
    )


def _learned(path: Path) -> LearnedClassifier:
    try:
        return LearnedClassifier.from_json(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidRequest(
            f"AURA_ROUTER_WEIGHTS: {str(path)!r} holds no weights of the router ({type(error).__name__}):"
            " `aura-evals run routing --weights FILE` writes them",
            field="router_weights",
        ) from error


def _hedge(settings: Settings) -> Hedge | None:
    after = settings.router_hedge_seconds
    return None if after is None else Hedge(after_seconds=after, share=settings.router_hedge_share)


def probing_of(settings: Settings) -> Probing | None:
    """When models are asked how they are; None where they are not."""
    every = settings.router_probe_seconds
    return Probing(every_seconds=every, unused_seconds=settings.router_probe_unused_seconds) if every else None


def _pair(settings: Settings) -> list[Candidate]:
    """The documented pair, as far as its keys are there."""
    found: list[Candidate] = []
    if settings.openai_api_key is not None:
        model = settings.fast_model
        llm = open_endpoint(model, settings.openai_api_url, settings.openai_api_key.get_secret_value())
        found.append(candidate(llm, tier=Tier.FAST, provider="openai"))
    if settings.grok_api_key is not None:
        model = settings.reasoning_model
        window = context_window_of("grok", model)
        key = settings.grok_api_key.get_secret_value()
        llm = open_endpoint(model, settings.grok_api_url, key, context_window=window)
        found.append(candidate(llm, tier=Tier.REASONING, provider="grok"))
    return found
