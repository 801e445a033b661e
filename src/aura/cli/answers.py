"""`aura ask` and `aura chat`: questions to the documents of one organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aura.cli.asking import read_line
from aura.cli.context import invocation
from aura.cli.finding import find_workspace
from aura.cli.options import CollectionOption, TenantOption, UserOption
from aura.cli.output import Output, exit_code, kind_of
from aura.cli.rendering import say
from aura.errors import AuraError

if TYPE_CHECKING:
    from aura.answering.events import Answer, Failed
    from aura.identity import ConversationId
    from aura.platform import Aura
    from aura.workspace import Workspace

_HELP = "/new begins another conversation, /quit ends."


def ask(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(metavar="QUESTION")],
    tenant: TenantOption,
    user: UserOption = None,
    collection: CollectionOption = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="With --json: each event of the answer, a line each.")
    ] = False,
) -> None:
    """Ask a question; shows the answer as it comes, then file, page and quote of each citation."""
    call = invocation(ctx)

    async def work(aura: Aura) -> int:
        workspace = await find_workspace(aura, tenant, user)
        events = workspace.stream(question, collection=collection)
        if stream and call.output.json:
            return end_of(call.output, await say(call.output, events, lines=True), written=True)
        ended = await say(call.output, events)
        await _hint(call.output, workspace, ended)
        return end_of(call.output, ended)

    # Who asks nothing is told so at once: weights that are being loaded can not be told to stop.
    raise typer.Exit(call.run(work, warm=bool(question.strip())))


def chat(
    ctx: typer.Context,
    tenant: TenantOption,
    user: UserOption = None,
    collection: CollectionOption = None,
) -> None:
    """Talk with the documents of an organisation; a follow-up knows what was said before. /quit ends.

    Without a terminal, each line of stdin is a question.
    """
    call = invocation(ctx)

    async def work(aura: Aura) -> int:
        workspace = await find_workspace(aura, tenant, user)
        if not call.output.json:
            call.output.note(f"{workspace.organisation.organization_name}: ask away. {_HELP}")
        return await _talk(call.output, workspace, collection)

    raise typer.Exit(call.run(work, recover=True, warm=True))


def end_of(output: Output, ended: Answer | Failed, *, written: bool = False) -> int:
    """Write what is not shown yet of how an answer `ended`; its exit code. A refusal is an answer.

    Args:
        written: the events went out as they came, this one too.
    """
    from aura.answering.events import Answer

    if isinstance(ended, Answer):
        if output.json and not written:
            output.emit(ended)
        return 0
    if not written:
        output.failure(ended.kind, ended.message)
    return exit_code(ended.kind)


async def _hint(output: Output, workspace: Workspace, ended: Answer | Failed) -> None:
    """Where nothing was found because nothing is there, say what comes first."""
    from aura.answering.events import Answer

    if output.json or not (isinstance(ended, Answer) and ended.refused):
        return
    if not (await workspace.documents.list(limit=1)).items:
        subdomain = workspace.organisation.subdomain
        output.note(f"There are no documents yet: aura ingest PATH --tenant {subdomain}")


async def _talk(output: Output, workspace: Workspace, collection: str | None) -> int:
    """Answer line after line until the end; the exit code of the last failure."""
    conversation, code = await workspace.conversations.start(), 0
    prompt = "" if output.json else f"{workspace.organisation.subdomain}> "
    while (line := read_line(prompt)) is not None:
        question = line.strip()
        if question in ("/quit", "/exit"):
            break
        if question == "/new":
            conversation = await workspace.conversations.start()
        elif question.startswith("/"):
            output.note(_HELP)
        elif question:
            code = await answer_line(output, workspace, question, collection, conversation) or code
    return code


async def answer_line(
    output: Output,
    workspace: Workspace,
    question: str,
    collection: str | None = None,
    conversation: ConversationId | None = None,
) -> int:
    """Answer one question among others: its failure is shown, and does not end the rest. Its exit code."""
    try:
        events = workspace.stream(question, collection=collection, conversation=conversation)
        ended = await say(output, events)
        await _hint(output, workspace, ended)
        return end_of(output, ended)
    except AuraError as error:
        output.failure(kind_of(error), str(error))
        return exit_code(kind_of(error))
