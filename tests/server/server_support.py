"""A platform that serves: two organisations with members of each role, API keys, and a canary in what each of them has."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import uvicorn
from litestar.types import ASGIApp

from aura import Aura, Workspace
from aura.documents.values import Stage
from aura.identity import CollectionId, DocumentId, Role

PASSWORD = "correct horse battery staple"
INTERNAL_API_KEY = "0f4c6a8e2b9d71355c1e8a7d3f60b294"
QUESTION = "How long does the warranty last?"


@dataclass(frozen=True)
class Tenant:
    """One organisation. `tokens` and `keys` are credentials of its member of each role; the canary is in its documents."""

    name: str
    programs: Workspace
    canary: str
    private_canary: str
    """In a document that only the organisation's `user` may see."""
    tokens: dict[Role, str] = field(default_factory=dict)
    keys: dict[Role, str] = field(default_factory=dict)
    documents: dict[str, DocumentId] = field(default_factory=dict)
    collections: dict[str, CollectionId] = field(default_factory=dict)


@dataclass(frozen=True)
class Served:
    """The platform, its application, and the two organisations, which no test changes."""

    aura: Aura
    app: ASGIApp
    acme: Tenant
    globex: Tenant


async def new_tenant(aura: Aura, name: str) -> Tenant:
    """An organisation with a member, a token and an API key of each role, and three documents."""
    programs = await aura.tenants.create(
        organization_name=f"{name} Limited", subdomain=name, admin_email=f"admin@{name}.test", password=PASSWORD
    )
    tenant = Tenant(name=name, programs=programs, canary=f"zy{name}org", private_canary=f"zy{name}user")
    for role in (Role.ADMIN, Role.MANAGER, Role.USER):
        if role is not Role.ADMIN:
            await programs.users.add(email=f"{role}@{name}.test", password=PASSWORD, role=role)
        member = await aura.workspace(name, f"{role}@{name}.test")
        assert member.user is not None
        tenant.tokens[role] = (await aura.access.open_session(member.organisation, member.user)).access_token
        _, tenant.keys[role] = await member.keys.create(f"{role} of {name}")
    await _furnish(aura, tenant)
    return tenant


async def _furnish(aura: Aura, tenant: Tenant) -> None:
    admin = await aura.workspace(tenant.name, f"admin@{tenant.name}.test")
    user = await aura.workspace(tenant.name, f"user@{tenant.name}.test")
    handbook = await admin.collections.create(f"handbook {tenant.name}")
    tenant.collections["handbook"] = handbook.id
    text = f"# Warranty\n\nThe warranty of {tenant.canary} lasts thirteen months.\n"
    tenant.documents["handbook"] = await add(admin, text, "handbook.md", collection=handbook.id)
    text = f"# Canteen\n\nThe canteen of {tenant.canary} opens at noon.\n"
    tenant.documents["canteen"] = await add(admin, text, "canteen.md")
    text = f"# Memo\n\nThe merger memo of {tenant.private_canary} says that the merger is in June.\n"
    tenant.documents["memo"] = await add(user, text, "memo.md", visibility="private")


async def add(workspace: Workspace, content: str, filename: str, **options: object) -> DocumentId:
    """The id of a document that is ready."""
    steps = workspace.documents.ingest(content.encode(), filename=filename, **options)  # pyright: ignore[reportArgumentType]
    last = [step async for step in steps][-1]
    assert last.stage is Stage.READY, last
    assert last.document_id is not None
    return last.document_id


def bearer(credential: str) -> dict[str, str]:
    """The header that shows `credential`."""
    return {"Authorization": f"Bearer {credential}"}


def client_of(app: ASGIApp, *, address: str = "127.0.0.1", **options: object) -> httpx.AsyncClient:
    """A client inside this process, which calls from `address`."""
    transport = httpx.ASGITransport(app, client=(address, 50_000), raise_app_exceptions=False)  # pyright: ignore[reportArgumentType]
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", **options)  # pyright: ignore[reportArgumentType]


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncGenerator[str]:
    """The address of `app` behind a real socket of this machine, in this event loop."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=1)  # pyright: ignore[reportArgumentType]
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with asyncio.timeout(60):
                while not server.started:  # noqa: ASYNC110  # uvicorn has a flag, and no event
                    await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
