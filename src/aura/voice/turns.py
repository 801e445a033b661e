"""Whether who has paused has ended, by rules on what was said so far.

A model may take their place, as a `TurnDetector`.
"""

from __future__ import annotations

import re
from typing import Final

from aura.answering.lexicon import words

LONGEST_PAUSE_SECONDS: Final = 2.5
"""After so long a silence a turn ends, whatever was said and whatever a detector thinks."""

_AFTER_SENTENCE = 0.35
_DEFAULT = 0.6
_AFTER_UNFINISHED = 1.2

_SENTENCE_END = re.compile(r"[.!?。！？][\"'”’»)]*$")
_TRAILS_OFF = re.compile(r"(?:\.{2,}|…|[,;:–—-])[\"'”’»)]*$")
_NUMBER = re.compile(r"\d[\d.,:/-]*%?$")
_LAST_WORD = re.compile(r"([^\W_]+(?:['’][^\W_]+)*)[^\w]*$")
_UNFINISHED: Final = words("""
    and or but because so if when while although unless until that which who whose than as since though whether
    und oder aber weil denn wenn während obwohl dass ob sondern als bis damit sowie

    the a an my your our their his her its of to for with in on at from by about into between is are was were
    der die das den dem des ein eine einen einem einer mein meine dein deine unser für mit von zu zum zur im am auf aus
    bei über unter zwischen ist sind war

    um uh uhm erm er hmm hm mm well like äh ähm naja

    zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand million
    null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig vierzig fünfzig hundert tausend
    """)
"""Last words behind which more is to come: conjunctions, articles and prepositions, fillers, numbers."""
_BACKCHANNELS: Final = words("""
    mm mhm hm hmm mmhm mm-hm mm-hmm uh-huh uhhuh uh huh aha ah oh ok okay yeah yep right sure i see
    ja jaja genau gut ach so stimmt
    """)
_WORDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


class TurnRules:
    """A `TurnDetector` that goes by the last words: a whole sentence ends a turn soon, "and …" leaves time to go on.

    Args:
        patience: how much longer than the rules say it waits; below 1, how much shorter.
    """

    def __init__(self, patience: float = 1.0) -> None:
        self._patience = patience

    async def pause_seconds(self, said: str, *, language: str | None = None) -> float:
        """How long a silence after `said`, all of the turn so far, ends the turn. Costs nothing."""
        return pause_seconds(said) * self._patience


class FixedPause:
    """A `TurnDetector` to which every turn ends after the same silence, as a client has asked for it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def pause_seconds(self, said: str, *, language: str | None = None) -> float:
        """The silence it was given."""
        return self._seconds


def pause_seconds(said: str) -> float:
    """How long a silence after `said` ends the turn, by the rules."""
    said = said.strip()
    if _TRAILS_OFF.search(said) or _NUMBER.search(said):
        return _AFTER_UNFINISHED
    if _SENTENCE_END.search(said):
        return _AFTER_SENTENCE
    last = _LAST_WORD.search(said)
    if last is not None and last[1].lower() in _UNFINISHED:
        return _AFTER_UNFINISHED
    return _DEFAULT


def likely_ended(said: str) -> bool:
    """Whether a turn with these words has probably ended: worth an answer on speculation."""
    return bool(said.strip()) and pause_seconds(said) < _AFTER_UNFINISHED


def is_backchannel(said: str) -> bool:
    """Whether somebody only shows that they listen: "mm-hm", "okay", "ja genau". Nothing at all is that, too."""
    uttered = [word.lower() for word in _WORDS.findall(said)]
    return len(uttered) <= 3 and all(word in _BACKCHANNELS for word in uttered)


def new_words(said: str, playing: str) -> list[str]:
    """The words of `said` that are not among those which are being played: what is no echo of them."""
    echoed = {word.lower() for word in _WORDS.findall(playing)}
    return [word for word in _WORDS.findall(said) if word.lower() not in echoed]


_GO_ON = re.compile(
    r"(?:(?:please|and|ok|okay|yes|no|sorry|bitte|ja|nein|und)[,.]? )*"
    r"(?:go on|continue|carry on|keep going|go ahead|you were saying"
    r"|(?:mach|rede|erzähl|fahr|sprich) (?:bitte )?(?:weiter|fort)|weiter|weitermachen)(?:[,]? (?:please|bitte))?[.!?…]*",
    re.IGNORECASE,
)


def asks_to_go_on(said: str) -> bool:
    """Whether `said` asks for the rest of what was interrupted, and for nothing else."""
    return _GO_ON.fullmatch(said.strip()) is not None


_STOP = re.compile(
    r"(?:(?:please|ok|okay|thanks|thank you|no|hey|bitte|danke|nein)[,.]? )*"
    r"(?:stop|stop it|stop talking|be quiet|quiet|enough|that's enough|shut up"
    r"|stopp|halt|hör auf|sei still|es reicht|das reicht)"
    r"(?:[,]? (?:please|thanks|bitte|danke))?[.!?…]*",
    re.IGNORECASE,
)


def asks_to_stop(said: str) -> bool:
    """Whether `said` asks for silence, and for no answer."""
    return _STOP.fullmatch(said.strip()) is not None
