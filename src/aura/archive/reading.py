"""Reads the ZIP file under an archive, and trusts nothing in it.

Names, sizes and kinds of members are checked before anything is read, their SHA-256 as they are read: whoever uses what
was read must not keep it when a later part raises.
"""

from __future__ import annotations

import asyncio
import io
import os
import stat
import struct
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, TypeVar
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from aura.archive.format import (
    CHUNKS,
    FORMAT,
    MANIFEST,
    MAX_LINE_BYTES,
    MAX_MANIFEST_BYTES,
    ORGANISATION,
    ROWS,
    SINCE,
    VECTORS,
    VERSION,
    Head,
    Manifest,
    Member,
    find_file,
)
from aura.archive.thread import OneThread
from aura.errors import InvalidRequest, Unavailable

R = TypeVar("R", bound=msgspec.Struct)

_BLOCK = 1024 * 1024
_ROWS_AT_ONCE = 64  # so that making statements of them never holds the event loop for long
_BYTES_AT_ONCE = 4 * 1024 * 1024
_ENCRYPTED = 0x1


@asynccontextmanager
async def open_archive(path: Path) -> AsyncGenerator[ArchiveReader]:
    """The archive in `path`, its structure checked; each member's contents are checked as they are read.

    Raises:
        InvalidRequest: it is no archive, of a newer format, or damaged.
    """
    source, thread = _open_file(path), OneThread()
    try:
        with _reading():
            reader = await thread.run(ArchiveReader, source, thread)
        yield reader
    finally:
        await asyncio.shield(thread.run(source.close))
        thread.close()


class ArchiveReader:
    """Reads the members of an archive. Whatever it raises of what is in the file is an `InvalidRequest`."""

    def __init__(self, source: BinaryIO, thread: OneThread) -> None:
        self._thread = thread
        self._zip = ZipFile(source)
        self._infos = _check_members(self._zip, os.fstat(source.fileno()).st_size)
        self.manifest = _read_manifest(self._zip, self._infos)
        """What it says of itself."""

    async def value(self, name: str, kind: type[R]) -> R:
        """A member that is one JSON object."""
        with _reading():
            return await self._thread.run(self._value, name, kind)

    async def rows(self, name: str, kind: type[R]) -> AsyncGenerator[list[R]]:
        """The rows of a member, some dozens at a time."""
        if name not in self.manifest.members:  # the archive is older than this member
            return
        decoder, count = msgspec.json.Decoder(kind), 0
        with _reading():
            stream = await self._thread.run(self._open, name)
        while True:
            with _reading():
                batch = await self._thread.run(_decode, stream, decoder)
            if not batch:
                break
            count += len(batch)
            yield batch
        if count != self.manifest.members[name].rows:
            raise damaged(f"{name} does not have as many rows as the manifest says")

    async def extract(self, name: str, target: Path) -> None:
        """Write a member's contents to a new file."""
        with _reading():
            await self._thread.run(self._extract, name, target)

    async def check(self, name: str) -> None:
        """Read a member for its checksum alone."""
        with _reading():
            await self._thread.run(self._skip, name)

    @asynccontextmanager
    async def vectors(self, dimension: int) -> AsyncGenerator[VectorReader]:
        """The vectors, as many as the body asks for; it must ask for all of them."""
        rows = self.manifest.members[VECTORS].rows or 0
        with _reading():
            vectors = await self._thread.run(VectorReader, self._open(VECTORS), (rows, dimension), self._thread)
        yield vectors
        with _reading():
            await self._thread.run(vectors.finish)

    async def settle(self) -> None:
        """Wait for what a cancelled call may still be doing."""
        await self._thread.run(lambda: None)

    def _open(self, name: str) -> _Checked:
        return _Checked(self._zip, self._infos[name], self.manifest.members[name])

    def _value(self, name: str, kind: type[R]) -> R:
        return msgspec.json.decode(self._open(name).read(self._infos[name].file_size + 1), type=kind)

    def _extract(self, name: str, target: Path) -> None:
        stream = self._open(name)
        with _storing():
            target.parent.mkdir(parents=True, exist_ok=True)
            out = target.open("xb")
        with out:
            while block := stream.read(_BLOCK):
                with _storing():
                    out.write(block)

    def _skip(self, name: str) -> None:
        stream = self._open(name)
        while stream.read(_BLOCK):
            pass


class VectorReader:
    """Reads a `.npy` file of `(n, dimension) float16` front to back."""

    def __init__(self, stream: _Checked, shape: tuple[int, int], thread: OneThread) -> None:
        self._stream = stream
        self._dimension = shape[1]
        self._thread = thread
        if np.lib.format.read_magic(stream) != (1, 0):  # pyright: ignore[reportArgumentType]
            raise damaged(f"{VECTORS} has a header of another version")
        header = np.lib.format.read_array_header_1_0(stream)  # pyright: ignore[reportArgumentType]
        if header != (shape, False, np.dtype("<f2")):
            raise damaged(f"{VECTORS} does not have the vectors that the manifest speaks of")

    async def read(self, count: int) -> NDArray[np.float32]:
        """The next `count` vectors, `(count, dimension) float32`."""
        with _reading():
            return await self._thread.run(self._read, count)

    def finish(self) -> None:
        """Check that there are no more, and that all were as they were written."""
        if self._stream.read(1):
            raise damaged(f"{VECTORS} has more vectors than there are chunks")

    def _read(self, count: int) -> NDArray[np.float32]:
        size = count * self._dimension * 2
        data = self._stream.read(size)
        vectors = np.frombuffer(data, dtype="<f2").astype(np.float32) if len(data) == size else None
        if vectors is None or not np.isfinite(vectors).all():
            raise damaged(f"{VECTORS} ends too early, or holds what is not a number")
        return vectors.reshape(count, self._dimension)


