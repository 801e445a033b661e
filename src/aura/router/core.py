"""What all calls of one router share."""

from __future__ import annotations

from typing import Literal

import msgspec

from aura.router.attempt import CountTokens
from aura.router.candidates import Candidate
from aura.router.choose import Chooser
from aura.router.classify import Classifier
from aura.router.deadlines import Deadlines
from aura.router.health import HealthBoard
from aura.router.hedging import HedgeAllowance
from aura.router.latency import Latencies
from aura.router.telemetry import Telemetry

Policy = Literal["error", "restart"]
"""What follows a failure in the middle of a text: an error, or the text anew from its beginning."""


class Core(msgspec.Struct, kw_only=True, eq=False):
    """What all calls of one router share."""

    candidates: tuple[Candidate, ...]
    classifier: Classifier
    chooser: Chooser
    board: HealthBoard
    latencies: Latencies
    deadlines: Deadlines
    policy: Policy
    count_tokens: CountTokens
    telemetry: Telemetry
    hedges: HedgeAllowance | None = None
