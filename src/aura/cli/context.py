"""What every command shares: how it reaches the platform, where it writes, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec
import typer

from aura.cli.output import INTERRUPTED, Output

if TYPE_CHECKING:
    from aura.platform import Aura
    from aura.settings import Settings

T = TypeVar("T")


class OpenAura(Protocol):
    """Opens the platform for one command. Give another one as `obj` to run the commands on parts of your own:
    `CliRunner().invoke(app, [...], obj=open_mine)`.
    """

    def __call__(self, settings: Settings, *, recover: bool, warm: bool) -> AbstractAsyncContextManager[Aura]: ...


def open_platform(settings: Settings, *, recover: bool, warm: bool) -> AbstractAsyncContextManager[Aura]:
    """The platform that `settings` describe."""
    from aura.platform import Aura

    return Aura.open(settings, recover=recover, warm=warm)


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the command line."""

    open_aura: OpenAura
    output: Output
    data_dir: Path | None = None

    def settings(self) -> Settings:
        """The settings of the environment, and of the options before them.

        Raises:
            InvalidRequest: one of them can not be used.
        """
        from aura.settings import Settings

        return Settings.load() if self.data_dir is None else Settings.load(data_dir=self.data_dir)

    def run(
        self,
        work: Callable[[Aura], Awaitable[T]],
        *,
        recover: bool = False,
        warm: bool = False,
        interrupted: str = "",
    ) -> T:
        """Open the platform, do `work` in it, and close it again, in one event loop.

        Args:
            recover: also do what a worker would: take up documents that a killed process left, and learn from what is said.
            warm: load the weights of the embedding model at once; else the first text that is embedded does.
            interrupted: what to tell a person who ends it with Ctrl-C.
        """
        settings = self.settings()

        async def main() -> T:
            try:
                with self.output.notes.status("opening …") as opening:
                    async with self.open_aura(settings, recover=recover, warm=warm) as aura:
                        opening.stop()
                        return await work(aura)
            except asyncio.CancelledError:
                self.output.note("stopping …")
                raise

        with self.interruptible(interrupted):
            return asyncio.run(main())

    @contextmanager
    def interruptible(self, interrupted: str = "") -> Generator[None]:
        """End with a line, not a traceback, when a person presses Ctrl-C."""
        try:
            yield
        except KeyboardInterrupt:
            self.output.failure("Interrupted", f"interrupted. {interrupted}".rstrip())
            raise typer.Exit(INTERRUPTED) from None


def invocation(ctx: typer.Context) -> Invocation:
    """The invocation that a command belongs to."""
    found = ctx.find_object(Invocation)
    assert found is not None
    return found
