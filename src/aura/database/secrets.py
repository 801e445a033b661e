"""The embedded mode's generated secrets: one file, readable by its owner alone."""

from __future__ import annotations

import os
import secrets as random
from pathlib import Path
from typing import Annotated, Final

import msgspec

from aura.errors import BackendError, Denied

FILE: Final = "secrets.json"

Secret = Annotated[str, msgspec.Meta(min_length=32)]


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """Passwords of the embedded database's roles, and the key that encrypts providers' keys at rest."""

    superuser: Secret
    owner: Secret
    app: Secret
    system: Secret
    secret_key: Secret

    def __repr__(self) -> str:
        return "Secrets(...)"  # a traceback that shows local values must not show these


def load_or_create(path: Path) -> Secrets:
    """The secrets of a data directory; made on first use, and never printed.

    Raises:
        BackendError: the file is there but can not be read as what it should be.
        Denied: it belongs to another user.
    """
    if not path.exists():
        _create(path)
    return load(path)


def load(path: Path) -> Secrets:
    """The secrets in the file `path`, made private again where its mode has become too open.

    Raises:
        BackendError: it is missing or damaged.
        Denied: it belongs to another user.
    """
    try:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        return msgspec.json.decode(path.read_bytes(), type=Secrets)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise BackendError(f"{path} is damaged: {_way_out(path)}") from error
    except FileNotFoundError:
        raise BackendError(f"{path} is missing, and nothing opens its database without it: {_way_out(path)}") from None
    except PermissionError as error:
        raise Denied(
            f"{path} belongs to another user: run AURA as that user, or choose another AURA_DATA_DIR"
        ) from error


def _way_out(path: Path) -> str:
    return f"restore a backup (`aura db restore`) into a new AURA_DATA_DIR, or move {path.parent} away to start anew"


def _create(path: Path) -> None:
    made = Secrets(**{name: random.token_urlsafe(32) for name in Secrets.__struct_fields__})
    fresh = path.with_suffix(f".{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(msgspec.json.encode(made))
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(fresh, path)  # fails when another process was first: then its secrets count
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
