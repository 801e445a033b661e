"""One order over all candidates: gain, price and time in one number, and what the trace says of it."""

from __future__ import annotations

import random

import pytest

from aura.router.candidates import Candidate, Needs, Tier, candidate
from aura.router.choose import Choice, Chooser
from aura.router.classify import Reading
from aura.router.context import CallContext
from aura.router.faults import Fault, FaultKind
from aura.router.health import HealthBoard
from aura.router.latency import Latencies
from aura.router.price import Price
from aura.router.ranking import TIER_GAIN, WORTH_OF_DOUBLING
from aura.router.trace import Trace
from aura.testing.llms import EchoLLM


def model(name: str, *, tier: Tier = Tier.FAST, usd: float = 1.0) -> Candidate:
    return candidate(EchoLLM(), provider=name, tier=tier, price=Price.of(usd, usd))


def question(gain: float) -> Reading:
    return Reading(tier=Tier.REASONING if gain >= 0 else Tier.FAST, score=gain, gain=gain, classifier="learned")


class Market:
    """A chooser over candidates, and how long each takes."""

    def __init__(self, *candidates: Candidate) -> None:
        self.seconds = 0.0
        self.board, self.latencies = HealthBoard(), Latencies(now=lambda: self.seconds)
        for each in candidates:
            self.board.add(each.route, provider=each.provider, model=each.model)
        self.chooser = Chooser(candidates, board=self.board, latencies=self.latencies, chance=random.Random(3))

    def takes(self, each: Candidate, seconds: float, *, calls: int = 1) -> None:
        for _ in range(calls):
            self.latencies.note(each.route, first_token_seconds=seconds / 5, total_seconds=seconds, tokens=200)

    def asked(self, gain: float, trace: Trace | None = None) -> Choice:
        return self.chooser.choose(question(gain), Needs(input_tokens=300), CallContext(), trace or Trace())

    def first(self, gain: float) -> Candidate:
        return self.asked(gain).order[0]


def test_while_both_tiers_are_as_usual_the_gain_alone_decides_between_them() -> None:
    quick, strong = model("quick"), model("strong", tier=Tier.REASONING, usd=30)
    market = Market(quick, strong)
    market.takes(quick, 1.0, calls=9)
    market.takes(strong, 20.0, calls=9)
    assert [market.first(gain) for gain in (-0.3, -0.001, 0.0, 0.001, 0.3)] == [quick, quick, strong, strong, strong]


def test_a_strong_model_that_has_become_slow_keeps_the_questions_that_gain_most_by_it() -> None:
    quick, strong = model("quick"), model("strong", tier=Tier.REASONING, usd=30)
    market = Market(quick, strong)
    market.takes(quick, 1.0, calls=50)
    market.takes(strong, 5.0, calls=50)
    market.takes(strong, 40.0, calls=10)
    assert market.first(0.05) is quick
    assert market.first(0.3) is strong
    market.takes(strong, 40.0, calls=300)  # what lasts becomes usual: the stated share is kept again
    assert market.first(0.05) is strong


def test_a_quick_model_that_has_become_slow_gives_away_the_questions_that_nearly_gain() -> None:
    quick, strong = model("quick"), model("strong", tier=Tier.REASONING, usd=30)
    market = Market(quick, strong)
    market.takes(quick, 1.0, calls=50)
    market.takes(strong, 5.0, calls=50)
    market.takes(quick, 20.0, calls=10)
    assert market.first(-0.05) is strong
    assert market.first(-0.5) is quick


def test_where_the_usual_strong_model_is_away_the_dear_one_gets_what_is_worth_its_price() -> None:
    quick, strong = model("quick"), model("strong", tier=Tier.REASONING, usd=10)
    dear = model("dear", tier=Tier.REASONING, usd=80)
    market = Market(quick, strong, dear)
    assert market.first(0.1) is strong
    for _ in range(3):
        assert market.board.admit(strong.route)
        market.board.ended(strong.route, Fault(kind=FaultKind.SERVER))
    eightfold = 3 * WORTH_OF_DOUBLING
    assert market.first(eightfold - 0.01) is quick
    assert market.first(eightfold + 0.01) is dear


