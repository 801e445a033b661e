"""What a file really is, and whether it may be parsed at all. Files that lie about it are refused here."""

from __future__ import annotations

import re
import unicodedata
import zipfile
from enum import StrEnum
from pathlib import Path

from aura.documents.parsing.encoding import text_encoding
from aura.documents.parsing.values import LARGEST_TEXT, has_records
from aura.errors import InvalidRequest

MAX_EXPANDED_BYTES = 1024**3
MAX_EXPANSION_RATIO = 200
MAX_ARCHIVE_MEMBERS = 20_000
_RATIO_MATTERS_FROM = 16 * 1024**2
_HEAD_BYTES = 4096
_LONGEST_NAME = 200


class Format(StrEnum):
    """A format that can be parsed."""

    PDF = "pdf"
    DOCX = "docx"
    PPTX = "pptx"
    XLSX = "xlsx"
    TXT = "txt"
    MD = "md"
    JSON = "json"
    HTML = "html"
    CSV = "csv"
    EML = "eml"

    @property
    def media_type(self) -> str:
        """The format's media type, as in `Content-Type`."""
        return _MEDIA_TYPES[self]


_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_MEDIA_TYPES = {
    Format.PDF: "application/pdf",
    Format.DOCX: f"{_OPEN_XML}.wordprocessingml.document",
    Format.PPTX: f"{_OPEN_XML}.presentationml.presentation",
    Format.XLSX: f"{_OPEN_XML}.spreadsheetml.sheet",
    Format.TXT: "text/plain",
    Format.MD: "text/markdown",
    Format.JSON: "application/json",
    Format.HTML: "text/html",
    Format.CSV: "text/csv",
    Format.EML: "message/rfc822",
}
_BY_EXTENSION = {
    **{format.value: format for format in Format},
    "docm": Format.DOCX,
    "pptm": Format.PPTX,
    "xlsm": Format.XLSX,
    "text": Format.TXT,
    "markdown": Format.MD,
    "jsonl": Format.JSON,
    "ndjson": Format.JSON,
    "htm": Format.HTML,
    "xhtml": Format.HTML,
    "tsv": Format.CSV,
}
_BINARY = {Format.PDF, Format.DOCX, Format.PPTX, Format.XLSX}
_MAIN_PARTS = {"word/": Format.DOCX, "ppt/": Format.PPTX, "xl/": Format.XLSX}
_SUPPORTED = ", ".join(format.value.upper() for format in Format)

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FOREIGN = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an XZ archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"OggS", "a sound file"),
    (b"ID3", "a sound file"),
    (b"RIFF", "a sound, video or WebP file"),
    (b"{\\rtf", "an RTF document"),
    (b"%!PS", "a PostScript document"),
    (b"SQLite format 3", "a database"),
)
_FOREIGN_EXTENSIONS = {
    *("png", "jpg", "jpeg", "gif", "tif", "tiff", "bmp", "webp", "heic", "zip", "gz", "7z", "rar", "tar", "exe"),
    *("dll", "so", "doc", "xls", "ppt", "rtf", "odt", "ods", "odp", "epub", "mp3", "wav", "ogg", "flac", "mp4"),
    *("mov", "avi", "mkv", "webm", "sqlite", "db"),
}
_HTML_START = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_MAIL_HEADER = re.compile(rb"(?:From |[!-9;-~]+:)")


def sniff(path: Path, filename: str, *, max_bytes: int | None = None) -> Format:
    """The format of a file, told by its content first and its name second.

    Args:
        max_bytes: a larger file is refused before it is read.

    Raises:
        InvalidRequest: it is empty, too large, mislabelled, encrypted, a zip bomb, or of a kind that is not read.

    Cost: reads a text file once, of others only the beginning and an archive's directory. Blocks.
    """
    size = path.stat().st_size
    if size == 0:
        raise _refused("the file is empty (0 bytes); upload it again, or leave it out")
    if max_bytes is not None and size > max_bytes:
        raise _refused(f"the file has {size} bytes, more than the limit of {max_bytes}; split it and try again")
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    extension = Path(filename).suffix.lower().removeprefix(".")
    found = _binary_format(path, head, size, extension)
    claimed = _BY_EXTENSION.get(extension)
    if found is None:
        return _text_format(path, head, extension, claimed)
    if claimed not in (None, found) or extension in _FOREIGN_EXTENSIONS:
        raise _mislabelled(extension, f"a {found.value.upper()} document")
    return found


