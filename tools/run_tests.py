"""Runs the whole test suite as several pytest processes beside each other, and sums them up as one run of pytest would.

    python tools/run_tests.py            # all of it
    python tools/run_tests.py -k fusion  # arguments go to each of the processes
    python tools/run_tests.py --checked  # types and the web interface are checked meanwhile; as the first argument

Each group has its own database and its own ports, so they do not meet. The longest begin first. What a group printed is
shown when it is done. At the end each test that failed is named with its error; the last line is the sum.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
NO_TESTS = 5
"""What pytest returns where it has selected none."""

CHECKED = "--checked"
WEB = "web"
CHECKS = {WEB: [sys.executable, "tools/web.py"], "types": ["pyright"]}
AFTER_WEB = ("server", "browser")
"""They serve what `tools/web.py` builds."""

LONGEST_FIRST = (
    WEB,
    "types",
    "integration",
    "server",
    "browser",
    "integration/jobs",
    "evals",
    "server/faults",
    "integration/cli",
    "integration/short",
    "unit",
    "integration/ingest",
    "integration/leaks",
    "integration/memory",
)
SHORT = ("facade", "persona", "tenants", "usage", "voice")
"""Folders of integration that have one process, and one database, together: each alone it would mostly be starting."""

MEMORY = Path("/dev/shm")
MEMORY_BYTES = 8 * 1024**3
"""So much must be free there for the databases of the tests, which wait for a disk at each commit elsewhere."""

ONE_BY_ONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
"""The groups share the processors: threads of numpy and torch that wait in a loop would take them from others, tenfold."""

_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected|warnings?)")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S.*)$", re.MULTILINE)
_TITLE = re.compile(r"^_+ (?:ERROR (?:at \w+ of|collecting) )?([^_\s].*?) _+$", re.MULTILINE)
_SAID = re.compile(r"(?:^E .*\n)+", re.MULTILINE)
_MOST_LINES = 6
"""Of what a test said at last; the report above has the rest."""


class Done(NamedTuple):
    """A group that has ended."""

    name: str
    code: int
    output: str
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether anything went wrong in it."""
        return self.code not in (0, NO_TESTS)

    @property
    def counts(self) -> Counter[str]:
        """Its numbers of tests by outcome, of the last line that it printed."""
        last = "" if self.name in CHECKS else self.output.rstrip().rpartition("\n")[2]
        return Counter({outcome: int(n) for n, outcome in _COUNT.findall(last)})

    @property
    def failures(self) -> list[str]:
        """Each test that failed, with the last error of its report; or else the last lines of the output."""
        if not self.failed:
            return []
        said = _reports(self.output)
        found = [_named(line, said) for line in _FAILED.findall(self.output)]
        return found or [f"{self.name} ended with {self.code}", *self.output.rstrip().splitlines()[-5:]]


def _named(line: str, said: Mapping[str, str]) -> str:
    test, _, message = line.partition(" - ")
    title = test.partition("::")[2].replace("::", ".") or test
    return f"{test}\n    {said.get(title) or message or 'it said nothing'}"


def _reports(output: str) -> dict[str, str]:
    """How the last error of each test's report begins, by the name that stands above the report."""
    found, titles = dict[str, str](), list(_TITLE.finditer(output))
    for number, title in enumerate(titles):
        end = titles[number + 1].start() if number + 1 < len(titles) else len(output)
        if errors := _SAID.findall(output, title.end(), end):
            found[title[1]] = "\n    ".join(errors[-1].splitlines()[:_MOST_LINES])
    return found


def groups() -> dict[str, list[str]]:
    """Paths by the name of their group, the longest first.

    Each folder of tests is a group, and so are the folders of integration and server and what lies beside these folders;
    `SHORT` ones are one group, and what starts the installed command is one of its own.
    """
    tests = ROOT / "tests"
    found = {folder.name: [f"tests/{folder.name}"] for folder in _folders(tests)}
    for parent in ("integration", "server"):
        found |= {f"{parent}/{folder.name}": [_path(folder)] for folder in _folders(tests / parent)}
        found[parent] = [_path(file) for file in sorted((tests / parent).glob("test_*.py"))]
    found["integration/short"] = [path for name in SHORT for path in found.pop(f"integration/{name}")]
    found["integration/cli"] = [path for path in found["integration"] if "/test_cli" in path]
    found["integration"] = [path for path in found["integration"] if "/test_cli" not in path]
    rank = {name: n for n, name in enumerate(LONGEST_FIRST)}
    return dict(sorted(found.items(), key=lambda group: (rank.get(group[0], len(rank)), group[0])))


def _path(place: Path) -> str:
    return place.relative_to(ROOT).as_posix()


def _folders(place: Path) -> list[Path]:
    return [folder for folder in sorted(place.iterdir()) if any(folder.rglob("test_*.py"))]


def commands(arguments: Sequence[str]) -> dict[str, list[str]]:
    """What to run, by name, in the order in which it is to begin."""
    checks = CHECKS if arguments[:1] == [CHECKED] else {}
    given = arguments[1:] if checks else arguments
    pytest = [sys.executable, "-m", "pytest", "--durations=15"]
    return {**checks, **{name: [*pytest, *paths, *given] for name, paths in groups().items()}}


def run(name: str, command: Sequence[str], scratch: Path | None) -> Done:
    """Run one group to its end, with its temporary files in `scratch`."""
    started = time.monotonic()
    place = {} if scratch is None else {"TMPDIR": str(scratch)}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**ONE_BY_ONE, **os.environ, **place},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    return Done(name, done.returncode, done.stdout, time.monotonic() - started)


def run_all(waiting: dict[str, list[str]], scratch: Path | None) -> Iterator[Done]:
    """Run all, as many at once as there are processors and one more: each waits for its database or browser now and then."""
    running = set[Future[Done]]()
    ended = set[str]() if WEB in waiting else {WEB}
    at_once = (os.cpu_count() or 1) + 1
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        while waiting or running:
            for name in [name for name in waiting if WEB in ended or not name.startswith(AFTER_WEB)]:
                if len(running) < at_once:
                    running.add(pool.submit(run, name, waiting.pop(name), scratch))
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for done in (future.result() for future in finished):
                ended.add(done.name)
                yield done


def scratch_folder() -> Path | None:
    """A new folder in memory, for temporary files; None where there is too little, or a folder was chosen."""
    if "TMPDIR" in os.environ or not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < MEMORY_BYTES:
        return None
    folder = Path(tempfile.mkdtemp(prefix="aura-tests-", dir=MEMORY))
    folder.chmod(0o755)  # a database server that is started by root runs as another user
    return folder


def main(arguments: Sequence[str]) -> int:
    """Run all groups, and sum them up."""
    started, total, failed = time.monotonic(), Counter[str](), list[Done]()
    scratch = scratch_folder()
    try:
        for done in run_all(commands(arguments), scratch):
            print(f"\n##### {done.name}, {done.seconds:.0f} s\n{done.output}", flush=True)
            total += done.counts
            if done.failed:
                failed.append(done)
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    for done in failed:
        print(f"\n##### failed in {done.name}\n" + "\n".join(done.failures))
    if failed:
        print("\nfailed in: " + ", ".join(done.name for done in failed))
    counts = ", ".join(f"{n} {outcome}" for outcome, n in sorted(total.items()))
    print(f"===== {counts or 'no tests ran'} in {time.monotonic() - started:.2f}s =====")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
