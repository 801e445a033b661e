"""What speech costs, in whole micro-dollars: by the minute of audio, or by the character of text."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import msgspec


class SpeechPrice(msgspec.Struct, frozen=True, kw_only=True):
    """What one model asks for, in dollars. `known` is false for the worst price that stands for one that nobody knows."""

    usd_per_minute: Decimal = Decimal(0)
    usd_per_million_characters: Decimal = Decimal(0)
    version: str = "list 2026-06"
    known: bool = True

    def micro_usd(self, *, seconds: float, characters: int) -> int:
        """What so much audio, or so much text, costs. It is never negative."""
        by_time = self.usd_per_minute * 1_000_000 * Decimal(repr(seconds)) / 60
        return int((by_time + self.usd_per_million_characters * characters).to_integral_value(ROUND_HALF_UP))


FREE: Final = SpeechPrice(version="free")
UNKNOWN: Final = SpeechPrice(
    usd_per_minute=Decimal("0.03"), usd_per_million_characters=Decimal(300), version="unknown", known=False
)
"""Stands for a price that nobody knows: a budget must not be overrun by a model that seems to cost nothing."""

_PRICES: Final[Mapping[str, SpeechPrice]] = {
    "openai/whisper-1": SpeechPrice(usd_per_minute=Decimal("0.006")),
    "openai/gpt-4o-transcribe": SpeechPrice(usd_per_minute=Decimal("0.006")),
    "openai/gpt-4o-mini-transcribe": SpeechPrice(usd_per_minute=Decimal("0.003")),
    "openai/gpt-4o-mini-tts": SpeechPrice(usd_per_minute=Decimal("0.015")),
    "openai/tts-1": SpeechPrice(usd_per_million_characters=Decimal(15)),
    "openai/tts-1-hd": SpeechPrice(usd_per_million_characters=Decimal(30)),
    "elevenlabs/eleven_flash_v2_5": SpeechPrice(usd_per_million_characters=Decimal(50)),
    "elevenlabs/eleven_flash_v2": SpeechPrice(usd_per_million_characters=Decimal(50)),
    "elevenlabs/eleven_turbo_v2_5": SpeechPrice(usd_per_million_characters=Decimal(50)),
    "elevenlabs/eleven_multilingual_v2": SpeechPrice(usd_per_million_characters=Decimal(100)),
    "elevenlabs/eleven_v3": SpeechPrice(usd_per_million_characters=Decimal(100)),
}
"""The vendors' lists, for who pays as he goes; a plan can be cheaper."""


def price_of(provider: str, model: str) -> SpeechPrice:
    """What `model` of `provider` asks for, or the worst price where nobody knows."""
    return _PRICES.get(f"{provider}/{model}", UNKNOWN)
