"""Which candidates a call may take, in which order, and why."""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from aura.router.candidates import Candidate, Needs, Tier, key_digest
from aura.router.classify import Reading
from aura.router.context import CallContext, Tenancy
from aura.router.endpoint import with_key
from aura.router.health import HealthBoard
from aura.router.latency import Latencies
from aura.router.price import Tokens
from aura.router.ranking import WORTH_OF_DOUBLING, Worth, worths
from aura.router.trace import Considered, Trace

STICKY_SECONDS: Final = 300.0
"""How long a provider keeps the cache of a prompt: so long a conversation stays with its model."""
NOBODYS: Final = Tenancy()
_CONVERSATIONS: Final = 10_000
_OWN_KEYS: Final = 256
_CONTEXT_MARGIN: Final = 1.1  # tokens are estimated here, and counted there


class Choice(msgspec.Struct, kw_only=True):
    """The candidates of one call, best first, the last resort behind all; and what each may cost."""

    order: list[Candidate]
    most_micro_usd: dict[str, int]


class Chooser:
    """Chooses among the candidates of one router.

    Args:
        explore: the share of calls that are given to another candidate than the best, to keep knowing it: of the tier, or
            where that has but one, of the other tier.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        *,
        board: HealthBoard,
        latencies: Latencies,
        explore: float = 0.0,
        chance: random.Random | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._candidates = tuple(candidates)
        self._own: OrderedDict[str, Candidate] = OrderedDict()
        self._board = board
        self._latencies = latencies
        self._explore = explore
        self._chance = chance or random.Random()
        self._now = now
        self._conversations: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def choose(
        self,
        reading: Reading,
        needs: Needs,
        context: CallContext,
        trace: Trace,
        tenancy: Tenancy = NOBODYS,
    ) -> Choice:
        """The order for one call; the reasons go into `trace`. Nothing is asked of anybody.

        Args:
            tenancy: the organisation's own keys stand in for the platform's; and the models that it may use.
        """
        candidates = tuple(self._with_key(each, tenancy.keys) for each in self._candidates)
        trace.tier, trace.classifier = reading.tier.value, reading.classifier
        trace.reasons.extend(reading.reasons)
        most = {each.route: most_micro_usd(each, needs) for each in candidates}
        refused = {each.route: _unfit(each, needs, context, tenancy) for each in candidates}
        able = [each for each in candidates if not refused[each.route]]
        fit: list[Candidate] = []
        ill: list[Candidate] = []
        for each in able:
            if each.local or self._board.takes_calls(each.route):
                fit.append(each)
            else:
                status = self._board.status(each.route)
                refused[each.route] = f"{status.state.value}: {status.reason}"
                ill.append(each)
        worth = worths(reading, able, most, self._latencies)
        trace.considered.extend(
            self._considered(each, refused[each.route], most[each.route], worth.get(each.route)) for each in candidates
        )
        rest = [each for each in fit if each.tier is not Tier.LAST_RESORT]
        resort = [each for each in fit if each.tier is Tier.LAST_RESORT]
        if not rest and ill and not resort:
            soonest = self._board.soonest([each.route for each in ill])
            rest = [each for each in ill if each.route == soonest]
            trace.reasons.append("all routes are open: the one that recovers first is tried")
        order = self._stuck(self._ranked(rest, worth, trace), context, trace)
        return Choice(order=[*order, *resort], most_micro_usd=most)

    @property
    def own(self) -> tuple[Candidate, ...]:
        """The candidates that were made for keys of organisations."""
        return tuple(self._own.values())

    def _with_key(self, each: Candidate, keys: Mapping[str, str]) -> Candidate:
        """`each`, or the same model with the organisation's own key for its provider."""
        key = keys.get(each.provider)
        if key is None or each.local:
            return each
        route = f"{each.route}+{key_digest(key)}"
        found = self._own.get(route)
        if found is None:
            llm = with_key(each.llm, key)
            if llm is None:  # a model that a program brought along has the key that it has
                return each
            found = msgspec.structs.replace(each, llm=llm, key_id=key_digest(key), key_owner="tenant")
            self._own[route] = found
            self._board.add(found.route, provider=found.provider, model=found.model)
            if len(self._own) > _OWN_KEYS:
                self._own.popitem(last=False)
        self._own.move_to_end(route)
        return found

    def answered(self, context: CallContext, candidate: Candidate) -> None:
        """`candidate` has answered a call of this conversation."""
        if context.conversation is None or candidate.tier is Tier.LAST_RESORT:
            return
        self._conversations[context.conversation] = (candidate.route, self._now())
        self._conversations.move_to_end(context.conversation)
        if len(self._conversations) > _CONVERSATIONS:
            self._conversations.popitem(last=False)

    def _ranked(self, fit: list[Candidate], worth: Mapping[str, Worth], trace: Trace) -> list[Candidate]:
        """What is worth most first, and of its equals the better of two that chance draws."""
        order = sorted(fit, key=lambda each: (-worth[each.route].value, each.tier is Tier.FAST))
        if len(order) < 2:
            return order
        first, second = order[:2]
        trace.reasons.append(
            f"{first.name} is worth {worth[first.route].value:+.3f}, {second.name} {worth[second.route].value:+.3f}"
        )
        least = worth[first.route].value - WORTH_OF_DOUBLING
        equals = [n for n, each in enumerate(order) if each.tier is first.tier and worth[each.route].value >= least]
        if len(equals) > 2:  # with two of them, both are drawn
            drawn = min(self._chance.sample(equals, 2))
            if drawn:
                trace.reasons.append(f"{order[drawn].name} is about as good, and the better of two that were drawn")
                order.insert(0, order.pop(drawn))
        if self._explore and self._chance.random() < self._explore:
            siblings = [n for n, each in enumerate(order) if n and each.tier is order[0].tier]
            explored = self._chance.choice(siblings or range(1, len(order)))
            trace.reasons.append(f"{order[explored].name} is tried, to keep knowing it")
            order.insert(0, order.pop(explored))
        return order

    def _stuck(self, order: list[Candidate], context: CallContext, trace: Trace) -> list[Candidate]:
        """The conversation's model first while its cache is warm, unless more reasoning is asked for than it is for."""
        route, at = self._conversations.get(context.conversation or "", ("", 0.0))
        held = next((each for each in order if each.route == route), None)
        if held is None or self._now() - at > STICKY_SECONDS:
            return order
        if order[0].tier is Tier.REASONING and held.tier is Tier.FAST:
            return order
        trace.reasons.append("the conversation stays with its model")
        return [held, *(each for each in order if each is not held)]

    def _considered(self, each: Candidate, refused: str, most: int, worth: Worth | None) -> Considered:
        seconds = self._latencies.answer_seconds(each.route)
        seen = Considered(
            name=each.name,
            tier=each.tier.value,
            refused=refused,
            price_micro_usd=most,
            answer_seconds=None if seconds is None else round(seconds, 4),
        )
        if worth is None or each.tier is Tier.LAST_RESORT:
            return seen
        return msgspec.structs.replace(
            seen, gain=round(worth.gain, 4), doublings=round(worth.doublings, 4), value=round(worth.value, 4)
        )


def most_micro_usd(candidate: Candidate, needs: Needs) -> int:
    """What a call may cost there when the answer is as long as it may be."""
    output = candidate.output_tokens if needs.output_tokens is None else needs.output_tokens
    return candidate.price.micro_usd(Tokens(input=needs.input_tokens, output=output))


def _unfit(candidate: Candidate, needs: Needs, context: CallContext, tenancy: Tenancy) -> str:
    """Why `candidate` can not do it, or an empty text."""
    for allowed, whom in ((tenancy.allowed, "tenant"), (context.allowed, "call")):
        if allowed is not None and not candidate.local and allowed.isdisjoint((candidate.name, candidate.model)):
            return f"not allowed for this {whom}"
    missing = needs.capabilities - candidate.capabilities
    if missing and not candidate.local:
        return f"lacks {', '.join(sorted(missing))}"
    output = 0 if needs.output_tokens is None else needs.output_tokens
    if needs.input_tokens * _CONTEXT_MARGIN + output > candidate.context_window and not candidate.local:
        return f"its context of {candidate.context_window:,} tokens is too small"
    return ""
