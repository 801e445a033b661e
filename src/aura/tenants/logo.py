"""An organisation's logo: a small picture of points, looked into before it is kept.

It is part of the organisation's row, which is read with every request, so it is small; and it is shown to every member, so
it is what it says that it is. SVG is refused: it can hold script, links and addresses of other hosts.
"""

from __future__ import annotations

import base64
import re
from struct import unpack_from
from typing import Final

from aura.errors import InvalidRequest

MAX_CHARACTERS: Final = 128 * 1024
"""Of the whole address: about 96 KB of picture."""
MAX_POINTS: Final = 1_024
"""A side. A file of a few bytes can unfold to a picture that fills the memory of who looks at it."""

_LINK = re.compile(r"https://[^\s\"'<>\\]+")
_DATA = re.compile(r"data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/]+={0,2})")
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG frame, which hold its size. Source: ITU-T T.81, table B.1."""


def checked_logo(value: str | None) -> str | None:
    """An `https://` address, or a picture as a `data:` address. Our own pages show only the latter.

    Raises:
        InvalidRequest: it is too large, or no picture of a kind that is taken.
    """
    if value is None or (len(value) <= MAX_CHARACTERS and _LINK.fullmatch(value)):
        return value
    if len(value) > MAX_CHARACTERS:
        raise _refused(f"custom_logo is larger than {MAX_CHARACTERS * 3 // 4 // 1024} KB: make the picture smaller")
    found = _DATA.fullmatch(value)
    if found is None:
        raise _refused("custom_logo is a PNG, JPEG, GIF or WebP picture as data:image/…;base64, or an https:// address")
    kind, encoded = found.groups()
    try:
        size = _SIZES[kind](base64.b64decode(encoded, validate=True))
    except ValueError:  # it is not in base 64
        size = None
    if size is None:
        raise _refused(f"custom_logo says that it is {kind.upper()}, and is not")
    if not all(0 < side <= MAX_POINTS for side in size):
        raise _refused(f"custom_logo has {size[0]} × {size[1]} points: at most {MAX_POINTS} a side are taken")
    return value


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(why, field="custom_logo")


def _png(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR") or len(data) < 24:
        return None
    return unpack_from(">II", data, 16)


def _gif(data: bytes) -> tuple[int, int] | None:
    return unpack_from("<HH", data, 6) if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10 else None


def _webp(data: bytes) -> tuple[int, int] | None:
    """Source: RFC 9649, section 2."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    match data[12:16]:
        case b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        case _:
            return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    if data[:3] != b"\xff\xd8\xff":
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in _JPEG_SIZES:
            height, width = unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


_SIZES: Final = {"png": _png, "gif": _gif, "webp": _webp, "jpeg": _jpeg}
