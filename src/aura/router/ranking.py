"""One order over all candidates of a call: what an answer is expected to be worth there, less what its price and time are.

value = gain − `WORTH_OF_DOUBLING` × log2(price × seconds / what is usual for the candidate's tier)

The gain is by how much likelier a strong model's answer is right than a quick one's, less the gain that is asked for it; 0
for a quick model. What is asked for pays for the strong tier as a whole, and is stated as a share of strong calls or as a
cost (`threshold_for`): while the tiers are as they usually are, that share is kept exactly. Price and time move a call as
far as they are not usual. A tier that is slow today loses the questions that gain least by it, and a dear model is worth its
price for those that gain most.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from aura.router.candidates import Candidate, Tier
from aura.router.classify import Reading
from aura.router.latency import UNKNOWN_SECONDS, Latencies

WORTH_OF_DOUBLING: Final = 0.05
"""How much likelier to be right an answer must be to be worth twice the price, or twice the time."""
TIER_GAIN: Final = 0.15
"""The gain of a question of which a classifier says but its tier, and the loss where it is a quick one: eight times the
usual price or time outweighs it."""


class Worth(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer of one candidate is expected to be worth, in parts of a right answer.

    Attributes:
        gain: of this question there, beside a quick model's answer and less what is asked for it.
        doublings: of price times seconds, over what is usual in its tier.
    """

    gain: float
    doublings: float

    @property
    def value(self) -> float:
        """By what candidates are put in order."""
        return self.gain - WORTH_OF_DOUBLING * self.doublings


def worths(
    reading: Reading, able: Sequence[Candidate], most_micro_usd: Mapping[str, int], latencies: Latencies
) -> dict[str, Worth]:
    """By route, what each of `able` is worth for a question.

    Args:
        able: all that could do it, also those that are away now: by them it is known what is usual.
        most_micro_usd: by route, what the call may cost there.
    """
    found: dict[str, Worth] = {}
    for tier in {each.tier for each in able}:
        members = [each for each in able if each.tier is tier]
        known = [seconds for each in members if (seconds := latencies.usual_seconds(each.route)) is not None]
        untried = sum(known) / len(known) if known else UNKNOWN_SECONDS
        usual = min(
            (most_micro_usd[each.route] + 1) * (latencies.usual_seconds(each.route) or untried) for each in members
        )
        for each in members:
            now = (most_micro_usd[each.route] + 1) * (latencies.answer_seconds(each.route) or untried)
            gain = gain_of(reading) if tier is Tier.REASONING else 0.0
            found[each.route] = Worth(gain=gain, doublings=math.log2(max(now, 1e-9) / max(usual, 1e-9)))
    return found


def gain_of(reading: Reading) -> float:
    """What a question gains by a strong model, less what is asked for it."""
    if reading.gain is not None:
        return reading.gain
    return TIER_GAIN if reading.tier is Tier.REASONING else -TIER_GAIN
