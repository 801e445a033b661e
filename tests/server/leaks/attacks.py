"""Two organisations that have one of everything, and every request that can name a thing of somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
from asgi_support import ask
from litestar.types import ASGIApp
from server_support import INTERNAL_API_KEY, PASSWORD, QUESTION, Served, Tenant, bearer, new_tenant

from aura import Aura, Workspace
from aura.identity import ConversationId, Role
from aura.memory.deriving import Deriver
from aura.testing.speech import recording, tone
from aura.webhooks.values import Event
from aura_server.callers import TENANT_HEADER

Ids = dict[str, str]
"""The ids of what somebody has, by kind."""


@dataclass(frozen=True)
class Side:
    """One organisation. Its name is in all that it has, so whoever reads it elsewhere has found a leak."""

    tenant: Tenant
    shared: Ids
    """What the organisation has."""
    private: Ids
    """What its user has for itself."""

    @property
    def name(self) -> str:
        """The canary."""
        return self.tenant.name

    @property
    def callers(self) -> dict[str, dict[str, str]]:
        """The headers of everybody who belongs to it."""
        tokens = {f"{role}": bearer(token) for role, token in self.tenant.tokens.items()}
        keys = {f"key of {role}": bearer(key) for role, key in self.tenant.keys.items()}
        return {**tokens, **keys, "service": bearer(INTERNAL_API_KEY) | {TENANT_HEADER: self.name}}


async def new_side(world: Served, kind: str) -> Side:
    """An organisation that has one of everything, and a conversation of each of its members."""
    aura = world.aura
    tenant = await new_tenant(aura, f"{kind}{uuid4().hex[:8]}")
    admin = await aura.workspace(tenant.name, f"admin@{tenant.name}.test")
    user = await aura.workspace(tenant.name, f"user@{tenant.name}.test")
    assert admin.user is not None
    assert user.user is not None
    webhook = await _webhook(admin, tenant.name)
    (key, *_) = (await admin.keys.list()).items
    (own_key, *_) = (await user.keys.list()).items
    shared = {
        "document": str(tenant.documents["handbook"]),
        "collection": str(tenant.collections["handbook"]),
        "user": str(user.user.id),
        "key": str(key.id),
        "webhook": webhook,
        **await _talk(world.app, tenant, Role.ADMIN),
    }
    shared["fact"] = await _learned(admin, shared["conversation"])
    private = {
        "document": str(tenant.documents["memo"]),
        "key": str(own_key.id),
        **await _talk(world.app, tenant, Role.USER),
    }
    private["fact"] = await _learned(user, private["conversation"])
    return Side(tenant=tenant, shared=shared, private=private)


async def _webhook(admin: Workspace, name: str) -> str:
    from aura.webhooks.subscriptions import Webhooks

    parts = admin._parts
    local = Webhooks(
        parts.database, admin.scope, cipher=parts.cipher, clock=parts.clock, private_hosts=frozenset({"127.0.0.1"})
    )
    made, _ = await local.create(f"http://127.0.0.1:9/{name}", [Event.PING])
    return str(made.id)


async def _talk(app: ASGIApp, tenant: Tenant, role: Role) -> Ids:
    headers = bearer(tenant.tokens[role])
    question = f"{QUESTION} And what of {tenant.name}?"
    said = (await ask(app, "POST", "/chat/", headers=headers, json={"message": question})).json()
    await ask(app, "POST", "/chat/feedback", headers=headers, json={"message_id": said["message_id"], "rating": -1})
    stream = await ask(app, "POST", "/chat/stream", headers=headers, json={"message": question})
    response = stream.text.partition("id: ")[2].partition(":")[0]
    return {"conversation": said["session_id"], "message": said["message_id"], "response": str(UUID(response))}


async def _learned(member: Workspace, conversation: str) -> str:
    """Have the member say something, and a fact made of it; its id."""
    talk, parts = ConversationId(UUID(conversation)), member._parts
    await member.ask(f"My name is {member.organisation.subdomain}.", conversation=talk, search_knowledge=False)
    await Deriver(parts.database, parts.embedder, key=parts.memory_key).derive(member.scope.tenant_id, talk)
    (fact,) = (await member.memory.facts.list()).items
    return str(fact.id)


# -- requests ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attack:
    """A request that names one thing of `kind`."""

    kind: str
    method: str
    path: str
    request: Callable[[str], dict[str, Any]] = lambda id: {}
    reads: bool = False
    admins: bool = False
    """For admins of the organisation alone, who may do it to every member's things."""

    async def __call__(self, app: ASGIApp, headers: dict[str, str], id: str) -> httpx.Response:
        """What comes of it with `id`."""
        request = self.request(id)
        headers = {**request.pop("headers", {}), **headers}
        return await ask(app, self.method, self.path.format(id=id), headers=headers, **request)


def _json(**body: object) -> Callable[[str], dict[str, Any]]:
    return lambda id: {"json": {name: id if value is ... else value for name, value in body.items()}}


