"""`aura documents`: what an organisation has, and how to take it out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.table import Table

from aura.cli.asking import confirm
from aura.cli.context import invocation
from aura.cli.finding import every, find_workspace
from aura.cli.ingest import follow
from aura.cli.options import EVERYWHERE, CollectionOption, DocumentArgument, TenantOption, UserOption, YesOption
from aura.cli.output import Listing, facts
from aura.cli.receipts import receipt_table
from aura.errors import InvalidRequest
from aura.identity import DocumentId

if TYPE_CHECKING:
    from aura.documents.values import Chunk, Document, Receipt, Stage
    from aura.platform import Aura
    from aura.workspace import Workspace

app = typer.Typer(help="List, show, delete and retry documents.", no_args_is_help=True)


@app.command("list", epilog=EVERYWHERE)
def list_all(
    ctx: typer.Context,
    tenant: TenantOption,
    user: UserOption = None,
    collection: CollectionOption = None,
    stage: Annotated[str | None, typer.Option("--stage", help="Only these: ready, failed, queued …")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.", show_default=False)] = None,
) -> None:
    """List documents."""
    call = invocation(ctx)
    wanted = None if stage is None else _stage(stage)

    async def work(aura: Aura) -> list[Document]:
        documents = (await find_workspace(aura, tenant, user)).documents
        return await every(
            lambda cursor: documents.list(collection=collection, stage=wanted, cursor=cursor), most=limit
        )

    found = call.run(work)
    columns = ["File", "State", "Pages", "Chunks", "KB", "Id"]
    rows = [(d.filename, _state(d), d.pages, d.chunks, f"{d.size_bytes / 1024:,.0f}", d.id) for d in found]
    call.output.result(
        {"items": found},
        lambda: (
            Listing(columns, rows, right=["Pages", "Chunks", "KB"], unbroken=["Id"])
            if rows
            else "There are no such documents."
        ),
    )


@app.command("show", epilog=EVERYWHERE)
def show(
    ctx: typer.Context,
    document_id: DocumentArgument,
    tenant: TenantOption,
    user: UserOption = None,
    chunks: Annotated[bool, typer.Option("--chunks", help="With the chunks that it was split into.")] = False,
) -> None:
    """Show what is known of a document."""
    call = invocation(ctx)

    async def work(aura: Aura) -> tuple[Document, list[Chunk]]:
        documents = (await find_workspace(aura, tenant, user)).documents
        found = await documents.get(DocumentId(document_id))
        return found, list(await documents.chunks(found.id, limit=100_000)) if chunks else []

    found, pieces = call.run(work)
    call.output.result({"document": found} | ({"chunks": pieces} if chunks else {}), lambda: _facts(found, tenant))
    if chunks and not call.output.json:
        rows = [(c.ordinal, c.page, c.tokens, " › ".join(c.heading), c.text) for c in pieces]
        call.output.console.print(
            Listing(["#", "Page", "Tokens", "Heading", "Text"], rows, right=["#", "Page", "Tokens"])
        )


@app.command("delete", epilog=EVERYWHERE)
def delete(
    ctx: typer.Context,
    document_ids: Annotated[list[UUID], typer.Argument(metavar="ID", help="As `aura documents list` shows them.")],
    tenant: TenantOption,
    user: UserOption = None,
    yes: YesOption = False,
) -> None:
    """Delete documents with all that was made of them; shows what was removed."""
    call = invocation(ctx)

    async def work(aura: Aura) -> Receipt:
        workspace = await find_workspace(aura, tenant, user)
        named = [await workspace.documents.get(DocumentId(document_id)) for document_id in dict.fromkeys(document_ids)]
        confirm(f"Delete {', '.join(document.filename for document in named)} for good?", yes=yes)
        return await _delete(workspace, named)

    receipt = call.run(work)
    call.output.result({"receipt": receipt}, lambda: receipt_table(receipt))


@app.command("retry", epilog=EVERYWHERE)
def retry(ctx: typer.Context, document_id: DocumentArgument, tenant: TenantOption, user: UserOption = None) -> None:
    """Work on a failed or cancelled document again."""
    call = invocation(ctx)

    async def work(aura: Aura) -> bool:
        documents = (await find_workspace(aura, tenant, user)).documents
        return await follow(call.output, documents.retry(DocumentId(document_id)))

    if not call.run(work, warm=True, interrupted="The same command goes on with it."):
        raise typer.Exit(1)


async def _delete(workspace: Workspace, documents: list[Document]) -> Receipt:
    from aura.documents.values import Receipt

    removed = Receipt()
    for document in documents:
        removed += await workspace.documents.delete(document.id)
    return removed


def _stage(value: str) -> Stage:
    from aura.documents.values import Stage

    try:
        return Stage(value)
    except ValueError:
        raise InvalidRequest(f"there is no stage {value!r}: choose one of {', '.join(Stage)}", field="stage") from None


def _state(document: Document) -> str:
    return document.stage if document.stage.final else f"{document.stage} {document.percent:.0f} %"


def _next_step(document: Document, tenant: str) -> str | None:
    if document.can_retry:
        return f"try again: aura documents retry {document.id} --tenant {tenant}"
    return "ingest a mended file of the same name, or delete this one" if document.stage == "failed" else None


def _facts(document: Document, tenant: str) -> Table:
    owner = None if document.owner_id is None else str(document.owner_id)
    return facts(
        [
            ("file", document.filename),
            ("id", document.id),
            ("state", _state(document)),
            ("reason", document.reason),
            ("next step", _next_step(document, tenant)),
            ("version", document.version),
            ("type", document.media_type),
            ("size", f"{document.size_bytes:,} bytes"),
            ("pages", document.pages),
            ("chunks", document.chunks),
            ("seen by", "the organisation" if document.visibility == "organization" else f"{owner} alone"),
            ("collection", document.collection_id),
            ("added", f"{document.created_at:%Y-%m-%d %H:%M} UTC"),
            ("changed", f"{document.updated_at:%Y-%m-%d %H:%M} UTC"),
            ("sha-256", document.sha256),
        ]
    )
