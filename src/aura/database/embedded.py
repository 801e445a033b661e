"""The database of a data directory, for who brings none: PostgreSQL from a wheel, its roles and its schema.

It listens on a socket file alone, and asks for passwords: on a shared machine no other user may walk in. The server
outlives a killed process; the next one attaches to it, and the last one that leaves stops it.
"""

from __future__ import annotations

import atexit
import os
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import create_engine, exc
from sqlalchemy.engine import URL

from aura.database import migrations, postmaster, security
from aura.database.lease import Lease, alone
from aura.database.secrets import FILE as SECRETS_FILE
from aura.database.secrets import Secrets, load, load_or_create
from aura.errors import BackendError, Denied, InvalidRequest, Unavailable

DATABASE: Final = "aura"
DIRECTORY: Final = "postgres"
_SECURED: Final = "aura_secured_2"
"""Marks a directory in which `security.open_database` was run. Counted up when that changes, so that it runs again."""


class EmbeddedServer:
    """A running server of one data directory, with the roles and the schema in place."""

    def __init__(self, directory: Path, secrets: Secrets, lease: Lease) -> None:
        self._directory = directory
        self._secrets = secrets
        self._lease: Lease | None = lease
        self._process = os.getpid()
        self._socket_folder = Path()

    @classmethod
    def start(cls, data_dir: Path, *, migrate: bool = True) -> EmbeddedServer:
        """Start the server of `data_dir`, or attach to the one that runs. Cost: about 2 s the first time, blocking.

        Args:
            data_dir: made when it is not there; readable by this user alone.
            migrate: bring the schema to this version of AURA.

        Raises:
            Conflict: the directory was made by another PostgreSQL or a newer AURA.
            Denied: it belongs to another user.
            BackendError: its secrets are missing or damaged.
            Unavailable: the server does not start; the message names its log.
        """
        directory = _prepared(data_dir) / DIRECTORY
        with alone(_lock(directory)):
            postmaster.refuse_other_version(directory)
            secrets = _secrets(directory)
            server = cls(directory, secrets, Lease(directory.with_suffix(".users")))
            try:
                server._bring_up(migrate=migrate)
            except BaseException:
                server._leave()
                raise
        atexit.register(server.stop)
        return server

    def url(self, role: str, *, database: str = DATABASE) -> str:
        """The address of the database for `role`."""
        passwords = {
            security.OWNER: self._secrets.owner,
            security.APP: self._secrets.app,
            security.SYSTEM: self._secrets.system,
            postmaster.SUPERUSER: self._secrets.superuser,
        }
        address = URL.create(
            "postgresql",
            username=role,
            password=passwords[role],
            database=database,
            query={"host": str(self._socket_folder), "port": str(postmaster.PORT)},
        ).render_as_string(hide_password=False)
        return address.replace("+", "%20")  # SQLAlchemy writes a space as "+", which libpq takes for itself

    @property
    def secret_key(self) -> str:
        """The key that encrypts providers' keys at rest."""
        return self._secrets.secret_key

    @property
    def programs(self) -> Path:
        """The folder of `pg_dump`, `pg_restore` and `psql`."""
        return postmaster.programs()

    def ensure_running(self) -> None:
        """Start the server again if it was killed under us. Blocking; the addresses stay as they are."""
        with alone(_lock(self._directory)):
            self._socket_folder = postmaster.start(self._directory)

    def stop(self) -> None:
        """Leave the server; it stops when nobody else, in this or another process, is on it."""
        if self._lease is None or os.getpid() != self._process:  # a forked child holds nothing of its own
            return
        atexit.unregister(self.stop)
        if self._directory.exists():
            with alone(_lock(self._directory)):
                self._leave()
        else:  # somebody deleted it; PostgreSQL notices by itself
            self._lease.give_up()

    def _leave(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None and lease.give_up():
            postmaster.stop(self._directory)

    def _bring_up(self, *, migrate: bool) -> None:
        if not (self._directory / "PG_VERSION").exists():
            postmaster.create(self._directory, password=self._secrets.superuser)
        self._socket_folder = postmaster.start(self._directory)
        self._create_database()
        if migrate:
            self._migrate()

    def _create_database(self) -> None:
        """Once per data directory: the roles, the database, who may do what. A crash in between starts it anew."""
        done = self._directory / _SECURED
        if done.exists():
            return
        with self._connect(postmaster.SUPERUSER) as connection:
            _create_roles(connection, self._secrets)
        with self._connect(DATABASE) as connection:
            for statement in security.open_database(DATABASE):
                connection.execute(statement.encode())
        done.touch()

    def _connect(self, database: str) -> psycopg.Connection:
        try:
            return psycopg.connect(self.url(postmaster.SUPERUSER, database=database), autocommit=True)
        except psycopg.OperationalError as error:
            raise _refused(self._directory, error) from error

    def _migrate(self) -> None:
        engine = create_engine(
            URL.create("postgresql+psycopg"), creator=lambda: psycopg.connect(self.url(security.OWNER))
        )
        try:
            with engine.connect() as connection, connection.begin():
                migrations.upgrade(connection)
        except exc.OperationalError as error:
            raise _refused(self._directory, error) from error
        finally:
            engine.dispose()


def _lock(directory: Path) -> Path:
    return directory.with_suffix(".lock")


def _prepared(data_dir: Path) -> Path:
    if not str(data_dir).isprintable():
        raise InvalidRequest("the path of AURA_DATA_DIR holds characters that can not be printed", field="data_dir")
    try:
        data_dir = data_dir.expanduser().resolve()
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        _lock(data_dir / DIRECTORY).touch(mode=0o600)
    except PermissionError as error:
        raise Denied(
            f"{data_dir} is not this user's to write: run AURA as its owner, or choose another AURA_DATA_DIR"
        ) from error
    except OSError as error:
        raise Unavailable(f"{data_dir} can not be used ({error.strerror}): choose another AURA_DATA_DIR") from error
    return data_dir


def _secrets(directory: Path) -> Secrets:
    """The secrets beside `directory`; new ones only for a new database, which has no use for any but its own."""
    path = directory.with_name(SECRETS_FILE)
    return load(path) if (directory / "PG_VERSION").exists() else load_or_create(path)


def _refused(directory: Path, error: Exception) -> BackendError | Unavailable:
    if "password authentication failed" in str(error):
        return BackendError(
            f"{directory.with_name(SECRETS_FILE)} does not belong to the database beside it: restore the two from one"
            " backup (`aura db restore`)"
        )
    return Unavailable(f"the embedded PostgreSQL of {directory} takes no connection: its log is {directory / 'log'}")


def _create_roles(connection: psycopg.Connection, secrets: Secrets) -> None:
    roles = {security.OWNER: secrets.owner, security.APP: secrets.app, security.SYSTEM: secrets.system}
    there = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
    for role, password in roles.items():
        verb = "ALTER" if role in there else "CREATE"
        connection.execute(
            sql.SQL(verb + " ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(password)
            )
        )
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
