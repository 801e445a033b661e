"""The numbers of a run of the suite `routing`."""

from __future__ import annotations

from typing import Final

import msgspec

from aura.router.quality import Proof
from aura_evals.floors import Floor
from aura_evals.routing_choice import Chosen

METRICS: Final = ("apgr", "cpt50", "cpt80")


class RoutingResult(msgspec.Struct, frozen=True, kw_only=True):
    """A run's numbers: system → metric → value, and as many intervals, in which the value lies nine times of ten.

    `learned` is what was learned where it is better than length, and length where it is not, as the router has it;
    `proof` says whether it is better by more than chance, which is when the router uses it. `ranked` is what the router's
    ranking, which weighs price and time as well, makes of what was learned.
    """

    suite: str = "routing"
    dataset: str
    questions: int
    topics: int
    quick_right: float
    strong_right: float
    learned_is: str
    metrics: dict[str, dict[str, float | None]]
    intervals: dict[str, dict[str, tuple[float | None, float | None]]]
    proof: Proof | None = None
    ranked: tuple[Chosen, ...] = ()
    floors: tuple[Floor, ...] = ()
