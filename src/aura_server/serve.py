"""One process that serves: the platform, the application, the worker beside it, and what to tell whoever started it."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import msgspec
import uvicorn
from litestar.types import ASGIApp

from aura.cli.output import Output
from aura.errors import Conflict, InvalidRequest, NotFound
from aura.jobs.supervisor import PROGRAM, worker_process
from aura.platform import Aura
from aura.settings import Settings
from aura.workspace import Workspace
from aura_server import logs
from aura_server.app import Options, create_app
from aura_server.connections import protocols
from aura_server.hardening import Limits

_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_GRACE_SECONDS: Final = 5
_LOGS: Final = "from aura_server import logs; logs.configure()"
"""What the worker beside a server runs first, so that its lines in the common log are JSON, too."""
_FIRST: Final = "first"
"""The sub-domain of the organisation that a fresh installation begins with."""


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """What `aura serve` was asked for."""

    host: str = "127.0.0.1"
    port: int = 8_000
    demo: bool = False
    worker: bool = True
    data_dir: Path | None = None


class FirstLogin(msgspec.Struct, frozen=True, kw_only=True):
    """A login that was just made, shown this once."""

    tenant_subdomain: str
    email: str
    password: str


def run(settings: Settings, serving: Serving, output: Output) -> int:
    """Serve until a signal; the exit code."""
    logs.configure()
    with _listening(serving) as listener, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(settings, serving, output, listener))


async def _serve(settings: Settings, serving: Serving, output: Output, listener: socket.socket) -> int:
    async with Aura.open(settings, recover=not serving.worker) as aura, _worker(serving):
        logins = await _first_logins(aura, serving)
        filling = asyncio.create_task(_fill_demo(aura)) if serving.demo else None
        server = uvicorn.Server(config_of(create_app(aura, options_of(settings, serving)), settings))
        output.result(*_announcement(listener, logins))
        # uvicorn raises the signal that ended it once more, which would end this process before its worker is stopped.
        signal.signal(signal.SIGTERM, _ignored)
        try:
            await server.serve(sockets=[listener])
        finally:
            if filling is not None:
                filling.cancel()
                await asyncio.gather(filling, return_exceptions=True)
    return 0


def _ignored(number: int, frame: object) -> None:
    """What SIGTERM does while the process ends already."""


def options_of(settings: Settings, serving: Serving) -> Options:
    """How a server with these settings shows itself."""
    hosts = _listed(settings.allowed_hosts)
    if not hosts:
        any_address = serving.host in ("0.0.0.0", "::")
        base = (settings.base_domain, f"*.{settings.base_domain}") if settings.base_domain else ()
        hosts = ("*",) if any_address and not base else (*_LOOPBACK, serving.host, *base)
    return Options(hosts=hosts, cors_origins=_listed(settings.cors_origins))


def _listed(value: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in value.split(",") if each.strip())


def config_of(app: ASGIApp, settings: Settings, limits: Limits | None = None) -> uvicorn.Config:
    """How uvicorn serves `app`: its connections within `limits`, as the application itself is."""
    http, socket_ = protocols(limits or Limits())
    proxies = list(_listed(settings.trusted_proxies))
    return uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType]
        http=http,
        ws=socket_,
        lifespan="on",
        access_log=False,  # the application's own has the request's id
        server_header=False,
        log_config=None,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ws_max_size=1024 * 1024,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
    )


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on this platform
        return None
    return uvloop.Loop


@contextmanager
def _listening(serving: Serving) -> Generator[socket.socket]:
    family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((serving.host, serving.port))
        except OSError as error:
            raise InvalidRequest(
                f"can not listen on {serving.host} port {serving.port}: {error.strerror}; choose another with --port"
            ) from None
        listener.listen(2048)
        yield listener
    finally:
        listener.close()


@asynccontextmanager
async def _worker(serving: Serving) -> AsyncGenerator[None]:
    if not serving.worker:
        yield
        return
    async with worker_process(data_dir=serving.data_dir, program=f"{_LOGS}; {PROGRAM}"):
        yield


# -- the first login ---------------------------------------------------------------------------------------------------


async def _first_logins(aura: Aura, serving: Serving) -> tuple[FirstLogin, ...]:
    """Logins for who has none yet: those of the demo, or an organisation to begin with on a fresh machine."""
    if serving.demo:
        return await _demo_logins(aura)
    if not aura.settings.embedded or (await aura.tenants.list(limit=1)).items:
        return ()
    password = secrets.token_urlsafe(15)
    email = f"admin@{_FIRST}.example"
    await aura.tenants.create(
        organization_name="My organisation", subdomain=_FIRST, admin_email=email, password=password
    )
    return (FirstLogin(tenant_subdomain=_FIRST, email=email, password=password),)


async def _demo_logins(aura: Aura) -> tuple[FirstLogin, ...]:
    """The demo organisations, made where they are not there, each with a new password for its admin."""
    from aura.demo import organisations

    logins: list[FirstLogin] = []
    for organisation in organisations():
        login = FirstLogin(
            tenant_subdomain=organisation.subdomain,
            email=organisation.admin_email,
            password=secrets.token_urlsafe(15),
        )
        try:
            workspace = await _demo_workspace(aura, organisation.subdomain, organisation.organization_name)
            admin = await workspace.users.by_email(login.email)
            await workspace.users.set_password(admin.id, login.password)
        except NotFound:
            await aura.tenants.create(
                organization_name=organisation.organization_name,
                subdomain=organisation.subdomain,
                admin_email=login.email,
                password=login.password,
            )
        logins.append(login)
    return tuple(logins)


async def _demo_workspace(aura: Aura, subdomain: str, name: str) -> Workspace:
    workspace = await aura.workspace(subdomain)
    if workspace.organisation.organization_name != name:
        raise Conflict(
            f"the organisation {subdomain!r} of this platform is not the demo's: serve the demo from a directory of"
            " its own, `aura serve --demo --data-dir DIR`"
        )
    return workspace


async def _fill_demo(aura: Aura) -> None:
    """Queue the demo's files for the worker, behind the first requests; what is there already is left alone."""
    from aura.demo import organisations

    for organisation in organisations():
        workspace = await aura.workspace(organisation.subdomain)
        for path in sorted(path for path in organisation.folder.iterdir() if path.is_file()):
            await workspace.documents.add(path, path.name)


def _announcement(
    listener: socket.socket, logins: tuple[FirstLogin, ...]
) -> tuple[dict[str, object], Callable[[], str]]:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else "localhost" if host in ("127.0.0.1", "0.0.0.0") else host
    url = f"http://{shown}:{port}"
    lines = [f"AURA serves at {url}", f"API: {url}/schema   Test page: {url}/test   Stop: Ctrl-C"]
    for login in logins:
        lines.append(f"Login: organisation {login.tenant_subdomain}, {login.email}, password {login.password}")
    return {"url": url, "logins": logins}, lambda: "\n".join(lines)
