"""Runs the whole test suite as several pytest processes beside each other, and sums them up as one run of pytest would.

    python tools/run_tests.py            # all of it
    python tools/run_tests.py -k fusion  # arguments go to each of the processes

Each group has its own database and its own ports, so they do not meet. The longest begin first. What a group printed is
shown when it is done; the last line is the sum.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
NO_TESTS = 5
"""What pytest returns where it has selected none."""

LONGEST_FIRST = (
    "server",
    "browser",
    "integration/jobs",
    "integration/leaks",
    "evals",
    "integration/ingest",
    "integration",
    "unit",
)
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected|warnings?)")


class Done(NamedTuple):
    """A group that has ended."""

    name: str
    code: int
    output: str
    seconds: float

    @property
    def counts(self) -> Counter[str]:
        """Its numbers of tests by outcome, of the last line that it printed."""
        last = self.output.rstrip().rpartition("\n")[2]
        return Counter({outcome: int(n) for n, outcome in _COUNT.findall(last)})


def groups() -> dict[str, list[str]]:
    """Paths by the name of their group: each folder of tests is one, and so are the folders and the rest of integration."""
    tests = ROOT / "tests"
    integration = tests / "integration"
    found = {folder.name: [f"tests/{folder.name}"] for folder in _folders(tests) if folder != integration}
    found |= {f"integration/{folder.name}": [f"tests/integration/{folder.name}"] for folder in _folders(integration)}
    found["integration"] = sorted(f"tests/integration/{file.name}" for file in integration.glob("test_*.py"))
    rank = {name: n for n, name in enumerate(LONGEST_FIRST)}
    return dict(sorted(found.items(), key=lambda group: (rank.get(group[0], len(rank)), group[0])))


def _folders(place: Path) -> list[Path]:
    return [folder for folder in sorted(place.iterdir()) if any(folder.rglob("test_*.py"))]


def run(name: str, paths: Sequence[str], arguments: Sequence[str]) -> Done:
    """Run one group to its end."""
    started = time.monotonic()
    command = [sys.executable, "-m", "pytest", "--durations=5", *paths, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    return Done(name, done.returncode, done.stdout, time.monotonic() - started)


def main(arguments: Sequence[str]) -> int:
    """Run all groups, as many at once as there are processors and one more: each waits for its database now and then."""
    started, total, failed = time.monotonic(), Counter[str](), list[str]()
    with ThreadPoolExecutor(max_workers=(os.cpu_count() or 1) + 1) as pool:
        running = [pool.submit(run, name, paths, arguments) for name, paths in groups().items()]
        for future in as_completed(running):
            done = future.result()
            print(f"\n##### {done.name}, {done.seconds:.0f} s\n{done.output}", flush=True)
            total += done.counts
            if done.code not in (0, NO_TESTS):
                failed.append(done.name)
    if failed:
        print("failed in: " + ", ".join(failed))
    counts = ", ".join(f"{n} {outcome}" for outcome, n in sorted(total.items()))
    print(f"===== {counts or 'no tests ran'} in {time.monotonic() - started:.2f}s =====")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
