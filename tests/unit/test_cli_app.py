"""The command line as a whole: options that stand anywhere, errors that end in one line and an exit code."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import NoReturn

import pytest
from cli_support import aura, document, failing, opening
from typer.core import TyperGroup
from typer.main import get_command

from aura import cli
from aura.cli.app import app, globals_first
from aura.errors import (
    AuraError,
    BackendError,
    Conflict,
    Denied,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    Unavailable,
)
from aura.settings import Settings

ERRORS = [
    (InvalidRequest("a field is wrong", field="name"), 2),
    (NotFound("there is no such thing"), 4),
    (Denied("this is not allowed"), 5),
    (Conflict("it is taken"), 6),
    (LimitExceeded("the plan is full", limit="max_users", renews_at=datetime.now(UTC)), 7),
    (Unavailable("the database is away"), 8),
    (BackendError("it answered wrongly"), 1),
    (AuraError("something else"), 1),
]


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_an_error_ends_in_one_line_on_stderr_and_its_own_exit_code(error: AuraError, code: int) -> None:
    result = aura("tenant", "list", open_aura=failing(error))

    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr == f"error: {error}\n"


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_with_json_an_error_is_the_one_document_on_stdout(error: AuraError, code: int) -> None:
    result = aura("tenant", "list", "--json", open_aura=failing(error))

    assert document(result) == {"error": {"type": type(error).__name__, "message": str(error)}}
    assert result.exit_code == code


def test_an_error_of_another_module_goes_by_the_name_that_the_public_tree_has_for_it() -> None:
    class Fuller(LimitExceeded):
        pass

    result = aura("tenant", "list", "--json", open_aura=failing(Fuller("full", limit="max_users")))

    assert document(result)["error"]["type"] == "LimitExceeded"
    assert result.exit_code == 7


def test_a_bug_ends_in_a_line_that_says_how_to_see_more() -> None:
    result = aura("tenant", "list", open_aura=failing(ZeroDivisionError("division by zero")))

    assert result.exit_code == 1
    assert result.stderr == "error: internal error (ZeroDivisionError: division by zero); --verbose shows where\n"


def test_verbose_shows_where_a_bug_is() -> None:
    result = aura("tenant", "list", "--verbose", open_aura=failing(ZeroDivisionError("division by zero")))

    assert "Traceback (most recent call last)" in result.stderr


def test_a_message_can_not_command_the_terminal() -> None:
    result = aura("tenant", "list", open_aura=failing(NotFound("no \x1b]0;owned\x07 such [bold]thing[/bold]")))

    assert result.stderr == "error: no �]0;owned� such [bold]thing[/bold]\n"


@pytest.mark.parametrize(
    "arguments",
    [("tenant", "create"), ("tenant", "nonsense"), ("ask", "--nonsense"), ("documents", "show", "no-uuid", "-t", "a")],
)
def test_a_wrong_command_line_ends_with_2_and_with_json_in_a_document(arguments: tuple[str, ...]) -> None:
    plain, as_json = aura(*arguments), aura(*arguments, "--json")

    assert (plain.exit_code, plain.stdout) == (2, "")
    assert "Usage" in plain.stderr
    assert as_json.exit_code == 2
    assert document(as_json)["error"]["type"] == "InvalidRequest"


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Python's own handling of Ctrl-C, which a process started in the background does not have."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_with_130_and_says_how_to_go_on() -> None:
    def interrupt() -> object:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
        return _WAITING

    result = aura("ingest", ".", "--tenant", "acme", open_aura=opening(interrupt))

    assert result.exit_code == 130
    assert "interrupted. What was finished stays; the same command goes on from there." in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("interruptible")
def test_with_json_ctrl_c_is_an_error_document() -> None:
    def interrupt() -> object:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
        return _WAITING

    result = aura("tenant", "list", "--json", open_aura=opening(interrupt))

    assert document(result)["error"]["type"] == "Interrupted"
    assert result.exit_code == 130


def test_the_version_is_shown_with_and_without_json() -> None:
    plain, as_json = aura("--version"), aura("--version", "--json")

    assert re.fullmatch(r"aura \d+\.\d+\.\d+\n", plain.stdout)
    assert f"aura {document(as_json)['version']}\n" == plain.stdout


@pytest.mark.parametrize("flag", [(), ("--help",), ("-h",)])
def test_help_names_every_command(flag: tuple[str, ...]) -> None:
    result = aura(*flag)

    assert result.exit_code == 0
    for name in ("demo", "ingest", "ask", "chat", "documents", "tenant", "user", "export", "import", "db", "doctor"):
        assert re.search(rf"\b{name}\b", result.stdout)


def test_every_command_has_help_that_mentions_json() -> None:
    for path in _commands():
        result = aura(*path, "--help")
        assert result.exit_code == 0, path
        assert "--json" in result.stdout, path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["tenant", "list", "--json"], ["--json", "tenant", "list"]),
        (["ask", "why?", "--data-dir", "d", "-t", "a"], ["--data-dir", "d", "ask", "why?", "-t", "a"]),
        (["ask", "--data-dir=d", "why?"], ["--data-dir=d", "ask", "why?"]),
        (["ask", "--", "--json"], ["ask", "--", "--json"]),
        (["ask", "--data-dir"], ["--data-dir", "ask"]),
        ([], []),
    ],
)
def test_the_options_of_the_root_may_stand_anywhere_before_two_dashes(given: list[str], expected: list[str]) -> None:
    assert globals_first(given) == expected


def test_the_data_directory_of_the_command_line_goes_before_that_of_the_environment() -> None:
    asked: list[str] = []

    def refuse(settings: Settings, *, recover: bool, warm: bool) -> NoReturn:
        asked.append(str(settings.data_dir))
        raise NotFound("enough")

    aura("tenant", "list", "--data-dir", "/a/b", open_aura=refuse, AURA_DATA_DIR="/c")
    aura("tenant", "list", open_aura=refuse, AURA_DATA_DIR="/c")

    assert asked == ["/a/b", "/c"]


def test_an_unknown_variable_of_the_environment_is_refused_with_the_nearest_known_one() -> None:
    result = aura("tenant", "list", AURA_DATADIR="/tmp")

    assert result.exit_code == 2
    assert "AURA_DATADIR: did you mean AURA_DATA_DIR?" in result.stderr


def test_help_needs_neither_llamaindex_nor_torch_nor_a_database() -> None:
    heavy = ["torch", "llama_index", "sqlalchemy", "psycopg", "pydantic", "numpy", "unstructured"]
    code = f"""
