"""What a persona is made of: three scales, a language, a form of address, and whether emoji are welcome."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from aura.answering.hygiene import instructs
from aura.errors import InvalidRequest
from aura.tenants import validation

Axis = Literal["formality", "detail", "energy", "language", "address", "emoji"]
Scale = Literal["formality", "detail", "energy"]
Channel = Literal["text", "voice"]
Emoji = Literal["auto", "none", "some"]
Value = float | str

SCALES: Final[tuple[Scale, ...]] = ("formality", "detail", "energy")
"""The axes that are numbers, from -1 to 1."""
AXES: Final[tuple[Axis, ...]] = (*SCALES, "language", "address", "emoji")
CHANNELS: Final[tuple[Channel, ...]] = ("text", "voice")
EMOJI: Final[tuple[Emoji, ...]] = ("auto", "none", "some")
AUTO: Final = "auto"
"""The language of the question, or emoji as the model sees fit: nothing is said about it."""
LANGUAGES: Final[Mapping[str, str]] = {
    "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "et": "Estonian", "fi": "Finnish", "fr": "French", "hr": "Croatian", "hu": "Hungarian", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "nl": "Dutch", "no": "Norwegian",
    "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "sk": "Slovak", "sl": "Slovenian", "sv": "Swedish",
    "tr": "Turkish", "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip
"""Languages that can be asked for, by their ISO 639-1 codes."""
LONGEST_ADDRESS: Final = 40
"""Characters of a form of address."""
DEFAULT_SETTING: Final = "persona"
"""The custom setting of an organisation that holds the persona of whoever has chosen and shown nothing."""

_WORD = r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?"
_ADDRESS = re.compile(rf"{_WORD}(?: {_WORD})*")
_MOST_WORDS = 4


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """One way to speak. Scales go from -1 (casual, brief, calm) to 1 (formal, thorough, lively); 0 says nothing."""

    formality: float = 0.0
    detail: float = 0.0
    energy: float = 0.0
    language: str = AUTO
    address: str = ""
    emoji: Emoji = "auto"

    def value(self, axis: Axis) -> Value:
        """What it has on `axis`."""
        return getattr(self, axis)

    def replaced(self, values: Mapping[Axis, Value]) -> Traits:
        """The same with other values on some axes."""
        return msgspec.structs.replace(self, **values)


class PersonaChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user may set. A value locks its axis; null opens it again. A field that is left out stays as it is.

    `locked` says which axes are locked afterwards: those among them that have no value yet keep the one they have now, and
    all others are open to learning.
    """

    formality: float | UnsetType | None = UNSET
    detail: float | UnsetType | None = UNSET
    energy: float | UnsetType | None = UNSET
    language: str | UnsetType | None = UNSET
    address: str | UnsetType | None = UNSET
    emoji: str | UnsetType | None = UNSET
    locked: tuple[str, ...] | UnsetType = UNSET


def checked(axis: Axis, value: object) -> Value:
    """`value` as it can stand on `axis`.

    Raises:
        InvalidRequest: it can not; `field` names the axis.
    """
    if axis in SCALES:
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or abs(value) > 1:
            raise InvalidRequest(f"{axis} must be a number from -1 to 1", field=axis)
        return float(value) + 0.0  # -0 is 0
    if not isinstance(value, str):
        raise InvalidRequest(f"{axis} must be a text", field=axis)
    if axis == "language":
        return _language(value)
    if axis == "emoji":
        if value not in EMOJI:
            raise InvalidRequest(f"emoji is {value[:20]!r}, and must be one of {', '.join(EMOJI)}", field=axis)
        return value
    return _address(value)


def axis_of(name: str, *, field: str) -> Axis:
    """The axis of this name. Raises `InvalidRequest`."""
    for axis in AXES:
        if axis == name:
            return axis
    raise InvalidRequest(f"there is no axis {name[:20]!r}: they are {', '.join(AXES)}", field=field)


def default_of(custom_settings: Mapping[str, object]) -> Traits:
    """The organisation's own persona, from its settings; what can not be used there is as if it were not.

    `checked_default` refuses that when it is set, so that only what is older, or came by an archive, is passed over.
    """
    found = custom_settings.get(DEFAULT_SETTING)
    values: dict[Axis, Value] = {}
    if isinstance(found, dict):
        for axis in AXES:
            try:
                values[axis] = checked(axis, found[axis])  # pyright: ignore[reportUnknownArgumentType]
            except (KeyError, InvalidRequest):
                continue
    return Traits().replaced(values)


def checked_default(custom_settings: Mapping[str, object]) -> None:
    """Refuse settings whose persona can not be used. Raises `InvalidRequest`."""
    found = custom_settings.get(DEFAULT_SETTING, {})
    if not isinstance(found, dict):
        raise InvalidRequest("custom_settings.persona must be an object of axes and their values", field="persona")
    for name, value in found.items():  # pyright: ignore[reportUnknownVariableType]
        checked(axis_of(str(name), field="persona"), value)  # pyright: ignore[reportUnknownArgumentType]


def _language(value: str) -> str:
    code = value.strip().lower().partition("-")[0]
    if code != AUTO and code not in LANGUAGES:
        raise InvalidRequest(
            f"language is {value[:20]!r}: use a code such as 'en' or 'de', or 'auto' for the question's own",
            field="language",
        )
    return code


def _address(value: str) -> str:
    """A name: letters, with what stands between them in names. It is told to a model, so it can be no sentence."""
    name = validation.name(value, field="address", max_characters=LONGEST_ADDRESS, required=False)
    if name and (not _ADDRESS.fullmatch(name) or len(name.split()) > _MOST_WORDS or instructs(name)):
        raise InvalidRequest(
            f"address is a name of at most {_MOST_WORDS} words, such as 'Ada' or 'Dr. Quill': letters, and . ' - between",
            field="address",
        )
    return name