class _Checked:
    """A member's contents; what differs from the manifest raises, at the end at the latest."""

    def __init__(self, archive: ZipFile, info: ZipInfo, member: Member) -> None:
        self._name, self._member = info.filename, member
        self._stream = io.BufferedReader(archive.open(info), _BLOCK)  # pyright: ignore[reportArgumentType]
        self._hash = sha256()
        self._bytes = 0

    def read(self, size: int) -> bytes:
        return self._passed(self._stream.read(size), size)

    def readline(self) -> bytes:
        line = self._stream.readline(MAX_LINE_BYTES)
        if line and not line.endswith(b"\n"):
            raise damaged(f"{self._name} has a line without an end, or of more than {MAX_LINE_BYTES} bytes")
        return self._passed(line, 1)

    def _passed(self, block: bytes, wanted: int) -> bytes:
        self._hash.update(block)
        self._bytes += len(block)
        at_end = len(block) < wanted
        if at_end and (self._bytes, self._hash.hexdigest()) != (self._member.bytes, self._member.sha256):
            raise damaged(f"{self._name} is not what it was when the archive was made (its SHA-256 differs)")
        return block


def damaged(why: str) -> InvalidRequest:
    """The error for an archive that can not be trusted."""
    return InvalidRequest(f"the archive is damaged, or was not made by AURA: {why}", field="archive")


def _decode(stream: _Checked, decoder: msgspec.json.Decoder[R]) -> list[R]:
    rows: list[R] = []
    size = 0
    while len(rows) < _ROWS_AT_ONCE and size < _BYTES_AT_ONCE and (line := stream.readline()):
        rows.append(decoder.decode(line))
        size += len(line)
    return rows


@contextmanager
def _reading() -> Generator[None]:
    """Whatever a file can do to the libraries that read it is the file's fault."""
    try:
        yield
    except (BadZipFile, EOFError, OSError, ValueError, RuntimeError, OverflowError, struct.error) as error:
        raise damaged("its ZIP structure can not be read") from error
    except msgspec.DecodeError as error:
        raise damaged("a row is not what this format's version allows") from error


@contextmanager
def _storing() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"the data directory can not take the archive's files: {error.strerror}") from error


def _open_file(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InvalidRequest(f"can not read {path.name!r}: {error.strerror}", field="archive") from error


def _check_members(archive: ZipFile, size: int) -> dict[str, ZipInfo]:
    """The members by name, once each of them is a plain file that is stored as it is under a name of this format."""
    infos: dict[str, ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename
        if name != info.orig_filename or name in infos or not _is_known(name):
            raise damaged(f"the name {name[:80]!r} is none of this format's, or is there twice")
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG) or info.flag_bits & _ENCRYPTED:
            raise damaged(f"{name} is no plain file")
        if info.compress_type != ZIP_STORED or info.compress_size != info.file_size:
            raise damaged(f"{name} is compressed, and members of an archive are not")
        infos[name] = info
    if sum(info.file_size for info in infos.values()) > size:
        raise damaged("its members are larger than itself")
    return infos


def _is_known(name: str) -> bool:
    return name in {MANIFEST, ORGANISATION, VECTORS} | ROWS or find_file(name) is not None


def _read_manifest(archive: ZipFile, infos: dict[str, ZipInfo]) -> Manifest:
    if MANIFEST not in infos or infos[MANIFEST].file_size > MAX_MANIFEST_BYTES:
        raise damaged(f"it has no {MANIFEST}")
    text = archive.read(MANIFEST)
    head = msgspec.json.decode(text, type=Head)
    if head.format != FORMAT:
        raise damaged(f"its {MANIFEST} speaks of another format")
    if not 1 <= head.version <= VERSION:
        raise InvalidRequest(
            f"the archive has format version {head.version}, and this AURA reads versions up to {VERSION}: use the AURA"
            " that made it, or a newer one",
            field="archive",
        )
    manifest = msgspec.json.decode(text, type=Manifest)
    _check_manifest(manifest, {name: info.file_size for name, info in infos.items() if name != MANIFEST})
    return manifest


def _check_manifest(manifest: Manifest, sizes: dict[str, int]) -> None:
    members, vectors = manifest.members, {VECTORS} if manifest.index else set[str]()
    if {name: member.bytes for name, member in members.items()} != sizes:
        raise damaged("its members are not those of its manifest")
    rows = {name for name in ROWS if SINCE.get(name, 1) <= manifest.version}
    if {ORGANISATION} | rows | vectors != {name for name in members if find_file(name) is None}:
        raise damaged("a member is missing")
    if any(members[name].rows is None for name in rows | vectors):
        raise damaged("its manifest does not count the rows")
    if members[CHUNKS].rows != (members[VECTORS].rows if manifest.index else 0):
        raise damaged("it has not one vector for each chunk")
