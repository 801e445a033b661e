"""Opening a conversation by voice: the services of a scope, its answers, and how long its plan lets it last."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from aura.clock import Timer
from aura.errors import Unavailable
from aura.tenants.values import Tier
from aura.voice.answers import Answers
from aura.voice.conversation import Conversation
from aura.voice.options import Ears, Limits, Options
from aura.voice.parts import VoiceStatus
from aura.voice.ports import Synthesizer, Transcriber, VoiceActivity
from aura.voice.sessions import VoiceSession

_SESSION_MINUTES: Final = {Tier.STANDARD: 30, Tier.PREMIUM: 60, Tier.ENTERPRISE: 120}


class Services(Protocol):
    """What hears, speaks and listens for voices in a scope: `aura.voice.service.Voice`."""

    @property
    def activity(self) -> VoiceActivity | None: ...
    async def status(self) -> VoiceStatus: ...
    async def transcriber(self) -> Transcriber: ...
    async def synthesizer(self) -> Synthesizer: ...


def limits_of(tier: Tier) -> Limits:
    """How long one conversation of an organisation with this plan may last."""
    return Limits(session_seconds=60.0 * _SESSION_MINUTES[tier])


async def ears_of(services: Services) -> Ears:
    """What hears and speaks in a scope. Where the server has no voice its client speaks.

    Raises:
        Unavailable: nothing that hears, or that tells speech from noise, is installed; the message says how it is.
        Denied: an API key acts that may not `ask`.
    """
    status = await services.status()
    activity = services.activity
    if activity is None or not status.stt.available:
        missing = status.vad if activity is None else status.stt
        raise Unavailable(missing.reason, retry_after_seconds=60.0)
    return Ears(
        transcriber=await services.transcriber(),
        activity=activity,
        synthesizer=await services.synthesizer() if status.tts.available else None,
    )


def conversation_in(
    ears: Ears, answers: Answers, session: VoiceSession, tier: Tier, *, options: Options | None = None
) -> Conversation:
    """The conversation of an open session, for `attended`. It lasts as long as the plan lets it, resumed or not."""
    limits = limits_of(tier)
    left = max(0.0, limits.session_seconds - session.lasted_seconds)
    return Conversation(
        ears,
        answers,
        options=options or Options(),
        limits=msgspec.structs.replace(limits, session_seconds=left),
        record=session.record,
    )


async def open_conversation(
    services: Services,
    answers: Answers,
    *,
    options: Options | None = None,
    limits: Limits | None = None,
    timer: Timer | None = None,
) -> Conversation:
    """A conversation of a program's own, to be entered: no session that can be resumed, and no minute that is counted.

    Raises:
        Unavailable, Denied: as `ears_of`.
    """
    ears = await ears_of(services)
    return Conversation(ears, answers, options=options or Options(), limits=limits or Limits(), timer=timer)
