"""The numbers of conversations by voice: how long each stage of their turns took, and what was begun in vain."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import RowMapping, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.scopes import visible
from aura.database.tables import voice_turns
from aura.identity import Scope
from aura.usage.percentiles import Percentiles, percentiles, percentiles_of
from aura.usage.periods import Period


class VoiceStages(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from when the user was last heard to the end of each stage, on the server's clock.

    `client_buffer` is how long the first audio waited at the client, of those that tell what they play.
    """

    endpoint: Percentiles
    transcript: Percentiles
    retrieval: Percentiles
    first_token: Percentiles
    first_sentence: Percentiles
    first_audio: Percentiles
    client_buffer: Percentiles


STAGES: Final = VoiceStages.__struct_fields__


class VoiceNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """What was said by voice: `speculated` answers and `prefetched` searches were begun before a turn had ended, and that
    many of the searches were used or dropped."""

    turns: int
    interrupted: int
    speculated: int
    prefetched: int
    prefetches_used: int
    prefetches_dropped: int
    stages: VoiceStages


async def voice_numbers(session: AsyncConnection, scope: Scope, period: Period) -> VoiceNumbers:
    """Those of the organisation in `period`. Cost: one statement, which reads the period's rows."""
    row = (await session.execute(_numbers(scope, period))).mappings().one()
    return _read(row)


def _numbers(scope: Scope, period: Period) -> Select[Any]:
    turn = voice_turns.c
    counts = {
        "turns": func.count(),
        "interrupted": func.count().filter(turn.interrupted),
        "speculated": func.coalesce(func.sum(turn.speculated), 0),
        "prefetched": func.coalesce(func.sum(turn.prefetched), 0),
        "prefetches_used": func.count().filter(turn.prefetch_used),
    }
    shares = (share for stage in STAGES for share in percentiles(turn[stage]))
    return select(*(count.label(name) for name, count in counts.items()), *shares).where(
        visible(voice_turns, scope), turn.created_at >= period.start, turn.created_at < period.end
    )


def _read(row: RowMapping) -> VoiceNumbers:
    begun, used = int(row["prefetched"]), int(row["prefetches_used"])
    return VoiceNumbers(
        turns=row["turns"],
        interrupted=row["interrupted"],
        speculated=int(row["speculated"]),
        prefetched=begun,
        prefetches_used=used,
        prefetches_dropped=begun - used,
        stages=VoiceStages(**{stage: percentiles_of(row, stage) for stage in STAGES}),
    )
