"""What the parts of one conversation by voice share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from aura.clock import Timer
from aura.voice.barge_in import EchoGate
from aura.voice.options import Options
from aura.voice.outbox import Outbox


class Surroundings(msgspec.Struct, kw_only=True, eq=False):
    """How the conversation is held now, its time, the way to its client, and the echo that comes back from there.

    `spawn` runs what nobody waits for.
    """

    options: Options
    timer: Timer
    outbox: Outbox
    gate: EchoGate
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
