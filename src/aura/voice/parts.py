"""The parts of voice that a platform has: those that are installed or have a key, and what the others want."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol, cast

import msgspec

from aura.errors import InvalidRequest
from aura.router.candidates import key_digest
from aura.router.health import HealthBoard, RouteState
from aura.settings import Settings
from aura.voice.adapters.browser import Browser, no_server_speech
from aura.voice.adapters.moonshine import Moonshine
from aura.voice.adapters.programs import Espeak, Flite, ProgramSynthesizer
from aura.voice.adapters.silero import Silero
from aura.voice.attempts import P, Route, route_to
from aura.voice.audio.files import Limits
from aura.voice.errors import PartMissing
from aura.voice.ports import Synthesizer, Transcriber, VoiceActivity

EARS: Final = ("openai", "moonshine")
MOUTHS: Final = ("elevenlabs", "openai", "espeak-ng", "flite")
NOTHING: Final = "none"
"""In the place of a list of services."""
_REMOTE: Final = frozenset({"openai", "elevenlabs"})
_KEPT: Final = 64
"""Adapters for organisations' own keys that are kept open at once."""
_PIP, _APT = 'pip install "aura[voice]"', "apt-get install espeak-ng"
_NO_EAR: Final = f"AURA_VOICE_EARS names nothing that is installed or has a key: {_PIP}, or set OPENAI_API_KEY"
_SICK: Final = (RouteState.OPEN, RouteState.CREDENTIAL)


class PartStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One part: whether this server has it, who does it, and why it is as it is."""

    available: bool
    provider: str
    reason: str = ""
    command: str = ""
    """What installs it, where it is missing."""


class VoiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The three parts. Of `tts`, the provider is `browser` where the server has no voice."""

    stt: PartStatus
    tts: PartStatus
    vad: PartStatus

    @property
    def missing(self) -> tuple[str, ...]:
        """What the parts that are missing want."""
        return tuple(each.reason for each in (self.stt, self.tts, self.vad) if not each.available)


