"""The command line as a whole: its commands, the options that stand anywhere on it, and what errors end in."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from aura.cli import answers, archives, database, demo, doctor, documents, ingest, tenants, users, worker
from aura.cli.context import Invocation, open_platform
from aura.cli.options import EVERYWHERE
from aura.cli.output import INTERRUPTED, Output, exit_code, kind_of
from aura.errors import AuraError

_FLAGS = ("--json", "--verbose")
_DATA_DIR = "--data-dir"


class Program(TyperGroup):
    """The root of the command line. Its own options may stand anywhere, and no error shows a traceback."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run one command line; ends in `SystemExit` with the codes of docs/cli.md."""
        arguments = globals_first(sys.argv[1:] if args is None else args)
        flags = {*arguments} if "--" not in arguments else {*arguments[: arguments.index("--")]}
        as_json = "--json" in flags
        with _errors_reported(Output(json=as_json), verbose="--verbose" in flags):
            # typer itself shows what is wrong with a command line, but knows no JSON.
            code = super().main(arguments, "aura", complete_var, standalone_mode=not as_json, **extra)
            sys.exit(code if isinstance(code, int) else 0)


app = typer.Typer(
    name="aura",
    cls=Program,
    help="Every organisation gets its own assistant, with cited answers from its own documents.",
    epilog="`aura demo` shows it; `aura doctor` says what is missing.",
    add_completion=True,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo", epilog=EVERYWHERE)(demo.demo)
app.command("ingest", epilog=EVERYWHERE)(ingest.ingest)
app.command("ask", epilog=EVERYWHERE)(answers.ask)
app.command("chat", epilog=EVERYWHERE)(answers.chat)
app.add_typer(documents.app, name="documents")
app.add_typer(tenants.app, name="tenant")
app.add_typer(users.app, name="user")
app.command("export", epilog=EVERYWHERE)(archives.export)
app.command("import", epilog=EVERYWHERE)(archives.restore)
app.add_typer(database.app, name="db")
app.command("doctor", epilog=EVERYWHERE)(doctor.doctor)
app.command("worker", epilog=EVERYWHERE)(worker.worker)
for plugin in entry_points(group="aura.commands"):  # of what is built on the library: the server brings `serve`
    app.command(plugin.name, epilog=EVERYWHERE)(plugin.load())


@app.callback()
def root(
    ctx: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Write JSON to stdout, and nothing else.")] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", metavar="DIR", help="Where AURA keeps its data, in the place of AURA_DATA_DIR."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Write logs and tracebacks to stderr.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """What stands before every command."""
    logging.basicConfig(level=logging.INFO) if verbose else logging.getLogger().addHandler(logging.NullHandler())
    output = Output(json=json)
    ctx.obj = Invocation(open_aura=ctx.obj or open_platform, output=output, data_dir=data_dir)
    if version:
        _show_version(output)
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), err=json)
        raise typer.Exit


def globals_first(arguments: Sequence[str]) -> list[str]:
    """`arguments` with the root's own options in front, wherever they stood before a `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    front, rest = list[str](), list[str]()
    waiting = iter(arguments[:end])
    for argument in waiting:
        if argument in _FLAGS or argument.startswith(f"{_DATA_DIR}="):
            front.append(argument)
        elif argument == _DATA_DIR:
            value = next(waiting, None)
            front += [argument] if value is None else [argument, value]
        else:
            rest.append(argument)
    return [*front, *rest, *arguments[end:]]


@contextmanager
def _errors_reported(output: Output, *, verbose: bool) -> Generator[None]:
    try:
        yield
    except typer.Abort:  # Ctrl-C or Ctrl-D where something was asked
        output.failure("Interrupted", "interrupted")
        sys.exit(INTERRUPTED)
    except typer.TyperException as error:
        output.failure("InvalidRequest", error.format_message())
        sys.exit(exit_code("InvalidRequest"))
    except AuraError as error:
        if verbose:
            traceback.print_exc()
        kind = kind_of(error)
        output.failure(kind, str(error))
        sys.exit(exit_code(kind))
    except Exception as error:  # the edge of the process: people see a line, developers ask for more
        if verbose:
            traceback.print_exc()
        what = str(error) if isinstance(error, OSError) else f"internal error ({type(error).__name__}: {error})"
        output.failure("BackendError", what if verbose else f"{what}; --verbose shows where")
        sys.exit(exit_code("BackendError"))


def _show_version(output: Output) -> None:
    from importlib.metadata import version

    found = version("aura")
    if output.json:
        output.emit({"version": found})
    else:
        output.console.print(f"aura {found}")
