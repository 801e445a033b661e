"""Prices, what providers report, and the words of their errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import httpx
import openai
import pytest

from aura.errors import BackendError, InvalidRequest, Unavailable
from aura.router.counts import finish_reason, tokens_of, usage_in
from aura.router.faults import Fault, FaultKind, error_of, fault_of, retry_after
from aura.router.price import UNKNOWN_PRICE, Price, Step, Tokens, context_window_of, price_of

SECRET = "sk-very-secret"


def test_a_price_is_in_whole_micro_dollars() -> None:
    price = Price.of("0.15", "0.6", cached="0.075")
    assert price.micro_usd(Tokens(input=1_000, output=100)) == 210
    assert price.micro_usd(Tokens(input=1_000, cached=400, output=100)) == 180
    assert price.micro_usd(Tokens(input=3)) == 0  # 0.45 is rounded
    assert price.micro_usd(Tokens(input=4)) == 1


def test_batches_cost_half() -> None:
    assert Price.of(2, 8, batch=True).micro_usd(Tokens(input=100, output=100)) == 500


def test_a_tier_holds_for_all_tokens_of_a_call() -> None:
    low = Step(input=Decimal(1), cached=Decimal(1), output=Decimal(2))
    high = Step(above=1_000, input=Decimal(2), cached=Decimal(2), output=Decimal(4))
    price = Price(steps=(low, high), version="test")
    assert price.micro_usd(Tokens(input=1_000, output=10)) == 1_020
    assert price.micro_usd(Tokens(input=1_001, output=10)) == 2_042


def test_the_providers_own_figure_wins() -> None:
    assert Price.of(1, 1).micro_usd(Tokens(input=10**6, cost_usd=Decimal("0.0000123"))) == 12


@pytest.mark.parametrize(("provider", "model"), [("openai", "gpt-4o-mini"), ("grok", "grok-4"), ("xai", "grok-4")])
def test_the_documented_models_have_a_price_and_its_version(provider: str, model: str) -> None:
    price = price_of(provider, model)
    assert price.known
    assert price.version.startswith("genai-prices ")
    assert 0 < price.steps[0].cached < price.steps[0].input < price.steps[0].output


def test_an_unknown_model_has_the_worst_price_and_says_so() -> None:
    price = price_of("openai", "no-such-model-9")
    assert price == UNKNOWN_PRICE
    assert not price.known
    assert price.micro_usd(Tokens(input=1)) > 0


def test_a_deployments_own_price_comes_first() -> None:
    own = Price.of(1, 2)
    assert price_of("openai", "gpt-4o-mini", overrides={"gpt-4o-mini": own}) is own
    assert price_of("openai", "gpt-4o-mini", overrides={"openai/gpt-4o-mini": own, "gpt-4o-mini": UNKNOWN_PRICE}) is own


def test_the_price_list_knows_how_much_a_model_can_read() -> None:
    assert context_window_of("grok", "grok-4") == 256_000
    assert context_window_of("openai", "no-such-model-9") is None


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}, Tokens(input=7, output=2)),
        ({"input_tokens": 7, "output_tokens": 2}, Tokens(input=7, output=2)),
        (
            {"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 5}},
            Tokens(input=7, cached=5, output=2),
        ),
        (  # OpenAI: reasoning is a part of the completion
            {
                "prompt_tokens": 7,
                "completion_tokens": 20,
                "total_tokens": 27,
                "completion_tokens_details": {"reasoning_tokens": 15},
            },
            Tokens(input=7, output=20, reasoning=15),
        ),
        (  # xAI: it is beside it
            {
                "prompt_tokens": 7,
                "completion_tokens": 5,
                "total_tokens": 27,
                "completion_tokens_details": {"reasoning_tokens": 15},
            },
            Tokens(input=7, output=20, reasoning=15),
        ),
        (
            {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.25},
            Tokens(input=1, output=1, cost_usd=Decimal("0.25")),
        ),
        (
            {"prompt_tokens": 1, "completion_tokens": 1, "cost_in_usd_ticks": 12_345},
            Tokens(input=1, output=1, cost_usd=Decimal("0.0000012345")),
        ),
        ({}, None),
        (None, None),
        ({"prompt_tokens": "many"}, None),
        ({"prompt_tokens": -1, "completion_tokens": True}, None),
    ],
)
def test_usage_is_read_as_each_vendor_writes_it(usage: object, expected: Tokens | None) -> None:
    assert tokens_of(usage) == expected


def test_usage_and_the_reason_of_the_end_are_found_where_they_are() -> None:
    usage = {"prompt_tokens": 1}
    assert usage_in({"usage": usage}) == usage
    assert usage_in({"choices": [{"usage": usage}]}) == usage
    assert usage_in({"choices": [], "x_groq": {"usage": usage}}) == usage
    assert usage_in("text") is None
    assert finish_reason({"choices": [{"finish_reason": "stop"}]}) == "stop"
    assert finish_reason({"choices": [{"finish_reason": None}]}) is None
    assert finish_reason({"choices": []}) is None


def status(code: int, *, body: object = None, **headers: str) -> Exception:
    request = httpx.Request("POST", "https://api.example/v1")
    response = httpx.Response(code, request=request, headers=headers)
    return openai.APIStatusError(f"the prompt and {SECRET}", response=response, body=body)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (status(429, **{"retry-after": "3"}), FaultKind.RATE_LIMITED),
        (status(429, body={"code": "insufficient_quota"}), FaultKind.CREDENTIAL),
        (status(400, body={"error": {"code": "context_length_exceeded"}}), FaultKind.CONTEXT_LENGTH),
        (status(400, body={"code": "content_filter"}), FaultKind.CONTENT_FILTER),
        (status(401), FaultKind.CREDENTIAL),
        (status(402), FaultKind.CREDENTIAL),
        (status(422), FaultKind.REQUEST),
        (status(418), FaultKind.REQUEST),
        (status(529), FaultKind.SERVER),
        (openai.APITimeoutError(httpx.Request("POST", "https://x")), FaultKind.FIRST_TOKEN),
        (httpx.ConnectTimeout("x"), FaultKind.CONNECT),
        (httpx.RemoteProtocolError("x"), FaultKind.BROKEN),
        (ConnectionResetError(), FaultKind.BROKEN),
        (TimeoutError(), FaultKind.STALL),
        (ValueError("x"), FaultKind.UNKNOWN),
        (Unavailable("x"), FaultKind.SERVER),
        (InvalidRequest("x"), FaultKind.REQUEST),
    ],
)
def test_an_error_is_told_by_its_status_its_code_and_its_name(error: Exception, kind: FaultKind) -> None:
    fault = fault_of(error)
    assert fault.kind is kind
    assert SECRET not in fault.described


@pytest.mark.parametrize("kind", FaultKind)
def test_every_fault_has_an_error_of_ours_that_gives_nothing_away(kind: FaultKind) -> None:
    error = error_of(Fault(kind=kind, described="Error, HTTP 500"), what="openai/gpt")
    assert isinstance(error, Unavailable | BackendError | InvalidRequest)


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    assert retry_after(status(429, **{"retry-after": "17.5"})) == 17.5
    assert retry_after(status(429, **{"retry-after": "9999999"})) == 600.0
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry_after(status(429, **{"retry-after": later})) == pytest.approx(60, abs=5)
    for nothing in ("soon", "nan"):
        assert retry_after(status(429, **{"retry-after": nothing})) is None
    assert retry_after(ValueError()) is None
