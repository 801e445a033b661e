"""Options and arguments that several commands take."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

TenantOption = Annotated[
    str, typer.Option("--tenant", "-t", metavar="SUBDOMAIN", help="The organisation: its sub-domain or id.")
]
TenantArgument = Annotated[str, typer.Argument(metavar="SUBDOMAIN", help="The organisation: its sub-domain or id.")]
UserOption = Annotated[
    str | None,
    typer.Option("--user", "-u", metavar="EMAIL", help="Act as this member, by e-mail address or id."),
]
CollectionOption = Annotated[
    str | None, typer.Option("--collection", "-c", metavar="NAME", help="This collection alone, by name or id.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DocumentArgument = Annotated[UUID, typer.Argument(metavar="ID", help="As `aura documents list` shows it.")]

EVERYWHERE = "Everywhere: --json for programs, --data-dir DIR, --verbose."
"""The epilog of every command."""