import sys
from aura.cli.app import app
try:
    app(["--help"])
except SystemExit:
    pass
print([name for name in {heavy} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"


async def _forever(*_: object, **__: object) -> None:
    await asyncio.sleep(60)


_WAITING = SimpleNamespace(tenants=SimpleNamespace(list=_forever, by_subdomain=_forever))
"""A platform on which everything takes forever."""


def _commands() -> Iterator[tuple[str, ...]]:
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    for name, command in root.commands.items():
        if isinstance(command, TyperGroup):
            yield from ((name, inner) for inner in command.commands)
        else:
            yield (name,)


def test_a_command_does_not_wait_for_a_model_that_still_loads() -> None:
    loading = (
        "import threading, aura.cli\n"
        "threading.Thread(target=threading.Event().wait, name='aura-embedding_0').start()\n"
        "print('said')\n"
        "aura.cli._leave(3)"
    )
    ended = subprocess.run([sys.executable, "-c", loading], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (3, "said\n")


@pytest.mark.parametrize(("chosen", "holds"), [(None, "1"), ("2", "2")])
def test_a_command_calculates_in_one_thread_unless_somebody_chose_otherwise(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None, holds: str
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if chosen:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", chosen)
    monkeypatch.setattr("aura.cli.app.app", lambda: None)
    cli.main()
    assert os.environ["OPENBLAS_NUM_THREADS"] == holds
