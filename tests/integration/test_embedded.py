"""The embedded server: who starts it, who attaches, who stops it, and what it survives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from database_canaries import place

from aura.database import migrations, postmaster
from aura.database.embedded import EmbeddedServer
from aura.database.lease import alone
from aura.errors import BackendError, Conflict, InvalidRequest, Unavailable

HOLD = """
import sys
from pathlib import Path
from aura.database.embedded import EmbeddedServer
server = EmbeddedServer.start(Path(sys.argv[1]))
print("ready", flush=True)
if sys.argv[2] == "leave":
    server.stop()
elif sys.argv[2] == "hold":
    sys.stdin.read()
    server.stop()
"""


@pytest.fixture
def hold() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Start another Python process that holds the server of a data directory until its standard input ends."""
    started: list[subprocess.Popen[str]] = []

    def start(data_dir: Path, mode: str = "hold") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(data_dir), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with place() as folder:
        yield folder


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A data directory of this module alone; a test that leaves a server running in it fails."""
    with place() as data_dir:
        EmbeddedServer.start(data_dir).stop()
        yield data_dir
        assert server_process(data_dir) is None


def ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=60) == 0


def server_process(data_dir: Path) -> psutil.Process | None:
    """The running postmaster of a data directory."""
    try:
        pid = int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        process = psutil.Process(pid)
        return process if process.name().startswith("postgres") and runs(process) else None
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None


def runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def answer(server: EmbeddedServer, role: str = "aura_app") -> str:
    with psycopg.connect(server.url(role)) as connection:
        row = connection.execute("SELECT current_user").fetchone()
        assert row is not None
        return row[0]


def test_the_last_one_that_leaves_stops_the_server_and_all_its_processes(home: Path) -> None:
    server = EmbeddedServer.start(home)
    process = server_process(home)
    assert process is not None
    family = [process, *process.children(recursive=True)]
    assert len(family) > 3
    server.stop()
    assert [one for one in family if runs(one)] == []


def test_a_server_is_left_only_once(home: Path) -> None:
    server = EmbeddedServer.start(home)
    server.stop()
    server.stop()
    assert server_process(home) is None


def test_each_role_gets_in_with_its_own_address(home: Path) -> None:
    server = EmbeddedServer.start(home)
    try:
        roles = ("aura_app", "aura_system", "aura_owner", "postgres")
        assert tuple(answer(server, role) for role in roles) == roles
    finally:
        server.stop()


@pytest.mark.parametrize("role", ["aura_app", "aura_system", "aura_owner", "postgres"])
def test_nobody_gets_in_without_the_password(home: Path, role: str) -> None:
    server = EmbeddedServer.start(home)
    try:
        address = server.url(role)
        password = psycopg.conninfo.conninfo_to_dict(address)["password"]
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(address.replace(f":{password}", ""))
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(address.replace(f":{password}", ":wrong"))
    finally:
        server.stop()


def test_every_line_of_the_access_rules_asks_for_a_password(home: Path) -> None:
    rules = [line.split() for line in (home / "postgres" / "pg_hba.conf").read_text().splitlines()]
    methods = {rule[-1] for rule in rules if rule and not rule[0].startswith("#")}
    assert methods == {"scram-sha-256"}


def test_the_server_listens_on_no_network(home: Path) -> None:
    server = EmbeddedServer.start(home)
    try:
        process = server_process(home)
        assert process is not None
        assert process.net_connections(kind="inet") == []
    finally:
        server.stop()


def test_what_users_write_is_not_in_the_log(home: Path) -> None:
    server = EmbeddedServer.start(home)
    try:
        with psycopg.connect(server.url("aura_app")) as connection:
            for statement in ("SELECT 'canary-in-a-statement' || 1/0", "SELECT 'canary-in-a-value'::uuid"):
                with pytest.raises(psycopg.Error):
                    connection.execute(statement)
                connection.rollback()
    finally:
        server.stop()
    assert "canary" not in (home / "postgres" / "log").read_text()


def test_the_server_outlives_its_killed_process_and_the_next_one_attaches(
    home: Path, hold: Callable[..., subprocess.Popen[str]]
) -> None:
    holder = hold(home)
    ready(holder)
    before = server_process(home)
    holder.kill()
    holder.wait()
    server = EmbeddedServer.start(home)
    assert server_process(home) == before is not None
    assert answer(server) == "aura_app"
    server.stop()
    assert server_process(home) is None  # the killed process does not count as one that still uses it


def test_a_killed_server_starts_again_with_what_was_committed(home: Path) -> None:
    server = EmbeddedServer.start(home)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE TABLE public.survivor AS SELECT 42 AS answer")
    process = server_process(home)
    assert process is not None
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    again = EmbeddedServer.start(home)
    with psycopg.connect(again.url("postgres"), autocommit=True) as connection:
        assert connection.execute("SELECT answer FROM public.survivor").fetchone() == (42,)
        connection.execute("DROP TABLE public.survivor")
    again.stop()
    server.stop()
    assert server_process(home) is None


def test_a_process_brings_its_killed_server_back_under_the_same_address(home: Path) -> None:
    server = EmbeddedServer.start(home)
    address = server.url("aura_app")
    process = server_process(home)
    assert process is not None
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    server.ensure_running()
    try:
        assert server.url("aura_app") == address
        assert answer(server) == "aura_app"
    finally:
        server.stop()


def test_a_remembered_process_id_that_is_another_program_now_is_not_taken_for_the_server(home: Path) -> None:
    server = EmbeddedServer.start(home)
    process = server_process(home)
    assert process is not None
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        file = home / "postgres" / name
        file.write_text("\n".join([str(os.getpid()), *file.read_text().splitlines()[1:], ""]))
    server.ensure_running()
    try:
        assert answer(server) == "aura_app"
    finally:
        server.stop()


def test_a_second_process_attaches_and_the_first_leaving_does_not_stop_it(
    home: Path, hold: Callable[..., subprocess.Popen[str]]
) -> None:
    first, second = hold(home), hold(home)
    ready(first)
    ready(second)
    process = server_process(home)
    let_go(first)
    server = EmbeddedServer.start(home)
    assert server_process(home) == process is not None
    assert answer(server) == "aura_app"
    server.stop()
    assert server_process(home) == process
    let_go(second)
    assert server_process(home) is None


def test_two_servers_in_one_process_do_not_stop_each_other(home: Path) -> None:
    first, second = EmbeddedServer.start(home), EmbeddedServer.start(home)
    first.stop()
    assert answer(second) == "aura_app"
    second.stop()
    assert server_process(home) is None


def test_a_process_that_ends_without_leaving_stops_the_server(
    home: Path, hold: Callable[..., subprocess.Popen[str]]
) -> None:
    holder = hold(home, "forget")
    ready(holder)
    assert holder.wait(timeout=60) == 0
    assert server_process(home) is None


def test_a_forked_child_that_ends_does_not_stop_its_parents_server(home: Path) -> None:
    server = EmbeddedServer.start(home)
    try:
        child = os.fork()
        if child == 0:
            server.stop()
            os._exit(0)
        os.waitpid(child, 0)
        assert answer(server) == "aura_app"
    finally:
        server.stop()


def test_two_processes_may_be_the_first_at_once(tmp_path: Path, hold: Callable[..., subprocess.Popen[str]]) -> None:
    one, other = hold(tmp_path / "data"), hold(tmp_path / "data")
    ready(one)
    ready(other)
    let_go(one)
    let_go(other)
    assert server_process(tmp_path / "data") is None


def test_a_first_start_that_was_killed_half_way_is_done_again(
    tmp_path: Path, hold: Callable[..., subprocess.Popen[str]]
) -> None:
    holder = hold(tmp_path)
    while not list(tmp_path.glob(".postgres-*")):
        assert holder.poll() is None
    holder.kill()
    holder.wait()
    # What it had started goes on for a moment, and may write its folder anew behind the back of who removes it.
    marker = str(tmp_path / ".postgres-")
    orphans = [p for p in psutil.process_iter(["cmdline"]) if marker in " ".join(p.info["cmdline"] or ())]
    psutil.wait_procs(orphans, timeout=60)
    server = EmbeddedServer.start(tmp_path)
    try:
        assert answer(server) == "aura_app"
        assert list(tmp_path.glob(".postgres-*")) == []
    finally:
        server.stop()


def test_a_start_that_waits_for_another_too_long_says_so(tmp_path: Path) -> None:
    with (
        alone(tmp_path / "lock"),
        pytest.raises(Unavailable, match="another process"),
        alone(tmp_path / "lock", wait_seconds=0.1),
    ):
        pass


@pytest.mark.parametrize("version", ["17", "19", "", "\xff"])
def test_a_directory_of_another_postgresql_is_refused_with_the_way_out(tmp_path: Path, version: str) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text(version, encoding="latin-1")
    with pytest.raises(Conflict, match=r"made by PostgreSQL .*`aura db backup`.*`aura db restore`"):
        EmbeddedServer.start(tmp_path)


def test_a_directory_that_holds_something_else_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "thesis.txt").write_text("mine")
    with pytest.raises(Conflict, match="not empty"):
        EmbeddedServer.start(tmp_path)
    assert [path.name for path in (tmp_path / "postgres").iterdir()] == ["thesis.txt"]


def test_a_database_of_a_newer_aura_is_refused_and_its_server_does_not_stay(home: Path) -> None:
    server = EmbeddedServer.start(home)

    def stamp(old: str, new: str) -> None:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            done = connection.execute("UPDATE alembic_version SET version_num = %s WHERE version_num = %s", [new, old])
            assert done.rowcount == 1

    stamp(migrations.head(), "9999")
    server.stop()
    with pytest.raises(Conflict, match=r"'9999'.*newer"):
        EmbeddedServer.start(home)
    assert server_process(home) is None
    server = EmbeddedServer.start(home, migrate=False)
    stamp("9999", migrations.head())
    server.stop()


def test_the_secrets_are_readable_by_their_owner_alone(home: Path) -> None:
    secrets = home / "secrets.json"
    assert secrets.stat().st_mode & 0o777 == 0o600
    secrets.chmod(0o644)
    EmbeddedServer.start(home).stop()
    assert secrets.stat().st_mode & 0o777 == 0o600


def test_each_data_directory_has_secrets_of_its_own(home: Path, data_dir: Path, server: EmbeddedServer) -> None:
    mine, other = (set(json.loads((path / "secrets.json").read_text()).values()) for path in (home, data_dir))
    assert len(mine) == len(other) == 5
    assert mine.isdisjoint(other)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"superuser": "postgres"}'])
def test_damaged_secrets_are_reported_and_left_as_they_are(home: Path, damage: bytes) -> None:
    file = home / "secrets.json"
    kept = file.read_bytes()
    file.write_bytes(damage)
    try:
        with pytest.raises(BackendError, match="damaged"):
            EmbeddedServer.start(home)
        assert file.read_bytes() == damage
    finally:
        file.write_bytes(kept)


def test_missing_secrets_are_reported_and_not_made_up(home: Path) -> None:
    file = home / "secrets.json"
    kept = file.read_bytes()
    file.unlink()
    try:
        with pytest.raises(BackendError, match="missing"):
            EmbeddedServer.start(home)
        assert not file.exists()
    finally:
        file.write_bytes(kept)
        file.chmod(0o600)


def test_secrets_of_another_database_are_reported(home: Path) -> None:
    file = home / "secrets.json"
    kept = file.read_bytes()
    file.write_text(json.dumps(dict.fromkeys(json.loads(kept), "x" * 43)))
    try:
        with pytest.raises(BackendError, match="does not belong to the database beside it"):
            EmbeddedServer.start(home)
        assert server_process(home) is None
    finally:
        file.write_bytes(kept)


def test_a_server_that_can_not_start_names_its_log_and_the_way_around(home: Path) -> None:
    settings = home / "postgres" / "postgresql.conf"
    kept = settings.read_bytes()
    settings.write_bytes(kept + b"\nshared_buffers = 'nonsense'\n")
    try:
        with pytest.raises(Unavailable, match=r"log is .*postgres/log.*DATABASE_URL"):
            EmbeddedServer.start(home)
    finally:
        settings.write_bytes(kept)


def test_a_path_that_can_not_be_printed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="can not be printed"):
        EmbeddedServer.start(tmp_path / "two\nlines")


def test_a_file_in_place_of_the_data_directory_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(Unavailable, match="another AURA_DATA_DIR"):
        EmbeddedServer.start(tmp_path / "data")


def test_a_users_own_settings_of_postgresql_do_not_reach_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    assert not [name for name in postmaster.environment() if name.startswith("PG")]
