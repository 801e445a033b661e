"""What a call costs, in whole micro-dollars: of tokens by a price list, or what the provider itself says.

A US dollar for a million tokens is a micro-dollar for one, so a price per million needs no conversion. The list is the
snapshot inside `genai-prices`; it is read once for a model and a day, and a deployment's own prices come first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final, Self, cast

import msgspec

_PROVIDERS: Final = {"grok": "x-ai", "xai": "x-ai"}
WORST_INPUT, WORST_OUTPUT = Decimal(30), Decimal(180)
"""Dollars for a million tokens that a model of unknown price is charged with: more than any common chat model asks."""


class Certainty(StrEnum):
    """How sure a cost is: counted by the provider, counted by us, or less than what may come of it."""

    EXACT = "exact"
    ESTIMATED = "estimated"
    AT_LEAST = "at_least"


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a call took. `cached` is part of `input`, `reasoning` part of `output`; `cost_usd` is the provider's own word."""

    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0
    cost_usd: Decimal | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Prices, in dollars for a million tokens, of calls whose prompt has more than `above` tokens."""

    above: int = 0
    input: Decimal
    cached: Decimal
    output: Decimal


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What one model costs. `known` is false for the worst price that stands for one that nobody knows.

    `steps` rise; the last one whose `above` is passed holds for all tokens of a call. `version` says where it comes from.
    """

    steps: tuple[Step, ...]
    version: str
    known: bool = True

    @classmethod
    def of(
        cls,
        input: Decimal | float | str,
        output: Decimal | float | str,
        *,
        cached: Decimal | float | str | None = None,
        batch: bool = False,
        version: str = "own",
    ) -> Self:
        """A flat price in dollars for a million tokens; `batch` halves it."""
        factor = Decimal("0.5") if batch else Decimal(1)
        into, out = (Decimal(str(each)) * factor for each in (input, output))
        hit = into if cached is None else Decimal(str(cached)) * factor
        return cls(steps=(Step(input=into, cached=hit, output=out),), version=version)

    @classmethod
    def free(cls) -> Self:
        """Of what runs in this process."""
        return cls.of(0, 0, version="free")

    def micro_usd(self, tokens: Tokens) -> int:
        """What `tokens` cost, rounded to the nearest micro-dollar. The provider's own figure wins."""
        if tokens.cost_usd is not None:
            return _rounded(tokens.cost_usd * 1_000_000)
        step = self.steps[0]
        for further in self.steps[1:]:
            if tokens.input > further.above:
                step = further
        cached = min(tokens.cached, tokens.input)
        return _rounded((tokens.input - cached) * step.input + cached * step.cached + tokens.output * step.output)


UNKNOWN_PRICE: Final = Price(
    steps=(Step(input=WORST_INPUT, cached=WORST_INPUT, output=WORST_OUTPUT),), version="unknown", known=False
)
"""Stands for a price that nobody knows: a budget must not be overrun by a model that seems to cost nothing."""


def price_of(
    provider: str, model: str, *, overrides: Mapping[str, Price] | None = None, now: datetime | None = None
) -> Price:
    """What `model` of `provider` costs now: by `overrides` (`provider/model`, or `model`), the list, or as unknown."""
    for name in (f"{provider}/{model}", model):
        if overrides and name in overrides:
            return overrides[name]
    return _listed(provider, model, (now or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0))


@lru_cache(maxsize=256)
def context_window_of(provider: str, model: str) -> int | None:
    """The tokens that `model` can read, as the price list has it; None where it does not."""
    from genai_prices import Usage, calc_price

    try:
        found = calc_price(Usage(input_tokens=1), model, provider_id=_PROVIDERS.get(provider, provider))
    except (LookupError, ValueError):
        return None
    return found.model.context_window


@lru_cache(maxsize=256)
def _listed(provider: str, model: str, day: datetime) -> Price:
    from genai_prices import Usage, calc_price

    try:
        found = calc_price(
            Usage(input_tokens=1, output_tokens=1),
            model,
            provider_id=_PROVIDERS.get(provider, provider),
            genai_request_timestamp=day,
        ).model_price
    except (LookupError, ValueError):
        return UNKNOWN_PRICE
    return _price(found) or UNKNOWN_PRICE


def _price(found: Any) -> Price | None:
    """A `ModelPrice` of the list as ours; None where it does not price text in and out."""
    rates = {name: _rate(getattr(found, f"{name}_mtok", None)) for name in ("input", "cache_read", "output")}
    if not rates["input"] or not rates["output"]:
        return None
    starts = sorted({start for rate in rates.values() for start, _ in rate})
    steps = tuple(
        Step(
            above=start,
            input=_at(rates["input"], start),
            cached=_at(rates["cache_read"] or rates["input"], start),
            output=_at(rates["output"], start),
        )
        for start in starts
    )
    return Price(steps=steps, version=f"genai-prices {version('genai-prices')}")


def _rate(value: Any) -> list[tuple[int, Decimal]]:
    """The price from each number of tokens on; of a flat one, from 0."""
    if value is None:
        return []
    if isinstance(value, Decimal):
        return [(0, value)]
    tiers = cast(Sequence[Any], value.tiers)
    return [(0, value.base), *((int(tier.start), tier.price) for tier in tiers)]


def _at(rate: list[tuple[int, Decimal]], start: int) -> Decimal:
    return [price for above, price in rate if above <= start][-1]


def _rounded(micro_usd: Decimal) -> int:
    return int(micro_usd.to_integral_value(ROUND_HALF_UP))