def test_in_a_tier_price_and_time_weigh_alike() -> None:
    cheap, quick = model("cheap", usd=1), model("quick", usd=3)
    market = Market(cheap, quick)
    market.takes(cheap, 2.0, calls=9)
    market.takes(quick, 1.0, calls=9)
    assert market.first(-0.3) is cheap
    market.takes(cheap, 9.0, calls=9)
    assert market.first(-0.3) is quick


def test_a_classifier_that_knows_the_tier_alone_is_outweighed_by_eight_times_the_usual_time_only() -> None:
    quick, strong = model("quick"), model("strong", tier=Tier.REASONING)
    market = Market(quick, strong)
    market.takes(strong, 1.0, calls=100)
    said = Reading(tier=Tier.REASONING, score=1.0, classifier="rules")

    def first() -> Candidate:
        return market.chooser.choose(said, Needs(input_tokens=9), CallContext(), Trace()).order[0]

    market.takes(strong, 8.0, calls=3)
    assert first() is strong
    market.takes(strong, 4_000.0, calls=2)
    assert first() is quick


def test_one_slow_answer_is_forgotten_when_nobody_asks_for_minutes() -> None:
    quick, strong = model("quick"), model("strong", tier=Tier.REASONING)
    market = Market(quick, strong)
    market.takes(strong, 1.0, calls=100)
    market.takes(strong, 4_000.0)
    assert market.first(0.05) is quick
    market.seconds += 300
    assert market.first(0.05) is strong


def test_of_about_equals_the_better_of_two_that_are_drawn_goes_first_and_a_dear_one_never_does() -> None:
    equals = [model(f"m{n}", usd=1.0 + n / 100) for n in range(4)]
    dear = model("dear", usd=9)
    market = Market(*equals, dear)
    firsts = [market.first(-0.3) for _ in range(300)]
    counts = [firsts.count(each) for each in equals]
    assert counts[0] > counts[1] > counts[2] > 0  # the best is drawn in half of all pairs, the next in a third
    assert counts[3] == firsts.count(dear) == 0


def test_one_that_was_never_used_is_taken_to_be_as_quick_as_its_tier() -> None:
    known, new = model("known", tier=Tier.REASONING, usd=2), model("new", tier=Tier.REASONING, usd=1)
    quick = model("quick")
    market = Market(quick, known, new)
    market.takes(known, 30.0, calls=9)
    market.takes(quick, 1.0, calls=9)
    assert market.first(0.01) is new
    assert market.first(-0.01) is quick


def test_the_trace_has_the_numbers_of_every_candidate_and_of_the_decision() -> None:
    quick, strong = model("quick"), model("strong", tier=Tier.REASONING, usd=30)
    market = Market(quick, strong)
    market.takes(strong, 2.0)
    trace = Trace()
    market.asked(0.125, trace)
    seen = {each.name: each for each in trace.considered}
    assert (seen["strong/echo"].gain, seen["strong/echo"].doublings, seen["strong/echo"].value) == (0.125, 0.0, 0.125)
    assert seen["strong/echo"].answer_seconds == pytest.approx(2.0)
    assert (seen["quick/echo"].gain, seen["quick/echo"].value, seen["quick/echo"].answer_seconds) == (0.0, 0.0, None)
    assert "strong/echo is worth +0.125, quick/echo +0.000" in trace.reasons


def test_what_could_not_do_it_has_no_value() -> None:
    market = Market(model("quick"), model("strong", tier=Tier.REASONING))
    trace = Trace()
    context = CallContext(allowed=frozenset({"quick/echo"}))
    market.chooser.choose(question(TIER_GAIN), Needs(input_tokens=9), context, trace)
    assert {each.name: each.value for each in trace.considered} == {"quick/echo": 0.0, "strong/echo": None}
