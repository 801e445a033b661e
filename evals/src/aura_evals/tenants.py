"""The organisations of a dataset, each a tenant of its own in one database, with its documents in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from hashlib import sha256
from secrets import token_urlsafe

from aura import Aura, NotFound, Workspace
from aura_evals.errors import BadInput
from aura_evals.golden import GoldenSet
from aura_evals.progress import Bars


async def ingested(aura: Aura, dataset: GoldenSet, bars: Bars) -> dict[str, Workspace]:
    """Organisation → its workspace, with all its documents ready.

    A database that an earlier run has left (`--data-dir`) is taken up where it stopped: what is there is not read again.

    Raises:
        BadInput: AURA could not use a document.
    """
    workspaces: dict[str, Workspace] = {}
    total = sum(len(dataset.documents(organisation)) for organisation in dataset.organisations)
    bar = bars.bar("reading documents", total)
    for organisation in dataset.organisations:
        workspaces[organisation] = workspace = await _workspace(aura, dataset, organisation)
        async with aclosing(_failures(workspace, dataset, organisation, bar.advance)) as failures:
            async for failure in failures:
                raise BadInput(failure, path=dataset.path)
    return workspaces


async def _failures(
    workspace: Workspace, dataset: GoldenSet, organisation: str, advance: Callable[[], None]
) -> AsyncGenerator[str]:
    async with aclosing(workspace.documents.ingest(dataset.documents(organisation))) as progress:
        async for step in progress:
            if step.stage.final:
                advance()
            if step.stage.final and step.reason is not None:
                yield f"{organisation}/{step.filename}: {step.reason}"


async def _workspace(aura: Aura, dataset: GoldenSet, organisation: str) -> Workspace:
    """The tenant of an organisation; another content of the dataset is another tenant."""
    subdomain = f"evals-{sha256(f'{dataset.path.resolve()}/{organisation}'.encode()).hexdigest()[:16]}"
    try:
        return await aura.workspace(subdomain)
    except NotFound:
        return await aura.tenants.create(
            organization_name=organisation,
            subdomain=subdomain,
            admin_email="evals@aura.test",
            password=token_urlsafe(24),
        )
