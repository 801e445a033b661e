"""What the router's own ranking makes of predicted gains: the share of strong calls that was stated, and what it recovers.

The questions are put through the `Chooser` one after the other, with a quick and a strong model that are as quick and as
dear as they usually are, or with a strong one that has become slow.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from aura.router.candidates import Candidate, Needs, Tier, candidate
from aura.router.choose import Chooser
from aura.router.classify import Reading
from aura.router.context import CallContext
from aura.router.health import HealthBoard
from aura.router.latency import Latencies
from aura.router.price import Price
from aura.router.quality import curve
from aura.router.trace import Trace
from aura.testing.llms import EchoLLM

Floats = NDArray[np.float64]

SHARES: Final = (0.2, 0.5, 0.8)
"""The shares of strong calls that are stated."""
_CALLS_BEFORE: Final = 50
_DECIMALS: Final = 6


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """What the ranking made of all questions: the share that was `stated` and that which was `given` to the strong model,
    the part of its gain that this `recovered`, and the APGR of the order in which the ranking prefers it."""

    stated: float
    given: float
    recovered: float
    apgr: float


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """Which model each question was given to, and by how much the ranking preferred the strong one."""

    strong: NDArray[np.bool_]
    preference: Floats


def choices(gains: Floats, *, share: float, slower: float = 1.0) -> Choices:
    """Put questions of predicted `gains` through the router's ranking. No model is called.

    Args:
        share: of strong calls, stated as a threshold of the gain, as `threshold_for` has it.
        slower: how many times its usual time the strong model takes from the first question on.
    """
    threshold = float(np.quantile(gains, 1.0 - share))
    quick = candidate(EchoLLM(), provider="quick", tier=Tier.FAST, price=Price.of(0.5, 1.5))
    strong = candidate(EchoLLM(), provider="strong", tier=Tier.REASONING, price=Price.of(10.0, 30.0))
    board, latencies = HealthBoard(), Latencies(now=lambda: 0.0)
    for each in (quick, strong):
        board.add(each.route, provider=each.provider, model=each.model)
        for _ in range(_CALLS_BEFORE):
            _answered(latencies, each, 1.0)
    chooser = Chooser([quick, strong], board=board, latencies=latencies, chance=random.Random(0))
    given, preference = np.zeros(len(gains), dtype=np.bool_), np.zeros(len(gains))
    for n, gain in enumerate(gains):
        trace = Trace()
        tier = Tier.REASONING if gain >= threshold else Tier.FAST
        reading = Reading(tier=tier, score=float(gain), gain=float(gain) - threshold, classifier="learned")
        first = chooser.choose(reading, Needs(input_tokens=100), CallContext(), trace).order[0]
        worth = {each.name: each.value or 0.0 for each in trace.considered}
        given[n], preference[n] = first is strong, worth[strong.name] - worth[quick.name]
        _answered(latencies, first, slower if first is strong else 1.0)
    return Choices(strong=given, preference=preference)


def _answered(latencies: Latencies, each: Candidate, slower: float) -> None:
    seconds = slower * (6.0 if each.tier is Tier.REASONING else 1.0)
    latencies.note(each.route, first_token_seconds=0.2 * seconds, total_seconds=seconds, tokens=200)


def chosen(gains: Floats, quick: Floats, strong: Floats, shares: Sequence[float] = SHARES) -> tuple[Chosen, ...]:
    """What the ranking comes to at each of `shares`."""
    found: list[Chosen] = []
    gap = float(strong.mean() - quick.mean())
    for share in shares:
        made = choices(gains, share=share)
        right = float(np.where(made.strong, strong, quick).mean())
        found.append(
            Chosen(
                stated=share,
                given=round(float(made.strong.mean()), _DECIMALS),
                recovered=round((right - float(quick.mean())) / gap, _DECIMALS) if gap else 0.0,
                apgr=round(curve(made.preference, quick, strong).apgr.value, _DECIMALS),
            )
        )
    return tuple(found)
