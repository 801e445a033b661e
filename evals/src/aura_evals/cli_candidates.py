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
) -> None:
    """Add questions whose answers were rated as bad to FOLDER/candidates.jsonl, in the database that AURA's settings name.

    Of all members where the organisation lets admins read history. Write `gold` and `answers` into a line (neither where the
    documents do not answer it) and set "judged" to true: the next call moves it to questions.jsonl, and suites ask it.
    """
    with no_verdict_on_errors(_notes):
        from aura_evals.feedback import CANDIDATES, take

        if not into.is_dir():
            raise BadInput("there is no such folder: `aura-evals init` makes one", path=into)
        taken = take(into, tenant, asyncio.run(_rated_down(tenant, user, most)))
    Console().print(
        f"{taken.added} new candidates, {taken.waiting} wait to be judged in {into / CANDIDATES};"
        f" {taken.accepted} were judged and are questions now",
        soft_wrap=True,
    )


async def _rated_down(tenant: str, user: str | None, most: int) -> list[RatedDown]:
    from aura import Aura, Settings

    async with Aura.open(Settings.load(), warm=False, recover=False) as aura:
        return await (await aura.workspace(tenant, user)).rated_down(limit=most)
