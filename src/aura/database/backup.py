"""One file that holds a whole embedded platform: the database, the tenants' files and the secrets.

The archive is a ZIP of `manifest.json`, `database.dump` (pg_dump's custom format), `secrets.json` and `files/…`. It holds
the keys to everything in it: keep it as closed as the data directory, and restore none that you did not make.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Annotated, Final

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict

from aura.database import migrations, postmaster
from aura.database.embedded import DATABASE, EmbeddedServer
from aura.database.secrets import FILE as SECRETS
from aura.errors import BackendError, Conflict, InvalidRequest, NotFound, Unavailable
from aura.settings import Settings

FORMAT: Final = 1
FILES: Final = "files"
"""The folder of the tenants' files in a data directory."""

_MANIFEST = "manifest.json"
_DUMP = "database.dump"
_BLOCK_BYTES = 1 << 20
_MANIFEST_BYTES = 1 << 28


_DAMAGE = (zipfile.BadZipFile, zlib.error, msgspec.MsgspecError, KeyError, EOFError, ValueError, RuntimeError)
"""What reading an archive raises when it is cut off, flipped, encrypted or no archive at all."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the archive."""

    name: str
    size_bytes: Annotated[int, msgspec.Meta(ge=0)]
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive holds, and what made it."""

    format: int
    aura: str
    postgres: int
    revision: str
    created_at: datetime
    members: list[Member]

    @property
    def size_bytes(self) -> int:
        """The sum of the members, unpacked."""
        return sum(member.size_bytes for member in self.members)


def backup(settings: Settings, target: Path) -> Manifest:
    """Write the whole platform to the new file `target`, whole or not at all. Blocking; AURA may go on meanwhile.

    The database is dumped first, as of one moment. Files are added and deleted but never changed, so each document of
    that moment has its file in the archive, unless it was deleted during the backup.

    Raises:
        InvalidRequest: the database is not the embedded one; the message has the command that backs it up.
        Conflict: `target` is there already.
        Unavailable: the embedded server does not start.
    """
    _refuse_configured(settings, "back it up", 'pg_dump --format=custom --file=aura.dump "$ADMIN_DATABASE_URL"')
    if target.exists():
        raise Conflict(f"{target} is there already: choose another name for the backup")
    data_dir = settings.data_dir.expanduser().resolve()
    if not (data_dir / SECRETS).exists():
        raise NotFound(f"{data_dir} holds no platform to back up: check AURA_DATA_DIR")
    server = EmbeddedServer.start(data_dir, migrate=False)
    try:
        return _write_file(server, data_dir, target)
    except OSError as error:
        raise Unavailable(
            f"{target} can not be written ({error.strerror}): free some space, or choose another"
        ) from error
    finally:
        server.stop()


def restore(settings: Settings, source: Path) -> Manifest:
    """Bring the archive `source` back into the empty data directory of `settings`, whole or not at all. Blocking.

    Raises:
        InvalidRequest: the database is not the embedded one.
        NotFound: there is no file `source`.
        Conflict: the data directory is not empty, or a newer AURA made the archive.
        BackendError: the archive is damaged; nothing was changed.
    """
    _refuse_configured(settings, "restore it", 'pg_restore --exit-on-error --dbname="$ADMIN_DATABASE_URL" aura.dump')
    data_dir = settings.data_dir.expanduser().resolve()
    if data_dir.exists() and (not data_dir.is_dir() or any(data_dir.iterdir())):
        raise Conflict(f"{data_dir} is not empty: set AURA_DATA_DIR to a new folder, and restore into that")
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=data_dir, prefix=".restore-") as workshop:
        fresh = Path(workshop) / "data"
        fresh.mkdir(mode=0o700)
        manifest = _unpack(source, fresh)
        _restore_database(fresh)
        if [path.name for path in data_dir.iterdir()] != [Path(workshop).name]:
            raise Conflict(f"another process began to use {data_dir} meanwhile: set AURA_DATA_DIR to a new folder")
        # The secrets come last: without them nothing starts on a half-moved directory.
        for path in sorted(fresh.iterdir(), key=lambda path: path.name == SECRETS):
            path.rename(data_dir / path.name)
    return manifest


def _refuse_configured(settings: Settings, purpose: str, command: str) -> None:
    if not settings.embedded:
        raise InvalidRequest(
            f"DATABASE_URL is set: {purpose} with its own tools, as a role that row-level security does not hold (a"
            f" superuser, or one with BYPASSRLS): {command}; and copy {settings.data_dir / FILES}, and AURA_SECRET_KEY"
        )


def _write_file(server: EmbeddedServer, data_dir: Path, target: Path) -> Manifest:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")  # for its owner alone
    try:
        with open(descriptor, "wb") as out:
            manifest = _write(server, data_dir, out)
            out.flush()
            os.fsync(out.fileno())
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
    return manifest


def _write(server: EmbeddedServer, data_dir: Path, out: IO[bytes]) -> Manifest:
    revision = _revision(server)
    with zipfile.ZipFile(out, "w", allowZip64=True) as archive:
        members = [_dump(server, archive), _add(archive, SECRETS, data_dir / SECRETS, zipfile.ZIP_STORED)]
        for path in _files(data_dir / FILES):
            name = "/".join(path.relative_to(data_dir).parts)
            if not _is_ours(name):
                raise Conflict(f"{name!r} in {data_dir} is no file of AURA's: move it away, then back up again")
            members.append(_add(archive, name, path))
        manifest = Manifest(
            format=FORMAT,
            aura=version("aura"),
            postgres=postmaster.VERSION,
            revision=revision,
            created_at=datetime.now(UTC),
            members=members,
        )
        archive.writestr(_MANIFEST, msgspec.json.encode(manifest))
    return manifest


def _revision(server: EmbeddedServer) -> str:
    with psycopg.connect(server.url(postmaster.SUPERUSER)) as connection:
        if connection.execute("SELECT to_regclass('public.alembic_version')").fetchone() != (None,):
            row = connection.execute("SELECT version_num FROM public.alembic_version").fetchone()
            if row is not None:
                return str(row[0])
    raise Conflict("the database holds nothing to back up yet: start AURA once")


def _files(folder: Path) -> Iterator[Path]:
    """The regular files under `folder`, in order; a link is not AURA's, and is left out."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _add(archive: zipfile.ZipFile, name: str, path: Path, compression: int = zipfile.ZIP_DEFLATED) -> Member:
    with path.open("rb") as source:
        return _stream(archive, name, source, compression)