def safe_filename(name: str) -> str:
    """A name to show and store: no folders, no control characters, not `..`, at most 200 characters, never empty."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(character for character in name if unicodedata.category(character)[0] != "C")
    name = " ".join(name.split()).strip(" .") or "document"
    stem, suffix = Path(name).stem, Path(name).suffix[:20]
    return stem[: _LONGEST_NAME - len(suffix)] + suffix


def _binary_format(path: Path, head: bytes, size: int, extension: str) -> Format | None:
    """The format of a file that is not text; None for text."""
    if head.lstrip().startswith(b"%PDF-") or (extension == "pdf" and b"%PDF-" in head[:1024]):
        return Format.PDF
    if head.startswith(b"PK\x03\x04"):
        return _archive_format(path, size)
    if head.startswith(_OLE):
        raise _refused(_about_ole(path))
    for magic, name in _FOREIGN:
        # A magic number that is also a word needs more evidence: a text may well begin with "MZ" or "ID3".
        if head.startswith(magic) and (not magic.isalnum() or b"\0" in head):
            raise _refused(f"the file is {name}, which is not read; supported are {_SUPPORTED}")
    return None


def _about_ole(path: Path) -> str:
    """Encrypted Office documents and those from before 2007 share one container."""
    with path.open("rb") as file:
        while block := file.read(1024 * 1024):
            if "EncryptedPackage".encode("utf-16-le") in block:
                return "the document is encrypted; save it without a password and try again"
    return "the document is in an Office format from before 2007; save it as .docx, .pptx or .xlsx and try again"


def _archive_format(path: Path, size: int) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise _refused("the file is a damaged archive; open it, save it again, and try once more") from error
    # What an archive declares is what can come out of it: zipfile stops a member at its declared size.
    expanded = sum(member.file_size for member in members)
    if (
        len(members) > MAX_ARCHIVE_MEMBERS
        or expanded > MAX_EXPANDED_BYTES
        or (expanded > _RATIO_MATTERS_FROM and expanded > MAX_EXPANSION_RATIO * size)
    ):
        raise _refused(
            f"the file would expand from {size} to {expanded} bytes in {len(members)} parts, as a zip bomb does;"
            " it is not opened"
        )
    if any(member.flag_bits & 0x1 for member in members):
        raise _refused("the archive is encrypted; save it without a password and try again")
    names = {member.filename for member in members}
    if "[Content_Types].xml" in names:
        for prefix, format in _MAIN_PARTS.items():
            if any(name.startswith(prefix) for name in names):
                return format
    raise _refused(f"the file is a zip archive; unpack it and upload what is in it ({_SUPPORTED})")


def _text_format(path: Path, head: bytes, extension: str, claimed: Format | None) -> Format:
    is_mail = claimed is Format.EML
    encoding = "" if is_mail else text_encoding(path)
    if claimed in _BINARY or extension in _FOREIGN_EXTENSIONS:
        raise _mislabelled(extension, "text")
    if is_mail:
        if not _MAIL_HEADER.match(head.lstrip()):
            raise _refused("the file is named .eml but has no mail headers; rename it .txt if it is text")
        return Format.EML
    if claimed is Format.JSON:
        _refuse_large_json(path, encoding)
    if claimed in (None, Format.TXT) and _HTML_START.match(head):
        return Format.HTML
    return claimed or Format.TXT


def _refuse_large_json(path: Path, encoding: str) -> None:
    size = path.stat().st_size
    if size > LARGEST_TEXT and not has_records(path, encoding):
        raise _refused(
            f"the JSON has {size} bytes in one piece, more than the limit of {LARGEST_TEXT};"
            " split it, or save it as JSON Lines (one record a line)"
        )


def _mislabelled(extension: str, what: str) -> InvalidRequest:
    return _refused(f"the file is named .{extension}, but it is {what}; name it after what it is and try again")


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, field="file")
