"""`aura export` and `aura import`: one organisation as one portable file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aura.cli.context import invocation
from aura.cli.finding import find_workspace
from aura.cli.options import TenantOption
from aura.cli.output import facts
from aura.errors import NotFound

if TYPE_CHECKING:
    from aura.platform import Aura
    from aura.tenants.values import Organisation


def export(
    ctx: typer.Context,
    tenant: TenantOption,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write.")],
) -> None:
    """Write all that an organisation has into one portable archive."""
    call = invocation(ctx)
    if not file.absolute().parent.is_dir():
        raise NotFound(f"there is no folder {str(file.absolute().parent)!r} to write the archive into")

    async def work(aura: Aura) -> Path:
        workspace = await find_workspace(aura, tenant)
        with call.output.notes.status("exporting …"):
            return await workspace.export(file)

    written = call.run(work, interrupted="There is no archive.")
    size = written.stat().st_size
    call.output.result(
        {"file": str(written), "size_bytes": size},
        lambda: facts([("file", written), ("size", f"{size / 1024**2:,.1f} MB")]),
    )


def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive that `aura export` wrote.")],
    subdomain: Annotated[
        str | None, typer.Option("--subdomain", metavar="SUBDOMAIN", help="The new sub-domain; else as it was.")
    ] = None,
) -> None:
    """Make an organisation from an archive."""
    call = invocation(ctx)
    if not file.is_file():
        raise NotFound(f"there is no file {str(file)!r}")

    async def work(aura: Aura) -> Organisation:
        with call.output.notes.status("importing …"):
            return (await aura.tenants.restore(file, subdomain=subdomain)).organisation

    made = call.run(work, warm=False)
    call.output.result(
        {"organisation": made},
        lambda: facts([("sub-domain", made.subdomain), ("name", made.organization_name), ("id", made.id)]),
    )
