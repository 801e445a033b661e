"""Which encoding a text file has: known, or refused; never a guess that shows as mojibake."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from aura.errors import InvalidRequest

if TYPE_CHECKING:
    from charset_normalizer import CharsetMatch

SAMPLE_BYTES = 64 * 1024
_BLOCK_BYTES = 256 * 1024
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LEGACY = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "koi8_r"]
_LEGACY_EAST_ASIAN = ["shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"]
_DECLARATION = re.compile(
    rb"""<(?:meta\b[^>]{0,200}\bcharset|\?xml\b[^>]{0,100}\bencoding)\s*=\s*["']?([\w.:-]+)""", re.I
)
_ORDINARY_CONTROLS = "\t\n\r\f\x1b"

# What Western European text in cp1252 uses beyond ASCII. Icelandic þ, ð and ý are left out: they are what Turkish
# cp1254 looks like when it is read as cp1252.
_WESTERN = re.compile(
    "[A-Za-zÄÖÜäöüßÀÁÂÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕØÙÚÛàáâãåæçèéêëìíîïñòóôõøùúûÿŒœŠšŽžŸ"
    "\x00-\x7f\xa0‘’‚“”„–—…‹›«»€£¥§°©®™•·¿¡ºª´±×÷²³½¼¾µ¶†‡]*"
)
# Cyrillic, Greek or East Asian bytes read as cp1252 come out as runs of accented letters or symbols inside words.
_UNLIKELY_WESTERN = re.compile(r"[À-ÿŒœŠšŽžŸ]{3}|[A-Za-zÀ-ÿ][¿¡³²¹£¥§°±×÷¼½¾¶][A-Za-zÀ-ÿ]|[a-zß-ÿ][À-ÖØ-Þ]")


def text_encoding(path: Path) -> str:
    """The encoding of a text file, as Python names it.

    Raises:
        InvalidRequest: it is not text, or its encoding can not be told.

    Cost: reads the file once, in blocks.
    """
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    encoding = _marked_encoding(sample) or _utf16_without_mark(sample) or "utf-8"
    wrong_at = _first_undecodable(path, encoding)
    if wrong_at is None:
        _require_text(_decoded(sample, encoding), controls=0.1)
        return encoding
    if encoding != "utf-8":
        raise _not_text()
    return _legacy_encoding(path, wrong_at)


def _marked_encoding(sample: bytes) -> str | None:
    return next((name for mark, name in _BYTE_ORDER_MARKS if sample.startswith(mark)), None)


def _utf16_without_mark(sample: bytes) -> str | None:
    """UTF-16 that does not say so: mostly ASCII, so every second byte is zero."""
    even, odd = sample[0::2], sample[1::2]
    if len(odd) < 2:
        return None
    if odd.count(0) > 0.7 * len(odd) and even.count(0) < 0.1 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.7 * len(even) and odd.count(0) < 0.1 * len(odd):
        return "utf-16-be"
    return None


def _first_undecodable(path: Path, encoding: str) -> int | None:
    """The block-wise position of the first byte that `encoding` does not allow, or None."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    position = 0
    with path.open("rb") as file:
        while True:
            block = file.read(_BLOCK_BYTES)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return position + error.start
            if not block:
                return None
            position += len(block)


def _legacy_encoding(path: Path, wrong_at: int) -> str:
    with path.open("rb") as file:
        file.seek(max(0, wrong_at - SAMPLE_BYTES // 4))
        sample = file.read(SAMPLE_BYTES)
    lenient = sample.decode("utf-8", errors="replace")
    invalid = lenient.count("\ufffd")
    if sum(character > "\x7f" for character in lenient) - invalid > invalid:
        raise InvalidRequest(
            f"the text is UTF-8, but broken near byte {wrong_at}; save it again as UTF-8", field="file"
        )
    encoding = _declared_encoding(path) or _best_guess(sample)
    if encoding is None or _first_undecodable(path, encoding) is not None:
        raise _not_text()
    _require_text(_decoded(sample, encoding), controls=0.001)
    return encoding


def _declared_encoding(path: Path) -> str | None:
    """What a web page or XML says of itself. As browsers do, Latin-1 is read as its superset cp1252."""
    with path.open("rb") as file:
        declared = _DECLARATION.search(file.read(2048))
    if declared is None:
        return None
    try:
        name = codecs.lookup(declared[1].decode("ascii")).name
    except LookupError:
        return None
    return "cp1252" if name == "iso8859-1" else name


def _best_guess(sample: bytes) -> str | None:
    """The one encoding that explains the bytes, or None where several would and give different text.

    charset-normalizer ranks by `chaos` (how unlike text it is) and `coherence` (how like a language); on short texts
    both are often 0 for several encodings, so its first answer alone would be a guess.
    """
    import charset_normalizer

    found = charset_normalizer.from_bytes(sample, cp_isolation=_LEGACY + _LEGACY_EAST_ASIAN, enable_fallback=False)
    matches = [match for match in found if not _UNLIKELY_WESTERN.search(str(match))]
    western = next((match for match in matches if match.encoding == "cp1252"), None)
    if not matches:
        return "cp1252" if _looks_western(sample) else None
    best = matches[0]
    if _looks_western(sample) and (
        western is None or (western.chaos <= best.chaos and western.coherence >= best.coherence - 0.1)
    ):
        return "cp1252"
    rivals = [match for match in matches[1:] if str(match) != str(best) and _as_good(match, best)]
    if rivals:
        return None
    if best.encoding in _LEGACY_EAST_ASIAN:
        return best.encoding if best.chaos <= 0.05 and sum(byte > 0x7F for byte in sample) >= 20 else None
    return best.encoding if best.coherence >= 0.2 else None


def _as_good(match: CharsetMatch, best: CharsetMatch) -> bool:
    return match.chaos <= best.chaos + 0.02 and match.coherence >= best.coherence - 0.05


def _looks_western(sample: bytes) -> bool:
    if sum(byte > 0x7F for byte in sample) > 0.4 * len(sample):
        return False
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return _WESTERN.fullmatch(text) is not None and _UNLIKELY_WESTERN.search(text) is None


def _decoded(sample: bytes, encoding: str) -> str:
    return codecs.getincrementaldecoder(encoding)("replace").decode(sample)


def _require_text(sample: str, *, controls: float) -> None:
    """Raise unless `sample` is text: at most the share `controls` of control and 2 % of unassigned characters."""
    odd = Counter(
        unicodedata.category(character)
        for character in sample
        if not character.isprintable() and character not in _ORDINARY_CONTROLS
    )
    unassigned = odd["Cn"] + odd["Co"] + odd["Cs"]
    if odd["Cc"] > controls * len(sample) or unassigned > 0.02 * len(sample):
        raise _not_text()


def _not_text() -> InvalidRequest:
    return InvalidRequest(
        "the file is neither valid UTF-8 text nor a format that is read here; if it is text, save it as UTF-8",
        field="file",
    )