def _query(**query: object) -> Callable[[str], dict[str, Any]]:
    return lambda id: {"params": {name: id if value is ... else value for name, value in query.items()}}


def _file(id: str) -> dict[str, Any]:
    return {"files": {"files": ("a.md", b"# A\n\nText.\n")}, "data": {"collection": id}}


def _spoken(**fields: object) -> Callable[[str], dict[str, Any]]:
    return lambda id: {
        "files": {"audio": ("question.wav", recording(tone(0.6, level=4_000)))},
        "data": {name: id if value is ... else value for name, value in fields.items()},
    }


def _rpc(tool: str, **arguments: object) -> Callable[[str], dict[str, Any]]:
    def request(id: str) -> dict[str, Any]:
        named = {name: id if value is ... else value for name, value in arguments.items()}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": named}}
        return {"json": call, "headers": {"Accept": "application/json, text/event-stream"}}

    return request


def _v1(id: str) -> dict[str, Any]:
    return {"json": {"model": f"aura:{id}", "messages": [{"role": "user", "content": QUESTION}]}}


_ASK = {"message": QUESTION}

ATTACKS = {
    f"{attack.method} {attack.path} {n}": attack
    for n, attack in enumerate(
        (
            Attack("document", "GET", "/documents/{id}", reads=True),
            Attack("document", "GET", "/documents/{id}/content", reads=True),
            Attack("document", "GET", "/documents/{id}/text", reads=True),
            Attack("document", "GET", "/documents/{id}/text", _query(version=1), reads=True),
            Attack("document", "GET", "/documents/{id}/chunks", reads=True),
            Attack("document", "GET", "/documents/{id}/versions", reads=True),
            Attack("document", "PATCH", "/documents/{id}", _json(visibility="organization")),
            Attack("document", "PATCH", "/documents/{id}", _json(visibility="private")),
            Attack("document", "POST", "/documents/{id}/retry"),
            Attack("document", "POST", "/documents/{id}/cancel"),
            Attack("document", "DELETE", "/documents/{id}"),
            Attack("collection", "PATCH", "/collections/{id}", _json(name="taken over")),
            Attack("collection", "DELETE", "/collections/{id}", _query(documents=True)),
            Attack("collection", "GET", "/documents/", _query(collection=...), reads=True),
            Attack("collection", "GET", "/documents/search", _query(q=QUESTION, collection=...), reads=True),
            Attack("collection", "POST", "/documents/", _file),
            Attack("collection", "POST", "/chat/", _json(**_ASK, collection=...), reads=True),
            Attack("collection", "POST", "/chat/stream", _json(**_ASK, collection=...), reads=True),
            Attack("collection", "POST", "/voice/message", _spoken(collection=...), reads=True),
            Attack("collection", "POST", "/v1/chat/completions", _v1, reads=True),
            Attack("collection", "GET", "/v1/models/aura:{id}", reads=True),
            Attack("collection", "POST", "/mcp", _rpc("search", query=QUESTION, collection=...), reads=True),
            Attack("collection", "POST", "/mcp", _rpc("ask", question=QUESTION, collection=...), reads=True),
            Attack(
                "collection",
                "POST",
                "/tenant/keys",
                lambda id: {"json": {"name": "stronger", "scopes": {"collections": [id]}}},
            ),
            Attack("user", "GET", "/tenant/users/{id}", reads=True, admins=True),
            Attack("user", "PATCH", "/tenant/users/{id}", _json(role="admin"), admins=True),
            Attack("user", "DELETE", "/tenant/users/{id}", admins=True),
            Attack("user", "GET", "/chat/history/{id}", reads=True, admins=True),
            Attack("user", "GET", "/chat/context/{id}", reads=True, admins=True),
            Attack("user", "POST", "/chat/", _json(**_ASK, user_id=...), admins=True),
            Attack("user", "POST", "/chat/stream", _json(**_ASK, user_id=...), admins=True),
            Attack("user", "GET", "/admin/audit", _query(actor=...), reads=True, admins=True),
            Attack("key", "DELETE", "/tenant/keys/{id}", admins=True),
            Attack("key", "GET", "/tenant/keys", _query(cursor=...), reads=True, admins=True),
            Attack("webhook", "PATCH", "/tenant/webhooks/{id}", _json(is_active=False), admins=True),
            Attack("webhook", "DELETE", "/tenant/webhooks/{id}", admins=True),
            Attack("webhook", "POST", "/tenant/webhooks/{id}/ping", admins=True),
            Attack("webhook", "GET", "/tenant/webhooks/{id}/deliveries", reads=True, admins=True),
            Attack("conversation", "POST", "/chat/", _json(**_ASK, session_id=...)),
            Attack("conversation", "POST", "/chat/stream", _json(**_ASK, session_id=...)),
            Attack("conversation", "POST", "/voice/message", _spoken(session_id=...)),
            Attack("conversation", "PATCH", "/conversations/{id}", _json(title="mine now", pinned=True)),
            Attack("conversation", "DELETE", "/conversations/{id}"),
            Attack("conversation", "DELETE", "/conversations/{id}/messages/{id}"),
            Attack("message", "DELETE", f"/conversations/{UUID(int=1)}/messages/{{id}}"),
            Attack("conversation", "GET", "/conversations/{id}/export", reads=True),
            Attack("conversation", "GET", "/conversations/{id}/export", _query(format="html"), reads=True),
            Attack("fact", "PATCH", "/memory/facts/{id}", _json(text="mine now")),
            Attack("fact", "DELETE", "/memory/facts/{id}"),
            Attack("fact", "GET", "/memory/facts/{id}/why", reads=True),
            Attack("message", "POST", "/chat/feedback", _json(message_id=..., rating=-1, comment="mine now")),
            Attack("response", "POST", "/chat/stop", _json(response_id=...)),
            Attack(
                "response",
                "POST",
                "/chat/stream",
                lambda id: {"headers": {"Last-Event-ID": f"{id}:0"}},
                reads=True,
            ),
        )
    )
}

