"""How long the stages of a turn took, from when the user was last heard, on the server's own clock."""

from __future__ import annotations

from aura.voice.events import TurnMeasured
from aura.voice.listening import Turn
from aura.voice.reply import Reply


def measured(turn: Turn, reply: Reply, endpoint: float, *, interrupted: bool = False) -> TurnMeasured:
    """What is known of it so far. `endpoint` is when the turn was taken to have ended.

    A client that speaks itself, or shows text, has no first audio, and one that does not tell what it plays no buffer.
    """

    def since(at: float | None) -> float | None:
        return None if at is None or at < turn.silent_at else round(at - turn.silent_at, 4)

    reading = reply.reading
    return TurnMeasured(
        endpoint=since(endpoint),
        transcript=since(turn.transcribed_at),
        retrieval=since(reading.retrieved_at),
        first_token=since(reading.first_token_at),
        first_sentence=since(reply.first_sentence_at),
        first_audio=since(reply.first_audio_at),
        client_buffer=reply.playback.buffered_seconds,
        speculated=turn.speculated,
        prefetched=turn.prefetches,
        prefetch_used=turn.prefetch_used,
        interrupted=interrupted,
    )
