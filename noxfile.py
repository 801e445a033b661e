"""The project's checks. `nox -s tests` is what CI runs; each part of it is a session of its own too.

nox -s tests                     # all of it, in one environment
nox -s unit -- -k fusion         # one part; what follows `--` goes to its last command
"""

from __future__ import annotations

from collections.abc import Callable

import nox

nox.options.sessions = ["tests"]
nox.options.default_venv_backend = "venv"

INSTALL = ("-c", "constraints.txt", "-e", ".[offline,openai,elevenlabs,voice,redis,server,dev]", "-e", "./evals[bench]")
INSTALL_FOR_LINT = ("-c", "constraints.txt", "ruff")
OFFLINE = {"HF_HUB_OFFLINE": "1"}

PARTS: dict[str, list[list[str]]] = {
    "lint": [["ruff", "check"], ["ruff", "format", "--check"], ["python", "tools/size_table.py"]],
    "types": [["pyright"]],
    "web": [["python", "tools/web.py"]],
    "unit": [["pytest", "tests/unit"]],
    "contract": [["pytest", "tests/contract"]],
    "integration": [["pytest", "tests/integration"]],
    "server": [["pytest", "tests/server"]],
    "evals": [["pytest", "tests/evals"]],
    "notebooks": [["pytest", "tests/notebooks"]],
    "browser": [["python", "tools/web.py", "build"], ["pytest", "tests/browser"]],
    "bench": [["aura-evals", "bench", name] for name in ("import", "search", "legs", "ingest", "tenants")],
}


@nox.session
def tests(session: nox.Session) -> None:
    """Everything that CI checks. Types and the web interface are checked beside the tests, whose sum ends the output."""
    session.install(*INSTALL)
    for command in PARTS["lint"]:
        session.run(*command, env=OFFLINE)
    session.run("python", "tools/run_tests.py", "--checked", *session.posargs, env=OFFLINE)


def _part(name: str, commands: list[list[str]]) -> Callable[[nox.Session], None]:
    @nox.session(name=name)
    def part(session: nox.Session) -> None:
        session.install(*(INSTALL_FOR_LINT if name == "lint" else INSTALL))
        for command in commands[:-1]:
            session.run(*command, env=OFFLINE)
        session.run(*commands[-1], *session.posargs, env=OFFLINE)

    part.__doc__ = "; ".join(" ".join(command) for command in commands)
    return part


for _name, _commands in PARTS.items():
    _part(_name, _commands)
