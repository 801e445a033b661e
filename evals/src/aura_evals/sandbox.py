"""An AURA of its own for each run: with an embedded database in a folder that nothing else uses."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex, token_urlsafe

from llama_index.core.base.embeddings.base import BaseEmbedding

from aura import Aura, Settings, Workspace
from aura_evals.suite import Setting


@asynccontextmanager
async def open_sandbox(
    *,
    settings: Mapping[str, Setting] | None = None,
    data_dir: Path | None = None,
    embed_model: BaseEmbedding | None = None,
) -> AsyncGenerator[Aura]:
    """Open AURA on an embedded database of its own; `AURA_DATA_DIR` and `DATABASE_URL` are left alone.

    Args:
        settings: by the names of `aura.Settings`; they go before the environment.
        data_dir: keep the database there; else it lies in a temporary folder and goes with it.
        embed_model: in the place of the one that the settings name.
    """
    folder = data_dir or Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="aura-evals-"))
    try:
        chosen = Settings.load(**{**(settings or {}), "data_dir": folder, "database_url": None})
        async with Aura.open(chosen, embed_model=embed_model, recover=False) as aura:
            yield aura
    finally:
        if data_dir is None:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def new_tenant(aura: Aura) -> Workspace:
    """A tenant for this run alone."""
    return await aura.tenants.create(
        organization_name="AURA evals",
        subdomain=f"evals-{token_hex(6)}",
        admin_email="evals@aura.test",
        password=token_urlsafe(24),
    )
