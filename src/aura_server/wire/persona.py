"""How answers are said to the caller."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from aura.persona.learning import Learned, Signal
from aura.persona.profile import Persona
from aura.persona.rendering import Style, introduction, wording
from aura.persona.traits import Axis, Channel, PersonaChanges
from aura_server.wire.chat import ChatResponse


class SignalResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of evidence, and the message that it was found in. `towards`: `more`, `less`, or a value."""

    towards: str
    kind: Literal["asked", "rated", "repeated", "mirrored"]
    weight: float
    at: datetime
    message_id: UUID | None

    @classmethod
    def of(cls, signal: Signal) -> SignalResponse:
        """`signal` on the wire."""
        return cls(
            towards=signal.towards,
            kind=signal.kind.value,
            weight=signal.weight,
            at=signal.at,
            message_id=signal.message_id,
        )


class LearnedResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What was learned of an axis, from which evidence, the latest first. Below a confidence of 0.5 it does not count."""

    value: float | str
    confidence: float
    evidence: tuple[SignalResponse, ...]

    @classmethod
    def of(cls, found: Learned) -> LearnedResponse:
        """`found` on the wire."""
        evidence = tuple(SignalResponse.of(signal) for signal in found.evidence)
        return cls(value=found.value, confidence=found.confidence, evidence=evidence)


class PersonaResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A persona: what counts on each axis, which axes are locked, and what was learned, by channel and axis.

    The scales go from -1 to 1. `language` is a code, or `auto` for the question's own; `emoji` is `auto`, `none` or `some`.
    """

    formality: float
    detail: float
    energy: float
    language: str
    address: str
    emoji: str
    locked: tuple[Axis, ...]
    learned: dict[Channel, dict[Axis, LearnedResponse]]

    @classmethod
    def of(cls, persona: Persona) -> PersonaResponse:
        """`persona` on the wire."""
        learned: dict[Channel, dict[Axis, LearnedResponse]] = {
            channel: {axis: LearnedResponse.of(found) for axis, found in by_axis.items()}
            for channel, by_axis in persona.learned.items()
        }
        return cls(**msgspec.structs.asdict(persona.traits), locked=persona.locked, learned=learned)


class PreviewRequest(PersonaChanges, frozen=True, kw_only=True):
    """A persona to try, as PUT /persona/ takes it. `message`: a question to answer by it; nothing of it is stored."""

    message: str | None = None
    search_knowledge: bool = True

    @property
    def changes(self) -> PersonaChanges:
        """The persona without the question."""
        return PersonaChanges(**{name: getattr(self, name) for name in PersonaChanges.__struct_fields__})


class PreviewResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What would be. `wording` is what a model is told of it, `before` and `after` how a question is answered."""

    persona: PersonaResponse
    wording: tuple[str, ...]
    before: ChatResponse | None
    after: ChatResponse | None

    @classmethod
    def of(
        cls, persona: Persona, before: ChatResponse | None = None, after: ChatResponse | None = None
    ) -> PreviewResponse:
        """`persona` and its answers on the wire."""
        style = Style.of(persona.traits)
        named = introduction(style)
        lines = (*wording(style), *([named] if named else []))
        return cls(persona=PersonaResponse.of(persona), wording=lines, before=before, after=after)
