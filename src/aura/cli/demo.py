"""`aura demo`: two fictional organisations, the same questions to both, and each one's own cited answers."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aura.cli.answers import answer_line
from aura.cli.asking import read_line
from aura.cli.context import invocation
from aura.cli.output import Output
from aura.cli.progress import IngestBars
from aura.cli.rendering import whole
from aura.errors import Conflict, NotFound

if TYPE_CHECKING:
    from aura.answering.events import Answer
    from aura.demo import DemoOrganisation
    from aura.platform import Aura
    from aura.workspace import Workspace

_NARROW = 90
"""Below so many characters the answers stand below each other."""


class _Stand(msgspec.Struct, frozen=True):
    """A demo organisation, and what it can do on this platform."""

    organisation: DemoOrganisation
    workspace: Workspace

    @property
    def subdomain(self) -> str:
        return self.organisation.subdomain

    def files(self, question: str | None = None) -> list[Path]:
        """The organisation's files, or only the one that answers `question`."""
        wanted = {asked.document for asked in self.organisation.questions if asked.question == question}
        found = sorted(path for path in self.organisation.folder.iterdir() if path.is_file())
        return [path for path in found if question is None or path.name in wanted]


def demo(
    ctx: typer.Context,
    no_input: Annotated[bool, typer.Option("--no-input", help="End after the sample questions.")] = False,
) -> None:
    """Set up two fictional organisations, ask both the same questions, and stay open for yours.

    Each answers from its own files alone. A second run finds everything in place.
    """
    call, started = invocation(ctx), time.monotonic()
    if not call.output.json:
        call.output.note("Setting up two fictional organisations, each with files of its own …", style="bold")

    async def work(aura: Aura) -> int:
        show = _Show(call.output, started)
        return await show.run(aura, talk=not no_input)

    raise typer.Exit(call.run(work, recover=True, warm=True, interrupted="`aura demo` goes on from there."))


class _Show:
    """One run of the demo."""

    def __init__(self, output: Output, started: float) -> None:
        self._output = output
        self._started = started
        self._failed = 0

    async def run(self, aura: Aura, *, talk: bool) -> int:
        """Set up, answer, and talk; the exit code."""
        from aura.demo import organisations

        stands = list(await asyncio.gather(*(_stand(aura, organisation) for organisation in organisations())))
        first, *others = _shared_questions(stands)
        # What the first question needs goes first, so that the first answer need not wait for all files.
        await self._ingest([(stand, stand.files(first)) for stand in stands])
        await self._ask(stands, first)
        self._note(f"The first answers took {self._elapsed():.1f} s. Now the other files:")
        await self._ingest([(stand, stand.files()) for stand in stands])
        for question in others:
            await self._ask(stands, question)
        files = sum(len(stand.files()) for stand in stands)
        self._note(f"{files} files and {len(stands) * (1 + len(others))} answers in {self._elapsed():.1f} s.")
        code = await self._talk(stands) if talk else 0
        return code or (1 if self._failed else 0)

    async def _ingest(self, batches: Sequence[tuple[_Stand, list[Path]]]) -> None:
        with IngestBars(self._output.notes, total=sum(len(files) for _, files in batches)) as bars:
            await asyncio.gather(*(self._ingest_one(bars, stand, files) for stand, files in batches))

    async def _ingest_one(self, bars: IngestBars, stand: _Stand, files: list[Path]) -> None:
        async with aclosing(stand.workspace.documents.ingest(files)) as reports:
            async for report in reports:
                bars.update(report)
                if report.stage.final and report.stage != "ready":
                    self._failed += 1

    async def _ask(self, stands: Sequence[_Stand], question: str) -> None:
        """Ask both, and show the answers beside each other, or below each other where there is little room."""
        answers = await asyncio.gather(*(stand.workspace.ask(question) for stand in stands))
        if self._output.json:
            for stand, answer in zip(stands, answers, strict=True):
                self._output.emit({"tenant": stand.subdomain, "seconds": round(self._elapsed(), 3), "answer": answer})
            return
        self._output.console.print(Text(f"\n{question}", style="bold"))
        console = self._output.console
        narrow = not console.is_terminal or console.width < _NARROW
        console.print(_below_each_other(stands, answers) if narrow else _side_by_side(stands, answers))

    async def _talk(self, stands: Sequence[_Stand]) -> int:
        """Answer what is typed, or piped in; `@subdomain` says who is asked."""
        by_name, current, code = {stand.subdomain: stand for stand in stands}, stands[0], 0
        self._note(f"Ask {current.subdomain}, or {', '.join(f'@{name} QUESTION' for name in by_name)}. /quit ends.")
        while (line := read_line("" if self._output.json else f"{current.subdomain}> ")) is not None:
            question = line.strip()
            if question in ("/quit", "/exit"):
                break
            if question.startswith("@"):
                name, _, question = question[1:].partition(" ")
                if name not in by_name:
                    self._output.note(f"There is no @{name} here, only {', '.join(f'@{known}' for known in by_name)}.")
                    continue
                current = by_name[name]
            if question.strip():
                code = await answer_line(self._output, current.workspace, question.strip()) or code
        return code

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _note(self, text: str) -> None:
        if not self._output.json:
            self._output.note(f"\n{text}")


async def _stand(aura: Aura, organisation: DemoOrganisation) -> _Stand:
    """The organisation on this platform, made when it is not there. Nobody knows its admin's password."""
    try:
        found = await aura.tenants.by_subdomain(organisation.subdomain)
    except NotFound:
        made = await aura.tenants.create(
            organization_name=organisation.organization_name,
            subdomain=organisation.subdomain,
            admin_email=organisation.admin_email,
            password=secrets.token_urlsafe(24),
        )
        return _Stand(organisation, made)
    if found.organization_name != organisation.organization_name:
        raise Conflict(
            f"the organisation {organisation.subdomain!r} of this platform is not the demo's: run the demo in a"
            " directory of its own, `aura demo --data-dir DIR`"
        )
    return _Stand(organisation, await aura.workspace(found))


def _shared_questions(stands: Sequence[_Stand]) -> list[str]:
    """What every organisation is asked, in the order of the first one."""
    asked = [[question.question for question in stand.organisation.questions] for stand in stands]
    return [question for question in asked[0] if all(question in others for others in asked[1:])]


def _side_by_side(stands: Sequence[_Stand], answers: Sequence[Answer]) -> RenderableType:
    grid = Table.grid(padding=(0, 3), expand=True)
    for _ in stands:
        grid.add_column(ratio=1)
    grid.add_row(*_signed(stands, answers))
    return grid


def _below_each_other(stands: Sequence[_Stand], answers: Sequence[Answer]) -> RenderableType:
    return Group(*(Padding(answer, (0, 0, 1, 2), expand=False) for answer in _signed(stands, answers)))


def _signed(stands: Sequence[_Stand], answers: Sequence[Answer]) -> list[RenderableType]:
    return [
        Group(Text(stand.organisation.organization_name, style="bold magenta"), whole(answer))
        for stand, answer in zip(stands, answers, strict=True)
    ]
