"""`aura serve`: the server, its database, its worker and its pages, by one command."""

from __future__ import annotations

from typing import Annotated

import typer

from aura.cli.context import invocation
from aura.errors import InvalidRequest


def serve(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0 is any free one.", min=0, max=65_535)] = 8_000,
    demo: Annotated[bool, typer.Option("--demo", help="With the two fictional organisations of `aura demo`.")] = False,
    worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Also run a worker; not where `aura worker` runs elsewhere.")
    ] = True,
) -> None:
    """Serve the HTTP API and the web page, with everything they need, until Ctrl-C."""
    try:
        from aura_server.serve import Serving, run
    except ModuleNotFoundError as error:
        raise InvalidRequest(
            f"the server needs {error.name!r}, which is not installed: pip install -c constraints.txt -e '.[server]'"
        ) from None

    call = invocation(ctx)
    serving = Serving(host=host, port=port, demo=demo, worker=worker, data_dir=call.data_dir)
    with call.interruptible():
        raise typer.Exit(run(call.settings(), serving, call.output))
