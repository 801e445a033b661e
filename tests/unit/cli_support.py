"""A command line that reaches a platform of the test's own making."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

from typer.testing import CliRunner, Result

from aura.cli.app import app
from aura.cli.context import OpenAura
from aura.platform import Aura
from aura.settings import Settings


def opening(enter: Callable[[], object]) -> OpenAura:
    """Opens what `enter` returns, or fails with what it raises."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Aura]:
        yield cast("Aura", enter())

    def open_aura(settings: Settings, *, recover: bool, warm: bool) -> AbstractAsyncContextManager[Aura]:
        return opened()

    return open_aura


def failing(error: Exception) -> OpenAura:
    """A platform that can not be opened."""

    def fail() -> object:
        raise error

    return opening(fail)


def aura(*arguments: str, open_aura: OpenAura | None = None, input: str | None = None, **env: str) -> Result:
    """Run one command line in this process."""
    return CliRunner().invoke(app, list(arguments), obj=open_aura, input=input, env=env)


def document(result: Result) -> Any:
    """The one JSON document that a command wrote."""
    assert result.stdout.count("\n") == 1, result.stdout
    return json.loads(result.stdout)
