"""Who may call what, as one table, and everybody who might try."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import jwt
import msgspec
from litestar.types import ASGIApp
from server_support import INTERNAL_API_KEY, PASSWORD, Served, Tenant, bearer, new_tenant

from aura import Aura
from aura.clock import SystemClock
from aura.identity import Role, Verb
from aura.tenants.organisations import Organisations
from aura.tenants.values import PlanChanges, UserChanges
from aura.testing.clock import FixedClock
from aura_server import create_app
from aura_server.app import Options
from aura_server.callers import TENANT_HEADER
from aura_server.web_app import CLIENT_ROUTES, ROOT_FILES, WebApp

BASE_DOMAIN = "aura.test"
NOBODY = UUID(int=0x4000_8000_0000_0000_0000)

# -- the table ---------------------------------------------------------------------------------------------------------


class Who(StrEnum):
    """Who is let in."""

    PUBLIC = "anybody"
    MEMBER = "every known caller, whatever a key may do"
    READ = "who may read"
    ASK = "who may ask"
    READ_OR_ASK = "who may read or ask"
    OWN_HISTORY = "who may read, for themselves"
    WRITE = "who may write"
    UPLOAD = "who may write, and upload documents"
    COLLECTIONS = "admins who may write"
    KEYS = "every member, and keys with the verb admin"
    SESSION = "members who are logged in"
    NO_KEY = "members and services, and no key"
    ADMIN = "admins"
    ANALYTICS = "who may view analytics"


@dataclass(frozen=True)
class Row:
    """One operation: who may call it, a request, and the status that it then has.

    Where the request names an id that nothing has, those who are let in get 404: nothing is changed then.
    """

    who: Who
    ok: int = 200
    request: Callable[[Place], dict[str, Any]] = lambda place: {}
    unknown: bool = False
    leave: bool = False
    """The answer has no end."""
    spends_session: bool = False
    differs: Mapping[str, int] = field(default_factory=dict)
    """The status of callers for whom it is another one, by name."""


def json(**body: object) -> Callable[[Place], dict[str, Any]]:
    return lambda place: {"json": body}


def params(**query: object) -> Callable[[Place], dict[str, Any]]:
    return lambda place: {"params": query}


def file(name: str, **fields: str) -> Callable[[Place], dict[str, Any]]:
    return lambda place: {"files": {name: ("note.md", f"# Note\n\n{uuid4()}\n".encode())}, "data": fields}


_LOGIN = json(email="nobody@nowhere.test")
_SIGNUP = json(organization_name="", subdomain="", admin_email="", password="")
_NO_MEMBER = {"the operator's service": 400, "it, by id": 400}
_RPC = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
_MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
_QUESTION = "What does the handbook say?"
_ALIAS = Row(Who.PUBLIC, 400, _SIGNUP)
_GONE = Row(Who.ADMIN, 404, unknown=True)

ROWS: dict[str, Row] = {
    "GET /": Row(Who.PUBLIC),
    **{f"GET /{each}{rest}": Row(Who.PUBLIC) for each in CLIENT_ROUTES for rest in ("", "/{rest}")},
    "GET /assets/{name}": Row(Who.PUBLIC, 404),
    **{f"GET /{each}": Row(Who.PUBLIC, 404 if WebApp().named(each) is None else 200) for each in ROOT_FILES},
    "GET /test": Row(Who.PUBLIC),
    "GET /schema": Row(Who.PUBLIC),
    "GET /schema/openapi.json": Row(Who.PUBLIC),
    "GET /schema/{path}": Row(Who.PUBLIC, 404),
    "GET /health": Row(Who.PUBLIC),
    "GET /metrics": Row(Who.PUBLIC),
    "POST /api/signup": _ALIAS,
    "POST /signup": _ALIAS,
    "POST /api/login": Row(Who.PUBLIC, 400, _LOGIN),
    "POST /login": Row(Who.PUBLIC, 400, _LOGIN),
    "POST /api/token/refresh": Row(Who.PUBLIC, 401, json(refresh_token="aura_rt_none")),
    "POST /api/logout": Row(Who.MEMBER, 204, spends_session=True),
    "POST /api/password": Row(Who.SESSION, 400, json(old_password=PASSWORD, new_password="short")),
    "POST /api/ticket": Row(Who.MEMBER, 201, differs=_NO_MEMBER),
    "POST /chat/": Row(Who.ASK, 200, json(message=_QUESTION)),
    "POST /chat/stream": Row(Who.ASK, 200, json(message=_QUESTION)),
    "POST /chat/stop": Row(Who.ASK, 404, json(response_id=str(NOBODY))),
    "POST /chat/feedback": Row(Who.ASK, 404, json(message_id=str(NOBODY), rating=1)),
    "GET /chat/feedback": Row(Who.ASK),
    "GET /chat/history/{user_id}": Row(Who.OWN_HISTORY),
    "GET /chat/context/{user_id}": Row(Who.OWN_HISTORY),
    "POST /documents/": Row(Who.UPLOAD, 202, file("files")),
    "GET /documents/": Row(Who.READ),
    "GET /documents/search": Row(Who.READ, 200, params(q="warranty")),
    "GET /documents/events": Row(Who.READ, leave=True),
    "GET /documents/{document_id}": Row(Who.READ),
    "PATCH /documents/{document_id}": Row(Who.WRITE, 404, json(visibility="private"), unknown=True),
    "GET /documents/{document_id}/content": Row(Who.READ),
    "GET /documents/{document_id}/text": Row(Who.READ),
    "GET /documents/{document_id}/chunks": Row(Who.READ),
    "GET /documents/{document_id}/versions": Row(Who.READ),
    "POST /documents/{document_id}/retry": Row(Who.WRITE, 404, unknown=True),
    "POST /documents/{document_id}/cancel": Row(Who.WRITE, 404, unknown=True),
    "DELETE /documents/{document_id}": Row(Who.WRITE, 404, unknown=True),
    "GET /collections": Row(Who.READ),
    "POST /collections": Row(Who.COLLECTIONS, 201, lambda place: {"json": {"name": f"about {uuid4()}"}}),
    "PATCH /collections/{collection_id}": Row(Who.COLLECTIONS, 404, json(name="another"), unknown=True),
    "DELETE /collections/{collection_id}": Row(Who.COLLECTIONS, 404, unknown=True),
    "GET /conversations/": Row(Who.READ),
    "GET /conversations/search": Row(Who.READ, 200, params(q="handbook")),
    "PATCH /conversations/{session_id}": Row(Who.WRITE, 404, json(pinned=True), unknown=True),
    "DELETE /conversations/{session_id}": Row(Who.WRITE, 404, unknown=True),
    "DELETE /conversations/{session_id}/messages/{message_id}": Row(Who.WRITE, 404, unknown=True),
    "GET /conversations/{session_id}/export": Row(Who.READ, 404, unknown=True),
    "GET /memory/facts": Row(Who.READ),
    "PATCH /memory/facts/{fact_id}": Row(Who.WRITE, 404, json(pinned=True), unknown=True),
    "DELETE /memory/facts/{fact_id}": Row(Who.WRITE, 404, unknown=True),
    "GET /memory/facts/{fact_id}/why": Row(Who.READ, 404, unknown=True),
    "GET /memory/summary": Row(Who.READ),
    "GET /memory/settings": Row(Who.READ),
    "PUT /memory/settings": Row(Who.WRITE, 400, json(time_zone="Nowhere/Atall")),
    "GET /memory/export": Row(Who.READ),
    "DELETE /memory/": Row(Who.WRITE),
    "GET /persona/": Row(Who.READ),
    "PUT /persona/": Row(Who.WRITE, 200, json(detail=-0.5), differs=_NO_MEMBER),
    "POST /persona/preview": Row(Who.ASK, 200, json(detail=1.0, message=_QUESTION)),
    "DELETE /persona/learned": Row(Who.WRITE, 200, differs=_NO_MEMBER),
    "GET /voice/status": Row(Who.MEMBER),
    "POST /voice/transcribe": Row(Who.ASK, 400, file("audio")),
    "POST /voice/synthesize": Row(Who.ASK, 400, lambda place: {"data": {"text": " "}}),
    "GET /voice/voices": Row(Who.ASK),
    "POST /voice/message": Row(Who.ASK, 400, file("audio")),
    "POST /v1/realtime/client_secrets": Row(Who.ASK, 200, json(), differs=_NO_MEMBER),
    "GET /admin/dashboard": Row(Who.ANALYTICS),
    "GET /admin/costs": Row(Who.ANALYTICS),
    "GET /admin/audit": Row(Who.ADMIN),
    "GET /admin/health": Row(Who.ADMIN),
    "GET /admin/jobs": Row(Who.ADMIN),
    "GET /tenant": Row(Who.MEMBER),
    "PATCH /tenant": Row(Who.ADMIN, 200, json()),
    "DELETE /tenant": Row(Who.ADMIN, 400, params(confirm="another")),
    "GET /tenant/usage": Row(Who.MEMBER),
    "GET /tenant/export": Row(Who.ADMIN),
    "POST /tenant/import": Row(Who.ADMIN, 400, file("archive", subdomain="never-made")),
    "GET /tenant/users": Row(Who.ADMIN),
    "POST /tenant/users": Row(Who.ADMIN, 400, json(email="no address", password=PASSWORD)),
    "GET /tenant/users/{user_id}": Row(Who.ADMIN),
    "PATCH /tenant/users/{user_id}": Row(Who.ADMIN, 404, json(name="Another"), unknown=True),
    "DELETE /tenant/users/{user_id}": _GONE,
    "GET /tenant/keys": Row(Who.KEYS),
    "POST /tenant/keys": Row(Who.NO_KEY, 201, json(name="a key"), differs=_NO_MEMBER),
    "DELETE /tenant/keys/{key_id}": Row(Who.KEYS, 404, unknown=True),
    "GET /tenant/budgets": Row(Who.ADMIN),
    "PUT /tenant/budgets": Row(Who.ADMIN, 400, json(subject="nobody", span="day", max_micro_usd=1)),
    "DELETE /tenant/budgets": Row(Who.ADMIN, 400, params(subject="nobody", span="day")),
    "GET /tenant/provider-keys": Row(Who.ADMIN),
    "PUT /tenant/provider-keys/{provider}": Row(Who.ADMIN, 400, json(key="")),
    "DELETE /tenant/provider-keys/{provider}": Row(Who.ADMIN, 404),
    "GET /tenant/webhooks": Row(Who.ADMIN),
    "POST /tenant/webhooks": Row(Who.ADMIN, 400, json(url="https://hooks.test/", events=[])),
    "PATCH /tenant/webhooks/{webhook_id}": Row(Who.ADMIN, 404, json(is_active=False), unknown=True),
    "DELETE /tenant/webhooks/{webhook_id}": _GONE,
    "POST /tenant/webhooks/{webhook_id}/ping": _GONE,
    "GET /tenant/webhooks/{webhook_id}/deliveries": _GONE,
    "POST /v1/chat/completions": Row(
        Who.ASK, 200, json(model="aura", messages=[{"role": "user", "content": _QUESTION}])
    ),
    "GET /v1/models": Row(Who.READ_OR_ASK),
    "GET /v1/models/{model_id}": Row(Who.READ_OR_ASK),
    "POST /v1/embeddings": Row(
        Who.READ_OR_ASK, 200, lambda place: {"json": {"model": place.embedding_model, "input": "a"}}
    ),
    "POST /mcp": Row(Who.MEMBER, 200, lambda place: {"json": _RPC, "headers": _MCP}),
}
"""Every operation. The sockets are in tests of their own."""

# -- everybody who might try -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Caller:
    """Somebody who calls. One without a role is refused, wherever a credential is asked for."""

    name: str
    headers: dict[str, str]
    role: Role | None = None
    verbs: frozenset[Verb] | None = None
    """Those of an API key."""
    user_id: UUID | None = None
    uploads: bool = True
    views_analytics: bool = False
    app: str = "now"

    def may(self, who: Who) -> bool:
        """Whether the table lets this caller in. It is the specification, written down a second time."""
        if who is Who.PUBLIC:
            return True
        if self.role is None:
            return False
        is_key, is_admin = self.verbs is not None, self.role is Role.ADMIN
        has = {verb: self.verbs is None or verb in self.verbs for verb in Verb}
        return {
            Who.MEMBER: True,
            Who.READ: has[Verb.READ],
            Who.ASK: has[Verb.ASK],
            Who.READ_OR_ASK: has[Verb.READ] or has[Verb.ASK],
            Who.OWN_HISTORY: has[Verb.READ] and self.user_id is not None,
            Who.WRITE: has[Verb.WRITE],
            Who.UPLOAD: has[Verb.WRITE] and (self.uploads or is_admin),
            Who.COLLECTIONS: is_admin and has[Verb.WRITE],
            Who.KEYS: has[Verb.ADMIN],
            Who.SESSION: not is_key and self.user_id is not None,
            Who.NO_KEY: not is_key,
            Who.ADMIN: is_admin and has[Verb.ADMIN],
            Who.ANALYTICS: has[Verb.ADMIN] and (is_admin or self.views_analytics),
        }[who]


@dataclass(frozen=True)
class Place:
    """The organisation that is called, who calls it, and the applications: as of now, and of an hour from now."""

    aura: Aura
    tenant: Tenant
    apps: dict[str, ASGIApp]
    callers: dict[str, Caller]
    ids: dict[str, object]
    embedding_model: str

    def path(self, template: str, row: Row, caller: Caller) -> str:
        """The path of a request."""
        ids = {**self.ids, **({"user_id": caller.user_id} if caller.user_id and "/chat/" in template else {})}
        if row.unknown:
            ids = dict.fromkeys(ids, NOBODY)
        return template.format(**ids)


async def new_place(world: Served) -> Place:
    """An organisation of its own, with everybody who might call it."""
    aura = _at(world.aura, SystemClock())
    tenant = await new_tenant(aura, f"grid{uuid4().hex[:8]}")
    later = _at(world.aura, FixedClock(SystemClock().now() + timedelta(hours=1)))
    options = Options(hosts=("*",))
    callers = [*_refused_anyway(tenant), *await _switched_off(aura, tenant, world), *await _let_in(aura, tenant)]
    assert len({caller.name for caller in callers}) == len(callers)
    admin = await aura.workspace(tenant.name, f"admin@{tenant.name}.test")
    ids = {
        "document_id": tenant.documents["handbook"],
        "collection_id": tenant.collections["handbook"],
        "user_id": admin.user.id if admin.user else None,
        "fact_id": NOBODY,
        "session_id": NOBODY,
        "message_id": NOBODY,
        "key_id": NOBODY,
        "webhook_id": NOBODY,
        "provider": "openai",
        "model_id": "aura",
        "path": "nothing",
        "rest": "nothing",
        "name": "nothing",
    }
    return Place(
        aura=aura,
        tenant=tenant,
        apps={"now": create_app(aura, options), "later": create_app(later, options)},
        callers={caller.name: caller for caller in callers},
        ids=ids,
        embedding_model=admin.embeddings.model,
    )


def _at(aura: Aura, clock: SystemClock | FixedClock) -> Aura:
    """The same platform at another time, and with a domain of its own."""
    settings = aura.settings.model_copy(update={"base_domain": BASE_DOMAIN})
    parts = msgspec.structs.replace(aura._parts, settings=settings, clock=clock)
    return Aura(parts, Organisations(parts.database, passwords=parts.passwords, clock=clock))


def _refused_anyway(tenant: Tenant) -> list[Caller]:
    """Whose credential is none, or not for here."""
    good, key = tenant.tokens[Role.ADMIN], tenant.keys[Role.ADMIN]
    head, body, signature = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False})
    elsewhere = {"Host": f"elsewhere.{BASE_DOMAIN}"}
    return [
        Caller("nobody", {}),
        Caller("an empty credential", {"Authorization": "Bearer "}),
        Caller("another scheme", {"Authorization": f"Basic {good}"}),
        Caller("a malformed token", bearer("not.a.token")),
        Caller("a token without its signature", bearer(f"{head}.{body}.")),
        Caller("a token of another secret", bearer(jwt.encode(claims, "another secret of 32 bytes or more", "HS256"))),
        Caller("a token of no algorithm", bearer(jwt.encode(claims, None, "none"))),
        Caller("a token with another's claims", bearer(f"{head}.{_promoted(claims)}.{signature}")),
        Caller("an expired token", bearer(good), app="later"),
        Caller("a token elsewhere", bearer(good) | elsewhere),
        Caller("a key elsewhere", bearer(key) | elsewhere),
        Caller("a key with another end", bearer(key[:-4] + ("aaaa" if key[-4:] != "aaaa" else "bbbb"))),
        Caller("a malformed key", bearer("aura_sk_nothing")),
        Caller("a wrong internal key", bearer("0" * 32) | {TENANT_HEADER: tenant.name}),
        Caller("the internal key for no tenant", bearer(INTERNAL_API_KEY)),
        Caller("the internal key for an unknown tenant", bearer(INTERNAL_API_KEY) | {TENANT_HEADER: str(NOBODY)}),
        Caller("a member's token as internal key", bearer(good) | {TENANT_HEADER: tenant.name}),
    ]


def _promoted(claims: dict[str, Any]) -> str:
    forged = jwt.encode({**claims, "user_id": str(NOBODY)}, "another secret of 32 bytes or more", "HS256")
    return forged.split(".")[1]


async def _switched_off(aura: Aura, tenant: Tenant, world: Served) -> list[Caller]:
    """Who was let in a moment ago."""
    members = tenant.programs.users
    credentials = {}
    for name in ("disabled", "deleted", "loggedout", "changed"):
        await members.add(email=f"{name}@{tenant.name}.test", password=PASSWORD)
        member = await aura.workspace(tenant.name, f"{name}@{tenant.name}.test")
        assert member.user is not None
        login = await aura.access.open_session(member.organisation, member.user)
        _, key = await member.keys.create(name)
        credentials[name] = (member, login.access_token, key)
    _, revoked = await (admin := await aura.workspace(tenant.name, f"admin@{tenant.name}.test")).keys.create("revoked")
    await admin.keys.revoke((await admin.keys.list(prefix=revoked)).items[0].id)
    _, short = await admin.keys.create("short", expires_at=aura.clock.now() + timedelta(minutes=1))
    refresh = (await aura.access.open_session(admin.organisation, admin.user)).refresh_token if admin.user else ""

    disabled, deleted = credentials["disabled"][0].user, credentials["deleted"][0].user
    await members.update(disabled.id, UserChanges(is_active=False))
    await tenant.programs.delete_user(deleted.id)
    await aura.access.logout(await aura.access.authenticate(credentials["loggedout"][1]))
    changed = await aura.access.authenticate(credentials["changed"][1])
    await aura.access.change_password(changed, PASSWORD, f"{PASSWORD} again")
    off, over = [await new_tenant(aura, f"{name}{uuid4().hex[:8]}") for name in ("off", "over")]
    await aura.tenants.set_plan(off.programs.organisation.id, PlanChanges(is_active=False))
    ended = PlanChanges(expires_at=aura.clock.now() - timedelta(seconds=1))
    await aura.tenants.set_plan(over.programs.organisation.id, ended)
    return [
        Caller("a disabled user", bearer(credentials["disabled"][1])),
        Caller("a disabled user's key", bearer(credentials["disabled"][2])),
        Caller("a deleted user", bearer(credentials["deleted"][1])),
        Caller("a deleted user's key", bearer(credentials["deleted"][2])),
        Caller("a logged-out session", bearer(credentials["loggedout"][1])),
        Caller("a session before the password changed", bearer(credentials["changed"][1])),
        Caller("a revoked key", bearer(revoked)),
        Caller("an expired key", bearer(short), app="later"),
        Caller("a refresh token", bearer(refresh)),
        Caller("an admin of a disabled tenant", bearer(off.tokens[Role.ADMIN])),
        Caller("a key of a disabled tenant", bearer(off.keys[Role.ADMIN])),
        Caller("the operator for a disabled tenant", bearer(INTERNAL_API_KEY) | {TENANT_HEADER: off.name}),
        Caller("an admin of an expired tenant", bearer(over.tokens[Role.ADMIN])),
        Caller("a key of an expired tenant", bearer(over.keys[Role.ADMIN])),
    ]


async def _let_in(aura: Aura, tenant: Tenant) -> list[Caller]:
    """Each role, with and without its permissions, and keys of each verb."""
    found: list[Caller] = []
    everything = frozenset(Verb)
    for role in (Role.ADMIN, Role.MANAGER, Role.USER):
        member = await aura.workspace(tenant.name, f"{role}@{tenant.name}.test")
        assert member.user is not None
        sees, own = role is not Role.USER, everything if role is Role.ADMIN else everything - {Verb.ADMIN}
        known: dict[str, Any] = {"role": role, "user_id": member.user.id, "views_analytics": sees}
        found.append(Caller(f"{role}", bearer(tenant.tokens[role]), **known))
        found.append(Caller(f"{role} at home", bearer(tenant.tokens[role]) | _home(tenant), **known))
        found.append(Caller(f"a key of {role}", bearer(tenant.keys[role]), verbs=own, **known))
        for verb in sorted(own):
            _, key = await member.keys.create(f"{verb}", verbs=[verb])
            found.append(Caller(f"{role}'s key to {verb}", bearer(key), verbs=frozenset({verb}), **known))
    changes = UserChanges(can_upload_documents=False, can_view_analytics=True)
    await tenant.programs.users.add(email=f"analyst@{tenant.name}.test", password=PASSWORD)
    analyst = (await tenant.programs.users.by_email(f"analyst@{tenant.name}.test")).id
    await tenant.programs.users.update(analyst, changes)
    workspace = await aura.workspace(tenant.name, analyst)
    assert workspace.user is not None
    token = (await aura.access.open_session(workspace.organisation, workspace.user)).access_token
    rights: dict[str, Any] = {"role": Role.USER, "user_id": analyst, "uploads": False, "views_analytics": True}
    found.append(Caller("an analyst who may not upload", bearer(token), **rights))
    service = bearer(INTERNAL_API_KEY)
    for name, of in (("the operator's service", tenant.name), ("it, by id", str(tenant.programs.organisation.id))):
        found.append(Caller(name, service | {TENANT_HEADER: of}, role=Role.ADMIN))
    return found


def _home(tenant: Tenant) -> dict[str, str]:
    return {"Host": f"{tenant.name}.{BASE_DOMAIN}"}
