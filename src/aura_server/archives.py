"""An organisation as one file: out of a workspace as a stream, and from an upload into a new organisation."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from aura.platform import Aura
from aura.tenants.values import Tier
from aura.workspace import Workspace

_BLOCK = 1024 * 1024


async def exported(workspace: Workspace) -> tuple[str, AsyncGenerator[bytes]]:
    """The name and the blocks of an archive of the organisation. No folder names the file any more when this returns.

    Raises:
        Denied: not an admin.
    """
    async with _folder() as folder:
        path = await workspace.export(folder)
        file = await asyncio.to_thread(path.open, "rb")
    return path.name, _blocks(file)


async def imported(aura: Aura, archive: BinaryIO, subdomain: str | None) -> Workspace:
    """A new organisation from an archive, with the plan of a new one: what an archive says of its plan, its writer chose.

    Raises:
        InvalidRequest, Conflict: as `aura.tenants.restore`.
    """
    async with _folder() as folder:
        path = folder / "uploaded.zip"
        await asyncio.to_thread(_copy, archive, path)
        return await aura.tenants.restore(path, subdomain=subdomain, tier=Tier.STANDARD)


@asynccontextmanager
async def _folder() -> AsyncGenerator[Path]:
    """A folder for this user alone, removed with what is in it."""
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="aura-archive-"))
    try:
        yield folder
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


async def _blocks(file: BinaryIO) -> AsyncGenerator[bytes]:
    with file:
        while block := await asyncio.to_thread(file.read, _BLOCK):
            yield block


def _copy(source: BinaryIO, path: Path) -> None:
    with path.open("wb") as target:
        shutil.copyfileobj(source, target, _BLOCK)
