"""Write constraints.txt: one set of versions in which AURA with every extra, and its evals, were resolved together.

python tools/write_constraints.py        # takes minutes; afterwards run `nox -s tests`, then commit
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "constraints.txt"
KEPT = ("torch==2.13.0", "soupsieve<3.0.2")
"""What stays as it is until somebody changes it here: a large download that works; later ones refuse Python 3.11.2."""
OLDEST_PYTHON = "3.11.2"
"""Debian 12's. It is checked here, since pip sees only the Python that it runs in."""
HEADER = """\
# A known-good set of versions: AURA with every extra, resolved together. Written by tools/write_constraints.py.
# Use: pip install -c constraints.txt -e ".[offline]"
"""


def main() -> None:
    """Resolve, and write the file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = ",".join(project["optional-dependencies"])
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    done = subprocess.run(
        [*command, f"{ROOT}[{extras}]", f"{ROOT / 'evals'}[bench]", *KEPT], check=True, stdout=subprocess.PIPE
    )
    parts = _resolved(done.stdout)
    if refusing := [part["metadata"]["name"] for part in parts if not _takes_oldest_python(part["metadata"])]:
        sys.exit(f"these do not take Python {OLDEST_PYTHON}; bound them in KEPT: {', '.join(refusing)}")
    found = {_canonical(part["metadata"]["name"]): part["metadata"]["version"] for part in parts}
    lines = [f"{name}=={version.partition('+')[0]}\n" for name, version in sorted(found.items())]
    TARGET.write_text(HEADER + "".join(lines), encoding="utf-8")
    print(f"{TARGET.name}: {len(lines)} versions")


def _resolved(report: bytes) -> list[dict[str, dict[str, str]]]:
    """What pip would install, without the local folders themselves."""
    return [part for part in json.loads(report)["install"] if "dir_info" not in part["download_info"]]


def _takes_oldest_python(metadata: dict[str, str]) -> bool:
    return OLDEST_PYTHON in SpecifierSet(metadata.get("requires_python", ""))


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


if __name__ == "__main__":
    main()
