"""Which files are meant by what a caller names: a file, a folder, several of these, bytes, or a stream."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from aura.documents.files import Source
from aura.documents.formats import safe_filename
from aura.errors import InvalidRequest

_HIDDEN: Final = (".", "~$")
_SHOWN: Final = 200
"""Characters of a path that a message shows."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file, and the name that it is shown and stored by."""

    source: Source
    filename: str


def files_of(source: Source | Sequence[Path | str], filename: str | None) -> Iterator[File]:
    """The files of a call, lazily. A missing path is found out before anything is stored.

    Raises:
        InvalidRequest: there is no such path, or bytes and streams come without a name.
    """
    paths = _paths(source)
    if paths is None:
        if filename is None:
            raise InvalidRequest(
                "bytes and streams need a filename: ingest(data, filename='handbook.pdf')", field="filename"
            )
        return iter([File(source=source, filename=display_name(filename))])  # pyright: ignore[reportArgumentType]
    for path in paths:
        if not _exists(path):
            raise InvalidRequest(f"there is no file or folder {str(path)[:_SHOWN]!r}", field="source")
    return (file for path in paths for file in _below(path, filename))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for the system, or with a NUL in it
        return False


def _below(path: Path, filename: str | None) -> Iterator[File]:
    """The files of a path: itself, or all below the folder that it is. Links that lead out of the folder are passed over."""
    if not path.is_dir():
        yield File(source=path, filename=display_name(filename or path.name))
        return
    folder = path.resolve()
    for file in sorted(path.rglob("*")):
        relative = file.relative_to(path)
        if any(part.startswith(_HIDDEN) for part in relative.parts) or not file.is_file():
            continue
        if file.resolve().is_relative_to(folder):
            yield File(source=file, filename=display_name(relative.as_posix()))


def count(source: Source | Sequence[Path | str]) -> int:
    """How many files that are. Cost: one walk through the folders."""
    paths = _paths(source)
    return 1 if paths is None else sum(1 for path in paths for _ in _below(path, None))


def _paths(source: Source | Sequence[Path | str]) -> list[Path] | None:
    if isinstance(source, str | Path):
        return [Path(source)]
    if isinstance(source, bytes | AsyncIterable | BinaryIO) or hasattr(source, "read"):
        return None
    return [Path(path) for path in source]  # pyright: ignore[reportUnknownVariableType, reportGeneralTypeIssues]


def display_name(filename: str) -> str:
    """The name that a file is shown and stored by: every part of its path made harmless, `..` and roots gone."""
    parts = [part for part in filename.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(safe_filename(part) for part in parts) or safe_filename(filename)
