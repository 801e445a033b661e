"""The model that `AURA_LLM` names, as a LlamaIndex `LLM`, and its vendor's errors in our terms.

`models.py` makes of it what answers; the vendor's package is adapted in `aura.router.endpoint`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlsplit

import msgspec
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM, ChatResponse, CompletionResponse
from pydantic import SecretStr

from aura.answering.extractive import ExtractiveLLM
from aura.answering.lexicon import words
from aura.errors import AuraError, BackendError, InvalidRequest, Unavailable
from aura.router.endpoint import open_endpoint
from aura.settings import Settings

_FORMS = "`router`, `extractive`, `openai:MODEL`, `grok:MODEL` or `https://host/v1#MODEL`"


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens that a model call took, as its vendor counted them."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    """Of the prompt's, those that the provider had read before."""


def open_llm(settings: Settings, embed_model: BaseEmbedding | None = None) -> LLM:
    """The model that `settings.llm` names. Nothing is called yet.

    Raises:
        InvalidRequest: the name has none of the known forms, a key is missing, or the extra `openai` is not installed.
    """
    name = settings.llm.strip()
    if name == "extractive":
        return ExtractiveLLM(embed_model=embed_model)
    if re.match(r"https?://[^\s#]+#\S+$", name):
        address, _, model = name.partition("#")
        return _endpoint(model, address, settings.llm_api_key or SecretStr("none"))
    vendor, _, model = name.partition(":")
    if vendor == "openai" and model:
        return _endpoint(model, None, _required(settings.openai_api_key, "OPENAI_API_KEY", name))
    if vendor == "grok" and model:
        return _endpoint(model, settings.grok_api_url, _required(settings.grok_api_key, "GROK_API_KEY", name))
    raise InvalidRequest(f"AURA_LLM={name!r} names no model: it can be {_FORMS}", field="llm")


def usage(response: ChatResponse | CompletionResponse) -> Usage | None:
    """The tokens that a response reports, or None. Of a stream, only the last response reports any."""
    counts = response.additional_kwargs
    if not counts.get("prompt_tokens") and not counts.get("completion_tokens"):
        return None
    return Usage(
        prompt_tokens=int(counts.get("prompt_tokens") or 0),
        completion_tokens=int(counts.get("completion_tokens") or 0),
        cached_tokens=_cached_tokens(response.raw),
    )


def _cached_tokens(raw: object) -> int:
    """What OpenAI's protocol reports as `usage.prompt_tokens_details.cached_tokens`; 0 where nothing is."""
    for name in ("usage", "prompt_tokens_details", "cached_tokens"):
        raw = cast(Mapping[str, object], raw).get(name) if isinstance(raw, Mapping) else getattr(raw, name, None)
    return raw if isinstance(raw, int) else 0


def provider_of(llm: LLM) -> str:
    """Who is paid for `llm`: `aura` for the keyless model, else the provider's name or the host of its address."""
    if isinstance(llm, ExtractiveLLM):
        return "aura"
    address = getattr(llm, "api_base", None)
    host = urlsplit(address).hostname if isinstance(address, str) else None
    return _PROVIDERS.get(host, host) if host else llm.class_name().lower()


_PROVIDERS = {"api.openai.com": "openai", "api.x.ai": "grok"}


def translate(error: Exception) -> AuraError:
    """An error of a model call in our terms; ours are returned as they are. Raise it `from` the original.

    Its message never repeats the vendor's, which can hold a part of the prompt or the key.
    """
    if isinstance(error, AuraError):
        return error
    name, status = type(error).__name__, getattr(error, "status_code", None)
    described = f"{name}, HTTP {status}" if status else name
    if name in _REFUSED_KEY:
        return BackendError(
            f"the model's provider refused the API key ({described}): check the key that AURA_LLM needs"
        )
    if name == "NotFoundError":
        return BackendError(f"the model's provider knows no such model or address ({described}): check AURA_LLM")
    if name == "RateLimitError" and getattr(error, "code", None) == "insufficient_quota":
        return BackendError(f"the account at the model's provider has no quota left ({described}): check its billing")
    if name in _AWAY or isinstance(error, TimeoutError | ConnectionError) or (status or 0) >= 500:
        return Unavailable(
            f"the model is away for now ({described}): try again", retry_after_seconds=_retry_after_seconds(error)
        )
    if name == "BadRequestError" and getattr(error, "code", None) == "context_length_exceeded":
        return InvalidRequest("the question and its passages are longer than the model can read: ask a shorter one")
    if name in _FAILED:
        return BackendError(f"the model {_FAILED[name]} ({described})")
    return BackendError(f"the model's call failed ({described})")


_REFUSED_KEY = frozenset({"AuthenticationError", "OAuthError", "PermissionDeniedError", "SubjectTokenProviderError"})
_AWAY = words("""
    APIConnectionError APITimeoutError ConflictError InternalServerError RateLimitError WebSocketConnectionClosedError
    WebSocketQueueFullError ConnectError ConnectTimeout PoolTimeout ReadError ReadTimeout RemoteProtocolError WriteError
    WriteTimeout
    """)
_FAILED = {
    "OpenAIError": "could not be called",
    "APIError": "answered with an error",
    "APIStatusError": "answered with an error",
    "APIResponseValidationError": "answered in a form that is not understood",
    "APIRemovedInV1": "was called in a way that its library no longer knows",
    "BadRequestError": "refused the request",
    "UnprocessableEntityError": "refused the request",
    "ContentFilterFinishReasonError": "stopped at its content filter",
    "LengthFinishReasonError": "ran out of output tokens",
    "MutuallyExclusiveAuthError": "was configured with two ways to log in",
    "StreamAlreadyConsumed": "gave a stream that was read twice",
    "_AmbiguousModuleClientUsageError": "was configured for two providers at once",
}
KNOWN_ERRORS = _REFUSED_KEY | _AWAY | _FAILED.keys() | {"NotFoundError"}
"""The names of the vendor's exceptions that `translate` knows; a test holds it against the installed package."""


def _retry_after_seconds(error: Exception) -> float:
    """What the vendor's `Retry-After` asks for, or a second."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        return min(600.0, max(0.0, float(headers.get("retry-after", 1.0))))
    except ValueError:
        return 1.0


def _required(key: SecretStr | None, variable: str, name: str) -> SecretStr:
    if key is None:
        raise InvalidRequest(f"AURA_LLM={name!r} needs the environment variable {variable}", field=variable.lower())
    return key


def _endpoint(model: str, address: str | None, key: SecretStr) -> LLM:
    return open_endpoint(model, address, key.get_secret_value())
