"""What a provider says in its response: tokens, its own cost, why it stopped. Vendors put these in many places."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, cast

from aura.router.price import Tokens

_TICKS_PER_USD: Final = Decimal(10_000_000_000)
"""xAI's `cost_in_usd_ticks`."""


def get(value: object, name: str) -> object:
    """`name` of an object, a mapping, or the fields that a model of pydantic was not made for."""
    if type(value) is dict or isinstance(value, Mapping):  # the first is what it mostly is, and quick to tell
        return cast(Mapping[str, object], value).get(name)
    found: object = getattr(value, name, None)
    return found


def finish_reason(raw: object) -> str | None:
    """Why the model stopped, as far as this piece of its answer says so."""
    choices = get(raw, "choices")
    if not isinstance(choices, list) or not choices:
        return None
    reason = get(cast(list[object], choices)[0], "finish_reason")
    return reason if isinstance(reason, str) else None


def usage_in(raw: object) -> object:
    """The usage of a response or a chunk: at its top, in its choice, or in a vendor's own envelope; None without."""
    found = get(raw, "usage")
    if found is not None:
        return found
    choices = get(raw, "choices")
    if isinstance(choices, list) and choices and (found := get(cast(list[object], choices)[0], "usage")) is not None:
        return found
    return get(get(raw, "x_groq"), "usage")


def tokens_of(usage: object) -> Tokens | None:
    """What a vendor's `usage` says; None where it says nothing.

    xAI's chat counts reasoning tokens beside the completion tokens, OpenAI among them: the total tells which.
    """
    prompt = _count(usage, "prompt_tokens", "input_tokens")
    completion = _count(usage, "completion_tokens", "output_tokens")
    if prompt is None and completion is None:
        return None
    into, out = prompt or 0, completion or 0
    details = get(usage, "completion_tokens_details") or get(usage, "output_tokens_details")
    reasoning = _count(details, "reasoning_tokens") or 0
    total = _count(usage, "total_tokens") or 0
    if reasoning and total >= into + out + reasoning:
        out += reasoning
    hits = get(usage, "prompt_tokens_details") or get(usage, "input_tokens_details")
    cached = _count(hits, "cached_tokens") or _count(usage, "cached_tokens", "prompt_cache_hit_tokens") or 0
    return Tokens(
        input=into, cached=min(cached, into), output=out, reasoning=min(reasoning, out), cost_usd=_cost(usage)
    )


def _count(value: object, *names: str) -> int | None:
    for name in names:
        found = get(value, name)
        if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
            return found
    return None


def _cost(usage: object) -> Decimal | None:
    """The provider's own figure in dollars."""
    ticks = get(usage, "cost_in_usd_ticks")
    if isinstance(ticks, int) and ticks >= 0:
        return Decimal(ticks) / _TICKS_PER_USD
    cost = get(usage, "cost")
    if isinstance(cost, int | float | str) and not isinstance(cost, bool):
        try:
            found = Decimal(str(cost))
        except InvalidOperation:
            return None
        return found if found.is_finite() and found >= 0 else None
    return None
