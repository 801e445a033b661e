"""The embedded server in awkward folders, and for other users of the machine."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from database_canaries import place

from aura.database import postmaster
from aura.database.embedded import EmbeddedServer
from aura.database.posix_user import server_user
from aura.errors import Unavailable

NOBODY = 65534

AS_NOBODY = """
import os, sys
from pathlib import Path

import alembic.command, psycopg, sqlalchemy.dialects.postgresql.psycopg
from aura.database.embedded import EmbeddedServer
from aura.database.tables import metadata
from aura.errors import Denied

os.setgroups([])
os.setgid(65534)
os.setuid(65534)
own, foreign = Path(sys.argv[1]), Path(sys.argv[2])
server = EmbeddedServer.start(own)
with psycopg.connect(server.url("aura_app")) as connection:
    print(connection.execute("SELECT current_user").fetchone()[0])
server.stop()
try:
    (foreign / "secrets.json").read_bytes()
except PermissionError:
    print("secrets are closed")
try:
    EmbeddedServer.start(foreign)
except Denied:
    print("the directory is denied")
(own / "secrets.json").chmod(0)
try:
    EmbeddedServer.start(own)
except Denied:
    print("the secrets are denied")
"""


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with place() as folder:
        yield folder


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; every other test shows an ordinary user here")


def socket_folder(server: EmbeddedServer) -> Path:
    return Path(str(psycopg.conninfo.conninfo_to_dict(server.url("aura_app"))["host"]))


@pytest.mark.parametrize(
    "name",
    ["spaces + ünïcødé 数据 🙂", 'o\'brien, "quoted"; $(touch pwned) `x` \\n %s'],
    ids=["unicode", "quotes"],
)
def test_a_data_directory_may_have_any_printable_name(tmp_path: Path, name: str) -> None:
    server = EmbeddedServer.start(tmp_path / name)
    try:
        with psycopg.connect(server.url("aura_app")) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("aura_app",)
    finally:
        server.stop()
    assert not list(tmp_path.rglob("pwned"))


def test_a_path_too_long_for_a_socket_gets_a_private_folder_and_keeps_its_address(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long-" * 40)
    server = EmbeddedServer.start(data_dir)
    address, folder = server.url("aura_app"), socket_folder(server)
    assert len(os.fsencode(folder / ".s.PGSQL.5432")) <= 103
    assert folder.stat().st_mode & 0o777 == 0o700
    password = psycopg.conninfo.conninfo_to_dict(address)["password"]
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(address.replace(f":{password}", ""))
    server.stop()
    assert not folder.exists()

    folder.mkdir()
    folder.chmod(0o777)  # somebody else prepared it
    with pytest.raises(Unavailable, match="private folder"):
        EmbeddedServer.start(data_dir)
    folder.rmdir()

    server = EmbeddedServer.start(data_dir)
    try:
        assert server.url("aura_app") == address
    finally:
        server.stop()


def test_the_data_directory_lets_nobody_else_look_in(tmp_path: Path) -> None:
    above = tmp_path / "private"
    above.mkdir(mode=0o700)
    EmbeddedServer.start(above / "data").stop()
    for folder in (above, above / "data", above / "data" / "postgres"):
        assert folder.stat().st_mode & (stat.S_IRWXG | stat.S_IROTH | stat.S_IWOTH) == 0


@pytest.mark.usefixtures("as_root")
def test_root_runs_the_server_as_a_user_that_can_not_log_in(tmp_path: Path) -> None:
    server = EmbeddedServer.start(tmp_path)
    pid = int((tmp_path / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    owner = Path(f"/proc/{pid}").stat().st_uid
    server.stop()
    assert owner != 0
    assert pwd.getpwuid(owner).pw_shell.endswith("nologin")


@pytest.mark.usefixtures("as_root")
def test_root_runs_the_server_of_another_users_directory_as_that_user(tmp_path: Path) -> None:
    os.chown(tmp_path, NOBODY, NOBODY)
    user = server_user(tmp_path)
    assert user is not None
    assert user.uid == NOBODY


@pytest.mark.usefixtures("as_root")
def test_an_ordinary_user_starts_a_server_and_gets_nothing_of_another_users(tmp_path: Path) -> None:
    own, foreign = tmp_path / "own", tmp_path / "foreign"
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/tmp") and folder.is_relative_to("/tmp"):
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    EmbeddedServer.start(foreign).stop()
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(own), str(foreign)],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": "/nonexistent", "PATH": os.environ["PATH"]},
    )
    expected = ["aura_app", "secrets are closed", "the directory is denied", "the secrets are denied"]
    assert done.stdout.splitlines() == expected, done.stderr


def test_the_wheel_brings_the_programs() -> None:
    assert {"postgres", "initdb", "pg_ctl", "pg_dump", "pg_restore"} <= {
        p.name for p in postmaster.programs().iterdir()
    }
