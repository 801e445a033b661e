"""`aura db`: the schema, the safety and the backup of the database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from aura.cli.context import invocation
from aura.cli.options import EVERYWHERE
from aura.cli.output import Output, facts, printable
from aura.errors import InvalidRequest

if TYPE_CHECKING:
    from aura.database.backup import Manifest
    from aura.database.check import Check

app = typer.Typer(help="Upgrade, check, back up and restore the database.", no_args_is_help=True)


@app.command("upgrade", epilog=EVERYWHERE)
def upgrade(ctx: typer.Context) -> None:
    """Bring the schema to this version of AURA. The embedded database does so by itself."""
    from aura.database import check

    call = invocation(ctx)
    settings = call.settings()
    with call.interruptible():
        done = asyncio.run(check.upgrade(settings))
    call.output.result(done, lambda: facts([("was at", done.before or "nothing"), ("is at", done.after)]))


@app.command("check", epilog=EVERYWHERE)
def check(
    ctx: typer.Context,
    statements: Annotated[
        bool, typer.Option("--statements", help="Only show what an administrator runs once on a new database.")
    ] = False,
) -> None:
    """Look whether the database is fit and keeps tenants apart; shows the statements that repair it."""
    from aura.database import check as database_check

    call = invocation(ctx)
    if statements:
        _show_statements(call.output)
        return
    try:
        settings = call.settings()
    except InvalidRequest as error:
        if error.field == "settings" and not call.output.json:  # roles lack an address: there may be no roles yet
            _show_statements(call.output)
        raise
    with call.interruptible():
        checks = asyncio.run(database_check.report(settings))
    passed = all(found.passed for found in checks)
    call.output.result({"passed": passed, "checks": checks}, lambda: Group(*map(_line, checks)))
    if not passed:
        raise typer.Exit(1)


@app.command("backup", epilog=EVERYWHERE)
def backup(
    ctx: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup to write.")]
) -> None:
    """Write the whole platform into one file: the embedded database, the tenants' files and the secrets."""
    from aura.database import backup

    call = invocation(ctx)
    settings = call.settings()
    with call.interruptible("There is no backup."), call.output.notes.status("backing up …"):
        manifest = backup.backup(settings, file)
    _show_manifest(call.output, file, manifest)


@app.command("restore", epilog=EVERYWHERE)
def restore(
    ctx: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE", help="What `aura db backup` wrote.")]
) -> None:
    """Bring a backup back, into a data directory that is empty."""
    from aura.database import backup

    call = invocation(ctx)
    settings = call.settings()
    with call.interruptible("Nothing was restored."), call.output.notes.status("restoring …"):
        manifest = backup.restore(settings, file)
    _show_manifest(call.output, file, manifest)


def _line(check: Check) -> RenderableType:
    mark = Text("✓ ", style="green") if check.passed else Text("✗ ", style="bold red")
    line = Text.assemble(mark, (check.subject, "bold"), f"  {printable(check.detail)}")
    return Group(line, *(Text(f"    {printable(statement)}", style="cyan") for statement in check.repair))


def _show_statements(output: Output) -> None:
    """What an administrator fills in and runs; it goes to stdout, to be piped into a file."""
    from aura.database import security

    statements = security.bootstrap("aura", {})
    output.result({"statements": statements}, lambda: Text("\n".join(f"{statement};" for statement in statements)))


def _show_manifest(output: Output, file: Path, manifest: Manifest) -> None:
    size, files = file.stat().st_size, len(manifest.members)
    value = {
        "file": str(file),
        "size_bytes": size,
        "files": files,
        "revision": manifest.revision,
        "created_at": manifest.created_at,
    }
    output.result(
        value,
        lambda: facts(
            [
                ("file", file),
                ("size", f"{size / 1024**2:,.1f} MB, {files:,} files"),
                ("revision", manifest.revision),
                ("made", f"{manifest.created_at:%Y-%m-%d %H:%M} UTC by AURA {manifest.aura}"),
            ]
        ),
    )