class VoiceServices(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What hears, speaks and listens for voices, the preferred first, in the place of what the settings name."""

    transcribers: tuple[Transcriber, ...] = ()
    synthesizers: tuple[Synthesizer, ...] = ()
    activity: VoiceActivity | None = None


class _Closing(Protocol):
    async def close(self) -> None: ...


class VoiceParts:
    """What hears, speaks and listens for voices on one platform. Nothing is loaded or called before it is needed.

    Args:
        board: the router's circuit breaker, which speech services are in, too.
        given: in the place of what the settings name; who gives them closes them.
    """

    def __init__(
        self,
        settings: Settings,
        board: HealthBoard,
        *,
        given: VoiceServices | None = None,
    ) -> None:
        self.board = board
        self.deadline_seconds = settings.voice_deadline_seconds
        self.limits = Limits(max_bytes=settings.voice_max_bytes, max_seconds=settings.voice_max_seconds)
        self.max_characters = settings.voice_max_characters
        self._settings = settings
        self._given = given
        self._missing: dict[str, str] = {}
        self._open: dict[tuple[str, str, str], Transcriber | Synthesizer] = {}
        self._activity = self._silero() if given is None else given.activity
        self._ears, self._mouths = _names(settings.voice_ears, EARS), _names(settings.voice_mouths, MOUTHS)

    @property
    def activity(self) -> VoiceActivity | None:
        """What tells where somebody speaks, or None."""
        return self._activity

    def transcribers(self, keys: Mapping[str, str] = {}) -> tuple[Route[Transcriber], ...]:  # not changed
        """The routes to what hears, the preferred first; `keys` are an organisation's own."""
        if self._given is not None:
            return tuple(route_to(each) for each in self._given.transcribers)
        found = self._found("ear", self._ears, keys)
        return tuple(route_to(cast("Transcriber", each), key_id=key, own_key=own) for each, key, own in found)

    def synthesizers(self, keys: Mapping[str, str] = {}) -> tuple[Route[Synthesizer], ...]:  # not changed
        """The routes to what speaks."""
        if self._given is not None:
            return tuple(route_to(each) for each in self._given.synthesizers)
        found = self._found("mouth", self._mouths, keys)
        return tuple(route_to(cast("Synthesizer", each), key_id=key, own_key=own) for each, key, own in found)

    def status(self, keys: Mapping[str, str] = {}) -> VoiceStatus:  # not changed
        """What is there. No service is called."""
        vad = self._activity
        wanted = "" if vad else self._missing.get("silero", "nothing that tells speech from noise was given")
        return VoiceStatus(
            stt=self._status(self.transcribers(keys), "", self._missing.get("moonshine", _NO_EAR), _PIP),
            tts=self._status(self.synthesizers(keys), Browser.provider, str(no_server_speech()), _APT),
            vad=PartStatus(
                available=vad is not None,
                provider=vad.provider if vad else "",
                reason=wanted,
                command="" if vad else _PIP,
            ),
        )

    def ill(self) -> tuple[str, ...]:
        """The speech services that are away, each with its reason."""
        routes = (*self.transcribers(), *self.synthesizers())
        known = {each.route: each for each in self.board.statuses()}
        found = [known[each.route] for each in routes if each.route in known]
        return tuple(
            dict.fromkeys(f"{each.provider}/{each.model}: {each.reason}" for each in found if each.state in _SICK)
        )

    @property
    def calls_out(self) -> bool:
        """Whether a service of the platform's own keys is called over the network."""
        return any(not each.local for each in (*self.transcribers(), *self.synthesizers()))

    async def close(self) -> None:
        """Close what was opened."""
        for part in self._open.values():
            await cast("_Closing", part).close()
        self._open.clear()

    def _status(self, routes: tuple[Route[P], ...], stand_in: str, wanted: str, command: str) -> PartStatus:
        if not routes:
            return PartStatus(available=False, provider=stand_in, reason=wanted, command=command)
        away = [each.name for each in routes if self._is_away(each)]
        reason = f"away for now: {', '.join(away)}" if away else ""
        return PartStatus(available=True, provider=routes[0].part.provider, reason=reason)

    def _is_away(self, route: Route[P]) -> bool:
        return any(each.route == route.route and each.state in _SICK for each in self.board.statuses())

    def _found(
        self, kind: str, names: list[str], keys: Mapping[str, str]
    ) -> Iterator[tuple[Transcriber | Synthesizer, str, bool]]:
        """Those of `names` that can be used: each with the digest of its key, and whether the organisation pays for it."""
        for name in names:
            own = keys.get(name, "") if name in _REMOTE else ""
            key = own or self._key(name)
            if name in _REMOTE and not key:
                continue
            adapter = self._adapter(kind, name, key)
            if adapter is not None:
                yield adapter, key_digest(key), bool(own)

    def _adapter(self, kind: str, name: str, key: str) -> Transcriber | Synthesizer | None:
        """The one adapter for this service and key; None where it is not installed, which is noted."""
        at = (kind, name, key)
        if at not in self._open:
            try:
                self._open[at] = _MAKERS[kind, name](self._settings, key, self._activity)
            except (PartMissing, InvalidRequest) as error:
                self._missing[name] = str(error)
                return None
            if len(self._open) > _KEPT:  # the oldest of somebody's own key; its connections end when nobody uses them
                self._open.pop(next(each for each in self._open if each[2] and each[2] != self._key(each[1])))
        return self._open[at]

    def _key(self, name: str) -> str:
        keys = {"openai": self._settings.openai_api_key, "elevenlabs": self._settings.elevenlabs_api_key}
        key = keys.get(name)
        return "" if key is None else key.get_secret_value()

    def _silero(self) -> VoiceActivity | None:
        try:
            return Silero()
        except PartMissing as error:
            self._missing["silero"] = str(error)
            return None


def _names(given: str, known: tuple[str, ...]) -> list[str]:
    names = [name for each in given.split(",") if (name := each.strip()) and name != NOTHING]
    if strange := sorted({*names} - {*known}):
        raise InvalidRequest(f"no such speech service: {', '.join(strange)}; known are {', '.join(known)}")
    return names


def _moonshine(settings: Settings, key: str, activity: VoiceActivity | None) -> Transcriber:
    return Moonshine(activity, folder=settings.moonshine_dir)


def _espeak(settings: Settings, key: str, activity: VoiceActivity | None) -> Synthesizer:
    return ProgramSynthesizer(Espeak())


def _flite(settings: Settings, key: str, activity: VoiceActivity | None) -> Synthesizer:
    return ProgramSynthesizer(Flite())


def _openai_ear(settings: Settings, key: str, activity: VoiceActivity | None) -> Transcriber:
    from aura.voice.adapters.openai import OpenAITranscriber

    return OpenAITranscriber(key, settings.transcribe_model, address=settings.openai_api_url)


def _openai_mouth(settings: Settings, key: str, activity: VoiceActivity | None) -> Synthesizer:
    from aura.voice.adapters.openai import OpenAISynthesizer

    return OpenAISynthesizer(key, settings.speech_model, voice=settings.speech_voice, address=settings.openai_api_url)


def _elevenlabs(settings: Settings, key: str, activity: VoiceActivity | None) -> Synthesizer:
    from aura.voice.adapters.elevenlabs import ElevenLabs

    return ElevenLabs(
        key, settings.elevenlabs_model, voice_id=settings.elevenlabs_voice_id, address=settings.elevenlabs_api_url
    )


_MAKERS: Final[Mapping[tuple[str, str], Callable[[Settings, str, VoiceActivity | None], Transcriber | Synthesizer]]] = {
    ("ear", "openai"): _openai_ear,
    ("ear", "moonshine"): _moonshine,
    ("mouth", "elevenlabs"): _elevenlabs,
    ("mouth", "openai"): _openai_mouth,
    ("mouth", "espeak-ng"): _espeak,
    ("mouth", "flite"): _flite,
}
