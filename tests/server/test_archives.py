"""An organisation leaves as one file and comes back as a new one; admins alone, and nothing stays on the server's disk."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from server_support import PASSWORD, QUESTION, Served, Tenant, bearer, client_of, new_tenant

from aura.identity import Role
from aura.tenants.values import PlanChanges, Tier
from aura.usage.audit import Action


async def exported(client: httpx.AsyncClient, tenant: Tenant) -> httpx.Response:
    answer = await client.get("/tenant/export", headers=bearer(tenant.tokens[Role.ADMIN]))
    assert answer.status_code == 200, answer.text
    return answer


def sent(archive: bytes, subdomain: str | None) -> dict[str, dict[str, object]]:
    """The parts of an upload."""
    return {"files": {"archive": ("a.zip", archive)}, "data": {} if subdomain is None else {"subdomain": subdomain}}


async def test_an_export_is_a_whole_archive_of_the_caller_s_organisation_alone(
    client: httpx.AsyncClient, acme: Tenant, globex: Tenant
) -> None:
    answer = await exported(client, acme)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{acme.name}.aura.zip"'
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    everything = b"".join(archive.read(name) for name in archive.namelist()).decode(errors="replace")
    assert acme.canary in everything
    assert acme.private_canary in everything
    assert globex.name not in everything


async def test_an_imported_organisation_answers_and_its_members_log_in(
    client: httpx.AsyncClient, acme: Tenant, globex: Tenant
) -> None:
    archive = (await exported(client, acme)).content
    name = f"again{uuid4().hex[:8]}"
    as_globex = bearer(globex.tokens[Role.ADMIN])
    made = await client.post("/tenant/import", **sent(archive, name), headers=as_globex)
    assert made.status_code == 201, made.text
    assert made.json()["subdomain"] == name
    assert UUID(made.json()["id"]) not in {acme.programs.organisation.id, globex.programs.organisation.id}
    login = {"email": f"admin@{acme.name}.test", "password": PASSWORD, "tenant_subdomain": name}
    token = (await client.post("/api/login", json=login)).json()["access_token"]
    answer = await client.post("/chat/", json={"message": QUESTION}, headers=bearer(token))
    assert "thirteen months" in answer.json()["response"]
    assert acme.canary in answer.json()["citations"][0]["quote"]
    theirs = await client.post("/chat/", json={"message": QUESTION}, headers=as_globex)
    assert acme.canary not in theirs.text


async def test_both_are_audited(client: httpx.AsyncClient, world: Served) -> None:
    tenant = await new_tenant(world.aura, f"moved{uuid4().hex[:8]}")
    archive = (await exported(client, tenant)).content
    admin = bearer(tenant.tokens[Role.ADMIN])
    made = await client.post("/tenant/import", **sent(archive, f"m{uuid4().hex[:8]}"), headers=admin)
    entries = (await client.get("/admin/audit", headers=admin)).json()["items"]
    acts = [(entry["action"], entry["target_id"]) for entry in entries]
    assert acts[:2] == [(Action.IMPORTED, made.json()["id"]), (Action.EXPORTED, "")]


async def test_an_archive_does_not_bring_a_plan_that_its_writer_chose(client: httpx.AsyncClient, world: Served) -> None:
    tenant = await new_tenant(world.aura, f"rich{uuid4().hex[:8]}")
    await world.aura.tenants.set_plan(
        tenant.programs.organisation.id, PlanChanges(subscription_tier=Tier.ENTERPRISE, max_users=9_999)
    )
    archive = (await exported(client, tenant)).content
    admin = bearer(tenant.tokens[Role.ADMIN])
    made = await client.post("/tenant/import", **sent(archive, f"poor{uuid4().hex[:8]}"), headers=admin)
    limits = {name: made.json()[name] for name in msgspec.structs.asdict(Tier.STANDARD.limits)}
    assert limits == msgspec.structs.asdict(Tier.STANDARD.limits)
    assert (made.json()["subscription_tier"], made.json()["expires_at"]) == ("standard", None)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.USER])
async def test_nobody_but_an_admin_exports_or_imports(client: httpx.AsyncClient, acme: Tenant, role: Role) -> None:
    member = bearer(acme.tokens[role])
    assert (await client.get("/tenant/export", headers=member)).status_code == 403
    assert (await client.post("/tenant/import", **sent(b"PK", None), headers=member)).status_code == 403


async def test_a_key_that_is_limited_to_collections_takes_nothing_along_and_erases_nothing(
    client: httpx.AsyncClient, world: Served, acme: Tenant
) -> None:
    admin = await world.aura.workspace(acme.name, f"admin@{acme.name}.test")
    _, key = await admin.keys.create("limited", collections=[acme.collections["handbook"]])
    assert (await client.get("/tenant/export", headers=bearer(key))).status_code == 403
    gone = await client.delete("/tenant", params={"confirm": acme.name}, headers=bearer(key))
    assert gone.status_code == 403


async def test_what_is_no_archive_is_refused(client: httpx.AsyncClient, acme: Tenant) -> None:
    admin = bearer(acme.tokens[Role.ADMIN])
    for content in (b"", b"not a zip", b"PK\x03\x04 and then nothing"):
        refused = await client.post("/tenant/import", **sent(content, f"no{uuid4().hex[:8]}"), headers=admin)
        assert refused.status_code == 400, refused.text
        assert refused.headers["content-type"] == "application/problem+json"


async def test_a_taken_or_unusable_sub_domain_is_refused(client: httpx.AsyncClient, acme: Tenant) -> None:
    archive = (await exported(client, acme)).content
    admin = bearer(acme.tokens[Role.ADMIN])
    assert (await client.post("/tenant/import", **sent(archive, None), headers=admin)).status_code == 409
    unusable = await client.post("/tenant/import", **sent(archive, "-a b-"), headers=admin)
    assert (unusable.status_code, unusable.json()["errors"][0]["field"]) == (400, "subdomain")


async def test_nothing_stays_on_the_disk(
    client: httpx.AsyncClient, acme: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    archive = (await exported(client, acme)).content
    admin = bearer(acme.tokens[Role.ADMIN])
    made = await client.post("/tenant/import", **sent(archive, f"clean{uuid4().hex[:8]}"), headers=admin)
    assert made.status_code == 201
    await client.post("/tenant/import", **sent(archive[:-100], f"torn{uuid4().hex[:8]}"), headers=admin)
    assert os.listdir(tmp_path) == []


async def test_an_import_may_be_as_large_as_an_upload_and_no_larger(world: Served, acme: Tenant) -> None:
    most = world.aura.settings.max_upload_bytes
    headers = {**bearer(acme.tokens[Role.ADMIN]), "Content-Length": str(most + 1)}
    async with client_of(world.app) as client:
        assert (await client.post("/tenant/import", content=b"", headers=headers)).status_code == 413
