"""The command line over the test run's own database, with a fake embedding: commands take milliseconds, not seconds."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from uuid import uuid4

from typer.testing import CliRunner, Result

from aura import Aura, Settings
from aura.answering.extractive import ExtractiveLLM
from aura.cli.app import app
from aura.testing.embeddings import HashEmbedding

HANDBOOK = """# Returns

Customers have 30 days to return a product.

# Support

The support desk is open from 8 to 18 o'clock on weekdays.
"""
PASSWORD = "correct horse battery staple"


class CommandLine:
    """Runs command lines against one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def __call__(self, *arguments: str | Path, input: str | None = None) -> Result:
        """Run one command line in this process."""
        line = ["--data-dir", str(self._data_dir), *map(str, arguments)]
        return CliRunner().invoke(app, line, obj=_open, input=input)

    def json(self, *arguments: str | Path, input: str | None = None, code: int = 0) -> Any:
        """The one document that a command writes with `--json`."""
        result = self(*arguments, "--json", input=input)
        assert result.exit_code == code, result.output
        assert result.stdout.count("\n") == 1, result.stdout
        return json.loads(result.stdout)

    def lines(self, *arguments: str | Path, input: str | None = None, code: int = 0) -> list[Any]:
        """The documents that a command writes with `--json`, a line each."""
        result = self(*arguments, "--json", input=input)
        assert result.exit_code == code, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    def new_tenant(self) -> str:
        """The sub-domain of an organisation that nobody else uses, with one admin and no documents."""
        subdomain = f"cli-{uuid4().hex[:12]}"
        create = ["tenant", "create", subdomain, "--admin-email", "ada@acme.test", "--password-stdin"]
        self.json(*create, input=f"{PASSWORD}\n")
        return subdomain

    def filled_tenant(self, folder: Path) -> str:
        """The same, with a handbook."""
        subdomain, handbook = self.new_tenant(), folder / "handbook.md"
        handbook.write_text(HANDBOOK)
        self.json("ingest", handbook, "--tenant", subdomain)
        return subdomain


def _open(settings: Settings, *, recover: bool, warm: bool) -> AbstractAsyncContextManager[Aura]:
    """Documents that other tests abandon on purpose are left alone."""
    return Aura.open(settings, embed_model=HashEmbedding(), llm=ExtractiveLLM(), recover=False, warm=warm)
