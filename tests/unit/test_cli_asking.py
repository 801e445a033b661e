"""Questions to people: passwords that nobody else sees, deletions that ask first, lines that come one by one."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from cli_support import aura, document

from aura.cli.asking import confirm, read_line
from aura.cli.passwords import NewPassword, new_password
from aura.errors import InvalidRequest, Unavailable
from aura.settings import Settings

CREATE = ("tenant", "create", "acme", "--admin-email", "ada@acme.test")


def test_without_a_terminal_a_password_must_come_from_somewhere() -> None:
    result = aura(*CREATE, "--json")

    assert result.exit_code == 2
    assert "--password-stdin, --generate-password or AURA_PASSWORD" in document(result)["error"]["message"]


def test_two_sources_of_a_password_are_refused() -> None:
    assert aura(*CREATE, "--password-stdin", "--generate-password", input="secret words").exit_code == 2


def test_a_password_comes_from_the_first_line_of_stdin_as_it_is() -> None:
    with _stdin(" two words \nnext\n"):
        assert new_password(from_stdin=True, generate=False).value == " two words "


def test_a_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURA_PASSWORD", "from the environment")

    assert new_password(from_stdin=False, generate=False) == NewPassword(value="from the environment")


def test_the_variable_of_the_password_is_no_unknown_setting() -> None:
    result = aura("tenant", "show", "acme", AURA_PASSWORD="from the environment", AURA_NONSENSE="1")

    assert "AURA_NONSENSE" in result.stderr
    assert "AURA_PASSWORD" not in result.stderr.replace("known are", "")[: result.stderr.find("AURA_NONSENSE")]


def test_a_generated_password_is_long_new_and_shown() -> None:
    made = [new_password(from_stdin=False, generate=True) for _ in range(10)]

    assert len({password.value for password in made}) == 10
    assert all(password.shown == password.value and len(password.value) >= 20 for password in made)


def test_a_password_does_not_show_in_its_repr() -> None:
    assert "hunter" not in repr(NewPassword(value="hunter2hunter2", shown="hunter2hunter2"))


def test_without_a_terminal_nothing_is_deleted_unless_yes_says_so() -> None:
    with _stdin("y\n"), pytest.raises(InvalidRequest, match="add --yes"):
        confirm("Delete it?", yes=False)
    confirm("Delete it?", yes=True)


def test_lines_come_one_by_one_until_the_end() -> None:
    with _stdin("first\r\nsecond\n\nlast"):
        assert [read_line("> ") for _ in range(5)] == ["first", "second", "", "last", None]


def test_no_prompt_is_written_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with _stdin("first\n"):
        read_line("acme> ")

    assert capsys.readouterr().out == ""


def test_on_a_terminal_a_password_is_asked_twice_and_not_echoed() -> None:
    script = (
        "from aura.cli.passwords import *; print('got', new_password(from_stdin=False, generate=False).value[::-1])"
    )
    with _terminal(script) as terminal:
        terminal.expect("Password: ")
        terminal.type("correct horse\n")
        terminal.expect("Repeat")
        terminal.type("correct horse\n")
        terminal.expect("got esroh tcerroc")

        assert "correct horse" not in terminal.seen


@pytest.mark.parametrize(
    ("typed", "ends"), [("y\n", "went on"), ("n\n", "Nothing was changed."), ("\n", "Nothing was")]
)
def test_on_a_terminal_only_a_yes_goes_on(typed: str, ends: str) -> None:
    with _terminal("from aura.cli.asking import confirm; confirm('Sure?', yes=False); print('went on')") as terminal:
        terminal.expect("Sure? [y/N]: ")
        terminal.type(typed)
        terminal.expect(ends)

        assert ("went on" in terminal.seen) == (typed == "y\n")


def test_ctrl_c_at_a_prompt_within_an_event_loop_ends_the_lines_at_once() -> None:
    script = """
import asyncio
from aura.cli.asking import read_line
async def main():
    print('answer', read_line('acme> '))
asyncio.run(main())
print('done')
"""
    with _terminal(script) as terminal:
        terminal.expect("acme> ")
        terminal.type("\x03")
        terminal.expect("answer None")
        terminal.expect("done")


@contextmanager
def _stdin(text: str) -> Iterator[None]:
    """`text` as the stdin of this process, through a real pipe."""
    reader, writer = os.pipe()
    os.write(writer, text.encode())
    os.close(writer)
    kept = sys.stdin
    with os.fdopen(reader, "r", newline="") as sys.stdin:
        try:
            yield
        finally:
            sys.stdin = kept


class _Terminal:
    """A program on the other side of a pseudo-terminal."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self._process = process
        self._descriptor = descriptor
        self.seen = ""

    def expect(self, text: str, *, seconds: float = 30.0) -> None:
        """Wait until the program has written `text`."""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < deadline, f"no {text!r} in {self.seen!r}"
            try:
                self.seen += os.read(self._descriptor, 1000).decode(errors="replace")
            except OSError:  # how Linux says that the program has ended
                assert text in self.seen, f"no {text!r} in {self.seen!r}"

    def type(self, text: str) -> None:
        """Press keys."""
        time.sleep(0.2)  # a person reads first; and what is typed before echo is off would be echoed
        os.write(self._descriptor, text.encode())


@contextmanager
def _terminal(script: str) -> Iterator[_Terminal]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_take_terminal,
        cwd=Path(__file__).parent,
    )
    os.close(theirs)
    try:
        yield _Terminal(process, ours)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(ours)


def _take_terminal() -> None:
    """Make stdin the terminal that controls the process, so that Ctrl-C reaches it as a signal."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.parametrize(("question", "loads"), [("Why?", True), ("", False), (" \n", False)])
def test_an_empty_question_does_not_wait_for_the_models_weights(question: str, loads: bool) -> None:
    asked: list[bool] = []

    def refuse(settings: Settings, *, recover: bool, warm: bool) -> NoReturn:
        asked.append(warm)
        raise Unavailable("no platform here")

    aura("ask", question, "--tenant", "acme", open_aura=refuse)

    assert asked == [loads]
