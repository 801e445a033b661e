"""Writes the ZIP file under an archive, front to back in blocks, each member counted and hashed as it passes.

Members are stored, not compressed. So an archive can not become more than it is when it is read, and a few checks of
sizes take the place of every defence against zip bombs. Whoever wants it small compresses the whole file.
"""

from __future__ import annotations

import asyncio
import io
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, ParamSpec, TypeVar
from uuid import uuid4
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import msgspec
import numpy as np

from aura.archive.format import MAX_LINE_BYTES, Member
from aura.archive.thread import OneThread
from aura.errors import BackendError, InvalidRequest

P = ParamSpec("P")
T = TypeVar("T")

_BLOCK = 1024 * 1024


@asynccontextmanager
async def create_archive(target: Path) -> AsyncGenerator[ArchiveWriter]:
    """A new archive that takes the place of `target` when the body is done, and leaves nothing behind when it fails.

    Raises:
        InvalidRequest: it can not be written there.
    """
    with _writing(target):
        writer = ArchiveWriter(target)
    try:
        yield writer
        await writer.finish()
    finally:
        await asyncio.shield(writer.discard())


class ArchiveWriter:
    """Writes the members of an archive, one at a time, beside where it will stand."""

    def __init__(self, target: Path) -> None:
        self.members: dict[str, Member] = {}
        """What is written so far."""
        self._target = target
        self._part = target.with_name(f".{target.name}.{uuid4().hex[:8]}.part")
        descriptor = os.open(
            self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600
        )  # it holds everything of everybody
        self._out = os.fdopen(descriptor, "wb")
        self._zip = ZipFile(self._out, "w", ZIP_STORED, allowZip64=True)
        self._thread = OneThread()

    async def add(self, name: str, blocks: AsyncIterable[bytes], *, rows: int | None = None) -> None:
        """Write a member from `blocks`."""
        member = await self._run(self._open, name)
        try:
            async for block in blocks:
                await self._run(member.write, block)
        finally:
            await asyncio.shield(self._run(member.close))
        self.members[name] = member.described(rows)

    async def add_rows(self, name: str, pages: AsyncIterable[Sequence[msgspec.Struct]]) -> int:
        """Write a member of one JSON object a line; how many that were."""
        count = 0

        async def blocks() -> AsyncGenerator[bytes]:
            nonlocal count
            async for page in pages:
                count += len(page)
                yield await self._run(_encode, page)

        await self.add(name, blocks())
        self.members[name] = msgspec.structs.replace(self.members[name], rows=count)
        return count

    async def add_file(self, name: str, source: Path) -> bool:
        """Write a member from a file; False where there is no such file."""
        member = await self._run(self._copy, name, source)
        if member is not None:
            self.members[name] = member
        return member is not None

    async def add_value(self, name: str, value: msgspec.Struct) -> None:
        """Write a member that is one JSON object."""

        async def block() -> AsyncGenerator[bytes]:
            yield msgspec.json.format(msgspec.json.encode(value), indent=1)

        await self.add(name, block())

    async def finish(self) -> None:
        """Close the archive and give it its name."""
        await self._run(self._finish)

    async def discard(self) -> None:
        """Remove what is written, unless it is finished."""
        await self._run(self._discard)
        self._thread.close()

    async def _run(self, call: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        with _writing(self._target):
            return await self._thread.run(call, *args, **options)

    def _finish(self) -> None:
        self._zip.close()
        self._out.flush()
        os.fsync(self._out.fileno())
        self._out.close()
        self._part.replace(self._target)

    def _discard(self) -> None:
        with suppress(OSError):  # such as the full disk that brought us here
            self._zip.close()
        with suppress(OSError):
            self._out.close()
        self._part.unlink(missing_ok=True)

    def _open(self, name: str) -> _MemberWriter:
        info = ZipInfo(name)  # with ZIP's earliest date: the same contents make the same bytes
        info.external_attr = (stat.S_IFREG | 0o600) << 16
        return _MemberWriter(self._zip.open(info, "w", force_zip64=True))

    def _copy(self, name: str, source: Path) -> Member | None:
        try:
            reader = source.open("rb")
        except FileNotFoundError:
            return None
        with reader:
            member = self._open(name)
            try:
                while block := reader.read(_BLOCK):
                    member.write(block)
            finally:
                member.close()
        return member.described(None)


class _MemberWriter:
    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._hash = sha256()
        self._bytes = 0

    def write(self, block: bytes) -> None:
        self._out.write(block)
        self._hash.update(block)
        self._bytes += len(block)

    def close(self) -> None:
        self._out.close()

    def described(self, rows: int | None) -> Member:
        return Member(bytes=self._bytes, sha256=self._hash.hexdigest(), rows=rows)


def _encode(page: Sequence[msgspec.Struct]) -> bytes:
    lines = [msgspec.json.encode(row) + b"\n" for row in page]
    if any(len(line) > MAX_LINE_BYTES for line in lines):
        raise BackendError(f"a row takes more than {MAX_LINE_BYTES} bytes, and an archive holds no such row")
    return b"".join(lines)


@contextmanager
def _writing(target: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidRequest(f"can not write the archive {target.name!r}: {error.strerror}", field="target") from error


def vectors_header(count: int, dimension: int) -> bytes:
    """How a `.npy` file of `(count, dimension) float16` begins. Source: NumPy's NEP 1, version 1.0."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f2", "fortran_order": False, "shape": (count, dimension)})
    return header.getvalue()
