"""The user that PostgreSQL runs as: this one, or, because it refuses to run as root, a system user of its own."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from aura.errors import Unavailable

NAME: Final = "aura-postgres"


class ServerUser(NamedTuple):
    """The user that the server runs as in place of root."""

    uid: int
    gid: int


def server_user(directory: Path) -> ServerUser | None:
    """The user for the server of `directory`: its owner, or a system user made on first use.

    None when this process is not root and needs no other.

    Raises:
        Unavailable: this system does not let root add a user.
    """
    if os.geteuid() != 0:
        return None
    owner = directory.stat().st_uid if directory.exists() else 0
    try:
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam(NAME)
    except KeyError:
        entry = _add(directory, owner)
    return ServerUser(entry.pw_uid, entry.pw_gid)


def give(path: Path, user: ServerUser | None) -> None:
    """Make `path` the server's own."""
    if user is not None:
        os.chown(path, user.uid, user.gid)


def let_through(path: Path, user: ServerUser | None) -> None:
    """Let the server's user pass through the folders above `path`, without letting it, or anyone, list them."""
    if user is None:
        return
    for folder in path.absolute().parents:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _add(directory: Path, owner: int) -> pwd.struct_passwd:
    if owner:
        raise Unavailable(
            f"{directory} belongs to the user {owner}, who is not on this system: `chown` it to one who is"
        )
    command = ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
    try:
        done = subprocess.run([*command, NAME], check=False, capture_output=True).returncode
    except OSError:
        done = -1
    try:
        return pwd.getpwnam(NAME)  # another process may have been first
    except KeyError:
        raise Unavailable(
            f"PostgreSQL does not run as root, and the user {NAME!r} can not be added here (`useradd`: {done}): run AURA"
            " as an ordinary user, or set DATABASE_URL"
        ) from None
