"""`aura tenant`: the organisations of the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.table import Table

from aura.cli.asking import confirm
from aura.cli.context import invocation
from aura.cli.finding import every, find_organisation, find_workspace
from aura.cli.options import EVERYWHERE, TenantArgument, YesOption
from aura.cli.output import Listing, Output, facts
from aura.cli.passwords import GenerateOption, NewPassword, StdinOption, new_password
from aura.cli.receipts import receipt_table
from aura.errors import Denied

if TYPE_CHECKING:
    from aura.documents.values import Receipt
    from aura.index.generations import Generation
    from aura.platform import Aura
    from aura.tenants.values import Organisation, PlanChanges
    from aura.workspace import Workspace

app = typer.Typer(help="Make, list, show, delete and re-index organisations.", no_args_is_help=True)

_Limit = Annotated[int | None, typer.Option(min=0, help="In the place of the plan's own limit.", show_default=False)]


@app.command("create", epilog=EVERYWHERE)
def create(
    ctx: typer.Context,
    subdomain: Annotated[str, typer.Argument(metavar="SUBDOMAIN", help="A short name, such as acme.")],
    admin_email: Annotated[str, typer.Option("--admin-email", metavar="EMAIL", help="The first admin's address.")],
    organization_name: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="The organisation's name; the sub-domain if not given.")
    ] = None,
    admin_name: Annotated[str, typer.Option("--admin-name", metavar="TEXT", help="The first admin's name.")] = "",
    tier: Annotated[str, typer.Option("--tier", help="The plan: standard, premium or enterprise.")] = "standard",
    max_users: _Limit = None,
    max_storage_gb: _Limit = None,
    max_api_calls_monthly: _Limit = None,
    max_voice_sessions: _Limit = None,
    max_voice_minutes_monthly: _Limit = None,
    password_stdin: StdinOption = False,
    generate_password: GenerateOption = False,
) -> None:
    """Make an organisation with its first admin. The password is asked for, or read from AURA_PASSWORD."""
    call = invocation(ctx)
    password = new_password(from_stdin=password_stdin, generate=generate_password)

    async def work(aura: Aura) -> Organisation:
        workspace = await aura.tenants.create(
            organization_name=organization_name or subdomain,
            subdomain=subdomain,
            admin_email=admin_email,
            password=password.value,
            name=admin_name,
            subscription_tier=tier,
            plan=_plan(
                max_users=max_users,
                max_storage_gb=max_storage_gb,
                max_api_calls_monthly=max_api_calls_monthly,
                max_voice_sessions=max_voice_sessions,
                max_voice_minutes_monthly=max_voice_minutes_monthly,
            ),
        )
        return workspace.organisation

    made = call.run(work)
    _show(call.output, made, password)


@app.command("list", epilog=EVERYWHERE)
def list_all(ctx: typer.Context) -> None:
    """List the organisations."""
    call = invocation(ctx)

    async def work(aura: Aura) -> list[Organisation]:
        return await every(lambda cursor: aura.tenants.list(cursor=cursor))

    found = call.run(work)
    rows = [
        (o.subdomain, o.organization_name, o.subscription_tier, _state(o), f"{o.created_at:%Y-%m-%d}") for o in found
    ]
    columns = ["Sub-domain", "Name", "Plan", "State", "Since"]
    call.output.result(
        {"items": found}, lambda: Listing(columns, rows, empty="There is no organisation yet: `aura tenant create`")
    )


@app.command("show", epilog=EVERYWHERE)
def show(ctx: typer.Context, tenant: TenantArgument) -> None:
    """Show an organisation: its plan, and what is used of it."""
    call = invocation(ctx)

    async def work(aura: Aura) -> tuple[Organisation, _Use | None]:
        organisation = await find_organisation(aura, tenant)
        try:
            workspace = await aura.workspace(organisation)
        except Denied:  # it was switched off, and there is nothing more to see
            return organisation, None
        return organisation, await _use(workspace)

    organisation, use = call.run(work)
    call.output.result({"organisation": organisation, "use": use}, lambda: _facts(organisation, use))


@app.command("delete", epilog=EVERYWHERE)
def delete(ctx: typer.Context, tenant: TenantArgument, yes: YesOption = False) -> None:
    """Erase an organisation with everything it has, for good; shows what was removed."""
    call = invocation(ctx)

    async def work(aura: Aura) -> Receipt:
        organisation = await find_organisation(aura, tenant)
        confirm(
            f"Erase {organisation.organization_name!r} ({organisation.subdomain}) with all its documents, users and"
            " conversations, for good?",
            yes=yes,
        )
        return await aura.tenants.erase(organisation.id)

    receipt = call.run(work)
    call.output.result({"receipt": receipt}, lambda: receipt_table(receipt))


@app.command("reindex", epilog=EVERYWHERE)
def reindex(
    ctx: typer.Context,
    tenant: TenantArgument,
    dedicated: Annotated[
        bool | None,
        typer.Option("--dedicated/--shared", help="A table of its own, or the shared one. [default: by its size]"),
    ] = None,
) -> None:
    """Build an organisation's index anew, as after a change of AURA_EMBED_MODEL; the old one answers meanwhile."""
    call = invocation(ctx)

    async def work(aura: Aura) -> Generation | None:
        workspace = await find_workspace(aura, tenant)
        with call.output.notes.status("building the index …"):
            return await workspace.reindex(dedicated=dedicated)

    made = call.run(work, warm=True, interrupted="The index that was there goes on answering.")
    call.output.result({"generation": made}, lambda: _generation_facts(made))


