"""The conversation on fakes that the library ships."""

from aura.testing.talking import RATE, Talk, talking

__all__ = ["RATE", "Talk", "talking"]
