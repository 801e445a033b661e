"""An AURA of its own for each run: with an embedded database in a folder that nothing else uses."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from secrets import token_hex, token_urlsafe

import msgspec
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM

from aura import Aura, Settings, Workspace
from aura_evals.embedding import cached_model
from aura_evals.model_judge import ModelJudge
from aura_evals.progress import Bars
from aura_evals.result import Model
from aura_evals.suite import Setting, Suite
from aura_evals.timings import Timings
from aura_evals.vectors import VectorCache


class Equipment(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is done with.

    Attributes:
        data_dir: where the database is kept; a temporary folder by default.
        embed_model: in the place of the configured one.
        llm: the model that answers, in the place of the configured one.
        judge: a model that gives a second opinion on citations.
    """

    cache: VectorCache
    bars: Bars
    timings: Timings
    data_dir: Path | None = None
    embed_model: BaseEmbedding | None = None
    llm: LLM | None = None
    judge: ModelJudge | None = None


@asynccontextmanager
async def opened(suite: Suite, equipment: Equipment) -> AsyncGenerator[Aura]:
    """AURA with the suite's settings, and with the cache in front of its embedding model."""
    async with AsyncExitStack() as stack:
        model = equipment.embed_model
        if model is None:
            settings = Settings.load(**dict(suite.settings))
            model = await asyncio.to_thread(cached_model, settings, equipment.cache)
            stack.callback(model.close)
        yield await stack.enter_async_context(
            open_sandbox(settings=suite.settings, data_dir=equipment.data_dir, embed_model=model, llm=equipment.llm)
        )


@asynccontextmanager
async def open_sandbox(
    *,
    settings: Mapping[str, Setting] | None = None,
    data_dir: Path | None = None,
    embed_model: BaseEmbedding | None = None,
    llm: LLM | None = None,
) -> AsyncGenerator[Aura]:
    """Open AURA on an embedded database of its own; `AURA_DATA_DIR` and `DATABASE_URL` are left alone.

    Args:
        settings: by the names of `aura.Settings`; they go before the environment.
        data_dir: keep the database there; else it lies in a temporary folder and goes with it.
        embed_model: in the place of the one that the settings name.
        llm: the same for the model that answers.
    """
    folder = data_dir or Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="aura-evals-"))
    try:
        chosen = Settings.load(**{**(settings or {}), "data_dir": folder, "database_url": None})
        async with Aura.open(chosen, embed_model=embed_model, llm=llm, recover=False) as aura:
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


def model_of(workspace: Workspace) -> Model:
    """The embedding model of a workspace."""
    return Model(name=workspace.embed_model.model_name, sha256=workspace.embed_model.weights_sha256)
