"""`Idempotency-Key`: an upload that is sent again is answered as before, and is no second upload."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from server_support import Served, Tenant, bearer, client_of, new_tenant

from aura.identity import Role, Verb
from aura.usage.audit import Action
from aura_server import create_app


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def tenant(world: Served) -> Tenant:
    """One that these tests may fill."""
    return await new_tenant(world.aura, f"twice{uuid4().hex[:8]}")


def text_of(name: str) -> bytes:
    return f"# {name}\n\nThis is what {name} says, and {uuid4()} is what nothing else says.\n".encode()


async def upload(
    client: httpx.AsyncClient, credential: str, key: str | None, *files: tuple[str, bytes], **fields: str
) -> httpx.Response:
    headers = bearer(credential) | ({} if key is None else {"Idempotency-Key": key})
    parts = [("files", (name, content, "text/markdown")) for name, content in files]
    return await client.post("/documents/", files=parts, data=fields, headers=headers)


async def versions(client: httpx.AsyncClient, tenant: Tenant, document_id: str) -> int:
    found = await client.get(f"/documents/{document_id}/versions", headers=bearer(tenant.tokens[Role.ADMIN]))
    return len(found.json()["items"])


async def test_the_same_upload_is_answered_as_before_and_done_once(client: httpx.AsyncClient, tenant: Tenant) -> None:
    key, token = str(uuid4()), tenant.tokens[Role.ADMIN]
    files = (("plan.md", text_of("plan")), ("list.md", text_of("list")))
    first = await upload(client, token, key, *files)
    assert first.status_code == 202, first.text
    # A new upload since, which a second run of the first one would replace.
    await upload(client, token, None, ("plan.md", text_of("newer plan")))
    again = await upload(client, token, key, *files)
    assert (again.status_code, again.json()) == (202, first.json())
    assert await versions(client, tenant, first.json()["documents"][0]["id"]) == 2
    audited = await client.get("/admin/audit", params={"action": Action.DOCUMENT_ADDED}, headers=bearer(token))
    assert len(audited.json()["items"]) == 3


@pytest.mark.parametrize("change", ["content", "name", "collection", "visibility", "one file more", "order"])
async def test_another_upload_with_the_same_key_is_refused(
    client: httpx.AsyncClient, tenant: Tenant, change: str
) -> None:
    key, token = str(uuid4()), tenant.tokens[Role.ADMIN]
    one, two = ("one.md", text_of("one")), ("two.md", text_of("two"))
    assert (await upload(client, token, key, one, two)).status_code == 202
    others = {
        "content": ([one, ("two.md", text_of("two"))], {}),
        "name": ([one, ("three.md", two[1])], {}),
        "collection": ([one, two], {"collection": f"handbook {tenant.name}"}),
        "visibility": ([one, two], {"visibility": "private"}),
        "one file more": ([one, two, ("three.md", text_of("three"))], {}),
        "order": ([two, one], {}),
    }
    files, fields = others[change]
    refused = await upload(client, token, key, *files, **fields)
    assert refused.status_code == 409
    assert "another request" in refused.json()["detail"]


async def test_of_many_at_once_one_is_done(client: httpx.AsyncClient, tenant: Tenant) -> None:
    key, file = str(uuid4()), ("race.md", text_of("race"))
    answers = await asyncio.gather(*(upload(client, tenant.tokens[Role.ADMIN], key, file) for _ in range(6)))
    done = [answer for answer in answers if answer.status_code == 202]
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert done
    assert len({answer.text for answer in done}) == 1
    assert await versions(client, tenant, done[0].json()["documents"][0]["id"]) == 1
    assert not done[0].json()["documents"][0]["duplicate"]


async def test_an_upload_that_failed_may_be_sent_again_with_its_key(client: httpx.AsyncClient, tenant: Tenant) -> None:
    key, token, file = str(uuid4()), tenant.tokens[Role.ADMIN], ("again.md", text_of("again"))
    assert (await upload(client, token, key, file, collection="no such")).status_code == 404
    assert (await upload(client, token, key, file)).status_code == 202


async def test_a_key_is_its_caller_s_own(client: httpx.AsyncClient, tenant: Tenant, globex: Tenant) -> None:
    key, file = str(uuid4()), ("mine.md", text_of("mine"))
    mine = await upload(client, tenant.tokens[Role.ADMIN], key, file)
    colleague = await upload(client, tenant.tokens[Role.USER], key, file)
    program = await upload(client, tenant.keys[Role.ADMIN], key, ("other.md", text_of("other")))
    assert (mine.status_code, colleague.status_code, program.status_code) == (202, 202, 202)
    assert [each.json()["documents"][0]["duplicate"] for each in (mine, colleague, program)] == [False, True, False]
    # Another organisation: it is neither told of the first one nor given its answer.
    foreign = await client.post("/documents/", headers=bearer(globex.keys[Role.ADMIN]) | {"Idempotency-Key": key})
    assert foreign.status_code == 400


async def test_a_caller_that_may_not_upload_learns_nothing_by_a_key(
    client: httpx.AsyncClient, world: Served, tenant: Tenant
) -> None:
    admin = await world.aura.workspace(tenant.name, f"admin@{tenant.name}.test")
    _, reader = await admin.keys.create("reader", verbs=[Verb.READ])
    for _ in range(2):
        assert (await upload(client, reader, "the same key", ("a.md", text_of("a")))).status_code == 403


@pytest.mark.parametrize("key", ["", "x" * 256, "two\tparts\x7f"])
async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient, tenant: Tenant, key: str) -> None:
    refused = await upload(client, tenant.tokens[Role.ADMIN], key, ("a.md", text_of("a")))
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "Idempotency-Key")


async def test_a_repeated_upload_is_answered_by_any_replica(world: Served, tenant: Tenant) -> None:

    key, file = str(uuid4()), ("replica.md", text_of("replica"))
    async with client_of(world.app) as one, client_of(create_app(world.aura)) as other:
        first = await upload(one, tenant.tokens[Role.ADMIN], key, file)
        again = await upload(other, tenant.tokens[Role.ADMIN], key, file)
    assert first.json() == again.json()