def _stream(archive: zipfile.ZipFile, name: str, source: IO[bytes], compression: int) -> Member:
    info = zipfile.ZipInfo(name, date_time=datetime.now(UTC).timetuple()[:6])
    info.compress_type = compression
    digest, size = hashlib.sha256(), 0
    with archive.open(info, "w", force_zip64=True) as member:
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
            member.write(block)
    return Member(name=name, size_bytes=size, sha256=digest.hexdigest())


def _dump(server: EmbeddedServer, archive: zipfile.ZipFile) -> Member:
    command = [server.programs / "pg_dump", "--format=custom", "--no-password"]
    with tempfile.TemporaryFile() as said, _program(server, command, said, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        member = _stream(archive, _DUMP, process.stdout, zipfile.ZIP_STORED)
        _require_success(process, said, "pg_dump")
    return member


def _restore_database(data_dir: Path) -> None:
    server = EmbeddedServer.start(data_dir, migrate=False)
    try:
        dump = data_dir / _DUMP
        command = [server.programs / "pg_restore", "--single-transaction", "--exit-on-error", "--no-password"]
        command += [f"--dbname={DATABASE}", str(dump)]
        with tempfile.TemporaryFile() as said, _program(server, command, said) as process:
            _require_success(process, said, "pg_restore")
        dump.unlink()
        with psycopg.connect(server.url(postmaster.SUPERUSER), autocommit=True) as connection:
            connection.execute("ANALYZE")
    finally:
        server.stop()
    EmbeddedServer.start(data_dir).stop()  # an older archive is brought to this version


def _program(
    server: EmbeddedServer, command: list[str | Path], said: IO[bytes], *, stdout: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    address = conninfo_to_dict(server.url(postmaster.SUPERUSER))
    connection = {
        "PGHOST": address["host"],
        "PGPORT": address["port"],
        "PGUSER": address["user"],
        "PGPASSWORD": address["password"],
        "PGDATABASE": address["dbname"],
    }
    environment = postmaster.environment() | {name: str(value) for name, value in connection.items()}
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=said, env=environment)


def _require_success(process: subprocess.Popen[bytes], said: IO[bytes], program: str) -> None:
    if process.wait() != 0:
        said.seek(0)
        reason = said.read()[-500:].decode(errors="replace").strip()
        raise BackendError(f"{program} failed with code {process.returncode}: {reason}")


def _unpack(source: Path, folder: Path) -> Manifest:
    """Write the members of the archive into `folder`, each checked against the manifest."""
    try:
        with zipfile.ZipFile(source) as archive:
            manifest = _manifest(archive, source)
            for member in manifest.members:
                _extract(archive, member, folder)
            return manifest
    except FileNotFoundError:
        raise NotFound(f"there is no backup {source}") from None
    except IsADirectoryError:
        raise InvalidRequest(f"{source} is a folder, not a backup") from None
    except _DAMAGE as error:
        raise _damaged(source) from error


def _manifest(archive: zipfile.ZipFile, source: Path) -> Manifest:
    with archive.open(_MANIFEST) as member:
        encoded = member.read(_MANIFEST_BYTES)
    stamp = msgspec.json.decode(encoded, type=_Stamp)
    if stamp.format > FORMAT or not migrations.knows(stamp.revision):
        raise Conflict(
            f"{source} was written by AURA {stamp.aura!r}, which is newer than this one: restore it with that version"
        )
    manifest = msgspec.json.decode(encoded, type=Manifest)
    names = [member.name for member in manifest.members]
    unlisted = {info.filename for info in archive.infolist()} - {*names, _MANIFEST}
    complete = {_DUMP, SECRETS} <= set(names)
    if len(set(names)) != len(names) or unlisted or not complete or not all(map(_is_ours, names)):
        raise _damaged(source)
    return manifest


class _Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """What of a manifest must be readable in every format."""

    format: int
    aura: str
    revision: str


def _is_ours(name: str) -> bool:
    """Whether a member may be written: one of the known names, or a file strictly inside the folder of files."""
    parts = name.split("/")
    plain = all(part not in ("", ".", "..") and part.isprintable() and "\\" not in part for part in parts)
    return name in (_DUMP, SECRETS) or (plain and len(parts) > 1 and parts[0] == FILES)


def _extract(archive: zipfile.ZipFile, member: Member, folder: Path) -> None:
    target = folder.joinpath(*member.name.split("/"))
    for parent in reversed(target.relative_to(folder).parents):
        (folder / parent).mkdir(exist_ok=True, mode=0o700)
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as out, archive.open(member.name) as packed:
        while block := packed.read(_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
            if size > member.size_bytes:
                break
            out.write(block)
    if size != member.size_bytes or digest.hexdigest() != member.sha256:
        raise zipfile.BadZipFile(member.name)


def _damaged(source: Path) -> BackendError:
    return BackendError(f"{source} is not a whole backup of AURA: nothing was restored; use another backup")