class _Use(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation has taken of its plan."""

    users: int
    used_bytes: int
    collections: list[str]


async def _use(workspace: Workspace) -> _Use:
    users = await every(lambda cursor: workspace.users.list(cursor=cursor))
    collections = await every(lambda cursor: workspace.collections.list(cursor=cursor))
    storage = await workspace.storage.use()
    return _Use(users=len(users), used_bytes=storage.used_bytes, collections=[c.name for c in collections])


def _plan(**limits: int | None) -> PlanChanges:
    from aura.tenants.values import PlanChanges

    return msgspec.convert({name: limit for name, limit in limits.items() if limit is not None}, PlanChanges)


def _show(output: Output, organisation: Organisation, password: NewPassword) -> None:
    value: dict[str, object] = {"organisation": organisation}
    if password.shown is not None:
        value["password"] = password.shown
    output.result(value, lambda: _facts(organisation, password=password.shown))


def _facts(organisation: Organisation, use: _Use | None = None, *, password: str | None = None) -> Table:
    limits, voice = organisation.limits, organisation.voice_limits
    return facts(
        [
            ("sub-domain", organisation.subdomain),
            ("name", organisation.organization_name),
            ("id", organisation.id),
            ("admin", organisation.admin_email),
            ("password", None if password is None else f"{password}   (shown this once)"),
            ("plan", organisation.subscription_tier),
            ("state", _state(organisation)),
            ("since", f"{organisation.created_at:%Y-%m-%d %H:%M} UTC"),
            ("until", None if organisation.expires_at is None else f"{organisation.expires_at:%Y-%m-%d %H:%M} UTC"),
            ("users", f"{f'{use.users} of ' if use else ''}{limits.max_users:,}"),
            ("storage", f"{f'{use.used_bytes / 1024**2:,.1f} MB of ' if use else ''}{limits.max_storage_gb:,} GB"),
            ("calls a month", f"{limits.max_api_calls_monthly:,}"),
            ("voice", f"{voice.max_sessions:,} at once, {voice.max_minutes_monthly:,} minutes a month"),
            ("collections", ", ".join(use.collections) if use else None),
        ]
    )


def _state(organisation: Organisation) -> str:
    return "active" if organisation.is_active else "switched off"


def _generation_facts(generation: Generation | None) -> Table:
    if generation is None:
        return facts([("index", "there is nothing to index yet")])
    place = "a table of its own" if generation.dedicated else "the shared table"
    return facts([("model", generation.model), ("dimension", generation.dimension), ("index", place)])
