"""How one conversation by voice is held."""

from __future__ import annotations

from typing import Literal

import msgspec

from aura.voice.ear import PRE_ROLL_SECONDS
from aura.voice.ports import NO_HINTS, PLAIN, Hints, Manner, Synthesizer, Transcriber, TurnDetector, VoiceActivity
from aura.voice.turns import TurnRules

Speculation = Literal["off", "answer", "synthesis"]
"""What is begun when a turn has probably ended: nothing, the answer, or the speech of it as well."""


class Ears(msgspec.Struct, frozen=True, kw_only=True):
    """The services that a conversation uses. No `synthesizer` where the client speaks itself."""

    transcriber: Transcriber
    activity: VoiceActivity
    synthesizer: Synthesizer | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a client may choose.

    Attributes:
        listens: turns end by themselves; else the client commits them.
        answers: a turn that has ended is answered without being asked to.
        interruptible: who speaks interrupts; else nothing that is said during a reply counts.
        speculation: what is begun before it is sure that the turn has ended.
        most_speculations: of one turn.
        prefetches: the documents are searched as soon as what is understood stands still, before the turn has ended.
    """

    listens: bool = True
    answers: bool = True
    interruptible: bool = True
    speaks: bool = True
    turns: TurnDetector = msgspec.field(default_factory=TurnRules)
    threshold: float = 0.5
    pre_roll_seconds: float = PRE_ROLL_SECONDS
    hints: Hints = NO_HINTS
    manner: Manner = PLAIN
    speculation: Speculation = "off"
    most_speculations: int = 2
    prefetches: bool = True
    transcribes: bool = True


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How long a conversation may last, and for how long nobody may say anything."""

    session_seconds: float = 3_600.0
    idle_seconds: float = 600.0
    longest_turn_seconds: float = 120.0
