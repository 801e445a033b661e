"""Questions to the person at the keyboard, and the lines that come back."""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib import import_module

import typer

from aura.cli.output import printable
from aura.errors import InvalidRequest


def confirm(question: str, *, yes: bool) -> None:
    """Go on only when a person says so, or `--yes` has said it already.

    Raises:
        InvalidRequest: there is nobody to ask.
        typer.Exit: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidRequest("this can not be undone, and there is no terminal to ask on: add --yes")
    with _interruptible():
        agreed = typer.confirm(printable(question), err=True)
    if not agreed:
        typer.echo("Nothing was changed.", err=True)
        raise typer.Exit(1)


def read_line(prompt: str) -> str | None:
    """The next line of stdin, or None at its end and at Ctrl-C. The prompt is for a terminal alone.

    It blocks the event loop, on purpose: nothing else runs while a person thinks, and a thread that waits for a line can
    not be told to stop, so that Ctrl-C would hang until the next one.
    """
    try:
        with _interruptible():
            if sys.stdin.isatty():
                return _edited_line(prompt)
            line = sys.stdin.readline()
            return line.rstrip("\r\n") if line else None
    except (EOFError, KeyboardInterrupt):
        typer.echo(err=True)
        return None


@contextmanager
def _interruptible() -> Generator[None]:
    """Let Ctrl-C interrupt what blocks: an event loop turns it into a cancellation, which waits until it unblocks."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _edited_line(prompt: str) -> str:
    with suppress(ImportError):  # not every Python has it; it gives `input` editing and history
        import_module("readline")
    return input(prompt)