LISTS = {
    "/health": {},
    "/documents/": {},
    "/documents/search": {"q": QUESTION, "limit": 100},
    "/collections": {},
    "/chat/feedback": {"limit": 100},
    "/conversations/": {},
    "/conversations/search": {"q": QUESTION.split()[0]},
    "/memory/facts": {"status": "all"},
    "/memory/summary": {},
    "/memory/settings": {},
    "/memory/export": {},
    "/persona/": {},
    "/admin/dashboard": {},
    "/admin/costs": {"by": "user"},
    "/admin/audit": {},
    "/admin/health": {},
    "/admin/jobs": {},
    "/tenant": {},
    "/tenant/usage": {},
    "/tenant/users": {},
    "/tenant/keys": {},
    "/tenant/webhooks": {},
    "/tenant/budgets": {},
    "/tenant/provider-keys": {},
    "/tenant/export": {},
    "/v1/models": {},
    "/v1/models/aura": {},
    "/metrics": {},
}
"""Every route that shows something without being given an id, and its query."""


async def shown(app: ASGIApp, headers: dict[str, str]) -> dict[str, str]:
    """All that a caller can see without an id, by path, and what it is answered."""
    seen = {
        path: (await ask(app, "GET", path, params=query, headers=headers)).content.decode(errors="replace")
        for path, query in LISTS.items()
    }
    for path, body in (
        ("/chat/", _ASK),
        ("/chat/stream", _ASK),
        ("/v1/chat/completions", {"model": "aura", "messages": [{"role": "user", "content": QUESTION}]}),
    ):
        seen[path] = (await ask(app, "POST", path, json=body, headers=headers)).text
    seen["/voice/message"] = (await ask(app, "POST", "/voice/message", headers=headers, **_spoken()(""))).text
    call = _rpc("search", query=QUESTION, limit=100)("")
    seen["/mcp"] = (await ask(app, "POST", "/mcp", json=call["json"], headers=headers | call["headers"])).text
    return seen


_OWNED = ("users", "keys", "webhooks", "budgets", "provider-keys")


async def state(app: ASGIApp, side: Side) -> dict[str, object]:
    """All that an organisation has, as its members see it."""
    admin, user = bearer(side.tenant.tokens[Role.ADMIN]), bearer(side.tenant.tokens[Role.USER])
    paths = ("/documents/", "/collections", "/tenant", *(f"/tenant/{each}" for each in _OWNED))
    seen: dict[str, object] = {path: (await ask(app, "GET", path, headers=admin)).json() for path in paths}
    keys = seen["/tenant/keys"]
    for key in keys["items"]:  # pyright: ignore
        del key["last_used_at"]
    for name, headers, ids in (("admin", admin, side.shared), ("user", user, side.private)):
        seen[f"{name}'s document"] = (await ask(app, "GET", f"/documents/{ids['document']}/text", headers=headers)).text
        me = (await ask(app, "GET", "/tenant/users", headers=admin)).json()["items"]
        own = next(each["id"] for each in me if each["email"].startswith(name))
        seen[f"{name}'s persona"] = (await ask(app, "GET", "/persona/", headers=headers)).json()
        seen[f"{name}'s history"] = (await ask(app, "GET", f"/chat/history/{own}", headers=headers)).json()
    return seen


async def removed_later(aura: Aura, tenant: Tenant) -> tuple[Workspace, str, str]:
    """A member who is to be switched off: the workspace, a token and an API key."""
    email = f"leaver{uuid4().hex[:6]}@{tenant.name}.test"
    await tenant.programs.users.add(email=email, password=PASSWORD)
    member = await aura.workspace(tenant.name, email)
    assert member.user is not None
    login = await aura.access.open_session(member.organisation, member.user)
    return member, login.access_token, (await member.keys.create("leaver"))[1]
