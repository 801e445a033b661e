"""Where a tenant's files lie: paths are made from ids alone, and verified to stay inside."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import msgspec

from aura.documents.parsing.elements import ELEMENTS_FILE, TEXT_FILE
from aura.errors import BackendError, InvalidRequest
from aura.identity import DocumentId, TenantId

Source = Path | str | bytes | BinaryIO | AsyncIterable[bytes]
"""What a document's content can come as: a path, the bytes, or a stream of them."""

_BLOCK = 1024 * 1024
_SCRATCH = "parsing-"


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """Content that has arrived, not yet anybody's document."""

    path: Path
    sha256: str
    size_bytes: int


class Files:
    """The tenants' files below one root folder."""

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        """`root` is made where it is not there: for this user alone, whoever may read the folders above it."""
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._root = root
        self._max_bytes = max_bytes

    async def receive(self, tenant_id: TenantId, source: Source) -> Received:
        """Copy `source` into the tenant's folder, in blocks, counting and hashing as it comes.

        Raises:
            InvalidRequest: it is larger than a file may be, or there is no such file.
        """
        path = self._inside(tenant_id, "incoming", str(uuid4()))
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        try:
            if isinstance(source, AsyncIterable):
                return await self._receive_stream(source, path)
            return await asyncio.to_thread(self._copy, source, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def version_dir(self, tenant_id: TenantId, document_id: DocumentId, version: int) -> Path:
        """The folder of one version: `original`, `text.txt` and `elements.jsonl`."""
        return self._inside(tenant_id, str(document_id), str(version))

    def original(self, tenant_id: TenantId, document_id: DocumentId, version: int) -> Path:
        """The file as it was uploaded."""
        return self.version_dir(tenant_id, document_id, version) / "original"

    async def keep(self, received: Received, tenant_id: TenantId, document_id: DocumentId, version: int) -> None:
        """Make what was received the original of a version."""
        original = self.original(tenant_id, document_id, version)
        await asyncio.to_thread(original.parent.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(received.path.replace, original)

    async def remove_document(self, tenant_id: TenantId, document_id: DocumentId) -> int:
        """Remove a document's folder; how many files it had."""
        return await asyncio.to_thread(_remove, self._inside(tenant_id, str(document_id)))

    async def remove_tenant(self, tenant_id: TenantId) -> int:
        """Remove all of a tenant's files; how many that were."""
        return await asyncio.to_thread(_remove, self._inside(tenant_id))

    def _inside(self, tenant_id: TenantId, *parts: str) -> Path:
        path = self._root.joinpath(str(tenant_id), *parts)
        if not path.resolve().is_relative_to((self._root / str(tenant_id)).resolve()):
            raise BackendError("a file's path left its tenant's folder")
        return path

    def _copy(self, source: Path | str | bytes | BinaryIO, path: Path) -> Received:
        try:
            reader = _open(source)
        except OSError as error:
            raise InvalidRequest(f"can not read {Path(str(source)).name!r}: {error.strerror}") from None
        with reader, path.open("wb") as out:
            counter = _Counter(self._max_bytes)
            while block := reader.read(_BLOCK):
                counter.add(block)
                out.write(block)
        return Received(path=path, sha256=counter.hexdigest(), size_bytes=counter.size)

    async def _receive_stream(self, source: AsyncIterable[bytes], path: Path) -> Received:
        with path.open("wb") as out:
            counter = _Counter(self._max_bytes)
            async for block in source:
                counter.add(block)
                await asyncio.to_thread(out.write, block)
        return Received(path=path, sha256=counter.hexdigest(), size_bytes=counter.size)


class _Counter:
    """Counts and hashes what passes, and stops it where it gets too large."""

    def __init__(self, max_bytes: int) -> None:
        self._hash = sha256()
        self._max_bytes = max_bytes
        self.size = 0

    def add(self, block: bytes) -> None:
        self.size += len(block)
        if self.size > self._max_bytes:
            raise InvalidRequest(
                f"the file is larger than the limit of {self._max_bytes} bytes (AURA_MAX_FILE_BYTES); split it"
            )
        self._hash.update(block)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


@asynccontextmanager
async def scratch_folder(folder: Path) -> AsyncGenerator[Path]:
    """An empty folder in `folder` for one parse, removed with what those before it left.

    A parser process whose parent was killed goes on for a while, and must not write where the next one does.
    """
    await asyncio.to_thread(_remove_scratch, folder)
    scratch = folder / f"{_SCRATCH}{uuid4()}"
    await asyncio.to_thread(scratch.mkdir)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)  # two files; a cancelled task could not wait for a thread


def move_text(scratch: Path, folder: Path) -> None:
    """Put what a parse wrote in the place of what is there. Blocks."""
    for name in (TEXT_FILE, ELEMENTS_FILE):
        (scratch / name).replace(folder / name)


def _remove_scratch(folder: Path) -> None:
    for path in folder.glob(f"{_SCRATCH}*"):
        shutil.rmtree(path, ignore_errors=True)


def _open(source: Path | str | bytes | BinaryIO) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if isinstance(source, Path | str):
        return Path(source).open("rb")
    return source


def _remove(folder: Path) -> int:
    count = sum(1 for path in folder.rglob("*") if path.is_file())
    shutil.rmtree(folder, ignore_errors=True)
    return count
