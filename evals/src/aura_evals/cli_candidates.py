"""`aura-evals candidates`: what users rated as bad becomes questions of a suite, once a person has judged it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from aura_evals.errors import BadInput, no_verdict_on_errors

if TYPE_CHECKING:
    from aura.memory.feedback import RatedDown

_notes = Console(stderr=True, highlight=False)


def candidates(
    tenant: Annotated[str, typer.Option(help="The organisation's sub-domain.", show_default=False)],
    into: Annotated[Path, typer.Option(help="The folder of a dataset, such as `init` makes.", show_default=False)],
    user: Annotated[str | None, typer.Option(help="The e-mail of one member: that one's own ratings alone.")] = None,
    most: Annotated[int, typer.Option(min=1, max=1_000, help="The last so many.")] = 100,
    http: Annotated[str | None, typer.Option(help="Ask the server at this address.")] = None,
    key: Annotated[str, typer.Option(envvar="AURA_EVALS_KEY", help="An API key or token for --http.")] = "",
) -> None:
    """Add questions whose answers were rated as bad to FOLDER/candidates.jsonl, from AURA's database or from a server.

    Of all members where the organisation lets admins read history. Write `gold` and `answers` into a line (neither where the
    documents do not answer it) and set "judged" to true: the next call moves it to questions.jsonl, and suites ask it.
    """
    with no_verdict_on_errors(_notes):
        from aura_evals.feedback import CANDIDATES, take

        if not into.is_dir():
            raise BadInput("there is no such folder: `aura-evals init` makes one", path=into)
        if http is not None and user is not None:
            raise BadInput("--user is for the database: over --http the key says whose ratings are read")
        reading = _rated_down(tenant, user, most) if http is None else _rated_on(http, key, most)
        taken = take(into, tenant, asyncio.run(reading))
    Console().print(
        f"{taken.added} new candidates, {taken.waiting} wait to be judged in {into / CANDIDATES};"
        f" {taken.accepted} were judged and are questions now",
        soft_wrap=True,
    )


async def _rated_down(tenant: str, user: str | None, most: int) -> list[RatedDown]:
    from aura import Aura, Settings

    async with Aura.open(Settings.load(), warm=False, recover=False) as aura:
        return await (await aura.workspace(tenant, user)).rated_down(limit=most)


async def _rated_on(url: str, key: str, most: int) -> list[RatedDown]:
    from aura_evals.http_target import rated_down

    return await rated_down(url, key, most)
