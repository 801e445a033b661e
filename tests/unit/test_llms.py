"""Which model AURA_LLM opens, what is missing, and every error of the vendor in our terms."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import httpx
import openai
import pytest
from llama_index.core.llms import ChatMessage, ChatResponse
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk

from aura.answering.extractive import ExtractiveLLM
from aura.answering.llms import (
    KNOWN_ERRORS,
    Usage,
    open_llm,
    provider_of,
    translate,
    usage,
)
from aura.errors import AuraError, BackendError, InvalidRequest, LimitExceeded, Unavailable
from aura.router import faults
from aura.router.candidates import UNKNOWN_CONTEXT_WINDOW
from aura.settings import Settings
from aura.testing.llms import EchoLLM, Reply, ScriptedLLM

SECRET = "sk-very-secret"
TOKENS = {
    "prompt_tokens": 9,
    "completion_tokens": 2,
    "total_tokens": 11,
    "prompt_tokens_details": {"cached_tokens": 7},
}
CHUNK = {"id": "c", "choices": [], "created": 0, "model": "m", "object": "chat.completion.chunk"}


def settings(llm: str, **values: object) -> Settings:
    return Settings.load(llm=llm, openai_api_key=None, grok_api_key=None, **values)


def test_the_default_is_the_keyless_model() -> None:
    assert isinstance(open_llm(settings("extractive")), ExtractiveLLM)


def test_an_openai_model_is_opened_with_its_known_context_window() -> None:
    llm = open_llm(Settings.load(llm="openai:gpt-4o-mini", openai_api_key=SECRET))
    assert llm.metadata.model_name == "gpt-4o-mini"
    assert llm.metadata.context_window == 128_000


def test_grok_is_opened_at_its_address() -> None:
    llm = open_llm(Settings.load(llm="grok:grok-4", grok_api_key=SECRET, grok_api_url="https://xai.example/v1"))
    assert getattr(llm, "api_base", None) == "https://xai.example/v1"
    assert getattr(llm, "api_key", None) == SECRET
    assert llm.metadata.context_window == UNKNOWN_CONTEXT_WINDOW
    assert llm.metadata.is_chat_model


def test_a_model_at_any_address_is_opened_without_the_keys_of_other_providers() -> None:
    llm = open_llm(
        Settings.load(llm="http://localhost:11434/v1#llama3.2:3b", openai_api_key=SECRET, grok_api_key=SECRET)
    )
    assert getattr(llm, "api_base", None) == "http://localhost:11434/v1"
    assert getattr(llm, "model", None) == "llama3.2:3b"
    assert getattr(llm, "api_key", None) == "none"


def test_an_address_gets_its_own_key() -> None:
    llm = open_llm(settings("https://llm.example/v1#m", llm_api_key=SECRET))
    assert getattr(llm, "api_key", None) == SECRET


@pytest.mark.parametrize(("name", "variable"), [("openai:gpt-4o", "OPENAI_API_KEY"), ("grok:grok-4", "GROK_API_KEY")])
def test_a_missing_key_is_named(name: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(InvalidRequest, match=variable):
        open_llm(settings(name))


@pytest.mark.parametrize(
    "name", ["", "gpt-4o", "openai:", "grok", "https://host/v1", "http://host/v1#", "ftp://x#y", "extractiv"]
)
def test_a_name_of_no_known_form_is_refused_with_the_forms(name: str) -> None:
    with pytest.raises(InvalidRequest, match="openai:MODEL"):
        open_llm(settings(name))


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "aura.router.endpoint_model", raising=False)
    monkeypatch.setitem(sys.modules, "llama_index.llms.openai", None)
    with pytest.raises(InvalidRequest, match=r'pip install "aura\[openai\]"'):
        open_llm(settings("http://localhost/v1#m"))


def _vendor_errors(root: type[Exception]) -> Iterator[type[Exception]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__.split(".")[0] == "openai":
            yield from _vendor_errors(child)


@pytest.mark.parametrize("kind", sorted(set(_vendor_errors(openai.OpenAIError)), key=lambda kind: kind.__name__))
def test_every_exception_of_the_vendor_is_known(kind: type[Exception]) -> None:
    assert kind.__name__ in KNOWN_ERRORS
    assert kind.__name__ in faults.KNOWN_ERRORS


def status(
    kind: type[openai.APIStatusError], code: int, *, body: object = None, **headers: str
) -> openai.APIStatusError:
    request = httpx.Request("POST", "https://api.example/v1")
    return kind(f"the prompt and {SECRET}", response=httpx.Response(code, request=request, headers=headers), body=body)


REQUEST = httpx.Request("POST", "https://api.example/v1")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (status(openai.RateLimitError, 429), Unavailable),
        (status(openai.RateLimitError, 429, body={"code": "insufficient_quota"}), BackendError),
        (status(openai.InternalServerError, 503), Unavailable),
        (status(openai.APIStatusError, 529), Unavailable),
        (status(openai.AuthenticationError, 401), BackendError),
        (status(openai.PermissionDeniedError, 403), BackendError),
        (status(openai.NotFoundError, 404), BackendError),
        (status(openai.BadRequestError, 400), BackendError),
        (status(openai.BadRequestError, 400, body={"code": "context_length_exceeded"}), InvalidRequest),
        (openai.APIConnectionError(request=REQUEST), Unavailable),
        (openai.APITimeoutError(REQUEST), Unavailable),
        (openai.ContentFilterFinishReasonError(), BackendError),
        (TimeoutError(), Unavailable),
        (ConnectionResetError(), Unavailable),
        (httpx.ReadTimeout("x"), Unavailable),
        (RuntimeError(SECRET), BackendError),
    ],
)
def test_an_error_becomes_ours_and_gives_nothing_away(error: Exception, expected: type[AuraError]) -> None:
    ours = translate(error)
    assert type(ours) is expected
    assert SECRET not in str(ours)


def test_our_own_errors_pass() -> None:
    error = LimitExceeded("no tokens left", limit="tokens")
    assert translate(error) is error


@pytest.mark.parametrize(("header", "seconds"), [("17", 17.0), ("99999", 600.0), ("soon", 1.0)])
def test_the_vendors_retry_after_is_passed_on(header: str, seconds: float) -> None:
    ours = translate(status(openai.RateLimitError, 429, **{"retry-after": header}))
    assert isinstance(ours, Unavailable)
    assert ours.retry_after_seconds == seconds


def test_usage_is_read_from_a_response() -> None:
    message = ChatMessage(role="assistant", content="x")
    counted = ChatResponse(message=message, additional_kwargs={"prompt_tokens": 7, "completion_tokens": 2})
    assert usage(counted) == Usage(prompt_tokens=7, completion_tokens=2)
    assert usage(ChatResponse(message=message)) is None


async def test_a_scripted_model_gives_its_replies_in_order_and_keeps_what_it_was_asked() -> None:
    llm = ScriptedLLM(["one", Reply(chunks=("t", "wo")), Unavailable("away")])
    assert (await llm.achat([ChatMessage(role="user", content="a")])).message.content == "one"
    assert [part.delta async for part in await llm.astream_chat([ChatMessage(role="user", content="b")])] == ["t", "wo"]
    with pytest.raises(Unavailable):
        llm.complete("c")
    with pytest.raises(AssertionError, match="3 replies"):
        llm.complete("d")
    assert [call[-1].content for call in llm.calls] == ["a", "b", "c", "d"]


async def test_a_script_can_fail_in_the_middle_of_a_stream() -> None:
    llm = ScriptedLLM([Reply(chunks=("a",), error=Unavailable("gone"), delay_seconds=0.001)])
    parts = await llm.astream_chat([ChatMessage(role="user", content="x")])
    assert (await anext(parts)).delta == "a"
    with pytest.raises(Unavailable, match="gone"):
        await anext(parts)


def test_an_echo_repeats_the_last_message_of_the_user() -> None:
    llm = EchoLLM()
    assert llm.complete("hello there").text == "hello there"
    assert [part.delta for part in llm.stream_complete("hello there")] == ["hello", " there"]


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("extractive", "aura"),
        ("openai:gpt-4o-mini", "openai"),
        ("grok:grok-4", "grok"),
        ("http://localhost:11434/v1#llama3.2:3b", "localhost"),
    ],
)
def test_the_ledger_names_the_provider_that_is_paid(name: str, provider: str) -> None:
    keys = {"openai_api_key": SECRET, "grok_api_key": SECRET}
    assert provider_of(open_llm(Settings.load(llm=name, **keys))) == provider


def test_a_model_of_no_address_is_named_by_its_class() -> None:
    assert provider_of(EchoLLM()) == "echo"


@pytest.mark.parametrize(
    ("raw", "cached"),
    [
        (None, 0),
        ({}, 0),
        ({"usage": {"prompt_tokens_details": {"cached_tokens": 7}}}, 7),
        ({"usage": {"prompt_tokens_details": None}}, 0),
        (CompletionUsage.model_validate(TOKENS), 0),
        (ChatCompletionChunk.model_validate({**CHUNK, "usage": TOKENS}), 7),
    ],
)
def test_tokens_that_the_provider_had_read_before_are_told_apart(raw: object, cached: int) -> None:
    message = ChatMessage(role="assistant", content="x")
    found = usage(
        ChatResponse(message=message, raw=raw, additional_kwargs={"prompt_tokens": 9, "completion_tokens": 2})
    )
    assert found == Usage(prompt_tokens=9, completion_tokens=2, cached_tokens=cached)
