"""Passwords into a command: asked for without an echo, read from stdin or AURA_PASSWORD, or made up. Never an argument,
which every user of the machine could read."""

from __future__ import annotations

import os
import secrets
import sys
from typing import Annotated

import msgspec
import typer

from aura.errors import InvalidRequest

VARIABLE = "AURA_PASSWORD"

StdinOption = Annotated[bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")]
GenerateOption = Annotated[bool, typer.Option("--generate-password", help="Make a password up, and show it once.")]


class NewPassword(msgspec.Struct, frozen=True, kw_only=True):
    """A password for a new member. `shown` is what the command must show, since nobody has seen it yet."""

    value: str
    shown: str | None = None

    def __repr__(self) -> str:
        return "NewPassword(...)"


def new_password(*, from_stdin: bool, generate: bool) -> NewPassword:
    """The password that the options name; asked for, twice, where they name none.

    Raises:
        InvalidRequest: there is nobody to ask, or two sources are named.
    """
    if from_stdin and generate:
        raise InvalidRequest("--password-stdin and --generate-password exclude each other", field="password")
    if generate:
        made = secrets.token_urlsafe(15)
        return NewPassword(value=made, shown=made)
    if from_stdin:
        return NewPassword(value=sys.stdin.readline().rstrip("\r\n"))
    if VARIABLE in os.environ:
        return NewPassword(value=os.environ[VARIABLE])
    if not sys.stdin.isatty():
        raise InvalidRequest(
            f"there is no terminal to ask for a password: use --password-stdin, --generate-password or {VARIABLE}",
            field="password",
        )
    return NewPassword(value=typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
