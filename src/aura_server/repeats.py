"""`Idempotency-Key`: a request that is sent again is answered as it was the first time, and its work is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import TypeVar

import msgspec
from litestar.datastructures import UploadFile

from aura.workspace import Workspace

T = TypeVar("T", bound=msgspec.Struct)

_BLOCK = 1024 * 1024


async def once(
    workspace: Workspace, who: str, key: str, request: bytes, work: Callable[[], Awaitable[T]], kind: type[T]
) -> T:
    """What `work` returns, or returned when `who` sent the same request with this key before.

    Args:
        request: a hash of all that makes the request what it is.

    Raises:
        InvalidRequest: the key is no text of a fitting length.
        Conflict: the key was used for another request, or the first one is still being answered.
    """
    repeats = workspace.idempotency
    before = await repeats.claim(who, key, request)
    if before is not None:
        return msgspec.convert(before, kind)
    try:
        answer = await work()
    except BaseException:
        await asyncio.shield(repeats.give_up(who, key))
        raise
    await asyncio.shield(repeats.store(who, key, msgspec.to_builtins(answer)))
    return answer


async def hash_of(files: list[UploadFile], *fields: str | None) -> bytes:
    """A hash of an upload as it was meant: a client that sends it again chooses another boundary for its parts."""
    return await asyncio.to_thread(_hash_of, files, fields)


def _hash_of(files: list[UploadFile], fields: tuple[str | None, ...]) -> bytes:
    parts = [(file.filename, _content_hash(file)) for file in files]
    return sha256(msgspec.json.encode((parts, fields))).digest()


def _content_hash(file: UploadFile) -> str:
    hashed = sha256()
    file.file.seek(0)
    while block := file.file.read(_BLOCK):
        hashed.update(block)
    file.file.seek(0)
    return hashed.hexdigest()
