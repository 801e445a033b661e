"""`aura ingest`: files in, with a bar for each, a summary, and a reason for whatever failed."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Group, RenderableType
from rich.text import Text

from aura.cli.context import invocation
from aura.cli.finding import find_workspace
from aura.cli.options import TenantOption, UserOption
from aura.cli.output import Listing, Output, counted
from aura.cli.progress import IngestBars
from aura.errors import InvalidRequest

if TYPE_CHECKING:
    from aura.documents.values import IngestProgress
    from aura.platform import Aura

_LISTED = 40
"""With more files than this, the summary has only those that are not simply ready."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the files of one call, in the order in which they were finished."""

    files: list[IngestProgress]
    ready: int
    failed: int
    duplicates: int
    chunks: int
    seconds: float

    @classmethod
    def of(cls, files: list[IngestProgress], *, seconds: float) -> Summary:
        """The counts over the last report of each file; what is there already adds no chunks."""
        ready = [file for file in files if file.stage == "ready"]
        new = [file for file in ready if not file.duplicate]
        return cls(
            files=files,
            ready=len(ready),
            failed=len(files) - len(ready),
            duplicates=len(ready) - len(new),
            chunks=sum(file.chunks for file in new),
            seconds=round(seconds, 3),
        )


def ingest(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files, and folders with all below them.")],
    tenant: TenantOption,
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection", "-c", metavar="NAME", help="Into this one, by name or id; the default one otherwise."
        ),
    ] = None,
    user: UserOption = None,
    private_to: Annotated[
        str | None, typer.Option("--private-to", metavar="EMAIL", help="For this member's eyes alone.")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="With --json: also each step, a line each.")] = False,
) -> None:
    """Make files searchable. Ends with 1 when one of them failed; what is there already is not read again."""
    call = invocation(ctx)
    if private_to and user and private_to != user:
        raise InvalidRequest("--private-to is the member who ingests: leave --user out", field="private_to")

    async def work(aura: Aura) -> bool:
        documents = (await find_workspace(aura, tenant, private_to or user)).documents
        missing = [path for path in paths if not path.exists()]
        there = [path for path in paths if path not in missing]
        reports = documents.ingest(there, collection=collection, visibility="private" if private_to else "organization")
        return await follow(call.output, reports, missing=missing, stream=stream)

    whole = call.run(
        work, recover=True, warm=True, interrupted="What was finished stays; the same command goes on from there."
    )
    if not whole:
        raise typer.Exit(1)


async def follow(
    output: Output, reports: AsyncGenerator[IngestProgress], *, missing: Sequence[Path] = (), stream: bool = False
) -> bool:
    """Show the `reports` of an ingest as they come, then the summary; whether every file is ready."""
    started = time.monotonic()
    finished: list[IngestProgress] = []
    with IngestBars(output.notes) as bars:
        async for report in _reports(reports, missing):
            bars.update(report)
            if report.stage.final:
                finished.append(report)
            if stream and output.json:
                output.emit(report)
    summary = Summary.of(finished, seconds=time.monotonic() - started)
    output.result(summary, lambda: summary_table(summary))
    return summary.failed == 0


async def _reports(reports: AsyncGenerator[IngestProgress], missing: Sequence[Path]) -> AsyncGenerator[IngestProgress]:
    """`reports`, and before them one for each path that is not there: the other files go on."""
    from aura.documents.values import IngestProgress, Stage

    for path in missing:
        reason = "there is no such file or folder"
        yield IngestProgress(filename=str(path), document_id=None, stage=Stage.FAILED, percent=0.0, reason=reason)
    async with aclosing(reports):
        async for report in reports:
            yield report


def summary_table(summary: Summary) -> RenderableType:
    """A row for each file, or only for those that want a look; and the counts."""
    many = len(summary.files) > _LISTED
    shown = [file for file in summary.files if not many or file.stage != "ready"]
    rows = [(file.filename, _result(file), file.chunks or "") for file in shown]
    counts = [f"{summary.ready:,} ready"]
    if summary.duplicates:
        counts.append(f"{summary.duplicates:,} of them already there")
    if summary.failed:
        counts.append(f"{summary.failed:,} failed")
    line = f"{', '.join(counts)}; {counted(summary.chunks, 'new chunk')} in {summary.seconds:.1f} s"
    style = "bold red" if summary.failed else "bold green"
    again = sum(file.can_retry for file in summary.files)
    hint = f"{counted(again, 'file')} may get through another time: the same command tries again" if again else ""
    return Group(
        Listing(
            ["File", "Result", "Chunks"], rows, right=["Chunks"], empty="" if many else "There are no files there."
        ),
        Text(line, style=style),
        *([Text(hint)] if hint else []),
    )


def _result(file: IngestProgress) -> str:
    if file.stage != "ready":
        return f"{file.stage}: {file.reason}" if file.reason else str(file.stage)
    return "already there" if file.duplicate else "ready"
