"""`aura user`: the members of an organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from aura.cli.context import invocation
from aura.cli.finding import every, find_workspace
from aura.cli.options import EVERYWHERE, TenantOption
from aura.cli.output import Listing, facts
from aura.cli.passwords import GenerateOption, StdinOption, new_password

if TYPE_CHECKING:
    from aura.platform import Aura
    from aura.tenants.values import User

app = typer.Typer(help="Add and list the members of an organisation.", no_args_is_help=True)


@app.command("add", epilog=EVERYWHERE)
def add(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
    tenant: TenantOption,
    role: Annotated[str, typer.Option("--role", help="admin, manager or user.")] = "user",
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="The member's name.")] = "",
    password_stdin: StdinOption = False,
    generate_password: GenerateOption = False,
) -> None:
    """Add a member. The password is asked for, or read from AURA_PASSWORD."""
    call = invocation(ctx)
    password = new_password(from_stdin=password_stdin, generate=generate_password)

    async def work(aura: Aura) -> User:
        workspace = await find_workspace(aura, tenant)
        return await workspace.users.add(email=email, password=password.value, role=role, name=name)

    made = call.run(work)
    value: dict[str, object] = {"user": made}
    if password.shown is not None:
        value["password"] = password.shown
    call.output.result(value, lambda: _facts(made, password.shown))


@app.command("list", epilog=EVERYWHERE)
def list_all(ctx: typer.Context, tenant: TenantOption) -> None:
    """List the members of an organisation."""
    call = invocation(ctx)

    async def work(aura: Aura) -> list[User]:
        workspace = await find_workspace(aura, tenant)
        return await every(lambda cursor: workspace.users.list(cursor=cursor))

    found = call.run(work)
    rows = [(u.email, u.role, u.name, "active" if u.is_active else "switched off", u.id) for u in found]
    call.output.result(
        {"items": found}, lambda: Listing(["E-mail", "Role", "Name", "State", "Id"], rows, unbroken=["Id"])
    )


def _facts(user: User, password: str | None) -> Table:
    return facts(
        [
            ("e-mail", user.email),
            ("role", user.role),
            ("name", user.name or None),
            ("id", user.id),
            ("password", None if password is None else f"{password}   (shown this once)"),
        ]
    )
